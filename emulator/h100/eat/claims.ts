/**
 * The claims of NVIDIA's attestation tokens, as a table: what each is in which version of the claims, for GPUs and switches. The rows stand here by
 * topic; the order in a token is that of {@link inHashOrder}.
 *
 * Source: genuine tokens with claims 2.0 (GPU) and 3.0 (GPU and switch); NVIDIA's claims guide. Claims 2.0 of a switch are assumed to differ from
 * 3.0 as those of a GPU do. The identifiers of switches and GPUs are in no token at hand: NVIDIA's attestation SDK holds that the service gives the
 * same ones as itself, and Trustee finds protected PCIe by them. A genuine token with claims 2.0 about eight such GPUs has none.
 */
import type { ChainFinding, DeviceFindings, RimFinding } from './findings.ts';
import { inHashOrder } from './order.ts';

/** Versions of the claims. */
export const CLAIMS_VERSIONS = ['2.0', '3.0'] as const;
export type ClaimsVersion = (typeof CLAIMS_VERSIONS)[number];

/** What every token says of itself. Times are seconds since 1970. */
export interface TokenFrame {
  readonly iss: string;
  readonly nbf: number;
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
}

/** One claim. */
export interface ClaimRow {
  readonly name: string;
  readonly doc: string;
  /** The version that alone has it. */
  readonly only?: ClaimsVersion;
  /** Undefined where a device has no such claim. */
  value(findings: DeviceFindings, version: ClaimsVersion): unknown;
}

/** Identifiers as claims write them, in order; undefined where the report has none. */
function idTexts(ids: readonly Uint8Array[] = []): readonly string[] | undefined {
  return ids.length === 0 ? undefined : ids.map(idText).sort();
}

const idText = (id: Uint8Array): string => Buffer.from(id).toString('hex').toUpperCase();

const good = ({ status, ocsp }: ChainFinding): boolean => status === 'valid' && ocsp === 'good';

/** A chain in claims 3.0. */
function chainClaims({ status, ocsp, expires, revocationReason }: ChainFinding): Record<string, unknown> {
  return {
    'x-nvidia-cert-status': status,
    'x-nvidia-cert-ocsp-status': ocsp,
    'x-nvidia-cert-expiration-date': new Date(expires).toISOString().replace('.000Z', 'Z'),
    'x-nvidia-cert-revocation-reason': revocationReason ?? null,
  };
}

const MISSING: RimFinding = { fetched: false, schemaValidated: false, signatureVerified: false, versionMatch: false, measurementsAvailable: false, chain: { status: 'invalid', ocsp: 'unknown', expires: 0 } };

/** What is said of a manifest. @param prefix `x-nvidia-gpu-driver-rim` */
function rimRows(prefix: string, what: string, rim: (findings: DeviceFindings) => RimFinding): ClaimRow[] {
  return [
    { name: `${prefix}-fetched`, doc: `${what} is there`, value: (f) => rim(f).fetched },
    { name: `${prefix}-schema-validated`, doc: `${what} is in the form of a SWID tag`, value: (f) => rim(f).schemaValidated },
    { name: `${prefix}-signature-verified`, doc: `${what} is signed by its certificate`, value: (f) => rim(f).signatureVerified },
    { name: `${prefix}-measurements-available`, doc: `${what} speaks for measurements`, value: (f) => rim(f).measurementsAvailable },
    { name: `${prefix}-version-match`, doc: `${what} is of the version that the device reports`, only: '3.0', value: (f) => rim(f).versionMatch },
    { name: `${prefix}-cert-chain`, doc: `certificates of ${what}`, only: '3.0', value: (f) => chainClaims(rim(f).chain) },
    { name: `${prefix}-cert-validated`, doc: `certificates of ${what} are good`, only: '2.0', value: (f) => good(rim(f).chain) },
  ];
}

/** What is said of the report. */
function reportRows(device: 'gpu' | 'switch'): ClaimRow[] {
  const prefix = `x-nvidia-${device}-attestation-report`;
  return [
    { name: `x-nvidia-${device}-arch-check`, doc: 'the device is of the architecture that was asked for', value: (f) => f.archMatch },
    { name: `${prefix}-parsed`, doc: 'the report could be read', value: () => true },
    { name: `${prefix}-nonce-match`, doc: 'the report is for the nonce', value: () => true },
    { name: `${prefix}-signature-verified`, doc: 'the report is signed by the leaf of its chain', value: () => true },
    { name: `${prefix}-cert-chain`, doc: 'certificates of the device', only: '3.0', value: (f) => chainClaims(f.chain) },
    { name: `${prefix}-cert-chain-fwid-match`, doc: 'the firmware of the report is that of the leaf', only: '3.0', value: (f) => f.fwidMatch },
    { name: `${prefix}-cert-chain-validated`, doc: 'certificates of the device are good', only: '2.0', value: (f) => good(f.chain) },
  ];
}

const COMMON: readonly ClaimRow[] = [
  { name: 'ueid', doc: 'serial number of the leaf, in decimal', value: ({ serial }) => BigInt(`0x${Buffer.from(serial).toString('hex') || '0'}`).toString() },
  // The genuine tokens with claims 2.0 are a year younger than those with 3.0, and name the chip only.
  { name: 'hwmodel', doc: 'the chip, in claims 3.0 as the name of its boot ROM', value: ({ hardwareModel }, version) => (version === '2.0' ? (hardwareModel.split(' ')[0] ?? '') : hardwareModel) },
  { name: 'oemid', doc: "IANA number of the firmware's manufacturer; null for a switch", value: ({ firmwareManufacturerId }) => firmwareManufacturerId ?? null },
  { name: 'secboot', doc: 'it booted securely', value: ({ secureBoot }) => secureBoot },
  { name: 'dbgstat', doc: 'whether it can be debugged', value: ({ debug }) => (debug ? 'enabled' : 'disabled') },
  { name: 'measres', doc: 'whether its measurements are those of its manifests', value: ({ measurementsMatch }) => (measurementsMatch ? 'success' : 'fail') },
  { name: 'x-nvidia-attestation-warning', doc: 'said when a certificate on hold was let pass', value: ({ warning }) => warning ?? null },
];

/** Claims about a device, besides those of {@link TokenFrame} and the nonce. */
export const DEVICE_CLAIMS: Readonly<Record<'gpu' | 'switch', readonly ClaimRow[]>> = {
  gpu: [
    ...COMMON,
    { name: 'x-nvidia-gpu-driver-version', doc: 'version of the driver, as the device reports it', value: ({ driverVersion }) => driverVersion ?? '' },
    { name: 'x-nvidia-gpu-vbios-version', doc: 'version of the firmware in flash, as the device reports it', value: ({ vbiosVersion }) => vbiosVersion },
    { name: 'x-nvidia-gpu-switch-pdis', doc: 'identifiers of the switches that its links lead to', only: '3.0', value: ({ peers }) => idTexts(peers) },
    ...rimRows('x-nvidia-gpu-driver-rim', 'the manifest of the driver', ({ driverRim }) => driverRim ?? MISSING),
    ...rimRows('x-nvidia-gpu-vbios-rim', 'the manifest of the firmware', ({ vbiosRim }) => vbiosRim),
    // Behind the manifests: where two names fall together, the genuine tokens have that of the manifest first.
    ...reportRows('gpu'),
    { name: 'x-nvidia-gpu-vbios-index-no-conflict', doc: 'the two manifests speak for different measurements', value: ({ indexNoConflict }) => indexNoConflict },
  ],
  switch: [
    ...COMMON,
    ...reportRows('switch'),
    { name: 'x-nvidia-switch-bios-version', doc: 'version of the firmware, as the device reports it', value: ({ vbiosVersion }) => vbiosVersion },
    { name: 'x-nvidia-switch-pdi', doc: 'its identifier', only: '3.0', value: ({ pdi }) => pdi && idText(pdi) },
    { name: 'x-nvidia-switch-gpu-pdis', doc: 'identifiers of the GPUs that its ports lead to', only: '3.0', value: ({ peers }) => idTexts(peers) },
    ...rimRows('x-nvidia-switch-bios-rim', 'the manifest of the firmware', ({ vbiosRim }) => vbiosRim),
  ],
};

/** What each claim means, by its name. */
export const CLAIM_DOCS: Readonly<Record<string, string>> = {
  alg: 'how it is signed',
  kid: 'name of the key in the key set of the service',
  sub: 'what it is about',
  iss: 'the service',
  nbf: 'valid from (seconds since 1970)',
  exp: 'valid until (seconds since 1970)',
  iat: 'made at (seconds since 1970)',
  jti: 'id of the token',
  eat_nonce: 'what the client asked with',
  submods: 'digests of the tokens of the devices',
  'x-nvidia-ver': 'version of the claims',
  'x-nvidia-overall-att-result': 'the verdict on all devices',
  'x-nvidia-error-details': 'why there are no claims about the device',
  ...Object.fromEntries(Object.values(DEVICE_CLAIMS).flatMap((rows) => rows.map(({ name, doc }) => [name, doc]))),
};

/** The claims about one device. @param nonce in hexadecimal */
export function deviceClaims(device: 'gpu' | 'switch', version: ClaimsVersion, findings: DeviceFindings, frame: TokenFrame, nonce: string): Record<string, unknown> {
  const rows = DEVICE_CLAIMS[device].filter(({ only }) => only === undefined || only === version);
  const claims = rows.map(({ name, value }) => [name, value(findings, version)] as const).filter(([, value]) => value !== undefined);
  return inHashOrder({ ...frame, eat_nonce: nonce, ...Object.fromEntries(claims) });
}

/** Why there are no claims about a device, as the service says it. */
export interface ErrorDetails {
  readonly code: number;
  readonly fieldName: string;
  readonly httpStatus: string;
  readonly description: string;
  readonly message: string;
}

/** The claims of a token about a device whose evidence was refused. */
export function errorClaims({ iss, nbf, exp, iat, jti }: TokenFrame, { code, fieldName, httpStatus, description, message }: ErrorDetails): Record<string, unknown> {
  return { iss, nbf, exp, iat, jti, 'x-nvidia-error-details': { code, fieldName, httpStatus, description, message } };
}

/** The claims of the token over all devices. @param digests SHA-256 of each device's token in compact form, in hexadecimal, by the device's name */
export function overallClaims(version: ClaimsVersion, accepted: boolean, digests: Readonly<Record<string, string>>, frame: TokenFrame, nonce: string): Record<string, unknown> {
  const submods = inHashOrder(Object.fromEntries(Object.entries(digests).map(([name, digest]) => [name, ['DIGEST', ['SHA-256', digest]]])));
  return inHashOrder({ ...frame, sub: 'NVIDIA-PLATFORM-ATTESTATION', 'x-nvidia-ver': version, 'x-nvidia-overall-att-result': accepted, submods, eat_nonce: nonce });
}
