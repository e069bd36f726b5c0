/** The kinds of value that the options of evidence have: each takes what a command line gives, a text, and what JSON can say better. */
import { z } from 'zod';

/** Names for an option with a fixed choice. */
export function words(names: Iterable<string>): [string, ...string[]] {
  return [...names] as [string, ...string[]];
}

/** Hexadecimal of up to `size` bytes; shorter values are filled up with zero bytes at the end. */
export function hexUpTo(size: number): z.ZodType<Uint8Array, string> {
  return z
    .string()
    .regex(new RegExp(`^(0x)?([0-9a-fA-F]{2}){0,${size}}$`), `must be hexadecimal, at most ${size} bytes`)
    .transform((text) => {
      const padded = new Uint8Array(size);
      padded.set(Buffer.from(text.replace(/^0x/, ''), 'hex'));
      return padded;
    }) as unknown as z.ZodType<Uint8Array, string>;
}

/** ASCII of 1 to `most` characters: what certificates can hold as IA5String. */
export function asciiUpTo(most: number): z.ZodType<string, string> {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
}

/** A number of up to 64 bits in hexadecimal. */
export function mask(): z.ZodType<bigint, string> {
  return z
    .string()
    .regex(/^(0x)?[0-9a-fA-F]{1,16}$/, 'must be hexadecimal, at most 8 bytes')
    .transform((text) => BigInt(`0x${text.replace(/^0x/, '')}`)) as unknown as z.ZodType<bigint, string>;
}

/** A number or its decimal digits. */
export function wholeNumber(least: number, most: number): z.ZodType<number, string | number> {
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,10}$/)
          .transform(Number),
      ],
      'must be a whole number',
    )
    .pipe(z.number().int().min(least).max(most)) as unknown as z.ZodType<number, string | number>;
}

/** Fields by their paths, and what to set them to. */
export function fieldSettings(): z.ZodType<string[], string[]> {
  return z.array(z.string().regex(/^[A-Za-z0-9.]+=.+$/, 'must be path=value')).max(256);
}

/** `path=value` as path and value. */
export function splitSetting(text: string): readonly [path: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
