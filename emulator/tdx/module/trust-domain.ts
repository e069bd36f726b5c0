/** A TD: how the VMM builds it, what its guest extends, and the report about it. */
import { createHash } from 'node:crypto';
import type { FirmwareError } from '../../errors.ts';
import { attributesRefusal, bitFields, DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM, TD_ATTRIBUTE_FIELDS, XFAM_FIELDS, xfamRefusal } from './attributes.ts';
import { EXTEND_SIZE, MEASUREMENT_SIZE, MrTd, PAGE_SIZE } from './mrtd.ts';
import { type ModuleRelease, preservesTds } from './release.ts';
import { checkServiceTd, MAX_SERVICE_TDS, rebind, SERVTD_TYPE_MIGTD, type ServiceBinding, servTdHash, servTdInfoHash } from './service-td.ts';
import { refusal, type TdxStatusName } from './status.ts';
import { REPORT_VERSIONS, TD_INFO_15, TD_INFO_10, type TdReport } from './tdreport.ts';
import type { AddOrder, BuildStep } from './tdvf.ts';

/** What TDH.MNG.INIT is given: the parts of TD_PARAMS that show in reports. */
export interface TdParams {
  /** ATTRIBUTES, 64 bits; SEPT_VE_DISABLE unless given. */
  readonly attributes?: bigint | undefined;
  /** XFAM, 64 bits; AVX-512, protection keys and AMX unless given. */
  readonly xfam?: bigint | undefined;
  /** 1 to 65535; as many unless given. */
  readonly maxVcpus?: number | undefined;
  /** 48 bytes each; zero unless given. */
  readonly mrConfigId?: Uint8Array | undefined;
  readonly mrOwner?: Uint8Array | undefined;
  readonly mrOwnerConfig?: Uint8Array | undefined;
}

/** A whole build: {@link TdParams}, the firmware, and how the VMM adds it. */
export interface TdLaunch extends TdParams {
  /** A TDVF image. */
  readonly image: Uint8Array;
  readonly order?: AddOrder | undefined;
  /** Default 1. */
  readonly vcpus?: number | undefined;
}

/** How TDH.SERVTD.BIND binds. */
export interface ServiceTdOptions {
  /** 0, migration, is the only type that modules support. */
  readonly type?: number;
  /** SERVTD_ATTR, 64 bits; default 0: any instance with the same TDINFO. */
  readonly attributes?: bigint;
}

/** Changes a report before the CPU puts its MAC on it, to make one that no module would write. */
export type TdReportEdit = (report: TdReport) => TdReport;

/** INITIALIZED: being built; RUNNABLE: finalised; GONE: torn down. */
export type TdState = 'INITIALIZED' | 'RUNNABLE' | 'GONE';

/** What a TD asks of the module that runs it. */
export interface TdHost {
  /** Drawn once for each TD. */
  readonly uuid: Uint8Array;
  /** The module that the TD is started with. */
  readonly release: ModuleRelease;
  /** Hashes, MAC, and what the module says of the platform. @returns 1024 bytes */
  report(launched: ModuleRelease, parts: Pick<TdReport, 'tdInfo'> & { readonly version: number; readonly reportData: Uint8Array }, edit: TdReportEdit | undefined): Uint8Array;
}

/** Number of runtime measurement registers. */
export const RTMRS = 4;
const MAX_VCPUS = 0xffff;
/** Far more memory than any firmware starts with: 256 MiB. */
const MAX_PAGES = 1 << 16;
const ZERO = new Uint8Array(MEASUREMENT_SIZE);

/** One TD. Make it with `TdxModule.createTd`. */
export class TrustDomain {
  /** The module that it was started with: reports go on naming it after an update. */
  readonly release: ModuleRelease;
  readonly #host: TdHost;
  readonly #mrTd = new MrTd();
  readonly #fixed: Pick<TdReport['tdInfo'], 'attributes' | 'xfam' | 'mrConfigId' | 'mrOwner' | 'mrOwnerConfig'>;
  readonly #maxVcpus: number;
  readonly #rtmrs: Uint8Array[] = Array.from({ length: RTMRS }, () => ZERO);
  readonly #services: ServiceBinding[] = [];
  #state: TdState = 'INITIALIZED';
  #vcpus = 0;
  #pages = 0;
  #measurement: Uint8Array = ZERO;
  #servTdHash: Uint8Array = ZERO;

  /** @throws {FirmwareError} TDX_OPERAND_INVALID for parameters that the module does not take */
  constructor(host: TdHost, { attributes = DEFAULT_TD_ATTRIBUTES, xfam = DEFAULT_XFAM, maxVcpus = MAX_VCPUS, mrConfigId = ZERO, mrOwner = ZERO, mrOwnerConfig = ZERO }: TdParams = {}) {
    const badAttributes = attributesRefusal(attributes);
    if (badAttributes) throw refusal('TDX_OPERAND_INVALID', badAttributes, 'ATTRIBUTES');
    const badXfam = xfamRefusal(xfam);
    if (badXfam) throw refusal('TDX_OPERAND_INVALID', badXfam, 'XFAM');
    if (!Number.isInteger(maxVcpus) || maxVcpus < 1 || maxVcpus > MAX_VCPUS) throw refusal('TDX_OPERAND_INVALID', `there can't be ${maxVcpus} virtual CPUs`, 'MAX_VCPUS');
    for (const [name, value] of Object.entries({ mrConfigId, mrOwner, mrOwnerConfig }))
      if (value.length !== MEASUREMENT_SIZE) throw refusal('TDX_OPERAND_INVALID', `${name} is ${MEASUREMENT_SIZE} bytes, not ${value.length}`, 'RDX');
    this.release = host.release;
    this.#host = host;
    this.#maxVcpus = maxVcpus;
    this.#fixed = { attributes: bitFields(TD_ATTRIBUTE_FIELDS, attributes), xfam: bitFields(XFAM_FIELDS, xfam), mrConfigId: mrConfigId.slice(), mrOwner: mrOwner.slice(), mrOwnerConfig: mrOwnerConfig.slice() };
  }

  get state(): TdState {
    return this.#state;
  }

  /** MRTD, 48 bytes; zero before TDH.MR.FINALIZE. */
  get mrTd(): Uint8Array {
    return this.#measurement.slice();
  }

  /** The runtime measurement registers, 48 bytes each. */
  get rtmrs(): readonly Uint8Array[] {
    return this.#rtmrs.map((value) => value.slice());
  }

  /**
   * TDH.MEM.PAGE.ADD: a page that the TD starts with. Its address is measured, not its contents.
   * @param gpa a multiple of 4096, private @param contents 4096 bytes, which are copied; a page of zeros unless given
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID, TDX_EPT_ENTRY_STATE_INCORRECT for a page that is there already
   */
  addPage(gpa: bigint, contents?: Uint8Array): void {
    this.#require('INITIALIZED', 'TDH.MEM.PAGE.ADD');
    if (gpa < 0n || gpa >> 47n !== 0n || gpa % BigInt(PAGE_SIZE) !== 0n) throw refusal('TDX_OPERAND_INVALID', `0x${gpa.toString(16)} is no private address of a page`, 'RCX');
    if (contents && contents.length !== PAGE_SIZE) throw refusal('TDX_OPERAND_INVALID', `a page is ${PAGE_SIZE} bytes, not ${contents.length}`, 'R9');
    if (this.#mrTd.has(gpa)) throw refusal('TDX_EPT_ENTRY_STATE_INCORRECT', `there is a page at 0x${gpa.toString(16)} already`, 'RCX');
    if (this.#pages >= MAX_PAGES) throw refusal('TDX_OPERAND_INVALID', `the emulator takes ${MAX_PAGES} pages at most`, 'RCX');
    this.#pages++;
    this.#mrTd.addPage(gpa, contents);
  }

  /**
   * TDH.MR.EXTEND: measures 256 bytes of a page that was added.
   * @param gpa a multiple of 256
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID, TDX_EPT_ENTRY_NOT_PRESENT
   */
  extendPage(gpa: bigint): void {
    this.#require('INITIALIZED', 'TDH.MR.EXTEND');
    if (gpa < 0n || gpa % BigInt(EXTEND_SIZE) !== 0n) throw refusal('TDX_OPERAND_INVALID', `0x${gpa.toString(16)} is no multiple of ${EXTEND_SIZE}`, 'RCX');
    if (!this.#mrTd.has(gpa - (gpa % BigInt(PAGE_SIZE)))) throw refusal('TDX_EPT_ENTRY_NOT_PRESENT', `there is no page at 0x${gpa.toString(16)}`, 'RCX');
    this.#mrTd.extend(gpa);
  }

  /** One command of a build. @throws {FirmwareError} as {@link addPage} and {@link extendPage} */
  step(step: BuildStep): void {
    if (step.command === 'add') this.addPage(step.gpa, step.contents);
    else this.extendPage(step.gpa);
  }

  /** TDH.VP.CREATE and TDH.VP.INIT: one more virtual CPU. @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_MAX_VCPUS_EXCEEDED */
  addVcpu(): void {
    this.#require('INITIALIZED', 'TDH.VP.INIT');
    if (this.#vcpus >= this.#maxVcpus) throw refusal('TDX_MAX_VCPUS_EXCEEDED', `there are ${this.#vcpus} already`);
    this.#vcpus++;
  }

  /**
   * TDH.SERVTD.PREBIND: says which service TD may be bound later; it counts in SERVTD_HASH all the same.
   * @param infoHash SHA-384 of its TDINFO, 48 bytes
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID
   */
  prebindServiceTd(infoHash: Uint8Array, { type = SERVTD_TYPE_MIGTD, attributes = 0n }: ServiceTdOptions = {}): void {
    this.#require('INITIALIZED', 'TDH.SERVTD.PREBIND');
    this.#requireServices(type, attributes);
    if (infoHash.length !== MEASUREMENT_SIZE) throw refusal('TDX_OPERAND_INVALID', `a hash is ${MEASUREMENT_SIZE} bytes, not ${infoHash.length}`, 'R9');
    if (this.#services.length >= MAX_SERVICE_TDS) throw refusal('TDX_OPERAND_INVALID', 'every slot is taken', 'R8');
    this.#services.push({ state: 'PRE_BOUND', type, attributes, infoHash: infoHash.slice() });
  }

  /**
   * TDH.SERVTD.BIND: binds a service TD, before this TD is finalised or, where one is expected or bound already, afterwards too.
   * @param service a finalised TD of the same module
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID, TDX_SERVTD_TYPE_MISMATCH, TDX_SERVTD_ATTR_MISMATCH, TDX_SERVTD_INFO_HASH_MISMATCH, TDX_SERVTD_UUID_MISMATCH
   */
  bindServiceTd(service: TrustDomain, { type = SERVTD_TYPE_MIGTD, attributes = 0n }: ServiceTdOptions = {}): void {
    this.#requireAlive('TDH.SERVTD.BIND');
    if (service === this) throw refusal('TDX_OPERAND_INVALID', 'a TD is no service of its own', 'RDX');
    service.#require('RUNNABLE', 'TDH.SERVTD.BIND');
    this.#requireServices(type, attributes);
    const offered: ServiceBinding = { state: 'BOUND', type, attributes, infoHash: service.infoHash(attributes), uuid: service.#host.uuid };
    const [before] = this.#services;
    if (!before) this.#require('INITIALIZED', 'the first TDH.SERVTD.BIND');
    this.#services[0] = before ? rebind(before, offered) : offered;
  }

  /** SHA-384 of this TD's TDINFO, by which it is known where it serves. @param attributes SERVTD_ATTR: which fields do not count */
  infoHash(attributes = 0n): Uint8Array {
    return servTdInfoHash(this.#services.length > 0 ? TD_INFO_15.encode(this.#tdInfo()) : TD_INFO_10.encode(this.#tdInfo()), attributes);
  }

  /** TDH.MR.FINALIZE: fixes MRTD and SERVTD_HASH; the TD can run. @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_NO_VCPUS */
  finalize(): void {
    this.#require('INITIALIZED', 'TDH.MR.FINALIZE');
    if (this.#vcpus === 0) throw refusal('TDX_NO_VCPUS', 'the TD has no virtual CPU');
    this.#measurement = this.#mrTd.finalize();
    this.#servTdHash = servTdHash(this.#services);
    this.#state = 'RUNNABLE';
  }

  /**
   * TDG.MR.RTMR.EXTEND: RTMR = SHA-384(RTMR ‖ digest).
   * @param index 0 to 3 @param digest 48 bytes
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID
   */
  extendRtmr(index: number, digest: Uint8Array): void {
    this.#require('RUNNABLE', 'TDG.MR.RTMR.EXTEND');
    const before = this.#rtmrs[index];
    if (!before) throw refusal('TDX_OPERAND_INVALID', `there is no RTMR ${index}`, 'RDX');
    if (digest.length !== MEASUREMENT_SIZE) throw refusal('TDX_OPERAND_INVALID', `a digest is ${MEASUREMENT_SIZE} bytes, not ${digest.length}`, 'RCX');
    this.#rtmrs[index] = new Uint8Array(createHash('sha384').update(before).update(digest).digest());
  }

  /**
   * TDG.MR.REPORT.
   * @param reportData 64 bytes @param edit changes the report before hashes and MAC are put in
   * @returns 1024 bytes
   * @throws {FirmwareError} TDX_OP_STATE_INCORRECT, TDX_OPERAND_INVALID
   * @throws {CodecError} when `edit` puts a value where it does not fit
   */
  report(reportData: Uint8Array, edit?: TdReportEdit): Uint8Array {
    this.#require('RUNNABLE', 'TDG.MR.REPORT');
    if (reportData.length !== 64) throw refusal('TDX_OPERAND_INVALID', `report data is 64 bytes, not ${reportData.length}`, 'RDX');
    const version = this.#services.length > 0 ? REPORT_VERSIONS.serviceTds : REPORT_VERSIONS.plain;
    return this.#host.report(this.release, { version, reportData, tdInfo: this.#tdInfo() }, edit);
  }

  /** The TD is torn down and its key freed: nothing can be asked of it any more. */
  destroy(): void {
    this.#state = 'GONE';
  }

  #tdInfo(): TdReport['tdInfo'] {
    return { ...this.#fixed, mrTd: this.#measurement, rtmr: [...this.#rtmrs], ...(this.#services.length > 0 ? { servTdHash: this.#servTdHash } : {}) };
  }

  #requireServices(type: number, attributes: bigint): void {
    if (!preservesTds(this.release)) throw refusal('TDX_OPERAND_INVALID', 'a module of TDX 1.0 knows no service TDs');
    checkServiceTd(type, attributes);
  }

  #requireAlive(command: string): void {
    if (this.#state === 'GONE') throw this.#wrongState('TDX_LIFECYCLE_STATE_INCORRECT', command);
  }

  #require(state: TdState, command: string): void {
    this.#requireAlive(command);
    if (this.#state !== state) throw this.#wrongState('TDX_OP_STATE_INCORRECT', command);
  }

  #wrongState(status: TdxStatusName, command: string): FirmwareError {
    return refusal(status, `${command}: the TD is ${this.#state}`);
  }
}
