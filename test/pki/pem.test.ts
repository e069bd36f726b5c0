import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pem } from '../../emulator/pki/der.ts';
import { readPem } from '../../emulator/pki/pem.ts';

const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s, 'latin1'));
const refused = (rule: RegExp): Error => expect.objectContaining({ code: 'ERR_PKI_PARSE', message: expect.stringMatching(rule) as unknown }) as Error;

describe('PEM', () => {
  test('reads back what was written, with any text between the blocks and either kind of line end', () => {
    const blocks = fc.array(
      fc.record({ label: fc.constantFrom('CERTIFICATE', 'X509 CRL', 'EC PRIVATE KEY'), der: fc.uint8Array({ minLength: 1, maxLength: 200 }), before: fc.constantFrom('', 'subject=CN\n', '# x -----\n\n') }),
    );
    fc.assert(
      fc.property(blocks, fc.boolean(), (list, crlf) => {
        const file = list.map(({ label, der, before }) => before + pem(label, der)).join('');
        const read = readPem(text(crlf ? file.replaceAll('\n', '\r\n') : file));
        expect(read.map(({ label, der }) => ({ label, der }))).toEqual(list.map(({ label, der }) => ({ label, der })));
      }),
    );
  });

  test('says where each block begins', () => {
    const file = `x\n${pem('CERTIFICATE', Uint8Array.of(1))}y\n${pem('CERTIFICATE', Uint8Array.of(2))}`;
    for (const { at } of readPem(text(file))) expect(file.slice(at)).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  test('finds nothing in a file without blocks', () => {
    expect(readPem(text('hello'))).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['a block without an end', '-----BEGIN CERTIFICATE-----\nAAAA\n', /does not end/],
    ['a block that ends as another', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n', /does not end/],
    ['a block in a block', '-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /does not end/],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', /no base64/],
    ['something else than base64', '-----BEGIN CERTIFICATE-----\nA!AA\n-----END CERTIFICATE-----\n', /no base64/],
    ['base64 without its padding', '-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n', /no base64/],
    ['bits after the end', '-----BEGIN CERTIFICATE-----\nAAF=\n-----END CERTIFICATE-----\n', /no base64/],
    ['headers in a block', '-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END CERTIFICATE-----\n', /no base64/],
    ['too many blocks', pem('CERTIFICATE', Uint8Array.of(1)).repeat(101), /more than 100/],
    ['too long a text', ' '.repeat(4 * 1024 * 1024 + 1), /longer than/],
  ])('refuses %s', (_, file, rule) => {
    expect(() => readPem(text(file))).toThrow(refused(rule));
  });
});
