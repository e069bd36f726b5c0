/** SNP evidence for tests of the verifier: a good one by default, and any edit of it, before or after it is signed. */
import { LINE_TABLE, type Line, PRODUCTS } from '../../emulator/snp/platform/products.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { chipId, hardwareId, vcekKey, vlekKey } from '../../emulator/snp/platform/chip.ts';
import { encodeReport, type ReportVersion, signReport, type SnpReport } from '../../emulator/snp/report.ts';
import type { Tcb } from '../../emulator/snp/platform/tcb.ts';
import type { CertificateSpec, IssuedCertificate } from '../../emulator/pki/issue.ts';
import type { CrlSpec } from '../../emulator/pki/revoke.ts';
import type { EcSigner, RsaSigner } from '../../emulator/crypto/sign.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { type PresentedSnp, type SnpExpectations, SnpTrust } from '../../harness/verify/index.ts';

/** When everything here happens. */
export const NOW = Date.UTC(2026, 5, 15, 12);
export const world = seededWorld('verifier tests', fixedClock(NOW));
export const AUTHORITIES: Readonly<Record<Line, AmdAuthority>> = { Milan: new AmdAuthority(world, 'Milan'), Genoa: new AmdAuthority(world, 'Genoa'), Turin: new AmdAuthority(world, 'Turin') };
/** What a relying party wants besides the roots. */
export type Wishes = Omit<SnpExpectations, 'trust'>;

/** Which machine the evidence is of. */
export interface Machine {
  readonly line: Line;
  readonly version: ReportVersion;
  readonly signer: 'vcek' | 'vlek';
}
export const MILAN: Machine = { line: 'Milan', version: 3, signer: 'vcek' };

type Edit<T> = (value: T) => T;
/** What is changed of good evidence; nothing by default. */
export interface Edits {
  /** Before it is signed. The certificate does not follow. */
  readonly report?: Edit<SnpReport>;
  /** After it was signed. */
  readonly signed?: (report: Uint8Array) => void;
  readonly reportKey?: EcSigner;
  readonly leaf?: Edit<CertificateSpec>;
  readonly leafKey?: RsaSigner;
  readonly intermediate?: Edit<CertificateSpec>;
  readonly intermediateKey?: RsaSigner;
  readonly crl?: Edit<CrlSpec>;
  /** Last: the parts as they are presented. */
  readonly presented?: Edit<PresentedSnp>;
}

const TCBS: Readonly<Record<Line, Tcb>> = {
  Milan: { bootLoader: 4, tee: 1, snp: 0x18, microcode: 0xd5 },
  Genoa: { bootLoader: 10, tee: 2, snp: 0x1b, microcode: 0x54 },
  Turin: { fmc: 1, bootLoader: 2, tee: 3, snp: 4, microcode: 0x51 },
};

/** The TCB that the evidence of a line reports. */
export function reportedTcb(line: Line): Tcb {
  return TCBS[line];
}

/** A good report, not signed: every field that can be told apart holds something else. */
export function goodReport({ line, version, signer }: Machine): SnpReport {
  const current = { ...TCBS[line], microcode: TCBS[line].microcode + 2 };
  const cpuid = Object.values(PRODUCTS).find((product) => product.line === line)?.cpuid;
  const fill = (size: number, first: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (first + i) & 0xff);
  const firmware = { currentMajor: 1, currentMinor: 55, currentBuild: 40, committedMajor: 1, committedMinor: 55, committedBuild: 40 };
  return {
    version,
    guestSvn: 7,
    policy: { abiMinor: 31, abiMajor: 0, smt: 1, reserved17: 1, migrateMa: 0, debug: 0, singleSocket: 0, cxlAllow: 0, memAes256Xts: 0, raplDis: 0, ciphertextHidingDram: 0, pageSwapDisable: 0, reserved26: 0 },
    familyId: fill(16, 0x10),
    imageId: fill(16, 0x20),
    vmpl: 0,
    signatureAlgo: 1,
    currentTcb: current,
    platformInfo: { smtEn: 1, tsmeEn: 0, eccEn: 1, raplDis: 0, ciphertextHidingDramEn: 0, aliasCheckComplete: 1, reserved6: 0, tioEn: 0, reserved8: 0, reserved61: 0 },
    keyInfo: { authorKeyEn: 1, maskChipKey: 0, signingKey: signer === 'vcek' ? 0 : 1, reserved5: 0 },
    reportData: fill(64, 0x30),
    measurement: fill(48, 0x40),
    hostData: fill(32, 0x50),
    idKeyDigest: fill(48, 0x60),
    authorKeyDigest: fill(48, 0x70),
    reportId: fill(32, 0x80),
    reportIdMa: new Uint8Array(32).fill(0xff),
    reportedTcb: TCBS[line],
    chipId: chipId(hardwareId(world, line)),
    committedTcb: current,
    ...firmware,
    launchTcb: { ...TCBS[line], microcode: TCBS[line].microcode + 1 },
    signature: { r: new Uint8Array(72), s: new Uint8Array(72) },
    ...(version > 2 && cpuid ? { cpuidFamId: cpuid.family, cpuidModId: cpuid.model, cpuidStep: cpuid.stepping } : {}),
    ...(version > 4 ? { launchMitVector: 0x0bn, currentMitVector: 0x0fn } : {}),
  };
}

/** Leaves without edits: issuing one takes milliseconds, and most evidence has the same. */
const leaves = new Map<string, IssuedCertificate>();

/** Evidence of a machine, with edits. */
export function evidence(machine: Machine, edits: Edits = {}): PresentedSnp {
  const { line, version, signer } = machine;
  const authority = AUTHORITIES[line];
  const tcb = TCBS[line];
  const hwid = hardwareId(world, line);
  const key = signer === 'vcek' ? vcekKey(world, line, hwid, tcb) : vlekKey(world, line, 'CN=cc-us-east-2.amazonaws.com', tcb);
  const report = encodeReport((edits.report ?? ((r) => r))(goodReport(machine)));
  const signed = signReport(report, edits.reportKey ?? key);
  edits.signed?.(signed);
  const change = { ...(edits.leaf ? { edit: edits.leaf } : {}), ...(edits.leafKey ? { signedBy: edits.leafKey } : {}), ...(version === 2 ? { productName: LINE_TABLE[line].productName } : {}) };
  const id = `${line}/${signer}/${version === 2}`;
  const usual = !edits.leaf && !edits.leafKey;
  const leaf = (usual ? leaves.get(id) : undefined) ?? (signer === 'vcek' ? authority.vcek(hwid, tcb, change) : authority.vlek(tcb, change));
  if (usual) leaves.set(id, leaf);
  const role = signer === 'vcek' ? 'ASK' : 'ASVK';
  const intermediate = edits.intermediate || edits.intermediateKey ? authority.editedCertificate(role, edits.intermediate ?? ((spec) => spec), edits.intermediateKey) : authority.certificate(role);
  const chain = signer === 'vcek' ? { vcek: leaf.der.slice(), ask: intermediate.der } : { vlek: leaf.der.slice(), asvk: intermediate.der };
  const presented: PresentedSnp = { report: signed, ...chain, ark: authority.certificate('ARK').der, ...(edits.crl ? { crl: authority.crl(edits.crl) } : {}) };
  return edits.presented ? edits.presented(presented) : presented;
}

/** Trust in the ARKs of this world. */
export function worldTrust(keep = 0): SnpTrust {
  return new SnpTrust(
    Object.values(AUTHORITIES).map((authority) => authority.certificate('ARK').der),
    { keep },
  );
}
