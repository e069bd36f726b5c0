/** Tokens in compact form: what is signed is read back, and nothing else is read. */
import { verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readJws, signJws } from '../../emulator/crypto/jws.ts';
import { CodecError } from '../../emulator/errors.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

const signer = seededWorld('jws', fixedClock(0)).ecKey('jws', 'P-384');
const b64 = (text: string): string => Buffer.from(text).toString('base64url');

test('a token is signed over its first two parts, and read back', () => {
  const token = signJws({ kid: 'a' }, { b: 1, c: ['é'] }, signer);
  const [header = '', payload = '', signature = ''] = token.split('.');
  expect(Buffer.from(header, 'base64url').toString()).toBe('{"kid":"a","alg":"ES384"}');
  expect(verify('sha384', Buffer.from(`${header}.${payload}`), { key: signer.publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))).toBe(true);
  expect(readJws(token)).toMatchObject({ header: { kid: 'a', alg: 'ES384' }, payload: { b: 1, c: ['é'] } });
  expect(signJws({ kid: 'a' }, { b: 1, c: ['é'] }, signer)).toBe(token);
});

describe('what is no token is refused:', () => {
  const good = b64('{}');
  test.each<[string, string, number]>([
    ['nothing', '', 0],
    ['two parts', `${good}.${good}`, 0],
    ['four parts', `${good}.${good}.${good}.${good}`, 0],
    ['an empty header', `.${good}.${good}`, 0],
    ['an empty payload', `${good}..${good}`, 4],
    ['an empty signature', `${good}.${good}.`, 8],
    ['base64 that is not for URLs', `${good}.${good}.+/+/`, 8],
    ['padding', `${good}.${good}.AA==`, 8],
    ['white space', `${good}.${good}.A A`, 8],
    ['a header that is no JSON', `${b64('x')}.${good}.${good}`, 0],
    ['a header that is a list', `${b64('[]')}.${good}.${good}`, 0],
    ['a payload that is null', `${good}.${b64('null')}.${good}`, 4],
    ['a payload that is no UTF-8', `${good}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.${good}`, 4],
    ['one that is too long', `${good}.${good}.${'A'.repeat(300_000)}`, 256 * 1024],
  ])('%s', (_, token, at) => {
    let error: unknown;
    try {
      readJws(token);
    } catch (cause) {
      error = cause;
    }
    expect(error).toBeInstanceOf(CodecError);
    expect((error as CodecError).at).toBe(at);
  });
});
