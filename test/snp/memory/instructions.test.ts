/** The instructions and commands that change the reverse map: each row one rule, and the status that it answers. */
import { describe, expect, test } from 'vitest';
import { PAGE_NOT_VALIDATED } from '../../../emulator/snp/memory/fault.ts';
import type { SnpMachine } from '../../../emulator/snp/memory/machine.ts';
import type { RmpStatus } from '../../../emulator/snp/memory/reverse-map.ts';
import { PERMISSION, pageState } from '../../../emulator/snp/memory/rmp-entry.ts';
import { CANARY, code, contains, give, GPA, guestWithSecret, LARGE_GPA, LARGE_SPA, last, machine, MIB, OTHER_SPA, PRIVATE_READ, raised, RW, SPA, unlaunched } from './machine.ts';

describe('RMPUPDATE', () => {
  const update = (m: SnpMachine, address: number, gpa: number, pageSize: '4K' | '2M' = '4K'): string => m.host.rmpUpdate(address, { assigned: true, asid: 1, gpa, pageSize });
  test.each<readonly [rule: string, answer: RmpStatus, attempt: (m: SnpMachine) => string]>([
    ['takes a page of the hypervisor', 'SUCCESS', (m) => update(m, SPA, GPA)],
    ['takes a large page', 'SUCCESS', (m) => update(m, LARGE_SPA, LARGE_GPA, '2M')],
    ['refuses an address that is no page', 'FAIL_INPUT', (m) => update(m, SPA + 1, GPA)],
    ['refuses a page outside the memory', 'FAIL_INPUT', (m) => update(m, 16 * MIB, GPA)],
    ['refuses a large page that is not aligned', 'FAIL_INPUT', (m) => update(m, SPA, LARGE_GPA, '2M')],
    ['refuses a guest address that is not aligned', 'FAIL_INPUT', (m) => update(m, LARGE_SPA, GPA, '2M')],
    ['refuses an ASID that no guest can have', 'FAIL_INPUT', (m) => m.host.rmpUpdate(SPA, { assigned: true, asid: 100, gpa: GPA })],
    ['refuses a page of the hypervisor with an owner', 'FAIL_INPUT', (m) => m.host.rmpUpdate(SPA, { assigned: false, asid: 1 })],
    ['refuses a large page over a small one that is assigned', 'FAIL_OVERLAP', (m) => last(update(m, LARGE_SPA + 0x3000, GPA), update(m, LARGE_SPA, LARGE_GPA, '2M'))],
    ['refuses a small page within a large one', 'FAIL_OVERLAP', (m) => last(update(m, LARGE_SPA, LARGE_GPA, '2M'), update(m, LARGE_SPA + 0x3000, GPA))],
    ['refuses the first small page of a large one too', 'FAIL_OVERLAP', (m) => last(update(m, LARGE_SPA, LARGE_GPA, '2M'), update(m, LARGE_SPA, LARGE_GPA))],
    ['refuses a page that the firmware holds', 'FAIL_PERMISSION', (m) => last(m.host.rmpUpdate(SPA, { assigned: true, immutable: true }), update(m, SPA, GPA))],
    ['refuses a page that is fixed for the hypervisor', 'FAIL_PERMISSION', (m) => last(m.firmware.fixForHypervisor(SPA, 4096), update(m, SPA, GPA))],
    ['gives a large page back whole', 'SUCCESS', (m) => last(update(m, LARGE_SPA, LARGE_GPA, '2M'), m.host.rmpUpdate(LARGE_SPA, { assigned: false, pageSize: '2M' }))],
  ])('%s', (_, answer, attempt) => {
    expect(attempt(machine())).toBe(answer);
  });
});

describe('PVALIDATE', () => {
  test.each<readonly [rule: string, answer: object, attempt: (m: SnpMachine) => unknown]>([
    ['validates a page once', { status: 'SUCCESS', changed: true }, (m) => give(m, { validate: false }).guest(1).pValidate(GPA, '4K', true)],
    ['says that a second time changed nothing', { status: 'SUCCESS', changed: false }, (m) => give(m).guest(1).pValidate(GPA, '4K', true)],
    ['takes validation back', { status: 'SUCCESS', changed: true }, (m) => give(m).guest(1).pValidate(GPA, '4K', false)],
    ['of a large page where there is a small one does not fit', { status: 'FAIL_SIZEMISMATCH', changed: false }, (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA }).guest(1).pValidate(LARGE_GPA, '2M', true)],
    [
      'of an address that is no page is refused',
      { status: 'FAIL_INPUT', changed: false },
      (m) =>
        give(m)
          .guest(1)
          .pValidate(GPA + 8, '4K', true),
    ],
  ])('%s', (_, answer, attempt) => {
    expect(attempt(machine())).toEqual(answer);
  });

  test.each([1, 2, 3])('is VMPL 0’s: VMPL %i has to ask it', (vmpl) => {
    const m = give(machine(), {});
    expect(raised(() => m.guest(1, vmpl).pValidate(GPA, '4K', false))).toEqual({ name: '#GP', status: 0 });
  });

  test('of a part of a large page leaves for the host, which splits it, and then it works', () => {
    const m = give(machine(), { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' });
    m.guest(1).write(LARGE_GPA + 0x5000, CANARY);
    expect(raised(() => m.guest(1).pValidate(LARGE_GPA + 0x5000, '4K', false))).toEqual({ name: '#NPF', status: code('present', 'encrypted', 'rmp', 'sizeMismatch') });
    expect(m.host.pSmash(LARGE_SPA)).toBe('SUCCESS');
    m.host.map(1, LARGE_GPA + 0x5000, LARGE_SPA + 0x5000);
    // Splitting changes neither content nor validation.
    expect(m.guest(1).read(LARGE_GPA + 0x5000, CANARY.length)).toEqual(CANARY);
    expect(m.guest(1).pValidate(LARGE_GPA + 0x5000, '4K', false)).toEqual({ status: 'SUCCESS', changed: true });
  });

  test("of the hypervisor's page leaves for the host", () => {
    const m = machine();
    m.host.map(1, GPA, SPA);
    expect(raised(() => m.guest(1).pValidate(GPA, '4K', true)).name).toBe('#NPF');
  });
});

describe('splitting and joining pages', () => {
  test.each<readonly [rule: string, answer: RmpStatus, attempt: (m: SnpMachine) => string]>([
    ['PSMASH needs a large page', 'FAIL_INPUT', (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA }).host.pSmash(LARGE_SPA)],
    ['PSMASH needs an aligned address', 'FAIL_INPUT', (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }).host.pSmash(LARGE_SPA + 0x1000)],
    ['PSMASH needs a page that is assigned', 'FAIL_INPUT', (m) => m.host.pSmash(LARGE_SPA)],
    ['SNP_PAGE_UNSMASH joins what PSMASH split', 'SUCCESS', (m) => last(give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }).host.pSmash(LARGE_SPA), m.firmware.pageUnsmash(LARGE_SPA))],
    [
      'SNP_PAGE_UNSMASH refuses pages of which one is not validated',
      'FAIL_INPUT',
      (m) => {
        give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }).host.pSmash(LARGE_SPA);
        m.host.map(1, LARGE_GPA + 0x7000, LARGE_SPA + 0x7000);
        m.guest(1).pValidate(LARGE_GPA + 0x7000, '4K', false);
        return m.firmware.pageUnsmash(LARGE_SPA);
      },
    ],
    ['SNP_PAGE_UNSMASH refuses a page of the hypervisor', 'FAIL_INPUT', (m) => m.firmware.pageUnsmash(LARGE_SPA)],
  ])('%s', (_, answer, attempt) => {
    expect(attempt(machine())).toBe(answer);
  });

  test('a page that was split and joined is as it was', () => {
    const m = give(machine(), { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' });
    const before = m.rmp.entry(LARGE_SPA);
    m.host.pSmash(LARGE_SPA);
    expect(m.rmp.entry(LARGE_SPA + 0x3000).entry).toMatchObject({ gpa: LARGE_GPA + 0x3000, pageSize: '4K', validated: true });
    m.firmware.pageUnsmash(LARGE_SPA);
    expect(m.rmp.entry(LARGE_SPA)).toEqual(before);
    expect(m.rmp.entry(LARGE_SPA + 0x3000)).toEqual(before);
  });
});

describe('privilege levels', () => {
  const adjust = (m: SnpMachine, by: number, vmpl: number, permissions: number, vmsa = false): string => m.guest(1, by).rmpAdjust(GPA, '4K', { vmpl, permissions, vmsa });
  test.each<readonly [rule: string, answer: RmpStatus, attempt: (m: SnpMachine) => string]>([
    ['VMPL 0 gives VMPL 1 a page', 'SUCCESS', (m) => adjust(m, 0, 1, RW)],
    ['VMPL 1 hands on what it has', 'SUCCESS', (m) => last(adjust(m, 0, 1, RW), adjust(m, 1, 2, PERMISSION.read))],
    ['VMPL 1 cannot hand on what it does not have', 'FAIL_PERMISSION', (m) => last(adjust(m, 0, 1, PERMISSION.read), adjust(m, 1, 2, RW))],
    ['VMPL 1 cannot change its own', 'FAIL_PERMISSION', (m) => last(adjust(m, 0, 1, RW), adjust(m, 1, 1, RW))],
    ['VMPL 1 cannot change VMPL 0', 'FAIL_PERMISSION', (m) => last(adjust(m, 0, 1, RW), adjust(m, 1, 0, 0))],
    ['VMPL 0 makes register state of a page', 'SUCCESS', (m) => adjust(m, 0, 1, RW, true)],
    ['VMPL 1 cannot make register state of a page', 'FAIL_PERMISSION', (m) => last(adjust(m, 0, 1, RW), adjust(m, 1, 2, RW, true))],
    ['there is no VMPL 4', 'FAIL_INPUT', (m) => adjust(m, 0, 4, RW)],
    ['there is no fifth permission', 'FAIL_INPUT', (m) => adjust(m, 0, 1, 16)],
    ['a large page must be one', 'FAIL_SIZEMISMATCH', (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA }).guest(1).rmpAdjust(LARGE_GPA, '2M', { vmpl: 1, permissions: RW })],
  ])('RMPADJUST: %s', (_, answer, attempt) => {
    expect(attempt(guestWithSecret())).toBe(answer);
  });

  test('RMPADJUST of a page that is not validated is noticed by the guest', () => {
    expect(raised(() => adjust(give(machine(), { validate: false }), 0, 1, RW))).toEqual({ name: '#VC', status: PAGE_NOT_VALIDATED });
  });

  test.each([
    ['nothing', 0, 'read', true],
    ['reading', PERMISSION.read, 'read', false],
    ['reading', PERMISSION.read, 'write', true],
    ['reading', PERMISSION.read, 'execute', true],
    ['reading and writing', RW, 'write', false],
    ['executing', PERMISSION.executeSupervisor, 'execute', false],
  ] as const)('a level with permission for %s (%i) that wants to %s is stopped: %s', (_, permissions, intent, stopped) => {
    const m = guestWithSecret();
    adjust(m, 0, 2, permissions);
    const guest = m.guest(1, 2);
    const attempt = { read: () => guest.read(GPA, 1), write: () => guest.write(GPA, Uint8Array.of(1)), execute: () => guest.execute(GPA, 1) }[intent];
    const expected = { name: '#NPF', status: code(...PRIVATE_READ, 'vmpl', ...(intent === 'write' ? (['write'] as const) : [])) };
    expect(raised(attempt)).toEqual(stopped ? expected : { name: 'nothing', status: 0 });
  });

  test('a page of register state runs, until it is none any more', () => {
    const m = guestWithSecret();
    adjust(m, 0, 1, RW, true);
    expect(raised(() => m.host.vmRun(1, SPA)).name).toBe('nothing');
    expect(raised(() => m.host.vmRun(2, SPA)).name).toBe('VMEXIT_INVALID');
    adjust(m, 0, 1, 0, false);
    expect(raised(() => m.host.vmRun(1, SPA)).name).toBe('VMEXIT_INVALID');
  });
});

describe('launching', () => {
  test('makes what the host put there the guest’s: validated, encrypted, out of the host’s reach', () => {
    const m = unlaunched();
    m.host.write(SPA, CANARY);
    m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true });
    m.host.map(1, GPA, SPA);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe('Pre-Guest');
    expect(raised(() => m.guest(1)).name).toBe('INVALID_GUEST_STATE');
    m.firmware.launchUpdate(SPA);
    m.firmware.launchFinish(1);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe('Guest-Valid');
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
    expect(contains(m.host.read(SPA, 4096), CANARY)).toBe(false);
    expect(raised(() => m.host.write(SPA, CANARY)).name).toBe('#PF');
  });

  test.each<readonly [state: string, make: (m: SnpMachine) => unknown]>([
    ['Hypervisor', () => undefined],
    ['HV-Fixed', (m) => m.firmware.fixForHypervisor(SPA, 4096)],
    ['Guest-Invalid', (m) => m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA })],
    ['Guest-Valid', (m) => last(m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true }), m.firmware.launchUpdate(SPA))],
    ['Pre-Guest', (m) => m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true })],
    ['Firmware', (m) => m.host.rmpUpdate(SPA, { assigned: true, immutable: true })],
    ['Reclaim', (m) => last(m.host.rmpUpdate(SPA, { assigned: true, immutable: true }), m.firmware.pageReclaim(SPA))],
  ])('a page can be %s, and SNP_LAUNCH_UPDATE takes only one that is Pre-Guest', (state, make) => {
    const m = unlaunched();
    make(m);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe(state);
    expect(raised(() => m.firmware.launchUpdate(SPA)).name).toBe(state === 'Pre-Guest' ? 'nothing' : 'INVALID_PARAM');
  });

  test('is over with SNP_LAUNCH_FINISH: the host cannot put a page of its own making where the guest has one', () => {
    const m = guestWithSecret();
    m.host.write(OTHER_SPA, CANARY);
    m.host.rmpUpdate(OTHER_SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true });
    m.host.map(1, GPA, OTHER_SPA);
    expect(raised(() => m.firmware.launchUpdate(OTHER_SPA)).name).toBe('INVALID_GUEST_STATE');
    expect(raised(() => m.firmware.launchFinish(1)).name).toBe('INVALID_GUEST_STATE');
    expect(raised(() => m.guest(1).read(GPA, 1)).name).toBe('#NPF');
  });

  test('SNP_PAGE_RECLAIM lets the host have a page of the firmware again', () => {
    const m = unlaunched();
    m.host.rmpUpdate(SPA, { assigned: true, immutable: true });
    expect(m.host.rmpUpdate(SPA, { assigned: false })).toBe('FAIL_PERMISSION');
    m.firmware.pageReclaim(SPA);
    expect(m.host.rmpUpdate(SPA, { assigned: false })).toBe('SUCCESS');
    expect(raised(() => m.firmware.pageReclaim(SPA)).name).toBe('INVALID_PARAM');
  });

  test('a register state made at launch runs', () => {
    const m = unlaunched();
    m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true });
    m.firmware.launchUpdate(SPA, { vmsa: true });
    expect(raised(() => m.host.vmRun(1, SPA)).name).toBe('nothing');
  });
});
