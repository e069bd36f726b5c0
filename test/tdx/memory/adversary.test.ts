/** TDX against the host's software and against somebody at the memory bus: each row one thing that is done, and what comes of it. */
import { describe, expect, test } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import type { Integrity } from '../../../emulator/tdx/memory/lines.ts';
import { TdxMachine, type TdOptions, type TdxMachineOptions } from '../../../emulator/tdx/memory/machine.ts';
import type { Td } from '../../../emulator/tdx/memory/td.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

const CANARY = new TextEncoder().encode('the TD keeps this to itself: 0123456789abcdef, over two lines of memory');
const GPA = 0x5000;
const OTHER_GPA = 0x9000;
const PAGE = 0x20_3000;
const OTHER_PAGE = 0x20_8000;

interface Scene {
  readonly m: TdxMachine;
  readonly td: Td;
}

/** A TD that may run. */
function running(m: TdxMachine, options: TdOptions = {}): Td {
  const td = m.createTd(options);
  m.host.finalize(td);
  return td;
}

/** A TD with a page that it has accepted and written the canary to. */
function scene(options: TdxMachineOptions = {}, tdOptions: TdOptions = {}): Scene {
  const m = new TdxMachine(seededWorld('memory', fixedClock(0)), { size: 16 * 1024 * 1024, ...options });
  const td = running(m, tdOptions);
  m.host.pageAug(td, GPA, PAGE);
  td.accept(GPA, 0);
  td.write(GPA, CANARY);
  return { m, td };
}

function raised(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (error instanceof FirmwareError) return error.statusName;
    throw error;
  }
  return 'nothing';
}
/** The last of several answers that are wanted one after the other. */
const last = <T>(...answers: readonly [...unknown[], T]): T => answers.at(-1) as T;
const contains = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes(Buffer.from(CANARY.subarray(0, 32)));
const read = ({ td }: Scene): Uint8Array => td.read(GPA, CANARY.length);
/** Takes a page away as the module allows it. */
function remove({ m, td }: Scene, gpa: number): void {
  m.host.rangeBlock(td, gpa);
  m.host.track(td);
  m.host.pageRemove(td, gpa);
}

describe("a host's software against a TD", () => {
  test.each<readonly [rule: string, outcome: string, fatal: boolean, attack: (s: Scene) => unknown]>([
    ['a byte is written to a private page: the next read is poison, and the TD is over', '#MC', true, (s) => last(s.m.host.write(PAGE + 3, Uint8Array.of(1)), read(s))],
    ['a whole page is written over: the same', '#MC', true, (s) => last(s.m.host.write(PAGE, new Uint8Array(4096)), read(s))],
    ['a line is written with what the host reads there: the same, for the line is no TD’s any more', '#MC', true, (s) => last(s.m.host.write(PAGE, s.m.host.read(PAGE, 64)), read(s))],
    ['a line is written before the TD writes a part of it: the same', '#MC', true, (s) => last(s.m.host.write(PAGE, new Uint8Array(64)), s.td.write(GPA + 8, Uint8Array.of(1)))],
    ['a page is blocked: the TD waits for the host, and has seen nothing', 'EPT violation', false, (s) => last(s.m.host.rangeBlock(s.td, GPA), read(s))],
    ['a page is taken away: the same', 'EPT violation', false, (s) => last(remove(s, GPA), read(s))],
    ['another page is put in its place: it waits to be accepted, and is not read', 'EPT violation', false, (s) => last(remove(s, GPA), s.m.host.pageAug(s.td, GPA, OTHER_PAGE), read(s))],
    ['the same page is put back: the same', 'EPT violation', false, (s) => last(remove(s, GPA), s.m.host.pageAug(s.td, GPA, PAGE), read(s))],
    ['a page is taken away with old ways to it still in use: refused', 'TDX_TLB_TRACKING_NOT_DONE', false, (s) => last(s.m.host.rangeBlock(s.td, GPA), s.m.host.pageRemove(s.td, GPA))],
    ['a page is taken away without being blocked: refused', 'TDX_GPA_RANGE_NOT_BLOCKED', false, (s) => s.m.host.pageRemove(s.td, GPA)],
    ['a page with content of the host is put in its place: refused, the TD runs', 'TDX_OP_STATE_INCORRECT', false, (s) => last(remove(s, GPA), s.m.host.pageAdd(s.td, GPA, OTHER_PAGE, new Uint8Array(4096)))],
    ['one page is given at two addresses: refused', 'TDX_PAGE_METADATA_INCORRECT', false, (s) => s.m.host.pageAug(s.td, OTHER_GPA, PAGE)],
    ["a TD's page is given to another TD: refused", 'TDX_PAGE_METADATA_INCORRECT', false, (s) => s.m.host.pageAug(running(s.m), GPA, PAGE)],
    ['a second page is given at an address in use: refused', 'TDX_EPT_ENTRY_STATE_INCORRECT', false, (s) => s.m.host.pageAug(s.td, GPA, OTHER_PAGE)],
  ])('%s', (_, outcome, fatal, attack) => {
    const s = scene();
    expect(raised(() => attack(s))).toBe(outcome);
    expect(s.td.fatal).toBe(fatal);
    expect(raised(() => s.td.read(GPA, 0))).toBe(fatal ? 'TDX_TD_FATAL' : 'nothing');
    expect([...s.m.host.everything()].some(({ bytes }) => contains(bytes))).toBe(false);
  });

  test('the good twin: nobody interferes, and the TD reads what it wrote', () => {
    const s = scene();
    expect(read(s)).toEqual(CANARY);
    expect(s.td.fatal).toBe(false);
  });

  test('lines that nobody touched are still good after a neighbour was written', () => {
    const s = scene();
    s.m.host.write(PAGE + 2048, Uint8Array.of(1));
    expect(read(s)).toEqual(CANARY);
    s.td.write(GPA, Uint8Array.of(9));
    expect(s.td.fatal).toBe(false);
  });

  test('a line that the TD writes whole is good again', () => {
    const s = scene();
    s.m.host.write(PAGE, new Uint8Array(64));
    s.td.write(GPA, new Uint8Array(64).fill(5));
    expect(s.td.read(GPA, 64)).toEqual(new Uint8Array(64).fill(5));
  });

  test('a page that is put back and accepted again is empty: what was in it cannot come back', () => {
    const s = scene();
    remove(s, GPA);
    s.m.host.pageAug(s.td, GPA, PAGE);
    s.td.accept(GPA, 0);
    expect(read(s)).toEqual(new Uint8Array(CANARY.length));
  });
});

describe('what the host sees', () => {
  test('of a private page is zero, not even ciphertext', () => {
    expect(scene().m.host.read(PAGE, 4096)).toEqual(new Uint8Array(4096));
  });

  test('of a page that was taken away is zero', () => {
    const s = scene();
    remove(s, GPA);
    expect(s.m.host.read(PAGE, 4096)).toEqual(new Uint8Array(4096));
  });

  test.each([48, 52] as const)('of a shared page is plaintext, both ways, under the shared bit of %i-bit addresses', (gpaWidth) => {
    const { m, td } = scene({}, { gpaWidth });
    const address = 2 ** (gpaWidth - 1) + OTHER_GPA;
    expect(raised(() => td.read(address, 1))).toBe('EPT violation');
    m.host.mapShared(td, OTHER_GPA, OTHER_PAGE);
    td.write(address, CANARY);
    expect(m.host.read(OTHER_PAGE, CANARY.length)).toEqual(CANARY);
    m.host.write(OTHER_PAGE, Uint8Array.of(7));
    expect(td.read(address, 1)).toEqual(Uint8Array.of(7));
    // The leak scan finds what is not protected, so it can find something.
    m.host.write(OTHER_PAGE, CANARY.subarray(0, 1));
    expect([...m.host.everything()].some(({ bytes }) => contains(bytes))).toBe(true);
  });

  test('through the shared mapping of a private page is zero to the TD too', () => {
    const { m, td } = scene();
    m.host.mapShared(td, OTHER_GPA, PAGE);
    expect(td.read(td.sharedBit + OTHER_GPA, 64)).toEqual(new Uint8Array(64));
  });
});

describe('somebody at the memory bus', () => {
  const flip = ({ m }: Scene): void => {
    const line = m.capture(PAGE);
    m.restore(PAGE, { ...line, ciphertext: line.ciphertext.map((byte, i) => (i === 5 ? byte ^ 1 : byte)) });
  };
  const move = ({ m }: Scene): void => m.restore(PAGE + 64, m.capture(PAGE));
  const replay = (s: Scene): void => {
    const old = s.m.capture(PAGE);
    s.td.write(GPA, new Uint8Array(64));
    s.m.restore(PAGE, old);
  };
  const disown = ({ m }: Scene): void => m.restore(PAGE, { ...m.capture(PAGE), owned: false });
  const markMac = ({ m }: Scene): void => m.restore(PAGE, { ...m.capture(PAGE), mac: m.capture(PAGE).mac ^ 1 });
  test.each<readonly [what: string, attack: (s: Scene) => void, integrity: Integrity, outcome: string]>([
    ['flips a bit of a line', flip, 'cryptographic', '#MC'],
    ['flips a bit of a line', flip, 'logical', 'other bytes'],
    ['moves a line', move, 'cryptographic', '#MC'],
    ['moves a line', move, 'logical', 'other bytes'],
    ['clears the owner bit', disown, 'cryptographic', '#MC'],
    ['clears the owner bit', disown, 'logical', '#MC'],
    ['changes the MAC', markMac, 'cryptographic', '#MC'],
    ['changes the MAC, which nobody looks at', markMac, 'logical', 'the bytes'],
    ['puts an old line back, with its marks', replay, 'cryptographic', 'the bytes'],
    ['puts an old line back, with its marks', replay, 'logical', 'the bytes'],
  ])('%s under %2$s integrity', (_, attack, integrity, outcome) => {
    const s = scene({ integrity });
    attack(s);
    const got = (): string => (Buffer.compare(read(s), CANARY) === 0 ? 'the bytes' : 'other bytes');
    if (outcome === '#MC') expect(raised(got)).toBe('#MC');
    else expect(got()).toBe(outcome);
  });

  test('sees ciphertext, and the same one each time the same bytes are written to the same place', () => {
    const s = scene();
    const before = s.m.capture(PAGE);
    expect(contains(before.ciphertext)).toBe(false);
    s.td.write(GPA, new Uint8Array(64));
    expect(s.m.capture(PAGE)).not.toEqual(before);
    s.td.write(GPA, CANARY.subarray(0, 64));
    expect(s.m.capture(PAGE)).toEqual(before);
    expect(s.m.capture(PAGE + 64).ciphertext).not.toEqual(before.ciphertext);
  });

  test('sees other ciphertext in another world, on another machine, of another TD', () => {
    const ciphertext = (options: TdxMachineOptions): string => Buffer.from(scene(options).m.capture(PAGE).ciphertext).toString('hex');
    expect(ciphertext({})).toBe(ciphertext({}));
    expect(ciphertext({ name: 'second' })).not.toBe(ciphertext({}));
  });
});
