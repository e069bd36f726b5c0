/** Counters, IVs, the key store's channel counters and rotation: what the driver does at every edge. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CslContext, driverKeys, type EndKeys, gpuKeys } from '../../../emulator/link/channel/bundle.ts';
import { advance, advanceNonce, channelCounter, channelIv, maskedIv, messageCounter, setMessageCounter } from '../../../emulator/link/channel/iv.ts';
import { KeyStore } from '../../../emulator/link/channel/key-store.ts';
import { copyEnginePair, sec2Pair, slotLabelled } from '../../../emulator/link/channel/labels.ts';
import { LinkError, OUTCOMES, type OutcomeName, robustChannelCode } from '../../../emulator/link/channel/outcomes.ts';
import { IV_REMAINING_LIMIT, KeyRotation, rotationThresholds, workUnits } from '../../../emulator/link/channel/rotation.ts';
import { HEARTBEAT_PERIOD, LinkSession } from '../../../emulator/link/channel/session.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';

const engine = nodeEngine();
const emk = Uint8Array.from({ length: 32 }, (_, i) => 3 * i + 1);
const [H2D, D2H] = copyEnginePair(2, 'user').map(({ globalKeyId }) => globalKeyId) as [number, number];

function outcome(act: () => unknown): OutcomeName | 'ok' {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof LinkError) return error.outcome;
    throw error;
  }
}

describe('counters', () => {
  test('an IV is the message counter, then the channel counter, little-endian; the mask is put over all of it', () => {
    const iv = channelIv(0x0102030405060708n, 0x0a0b0c0d);
    expect([...iv]).toEqual([0x0d, 0x0c, 0x0b, 0x0a, 8, 7, 6, 5, 4, 3, 2, 1]);
    const mask = Uint8Array.from({ length: 12 }, (_, i) => 0xf0 + i);
    expect([...maskedIv(iv, mask, new Uint8Array(12))]).toEqual([...iv].map((byte, i) => byte ^ (0xf0 + i)));
  });

  test.each([
    [32, 0xffff_fffen, true],
    [32, 0xffff_ffffn, false],
    [64, 0xffff_ffffn, true],
    [64, 0xffff_ffff_ffff_fffen, true],
    [64, 0xffff_ffff_ffff_ffffn, false],
  ] as const)('a counter of %d bits at %s goes on: %s', (width, at, goes) => {
    const iv = new Uint8Array(12);
    setMessageCounter(iv, width, at);
    expect(advance(iv, width)).toBe(goes);
    expect(messageCounter(iv, width)).toBe(goes ? at + 1n : at);
  });

  test('a nonce counts over 24 bytes and never touches the channel counter', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 192n) - 1n), fc.bigInt(0n, (1n << 64n) - 1n), (count, channel) => {
        const value = count | (channel << 192n);
        const nonce = Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
        const went = advanceNonce(nonce);
        const after = nonce.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        expect(went).toBe(count !== (1n << 192n) - 1n);
        expect(after).toBe(went ? value + 1n : value);
      }),
    );
    const last = new Uint8Array(32).fill(0xff, 0, 24);
    expect(advanceNonce(last)).toBe(false);
    expect([...last]).toEqual([...new Uint8Array(32).fill(0xff, 0, 24)]);
  });
});

describe('key store', () => {
  test('counts a channel for each half before it gives the keys', () => {
    const store = new LinkSession({ emk }).store;
    expect([1, 2, 3].map(() => channelCounter(store.retrieve(H2D).encrypt?.iv ?? new Uint8Array(12)))).toEqual([1n, 2n, 3n]);
    expect(channelCounter(store.retrieve(H2D, 'decrypt').decrypt?.iv ?? new Uint8Array(12))).toBe(4n);
    expect(channelCounter(store.retrieve(H2D, 'encrypt').encrypt?.iv ?? new Uint8Array(12))).toBe(4n);
  });

  test('refuses a channel too many, and counts neither half then', () => {
    const { store } = new LinkSession({ emk });
    store.seek(D2H, (1n << 64n) - 1n);
    expect(outcome(() => store.retrieve(H2D))).toBe('channelCounterExhausted');
    expect(channelCounter(store.retrieve(H2D, 'encrypt').encrypt?.iv ?? new Uint8Array(12))).toBe(1n);
  });

  test('GSP keys have no channel counter', () => {
    const { store } = new LinkSession({ emk });
    const id = slotLabelled('cpu_gsp_locked_rpc').globalKeyId;
    store.retrieve(id);
    expect([...(store.retrieve(id).encrypt?.iv ?? [])]).toEqual([...new Uint8Array(12)]);
  });

  test('a key of zeros is fatal for copy engines, when derived and when rotated, and for nothing else', () => {
    const zeros = (): Uint8Array => new Uint8Array(32);
    expect(outcome(() => new KeyStore(emk, zeros).derive(H2D))).toBe('zeroKey');
    expect(outcome(() => new KeyStore(emk, zeros).nextChannelKeys())).toBe('zeroKey');
    expect(outcome(() => new KeyStore(emk, zeros).derive(sec2Pair('user')[0].globalKeyId))).toBe('ok');
    let times = 0;
    const later = new KeyStore(emk, (prk) => (times++ === 0 ? prk : zeros()));
    later.derive(H2D);
    expect(outcome(() => later.update(H2D))).toBe('zeroKey');
  });

  test('forgets everything at the end of a session', () => {
    const session = new LinkSession({ emk });
    session.end(new LinkError('rpcForged'));
    expect(outcome(() => session.store.retrieve(H2D))).toBe('sec2KeyDerivation');
    expect(outcome(() => session.requireAlive())).toBe('sessionLost');
  });
});

describe('a channel', () => {
  const ends = (): { store: KeyStore; driver: CslContext; gpu: CslContext } => {
    const { store } = new LinkSession({ emk });
    const keys = store.retrieve(H2D);
    return { store, driver: new CslContext(engine, driverKeys(keys)), gpu: new CslContext(engine, gpuKeys(keys)) };
  };
  const seal = (end: CslContext, text: string): { ct: Uint8Array; tag: Uint8Array } => {
    const ct = new Uint8Array(text.length);
    const tag = new Uint8Array(16);
    end.seal(new TextEncoder().encode(text), ct, tag);
    return { ct, tag };
  };

  test('the first message of a key has the counter 1', () => {
    const { driver } = ends();
    expect(driver.counters('out')).toEqual({ message: 0n, channel: 1n });
    seal(driver, 'a');
    expect(driver.counters('out')).toEqual({ message: 1n, channel: 1n });
  });

  test('messages of the GPU open in any order with their logged IVs', () => {
    const { driver, gpu } = ends();
    const sent = ['first', 'second', 'third'].map((text) => ({ text, iv: driver.logIv(), ...seal(gpu, text) }));
    for (const { text, iv, ct, tag } of sent.toReversed()) {
      const dst = new Uint8Array(ct.length);
      driver.open(ct, tag, dst, { iv });
      expect(new TextDecoder().decode(dst)).toBe(text);
    }
    const [first, second] = sent;
    expect(outcome(() => first && driver.open(first.ct, first.tag, new Uint8Array(first.ct.length), { iv: second?.iv }))).toBe('cpuTagMismatch');
  });

  test('an IV of the other direction seals nothing', () => {
    const { driver } = ends();
    expect(outcome(() => driver.sealWith(driver.logIv(), Uint8Array.of(1), new Uint8Array(1), new Uint8Array(16)))).toBe('ivNotFresh');
  });

  test('no message of no bytes is sealed or opened', () => {
    const { driver, gpu } = ends();
    expect(outcome(() => seal(driver, ''))).toBe('emptyMessage');
    expect(outcome(() => gpu.opens(new Uint8Array(0), new Uint8Array(16), new Uint8Array(0)))).toBe('emptyMessage');
  });

  test('keys of the last 16 versions open what was sealed under them, that of the 17th before does not', () => {
    const { store, driver, gpu } = ends();
    const logged = { version: driver.keyVersion, iv: driver.logIv(), ...seal(gpu, 'early') };
    const open = (): OutcomeName | 'ok' => outcome(() => driver.open(logged.ct, logged.tag, new Uint8Array(5), { iv: logged.iv, keyVersion: logged.version }));
    const rotate = (): void => {
      for (const id of [H2D, D2H]) store.update(id);
      const keys = store.retrieve(H2D, 'both', false);
      driver.rotate(driverKeys(keys));
      gpu.rotate(gpuKeys(keys));
    };
    for (let i = 0; i < 15; i++) {
      rotate();
      expect(open()).toBe('ok');
    }
    rotate();
    expect(open()).toBe('cpuTagMismatch');
  });

  test('an IV rotation begins a new channel counter with message 1 and reuses nothing', () => {
    const { store, driver, gpu } = ends();
    seal(driver, 'before');
    const iv = store.retrieve(H2D, 'encrypt').encrypt?.iv ?? new Uint8Array(12);
    for (const [end, way] of [
      [driver, 'out'],
      [gpu, 'in'],
    ] as const)
      end.rotateIv(way, channelCounter(iv));
    expect(driver.counters('out')).toEqual({ message: 0n, channel: 2n });
    const { ct, tag } = seal(driver, 'after');
    expect(gpu.opens(ct, tag, new Uint8Array(5))).toBe(true);
    expect(driver.counters('in')).toEqual({ message: 0n, channel: 1n });
  });
});

describe('rotation', () => {
  test.each([
    [50, 777472127993],
    [60, 24296003999],
    [65, 4294967295],
  ])('the threshold of advantage 2^-%d is %d, asked for a thousand million before', (advantage, upper) => {
    expect(rotationThresholds(advantage)).toEqual({ upper, lower: upper - 1e9 });
  });

  test('each step of the advantage halves the work in two steps', () => {
    const uppers = Array.from({ length: 16 }, (_, i) => rotationThresholds(50 + i).upper);
    uppers.slice(2).forEach((upper, i) => {
      expect(Math.abs((uppers[i] ?? 0) / upper - 2)).toBeLessThan(1e-3);
    });
    for (const advantage of [49, 66]) expect(() => rotationThresholds(advantage)).toThrow(RangeError);
  });

  test('a unit is 16 bytes or one message', () => {
    expect(workUnits({ bytes: 2 << 20, messages: 1 })).toBe(131073);
    expect(workUnits({ bytes: 31, messages: 0 })).toBe(1);
  });

  const thresholds = { lower: 100, upper: 200 };
  test('below the lower threshold nothing happens, above it channels become idle, then the keys are rotated', () => {
    const rotation = new KeyRotation({ thresholds });
    expect([rotation.check(100, true, 0), rotation.status]).toEqual(['none', 'IDLE']);
    expect([rotation.check(101, false, 0), rotation.status]).toEqual(['wait', 'PENDING']);
    expect(rotation.check(101, true, 10)).toBe('rotate');
    rotation.begin();
    expect([rotation.check(150, true, 10), rotation.status]).toEqual(['none', 'IN_PROGRESS']);
    rotation.done();
    expect([rotation.status, rotation.count]).toEqual(['IDLE', 1]);
  });

  test.each([
    ['user channels are waited for 5 s', false, 4999, 'wait'],
    ['then they are reset', false, 5000, 'force'],
    ['kernel channels are waited for as long as it takes', true, 1e9, 'wait'],
  ] as const)('%s', (_, kernel, now, step) => {
    const rotation = new KeyRotation({ thresholds, kernel });
    rotation.check(101, false, 0);
    expect(rotation.check(101, false, now)).toBe(step);
    expect(rotation.status).toBe(step === 'force' ? 'FAILED_TIMEOUT' : 'PENDING');
  });

  test('above the upper threshold nobody is waited for', () => {
    const rotation = new KeyRotation({ thresholds, kernel: true });
    expect([rotation.check(201, false, 0), rotation.status]).toEqual(['force', 'FAILED_THRESHOLD']);
  });

  test('the time of user channels stands still while kernel keys wait', () => {
    const rotation = new KeyRotation({ thresholds });
    rotation.check(101, false, 0);
    rotation.suspend(true, 3000);
    expect([rotation.check(101, false, 9000), rotation.status]).toEqual(['wait', 'PENDING_TIMER_SUSPENDED']);
    rotation.suspend(false, 9000);
    expect(rotation.check(101, false, 10_999)).toBe('wait');
    expect(rotation.check(101, false, 11_000)).toBe('force');
  });

  test('after a failed rotation there is no session', () => {
    const rotation = new KeyRotation({ thresholds });
    rotation.begin();
    rotation.failed();
    expect(outcome(() => rotation.check(0, true, 0))).toBe('rotationFailed');
    expect(OUTCOMES.rotationFailed.reach).toBe('session');
  });

  test('keys of GSP rotate by themselves at both ends, each direction when its own work is done', () => {
    const make = (keys: EndKeys): CslContext => new CslContext(engine, keys, 64);
    const [at, of] = [new LinkSession({ emk }), new LinkSession({ emk })];
    const driver = at.queueContext('cpu_gsp_locked_rpc', 'driver', make, 20);
    const gpu = of.queueContext('cpu_gsp_locked_rpc', 'gpu', make, 20);
    const keyOf = ({ store }: LinkSession, half: 'encrypt' | 'decrypt'): string => Buffer.from(store.retrieve(0, half, false)[half]?.key ?? []).toString('hex');
    const before = [keyOf(at, 'encrypt'), keyOf(at, 'decrypt')];
    const counters = [];
    for (let i = 0; i < 12; i++) {
      const [ct, tag, plain] = [new Uint8Array(64), new Uint8Array(16), new Uint8Array(64).fill(i)];
      driver.seal(plain, ct, tag);
      const out = new Uint8Array(64);
      gpu.open(ct, tag, out);
      expect([...out]).toEqual([...plain]);
      counters.push(Number(driver.counters('out').message));
    }
    // Five units each: the fifth message would be more than 20.
    expect(counters).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    expect(keyOf(at, 'encrypt')).toBe(keyOf(of, 'encrypt'));
    expect([keyOf(at, 'encrypt') === before[0], keyOf(at, 'decrypt') === before[1]]).toEqual([false, true]);
    const [ct, tag] = [new Uint8Array(8), new Uint8Array(16)];
    gpu.seal(new Uint8Array(8), ct, tag);
    driver.open(ct, tag, new Uint8Array(8));
  });

  test('the limits are those of the driver', () => {
    expect(IV_REMAINING_LIMIT).toEqual({ usual: 2147483648, least: 2342, most: 0xfffffffe });
    expect(() => new KeyRotation({ timeout: 1999 })).toThrow(RangeError);
  });
});

describe('heartbeat', () => {
  test('is due after 4 s; the session ends after more than 8', () => {
    const session = new LinkSession({ emk, now: 1000 });
    expect(session.heartbeatDue(1000 + HEARTBEAT_PERIOD - 1)).toBe(false);
    expect(session.heartbeatDue(1000 + HEARTBEAT_PERIOD)).toBe(true);
    expect(outcome(() => session.watch(9000))).toBe('ok');
    session.heartbeat(9000);
    expect(outcome(() => session.watch(17_000))).toBe('ok');
    expect(outcome(() => session.watch(17_001))).toBe('heartbeatLost');
    expect(outcome(() => session.heartbeat(17_002))).toBe('sessionLost');
  });
});

describe('outcomes', () => {
  test.each([
    ['sec2TagMismatch', 0, 60],
    ['gpuTagMismatch', 2, 41],
    ['gpuTagMismatch', 3, 70],
    ['gpuTagMismatch', 9, 85],
    ['gpuTagMismatch', 12, 128],
    ['rotationForced', 2, 151],
    ['cpuTagMismatch', 2, undefined],
  ] as const)('%s on COPY%d has the robust-channel code %s', (name, copy, code) => {
    expect(robustChannelCode(name, copy)).toBe(code);
  });
});
