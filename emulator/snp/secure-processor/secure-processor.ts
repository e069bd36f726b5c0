/**
 * The emulated AMD Secure Processor: the firmware that launches guests, measures them, and signs what it knows about them. Commands are
 * synchronous and fail with the status that the firmware gives.
 *
 * Source of commands, states and status codes: AMD 56860 SEV-SNP Firmware ABI, chapters 4, 7 and 8.
 */
import type { EcSigner } from '../../crypto/sign.ts';
import type { World } from '../../world.ts';
import { cpuSignature } from '../launch/cpu-types.ts';
import { verifyIdBlock } from '../launch/id-block.ts';
import { DIGEST_SIZE, LaunchDigest, PAGE_SIZE, type PageAttributes, type PageType } from '../launch/page-info.ts';
import type { FirmwareVersion } from '../platform/releases.ts';
import { encodeReport, type SnpReport, signReport, VMPL_HOST } from '../report.ts';
import { componentAbove, type Tcb } from '../platform/tcb.ts';
import { assembleReport, KEY_SELECT, type ReportContents, selectKey, type SigningKey, withRequest } from './attestation.ts';
import { checkCpuidPage } from './cpuid-page.ts';
import { keyRoot } from './derived-key.ts';
import { type Guest, type GuestContext, type GuestState, VMPLS } from './guest-context.ts';
import { exchange } from './messages/exchange.ts';
import { secretsPage, VMPCK_SIZE } from './messages/secrets-page.ts';
import { checkPlatform, compareVersions, type Platform, reportKey, type ReportSigner } from './platform.ts';
import { checkPolicy } from './policy.ts';
import { refusal } from './status.ts';

export type { Guest } from './guest-context.ts';
export type { Platform } from './platform.ts';

/** What SNP_LAUNCH_START is given. */
export interface LaunchStart {
  /** GUEST_POLICY, 64 bits. */
  readonly policy: bigint;
  /** Guest OS visible workarounds, 16 bytes; zero unless given. */
  readonly gosvw?: Uint8Array | undefined;
}

/** One page for SNP_LAUNCH_UPDATE. */
export interface LaunchUpdate {
  readonly type: PageType;
  /** Guest physical address, a multiple of 4096. */
  readonly gpa: bigint;
  /** 4096 bytes; needed for `normal` and `vmsa` pages, ignored for those that the firmware fills itself. */
  readonly contents?: Uint8Array | undefined;
  readonly attributes?: PageAttributes | undefined;
}

/** What SNP_LAUNCH_FINISH is given. */
export interface LaunchFinish {
  /** 96 and 4096 bytes; both or neither. */
  readonly idBlock?: Uint8Array | undefined;
  readonly idAuth?: Uint8Array | undefined;
  /** AUTH_KEY_EN: the author's part of the ID authentication is checked and reported. */
  readonly authorKeyEnabled?: boolean | undefined;
  /** VCEK_DIS: reports and keys of this guest may not use the VCEK. */
  readonly vcekDisabled?: boolean | undefined;
  /** 32 bytes; zero unless given. */
  readonly hostData?: Uint8Array | undefined;
}

/** What a guest asks a report for. */
export interface AttestRequest {
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 0 to 3; default 0. */
  readonly vmpl?: number | undefined;
  /** One of `KEY_SELECT`; default: the VLEK if one is loaded, else the VCEK. */
  readonly keySelect?: number | undefined;
}

/** Changes a report before it is signed, to make one that the firmware would not write. */
export type ReportEdit = (report: SnpReport) => SnpReport;

/** Settings of SNP_CONFIG. */
export type PlatformConfig = Partial<Pick<Platform, 'reportedTcb' | 'chipIdMasked' | 'maskChipKey'>>;

const ZERO_16 = new Uint8Array(16);
const ZERO_32 = new Uint8Array(32);
const ZERO_48 = new Uint8Array(DIGEST_SIZE);

/** One chip's secure processor, with the platform it runs and the guests it keeps. */
export class SecureProcessor {
  readonly world: World;
  #platform: Platform;
  #initialized = true;
  readonly #guests = new Map<Guest, GuestContext>();
  readonly #keys = new Map<'vcek' | 'vlek', EcSigner>();
  #templates = new WeakMap<GuestContext, { readonly signingKey: SigningKey; readonly encoded: Uint8Array }>();

  /** @throws {ConfigError} when no platform can be so: TCBs out of order, a hardware id of the wrong length, a CPU of another line */
  constructor(world: World, platform: Platform) {
    checkPlatform(platform);
    this.world = world;
    this.#platform = platform;
  }

  /** The platform as it is now. */
  get platform(): Platform {
    return this.#platform;
  }

  /** SNP_INIT: guests can be launched again after a shutdown. @throws {FirmwareError} INVALID_PLATFORM_STATE when it is initialised already */
  initialize(): void {
    if (this.#initialized) throw refusal('INVALID_PLATFORM_STATE', 'the platform is initialised already');
    this.#initialized = true;
  }

  /** SNP_SHUTDOWN: every guest is gone. @throws {FirmwareError} INVALID_PLATFORM_STATE when it is not initialised */
  shutdown(): void {
    this.#requireInitialized();
    this.#guests.clear();
    this.#initialized = false;
  }

  /** SNP_CONFIG: what reports state and hide. @throws {FirmwareError} INVALID_PARAM for a reported TCB above the committed one */
  configure(config: PlatformConfig): void {
    this.#requireInitialized();
    const { reportedTcb } = config;
    const component = reportedTcb && componentAbove(reportedTcb, this.#platform.committedTcb);
    if (component) throw refusal('INVALID_PARAM', `the reported TCB's ${component} is above the committed one`);
    this.#change(config);
  }

  /** SNP_COMMIT: the running firmware can't be rolled back any more, and its TCB is what reports state. */
  commit(): void {
    const { currentTcb, firmware } = this.#platform;
    this.#change({ committedTcb: currentTcb, reportedTcb: currentTcb, committedFirmware: firmware });
  }

  /**
   * DOWNLOAD_FIRMWARE_EX: runs another firmware from now on, provisional until {@link commit}.
   * @throws {FirmwareError} BAD_SVN for a TCB or version below the committed one
   */
  updateFirmware({ currentTcb, firmware, mitigationVector = this.#platform.mitigationVector }: { currentTcb: Tcb; firmware: FirmwareVersion; mitigationVector?: bigint }): void {
    const { committedTcb, committedFirmware } = this.#platform;
    if (componentAbove(committedTcb, currentTcb) || compareVersions(firmware, committedFirmware) < 0) throw refusal('BAD_SVN', 'the firmware is older than the committed one');
    this.#change({ currentTcb, firmware, mitigationVector, launchTcb: undefined });
  }

  /** SNP_VLEK_LOAD, or its reverse: which key signs when a guest does not ask for one. */
  loadSigner(signer: ReportSigner): void {
    this.#requireInitialized();
    this.#change({ signer });
  }

  /** SNP_GCTX_CREATE: a guest in the state INIT. */
  createGuest(): Guest {
    this.#requireInitialized();
    const context: GuestContext = {
      state: 'INIT',
      policy: 0n,
      policyBits: undefined,
      digest: new LaunchDigest(),
      measurement: ZERO_48,
      gosvw: ZERO_16,
      secrets: undefined,
      hostData: ZERO_32,
      familyId: ZERO_16,
      imageId: ZERO_16,
      guestSvn: 0,
      idKeyDigest: ZERO_48,
      authorKeyDigest: ZERO_48,
      authorKeyEnabled: false,
      vcekDisabled: false,
      reportId: ZERO_32,
      launchTcb: this.#platform.currentTcb,
      launchMitVector: 0n,
      vmpcks: [],
      messageCounts: new Array<bigint>(VMPLS).fill(0n),
      vmrk: ZERO_32,
    };
    const guest = handleOf(context);
    this.#guests.set(guest, context);
    return guest;
  }

  /**
   * SNP_LAUNCH_START: INIT → LAUNCH. The report id and the message keys are drawn here.
   * @param handle a guest in INIT; one is created unless given
   * @returns the guest
   * @throws {FirmwareError} INVALID_GUEST, INVALID_GUEST_STATE, INVALID_PARAM, POLICY_FAILURE
   */
  launchStart({ policy, gosvw = ZERO_16 }: LaunchStart, handle?: Guest): Guest {
    this.#requireInitialized();
    if (gosvw.length !== ZERO_16.length) throw refusal('INVALID_PARAM', `GOSVW is ${ZERO_16.length} bytes, not ${gosvw.length}`);
    const policyBits = checkPolicy(policy, this.#platform);
    const { currentTcb, launchTcb = currentTcb, mitigationVector } = this.#platform;
    const created = handle ?? this.createGuest();
    Object.assign(this.#guest(created, 'INIT'), {
      state: 'LAUNCH',
      policy,
      policyBits,
      gosvw: gosvw.slice(),
      launchTcb,
      launchMitVector: mitigationVector,
      reportId: this.world.random('amd/guest/report-id', 32),
      vmpcks: Array.from({ length: VMPLS }, (_, vmpl) => this.world.random(`amd/guest/vmpck/${vmpl}`, VMPCK_SIZE)),
      vmrk: this.world.random('amd/guest/vmrk', 32),
    } satisfies Partial<GuestContext>);
    return created;
  }

  /**
   * SNP_LAUNCH_UPDATE: measures one page into the guest, which stays in LAUNCH. A secrets page is filled by the firmware.
   * @throws {FirmwareError} INVALID_GUEST, INVALID_GUEST_STATE, INVALID_PARAM
   */
  launchUpdate(handle: Guest, { type, gpa, contents, attributes }: LaunchUpdate): void {
    const guest = this.#guest(handle, 'LAUNCH');
    if (gpa < 0n || gpa >> 52n !== 0n || gpa % BigInt(PAGE_SIZE) !== 0n) throw refusal('INVALID_PARAM', `0x${gpa.toString(16)} is no address of a page`);
    const measured = type === 'normal' || type === 'vmsa';
    if (measured ? contents?.length !== PAGE_SIZE : contents !== undefined && contents.length !== PAGE_SIZE) throw refusal('INVALID_PARAM', `a ${type} page needs ${PAGE_SIZE} bytes`);
    if (type === 'cpuid' && contents) checkCpuidPage(contents);
    guest.digest.update(type, gpa, measured ? contents : undefined, attributes);
    guest.measurement = guest.digest.value;
    if (type === 'secrets') guest.secrets = secretsPage(guest.vmpcks, guest.gosvw, cpuSignature(this.#platform.cpuid));
  }

  /**
   * SNP_LAUNCH_FINISH: LAUNCH → RUNNING. With an ID block the guest must be what its owner signed.
   * @throws {FirmwareError} INVALID_GUEST, INVALID_GUEST_STATE, INVALID_PARAM, BAD_SIGNATURE, BAD_MEASUREMENT, POLICY_FAILURE; the guest stays in LAUNCH
   */
  launchFinish(handle: Guest, { idBlock, idAuth, authorKeyEnabled = false, vcekDisabled = false, hostData = ZERO_32 }: LaunchFinish = {}): void {
    const guest = this.#guest(handle, 'LAUNCH');
    if (hostData.length !== ZERO_32.length) throw refusal('INVALID_PARAM', `host data is ${ZERO_32.length} bytes, not ${hostData.length}`);
    if ((idBlock === undefined) !== (idAuth === undefined)) throw refusal('INVALID_PARAM', 'an ID block and its authentication go together');
    if (idBlock && idAuth) {
      const verdict = verifyIdBlock(idBlock, idAuth, { authorKeyEnabled, measurement: guest.measurement, policy: guest.policy });
      if (!verdict.ok) throw refusal(verdict.status, `${verdict.path}: ${verdict.reason}`);
      const { familyId, imageId, guestSvn } = verdict.block;
      Object.assign(guest, { familyId, imageId, guestSvn, idKeyDigest: verdict.idKeyDigest, authorKeyDigest: verdict.authorKeyDigest ?? ZERO_48, authorKeyEnabled } satisfies Partial<GuestContext>);
    } else if (authorKeyEnabled) {
      throw refusal('INVALID_PARAM', 'an author key needs an ID block');
    }
    Object.assign(guest, { state: 'RUNNING', hostData: hostData.slice(), vcekDisabled } satisfies Partial<GuestContext>);
  }

  /** The whole launch: create, start, every page, finish. @throws {FirmwareError} as the single commands do; no guest is left behind */
  launch({ pages, ...given }: LaunchStart & LaunchFinish & { readonly pages: Iterable<LaunchUpdate> }): Guest {
    const guest = this.launchStart(given);
    try {
      for (const page of pages) this.launchUpdate(guest, page);
      this.launchFinish(guest, given);
      return guest;
    } catch (error) {
      this.decommission(guest);
      throw error;
    }
  }

  /** SNP_DECOMMISSION: the firmware forgets the guest. @throws {FirmwareError} INVALID_GUEST when it already has */
  decommission(handle: Guest): void {
    this.#guest(handle);
    this.#guests.delete(handle);
  }

  /** The secrets page as the guest finds it in its own memory, which no host can read: a copy, 4096 bytes; undefined when its launch had none. */
  secretsOf(handle: Guest): Uint8Array | undefined {
    return this.#guest(handle).secrets?.slice();
  }

  /**
   * The report that a running guest gets for its request, without the encrypted message around it.
   * @returns 1184 bytes
   * @throws {FirmwareError} INVALID_GUEST, INVALID_GUEST_STATE, INVALID_PARAM, INVALID_KEY
   * @throws {CodecError} when `edit` puts a value where it does not fit
   */
  attest(handle: Guest, request: AttestRequest, edit?: ReportEdit): Uint8Array {
    const guest = this.#guest(handle, 'RUNNING');
    return this.#report(guest, this.#contents(guest, request), edit);
  }

  /**
   * SNP_GUEST_REQUEST: answers a message that a guest sealed under one of its keys.
   * @param page 4096 bytes @returns 4096 bytes
   * @throws {FirmwareError} INVALID_GUEST, INVALID_GUEST_STATE, INVALID_PARAM, BAD_MEASUREMENT, UNSUPPORTED; a request that is understood and refused is answered with a status in its payload
   */
  guestRequest(handle: Guest, page: Uint8Array): Uint8Array {
    const guest = this.#guest(handle, 'RUNNING');
    const platform = this.#platform;
    return exchange({ platform, guest, chipRoot: (kind) => keyRoot(this.world, platform, kind), report: (contents) => this.#report(guest, contents) }, page);
  }

  /** A report about a guest that its host asks for: its VMPL is all ones. @param reportData 64 bytes @returns 1184 bytes @throws {FirmwareError} as {@link attest} */
  hostReport(handle: Guest, reportData: Uint8Array): Uint8Array {
    const guest = this.#guest(handle, 'RUNNING');
    return this.#report(guest, { ...this.#contents(guest, { reportData }), vmpl: VMPL_HOST });
  }

  /** The values of the report that {@link attest} would sign, signature left zero. @throws {FirmwareError} as {@link attest} */
  report(handle: Guest, request: AttestRequest): SnpReport {
    const guest = this.#guest(handle, 'RUNNING');
    return assembleReport(this.#platform, guest, this.#contents(guest, request));
  }

  #contents(guest: GuestContext, { reportData, vmpl = 0, keySelect = KEY_SELECT.vlekIfLoaded }: AttestRequest): ReportContents {
    if (reportData.length !== 64) throw refusal('INVALID_PARAM', `report data is 64 bytes, not ${reportData.length}`);
    if (!Number.isInteger(vmpl) || vmpl < 0 || vmpl >= VMPLS) throw refusal('INVALID_PARAM', `there is no VMPL ${vmpl}`);
    return { reportData, vmpl, signingKey: selectKey(this.#platform, guest, keySelect) };
  }

  #report(guest: GuestContext, contents: ReportContents, edit?: ReportEdit): Uint8Array {
    const encoded = edit ? encodeReport(edit(assembleReport(this.#platform, guest, contents))) : withRequest(this.#template(guest, contents), contents);
    const key = this.#signer(contents.signingKey);
    return key ? signReport(encoded, key) : encoded;
  }

  /** A guest's reports differ in two fields only; the rest is encoded once. */
  #template(guest: GuestContext, contents: ReportContents): Uint8Array {
    const cached = this.#templates.get(guest);
    if (cached?.signingKey === contents.signingKey) return cached.encoded;
    const encoded = encodeReport(assembleReport(this.#platform, guest, contents));
    this.#templates.set(guest, { signingKey: contents.signingKey, encoded });
    return encoded;
  }

  #signer(kind: SigningKey): EcSigner | undefined {
    if (kind === 'none') return undefined;
    const cached = this.#keys.get(kind);
    if (cached) return cached;
    const key = reportKey(this.world, this.#platform, kind);
    this.#keys.set(kind, key);
    return key;
  }

  #change(changes: Partial<Platform>): void {
    const platform = { ...this.#platform, ...changes };
    checkPlatform(platform);
    this.#platform = platform;
    this.#keys.clear();
    this.#templates = new WeakMap();
  }

  #requireInitialized(): void {
    if (!this.#initialized) throw refusal('INVALID_PLATFORM_STATE', 'the platform is not initialised');
  }

  #guest(handle: Guest, state?: GuestState): GuestContext {
    this.#requireInitialized();
    const guest = this.#guests.get(handle);
    if (!guest) throw refusal('INVALID_GUEST', 'the firmware keeps no such guest');
    if (state && guest.state !== state) throw refusal('INVALID_GUEST_STATE', `the guest is in ${guest.state}, the command needs ${state}`);
    return guest;
  }
}

/** What a host may see of a guest: never its keys. */
function handleOf(context: GuestContext): Guest {
  return {
    get state() {
      return context.state;
    },
    get policy() {
      return context.policy;
    },
    get measurement() {
      return context.measurement.slice();
    },
  };
}
