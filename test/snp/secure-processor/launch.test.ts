import { describe, expect, test } from 'vitest';
import { encodePublicKey, keyDigest, signIdBlock } from '../../../emulator/snp/launch/id-block.ts';
import { LaunchDigest, PAGE_TYPES, type PageType } from '../../../emulator/snp/launch/page-info.ts';
import { decodeReport } from '../../../emulator/snp/report.ts';
import { CPUID_PAGE } from '../../../emulator/snp/secure-processor/cpuid-page.ts';
import { SECRETS_PAGE } from '../../../emulator/snp/secure-processor/messages/secrets-page.ts';
import type { Platform } from '../../../emulator/snp/secure-processor/platform.ts';
import type { Guest, LaunchFinish, LaunchUpdate, SecureProcessor } from '../../../emulator/snp/secure-processor/secure-processor.ts';
import { launched, PAGES, POLICY, processor, secretsOf, statusOf, world } from './guests.ts';

const REPORT_DATA = new Uint8Array(64).fill(0xab);
const page = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill);
const key = (label: string): ReturnType<ReturnType<typeof world>['ecKey']> => world().ecKey(label, 'P-384');
const idKey = key('id');
const authorKey = key('author');

/** Guests in each state. */
function guestIn(on: SecureProcessor, state: string): Guest {
  if (state === 'INIT') return on.createGuest();
  if (state === 'LAUNCH') return on.launchStart({ policy: POLICY });
  const guest = launched(on);
  if (state === 'gone') on.decommission(guest);
  return guest;
}

const COMMANDS: Readonly<Record<string, (on: SecureProcessor, guest: Guest) => unknown>> = {
  launchStart: (on, guest) => on.launchStart({ policy: POLICY }, guest),
  launchUpdate: (on, guest) => on.launchUpdate(guest, { type: 'zero', gpa: 0n }),
  launchFinish: (on, guest) => on.launchFinish(guest),
  attest: (on, guest) => on.attest(guest, { reportData: REPORT_DATA }),
  hostReport: (on, guest) => on.hostReport(guest, REPORT_DATA),
  guestRequest: (on, guest) => on.guestRequest(guest, page(0)),
  decommission: (on, guest) => on.decommission(guest),
};
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  INIT: ['launchStart', 'decommission'],
  LAUNCH: ['launchUpdate', 'launchFinish', 'decommission'],
  RUNNING: ['attest', 'hostReport', 'guestRequest', 'decommission'],
};

describe('the states of a guest', () => {
  const rows = Object.keys(ALLOWED).flatMap((state) => Object.keys(COMMANDS).map((command) => ({ state, command, allowed: ALLOWED[state]?.includes(command) === true })));
  test.each(rows.filter(({ allowed }) => !allowed))('$state refuses $command with INVALID_GUEST_STATE', ({ state, command }) => {
    const on = processor();
    const guest = guestIn(on, state);
    expect(statusOf(() => COMMANDS[command]?.(on, guest))).toBe('INVALID_GUEST_STATE');
    expect(guest.state).toBe(state);
  });

  test.each(rows.filter(({ allowed }) => allowed))('$state takes $command', ({ state, command }) => {
    const on = processor();
    // A page of zeros is no message: refused for what it is, not for the guest's state.
    const answer = statusOf(() => COMMANDS[command]?.(on, guestIn(on, state)));
    if (command === 'guestRequest') expect(answer).toBe('INVALID_PARAM');
    else expect(answer).toHaveProperty('returned');
  });

  test.each(Object.keys(COMMANDS))('%s of a guest that is gone is INVALID_GUEST', (command) => {
    const on = processor();
    expect(statusOf(() => COMMANDS[command]?.(on, guestIn(on, 'gone')))).toBe('INVALID_GUEST');
  });

  test.each(Object.keys(COMMANDS))("%s of another processor's guest is INVALID_GUEST", (command) => {
    expect(statusOf(() => COMMANDS[command]?.(processor(), launched(processor())))).toBe('INVALID_GUEST');
  });

  test.each(Object.keys(COMMANDS))('%s after a shutdown is INVALID_PLATFORM_STATE', (command) => {
    const on = processor();
    const guest = launched(on);
    on.shutdown();
    expect(statusOf(() => COMMANDS[command]?.(on, guest))).toBe('INVALID_PLATFORM_STATE');
  });

  test('a shutdown ends every guest, and the platform starts afresh', () => {
    const on = processor();
    const guest = launched(on);
    on.shutdown();
    expect(statusOf(() => on.createGuest())).toBe('INVALID_PLATFORM_STATE');
    expect(statusOf(() => on.shutdown())).toBe('INVALID_PLATFORM_STATE');
    on.initialize();
    expect(statusOf(() => on.initialize())).toBe('INVALID_PLATFORM_STATE');
    expect(statusOf(() => on.attest(guest, { reportData: REPORT_DATA }))).toBe('INVALID_GUEST');
    expect(launched(on).state).toBe('RUNNING');
  });

  test('go INIT, LAUNCH, RUNNING', () => {
    const on = processor();
    const guest = on.createGuest();
    const seen = [guest.state];
    on.launchStart({ policy: POLICY }, guest);
    seen.push(guest.state);
    on.launchFinish(guest);
    expect([...seen, guest.state]).toEqual(['INIT', 'LAUNCH', 'RUNNING']);
  });

  test('a launch that fails leaves no guest behind', () => {
    const on = processor();
    let left: Guest | undefined;
    const start = on.launchStart.bind(on);
    on.launchStart = (...given) => {
      left = start(...given);
      return left;
    };
    expect(statusOf(() => launched(on, { hostData: new Uint8Array(31) }))).toBe('INVALID_PARAM');
    expect(statusOf(() => on.decommission(left as Guest))).toBe('INVALID_GUEST');
  });
});

const SMT_ON = 0x25n;
describe('the policy of a guest', () => {
  test.each<[string, bigint, Partial<Platform>, string | { returned: unknown }]>([
    ['bit 17 that is not one', 0x1_0000n, {}, 'INVALID_PARAM'],
    ['a reserved bit that is not zero', POLICY | (1n << 26n), {}, 'INVALID_PARAM'],
    ['more than 64 bits', POLICY | (1n << 64n), {}, 'INVALID_PARAM'],
    ['a negative number', -1n, {}, 'INVALID_PARAM'],
    ['a higher ABI minor than the firmware has', POLICY | 0x100n | 56n, { firmware: { major: 1, minor: 55, build: 1 } }, 'POLICY_FAILURE'],
    ['a higher ABI major, though the minor is lower', POLICY | 0x200n, { firmware: { major: 1, minor: 55, build: 1 } }, 'POLICY_FAILURE'],
    ['no SMT where it is on', 0x2_0000n, { platformInfo: SMT_ON }, 'POLICY_FAILURE'],
    ['RAPL off where it is on', POLICY | (1n << 23n), { platformInfo: SMT_ON }, 'POLICY_FAILURE'],
    ['ciphertext hiding where it is off', POLICY | (1n << 24n), { platformInfo: SMT_ON }, 'POLICY_FAILURE'],
  ])('is refused for %s', (_, policy, platform, status) => {
    const on = processor(platform);
    expect(statusOf(() => on.launchStart({ policy }))).toBe(status);
  });

  test.each<[string, bigint, Partial<Platform>]>([
    ["the firmware's own ABI", POLICY | (1n << 8n) | 55n, { firmware: { major: 1, minor: 55, build: 1 } }],
    ['a higher minor of a lower major', POLICY | 56n, { firmware: { major: 2, minor: 0, build: 0 } }],
    ['no SMT where it is off', 0x2_0000n, { platformInfo: 0x24n }],
    ['RAPL off where it is off', POLICY | (1n << 23n), { platformInfo: 0x2dn }],
    ['ciphertext hiding where it is on', POLICY | (1n << 24n), { platformInfo: 0x35n }],
    ['debugging', POLICY | (1n << 19n), {}],
    ['one socket', POLICY | (1n << 20n), {}],
  ])('is taken with %s, and reported', (_, policy, platform) => {
    const on = processor(platform);
    const report = on.attest(launched(on, { policy }), { reportData: REPORT_DATA });
    expect(new DataView(report.buffer).getBigUint64(8, true)).toBe(policy);
  });
});

describe('pages of a launch', () => {
  const types = Object.keys(PAGE_TYPES) as PageType[];
  test.each(types)('of type %s are measured as the launch digest has it', (type) => {
    const on = processor();
    const guest = on.launchStart({ policy: POLICY });
    const contents = type === 'normal' || type === 'vmsa' ? page(3) : undefined;
    on.launchUpdate(guest, { type, gpa: 0x5000n, contents });
    expect(guest.measurement).toEqual(new LaunchDigest().update(type, 0x5000n, contents));
  });

  test('none: the measurement is 48 zero bytes', () => {
    const on = processor();
    expect(launched(on, { pages: [] }).measurement).toEqual(new Uint8Array(48));
  });

  test.each<[string, LaunchUpdate]>([
    ['a normal page without contents', { type: 'normal', gpa: 0n }],
    ['a save area without contents', { type: 'vmsa', gpa: 0n }],
    ['contents that are shorter than a page', { type: 'normal', gpa: 0n, contents: page(0).subarray(1) }],
    ['contents of a zero page that are no page', { type: 'zero', gpa: 0n, contents: new Uint8Array(1) }],
    ['an address within a page', { type: 'zero', gpa: 1n }],
    ['a negative address', { type: 'zero', gpa: -4096n }],
    ['an address above 52 bits', { type: 'zero', gpa: 1n << 52n }],
    ['a CPUID page with 65 functions', { type: 'cpuid', gpa: 0n, contents: CPUID_PAGE.encode({ count: 65 }) }],
    ['a CPUID page with reserved bytes', { type: 'cpuid', gpa: 0n, contents: page(1) }],
  ])('are refused for %s', (_, update) => {
    const on = processor();
    const guest = on.launchStart({ policy: POLICY });
    expect(statusOf(() => on.launchUpdate(guest, update))).toBe('INVALID_PARAM');
    expect(guest.measurement).toEqual(new Uint8Array(48));
  });

  test('a CPUID page is measured by its place, whatever it says', () => {
    const measure = (contents: Uint8Array | undefined): Uint8Array => launched(processor(), { pages: [{ type: 'cpuid', gpa: 0n, contents }] }).measurement;
    expect(measure(CPUID_PAGE.encode({ count: 64 }))).toEqual(measure(undefined));
  });

  test('the secrets page holds four keys of its own, the processor and the workarounds', () => {
    const on = processor();
    const gosvw = new Uint8Array(16).fill(9);
    const guest = on.launch({ policy: POLICY, gosvw, pages: PAGES });
    const secrets = SECRETS_PAGE.decode(secretsOf(on, guest));
    // Family 19h, model 1, stepping 1.
    expect(secrets).toMatchObject({ version: 3, fms: 0x00a0_0f11, gosvw, osArea: { messageSequence: [0, 0, 0, 0] } });
    const other = SECRETS_PAGE.decode(secretsOf(on, launched(on)));
    expect(new Set([...secrets.vmpcks, ...other.vmpcks].map((k) => Buffer.from(k).toString('hex'))).size).toBe(8);
  });

  test('without a secrets page a guest has no secrets', () => {
    const on = processor();
    expect(on.secretsOf(launched(on, { pages: [] }))).toBeUndefined();
  });

  test('what a launch was given can be written over afterwards', () => {
    const on = processor();
    const [gosvw, hostData] = [new Uint8Array(16).fill(9), new Uint8Array(32).fill(5)];
    const guest = on.launchStart({ policy: POLICY, gosvw });
    gosvw.fill(0);
    on.launchUpdate(guest, { type: 'secrets', gpa: 0n });
    on.launchFinish(guest, { hostData });
    hostData.fill(0);
    guest.measurement.fill(0);
    expect(SECRETS_PAGE.decode(secretsOf(on, guest)).gosvw).toEqual(new Uint8Array(16).fill(9));
    expect(decodeReport(on.attest(guest, { reportData: REPORT_DATA }))).toMatchObject({ hostData: new Uint8Array(32).fill(5), measurement: new LaunchDigest().update('secrets', 0n) });
  });

  test('a host finds no key in the handle of its guest', () => {
    expect(Object.keys(launched(processor()))).toEqual(['state', 'policy', 'measurement']);
  });

  test('GOSVW has 16 bytes', () => {
    expect(statusOf(() => processor().launchStart({ policy: POLICY, gosvw: new Uint8Array(15) }))).toBe('INVALID_PARAM');
  });
});

describe('the end of a launch', () => {
  const measurement = launched(processor()).measurement;
  const block = { launchDigest: measurement, familyId: new Uint8Array(16).fill(1), imageId: new Uint8Array(16).fill(2), guestSvn: 7, policy: POLICY };
  const signed = signIdBlock(block, idKey, authorKey);

  test.each<[string, LaunchFinish, string]>([
    ['another measurement', signIdBlock({ ...block, launchDigest: new Uint8Array(48) }, idKey), 'BAD_MEASUREMENT'],
    ['another policy', signIdBlock({ ...block, policy: POLICY | (1n << 19n) }, idKey), 'POLICY_FAILURE'],
    ['another version', signIdBlock({ ...block, version: 2 }, idKey), 'INVALID_PARAM'],
    ["somebody else's signature", { idBlock: signIdBlock({ ...block, guestSvn: 8 }, idKey).idBlock, idAuth: signed.idAuth }, 'BAD_SIGNATURE'],
    ['an author key that signed nothing', { ...signIdBlock(block, idKey), authorKeyEnabled: true }, 'INVALID_PARAM'],
    ['an ID block without authentication', { idBlock: signed.idBlock }, 'INVALID_PARAM'],
    ['authentication without an ID block', { idAuth: signed.idAuth }, 'INVALID_PARAM'],
    ['an author key without an ID block', { authorKeyEnabled: true }, 'INVALID_PARAM'],
    ['host data of 31 bytes', { hostData: new Uint8Array(31) }, 'INVALID_PARAM'],
    ['an ID block cut short', { ...signed, idBlock: signed.idBlock.subarray(1) }, 'INVALID_PARAM'],
  ])('is refused for %s, and the guest stays in LAUNCH', (_, finish, status) => {
    const on = processor();
    const guest = on.launchStart({ policy: POLICY });
    for (const update of PAGES) on.launchUpdate(guest, update);
    expect(statusOf(() => on.launchFinish(guest, finish))).toBe(status);
    expect(guest.state).toBe('LAUNCH');
    on.launchFinish(guest, signed);
    expect(guest.state).toBe('RUNNING');
  });

  test('puts what the ID block says, both key digests and the host data into the reports', () => {
    const on = processor();
    const report = decodeReport(on.attest(launched(on, { ...signed, authorKeyEnabled: true, hostData: new Uint8Array(32).fill(5) }), { reportData: REPORT_DATA }));
    expect(report).toMatchObject({
      measurement,
      familyId: block.familyId,
      imageId: block.imageId,
      guestSvn: 7,
      hostData: new Uint8Array(32).fill(5),
      idKeyDigest: keyDigest(encodePublicKey(idKey.publicPoint)),
      authorKeyDigest: keyDigest(encodePublicKey(authorKey.publicPoint)),
      keyInfo: { authorKeyEn: 1 },
    });
  });

  test('leaves the author out where its key is not enabled', () => {
    const on = processor();
    const report = decodeReport(on.attest(launched(on, signed), { reportData: REPORT_DATA }));
    expect(report).toMatchObject({ authorKeyDigest: new Uint8Array(48), keyInfo: { authorKeyEn: 0 } });
  });

  test('leaves every field of an ID block zero where there is none', () => {
    const on = processor();
    const report = decodeReport(on.attest(launched(on), { reportData: REPORT_DATA }));
    expect(report).toMatchObject({ guestSvn: 0, familyId: new Uint8Array(16), imageId: new Uint8Array(16), idKeyDigest: new Uint8Array(48), authorKeyDigest: new Uint8Array(48), hostData: new Uint8Array(32) });
  });
});
