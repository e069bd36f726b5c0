/** The life of a TD's private pages: each row one rule of the TDX module, and the status that it answers. */
import { describe, expect, test } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import { TdxMachine } from '../../../emulator/tdx/memory/machine.ts';
import type { Td } from '../../../emulator/tdx/memory/td.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

const MIB = 1024 * 1024;
const GPA = 0x5000;
const PAGE = 0x20_3000;
const LARGE_GPA = 6 * MIB;
const LARGE_PAGE = 8 * MIB;

function machine(options: Parameters<TdxMachine['createTd']>[0] = {}, finalized = true): { m: TdxMachine; td: Td } {
  const m = new TdxMachine(seededWorld('memory', fixedClock(0)), { size: 16 * MIB });
  const td = m.createTd(options);
  if (finalized) m.host.finalize(td);
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

type Setup = (m: TdxMachine, td: Td) => unknown;
const aug: Setup = (m, td) => m.host.pageAug(td, GPA, PAGE);
const augLarge: Setup = (m, td) => m.host.pageAug(td, LARGE_GPA, LARGE_PAGE, 1);
const acceptLarge: Setup = (m, td) => {
  augLarge(m, td);
  td.accept(LARGE_GPA, 1);
};
const blockLarge: Setup = (m, td) => {
  acceptLarge(m, td);
  m.host.rangeBlock(td, LARGE_GPA, 1);
};
const nothing: Setup = () => undefined;

describe('TDG.MEM.PAGE.ACCEPT', () => {
  test.each<readonly [rule: string, before: Setup, attempt: (td: Td) => unknown, outcome: string]>([
    ['takes a page that waits', aug, (td) => td.accept(GPA, 0), 'nothing'],
    ['takes a large one', augLarge, (td) => td.accept(LARGE_GPA, 1), 'nothing'],
    ['says when a page is accepted already', acceptLarge, (td) => td.accept(LARGE_GPA, 1), 'TDX_PAGE_ALREADY_ACCEPTED'],
    ['needs the size of the page: small where it is large', augLarge, (td) => td.accept(LARGE_GPA, 0), 'TDX_PAGE_SIZE_MISMATCH'],
    ['needs the size of the page: large where it is small', (m, td) => m.host.pageAug(td, LARGE_GPA, LARGE_PAGE), (td) => td.accept(LARGE_GPA, 1), 'TDX_PAGE_SIZE_MISMATCH'],
    ['refuses a shared address', aug, (td) => td.accept(td.sharedBit + GPA, 0), 'TDX_OPERAND_INVALID'],
    ['refuses an address that is no page', aug, (td) => td.accept(GPA + 64, 0), 'TDX_OPERAND_INVALID'],
    ['leaves for the host where nothing waits', nothing, (td) => td.accept(GPA, 0), 'EPT violation'],
    ['leaves for the host where the page is blocked', (m, td) => [aug(m, td), m.host.rangeBlock(td, GPA)], (td) => td.accept(GPA, 0), 'EPT violation'],
  ])('%s', (_, before, attempt, outcome) => {
    const { m, td } = machine();
    before(m, td);
    expect(raised(() => attempt(td))).toBe(outcome);
  });

  test('hands over a page of zeros, whatever was in it', () => {
    const { m, td } = machine();
    m.host.write(PAGE, new Uint8Array(4096).fill(0xaa));
    aug(m, td);
    td.accept(GPA, 0);
    expect(td.read(GPA, 4096)).toEqual(new Uint8Array(4096));
  });

  test.each([
    [true, 'EPT violation'],
    [false, '#VE'],
  ])('before it, with SEPT_VE_DISABLE %s, an access is %s', (septVeDisable, outcome) => {
    const { m, td } = machine({ septVeDisable });
    aug(m, td);
    expect(raised(() => td.read(GPA, 1))).toBe(outcome);
    expect(raised(() => td.write(GPA, Uint8Array.of(1)))).toBe(outcome);
    expect(td.fatal).toBe(false);
  });
});

describe('the functions of the module that a host calls', () => {
  test.each<readonly [rule: string, before: Setup, attempt: Setup, outcome: string]>([
    ['TDH.MEM.PAGE.AUG takes a private address only', nothing, (m, td) => m.host.pageAug(td, td.sharedBit, PAGE), 'TDX_OPERAND_INVALID'],
    ['TDH.MEM.PAGE.AUG needs an aligned address', nothing, (m, td) => m.host.pageAug(td, GPA, LARGE_PAGE, 1), 'TDX_OPERAND_INVALID'],
    ['TDH.MEM.PAGE.AUG takes no large page of which a part is a TD’s', (m, td) => m.host.pageAug(td, GPA, LARGE_PAGE + 0x3000), augLarge, 'TDX_PAGE_METADATA_INCORRECT'],
    ['TDH.MEM.PAGE.AUG takes no large page over a small one', (m, td) => m.host.pageAug(td, LARGE_GPA + 0x1000, PAGE), augLarge, 'TDX_EPT_ENTRY_STATE_INCORRECT'],
    ['TDH.MEM.RANGE.BLOCK needs a page', nothing, (m, td) => m.host.rangeBlock(td, GPA), 'TDX_EPT_WALK_FAILED'],
    ['TDH.MEM.RANGE.BLOCK needs the level of the page', acceptLarge, (m, td) => m.host.rangeBlock(td, LARGE_GPA, 0), 'TDX_EPT_WALK_FAILED'],
    ['TDH.MEM.RANGE.BLOCK says when a page is blocked already', blockLarge, (m, td) => m.host.rangeBlock(td, LARGE_GPA, 1), 'TDX_GPA_RANGE_ALREADY_BLOCKED'],
    ['TDH.MEM.RANGE.UNBLOCK needs a blocked page', acceptLarge, (m, td) => m.host.rangeUnblock(td, LARGE_GPA, 1), 'TDX_GPA_RANGE_NOT_BLOCKED'],
    ['TDH.MEM.RANGE.UNBLOCK needs TDH.MEM.TRACK', blockLarge, (m, td) => m.host.rangeUnblock(td, LARGE_GPA, 1), 'TDX_TLB_TRACKING_NOT_DONE'],
    ['TDH.MEM.PAGE.DEMOTE needs a blocked page', acceptLarge, (m, td) => m.host.pageDemote(td, LARGE_GPA), 'TDX_GPA_RANGE_NOT_BLOCKED'],
    ['TDH.MEM.PAGE.DEMOTE needs TDH.MEM.TRACK', blockLarge, (m, td) => m.host.pageDemote(td, LARGE_GPA), 'TDX_TLB_TRACKING_NOT_DONE'],
    ['TDH.MEM.PAGE.PROMOTE needs small pages', acceptLarge, (m, td) => m.host.pagePromote(td, LARGE_GPA), 'TDX_EPT_INVALID_PROMOTE_CONDITIONS'],
    ['TDH.MEM.PAGE.PROMOTE needs all of them', (m, td) => [m.host.pageAug(td, LARGE_GPA, LARGE_PAGE), td.accept(LARGE_GPA, 0)], (m, td) => m.host.pagePromote(td, LARGE_GPA), 'TDX_EPT_INVALID_PROMOTE_CONDITIONS'],
  ])('%s', (_, before, attempt, outcome) => {
    const { m, td } = machine();
    before(m, td);
    expect(raised(() => attempt(m, td))).toBe(outcome);
  });

  test('a TD is built of pages with content, then finalized, then it runs and takes pages without', () => {
    const { m, td } = machine({}, false);
    m.host.pageAdd(td, GPA, PAGE, new Uint8Array(4096).fill(3));
    expect(raised(() => m.host.pageAdd(td, GPA + 0x1000, PAGE, new Uint8Array(4096)))).toBe('TDX_PAGE_METADATA_INCORRECT');
    for (const early of [() => td.read(GPA, 1), () => m.host.pageAug(td, GPA + 0x1000, PAGE + 0x1000)]) expect(raised(early)).toBe('TDX_OP_STATE_INCORRECT');
    m.host.finalize(td);
    expect(td.read(GPA, 2)).toEqual(Uint8Array.of(3, 3));
    for (const late of [() => m.host.finalize(td), () => m.host.pageAdd(td, GPA + 0x1000, PAGE + 0x1000, new Uint8Array(4096))]) expect(raised(late)).toBe('TDX_OP_STATE_INCORRECT');
  });

  test('a page that was blocked and unblocked is as it was', () => {
    const { m, td } = machine();
    acceptLarge(m, td);
    td.write(LARGE_GPA + 5000, Uint8Array.of(1, 2, 3));
    m.host.rangeBlock(td, LARGE_GPA, 1);
    expect(raised(() => td.read(LARGE_GPA, 1))).toBe('EPT violation');
    m.host.track(td);
    m.host.rangeUnblock(td, LARGE_GPA, 1);
    expect(td.read(LARGE_GPA + 5000, 3)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('a page that waited, was blocked and unblocked, still waits', () => {
    const { m, td } = machine();
    aug(m, td);
    m.host.rangeBlock(td, GPA);
    m.host.track(td);
    m.host.rangeUnblock(td, GPA);
    expect(raised(() => td.read(GPA, 1))).toBe('EPT violation');
    td.accept(GPA, 0);
    expect(raised(() => td.read(GPA, 1))).toBe('nothing');
  });

  test('a page keeps its content when it is split and joined again', () => {
    const { m, td } = machine();
    blockLarge(m, td);
    m.host.track(td);
    m.host.pageDemote(td, LARGE_GPA);
    expect(td.sept.find(LARGE_GPA + 0x3000)).toMatchObject({ base: LARGE_GPA + 0x3000, entry: { state: 'MAPPED', level: 0, address: LARGE_PAGE + 0x3000 } });
    td.write(LARGE_GPA + 0x3010, Uint8Array.of(4, 5));
    m.host.pagePromote(td, LARGE_GPA);
    expect(td.sept.find(LARGE_GPA + 0x3000)).toMatchObject({ base: LARGE_GPA, entry: { state: 'MAPPED', level: 1 } });
    expect(td.read(LARGE_GPA + 0x3010, 2)).toEqual(Uint8Array.of(4, 5));
  });

  test('a page that was taken away can be another TD’s, empty', () => {
    const { m, td } = machine();
    aug(m, td);
    td.accept(GPA, 0);
    td.write(GPA, Uint8Array.of(1));
    m.host.rangeBlock(td, GPA);
    m.host.track(td);
    m.host.pageRemove(td, GPA);
    const other = m.createTd();
    m.host.finalize(other);
    m.host.pageAug(other, GPA, PAGE);
    other.accept(GPA, 0);
    expect(other.read(GPA, 1)).toEqual(Uint8Array.of(0));
  });
});
