/** The emulated TDX module of one platform: it makes TDs, writes reports about them, and checks reports of its own platform. */
import type { World } from '../../world.ts';
import { type ModuleRelease, preservesTds } from './release.ts';
import { refusal } from './status.ts';
import { encodeTdReport, REPORT_MAC, REPORT_TYPE_TDX, sealTdReport, TCB_INFO_VALID, TD_REPORT_SIZE, type TdReport, tdReportMacHolds } from './tdreport.ts';
import { buildSteps, parseTdvf } from './tdvf.ts';
import { type TdLaunch, type TdParams, type TdReportEdit, TrustDomain } from './trust-domain.ts';

/** What module and quoting enclave know of the platform that they run on. */
export interface TdxHardware {
  /** Tells the platforms of a World apart: the same id has the same keys. */
  readonly id: string;
  /** SVNs of the CPU, 16 bytes. */
  readonly cpuSvn: Uint8Array;
}

/** The key with which a platform's CPU puts MACs on reports: 32 bytes that never leave it. */
export function reportMacKey(world: World, { id }: TdxHardware): Uint8Array {
  return world.derive(`intel/report-mac/${id}`, 32);
}

/** TEE_TCB_SVN of a module on a platform, 16 bytes. */
export function teeTcbSvn({ isvSvn, version, patchSvn }: ModuleRelease, { cpuSvn }: Pick<TdxHardware, 'cpuSvn'>): Uint8Array {
  return Uint8Array.of(isvSvn, version, patchSvn ?? cpuSvn[0] ?? 0, ...new Uint8Array(13));
}

/** Writes TEE_TCB_INFO of a platform: for the module that a TD was started with, and the one that runs now. */
function tcbInfo(hardware: TdxHardware, launched: ModuleRelease, running: ModuleRelease): TdReport['teeTcbInfo'] {
  const common = { teeTcbSvn: teeTcbSvn(launched, hardware), mrSeam: launched.mrSeam, mrSignerSeam: new Uint8Array(48), attributes: 0n };
  return preservesTds(running) ? { ...common, valid: TCB_INFO_VALID.tdx15, teeTcbSvn2: teeTcbSvn(running, hardware) } : { ...common, valid: TCB_INFO_VALID.tdx10 };
}

/** One platform's TDX module. */
export class TdxModule {
  readonly world: World;
  readonly hardware: TdxHardware;
  readonly #macKey: Uint8Array;
  #release: ModuleRelease;

  /** @throws {RangeError} for a CPUSVN that is not 16 bytes */
  constructor(world: World, hardware: TdxHardware, release: ModuleRelease) {
    if (hardware.cpuSvn.length !== 16) throw new RangeError(`CPUSVN is 16 bytes, not ${hardware.cpuSvn.length}`);
    this.world = world;
    this.hardware = hardware;
    this.#release = release;
    this.#macKey = reportMacKey(world, hardware);
  }

  /** The release that runs now. */
  get release(): ModuleRelease {
    return this.#release;
  }

  /**
   * TD-preserving update (TDH.SYS.UPDATE): another release runs from now on. TDs that are there go on; their reports name both releases.
   * @throws {FirmwareError} TDX_SYS_INVALID_HANDOFF for an older release, another generation, or TDX 1.0, which preserves nothing
   */
  update(release: ModuleRelease): void {
    const { version, isvSvn } = this.#release;
    if (!preservesTds(this.#release)) throw refusal('TDX_SYS_INVALID_HANDOFF', 'a module of TDX 1.0 is not updated under running TDs');
    if (release.version !== version || release.isvSvn < isvSvn) throw refusal('TDX_SYS_INVALID_HANDOFF', `release ${release.version}/${release.isvSvn} does not follow ${version}/${isvSvn}`);
    this.#release = release;
  }

  /** TDH.MNG.CREATE and TDH.MNG.INIT: a TD to be built. @throws {FirmwareError} TDX_OPERAND_INVALID for parameters that the module does not take */
  createTd(params: TdParams = {}): TrustDomain {
    const release = this.#release;
    return new TrustDomain(
      {
        uuid: this.world.random('intel/td-uuid', 32),
        release,
        report: (launched, { version, reportData, tdInfo }, edit) => this.#report(tcbInfo(this.hardware, launched, this.#release), version, reportData, tdInfo, edit),
      },
      params,
    );
  }

  /**
   * A whole build: create, every page of the firmware, virtual CPUs, finalise.
   * @param prepare what else to do before the TD is finalised: binding service TDs, adding pages
   * @throws {CodecError} for firmware that is no TDVF @throws {FirmwareError} as the single commands do
   */
  launch({ image, order, vcpus = 1, ...params }: TdLaunch, prepare: (td: TrustDomain) => void = () => undefined): TrustDomain {
    const td = this.createTd(params);
    for (const step of buildSteps(parseTdvf(image), order)) td.step(step);
    for (let i = 0; i < vcpus; i++) td.addVcpu();
    prepare(td);
    td.finalize();
    return td;
  }

  /**
   * TDG.MR.VERIFYREPORT: whether a report was made on this platform.
   * @param src a TDREPORT, or its REPORTMACSTRUCT of 256 bytes
   * @throws {FirmwareError} TDX_INVALID_CPUSVN for a report from another TCB, TDX_INVALID_REPORTMACSTRUCT for one that this platform did not make
   */
  verifyReport(src: Uint8Array): void {
    verifyReportMac(src, this.hardware, this.#macKey);
  }

  #report(teeTcbInfo: TdReport['teeTcbInfo'], version: number, reportData: Uint8Array, tdInfo: TdReport['tdInfo'], edit: TdReportEdit | undefined): Uint8Array {
    const none = new Uint8Array(48);
    const reportMac = { type: REPORT_TYPE_TDX, subtype: 0, version, cpuSvn: this.hardware.cpuSvn, teeTcbInfoHash: none, teeInfoHash: none, reportData, mac: new Uint8Array(32) };
    const report = { reportMac, teeTcbInfo, tdInfo };
    // A copy: an edit may change what it is handed, which must not reach the TD or the platform.
    return sealTdReport(encodeTdReport(edit ? edit(structuredClone(report)) : report), this.#macKey);
  }
}

const CPU_SVN = REPORT_MAC.locate('cpuSvn');

/**
 * What a CPU does with a report for EVERIFYREPORT2 and SEAMVERIFYREPORT. The hashes in it are the caller's to check.
 * @param src a TDREPORT, or its REPORTMACSTRUCT of 256 bytes @param key the platform's, 32 bytes
 * @throws {FirmwareError} TDX_INVALID_CPUSVN, TDX_INVALID_REPORTMACSTRUCT
 */
export function verifyReportMac(src: Uint8Array, { cpuSvn }: Pick<TdxHardware, 'cpuSvn'>, key: Uint8Array): void {
  if (src.length !== REPORT_MAC.size && src.length !== TD_REPORT_SIZE) throw refusal('TDX_INVALID_REPORTMACSTRUCT', `REPORTMACSTRUCT is ${REPORT_MAC.size} bytes, not ${src.length}`);
  if (Buffer.compare(src.subarray(CPU_SVN.at, CPU_SVN.at + CPU_SVN.size), cpuSvn) !== 0) throw refusal('TDX_INVALID_CPUSVN', 'the report was made with another TCB');
  if (!tdReportMacHolds(src, key)) throw refusal('TDX_INVALID_REPORTMACSTRUCT', 'the MAC is not of this platform');
}
