/** What `inspect` makes of certificates and lists: blocks of PEM, extensions, keys, algorithms, and who signed whom. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { algorithmText, isSignedBy, keyText } from '../../emulator/inspect/keys.ts';
import { EXTENSIONS } from '../../emulator/inspect/extensions.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import type { Inspection, Note } from '../../emulator/inspect/inspection.ts';
import { CodecError } from '../../emulator/errors.ts';
import { OID, pem } from '../../emulator/pki/der.ts';
import { MAX_CRL_SIZE, readCertificate } from '../../emulator/pki/read.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

const NOW = Date.UTC(2026, 2, 1);
const world = seededWorld('inspect', fixedClock(NOW));
const { leaf, intermediate, ark, crl } = snpEvidence(world, { product: 'milan' });
const other = snpEvidence(seededWorld('other', fixedClock(NOW)), { product: 'milan' });
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s));
const notes = (found: Inspection, kind: Note['kind']): string[] => found.sections.flatMap((section) => section.notes.flatMap((note) => (note.kind === kind ? [note.text] : [])));
const value = (found: Inspection, path: string): string | undefined => found.sections[0]?.lines.find((line) => line.path === path)?.value;

describe('what is recognised', () => {
  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['a certificate', leaf.der, 'certificate', ['certificate']],
    ['a list', crl, 'crl', ['crl']],
    ['a chain in PEM', text(leaf.pem + intermediate.pem + ark.pem), 'pem', ['certificate', 'certificate', 'certificate']],
    ['a list in PEM, with text before it', text(`# of today\n${pem('X509 CRL', crl)}`), 'pem', ['crl']],
    ['a certificate under another label', text(pem('TRUSTED CERTIFICATE', leaf.der)), 'pem', ['certificate']],
    ['blocks that are neither', text(pem('SOMETHING', Uint8Array.of(1)) + leaf.pem), 'pem', ['something', 'certificate']],
  ])('%s', (_, src, format, names) => {
    const found = inspect(src);
    expect([found.format, found.sections.map(({ name }) => name)]).toEqual([format, names]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['a block without an end', text('-----BEGIN CERTIFICATE-----\nAAAA\n'), /in PEM: pem .*does not end/],
    ['the beginning of a line of PEM', text('-----BEGIN '), /in PEM: no block/],
    ['another sequence', bytes('3000'), /certificate in DER: certificate/],
    ['a certificate with something behind it', Uint8Array.from([...leaf.der, 0]), /certificate in DER: certificate\.end .*\n.*list in DER: crl\.end /],
    ['what is no sequence', bytes('0400'), /certificate in DER: begins with 0x30, this with 0x04/],
    ['a sequence longer than any list', new Uint8Array(MAX_CRL_SIZE + 1).fill(0x30), /list in DER: is at most 1048576 bytes long/],
  ])('%s is nothing, and the reason says why', (_, src, reason) => {
    expect(() => inspect(src)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringMatching(reason) as unknown }));
  });

  test('a block that is neither says where it is and what is wrong; that of a private key says nothing of its contents', () => {
    const broken = inspect(text(`x\n${pem('CERTIFICATE', bytes('3000'))}${pem('EC PRIVATE KEY', bytes('3000'))}`));
    expect(broken.sections.map(({ lines }) => lines.map((line) => [line.value, line.doc]))).toEqual([
      [['2 bytes', 'begins at byte 2 of the text']],
      [['2 bytes', expect.stringMatching(/^begins at byte \d+ of the text$/)]],
    ]);
    expect(notes(broken, 'broken')).toEqual([expect.stringContaining('certificate')]);
    expect(notes(broken, 'info')).toEqual(['a private key; its contents are not shown']);
  });
});

describe('an extension', () => {
  const AMD = '1.3.6.1.4.1.3704.1';
  test.each<[name: string, oid: string, der: string, expected: string]>([
    ['subjectKeyIdentifier', OID.subjectKeyIdentifier, '04 02 aabb', 'aabb'],
    ['authorityKeyIdentifier', OID.authorityKeyIdentifier, '30 04 80 02 aabb', 'aabb'],
    ['keyUsage of an authority', OID.keyUsage, '03 02 01 06', 'keyCertSign, cRLSign'],
    ['keyUsage of a leaf', OID.keyUsage, '03 02 07 80', 'digitalSignature'],
    ['keyUsage without any', OID.keyUsage, '03 02 07 00', 'none'],
    ['basicConstraints of an authority', OID.basicConstraints, '30 06 0101ff 020101', 'CA, path length 1'],
    ['basicConstraints without a length', OID.basicConstraints, '30 03 0101ff', 'CA'],
    ['basicConstraints of a leaf', OID.basicConstraints, '30 00', 'no CA'],
    ['cRLDistributionPoints', OID.crlDistributionPoints, '30 0d 300b a009 a007 8605 613a2f2f62', 'a://b'],
    ['cRLNumber', OID.crlNumber, '02 01 07', '7'],
    ['cRLNumber that is long', OID.crlNumber, '02 02 0100', '256'],
    ['netscapeComment', OID.netscapeComment, '16 02 4869', 'Hi'],
    ['amd.snpSPL', `${AMD}.3.3`, '02 01 17', '23'],
    ['amd.productName', `${AMD}.2`, '16 05 4d696c616e', 'Milan'],
    ['amd.hwID, which is no DER', `${AMD}.4`, '0102', '0102'],
  ])('%s reads as it is meant', (name, oid, der, expected) => {
    expect(EXTENSIONS[oid]?.text(bytes(der))).toBe(expected);
    expect(name.startsWith(EXTENSIONS[oid]?.name ?? '?')).toBe(true);
  });

  test.each<[name: string, oid: string, der: string]>([
    ['a number that is text', OID.crlNumber, '16 01 37'],
    ['a number with something behind it', OID.crlNumber, '02 01 07 00'],
    ['a text that is longer than it is', OID.netscapeComment, '16 05 48'],
    ['an identifier that is bare', OID.authorityKeyIdentifier, '80 02 aabb'],
    ['points without a name', OID.crlDistributionPoints, '30 02 3000'],
    ['constraints that are none', OID.basicConstraints, '02 01 00'],
    ['nothing', OID.keyUsage, ''],
  ])('%s is refused as bytes are', (_, oid, der) => {
    expect(() => EXTENSIONS[oid]?.text(bytes(der))).toThrow(CodecError);
  });

  test.each<[rule: string, oid: string, der: string, isTest: boolean]>([
    ['a comment of teemu', OID.netscapeComment, '16 05 5445454d55', true],
    ['another comment', OID.netscapeComment, '16 05 4845454d55', false],
    ['a chip of teemu', `${AMD}.4`, '5445454d55 00', true],
    ['another chip', `${AMD}.4`, '0045454d55 00', false],
  ])('of %s marks a test, or does not', (_, oid, der, isTest) => {
    expect(EXTENSIONS[oid]?.isTest?.(bytes(der))).toBe(isTest);
  });

  test('that is not encoded as it must be, or unknown, is shown as it is', () => {
    const edited = new AmdAuthority(world, 'Milan').editedCertificate('ASK', (spec) => ({
      ...spec,
      extensions: [
        { oid: OID.keyUsage, critical: true, value: bytes('0500') },
        { oid: '1.2.3.4', critical: false, value: bytes('c0ffee') },
      ],
    }));
    const lines = inspect(edited.der).sections[0]?.lines ?? [];
    expect(lines.find(({ path }) => path === 'keyUsage')).toMatchObject({ value: '0500', doc: expect.stringContaining('; critical') as unknown, broken: 'is not encoded as it must be' });
    expect(lines.find(({ path }) => path === '1.2.3.4')).toEqual({ path: '1.2.3.4', depth: 0, value: 'c0ffee', doc: 'unknown extension' });
  });
});

describe('words', () => {
  const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }));
  test.each<[string, Uint8Array]>([
    ['RSA, 2048 bits, exponent 65537', spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['EC, prime256v1', spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)],
    ['EC, secp384r1', spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['ed25519', spki(generateKeyPairSync('ed25519').publicKey)],
    ['of an unknown kind', bytes('3000')],
    ['of an unknown kind', new Uint8Array(0)],
  ])('for a key: %s', (expected, key) => {
    expect(keyText(key)).toBe(expected);
  });

  test.each<[string, string]>([
    ['ECDSA with SHA-256', '300a 0608 2a8648ce3d040302'],
    ['ECDSA with SHA-384', '300a 0608 2a8648ce3d040303'],
    ['RSA (PKCS #1 v1.5) with SHA-256', '300d 0609 2a864886f70d01010b 0500'],
    ['RSASSA-PSS with other parameters than AMD’s', '300b 0609 2a864886f70d01010a'],
    ['1.2.3', '3004 0602 2a03'],
    ['0500', '0500'],
  ])('for an algorithm: %s', (expected, der) => {
    expect(algorithmText(bytes(der))).toBe(expected);
  });

  test.each<[string, Uint8Array, string]>([
    ['of an authority’s certificate, which states the trailer field', intermediate.der, 'explicit'],
    ['of a leaf, which leaves it out', leaf.der, 'omitted'],
    ['of a list, which leaves it out', crl, 'omitted'],
  ])('for AMD’s algorithm %s', (_, der, trailer) => {
    expect(value(inspect(der), 'signatureAlgorithm')).toBe(`RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48 (trailer field ${trailer})`);
  });
});

describe('who signed it', () => {
  test.each<[rule: string, pem: string, info: readonly (string | RegExp)[], broken: readonly string[]]>([
    ['itself', ark.pem, ['Signed with its own key.'], []],
    ['nobody at hand', leaf.pem, [], []],
    ['the one beside it, whichever comes first', intermediate.pem + leaf.pem, [/^Signed by SEV-Milan \([0-9a-f]{16}…\), which is beside it\.$/], []],
    ['the one of that name and key, not one of the name only', leaf.pem + other.intermediate.pem + intermediate.pem, [/^Signed by SEV-Milan /], []],
    ['none, though one of that name is there', leaf.pem + other.intermediate.pem, [], ['The signature is not that of SEV-Milan, though a certificate of that name is at hand.']],
    ['a list, the authority beside it', ark.pem + pem('X509 CRL', crl), ['Signed with its own key.', /^Signed by ARK-Milan /], []],
    ['a list, somebody else', other.ark.pem + pem('X509 CRL', crl), ['Signed with its own key.'], ['The signature is not that of ARK-Milan, though a certificate of that name is at hand.']],
  ])('%s', (_, file, info, broken) => {
    const found = inspect(text(file));
    expect(notes(found, 'info')).toEqual(info.map((expected) => expect.stringMatching(expected) as unknown));
    expect(notes(found, 'broken')).toEqual(broken);
  });

  test('is found by the key, not by what a certificate says', () => {
    const keyOf = ({ der }: { readonly der: Uint8Array }): Uint8Array => readCertificate(der).spki;
    expect(isSignedBy(readCertificate(leaf.der), keyOf(intermediate))).toBe(true);
    for (const key of [keyOf(ark), keyOf(other.intermediate), keyOf(leaf), bytes('3000')]) expect(isSignedBy(readCertificate(leaf.der), key)).toBe(false);
  });
});

describe('validity', () => {
  const { notBefore, notAfter } = readCertificate(leaf.der);
  test.each<[rule: string, at: number | undefined, broken: RegExp | undefined]>([
    ['is not judged without a time', undefined, undefined],
    ['begins with its first second', notBefore, undefined],
    ['has not begun before', notBefore - 1, /^not valid yet at /],
    ['lasts through its last second', notAfter + 999, undefined],
    ['is over after it', notAfter + 1000, /^not valid any more at /],
  ])('%s', (_, at, broken) => {
    const lines = inspect(leaf.der, at === undefined ? {} : { at }).sections[0]?.lines.flatMap((line) => line.broken ?? []);
    expect(lines).toEqual(broken ? [expect.stringMatching(broken)] : []);
  });

  test('of a list is judged too', () => {
    expect(inspect(crl, { at: NOW }).sections[0]?.lines.flatMap((line) => line.broken ?? [])).toEqual([]);
    expect(inspect(crl, { at: NOW + 400 * 86_400_000 }).sections[0]?.lines.flatMap((line) => line.broken ?? [])).toEqual([expect.stringMatching(/^not valid any more/)]);
  });
});

describe('what is said of keys', () => {
  test('that ship with teemu, and of roots that carry the marker', () => {
    expect(notes(inspect(ark.der), 'test')).toEqual([expect.stringContaining('TEEMU TEST KEY'), expect.stringContaining('ships with teemu')]);
    expect(notes(inspect(ark.der), 'genuine')).toEqual([]);
  });
});
