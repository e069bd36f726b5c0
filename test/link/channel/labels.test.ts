/** The slots of the key store against the driver's enumerations. */
import { describe, expect, test } from 'vitest';
import { copyEnginePair, globalKeyId, KEY_SLOTS, KEYSPACES, keyPairOf, sec2Pair, slotLabelled, slotOf } from '../../../emulator/link/channel/labels.ts';
import { LINK_SCHEMES } from '../../../emulator/link/channel/schemes.ts';

describe('key slots', () => {
  test('are 12 of GSP, 6 of SEC2 and 6 of each of 16 copy engines', () => {
    expect(KEY_SLOTS).toHaveLength(114);
    expect(KEYSPACES.map(({ name, keys }) => [name, keys.length])).toEqual([['GSP', 12], ['SEC2', 6], ...[0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17].map((n) => [`LCE${n}`, 6])]);
  });

  test('45 of them are derived on GH100, 13 on Blackwell before any channel', () => {
    expect(LINK_SCHEMES.hopper.slots).toHaveLength(45);
    expect(LINK_SCHEMES.blackwell.slots).toHaveLength(13);
  });

  test.each([
    ['cpu_gsp_locked_rpc', 0x0_0000],
    ['gsp_cpu_locked_rpc', 0x0_0001],
    ['gsp_cpu_replayable_fault', 0x0_0005],
    ['gsp_cpu_non_replayable_fault', 0x0_0007],
    ['cpu_gsp_nvle_p2p_wrapping', 0x0_000a],
    ['cpu_sec2_hmac_kernel', 0x1_0003],
    ['cpu_sec2_data_scrubber', 0x1_0004],
    ['Lce00_h2d_user', 0x2_0000],
    ['Lce07_d2h_kernel', 0x9_0003],
    ['Lce10_h2d_user', 0xa_0000],
    ['Lce17_d2h_p2p', 0x11_0005],
  ])('%s has the global id 0x%s', (label, id) => {
    expect(slotLabelled(label).globalKeyId).toBe(id);
    expect(slotOf(id).label).toBe(label);
  });

  test('labels are all different, ids too, and slots are numbered without gap', () => {
    const labels = KEY_SLOTS.flatMap(({ label }) => (label === undefined ? [] : [label]));
    expect(new Set(labels).size).toBe(labels.length);
    expect(new Set(KEY_SLOTS.map((slot) => slot.globalKeyId)).size).toBe(KEY_SLOTS.length);
    expect(KEY_SLOTS.map(({ slot }) => slot)).toEqual(KEY_SLOTS.map((_, i) => i));
  });

  test('the even one of a pair carries CPU to GPU', () => {
    for (const { globalKeyId: id, label } of KEY_SLOTS) {
      if (label === undefined) continue;
      const even = /^cpu_(gsp|sec2_data)|_h2d_/.test(label);
      expect([label, id % 2]).toEqual([label, even ? 0 : 1]);
      expect(keyPairOf(id)).toContain(slotOf(id));
    }
  });

  test('copy engine COPYn has the keys of LCE(n - 2)', () => {
    expect(copyEnginePair(2, 'user').map(({ label }) => label)).toEqual(['Lce00_h2d_user', 'Lce00_d2h_user']);
    expect(copyEnginePair(9, 'kernel').map(({ label }) => label)).toEqual(['Lce07_h2d_kernel', 'Lce07_d2h_kernel']);
    expect(copyEnginePair(12, 'user').map(({ label }) => label)).toEqual(['Lce10_h2d_user', 'Lce10_d2h_user']);
    expect(sec2Pair('kernel').map(({ label }) => label)).toEqual(['cpu_sec2_data_kernel', 'cpu_sec2_hmac_kernel']);
    for (const engine of [0, 1, 10, 11, 20]) expect(() => copyEnginePair(engine, 'user')).toThrow(RangeError);
  });

  test('types are those of the driver: none for GSP, in turns for SEC2, counted for copy engines', () => {
    const types = (keyspace: string): string[] => KEY_SLOTS.filter((slot) => slot.keyspace === keyspace).map(({ type }) => type);
    expect(new Set(types('GSP'))).toEqual(new Set(['NO_CHAN_COUNTER']));
    expect(types('SEC2')).toEqual(['CRYPT_COUNTER', 'HMAC_COUNTER', 'CRYPT_COUNTER', 'HMAC_COUNTER', 'CRYPT_COUNTER', 'HMAC_COUNTER']);
    expect(new Set(types('LCE3'))).toEqual(new Set(['CRYPT_COUNTER']));
  });

  test('an unknown id or label is a mistake of the caller', () => {
    expect(() => slotOf(globalKeyId(0, 12))).toThrow(RangeError);
    expect(() => slotLabelled('Lce8_h2d_user')).toThrow(RangeError);
  });
});
