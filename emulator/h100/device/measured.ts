/** What a device measures: for each of its measurements the value that it shows, and how often that was extended. */
import { goldenValue, type ValueScope } from '../platform/golden.ts';
import type { Architecture } from '../platform/models.ts';
import { MEASUREMENT_COUNTS, type Slot } from '../platform/slots.ts';
import { type GpuMeasurement, MEASUREMENT_SIZE } from '../report/report.ts';

/** DMTFSpecMeasurementValueType of every genuine measurement: a digest of mutable firmware. */
const MUTABLE_FIRMWARE = 1;

/** What a device shows of what its manifests allow. */
export interface Shown {
  readonly slots: readonly Slot[];
  readonly scope: ValueScope;
  /** Which alternative, where it is not the first, by index. */
  readonly shows: Readonly<Record<number, number>>;
  /** How often measurements are extended, where not as their rows say, by index. */
  readonly counts: Readonly<Record<number, number>>;
}

/** Measurements and what MSRSCNT says of them. */
export interface Measured {
  /** In order, those that nobody makes are zero. */
  readonly measurements: readonly GpuMeasurement[];
  readonly counts: readonly number[];
}

/** The measurements of a device, of all that speak for some. @throws {RangeError} where an alternative is shown that there is not */
export function measured(architecture: Architecture, parts: readonly Shown[]): Measured {
  const { blocks, counts: length } = MEASUREMENT_COUNTS[architecture];
  const values: Uint8Array[] = Array.from({ length: blocks }, () => new Uint8Array(MEASUREMENT_SIZE));
  const counts = new Array<number>(length).fill(0);
  for (const { slots, scope, shows, counts: others } of parts) {
    for (const slot of slots) {
      const { index } = slot;
      const value = goldenValue(architecture, slot, shows[index] ?? 0, scope);
      values[index] = value;
      if (index < length && value.some((byte) => byte !== 0)) counts[index] = others[index] ?? slot.count;
    }
  }
  return { measurements: values.map((value, index) => ({ index, type: MUTABLE_FIRMWARE, value })), counts };
}
