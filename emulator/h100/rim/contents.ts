/** What a reference integrity manifest says of a driver or of firmware: versions, and the values that a device may report in each slot. */

/** Slots of a manifest: every genuine one, also a switch's, has rows for 64 of them. */
export const RIM_SLOTS = 64;
/** Length of a measurement: SHA-384. */
export const MEASUREMENT_LENGTH = 48;

/** One row: the values that are right for one measurement. */
export interface RimMeasurement {
  /** From 0: one less than the index of the SPDM measurement block. */
  readonly index: number;
  /** As NVIDIA names it: `HashedMeasurement_1_FSP`, `MixedMeasurement_21`, `Measurement_7`. */
  readonly name: string;
  /** Whether this manifest speaks for the slot; one that does not has a value of zeros. */
  readonly active: boolean;
  /** Values of 48 bytes, any of which will do: at least one. */
  readonly alternatives: readonly Uint8Array[];
}

/** Everything that stands in the document but its signature. */
export interface RimStatement {
  /** `GPU` for a driver's and a VBIOS's manifest, `SWITCH` for a switch's. */
  readonly edition: 'GPU' | 'SWITCH';
  /** Chip, as in the document's name and `PlatformModel`: `GH100`. */
  readonly model: string;
  /** Meta attribute `product`: the same as the model in every genuine one. */
  readonly product: string;
  /** `colloquialVersion`: the driver's (`550.90.07`) or the VBIOS's (`96.00.9F.00.01`). */
  readonly version: string;
  /** `FirmwareManufacturerId`, and the platform's: IANA enterprise number in decimal, `5703` for NVIDIA. */
  readonly firmwareManufacturerId: string;
  /** In ascending order of index. */
  readonly measurements: readonly RimMeasurement[];
}

/** A manifest to be made. */
export interface RimContents extends RimStatement {
  /** What NVIDIA's RIM service calls it: `NV_GPU_DRIVER_GH100_550.90.07`. It does not stand in the document. */
  readonly id: string;
  /** 96 hex digits; unless given, a digest of everything else. */
  readonly tagId?: string;
}
