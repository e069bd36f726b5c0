/** Comparing what a device measured with what its manifests allow. */
import type { GpuMeasurement } from '../../../../emulator/h100/report/report.ts';
import { sameBytes } from '../../../../emulator/pki/read.ts';
import type { H100Appraisal } from '../reasons.ts';
import { RIM_PATH, type ReadManifest } from './manifest.ts';

/** What a comparison came to. */
export interface ComparedMeasurements {
  /** Indices from 0 that have one of the values that a manifest allows. */
  readonly matched: readonly number[];
  /** Indices that are left out although a manifest speaks for them. */
  readonly skipped: readonly number[];
  /** Indices of measurements that were made and that no manifest speaks for. */
  readonly uncovered: readonly number[];
}

/** The measurement of the video decoder's firmware: it counts only where the decoder is on. */
export const NVDEC_INDEX = 35;

const NOTHING = new Uint8Array(48);

/** Whether a measurement is of nothing. */
export function isZero(value: Uint8Array): boolean {
  return sameBytes(value, NOTHING);
}

/** Checks that no two manifests speak for the same measurement. */
export function checkNoConflict(appraisal: H100Appraisal, manifests: readonly ReadManifest[]): void {
  const active = manifests.map(({ rim }) => new Set(rim.measurements.filter((m) => m.active).map((m) => m.index)));
  const both = [...(active[0] ?? [])].find((index) => active.slice(1).some((other) => other.has(index)));
  appraisal.check('rim-conflict', both === undefined, () => ({ message: `both manifests speak for measurement ${both}`, path: RIM_PATH.vbios }));
}

/** Checks every measurement that a manifest speaks for. @param decoderOff whether the video decoder is off */
export function compareMeasurements(appraisal: H100Appraisal, measurements: readonly GpuMeasurement[], manifests: readonly ReadManifest[], decoderOff: boolean): ComparedMeasurements {
  const matched: number[] = [];
  const skipped: number[] = [];
  for (const { kind, rim } of manifests) {
    for (const { index, name, active, alternatives } of rim.measurements) {
      if (!active) continue;
      const value = measurements[index]?.value ?? appraisal.fail('rim-index', { message: `speaks for measurement ${index}, and the device makes ${measurements.length}`, path: RIM_PATH[kind] });
      if (index === NVDEC_INDEX && decoderOff) {
        skipped.push(index);
        continue;
      }
      appraisal.check(
        'measurement-mismatch',
        alternatives.some((golden) => sameBytes(golden, value)),
        () => ({
          message: `${name} is ${Buffer.from(value).toString('hex')}, which is none of the ${alternatives.length} in the ${kind}'s manifest`,
          path: `report.measurements.${index}`,
        }),
      );
      matched.push(index);
    }
  }
  appraisal.pass('rim-index');
  const covered = new Set([...matched, ...skipped]);
  const uncovered = measurements.map(({ value }, i) => (covered.has(i) || isZero(value) ? -1 : i)).filter((i) => i >= 0);
  return { matched, skipped, uncovered };
}
