/** An emulated NVSwitch of an HGX board with Hopper GPUs: it measures and signs as the GPUs do. */
import type { EcSigner } from '../../crypto/sign.ts';
import { uuidText } from '../../crypto/uuid.ts';
import type { IssuedCertificate } from '../../pki/issue.ts';
import type { World } from '../../world.ts';
import { type DeviceIdentity, nvidiaAuthorityOf } from '../pki/authority.ts';
import { firmwareId, firmwareScope } from '../platform/golden.ts';
import { NVSWITCH_MODEL } from '../platform/models.ts';
import { VBIOS_SLOTS } from '../platform/slots.ts';
import { BOARD_GPUS, BOARD_SWITCHES, portsOf } from '../platform/wiring.ts';
import { type OpaqueField, opaqueEntry, PDI_SIZE } from '../report/opaque.ts';
import { countsBytes, numberBytes } from '../report/values.ts';
import { measured } from './measured.ts';
import { type GpuReportEdit, MeasurementResponder } from './responder.ts';

/** Where a switch sits. */
export interface NvSwitchSettings {
  /** On its board, 0 to 3. */
  readonly position: number;
  /** Its own id and those of the board's eight GPUs, 8 bytes each. */
  readonly pdi: Uint8Array;
  readonly gpuPdis: readonly Uint8Array[];
}

/** The lowest measurement that has a value for each position. */
const BY_POSITION = 10;
/** What the genuine switch shows of measurement 9, at position 2; what follows it is not known. */
const SHOWS = { 9: 1 };
const LOCKED = 1;

/** One switch. */
export class NvSwitch {
  readonly world: World;
  readonly position: number;
  readonly vbiosVersion: string = NVSWITCH_MODEL.vbios;
  readonly identity: DeviceIdentity;
  readonly #responder: MeasurementResponder;

  /** @throws {RangeError} for a position or ids that a board can't have */
  constructor(world: World, { position, pdi, gpuPdis }: NvSwitchSettings) {
    if (!Number.isInteger(position) || position < 0 || position >= BOARD_SWITCHES) throw new RangeError(`a board has positions 0 to ${BOARD_SWITCHES - 1}, not ${position}`);
    if ([pdi, ...gpuPdis].some((id) => id.length !== PDI_SIZE) || gpuPdis.length !== BOARD_GPUS) throw new RangeError(`a switch needs its own id and those of ${BOARD_GPUS} GPUs, ${PDI_SIZE} bytes each`);
    this.world = world;
    this.position = position;
    this.identity = { architecture: 'LS10', pdi, fwid: firmwareId('LS10', this.vbiosVersion.slice(0, 8)) };
    const slots = VBIOS_SLOTS.LS10;
    const shows = { ...Object.fromEntries(slots.filter(({ index, alternatives }) => index >= BY_POSITION && alternatives.length > 1).map(({ index }) => [index, position])), ...SHOWS };
    const { measurements, counts } = measured('LS10', [{ slots, scope: firmwareScope(this.vbiosVersion, NVSWITCH_MODEL.project), shows, counts: {} }]);
    this.#responder = new MeasurementResponder(world, `switch/${Buffer.from(pdi).toString('hex')}`, this.attestationKey, { measurements, opaque: this.#opaque(counts, gpuPdis) });
  }

  /** The key that signs reports: P-384. */
  get attestationKey(): EcSigner {
    return nvidiaAuthorityOf(this.world).attestationKey(this.identity);
  }

  /** The five certificates of the attestation key, leaf first. */
  get certificates(): readonly IssuedCertificate[] {
    return nvidiaAuthorityOf(this.world).deviceCertificates(this.identity);
  }

  /** As the driver names it: `SWX-` and a UUID. */
  get uuid(): string {
    return `SWX-${uuidText(this.world.derive(`nvidia/uuid/switch/${Buffer.from(this.identity.pdi).toString('hex')}`, 16)).toUpperCase()}`;
  }

  /** Answers GET_MEASUREMENTS of SPDM 1.1. @returns MEASUREMENTS or ERROR */
  getMeasurements(request: Uint8Array): Uint8Array {
    return this.#responder.respond(request);
  }

  /** The report that the driver hands out, as a GPU's. @param nonce 32 bytes @throws {RangeError} for a nonce of another length */
  attestationReport(nonce: Uint8Array, edit?: GpuReportEdit, signedBy?: EcSigner): Uint8Array {
    return this.#responder.report(nonce, edit, signedBy);
  }

  #opaque(counts: readonly number[], gpuPdis: readonly Uint8Array[]): OpaqueField[] {
    const { found, ports } = portsOf(this.position);
    return [
      opaqueEntry('VBIOS_VERSION', Uint8Array.from(Buffer.from(this.vbiosVersion, 'latin1'))),
      opaqueEntry('SWITCH_PDI', this.identity.pdi),
      opaqueEntry('MSRSCNT', countsBytes(counts)),
      opaqueEntry('GPU_PDIS', Uint8Array.from(Buffer.concat([...found.map((gpu) => gpuPdis[gpu] ?? new Uint8Array(PDI_SIZE)), ports]))),
      opaqueEntry('FLOORSWEPT_PORTS', numberBytes(NVSWITCH_MODEL.floorsweptPorts, 2)),
      opaqueEntry('POSITION_ID', numberBytes(this.position, 2)),
      opaqueEntry('LOCK_SWITCH_STATUS', numberBytes(LOCKED, 2)),
    ];
  }
}
