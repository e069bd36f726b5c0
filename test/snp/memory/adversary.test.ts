/** SNP against the host's software, and what it does not promise: each row one thing that somebody does, and what the processor does then. */
import { describe, expect, test } from 'vitest';
import { PAGE_NOT_VALIDATED } from '../../../emulator/snp/memory/fault.ts';
import type { SnpMachine } from '../../../emulator/snp/memory/machine.ts';
import { CANARY, code, contains, give, GPA, guestWithSecret, LARGE_GPA, LARGE_SPA, last, machine, MIB, OTHER_GPA, OTHER_SPA, PRIVATE_READ, raised, SPA } from './machine.ts';

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
  { rule: 'a page is taken away: the guest leaves for the host at its next access', attack: (m) => last(m.host.rmpUpdate(SPA, { assigned: false }), m.guest(1).read(GPA, 1)), fault: '#NPF', code: code(...PRIVATE_READ) },
  { rule: 'a page is unmapped: the guest leaves for the host', attack: (m) => last(m.host.unmap(1, GPA), m.guest(1).read(GPA, 1)), fault: '#NPF', code: code('final', 'encrypted') },
  {
    rule: 'another page is put in its place: the guest notices, for it has not validated that one',
    attack: (m) => last(m.host.rmpUpdate(OTHER_SPA, { assigned: true, asid: 1, gpa: GPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#VC',
    code: PAGE_NOT_VALIDATED,
  },
  {
    rule: 'a page is taken and given back: the guest notices, for validation is gone',
    attack: (m) => last(m.host.rmpUpdate(SPA, { assigned: false }), m.host.rmpUpdate(SPA, { assigned: true, asid: 1, gpa: GPA }), m.guest(1).read(GPA, 1)),
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
    attack: (m) => last(give(m, { gpa: OTHER_GPA, address: OTHER_SPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ),
  },
  { rule: 'one page is mapped at two guest addresses: the second one faults', attack: (m) => last(m.host.map(1, OTHER_GPA, SPA), m.guest(1).read(OTHER_GPA, 1)), fault: '#NPF', code: code(...PRIVATE_READ) },
  {
    rule: "another guest's page is mapped: the ASID disagrees",
    attack: (m) => last(give(m, { asid: 2, gpa: GPA, address: OTHER_SPA }), m.host.map(1, GPA, OTHER_SPA), m.guest(1).read(GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ),
  },
  {
    rule: 'a page of the hypervisor is mapped where the guest expects a private one',
    attack: (m) => last(m.host.map(1, GPA, OTHER_SPA), m.guest(1).write(GPA, CANARY)),
    fault: '#NPF',
    code: code(...PRIVATE_READ, 'write'),
  },
  {
    rule: 'a large mapping of a small page',
    attack: (m) => last(m.host.rmpUpdate(LARGE_SPA, { assigned: true, asid: 1, gpa: LARGE_GPA }), m.host.map(1, LARGE_GPA, LARGE_SPA, '2M'), m.guest(1).read(LARGE_GPA, 1)),
    fault: '#NPF',
    code: code(...PRIVATE_READ, 'sizeMismatch'),
  },
  {
    rule: 'a small mapping of a part of a large page',
    attack: (m) => last(give(m, { gpa: LARGE_GPA, address: LARGE_SPA, size: '2M' }), m.host.map(1, LARGE_GPA, LARGE_SPA, '4K'), m.guest(1).read(LARGE_GPA, 1)),
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
    m.firmware.launchFinish(1);
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
