/**
 * An emulated NVIDIA GPU with confidential compute: it measures its firmware and configuration, and signs what it measured. Everything is
 * synchronous.
 */
import type { EcSigner } from '../../crypto/sign.ts';
import { uuidText } from '../../crypto/uuid.ts';
import { ConfigError, FirmwareError } from '../../errors.ts';
import type { IssuedCertificate } from '../../pki/issue.ts';
import type { World } from '../../world.ts';
import { type DeviceIdentity, type NvidiaAuthority, nvidiaAuthorityOf } from '../pki/authority.ts';
import { boardName, driverScope, firmwareId, firmwareScope } from '../platform/golden.ts';
import { DEFAULT_GPU, FAMILIES, type GpuModel, gpuModelNamed } from '../platform/models.ts';
import { type DriverForm, driverFormOf, type DriverRelease, driverReleaseOf, type VbiosRelease, vbiosReleaseOf } from '../platform/releases.ts';
import { DECODER_SLOT, DRIVER_SLOTS, VBIOS_SLOTS } from '../platform/slots.ts';
import { linksOf } from '../platform/wiring.ts';
import { FEATURE_FLAG, type OpaqueField, opaqueEntry, PDI_SIZE, STATUS } from '../report/opaque.ts';
import { countsBytes, numberBytes, textBytes, vbiosVersionBytes } from '../report/values.ts';
import { type Measured, measured } from './measured.ts';
import { type CcMode, confComputeState, type GpuMode, NVML_STATUS, type NvmlView } from './nvml.ts';
import { errorResponse, type GpuReportEdit, type MeasuredState, MeasurementResponder } from './responder.ts';

/** What a GPU is and how it is set up. Whatever is left out is as usual for its kind. */
export interface GpuSettings {
  /** Name of a {@link GpuModel}. */
  readonly model?: string | undefined;
  readonly driver?: string | undefined;
  readonly vbios?: string | undefined;
  readonly ccMode?: CcMode | undefined;
  readonly mode?: GpuMode | undefined;
  /** Whether the video decoder is on: off in nearly all genuine reports, and unless given. */
  readonly decoder?: boolean | undefined;
  /** Which machine of the world it is in, and which GPU of that machine it is; both from 0. */
  readonly machine?: number | undefined;
  readonly index?: number | undefined;
  /** The board's four switches by position, 8 bytes each; needed for protected PCIe. */
  readonly switchPdis?: readonly Uint8Array[] | undefined;
}

/** Measurements that show another alternative in protected PCIe mode: HashedMeasurement_32_GSP and HashedMeasurement_36_GSP. */
const SHOWS_PPCIE: Readonly<Record<number, number>> = { 32: 1, 36: 2 };
/** The measurement that differs in devtools mode. That some do is known from users' reports; which is assumed. */
const DEVTOOLS_INDEX = 36;
const SYS_ENABLED = Uint8Array.of(0x07, 0x07);

/** One GPU. */
export class Gpu {
  readonly world: World;
  readonly model: GpuModel;
  readonly driver: DriverRelease;
  readonly vbios: VbiosRelease;
  readonly ccMode: CcMode;
  readonly mode: GpuMode;
  readonly decoder: boolean;
  readonly identity: DeviceIdentity;
  readonly #form: DriverForm;
  readonly #label: string;
  readonly #slot: number;
  readonly #switchPdis: readonly Uint8Array[];
  readonly #responder: MeasurementResponder;
  /** All that its reports state but for nonces and signatures. */
  readonly measuredState: MeasuredState;
  #ready = false;

  /** @throws {ConfigError} for a kind, release or mode that there is not, or that do not go together */
  constructor(world: World, settings: GpuSettings = {}) {
    const model = gpuModelNamed(settings.model ?? DEFAULT_GPU);
    const { machine = 0, index = 0, ccMode = 'on', mode = model.architecture === 'GB100' ? 'mpt' : 'spt', switchPdis = [], decoder = false } = settings;
    this.world = world;
    this.model = model;
    this.driver = driverReleaseOf(settings.driver ?? model.driver);
    this.#form = driverFormOf(this.driver, model);
    this.vbios = vbiosReleaseOf(settings.vbios ?? model.vbios, model);
    this.ccMode = ccMode;
    this.mode = mode;
    this.decoder = decoder;
    this.#slot = index;
    this.#switchPdis = switchPdis;
    this.#label = `${model.name}/${machine}/${index}`;
    checkMode(this, this.#form, switchPdis);
    this.identity = { architecture: model.architecture, pdi: world.derive(`nvidia/pdi/${this.#label}`, PDI_SIZE), fwid: firmwareId(model.architecture, this.vbios.generation) };
    const shown = this.#measured();
    this.measuredState = { measurements: shown.measurements, opaque: this.#opaque(shown.counts) };
    this.#responder = new MeasurementResponder(world, this.#label, this.attestationKey, this.measuredState);
  }

  /** The key that signs reports: P-384. */
  get attestationKey(): EcSigner {
    return this.#authority.attestationKey(this.identity);
  }

  /** The five certificates of the attestation key, leaf first. */
  get certificates(): readonly IssuedCertificate[] {
    return this.#authority.deviceCertificates(this.identity);
  }

  /** As the driver names it: `GPU-` and a UUID. */
  get uuid(): string {
    return `GPU-${uuidText(this.world.derive(`nvidia/uuid/${this.#label}`, 16))}`;
  }

  /** What the management library shows. */
  get nvml(): NvmlView {
    return {
      driverVersion: this.driver.version,
      vbiosVersion: this.vbios.version,
      uuid: this.uuid,
      boardId: this.model.board.id,
      architecture: FAMILIES[this.model.architecture].nvml,
      confCompute: confComputeState(this.ccMode, this.mode),
      ready: this.#ready,
    };
  }

  /** Says whether the GPU takes work. @throws {FirmwareError} NVML_ERROR_NOT_SUPPORTED while confidential compute is off */
  setReady(ready: boolean): void {
    this.#requireConfidential();
    this.#ready = ready;
  }

  /**
   * Answers GET_MEASUREMENTS of SPDM 1.1.
   * @param request whatever the requester sent
   * @returns MEASUREMENTS, signed if that was asked for, or ERROR; without confidential compute always the latter
   */
  getMeasurements(request: Uint8Array): Uint8Array {
    return this.ccMode === 'off' ? errorResponse('UnexpectedRequest') : this.#responder.respond(request);
  }

  /**
   * The report that the driver hands out: request and response in one.
   * @param nonce 32 bytes
   * @param edit changes it before it is signed, to make one that the GPU would not write
   * @param signedBy signs in place of the attestation key
   * @throws {FirmwareError} NVML_ERROR_NOT_SUPPORTED without confidential compute, NVML_ERROR_INVALID_ARGUMENT for a nonce of another length
   */
  attestationReport(nonce: Uint8Array, edit?: GpuReportEdit, signedBy?: EcSigner): Uint8Array {
    this.#requireConfidential();
    if (nonce.length !== 32) throw new FirmwareError(NVML_STATUS.invalidArgument, 'NVML_ERROR_INVALID_ARGUMENT', `a nonce has 32 bytes, not ${nonce.length}`);
    return this.#responder.report(nonce, edit, signedBy);
  }

  get #authority(): NvidiaAuthority {
    return nvidiaAuthorityOf(this.world);
  }

  #requireConfidential(): void {
    if (this.ccMode === 'off') throw new FirmwareError(NVML_STATUS.notSupported, 'NVML_ERROR_NOT_SUPPORTED', 'confidential compute is off');
  }

  #measured(): Measured {
    const { model, vbios, driver } = this;
    const shows = { ...model.shows, ...this.#form.shows, ...vbios.shows, ...(this.mode === 'ppcie' ? SHOWS_PPCIE : {}), ...(this.decoder ? {} : { [DECODER_SLOT]: 1 }) };
    const counts = { ...model.counts, ...this.#form.counts, ...vbios.counts };
    const honest = measured(model.architecture, [
      { slots: VBIOS_SLOTS[model.architecture], scope: firmwareScope(vbios.version, boardName(model)), shows, counts },
      { slots: DRIVER_SLOTS[this.#form.slots], scope: driverScope(driver), shows, counts },
    ]);
    if (this.ccMode !== 'devtools') return honest;
    const other = honest.measurements.map((m) => (m.index === DEVTOOLS_INDEX ? { ...m, value: m.value.map((byte) => byte ^ 0xff) } : m));
    return { ...honest, measurements: other };
  }

  /** Every field in the order in which genuine reports have them. */
  #opaque(counts: readonly number[]): OpaqueField[] {
    const { board, gpuInfo, cprInfo, architecture } = this.model;
    const form = this.#form;
    const [skuSize, modSize] = form.skuSizes;
    const on = (yes: boolean): Uint8Array => Uint8Array.of(yes ? STATUS.on : STATUS.off);
    const fields: readonly (readonly [name: string, data: Uint8Array, emitted?: boolean])[] = [
      ['VBIOS_VERSION', vbiosVersionBytes(this.vbios.version)],
      ['BOARD_ID', numberBytes(board.id, 4)],
      ['CHIP_SKU', textBytes(board.chipSku, skuSize)],
      ['CHIP_SKU_MOD', textBytes(board.chipSkuMod, modSize)],
      ['PROJECT', textBytes(board.project)],
      ['PROJECT_SKU', textBytes(board.projectSku)],
      ['PROJECT_SKU_MOD', textBytes(board.projectSkuMod, 2)],
      ['DRIVER_VERSION', textBytes(this.driver.version)],
      ['GPU_INFO', numberBytes(gpuInfo, 8)],
      ['MSRSCNT', countsBytes(counts)],
      ['CPRINFO', numberBytes(cprInfo, 4)],
      ['NVDEC0_STATUS', on(this.decoder)],
      ['FWID', this.identity.fwid, form.fwid],
      ['PROTECTED_PCIE_STATUS', on(this.mode === 'ppcie'), form.protectedPcie],
      ['SWITCH_PDI', this.#links(), this.mode === 'ppcie'],
      ['SYS_ENABLE_STATUS', SYS_ENABLED, form.sysEnableStatus],
      ['CHIP_INFO', textBytes(architecture), form.chipInfo],
      ['OPAQUE_DATA_VERSION', numberBytes(form.opaqueDataVersion ?? 0, 2), form.opaqueDataVersion !== undefined],
      ['FEATURE_FLAG', numberBytes(FEATURE_FLAG[this.mode], 2), form.featureFlag],
    ];
    return fields.flatMap(([name, data, emitted = true]) => (emitted ? [opaqueEntry(name, data)] : []));
  }

  /** The switch at each link, with the bytes of its id turned round. */
  #links(): Uint8Array {
    return Uint8Array.from(Buffer.concat(linksOf(this.#slot).map((position) => this.#switchPdis[position]?.toReversed() ?? new Uint8Array(PDI_SIZE))));
  }
}

function checkMode({ model, mode }: Gpu, form: DriverForm, switchPdis: readonly Uint8Array[]): void {
  if (mode === 'mpt' && model.architecture === 'GH100') throw new ConfigError('mode', `${model.name} has protected PCIe (ppcie) for several GPUs; mpt is Blackwell's`);
  if (mode !== 'ppcie') return;
  if (!model.hgx || model.architecture !== 'GH100') throw new ConfigError('mode', `${model.name} has no protected PCIe; Hopper GPUs on HGX boards have: h100-sxm, h200`);
  if (form.slots === 'gh100-r550') throw new ConfigError('mode', 'protected PCIe needs driver 550.144.03 or newer');
  if (switchPdis.length !== 4 || switchPdis.some((pdi) => pdi.length !== PDI_SIZE)) throw new RangeError('protected PCIe needs the ids of four switches, 8 bytes each');
}
