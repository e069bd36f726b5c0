/** SNP's rules about memory: each row one rule, somebody who breaks it, and what the processor does. */
import { describe, expect, test } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import { ERROR_BIT, type ErrorBit, PAGE_NOT_VALIDATED } from '../../../emulator/snp/memory/fault.ts';
import { RMP_STATUS } from '../../../emulator/snp/memory/reverse-map.ts';
import { SnpMachine } from '../../../emulator/snp/memory/machine.ts';
import { pageState, PERMISSION } from '../../../emulator/snp/memory/rmp-entry.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

const MIB = 1024 * 1024;
const CANARY = new TextEncoder().encode('the guest keeps this to itself: 0123456789abcdef');
const RW = PERMISSION.read | PERMISSION.write;

/** Where things lie: guest addresses and machine addresses are chosen so that none is taken for the other. */
const GPA = 0x5000;
const OTHER_GPA = 0x9000;
const SPA = 0x20_3000;
const OTHER_SPA = 0x20_8000;
const LARGE_GPA = 6 * MIB;
const LARGE_SPA = 8 * MIB;

function machine(options: ConstructorParameters<typeof SnpMachine>[1] = {}): SnpMachine {
  const made = new SnpMachine(seededWorld('memory', fixedClock(0)), { size: 16 * MIB, ...options });
  made.activate(1);
  made.activate(2);
  return made;
}

/** Gives the guest a private page, as host and guest agree: assign, map, validate. */
function give(m: SnpMachine, { asid = 1, gpa = GPA, address = SPA, size = '4K' as '4K' | '2M', validate = true } = {}): SnpMachine {
  expect(m.host.rmpUpdate(address, { assigned: true, asid, gpa, pageSize: size })).toBe('SUCCESS');
  m.host.map(asid, gpa, address, size);
  if (validate) expect(m.guest(asid).pValidate(gpa, size, true)).toEqual({ status: 'SUCCESS', changed: true });
  return m;
}

/** A guest with a page that holds the canary. */
function guestWithSecret(options?: Parameters<typeof machine>[0]): SnpMachine {
  const m = give(machine(options));
  m.guest(1).write(GPA, CANARY);
  return m;
}

function raised(attempt: () => unknown): { name: string; status: number } {
  try {
    attempt();
  } catch (error) {
    if (error instanceof FirmwareError) return { name: error.statusName, status: error.status };
    throw error;
  }
  return { name: 'nothing', status: 0 };
}
const code = (...bits: ErrorBit[]): number => bits.reduce((sum, bit) => sum + ERROR_BIT[bit], 0);
const contains = (bytes: Uint8Array, canary: Uint8Array): boolean => Buffer.from(bytes).includes(Buffer.from(canary));
const PRIVATE_READ: readonly ErrorBit[] = ['present', 'final', 'encrypted', 'rmp'];

describe('a guest with a private page', () => {
  test('reads what it wrote, across pages too', () => {
    const m = give(guestWithSecret(), { gpa: GPA + 0x1000, address: OTHER_SPA });
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i);
    m.guest(1).write(GPA + 100, bytes);
    expect(m.guest(1).read(GPA + 100, 5000)).toEqual(bytes);
  });

  test('writes nothing at all when one of the pages faults', () => {
    const m = guestWithSecret();
    expect(raised(() => m.guest(1).write(GPA + 4000, new Uint8Array(200).fill(1))).name).toBe('#NPF');
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
    expect(
      m
        .guest(1)
        .read(GPA + 4000, 96)
        .every((byte) => byte === 1),
    ).toBe(false);
  });

  test('is VMPL 0 with every permission, the others with none, as soon as the page is its own', () => {
    expect(give(machine()).rmp.entry(SPA).entry.permissions).toEqual([15, 0, 0, 0]);
  });
});

/** What a hypervisor tries, and the fault that stops it or tells the guest. */
const ATTACKS: readonly {
  readonly rule: string;
  readonly attack: (m: SnpMachine) => unknown;
  readonly fault: string;
  readonly code: number;
}[] = [
  { rule: 'the host writes to a private page: #PF with the RMP bit', attack: (m) => m.host.write(SPA + 8, new Uint8Array(16)), fault: '#PF', code: code('present', 'write', 'rmp') },
  { rule: 'the host writes through a large mapping that covers a private page: the same', attack: (m) => m.host.write(0x20_0000, new Uint8Array(1), '2M'), fault: '#PF', code: code('present', 'write', 'rmp') },
  { rule: 'a page is taken away: the guest leaves for the host at its next access', attack: (m) => (m.host.rmpUpdate(SPA, { assigned: false }), m.guest(1).read(GPA, 1)), fault: '#NPF', code: code(...PRIVATE_READ) },
  { rule: 'a page is unmapped: the guest leaves for the host', attack: (m) => (m.host.unmap(1, GPA), m.guest(1).read(GPA, 1)), fault: '#NPF', code: code('final', 'encrypted') },
  {
    rule: 'another page is put in its place: the guest notices, for it has not validated that one',
    attack: (m) => (m.host.rmpUpdate(OTHER_SPA, { assigned: true, asid: 1, gpa: GPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#VC',
    code: PAGE_NOT_VALIDATED,
  },
  {
    rule: 'a page is taken and given back: the guest notices, for validation is gone',
    attack: (m) => (m.host.rmpUpdate(SPA, { assigned: false }), m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA }), m.guest(1).read(GPA, 1)),
    fault: '#VC',
    code: PAGE_NOT_VALIDATED,
  },
  {
    rule: 'an old copy of the ciphertext is put back by way of taking the page: the guest notices the page, and never reads the copy',
    attack: (m) => {
      const old = m.host.read(SPA, 4096);
      m.guest(1).write(GPA, new Uint8Array(16));
      m.host.rmpUpdate(SPA, { assigned: false });
      m.host.write(SPA, old);
      m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA });
      return m.guest(1).read(GPA, 16);
    },
    fault: '#VC',
    code: PAGE_NOT_VALIDATED,
  },
  {
    rule: 'two pages of a guest are exchanged in the nested table: the guest address in the entry disagrees',
    attack: (m) => (give(m, { gpa: OTHER_GPA, address: OTHER_SPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ),
  },
  { rule: 'one page is mapped at two guest addresses: the second one faults', attack: (m) => (m.host.map(1, OTHER_GPA, SPA), m.guest(1).read(OTHER_GPA, 1)), fault: '#NPF', code: code(...PRIVATE_READ) },
  {
    rule: "another guest's page is mapped: the ASID disagrees",
    attack: (m) => (give(m, { asid: 2, gpa: GPA, address: OTHER_SPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ),
  },
  { rule: 'a page of the hypervisor is mapped where the guest expects a private one', attack: (m) => (m.host.map(1, GPA, OTHER_SPA), m.guest(1).write(GPA, CANARY)), fault: '#NPF', code: code(...PRIVATE_READ, 'write') },
  {
    rule: 'a large mapping of a small page',
    attack: (m) => (m.host.rmpUpdate(LARGE_SPA, { assigned: true, asid: 1, gpa: LARGE_GPA }), m.host.map(1, LARGE_GPA, LARGE_SPA, '2M'), m.guest(1).read(LARGE_GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ, 'sizeMismatch'),
  },
  {
    rule: 'a small mapping of a part of a large page',
    attack: (m) => (give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }), m.host.map(1, LARGE_GPA, LARGE_SPA, '4K'), m.guest(1).read(LARGE_GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ, 'sizeMismatch'),
  },
  { rule: 'the guest is run with a page of its own that is no register state', attack: (m) => m.host.vmRun(1, SPA), fault: 'VMEXIT_INVALID', code: -1 },
];

describe('a hypervisor against a guest', () => {
  test.each(ATTACKS)('$rule', ({ attack, fault, code: expected }) => {
    const m = guestWithSecret();
    expect(raised(() => attack(m))).toEqual({ name: fault, status: expected });
    expect([...m.host.everything()].some(({ bytes }) => contains(bytes, CANARY))).toBe(false);
  });

  test('the good twin: nobody interferes, and nothing is raised', () => {
    const m = guestWithSecret();
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
  });

  test('a guest that validates whatever it is shown has lost: what it reads is not what it wrote', () => {
    const m = guestWithSecret();
    m.host.rmpUpdate(OTHER_SPA, { assigned: true, asid: 1, gpa: GPA });
    m.host.map(1, GPA, OTHER_SPA);
    expect(m.guest(1).pValidate(GPA, '4K', true)).toEqual({ status: 'SUCCESS', changed: true });
    expect(m.guest(1).read(GPA, CANARY.length)).not.toEqual(CANARY);
    // Both pages are valid now, so the host can change between them unseen: why PVALIDATE must never be repeated.
    m.host.map(1, GPA, SPA);
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
  });
});

describe('what the host sees', () => {
  test('is ciphertext of a private page, other than that of the same bytes elsewhere or of another guest', () => {
    const m = give(give(guestWithSecret(), { gpa: OTHER_GPA, address: OTHER_SPA }), { asid: 2, gpa: GPA, address: 0x20_9000 });
    m.guest(1).write(OTHER_GPA, CANARY);
    m.guest(2).write(GPA, CANARY);
    const seen = [SPA, OTHER_SPA, 0x20_9000].map((address) => Buffer.from(m.host.read(address, CANARY.length)).toString('hex'));
    expect(new Set([...seen, Buffer.from(CANARY).toString('hex')]).size).toBe(4);
  });

  test('is the same ciphertext when the same bytes are written again: SNP has no freshness', () => {
    const m = guestWithSecret();
    const before = m.host.read(SPA, 4096);
    m.guest(1).write(GPA, new Uint8Array(16));
    expect(m.host.read(SPA, 4096)).not.toEqual(before);
    m.guest(1).write(GPA, CANARY.subarray(0, 16));
    expect(m.host.read(SPA, 4096)).toEqual(before);
  });

  test('tells which 16 bytes changed, and nothing else', () => {
    const m = guestWithSecret();
    const before = m.host.read(SPA, 4096);
    m.guest(1).write(GPA + 0x105, Uint8Array.of(1));
    const changed = [...m.host.read(SPA, 4096)].flatMap((byte, i) => (byte === before[i] ? [] : [i >> 4]));
    expect(new Set(changed)).toEqual(new Set([0x10]));
  });

  test('is ones where ciphertext is hidden, and the host’s own pages as they are', () => {
    const m = guestWithSecret({ ciphertextHiding: true });
    m.host.write(OTHER_SPA, CANARY);
    expect(m.host.read(SPA, 64).every((byte) => byte === 0xff)).toBe(true);
    expect(m.host.read(OTHER_SPA, CANARY.length)).toEqual(CANARY);
  });

  test('is plaintext of a shared page, both ways', () => {
    const m = machine();
    m.host.map(1, OTHER_GPA, OTHER_SPA);
    m.guest(1).write(OTHER_GPA, CANARY, { shared: true });
    expect(m.host.read(OTHER_SPA, CANARY.length)).toEqual(CANARY);
    m.host.write(OTHER_SPA, Uint8Array.of(7));
    expect(m.guest(1).read(OTHER_GPA, 1, { shared: true })).toEqual(Uint8Array.of(7));
    // The leak scan finds what is not protected, so it can find something.
    expect([...m.host.everything()].some(({ bytes }) => contains(bytes, CANARY.subarray(1)))).toBe(true);
  });

  test('is garbage to the guest that reads its private page without the C-bit, and a fault when it writes so', () => {
    const m = guestWithSecret();
    expect(m.guest(1).read(GPA, CANARY.length, { shared: true })).toEqual(m.host.read(SPA, CANARY.length));
    expect(raised(() => m.guest(1).write(GPA, CANARY, { shared: true }))).toEqual({ name: '#NPF', status: code('present', 'final', 'write', 'rmp') });
  });

  test('stays ciphertext after the page is taken back or its ASID belongs to somebody else', () => {
    const m = guestWithSecret();
    m.host.rmpUpdate(SPA, { assigned: false });
    expect(contains(m.host.read(SPA, 4096), CANARY)).toBe(false);
    m.activate(1);
    give(m);
    expect(m.guest(1).read(GPA, CANARY.length)).not.toEqual(CANARY);
  });

  test('is the same in the same world, on any machine of that name', () => {
    expect(guestWithSecret().host.read(SPA, 4096)).toEqual(guestWithSecret().host.read(SPA, 4096));
    expect(guestWithSecret({ name: 'second' }).host.read(SPA, 4096)).not.toEqual(guestWithSecret().host.read(SPA, 4096));
  });
});

describe('somebody at the memory bus, whom SNP does not defend against', () => {
  test('puts old ciphertext back, and the guest reads the old bytes without noticing', () => {
    const m = guestWithSecret();
    const old = m.physical.read(SPA, 4096);
    m.guest(1).write(GPA, new Uint8Array(CANARY.length));
    m.physical.write(SPA, old);
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
  });

  test('moves ciphertext to another page, and the guest reads other bytes than any that were written', () => {
    const m = give(guestWithSecret(), { gpa: OTHER_GPA, address: OTHER_SPA });
    m.physical.write(OTHER_SPA, m.physical.read(SPA, 4096));
    expect(m.guest(1).read(OTHER_GPA, CANARY.length)).not.toEqual(CANARY);
  });

  test('flips a bit, and 16 bytes are others, without a fault', () => {
    const m = guestWithSecret();
    m.physical.write(SPA, Uint8Array.of((m.physical.read(SPA, 1)[0] ?? 0) ^ 1));
    const read = m.guest(1).read(GPA, CANARY.length);
    expect(read.subarray(0, 16)).not.toEqual(CANARY.subarray(0, 16));
    expect(read.subarray(16)).toEqual(CANARY.subarray(16));
  });

  test('reads no plaintext', () => {
    expect(contains(guestWithSecret().physical.read(0, 16 * MIB), CANARY)).toBe(false);
  });
});

describe('RMPUPDATE', () => {
  const update = (m: SnpMachine, address: number, gpa: number, pageSize: '4K' | '2M' = '4K'): string => m.host.rmpUpdate(address, { assigned: true, asid: 1, gpa, pageSize });
  test.each<readonly [rule: string, answer: keyof typeof RMP_STATUS, attempt: (m: SnpMachine) => string]>([
    ['takes a page of the hypervisor', 'SUCCESS', (m) => update(m, SPA, GPA)],
    ['takes a large page', 'SUCCESS', (m) => update(m, LARGE_SPA, LARGE_GPA, '2M')],
    ['refuses an address that is no page', 'FAIL_INPUT', (m) => update(m, SPA + 1, GPA)],
    ['refuses a page outside the memory', 'FAIL_INPUT', (m) => update(m, 16 * MIB, GPA)],
    ['refuses a large page that is not aligned', 'FAIL_INPUT', (m) => update(m, SPA, LARGE_GPA, '2M')],
    ['refuses a guest address that is not aligned', 'FAIL_INPUT', (m) => update(m, LARGE_SPA, GPA, '2M')],
    ['refuses an ASID that no guest can have', 'FAIL_INPUT', (m) => m.host.rmpUpdate(SPA, { assigned: true, asid: 100, gpa: GPA })],
    ['refuses a page of the hypervisor with an owner', 'FAIL_INPUT', (m) => m.host.rmpUpdate(SPA, { assigned: false, asid: 1 })],
    ['refuses a large page over a small one that is assigned', 'FAIL_OVERLAP', (m) => (update(m, LARGE_SPA + 0x3000, GPA), update(m, LARGE_SPA, LARGE_GPA, '2M'))],
    ['refuses a small page within a large one', 'FAIL_OVERLAP', (m) => (update(m, LARGE_SPA, LARGE_GPA, '2M'), update(m, LARGE_SPA + 0x3000, GPA))],
    ['refuses the first small page of a large one too', 'FAIL_OVERLAP', (m) => (update(m, LARGE_SPA, LARGE_GPA, '2M'), update(m, LARGE_SPA, LARGE_GPA))],
    ['refuses a page that the firmware holds', 'FAIL_PERMISSION', (m) => (m.host.rmpUpdate(SPA, { assigned: true, immutable: true }), update(m, SPA, GPA))],
    ['refuses a page that is fixed for the hypervisor', 'FAIL_PERMISSION', (m) => (m.firmware.fixForHypervisor(SPA, 4096), update(m, SPA, GPA))],
    ['gives a large page back whole', 'SUCCESS', (m) => (update(m, LARGE_SPA, LARGE_GPA, '2M'), m.host.rmpUpdate(LARGE_SPA, { assigned: false, pageSize: '2M' }))],
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
  test.each<readonly [rule: string, answer: keyof typeof RMP_STATUS, attempt: (m: SnpMachine) => string]>([
    ['PSMASH needs a large page', 'FAIL_INPUT', (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA }).host.pSmash(LARGE_SPA)],
    ['PSMASH needs an aligned address', 'FAIL_INPUT', (m) => give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }).host.pSmash(LARGE_SPA + 0x1000)],
    ['PSMASH needs a page that is assigned', 'FAIL_INPUT', (m) => m.host.pSmash(LARGE_SPA)],
    ['SNP_PAGE_UNSMASH joins what PSMASH split', 'SUCCESS', (m) => (give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }).host.pSmash(LARGE_SPA), m.firmware.pageUnsmash(LARGE_SPA))],
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
  test.each<readonly [rule: string, answer: keyof typeof RMP_STATUS, attempt: (m: SnpMachine) => string]>([
    ['VMPL 0 gives VMPL 1 a page', 'SUCCESS', (m) => adjust(m, 0, 1, RW)],
    ['VMPL 1 hands on what it has', 'SUCCESS', (m) => (adjust(m, 0, 1, RW), adjust(m, 1, 2, PERMISSION.read))],
    ['VMPL 1 cannot hand on what it does not have', 'FAIL_PERMISSION', (m) => (adjust(m, 0, 1, PERMISSION.read), adjust(m, 1, 2, RW))],
    ['VMPL 1 cannot change its own', 'FAIL_PERMISSION', (m) => (adjust(m, 0, 1, RW), adjust(m, 1, 1, RW))],
    ['VMPL 1 cannot change VMPL 0', 'FAIL_PERMISSION', (m) => (adjust(m, 0, 1, RW), adjust(m, 1, 0, 0))],
    ['VMPL 0 makes register state of a page', 'SUCCESS', (m) => adjust(m, 0, 1, RW, true)],
    ['VMPL 1 cannot make register state of a page', 'FAIL_PERMISSION', (m) => (adjust(m, 0, 1, RW), adjust(m, 1, 2, RW, true))],
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
    const m = machine();
    m.host.write(SPA, CANARY);
    m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true });
    m.host.map(1, GPA, SPA);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe('Pre-Guest');
    expect(raised(() => m.guest(1).read(GPA, 1)).name).toBe('#NPF');
    m.firmware.launchUpdate(SPA);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe('Guest-Valid');
    expect(m.guest(1).read(GPA, CANARY.length)).toEqual(CANARY);
    expect(contains(m.host.read(SPA, 4096), CANARY)).toBe(false);
    expect(raised(() => m.host.write(SPA, CANARY)).name).toBe('#PF');
  });

  test.each<readonly [state: string, make: (m: SnpMachine) => unknown]>([
    ['Hypervisor', () => undefined],
    ['HV-Fixed', (m) => m.firmware.fixForHypervisor(SPA, 4096)],
    ['Guest-Invalid', (m) => give(m, { validate: false })],
    ['Guest-Valid', (m) => give(m)],
    ['Pre-Guest', (m) => m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true })],
    ['Firmware', (m) => m.host.rmpUpdate(SPA, { assigned: true, immutable: true })],
    ['Reclaim', (m) => (m.host.rmpUpdate(SPA, { assigned: true, immutable: true }), m.firmware.pageReclaim(SPA))],
  ])('a page can be %s, and SNP_LAUNCH_UPDATE takes only one that is Pre-Guest', (state, make) => {
    const m = machine();
    make(m);
    expect(pageState(m.rmp.entry(SPA).entry)).toBe(state);
    expect(raised(() => m.firmware.launchUpdate(SPA)).name).toBe(state === 'Pre-Guest' ? 'nothing' : 'INVALID_PARAM');
  });

  test('SNP_PAGE_RECLAIM lets the host have a page of the firmware again', () => {
    const m = machine();
    m.host.rmpUpdate(SPA, { assigned: true, immutable: true });
    expect(m.host.rmpUpdate(SPA, { assigned: false })).toBe('FAIL_PERMISSION');
    m.firmware.pageReclaim(SPA);
    expect(m.host.rmpUpdate(SPA, { assigned: false })).toBe('SUCCESS');
    expect(raised(() => m.firmware.pageReclaim(SPA)).name).toBe('INVALID_PARAM');
  });

  test('a register state made at launch runs', () => {
    const m = machine();
    m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA, immutable: true });
    m.firmware.launchUpdate(SPA, { vmsa: true });
    expect(raised(() => m.host.vmRun(1, SPA)).name).toBe('nothing');
  });
});
