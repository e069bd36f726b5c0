/**
 * Genuine evidence from real hardware, which is not part of this repository. `TEEMU_REAL_SAMPLES` names the folder that holds it
 * (`snp/milan-v3-dstack.report.bin`, `snp/ca/milan-ark.der` and so on); tests that need it are skipped without it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';

/** The folder, or undefined when there is none. */
export const REAL_SAMPLES: string | undefined = process.env.TEEMU_REAL_SAMPLES;

/** The bytes of one sample. @param name path below the folder @throws {Error} when it is not there */
export function realSample(name: string): Uint8Array {
  if (REAL_SAMPLES === undefined) throw new Error('TEEMU_REAL_SAMPLES is not set');
  return new Uint8Array(readFileSync(join(REAL_SAMPLES, name)));
}

/** `describe`, skipped when the samples are not there. */
export const describeReal: ReturnType<typeof describe.skipIf> = describe.skipIf(REAL_SAMPLES === undefined);
