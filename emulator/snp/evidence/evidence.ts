/** SNP evidence: a machine is set up, a guest is launched on it from the synthetic firmware, and the guest asks for a report. */
import { type Bundle, makeBundle } from '../../bundle.ts';
import { setField } from '../../codec/path.ts';
import { ConfigError, firstIssue } from '../../errors.ts';
import type { CertificateSpec, IssuedCertificate } from '../../pki/issue.ts';
import type { CrlSpec } from '../../pki/revoke.ts';
import type { World } from '../../world.ts';
import { authorityOf, DEFAULT_CSP_ID, type Edit, type LeafChange } from '../authority.ts';
import { type CertificateTableEntry, encodeCertificateTable } from '../certificate-table.ts';
import { hardwareId, vcekKey, vlekKey } from '../platform/chip.ts';
import { describeLaunch, type LaunchDescription } from '../launch/description.ts';
import { SYNTHETIC_APPEND, syntheticFirmware, syntheticInitrd, syntheticKernel } from '../launch/firmware.ts';
import { signIdBlock } from '../launch/id-block.ts';
import { type LaunchConfig, launchPages, measureLaunch } from '../launch/measure.ts';
import { SNP_OPTIONS, type SnpOptions, type SnpOptionsInput } from './options.ts';
import { type Preset, presetNamed } from './presets.ts';
import { amdRsaLabels, LINE_TABLE, type Line, type Product, productNamed } from '../platform/products.ts';
import { type FirmwareRelease, releaseOf, usualVersion } from '../platform/releases.ts';
import { REPORT_VERSIONS, type ReportVersion, reportLayout, SIGNATURE, SIGNED_SIZE, type SnpReport, signReport } from '../report.ts';
import { platformOf } from '../secure-processor/platform.ts';
import { SecureProcessor } from '../secure-processor/secure-processor.ts';
import { componentAbove, TCB_COMPONENTS, type Tcb } from '../platform/tcb.ts';

/** Changes on the way from the machine to the bundle, to make evidence that the hardware or AMD would not make. */
export interface SnpEdits {
  /** The report, before it is signed. The certificates still follow the report as it was before. */
  readonly report?: Edit<SnpReport>;
  /** The VCEK or VLEK certificate, before it is signed. */
  readonly leaf?: Edit<CertificateSpec>;
  readonly intermediate?: Edit<CertificateSpec>;
  readonly ark?: Edit<CertificateSpec>;
  /** Label of the world's RSA key that signs the leaf in place of ASK or ASVK. */
  readonly leafSigner?: string;
  /** Label of the world's RSA key that signs ASK or ASVK in place of the ARK. */
  readonly intermediateSigner?: string;
  readonly crl?: Edit<CrlSpec>;
}

/** SNP evidence in parts. */
export interface SnpEvidence {
  readonly line: Line;
  readonly product: Product;
  readonly signer: 'vcek' | 'vlek';
  /** 1184 bytes. */
  readonly report: Uint8Array;
  /** VCEK or VLEK. */
  readonly leaf: IssuedCertificate;
  /** ASK or ASVK. */
  readonly intermediate: IssuedCertificate;
  readonly ark: IssuedCertificate;
  /** DER. */
  readonly crl: Uint8Array;
  /** The certificate table of an extended report. */
  readonly certificateTable: Uint8Array;
  readonly launch: LaunchDescription;
  readonly launchFiles: Readonly<Record<string, Uint8Array>>;
  readonly bundle: Bundle;
}

/** QEMU's name for the processor that a guest on each product sees. */
const VCPU_TYPE: Readonly<Record<Line, string>> = { Milan: 'EPYC-Milan-v2', Genoa: 'EPYC-Genoa-v1', Turin: 'EPYC-Turin' };

/** Labels of the RSA keys that a world needs for SNP evidence with these options. @throws {ConfigError} */
export function snpRsaLabels(input: SnpOptionsInput): string[] {
  const { product } = machine(checked(input));
  return amdRsaLabels([product.line]);
}

/**
 * Makes SNP evidence.
 * @throws {ConfigError} naming the option that cannot be
 * @throws {CodecError} for a field of `set` that does not exist or a value that does not fit
 */
export function snpEvidence(world: World, input: SnpOptionsInput = {}, edits: SnpEdits = {}): SnpEvidence {
  const options = checked(input);
  const { preset, product, version, release, signer } = machine(options);
  const { line } = product;
  const authority = authorityOf(world, line);
  if (options.cspId !== undefined && signer !== 'vlek') throw new ConfigError('cspId', 'stands in a VLEK; the signer is a VCEK');
  const cspId = options.cspId ?? DEFAULT_CSP_ID;
  const hwid = hardwareId(world, line, options.chip);
  const launch = launchOf(options, preset, line);
  const policy = options.policy === undefined ? preset.policy : BigInt(`0x${options.policy.replace(/^0x/, '')}`);
  const platform = platformOf(world, product, {
    ...release,
    // The firmware that launches the guest; where the machine was updated since, it is updated below.
    currentTcb: release.launchTcb,
    hwid,
    reportVersion: version,
    signer: signer === 'vcek' ? { kind: 'vcek' } : { kind: 'vlek', cspId },
    chipIdMasked: signer === preset.signer && preset.chipIdMasked,
  });
  const processor = new SecureProcessor(world, platform);
  const hostData = options.hostData ?? new Uint8Array(32);
  const guest = processor.launch({ policy, hostData, pages: launchPages(launch), ...idBlockOf(world, preset, launch, policy) });
  if (componentAbove(release.currentTcb, release.launchTcb)) processor.updateFirmware({ currentTcb: release.currentTcb, firmware: release.firmware });

  const sets = (options.set ?? []).map(splitSet);
  let asked: SnpReport | undefined;
  const attested = processor.attest(guest, { reportData: options.reportData ?? new Uint8Array(64), vmpl: options.vmpl ?? preset.vmpl }, (honest) => {
    asked = applySets(honest, version, sets);
    return edits.report ? edits.report(asked) : asked;
  });
  if (!asked) throw new RangeError('the firmware wrote no report');
  // Certificates follow what the report says: a report for another TCB or chip is an honest report of another machine.
  const leafTcb = plainTcb(asked.reportedTcb);
  const statedHwid = asked.chipId.slice(0, LINE_TABLE[line].hwidLength);
  const leafHwid = statedHwid.every((b) => b === 0) || Buffer.from(hwid).equals(statedHwid) ? hwid : statedHwid;
  // Reports of version 2 name no CPU; verifiers take the product and its stepping from the certificate instead.
  const productName = options.productName ?? (version === 2 ? LINE_TABLE[line].steppingName : undefined);
  const key = signer === 'vcek' ? vcekKey(world, line, leafHwid, leafTcb) : vlekKey(world, line, cspId, leafTcb);
  const leafChange: LeafChange = { ...(edits.leaf ? { edit: edits.leaf } : {}), ...(edits.leafSigner === undefined ? {} : { signedBy: world.rsaKey(edits.leafSigner) }) };
  const leaf = signer === 'vcek' ? authority.vcek(leafHwid, leafTcb, { ...(productName === undefined ? {} : { productName }), ...leafChange }) : authority.vlek(leafTcb, { cspId, ...leafChange });

  const same = leafHwid === hwid && TCB_COMPONENTS.every((c) => leafTcb[c] === platform.reportedTcb[c]);
  const report = applySignatureSets(same ? attested : signReport(attested, key), sets);
  const role = signer === 'vcek' ? 'ASK' : 'ASVK';
  const intermediateSigner = edits.intermediateSigner === undefined ? authority.key('ARK') : world.rsaKey(edits.intermediateSigner);
  const intermediate = edits.intermediate || edits.intermediateSigner ? authority.editedCertificate(role, edits.intermediate ?? ((spec) => spec), intermediateSigner) : authority.certificate(role);
  const ark = edits.ark ? authority.editedCertificate('ARK', edits.ark) : authority.certificate('ARK');
  const crl = authority.crl(edits.crl);
  const table: CertificateTableEntry[] = [
    { kind: signer === 'vcek' ? 'VCEK' : 'VLEK', contents: leaf.der },
    { kind: 'ASK', contents: intermediate.der },
    { kind: 'ARK', contents: ark.der },
  ];
  const certificateTable = encodeCertificateTable(table);
  const { description, files: launchFiles } = describeLaunch(launch);
  const parts = { line, product, signer, report, leaf, intermediate, ark, crl, certificateTable, launch: description, launchFiles };
  return { ...parts, bundle: bundleOf(world, parts, asked) };
}

function checked(input: SnpOptionsInput): SnpOptions {
  const parsed = SNP_OPTIONS.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new ConfigError(path || 'options', message);
}

interface Machine {
  readonly preset: Preset;
  readonly product: Product;
  readonly version: ReportVersion;
  readonly release: FirmwareRelease;
  readonly signer: 'vcek' | 'vlek';
}

/** The machine that the options name: the preset, and what they change of it. */
function machine(options: SnpOptions): Machine {
  const preset = presetNamed(options.preset ?? 'qemu');
  const product = productNamed(options.product ?? preset.product);
  const samePart = product.name === preset.product;
  const version = REPORT_VERSIONS.find((v) => v === options.reportVersion) ?? (samePart ? preset.reportVersion : undefined) ?? usualVersion(product);
  if (product.line === 'Turin' && version < 3) throw new ConfigError('reportVersion', `${product.name} has no reports of version ${version}; its firmware began with version 3`);
  // A preset's own firmware belongs to its own part, and is too new for reports of version 2.
  const own = samePart && version >= 3 ? preset.release : undefined;
  return { preset, product, version, release: { ...releaseOf(product, version), ...own }, signer: options.signer ?? preset.signer };
}

function launchOf(options: SnpOptions, preset: Preset, line: Line): LaunchConfig {
  const vmm = options.vmm ?? preset.vmm;
  const guestFeatures = options.guestFeatures === undefined ? undefined : BigInt(`0x${options.guestFeatures.replace(/^0x/, '')}`);
  return {
    ovmf: syntheticFirmware(),
    // Only QEMU boots a kernel that was measured beside the firmware.
    ...(vmm === 'qemu' ? { kernel: syntheticKernel(), initrd: syntheticInitrd(), append: options.append ?? SYNTHETIC_APPEND } : {}),
    vcpus: options.vcpus ?? preset.vcpus,
    vcpuType: options.vcpuType ?? VCPU_TYPE[line],
    vmm,
    ...(guestFeatures === undefined ? {} : { guestFeatures }),
  };
}

/** The ID block of a preset, over the launch that is about to be finished. */
function idBlockOf(world: World, { idBlock }: Preset, launch: LaunchConfig, policy: bigint): { idBlock?: Uint8Array; idAuth?: Uint8Array } {
  if (!idBlock) return {};
  const { owner, guestSvn, familyId, imageId } = idBlock;
  const block = { launchDigest: measureLaunch(launch).measurement, familyId: unhex(familyId), imageId: unhex(imageId), guestSvn, policy };
  return signIdBlock(block, world.ecKey(`snp/id-key/${owner}`, 'P-384'));
}

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

function plainTcb({ fmc, bootLoader, tee, snp, microcode }: SnpReport['reportedTcb']): Tcb {
  return { bootLoader, tee, snp, microcode, ...(fmc === undefined ? {} : { fmc }) };
}

function splitSet(text: string): readonly [path: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

const IN_SIGNATURE = 'signature.';

function applySets(report: SnpReport, version: ReportVersion, sets: readonly (readonly [string, string])[]): SnpReport {
  const layout = reportLayout(version, report.currentTcb.fmc !== undefined);
  return sets.filter(([path]) => !path.startsWith(IN_SIGNATURE)).reduce((values, [path, text]) => setField(layout, values as unknown as Record<string, unknown>, path, text) as unknown as SnpReport, report);
}

function applySignatureSets(report: Uint8Array, sets: readonly (readonly [string, string])[]): Uint8Array {
  const inSignature = sets.filter(([path]) => path.startsWith(IN_SIGNATURE));
  if (inSignature.length === 0) return report;
  const before = SIGNATURE.decode(report.subarray(SIGNED_SIZE), { reserved: 'keep' });
  const after = inSignature.reduce<Partial<typeof before>>((values, [path, text]) => setField(SIGNATURE, values, path.slice(IN_SIGNATURE.length), text), before);
  return Uint8Array.of(...report.subarray(0, SIGNED_SIZE), ...SIGNATURE.encode(after));
}

function bundleOf(world: World, parts: Omit<SnpEvidence, 'bundle'>, report: SnpReport): Bundle {
  const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
  const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s, 'utf8'));
  const { signer, leaf, intermediate, ark } = parts;
  const policy = new DataView(parts.report.buffer, parts.report.byteOffset).getBigUint64(reportLayout(3, false).locate('policy').at, true);
  return makeBundle(
    {
      tee: 'snp',
      product: parts.product.name,
      line: parts.line,
      reportVersion: report.version,
      signer,
      reportData: hex(report.reportData),
      hostData: hex(report.hostData),
      policy: `0x${policy.toString(16)}`,
      vmpl: report.vmpl,
      measurement: hex(report.measurement),
      chipId: hex(report.chipId),
      verifyAt: Math.floor(world.now() / 1000),
      services: {},
      launch: parts.launch,
    },
    new Map([
      ['report.bin', parts.report],
      ['ark.pem', text(ark.pem)],
      [signer === 'vcek' ? 'ask.pem' : 'asvk.pem', text(intermediate.pem)],
      [`${signer}.pem`, text(leaf.pem)],
      ['cert_chain.pem', text(intermediate.pem + ark.pem)],
      ['certs.bin', parts.certificateTable],
      ['crl.der', parts.crl],
      ...Object.entries(parts.launchFiles),
    ]),
  );
}
