/** Channel keys, IVs, messages and MACs against known answers that another implementation computed. */
import { expect, test } from 'vitest';
import { CslContext } from '../../../emulator/link/channel/bundle.ts';
import { channelIv, maskedIv } from '../../../emulator/link/channel/iv.ts';
import { expand, KeyStore, nextKey } from '../../../emulator/link/channel/key-store.ts';
import { slotLabelled } from '../../../emulator/link/channel/labels.ts';
import { LINK_SCHEMES } from '../../../emulator/link/channel/schemes.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../../real-samples.ts';

interface Message {
  readonly msgCtr: number;
  readonly chanCtr: number;
  readonly ivRaw: string;
  readonly ivWire: string;
  readonly pt: string;
  readonly ct: string;
  readonly tag: string;
}
interface Answers {
  readonly emk: string;
  readonly keys: Readonly<Record<string, readonly string[]>>;
  readonly h2d: { readonly key: string; readonly ivMask: string; readonly messages: readonly Message[] };
  readonly sec2mac: { readonly key: string; readonly methods: string; readonly nonceAfterIncrement: string; readonly mac: string };
  readonly blackwell_channels: readonly { readonly h2d: string; readonly d2h: string }[];
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const bytes = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? '', 'hex'));
const answers = REAL_SAMPLES === undefined ? undefined : (JSON.parse(new TextDecoder().decode(realSample('spdm/gpu-channel-keys.json'))) as Answers);
const emk = bytes(answers?.emk);

/** The key of a label after some rotations, as the key store gives it. */
function keyOf(label: string, rotations: number): string {
  const store = new KeyStore(emk);
  const { globalKeyId, localId } = slotLabelled(label);
  store.derive(globalKeyId);
  for (let i = 0; i < rotations; i++) store.update(globalKeyId);
  const { encrypt, decrypt, hmac } = store.retrieve(globalKeyId);
  return hex((localId % 2 === 0 ? encrypt : (hmac ?? decrypt))?.key);
}

describeReal('known answers of the channel layer', () => {
  test('cover every key that GH100 derives, and no other', () => {
    expect(LINK_SCHEMES.hopper.slots.map(({ label }) => label).sort()).toEqual(Object.keys(answers?.keys ?? {}).sort());
  });

  test.each(Object.entries(answers?.keys ?? {}))('%s, as derived and after each rotation', (label, generations) => {
    expect(generations.map((_, rotations) => keyOf(label, rotations))).toEqual(generations);
    const [first, second] = generations.map(bytes);
    expect(hex(expand(emk, label))).toBe(hex(first));
    expect(hex(nextKey(first ?? emk, label))).toBe(hex(second));
  });

  test('three messages of a channel: IV, masked IV, ciphertext and tag', () => {
    const { key = '', ivMask, messages = [] } = answers?.h2d ?? {};
    const store = new KeyStore(emk);
    const { globalKeyId } = slotLabelled(key);
    store.derive(globalKeyId);
    store.depositIvMask(globalKeyId, bytes(ivMask));
    const channel = new CslContext(nodeEngine(), { out: store.retrieve(globalKeyId).encrypt });
    const back = new CslContext(nodeEngine(), { into: store.retrieve(globalKeyId, 'both', false).encrypt });
    for (const { msgCtr, chanCtr, ivRaw, ivWire, pt, ct, tag } of messages) {
      expect(hex(channelIv(BigInt(chanCtr), msgCtr))).toBe(ivRaw);
      expect(hex(maskedIv(bytes(ivRaw), bytes(ivMask), new Uint8Array(12)))).toBe(ivWire);
      const plain = bytes(pt);
      const sealed = { ciphertext: new Uint8Array(plain.length), tag: new Uint8Array(16) };
      channel.seal(plain, sealed.ciphertext, sealed.tag);
      expect([hex(sealed.ciphertext), hex(sealed.tag)]).toEqual([ct, tag]);
      const opened = new Uint8Array(plain.length);
      expect(back.opens(bytes(ct), bytes(tag), opened)).toBe(true);
      expect(hex(opened)).toBe(pt);
    }
    expect(messages.length).toBe(3);
  });

  test('the MAC of the first work of a channel', () => {
    const { key = '', methods, nonceAfterIncrement, mac } = answers?.sec2mac ?? {};
    const store = new KeyStore(emk);
    const { globalKeyId } = slotLabelled(key);
    store.derive(globalKeyId);
    const channel = new CslContext(nodeEngine(), { mac: store.retrieve(globalKeyId).hmac });
    expect(hex(channel.sign(bytes(methods)))).toBe(mac);
    expect(nonceAfterIncrement).toBe(`01${'00'.repeat(23)}01${'00'.repeat(7)}`);
  });

  test('the channels of a Blackwell GPU, in the order in which they are opened', () => {
    const store = new KeyStore(emk);
    const pairs = (answers?.blackwell_channels ?? []).map(() => store.nextChannelKeys()).map(({ encrypt, decrypt }) => ({ h2d: hex(encrypt.key), d2h: hex(decrypt.key) }));
    expect(pairs).toEqual(answers?.blackwell_channels);
  });
});
