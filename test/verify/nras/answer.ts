/** Answers of the attestation service for tests of who verifies them: a good one by default, and any edit of it, before or after it is signed. */
import { createPublicKey } from 'node:crypto';
import type { DeviceFindings } from '../../../emulator/h100/eat/findings.ts';
import { nvidiaAuthorityOf, type NrasKey } from '../../../emulator/h100/pki/authority.ts';
import { detachedEat, type EatChange } from '../../../emulator/services/nvidia/nras/tokens.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import type { NrasExpectations, PresentedNras } from '../../../harness/verify/index.ts';

/** When everything here happens. */
export const NOW = Date.UTC(2026, 5, 15, 12);
export const world = seededWorld('NRAS verifier tests', fixedClock(NOW));
export const authority = nvidiaAuthorityOf(world);
export const NONCE = new Uint8Array(32).fill(7);
export const ISSUER = 'https://nras.attestation.nvidia.com';

const CHAIN = { status: 'valid', ocsp: 'good', expires: NOW + 1e10 } as const;
const RIM = { fetched: true, schemaValidated: true, signatureVerified: true, versionMatch: true, measurementsAvailable: true, chain: CHAIN };
const FINDINGS: DeviceFindings = {
  hardwareModel: 'GH100 A01 GSP BROM',
  serial: Uint8Array.of(0x12, 0x34),
  driverVersion: '550.90.07',
  vbiosVersion: '96.00.9F.00.01',
  firmwareManufacturerId: '5703',
  archMatch: true,
  fwidMatch: true,
  chain: CHAIN,
  driverRim: RIM,
  vbiosRim: RIM,
  indexNoConflict: true,
  measurementsMatch: true,
  secureBoot: true,
  debug: false,
};

/** What is asked, and what the service finds. */
export interface Answer {
  readonly version?: '2.0' | '3.0';
  readonly device?: 'gpu' | 'switch';
  readonly count?: number;
  readonly findings?: Partial<DeviceFindings>;
  /** There are no findings about the devices. */
  readonly failure?: 'nonce-mismatch';
}

/** A key of the key set. */
export type Jwk = Readonly<Record<string, unknown>>;

/** What is changed of a good answer; nothing by default. */
export interface Edits extends EatChange {
  readonly keys?: (keys: readonly Jwk[]) => unknown;
  /** Last: the bytes as they are presented. */
  readonly presented?: (presented: PresentedNras) => Partial<PresentedNras>;
}

/** A key as the service publishes it. */
export function jwkOf({ kid, signer, chain }: NrasKey): Jwk {
  const { x, y } = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-384', kid, x5c: chain.map(({ der }) => Buffer.from(der).toString('base64')), x, y };
}

const json = (value: unknown): Uint8Array => new Uint8Array(Buffer.from(JSON.stringify(value)));

/** An answer and the key set, with edits. */
export function nrasAnswer({ version = '3.0', device = 'gpu', count = 1, findings = {}, failure }: Answer = {}, { keys = (list) => list, presented, ...change }: Edits = {}): PresentedNras {
  const { driverVersion: _, driverRim: __, firmwareManufacturerId: ___, ...ofSwitch } = FINDINGS;
  const found = { ...(device === 'gpu' ? FINDINGS : ofSwitch), ...findings };
  const accepted = found.measurementsMatch;
  const appraisals = Array.from({ length: count }, () =>
    failure ? ({ accepted: false, reason: failure, failure } as const) : accepted ? ({ accepted, findings: found } as const) : ({ accepted, reason: 'measurement-mismatch', findings: found } as const),
  );
  const response = json(detachedEat({ world, device, version, issuer: ISSUER, nonce: Buffer.from(NONCE).toString('hex'), appraisals, key: authority.nras() }, change));
  const parts = { response, keys: json({ keys: keys(authority.nrasKeys().map(jwkOf)) }) };
  return presented ? { ...parts, ...presented(parts) } : parts;
}

/** What a relying party wants besides the time. */
export type Wishes = Partial<NrasExpectations>;
