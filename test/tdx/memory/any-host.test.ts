/** Whatever a host's software does, in any order: a TD that never accepts twice reads what it wrote, faults, or is over. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import { TdxMachine } from '../../../emulator/tdx/memory/machine.ts';
import type { Td } from '../../../emulator/tdx/memory/td.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

const GPAS = [0x5000, 0x6000];
const PAGES = Array.from({ length: 5 }, (_, i) => 0x20_0000 + 0x1000 * i);
const SECRETS = GPAS.map((gpa) => new TextEncoder().encode(`the TD's own page at ${gpa.toString(16).padStart(8, '0')}, over more than one line of memory`));

interface Scene {
  readonly m: TdxMachine;
  readonly td: Td;
  readonly other: Td;
}
type Act = (scene: Scene) => unknown;
const page = fc.constantFrom(...PAGES);
const gpa = fc.constantFrom(...GPAS);
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(page, fc.nat(3900), fc.uint8Array({ minLength: 1, maxLength: 130 })).map(
    ([at, offset, bytes]): Act =>
      ({ m }) =>
        m.host.write(at + offset, bytes),
  ),
  fc.tuple(gpa, page).map(
    ([where, at]): Act =>
      ({ m, td }) =>
        m.host.pageAug(td, where, at),
  ),
  fc.tuple(gpa, page).map(
    ([where, at]): Act =>
      ({ m, td }) =>
        m.host.pageAdd(td, where, at, new Uint8Array(4096).fill(0x77)),
  ),
  fc.tuple(gpa, page).map(
    ([where, at]): Act =>
      ({ m, other }) => {
        m.host.pageAug(other, where, at);
        other.accept(where, 0);
      },
  ),
  gpa.map(
    (where): Act =>
      ({ m, td }) =>
        m.host.rangeBlock(td, where),
  ),
  gpa.map(
    (where): Act =>
      ({ m, td }) =>
        m.host.rangeUnblock(td, where),
  ),
  gpa.map(
    (where): Act =>
      ({ m, td }) =>
        m.host.pageRemove(td, where),
  ),
  fc.constant<Act>(({ m, td }) => m.host.track(td)),
  // The whole way to a page in another's place: none of its steps is of use alone.
  fc.tuple(gpa, page, fc.boolean()).map(
    ([where, at, add]): Act =>
      ({ m, td }) => {
        m.host.rangeBlock(td, where);
        m.host.track(td);
        m.host.pageRemove(td, where);
        if (add) m.host.pageAdd(td, where, at, new Uint8Array(4096).fill(0x77));
        else m.host.pageAug(td, where, at);
      },
  ),
  fc.tuple(gpa, page).map(
    ([where, at]): Act =>
      ({ m, td }) =>
        m.host.mapShared(td, where, at),
  ),
);

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof FirmwareError)) throw error;
    return undefined;
  }
}

test.each(['logical', 'cryptographic'] as const)('a TD reads what it wrote, or faults, under %s integrity; its host never reads it', (integrity) => {
  let faults = 0;
  fc.assert(
    fc.property(fc.array(acts, { minLength: 1, maxLength: 12 }), (host) => {
      const m = new TdxMachine(seededWorld('memory', fixedClock(0)), { size: 4 << 20, integrity });
      const [td, other] = [m.createTd(), m.createTd()];
      for (const each of [td, other]) m.host.finalize(each);
      for (const [i, where] of GPAS.entries()) {
        m.host.pageAug(td, where, PAGES[i] ?? 0);
        td.accept(where, 0);
        td.write(where, SECRETS[i] as Uint8Array);
      }
      for (const act of host) {
        attempt(() => act({ m, td, other }));
        for (const [i, where] of GPAS.entries()) {
          const secret = SECRETS[i] as Uint8Array;
          const read = attempt(() => td.read(where, secret.length));
          if (read) expect(read).toEqual(secret);
          else faults++;
        }
        for (const { bytes } of m.host.everything()) for (const secret of SECRETS) expect(Buffer.from(bytes).includes(Buffer.from(secret.subarray(0, 32)))).toBe(false);
      }
    }),
    { numRuns: 100, seed: 15 },
  );
  expect(faults).toBeGreaterThan(100);
});
