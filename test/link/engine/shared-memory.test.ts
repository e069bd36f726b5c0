/** What lies in shared memory is read once and never read back: what the library gets to see is the engine's own. */
import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';

const SIZE = 700_000;
const engine = nodeEngine();
const key = engine.key(new Uint8Array(32).fill(1));
const iv = new Uint8Array(12);
const none = new Uint8Array(0);
/** Where the methods of Node's ciphers are, whatever their types are called. */
const sealing = Object.getPrototypeOf(createCipheriv('aes-256-gcm', new Uint8Array(32), iv)) as Cipher;
const opening = Object.getPrototypeOf(createDecipheriv('aes-256-gcm', new Uint8Array(32), iv)) as Decipher;

afterEach(() => {
  vi.restoreAllMocks();
});

test('a host that rewrites ciphertext while it is opened changes nothing of what was read before', () => {
  const plain = new Uint8Array(SIZE).map((_, i) => i * 13);
  const slot = new Uint8Array(new SharedArrayBuffer(SIZE));
  const tag = new Uint8Array(16);
  engine.seal(key, iv, none, plain, slot, tag);
  const { update } = opening;
  const seen: boolean[] = [];
  vi.spyOn(opening, 'update').mockImplementation(function (this: Decipher, data: unknown) {
    seen.push((data as Uint8Array).buffer instanceof SharedArrayBuffer);
    // All of the slot is noise from here on, up to where it has been read.
    slot.fill(0x5a, 0, Math.min(SIZE, seen.length * 256 * 1024));
    return (update as (data: unknown) => never).call(this, data);
  });
  const out = new Uint8Array(SIZE);
  expect(engine.open(key, iv, none, slot, tag, out)).toBe(true);
  expect(Buffer.compare(out, plain)).toBe(0);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen).not.toContain(true);
});

test('a host that rewrites ciphertext while it is sealed gets no tag over his own bytes', () => {
  const plain = new Uint8Array(SIZE).map((_, i) => i * 13);
  const [right, own] = [new Uint8Array(16), new Uint8Array(SIZE)];
  engine.seal(key, iv, none, plain, own, right);
  const slot = new Uint8Array(new SharedArrayBuffer(SIZE));
  const { update } = sealing;
  vi.spyOn(sealing, 'update').mockImplementation(function (this: Cipher, data: unknown) {
    slot.fill(0x5a);
    return (update as (data: unknown) => never).call(this, data);
  });
  const tag = new Uint8Array(16);
  engine.seal(key, iv, none, plain, slot, tag);
  expect(Buffer.compare(tag, right)).toBe(0);
});
