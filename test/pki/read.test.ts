/** Reading certificates and lists: what comes out is what Node and the ASN.1 library read, and what went in. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate, CertificateList } from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derInteger, pem, toBuffer } from '../../emulator/pki/der.ts';
import { MAX_CERTIFICATE_SIZE, pemBlocks, readBasicConstraints, readCertificate, readCrl, readKeyUsage, readName, readRsaKey, sameBytes } from '../../emulator/pki/read.ts';
import { isUnsigned, TAG, TlvReader, unsignedInteger } from '../../emulator/pki/tlv.ts';
import { AUTHORITIES, evidence, NOW, world } from '../verify/snp-evidence.ts';

const hex = (b: ArrayBuffer | Uint8Array): string => Buffer.from(b instanceof Uint8Array ? b : new Uint8Array(b)).toString('hex');
const issued = (['Milan', 'Genoa', 'Turin'] as const).flatMap((line) => [
  ...(['ARK', 'ASK', 'ASVK'] as const).map((role) => [`${role} of ${line}`, AUTHORITIES[line].certificate(role).der] as const),
  [`VCEK of ${line}`, evidence({ line, version: 3, signer: 'vcek' }).vcek ?? new Uint8Array()] as const,
  [`VLEK of ${line}`, evidence({ line, version: 3, signer: 'vlek' }).vlek ?? new Uint8Array()] as const,
]);
const bytes = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);
const refused = (read: () => unknown, rule: RegExp): void => {
  expect(read).toThrow(expect.objectContaining({ name: 'CodecError', code: 'ERR_PKI_PARSE', message: expect.stringMatching(rule) as unknown }) as Error);
};

describe('a certificate', () => {
  test.each(issued)('%s reads as in the ASN.1 library and in Node', (_, der) => {
    const read = readCertificate(der);
    const { tbsCertificate: tbs, signatureValue } = AsnConvert.parse(toBuffer(der), Certificate);
    const node = new X509Certificate(der);
    expect(read.version).toBe(tbs.version + 1);
    expect(hex(read.serial)).toBe(hex(tbs.serialNumber));
    expect(hex(read.tbs)).toBe(hex(AsnConvert.serialize(tbs)));
    expect(hex(read.issuer)).toBe(hex(AsnConvert.serialize(tbs.issuer)));
    expect(hex(read.subject)).toBe(hex(AsnConvert.serialize(tbs.subject)));
    expect(hex(read.spki)).toBe(hex(AsnConvert.serialize(tbs.subjectPublicKeyInfo)));
    expect(hex(read.signatureAlgorithm)).toBe(hex(AsnConvert.serialize(tbs.signature)));
    expect(hex(read.signature)).toBe(hex(signatureValue));
    expect(read.extensions.map(({ oid, critical, value }) => [oid, critical, hex(value)])).toEqual(tbs.extensions?.map(({ extnID, critical, extnValue }) => [extnID, critical, hex(extnValue.buffer)]));
    expect([read.notBefore, read.notAfter]).toEqual([Date.parse(node.validFrom), Date.parse(node.validTo)]);
    expect(readName(read.subject).map(([, text]) => text)).toEqual(node.subject.split('\n').map((line) => line.slice(line.indexOf('=') + 1)));
    for (const { at, oid } of read.extensions) expect(readCertificate(der).extensions.find((e) => e.at === at)?.oid).toBe(oid);
  });

  test('is a copy: what is written to the input later does not show', () => {
    const der = AUTHORITIES.Milan.certificate('ARK').der.slice();
    const read = readCertificate(der);
    der.fill(0);
    expect(sameBytes(read.der, AUTHORITIES.Milan.certificate('ARK').der)).toBe(true);
  });

  test('may lie anywhere in a larger buffer', () => {
    const { der } = AUTHORITIES.Milan.certificate('ASK');
    const larger = Buffer.concat([Buffer.alloc(7), der, Buffer.alloc(9)]);
    const { extensions } = readCertificate(larger.subarray(7, 7 + der.length));
    expect(extensions.map(({ at }) => at)).toEqual(readCertificate(der).extensions.map(({ at }) => at));
  });

  test('errors name the part and its offset', () => {
    const { der } = AUTHORITIES.Milan.certificate('ARK');
    refused(() => readCertificate(der.subarray(0, 100), 'ark'), /^ark\.sequence \(0x0\): its length is not DER, or runs past the end/);
    refused(() => readCertificate(Uint8Array.of(...der, 0), 'ark'), new RegExp(`^ark\\.end \\(0x${der.length.toString(16)}\\): 1 bytes more`));
    refused(() => readCertificate(der.with(13, 4), 'ark'), /^ark\.tbsCertificate\.serialNumber \(0xd\): must have the tag 0x2, has 0x4/);
    refused(() => readCertificate(new Uint8Array(MAX_CERTIFICATE_SIZE + 1)), /longer than 16384 bytes/);
  });
});

describe('a list', () => {
  test.each(['Milan', 'Genoa', 'Turin'] as const)('of %s reads as in the ASN.1 library', (line) => {
    const der = AUTHORITIES[line].crl((spec) => ({ ...spec, revoked: [...spec.revoked, { serial: bytes(0x80), at: NOW }] }));
    const read = readCrl(der);
    const { tbsCertList: tbs, signature } = AsnConvert.parse(toBuffer(der), CertificateList);
    expect(read.version).toBe((tbs.version ?? 0) + 1);
    expect(hex(read.tbs)).toBe(hex(AsnConvert.serialize(tbs)));
    expect([read.thisUpdate, read.nextUpdate]).toEqual([tbs.thisUpdate.getTime().getTime(), tbs.nextUpdate?.getTime().getTime()]);
    expect(read.revoked.map(({ serial, revokedAt }) => [hex(serial), revokedAt])).toEqual(
      tbs.revokedCertificates?.map(({ userCertificate, revocationDate }) => [hex(userCertificate), revocationDate.getTime().getTime()]),
    );
    expect(read.extensions.map(({ oid }) => oid)).toEqual(tbs.crlExtensions?.map(({ extnID }) => extnID));
    expect(hex(read.signature)).toBe(hex(signature));
  });
  test('without nextUpdate has none', () => {
    expect(readCrl(AUTHORITIES.Milan.crl(({ nextUpdate: _, ...spec }) => spec))).not.toHaveProperty('nextUpdate');
  });
});

describe('DER is read strictly', () => {
  test.each([
    ['an indefinite length', bytes(0x30, 0x80, 0, 0)],
    ['a long length that a short one would do for', bytes(0x04, 0x81, 1, 0)],
    ['a length with a leading zero', bytes(0x04, 0x82, 0, 0x80, ...new Uint8Array(0x80))],
    ['a length past the end', bytes(0x04, 2, 0)],
    ['no length', bytes(0x04)],
  ])('%s is refused', (_, src) => {
    refused(() => new TlvReader(src, 'x').read(src[0] ?? 0, 'value'), /^x\.value \(0x0\): its length is not DER, or runs past the end/);
  });
  test('an identifier that is longer than need be, or none at all, is refused', () => {
    const name = (...oid: readonly number[]): Uint8Array => bytes(0x30, 9 + oid.length, 0x31, 7 + oid.length, 0x30, 5 + oid.length, 0x06, oid.length, ...oid, 0x0c, 1, 0x41);
    expect(readName(name(0x55, 4, 3))).toEqual([['2.5.4.3', 'A']]);
    for (const oid of [name(0x55, 0x80, 4), name(0x55, 0x84), name()]) refused(() => readName(oid), /no object identifier/);
  });
  test.each([
    ['UTCTime without seconds', 0x17, '2601011200Z'],
    ['UTCTime with an offset', 0x17, '260101120000+0000'],
    ['a fraction of a second', 0x18, '20260101120000.5Z'],
    ['the thirteenth month', 0x17, '261301120000Z'],
    ['the thirtieth of February', 0x17, '260230120000Z'],
    ['hour 24', 0x17, '260101240000Z'],
    ['a letter', 0x17, '26010112000aZ'],
  ])('%s is no time', (_, tag, text) => {
    const { der } = AUTHORITIES.Milan.certificate('ARK');
    const at = Buffer.from(der).indexOf(Buffer.from([0x17, 13]));
    const time = Buffer.from([tag, text.length, ...Buffer.from(text)]);
    const grown = time.length - 15;
    const edited = Buffer.concat([der.subarray(0, at), time, der.subarray(at + 15)]);
    for (const length of [2, 6]) edited.writeUInt16BE(edited.readUInt16BE(length) + grown, length);
    edited[at - 1] = (edited[at - 1] ?? 0) + grown;
    refused(() => readCertificate(edited), /validity\.notBefore .*is no time/);
  });
  test('numbers are not negative, and as short as possible', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (n) => {
        const contents = new TlvReader(derInteger(n), 'n').read(TAG.integer, 'n');
        expect(unsignedInteger(contents)).toBe(n);
      }),
    );
    for (const contents of [bytes(), bytes(0x80), bytes(0, 0x7f), bytes(0xff, 0xff)]) expect([isUnsigned(contents), unsignedInteger(contents)]).toEqual([false, undefined]);
    expect([isUnsigned(bytes(1, 0, 0, 0, 0, 0)), unsignedInteger(bytes(1, 0, 0, 0, 0)), unsignedInteger(bytes(1, 0, 0, 0, 0, 0))]).toEqual([true, undefined, undefined]);
  });
});

describe('extensions', () => {
  test('basic constraints', () => {
    expect(readBasicConstraints(bytes(0x30, 0))).toEqual({ ca: false });
    expect(readBasicConstraints(bytes(0x30, 3, 1, 1, 0xff))).toEqual({ ca: true });
    expect(readBasicConstraints(bytes(0x30, 6, 1, 1, 0xff, 2, 1, 3))).toEqual({ ca: true, pathLength: 3 });
    for (const wrong of [bytes(0x30, 3, 1, 1, 0), bytes(0x30, 3, 1, 1, 1), bytes(0x30, 6, 1, 1, 0xff, 2, 1, 0x80), bytes(0x30, 0, 0), bytes()]) refused(() => readBasicConstraints(wrong), /basicConstraints/);
  });
  test("key usage, as RFC 5280 writes it and as AMD's intermediates do", () => {
    expect(readKeyUsage(bytes(3, 2, 1, 6))).toBe(0x06);
    expect(readKeyUsage(bytes(3, 2, 2, 4))).toBe(0x04);
    expect(readKeyUsage(bytes(3, 2, 1, 4))).toBe(0x04);
    expect(readKeyUsage(bytes(3, 3, 7, 0x80, 0x80))).toBe(0x80);
    for (const wrong of [bytes(3, 1, 0), bytes(3, 2, 8, 0), bytes(3, 2, 3, 4), bytes(3, 4, 0, 0, 0, 0), bytes(4, 2, 1, 4)]) refused(() => readKeyUsage(wrong), /keyUsage/);
  });
  test('the numbers of an RSA key; nothing for another', () => {
    const { spki, publicKey } = AUTHORITIES.Milan.key('ARK');
    const jwk = publicKey.export({ format: 'jwk' });
    expect(hex(readRsaKey(spki)?.modulus ?? bytes())).toBe(Buffer.from(String(jwk.n), 'base64url').toString('hex'));
    expect(readRsaKey(spki)?.exponent).toBe(65537);
    expect(readRsaKey(world.ecKey('x', 'P-384').spki)).toBeUndefined();
  });
  test('names take the three usual kinds of text', () => {
    const name = (tag: number, ...text: readonly number[]): Uint8Array => bytes(0x30, 11 + text.length, 0x31, 9 + text.length, 0x30, 7 + text.length, 6, 3, 0x55, 4, 3, tag, text.length, ...text);
    for (const tag of [0x0c, 0x13, 0x16]) expect(readName(name(tag, 0x41, 0x42))).toEqual([['2.5.4.3', 'AB']]);
    expect(readName(name(0x0c, 0xc3, 0xa4))).toEqual([['2.5.4.3', 'ä']]);
    refused(() => readName(name(0x13, 0xc3, 0xa4)), /not ASCII/);
    refused(() => readName(name(0x0c, 0xc3)), /not UTF-8/);
    refused(() => readName(name(0x1e, 0, 0x41)), /no UTF8String/);
  });
});

describe('strict PEM', () => {
  const one = pem('CERTIFICATE', bytes(1, 2, 3));
  test('reads what was written, with either kind of line end and empty lines between', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 }), fc.boolean(), (list, crlf) => {
        const file = list.map((der) => pem('CERTIFICATE', der)).join('\n');
        expect(pemBlocks(crlf ? file.replaceAll('\n', '\r\n') : file, 'CERTIFICATE')).toEqual(list);
      }),
    );
    expect(pemBlocks(one.trimEnd(), 'CERTIFICATE')).toEqual([bytes(1, 2, 3)]);
  });
  test.each([
    ['text before', `x\n${one}`, /something that is no block/],
    ['text after', `${one}x`, /something that is no block/],
    ['a space after', `${one} \n`, /something that is no block/],
    ['another label', pem('X509 CRL', bytes(1)), /something that is no block/],
    ['no end', one.slice(0, 40), /ends inside a block/],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', /no base64/],
    ['an empty line in a block', one.replace('AQID', 'AQID\n'), /1 to 76 characters/],
    ['a long line in a block', one.replace('AQID', 'AQID'.repeat(20)), /1 to 76 characters/],
    ['no base64', one.replace('AQID', 'AQ!D'), /no base64/],
    ['base64 of another alphabet', one.replace('AQID', '-_-_'), /no base64/],
    ['base64 with bits left over', one.replace('AQID', 'AQJ='), /no base64/],
    ['too many blocks', one.repeat(17), /more than 16 blocks/],
  ])('%s is refused', (_, text, rule) => {
    refused(() => pemBlocks(text, 'CERTIFICATE'), rule);
  });
  test('a text that is too long is refused', () => {
    refused(() => pemBlocks(new Uint8Array(256 * 1024 + 1), 'CERTIFICATE'), /longer than/);
  });
});
