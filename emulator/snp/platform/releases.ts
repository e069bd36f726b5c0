/**
 * What a platform's firmware writes into its reports, by product and report version: TCBs, firmware version, platform info, mitigations.
 * Each row is taken whole from a genuine report, or says what is assumed.
 */
import type { Product } from './products.ts';
import type { ReportVersion } from '../report.ts';
import type { Tcb } from './tcb.ts';

/** Version of the SEV firmware. */
export interface FirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** One state of a platform. */
export interface FirmwareRelease {
  readonly currentTcb: Tcb;
  readonly committedTcb: Tcb;
  readonly reportedTcb: Tcb;
  readonly launchTcb: Tcb;
  readonly firmware: FirmwareVersion;
  readonly platformInfo: bigint;
  /** Zero where the report version has no mitigation vectors. */
  readonly mitigationVector: bigint;
  /** The genuine report it is from, or what is assumed and why. */
  readonly source: string;
}

function release(tcb: Tcb, build: string, platformInfo: bigint, source: string, { reportedTcb = tcb, mitigationVector = 0n }: { reportedTcb?: Tcb; mitigationVector?: bigint } = {}): FirmwareRelease {
  const [major = 0, minor = 0, number = 0] = build.split('.').map(Number);
  return { currentTcb: tcb, committedTcb: tcb, launchTcb: tcb, reportedTcb, firmware: { major, minor, build: number }, platformInfo, mitigationVector, source };
}

const tcb = (bootLoader: number, tee: number, snp: number, microcode: number): Tcb => ({ bootLoader, tee, snp, microcode });
const TURIN_TCB: Tcb = { fmc: 1, bootLoader: 1, tee: 1, snp: 4, microcode: 0x51 };

const MILAN: Readonly<Record<ReportVersion, FirmwareRelease>> = {
  2: release(tcb(3, 0, 0x08, 0x73), '1.52.4', 0x01n, 'genuine Milan report, version 2, firmware 1.52.4'),
  3: release(tcb(4, 0, 0x18, 0xd5), '1.55.29', 0x25n, 'genuine Milan report, version 3, bare-metal QEMU host', { reportedTcb: tcb(4, 0, 0x17, 0xd5) }),
  4: release(tcb(4, 0, 0x19, 0xdb), '1.55.31', 0x25n, 'genuine Milan report, version 4, Google Compute Engine'),
  5: release(tcb(4, 0, 0x19, 0xdb), '1.55.31', 0x25n, 'assumed: the version 4 release with the mitigation vector of a genuine Genoa report; no genuine Milan report of version 5 is at hand', { mitigationVector: 0x0bn }),
};
const GENOA: Readonly<Record<ReportVersion, FirmwareRelease>> = {
  2: release(tcb(10, 0, 0x17, 0x54), '1.55.40', 0x27n, 'assumed: the version 3 release; no genuine Genoa report of version 2 is at hand'),
  3: release(tcb(10, 0, 0x17, 0x54), '1.55.40', 0x27n, 'genuine Genoa report, version 3'),
  4: release(tcb(10, 0, 0x17, 0x54), '1.55.40', 0x27n, 'assumed: the version 3 release; no genuine Genoa report of version 4 is at hand'),
  5: release(tcb(10, 0, 0x1b, 0x54), '1.55.49', 0x27n, 'assumed: firmware and mitigations of the genuine Zen 4c report of version 5, microcode and platform info of the genuine Genoa report', { mitigationVector: 0x0bn }),
};
const ZEN4C: Readonly<Record<ReportVersion, FirmwareRelease>> = {
  ...GENOA,
  5: release(tcb(10, 0, 0x1b, 0x1b), '1.55.49', 0x25n, 'genuine report of a Zen 4c part, version 5', { mitigationVector: 0x0bn }),
};
const TURIN: Readonly<Record<ReportVersion, FirmwareRelease>> = {
  2: release(TURIN_TCB, '1.55.65', 0x65n, 'does not exist: Turin began with version 3'),
  3: release(TURIN_TCB, '1.55.65', 0x65n, 'assumed: the version 5 release; no genuine Turin report of version 3 is at hand'),
  4: release(TURIN_TCB, '1.55.65', 0x65n, 'assumed: the version 5 release; no genuine Turin report of version 4 is at hand'),
  5: release(TURIN_TCB, '1.55.65', 0x65n, 'genuine Turin report, version 5', { mitigationVector: 0x3fn }),
};

const RELEASES: Readonly<Record<string, Readonly<Record<ReportVersion, FirmwareRelease>>>> = { milan: MILAN, genoa: GENOA, bergamo: ZEN4C, siena: ZEN4C, turin: TURIN };
/** The report version that a product's firmware writes unless told otherwise. */
const USUAL_VERSION: Readonly<Record<string, ReportVersion>> = { milan: 3, genoa: 3, bergamo: 5, siena: 5, turin: 5 };

/** The firmware of a product that writes reports of `version`. */
export function releaseOf(product: Product, version: ReportVersion): FirmwareRelease {
  const rows = RELEASES[product.name];
  if (!rows) throw new RangeError(`no releases for ${product.name}`);
  return rows[version];
}

/** The report version that a product writes unless told otherwise. */
export function usualVersion(product: Product): ReportVersion {
  return USUAL_VERSION[product.name] ?? 3;
}
