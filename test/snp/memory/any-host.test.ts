/** Whatever a host's software does, in any order: a guest that never validates twice reads what it wrote, or faults. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import type { SnpMachine } from '../../../emulator/snp/memory/machine.ts';
import { contains, give, machine } from './machine.ts';

const GPAS = [0x5000, 0x6000, 0x20_0000];
const PAGES = Array.from({ length: 6 }, (_, i) => 0x20_0000 + 0x1000 * i);
const SECRETS = GPAS.map((gpa) => new TextEncoder().encode(`the guest's own page at ${gpa.toString(16).padStart(8, '0')}`));

type Act = (m: SnpMachine) => unknown;
const page = fc.constantFrom(...PAGES);
const gpa = fc.constantFrom(...GPAS);
const size = fc.constantFrom('4K' as const, '2M' as const);
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(page, fc.uint8Array({ minLength: 1, maxLength: 40 })).map(
    ([at, bytes]): Act =>
      (m) =>
        m.host.write(at, bytes),
  ),
  fc.record({ assigned: fc.boolean(), asid: fc.constantFrom(0, 1, 2), gpa, immutable: fc.boolean(), pageSize: size }).chain((update) =>
    page.map(
      (at): Act =>
        (m) =>
          m.host.rmpUpdate(at, update),
    ),
  ),
  page.map(
    (at): Act =>
      (m) =>
        m.host.rmpUpdate(at, { assigned: false }),
  ),
  fc.tuple(gpa, page, fc.constantFrom(1, 2)).map(
    ([where, at, asid]): Act =>
      (m) =>
        m.host.map(asid, where, at),
  ),
  gpa.map(
    (where): Act =>
      (m) =>
        m.host.unmap(1, where),
  ),
  page.map(
    (at): Act =>
      (m) =>
        m.host.pSmash(at),
  ),
  page.map(
    (at): Act =>
      (m) =>
        m.firmware.launchUpdate(at),
  ),
  page.map(
    (at): Act =>
      (m) =>
        m.firmware.pageReclaim(at),
  ),
  fc.constant<Act>((m) => m.firmware.pageUnsmash(PAGES[0] ?? 0)),
  // The whole way to a page with content of the host's: none of its steps is of use alone.
  fc.tuple(gpa, page, fc.boolean()).map(
    ([where, at, launch]): Act =>
      (m) => {
        m.host.rmpUpdate(at, { assigned: true, asid: 1, gpa: where, immutable: launch });
        m.host.map(1, where, at);
        if (launch) m.firmware.launchUpdate(at);
      },
  ),
  // Another guest helps the host.
  fc.tuple(gpa, fc.boolean()).map(
    ([where, validate]): Act =>
      (m) =>
        m.guest(2).pValidate(where, '4K', validate),
  ),
  gpa.map(
    (where): Act =>
      (m) =>
        m.guest(2).write(where, new Uint8Array(32).fill(0x77)),
  ),
);

/** What an act raises is its own affair. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof FirmwareError)) throw error;
    return undefined;
  }
}

test('a guest reads what it wrote, or faults; its host never reads it', () => {
  let faults = 0;
  fc.assert(
    fc.property(fc.array(acts, { minLength: 1, maxLength: 12 }), (host) => {
      const m = machine();
      for (const [i, where] of GPAS.entries()) {
        give(m, { gpa: where, address: PAGES[i] ?? 0 });
        m.guest(1).write(where, SECRETS[i] as Uint8Array);
      }
      for (const act of host) {
        attempt(() => act(m));
        for (const [i, where] of GPAS.entries()) {
          const secret = SECRETS[i] as Uint8Array;
          const read = attempt(() => m.guest(1).read(where, secret.length));
          if (read) expect(read).toEqual(secret);
          else faults++;
        }
        for (const { bytes } of m.host.everything()) for (const secret of SECRETS) expect(contains(bytes, secret)).toBe(false);
      }
    }),
    { numRuns: 150, seed: 15 },
  );
  // The hosts did get at the guest now and then: all of them noticed.
  expect(faults).toBeGreaterThan(100);
});
