/** What anybody can send in place of an event log, its table or an image to be measured: only typed errors come out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError, type TeemuError } from '../../emulator/errors.ts';
import { BOOTS } from '../../emulator/tdx/boot/boots.ts';
import { logged } from '../../emulator/tdx/boot/events.ts';
import { ccelTable, decodeCcelTable } from '../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog, emptyEventLog, encodeEvent, encodeEventLog, encodeHeader, fillArea } from '../../emulator/tdx/boot/log/event-log.ts';
import { contradictsData, replayEventLog } from '../../emulator/tdx/boot/log/replay.ts';
import { authenticodeDigest, syntheticApplication } from '../../emulator/tdx/boot/uefi/pe.ts';
import { decodeVariable, encodeVariable, VARIABLE_GUIDS } from '../../emulator/tdx/boot/uefi/variables.ts';
import { bootInputs } from '../tdx/boot/inputs.ts';
import { iterations } from './iterations.ts';

const events = BOOTS.direct.events(bootInputs(false)).map(logged);
const WRITTEN = encodeEventLog({ ...emptyEventLog(), events }).length;
const LOG = encodeEventLog(fillArea({ ...emptyEventLog(), events }, WRITTEN + 64));
/** Registers, kinds, counts, algorithms and lengths of every event, and everything in the first. */
const PLACES: number[] = [];
{
  let at = encodeHeader(emptyEventLog().header).length;
  for (let i = 0; i < at; i++) PLACES.push(i);
  for (const event of events) {
    for (let i = 0; i < 14; i++) PLACES.push(at + i);
    for (let i = 62; i < 66; i++) PLACES.push(at + i);
    at += encodeEvent(event).length;
  }
}

/** Some bytes of `src` changed, mostly where it matters, or the whole cut or drawn out. */
function mangled(src: Uint8Array, places: readonly number[]): fc.Arbitrary<Uint8Array> {
  const place = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...places) }, { weight: 1, arbitrary: fc.nat(src.length - 1) });
  const changed = fc.array(fc.tuple(place, fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))), { minLength: 1, maxLength: 8 }).map((list) => {
    const copy = src.slice();
    for (const [at, value] of list) copy[at] = value;
    return copy;
  });
  return fc.oneof(
    { weight: 8, arbitrary: changed },
    { weight: 1, arbitrary: fc.tuple(changed, fc.nat(src.length)).map(([bytes, end]) => bytes.slice(0, end)) },
    { weight: 1, arbitrary: fc.tuple(changed, fc.uint8Array({ maxLength: 64 })).map(([bytes, tail]) => Uint8Array.from([...bytes, ...tail])) },
  );
}
const range = (at: number, size: number): number[] => Array.from({ length: size }, (_, i) => at + i);

/** Bytes in everything that a decoded value holds. */
function held(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, part) => sum + held(part), 0) : 0;
}

/** What `call` gives, or undefined when it throws the only kind of error that it may. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    expect(error.at).toBeGreaterThanOrEqual(0);
    return undefined;
  }
}

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as event logs: read and written back the same and replayed, or a typed error with a place inside', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: mangled(LOG, PLACES) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) }), fc.constantFrom('reject', 'keep'), (src, reserved) => {
        try {
          const log = decodeEventLog(src, { reserved });
          expect(held(log)).toBeLessThanOrEqual(src.length);
          expect(Buffer.compare(encodeEventLog(log), src)).toBe(0);
          log.events.filter(contradictsData);
          expect(attempt(() => replayEventLog(log))?.length ?? 4).toBe(4);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          expect(error.path).toMatch(/^ccel/);
          expect(error.at).toBeLessThanOrEqual(src.length);
        }
      }),
      { numRuns: iterations },
    );
  });

  test('as CCEL tables: only a table with its checksum is read', () => {
    const table = ccelTable(0x10000, 0x7d64_9000n);
    fc.assert(
      fc.property(mangled(table, range(0, 56)), (src) => {
        const read = attempt(() => decodeCcelTable(src));
        if (read) expect(src.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
      }),
      { numRuns: iterations },
    );
  });

  test('as images to be measured: 48 bytes, or a typed error', () => {
    const image = syntheticApplication('x');
    fc.assert(
      fc.property(mangled(image, [...range(0, 2), ...range(60, 4), ...range(0x80, 0x1a8 - 0x80)]), (src) => {
        expect(attempt(() => authenticodeDigest(src))?.length ?? 48).toBe(48);
      }),
      { numRuns: iterations },
    );
  });

  test('as variables: contents no longer than the event, or a typed error', () => {
    const variable = encodeVariable({ vendor: VARIABLE_GUIDS.global, name: 'Boot0000', contents: new Uint8Array(20) });
    fc.assert(
      fc.property(mangled(variable, range(0, 32)), (src) => {
        expect(attempt(() => decodeVariable(src))?.contents.length ?? 0).toBeLessThanOrEqual(src.length);
      }),
      { numRuns: iterations },
    );
  });
});

test('lengths that lie cost no more memory than the log has', () => {
  const first = encodeHeader(emptyEventLog().header).length;
  const liars = [28, 56, 64, first + 8, first + 62].flatMap((at) =>
    [0x7f, 0xff].map((byte) => {
      const copy = LOG.slice();
      copy.fill(byte, at, at + 4);
      return copy;
    }),
  );
  const used = (): number => process.memoryUsage().arrayBuffers;
  for (const liar of liars) {
    const before = used();
    expect(() => decodeEventLog(liar)).toThrow(expect.objectContaining({ name: 'CodecError' } satisfies Partial<TeemuError>));
    expect(used() - before).toBeLessThanOrEqual(2 * LOG.length);
  }
});
