/** What gives teemu's test material away, in every form in which bytes are commonly written down. */
import { createPublicKey } from 'node:crypto';
import { EMULATED } from '../../emulator/bundle.ts';
import { PUBLIC_RSA_KEYS } from '../../emulator/crypto/public-rsa-keys.ts';
import { TEST_MARKER } from '../../emulator/pki/issue.ts';

/** How the bytes are written. In text, white space may stand between any two characters. */
export type Writing = 'bytes' | 'base64' | 'hexadecimal';

/** One run of bytes to look for. */
export interface Pattern {
  readonly what: string;
  readonly writing: Writing;
  readonly bytes: Uint8Array;
}

/** Of a modulus: enough that nothing else has it by chance. */
const SLICE = { from: 64, to: 96 };

const MARKS: readonly { readonly what: string; readonly bytes: Buffer }[] = [
  { what: 'the marker of a test root', bytes: Buffer.from(TEST_MARKER, 'ascii') },
  { what: 'the manifest of an emulated bundle', bytes: Buffer.from(EMULATED, 'ascii') },
  ...PUBLIC_RSA_KEYS.map((der, i) => ({ what: `the published RSA key ${i} of seeded worlds`, bytes: Buffer.from(modulus(der)).subarray(SLICE.from, SLICE.to) })),
];

/** Every pattern there is. */
export const PATTERNS: readonly Pattern[] = MARKS.flatMap(({ what, bytes }) => {
  const hexadecimal = bytes.toString('hex');
  const texts = new Map<string, Writing>([
    [hexadecimal, 'hexadecimal'],
    [hexadecimal.toUpperCase(), 'hexadecimal'],
  ]);
  for (const shift of [0, 1, 2]) for (const alphabet of ['base64', 'base64url'] as const) texts.set(base64At(bytes, shift, alphabet), 'base64');
  return [{ what, writing: 'bytes' as const, bytes }, ...[...texts].map(([text, writing]) => ({ what, writing, bytes: Buffer.from(text, 'ascii') }))];
});

/** The characters that the bytes give wherever they stand in a text of base64, when `shift` bytes (modulo 3) come before them. */
function base64At(bytes: Uint8Array, shift: number, alphabet: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString(alphabet)
    .replace(/=+$/, '');
  const first = Math.ceil((shift * 8) / 6);
  const last = Math.floor(((shift + bytes.length) * 8) / 6);
  return text.slice(first, last);
}

function modulus(privateKey: string): Uint8Array {
  const key = createPublicKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs1' });
  return Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url');
}
