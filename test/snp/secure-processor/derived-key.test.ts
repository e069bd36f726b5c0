import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signIdBlock } from '../../../emulator/snp/launch/id-block.ts';
import { PRODUCTS, type Product } from '../../../emulator/snp/platform/products.ts';
import { TCB_MILAN_GENOA } from '../../../emulator/snp/platform/tcb.ts';
import { type DerivedKeyRequest, GuestDriver } from '../../../emulator/snp/secure-processor/messages/guest-driver.ts';
import { guestHost } from '../../../emulator/snp/secure-processor/messages/guest-host.ts';
import { MESSAGE_TYPES, openMessage, sealMessage } from '../../../emulator/snp/secure-processor/messages/guest-message.ts';
import { KEY_REQUEST, KEY_REQUEST_V2, KEY_RESPONSE, type KeyField } from '../../../emulator/snp/secure-processor/messages/payloads.ts';
import { SECRETS_PAGE } from '../../../emulator/snp/secure-processor/messages/secrets-page.ts';
import type { Guest, SecureProcessor } from '../../../emulator/snp/secure-processor/secure-processor.ts';
import { launched, PAGES, POLICY, processor, secretsOf, statusOf, world } from './guests.ts';

const FIELDS: readonly KeyField[] = ['policy', 'imageId', 'familyId', 'measurement', 'guestSvn', 'tcbVersion', 'launchMitVector'];
const TCB = { bootLoader: 4, tee: 0, snp: 0x18, microcode: 0xd5 };
const tcbVersion = TCB_MILAN_GENOA.encode(TCB);
const SVN = 9;
const MITIGATIONS = 0x0bn;

/** Everything about a guest and its machine that a key can depend on. */
interface Setting {
  readonly policy: bigint;
  readonly imageId: number;
  readonly familyId: number;
  readonly content: number;
  readonly chip: number;
  readonly hostData: number;
  readonly reportedSnp: number;
}
const BASE: Setting = { policy: POLICY, imageId: 1, familyId: 2, content: 3, chip: 0, hostData: 0, reportedSnp: 0x18 };
const idKey = world().ecKey('id', 'P-384');

function machine(setting: Setting = BASE, overrides: Parameters<typeof processor>[0] = {}): { on: SecureProcessor; guest: Guest } {
  const on = processor({ chip: setting.chip, reportVersion: 5, currentTcb: TCB, committedTcb: TCB, reportedTcb: { ...TCB, snp: setting.reportedSnp }, mitigationVector: MITIGATIONS, ...overrides });
  const pages = [...PAGES, { type: 'normal' as const, gpa: 0n, contents: new Uint8Array(4096).fill(setting.content) }];
  const { measurement } = launched(on, { policy: setting.policy, pages });
  const block = { launchDigest: measurement, familyId: new Uint8Array(16).fill(setting.familyId), imageId: new Uint8Array(16).fill(setting.imageId), guestSvn: SVN, policy: setting.policy };
  return { on, guest: launched(on, { policy: setting.policy, pages, hostData: new Uint8Array(32).fill(setting.hostData), ...signIdBlock(block, idKey) }) };
}
function driver({ on, guest }: ReturnType<typeof machine>, vmpl = 0): GuestDriver {
  return new GuestDriver(secretsOf(on, guest), guestHost(on, guest), { vmpl });
}
const keyFor = (setting: Setting, request: DerivedKeyRequest): string => Buffer.from(driver(machine(setting)).getDerivedKey(request)).toString('hex');

const REQUEST = { guestSvn: 5, tcbVersion, launchMitVector: 0x0an };
/** For each field: how a guest or request differs in it alone. */
const DIFFERENCES: Readonly<Record<KeyField, { setting?: Partial<Setting>; request?: DerivedKeyRequest }>> = {
  policy: { setting: { policy: POLICY | (1n << 20n) } },
  imageId: { setting: { imageId: 7 } },
  familyId: { setting: { familyId: 7 } },
  measurement: { setting: { content: 7 } },
  guestSvn: { request: { guestSvn: 6 } },
  tcbVersion: { request: { tcbVersion: TCB_MILAN_GENOA.encode({ ...TCB, snp: 7 }) } },
  launchMitVector: { request: { launchMitVector: 0x02n } },
};

describe('a derived key', () => {
  test('has 32 bytes, and is the same each time it is asked for', () => {
    const guest = driver(machine());
    const keys = [guest.getDerivedKey(), guest.getDerivedKey()];
    expect(keys[0]).toHaveLength(32);
    expect(keys[0]).toEqual(keys[1]);
  });

  test('is the same after the guest was launched again', () => {
    const request = { fields: FIELDS, ...REQUEST };
    expect(keyFor(BASE, request)).toBe(keyFor(BASE, request));
  });

  const rows = FIELDS.flatMap((different) => FIELDS.map((selected) => ({ different, selected, changes: different === selected })));
  test.each(rows)('that $selected is mixed into changes with another $different: $changes', ({ different, selected, changes }) => {
    const { setting, request } = DIFFERENCES[different];
    const before = keyFor(BASE, { fields: [selected], ...REQUEST });
    const after = keyFor({ ...BASE, ...setting }, { fields: [selected], ...REQUEST, ...request });
    expect(after !== before).toBe(changes);
  });

  test('depends on exactly the fields selected', () => {
    fc.assert(
      fc.property(fc.subarray([...FIELDS]), fc.constantFrom(...FIELDS), (fields, different) => {
        const { setting, request } = DIFFERENCES[different];
        const before = keyFor(BASE, { fields, ...REQUEST });
        const after = keyFor({ ...BASE, ...setting }, { fields, ...REQUEST, ...request });
        expect(after !== before).toBe(fields.includes(different));
      }),
      { numRuns: 40 },
    );
  });

  test('is another for each selection of fields', () => {
    const guest = driver(machine());
    const selections = Array.from({ length: 2 ** FIELDS.length }, (_, mask) => FIELDS.filter((_field, i) => (mask >> i) & 1));
    const keys = selections.map((fields) => Buffer.from(guest.getDerivedKey({ fields, ...REQUEST })).toString('hex'));
    expect(new Set(keys).size).toBe(2 ** FIELDS.length);
  });

  test('with a field selected that is zero is another than without it', () => {
    const on = processor();
    const guest = driver({ on, guest: launched(on) });
    expect(guest.getDerivedKey({ fields: ['imageId'] })).not.toEqual(guest.getDerivedKey());
  });

  test('comes from a VLEK as soon as one is loaded', () => {
    const m = machine();
    const guest = driver(m);
    const before = guest.getDerivedKey();
    m.on.loadSigner({ kind: 'vlek', cspId: 'CN=somebody' });
    expect(guest.getDerivedKey()).not.toEqual(before);
    expect(guest.getDerivedKey({ keySelect: 1 })).toEqual(before);
  });

  test.each<[string, Partial<Setting>]>([
    ['the host data', { hostData: 1 }],
    ['the reported TCB', { reportedSnp: 0x17 }],
  ])('does not depend on %s', (_, setting) => {
    expect(keyFor({ ...BASE, ...setting }, { fields: FIELDS, ...REQUEST })).toBe(keyFor(BASE, { fields: FIELDS, ...REQUEST }));
  });

  test('is another on another chip', () => {
    expect(keyFor({ ...BASE, chip: 1 }, {})).not.toBe(keyFor(BASE, {}));
  });

  test('is another for each VMPL', () => {
    const guest = driver(machine());
    expect(new Set([0, 1, 2, 3].map((vmpl) => Buffer.from(guest.getDerivedKey({ vmpl })).toString('hex'))).size).toBe(4);
  });

  test('for a VMPL is the same for whoever may ask for it', () => {
    const m = machine();
    expect(driver(m, 1).getDerivedKey({ vmpl: 2 })).toEqual(driver(m, 0).getDerivedKey({ vmpl: 2 }));
  });

  test('from the VMRK belongs to one launch, whatever the chip', () => {
    // The same seed draws the same VMRK, on whichever chip.
    const [a, b] = [driver(machine()), driver(machine({ ...BASE, chip: 1 }))];
    const m = machine();
    const other = launched(m.on);
    expect(a.getDerivedKey({ root: 'vmrk' })).toEqual(b.getDerivedKey({ root: 'vmrk' }));
    expect(driver(m).getDerivedKey({ root: 'vmrk' })).not.toEqual(driver({ on: m.on, guest: other }).getDerivedKey({ root: 'vmrk' }));
    expect(a.getDerivedKey({ root: 'vmrk' })).not.toEqual(a.getDerivedKey({ root: 'vcek' }));
  });

  test('is the same from a request of version 1 as of version 2 that selects no mitigation vector', () => {
    const guest = driver(machine());
    expect(guest.getDerivedKey({ fields: ['policy'] })).toEqual(guest.getDerivedKey({ fields: ['policy'], launchMitVector: 0x0bn }));
  });
});

describe('a request for a key is refused', () => {
  const vlek = { kind: 'vlek', cspId: 'CN=somebody' } as const;
  test.each<[string, Parameters<typeof processor>[0], DerivedKeyRequest, string, number?]>([
    ["an SVN above the guest's", {}, { guestSvn: SVN + 1 }, 'INVALID_PARAM'],
    ['an SVN above the guest that is not mixed in', {}, { guestSvn: SVN + 1, fields: ['policy'] }, 'INVALID_PARAM'],
    ['a TCB version above the committed one', {}, { tcbVersion: TCB_MILAN_GENOA.encode({ ...TCB, microcode: 0xd6 }) }, 'INVALID_PARAM'],
    ['reserved bytes in the TCB version', {}, { tcbVersion: Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0) }, 'INVALID_PARAM'],
    ['mitigations that were not on at launch', {}, { launchMitVector: 0x04n }, 'INVALID_PARAM'],
    ['a mitigation vector without the request that has it', {}, { fields: ['launchMitVector'] }, 'INVALID_PARAM'],
    ['VMPL 0 from VMPL 1', {}, { vmpl: 0 }, 'INVALID_PARAM', 1],
    ['VMPL 4', {}, { vmpl: 4 }, 'INVALID_PARAM'],
    ['a key selection that does not exist', {}, { keySelect: 3 }, 'INVALID_PARAM'],
    ['a VLEK where none is loaded', {}, { keySelect: 2 }, 'INVALID_KEY'],
    ['the VCEK where it is masked', { maskChipKey: true }, {}, 'INVALID_KEY'],
    ['the VCEK where it is masked and a VLEK is loaded', { maskChipKey: true, signer: vlek }, { keySelect: 1 }, 'INVALID_KEY'],
  ])('for %s', (_, overrides, request, status, vmpl = 0) => {
    expect(statusOf(() => driver(machine(BASE, overrides), vmpl).getDerivedKey(request))).toBe(status);
  });

  test.each<[string, Parameters<typeof processor>[0], DerivedKeyRequest]>([
    ["the guest's own SVN", {}, { guestSvn: SVN }],
    ['the committed TCB', {}, { tcbVersion }],
    ['all mitigations of the launch', {}, { launchMitVector: MITIGATIONS }],
    ['the VMRK where the VCEK is masked', { maskChipKey: true }, { root: 'vmrk' }],
    ['a VLEK that is loaded', { signer: vlek }, { keySelect: 2 }],
  ])('and taken for %s', (_, overrides, request) => {
    expect(driver(machine(BASE, overrides)).getDerivedKey(request)).toHaveLength(32);
  });

  test('derives from the VLEK where one is loaded, and from the VCEK where that is asked for', () => {
    const on = driver(machine(BASE, { signer: vlek }));
    expect(on.getDerivedKey()).toEqual(on.getDerivedKey({ keySelect: 2 }));
    expect(on.getDerivedKey()).not.toEqual(on.getDerivedKey({ keySelect: 1 }));
    expect(on.getDerivedKey({ keySelect: 1 })).toEqual(driver(machine()).getDerivedKey());
  });

  test("reads the TCB version as the chip's line lays it out", () => {
    const turin = { fmc: 1, bootLoader: 1, tee: 1, snp: 4, microcode: 0x51 };
    const on = processor({ product: PRODUCTS.turin as Product, currentTcb: turin, committedTcb: turin, reportedTcb: turin });
    const guest = driver({ on, guest: launched(on) });
    expect(guest.getDerivedKey({ tcbVersion: Uint8Array.of(1, 1, 1, 4, 0, 0, 0, 0x51) })).toHaveLength(32);
  });

  const raw = (version: number, payload: Uint8Array, reportVersion: 4 | 5): unknown => {
    const { on, guest } = machine(BASE, { reportVersion });
    const key = SECRETS_PAGE.decode(secretsOf(on, guest)).vmpcks[0] ?? new Uint8Array();
    return statusOf(() => KEY_RESPONSE.decode(openMessage(key, on.guestRequest(guest, sealMessage(key, { type: MESSAGE_TYPES.keyRequest, version, sequence: 1n, vmpck: 0 }, payload)))).status);
  };
  test.each<[string, number, Uint8Array, 4 | 5, unknown]>([
    ['version 0', 0, KEY_REQUEST.encode({}), 5, 'INVALID_PARAM'],
    ['version 3', 3, KEY_REQUEST.encode({}), 5, 'INVALID_PARAM'],
    ['version 2 to firmware without mitigation vectors', 2, KEY_REQUEST_V2.encode({}), 4, 'INVALID_PARAM'],
    ['version 2 in the length of version 1', 2, KEY_REQUEST.encode({}), 5, 'INVALID_PARAM'],
    ['version 1 in the length of version 2', 1, KEY_REQUEST_V2.encode({}), 5, 'INVALID_PARAM'],
    ['reserved bytes that are not zero', 1, KEY_REQUEST.encode({}).with(4, 1), 5, { returned: 0x16 }],
    ['a field that does not exist', 1, KEY_REQUEST.encode({}).with(8, 0x80), 5, { returned: 0x16 }],
    ['a root key that does not exist', 1, KEY_REQUEST.encode({}).with(0, 8), 5, { returned: 0x16 }],
    ['nothing wrong', 1, KEY_REQUEST.encode({}), 4, { returned: 0 }],
  ])('on the wire for %s', (_, version, payload, reportVersion, answer) => {
    expect(raw(version, payload, reportVersion)).toEqual(answer);
  });
});
