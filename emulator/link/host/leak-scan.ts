/**
 * Whether plain bytes are where the host can see them. Canaries are looked for byte by byte: random ones, that nothing else can look like, and
 * regular ones, that a weak cipher would let show. Entropy tells of plain bytes that nobody planted.
 */
import type { World } from '../../world.ts';

/** Bytes that must be nowhere. */
export interface Canary {
  readonly name: string;
  /** At least 16, so that no ciphertext has them by accident. */
  readonly bytes: Uint8Array;
}

/** A canary that was found. */
export interface Leak {
  readonly canary: string;
  /** Offset of its first byte in what was searched. */
  readonly at: number;
}

const RANDOM_SIZE = 32;
const REGULAR_SIZE = 64;

/** Canaries of a world: two random ones of 32 bytes, and regular ones of 64. Plant them in what is copied. */
export function canariesOf(world: World, label = 'host/canary'): Canary[] {
  const regular = (name: string, byte: (i: number) => number): Canary => ({ name, bytes: Uint8Array.from({ length: REGULAR_SIZE }, (_, i) => byte(i)) });
  return [
    { name: 'random 1', bytes: world.random(label, RANDOM_SIZE) },
    { name: 'random 2', bytes: world.random(label, RANDOM_SIZE) },
    regular('one byte', () => 0xa5),
    regular('text', (i) => 0x41 + (i % 26)),
    regular('counter', (i) => i),
  ];
}

/** Finds canaries. @returns the first place of each */
export function findCanaries(bytes: Uint8Array, canaries: readonly Canary[]): Leak[] {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return canaries.flatMap(({ name, bytes: needle }) => {
    const at = haystack.indexOf(needle);
    return at < 0 ? [] : [{ canary: name, at }];
  });
}

/** Shannon entropy. @returns bits per byte, 0 to 8; random bytes have about 7.95 over 4096 of them, 7.997 over 65536 */
export function entropy(bytes: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  let sum = 0;
  for (const count of counts) if (count > 0) sum -= (count / bytes.length) * Math.log2(count / bytes.length);
  return sum;
}
