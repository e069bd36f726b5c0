/**
 * The channel layer against another implementation of its description, in Python with pyca/cryptography: keys of every label and rotation, IVs, messages both
 * ways, work MACs, Blackwell's ratchet. Its install failing is a failure.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CslContext, driverKeys, gpuKeys } from '../../../emulator/link/channel/bundle.ts';
import { channelIv } from '../../../emulator/link/channel/iv.ts';
import { type CryptBundle, KeyStore } from '../../../emulator/link/channel/key-store.ts';
import { copyEnginePair, KEY_SLOTS, sec2Pair } from '../../../emulator/link/channel/labels.ts';
import { encodeMethods, type Method } from '../../../emulator/link/channel/work-mac.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import { type Python, pythonWith } from '../python.ts';

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const engine = nodeEngine();

let python: Python | undefined;
let ask: (questions: readonly object[]) => Promise<unknown[]>;

beforeAll(async () => {
  python = await pythonWith('channel-vectors', here('requirements.txt'));
  const { program } = python;
  ask = async (questions) => {
    const child = run(program, [here('oracle.py')], { timeout: 300_000, maxBuffer: 64 << 20 });
    child.child.stdin?.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
    const { stdout } = await child;
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { answer: unknown }).answer);
  };
}, 600_000);

afterAll(() => python?.remove());

/** Draws that are the same every time. */
const draw = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] => fc.sample(arbitrary, { numRuns: count, seed: 6 });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const [EMK = new Uint8Array(32)] = draw(bytes(32), 1);
const ROTATIONS = 5;
const LABELS = KEY_SLOTS.flatMap(({ label, globalKeyId }) => (label === undefined ? [] : [{ label, globalKeyId }]));

describe('keys', () => {
  test(`of all ${LABELS.length} labels, as derived and after each of ${ROTATIONS} rotations`, async () => {
    const questions = LABELS.flatMap(({ label }) => Array.from({ length: ROTATIONS + 1 }, (_, rotations) => ({ ask: 'key', emk: hex(EMK), label, rotations })));
    const ours = LABELS.flatMap(({ globalKeyId }) => {
      const store = new KeyStore(EMK);
      store.derive(globalKeyId);
      return Array.from({ length: ROTATIONS + 1 }, (_, rotations) => {
        if (rotations > 0) store.update(globalKeyId);
        const { encrypt, decrypt, hmac } = store.retrieve(globalKeyId);
        return hex((encrypt ?? decrypt ?? hmac)?.key);
      });
    });
    expect(LABELS).toHaveLength(109);
    expect(new Set(ours).size).toBe(ours.length);
    expect(ours).toEqual(await ask(questions));
  });

  test('of forty channels of a Blackwell GPU', async () => {
    const store = new KeyStore(EMK);
    const ours = Array.from({ length: 40 }, () => store.nextChannelKeys()).map(({ encrypt, decrypt }) => [hex(encrypt.key), hex(decrypt.key)]);
    expect([ours]).toEqual(await ask([{ ask: 'ratchet', emk: hex(EMK), count: 40 }]));
  });
});

const messages = draw(
  fc.record({
    key: bytes(32),
    mask: bytes(12),
    channel: fc.oneof(fc.bigInt(0n, 9n), fc.bigInt(0n, (1n << 64n) - 1n)),
    message: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 0xffff_fffd })),
    plain: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    aad: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 1, maxLength: 20 })),
  }),
  120,
);

describe('messages', () => {
  test.each([
    ['to the device, sealed by us', 'out'],
    ['from the device, sealed by the other implementation', 'in'],
  ] as const)('%s', async (_, way) => {
    // The counter goes one further before the message.
    const asked = messages.map(({ key, mask, channel, message, plain, aad }) => ({
      ask: 'seal',
      key: hex(key),
      mask: hex(mask),
      channel: String(channel),
      message: message + 1,
      width: 32,
      plain: hex(plain),
      aad: hex(aad),
    }));
    const theirs = (await ask(asked)) as { iv: string; ciphertext: string; tag: string }[];
    messages.forEach(({ key, mask, channel, message, plain, aad }, i) => {
      const bundle: CryptBundle = { key, iv: channelIv(channel, message), ivMask: mask };
      const { ciphertext = '', tag = '' } = theirs[i] ?? {};
      const out = new Uint8Array(plain.length);
      if (way === 'out') {
        const made = new Uint8Array(16);
        new CslContext(engine, { out: bundle }).seal(plain, out, made, aad);
        expect([hex(out), hex(made)]).toEqual([ciphertext, tag]);
      } else {
        const opens = new CslContext(engine, { into: bundle }).opens(new Uint8Array(Buffer.from(ciphertext, 'hex')), new Uint8Array(Buffer.from(tag, 'hex')), out, { aad });
        expect([opens, hex(out)]).toEqual([true, hex(plain)]);
      }
    });
  });

  test('of the queues of GSP, whose counter has 64 bits', async () => {
    const counters = [0n, 1n, 0xffff_fffen, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_fffen];
    const key = EMK;
    const asked = counters.map((counter) => ({ ask: 'seal', key: hex(key), mask: '00'.repeat(12), channel: '0', message: String(counter + 1n), width: 64, plain: '010203', aad: '04' }));
    const ours = counters.map((counter) => {
      const context = new CslContext(engine, { out: { key, iv: new Uint8Array(12), ivMask: new Uint8Array(12) } }, 64);
      context.seek('out', counter);
      const [ciphertext, tag] = [new Uint8Array(3), new Uint8Array(16)];
      context.seal(Uint8Array.of(1, 2, 3), ciphertext, tag, Uint8Array.of(4));
      return { ciphertext: hex(ciphertext), tag: hex(tag) };
    });
    expect((await ask(asked)) as object[]).toMatchObject(ours);
  });

  test('of a channel over rotations of keys and of IVs: both directions, generation after generation', async () => {
    const store = new KeyStore(EMK);
    const [h2d, d2h] = copyEnginePair(5, 'kernel');
    const masks = draw(bytes(12), 12);
    for (const [i, { globalKeyId }] of [h2d, d2h].entries()) {
      store.derive(globalKeyId);
      store.depositIvMask(globalKeyId, masks[i] ?? EMK);
    }
    const keys = store.retrieve(h2d.globalKeyId);
    const driver = new CslContext(engine, driverKeys(keys));
    const gpu = new CslContext(engine, gpuKeys(keys));
    const questions: object[] = [];
    const ours: object[] = [];
    const exchange = (rotations: number, masksFrom: number, channel: number): void => {
      for (let message = 1; message <= 3; message++) {
        for (const [end, slot, i] of [
          [driver, h2d, 0],
          [gpu, d2h, 1],
        ] as const) {
          const plain = Uint8Array.of(rotations, message, i, 7);
          const [ciphertext, tag] = [new Uint8Array(4), new Uint8Array(16)];
          end.seal(plain, ciphertext, tag);
          ours.push({ ciphertext: hex(ciphertext), tag: hex(tag) });
          questions.push({ label: slot.label, rotations, mask: hex(masks[masksFrom + i]), channel: String(channel), message, width: 32, plain: hex(plain), aad: '' });
        }
      }
    };
    exchange(0, 0, 1);
    for (let rotations = 1; rotations <= 4; rotations++) {
      for (const [i, { globalKeyId }] of [h2d, d2h].entries()) {
        store.update(globalKeyId);
        store.depositIvMask(globalKeyId, masks[2 * rotations + i] ?? EMK);
      }
      const next = store.retrieve(h2d.globalKeyId, 'both', false);
      driver.rotate(driverKeys(next));
      gpu.rotate(gpuKeys(next));
      exchange(rotations, 2 * rotations, 1);
    }
    store.retrieve(h2d.globalKeyId);
    driver.rotateIv('out', 2n);
    gpu.rotateIv('out', 2n);
    exchange(4, 8, 2);
    const derived = await ask(questions.map((question) => ({ ...question, ask: 'key', emk: hex(EMK) })));
    expect(await ask(questions.map((question, i) => ({ ...question, ask: 'seal', key: derived[i] })))).toMatchObject(ours);
    expect(ours).toHaveLength(36);
  });
});

describe('work MACs', () => {
  test('over one to 64 methods, with nonces all over their range', async () => {
    const works = draw(
      fc.record({
        key: bytes(32),
        methods: fc.array(fc.tuple(fc.integer({ min: 0, max: 0xfff }), fc.integer({ min: 0, max: 0xffff_ffff })), { minLength: 1, maxLength: 64 }),
        message: fc.oneof(fc.bigInt(0n, 3n), fc.constantFrom(0xffn, 0xffffn, 0xffff_ffffn, (1n << 64n) - 1n, (1n << 191n) - 1n), fc.bigInt(0n, (1n << 192n) - 2n)),
        channel: fc.bigInt(0n, (1n << 64n) - 1n),
      }),
      80,
    );
    const ours = works.map(({ key, methods, message, channel }) => {
      const context = new CslContext(engine, { mac: { key, nonce: new Uint8Array(32) } });
      context.seekNonce(Uint8Array.from({ length: 32 }, (_, i) => Number(((message | (channel << 192n)) >> BigInt(8 * i)) & 0xffn)));
      return hex(context.sign(encodeMethods(methods as readonly Method[])));
    });
    expect(ours).toEqual(await ask(works.map(({ key, methods, message, channel }) => ({ ask: 'mac', key: hex(key), methods, message: String(message + 1n), channel: String(channel) }))));
  });

  test('of a SEC2 channel from the export master key on, for each privilege', async () => {
    const methods: readonly Method[] = [
      [0x400, 1],
      [0x470, 1],
    ];
    for (const privilege of ['user', 'kernel', 'scrubber'] as const) {
      const store = new KeyStore(EMK);
      const pair = sec2Pair(privilege);
      for (const { globalKeyId } of pair) store.derive(globalKeyId);
      const context = new CslContext(engine, driverKeys(store.retrieve(pair[0].globalKeyId)));
      const [key] = await ask([{ ask: 'key', emk: hex(EMK), label: pair[1].label, rotations: 0 }]);
      const ours = [1, 2, 3].map(() => hex(context.sign(encodeMethods(methods))));
      expect(ours).toEqual(await ask([1, 2, 3].map((message) => ({ ask: 'mac', key, methods, message: String(message), channel: '1' }))));
    }
  });
});
