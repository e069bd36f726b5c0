/** Manifests: what is written is read back, what is not in the genuine form is refused, and nobody else's signature counts. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import type { RimContents } from '../../../emulator/h100/rim/contents.ts';
import { checkRimSignature, type Rim, readRim } from '../../../emulator/h100/rim/read.ts';
import { writeRim } from '../../../emulator/h100/rim/write.ts';
import { CodecError } from '../../../emulator/errors.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { KINDS, MANIFESTS, NOW, signerOf } from './manifests.ts';

const text = (src: Uint8Array): string => Buffer.from(src).toString();
const bytes = (src: string): Uint8Array => new Uint8Array(Buffer.from(src));
const driver = text(writeRim(MANIFESTS.driver, signerOf('driver')));
const spki = signerOf('driver').signer.spki;

/** What must be told of a document. */
function refusal(document: string): CodecError {
  try {
    readRim(bytes(document));
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('it was read');
}

function edited(from: string | RegExp, to: string): string {
  const out = driver.replace(from, to);
  expect(out).not.toBe(driver);
  return out;
}

const said = ({ signature: _, tagId: __, ...statement }: Rim): object => statement;

describe.each(KINDS)('a %s manifest', (kind) => {
  const { id: _, ...contents } = MANIFESTS[kind];
  const document = writeRim(MANIFESTS[kind], signerOf(kind));
  const rim = readRim(document);

  test('says what it was made to say', () => {
    expect(said(rim)).toEqual(contents);
  });

  test('is signed by the first of its four certificates', () => {
    const { signer, chain } = signerOf(kind);
    expect(rim.signature.certificates).toEqual(chain.map(({ der }) => der));
    expect(chain).toHaveLength(4);
    expect(checkRimSignature(rim, signer.spki)).toBeUndefined();
    expect(checkRimSignature(rim, signer.publicKey)).toBeUndefined();
  });

  test('is the same each time in a world of the same seed, with other keys in another', () => {
    const same = nvidiaAuthorityOf(seededWorld('manifests', fixedClock(NOW))).rimSigner(kind, kind === 'switch' ? 'LS10' : 'GH100');
    expect(text(writeRim(MANIFESTS[kind], same))).toBe(text(document));
    const other = nvidiaAuthorityOf(seededWorld('others', fixedClock(NOW))).rimSigner(kind, kind === 'switch' ? 'LS10' : 'GH100');
    expect(checkRimSignature(readRim(writeRim(MANIFESTS[kind], other)), signerOf(kind).signer.spki)).toBe('value');
  });

  test('has the genuine form: lines of the body, certificates in lines of 64 that end with a newline, nothing after the root', () => {
    const lines = text(document).split('\n');
    expect(lines[0]).toMatch(/^<SoftwareIdentity xmlns="[^"]+" xmlns:ns0="[^"]+" xmlns:ns2="[^"]+" corpus="false" name="\w+" patch="false" supplemental="false" tagId="[0-9a-f]{96}" version="1.0" tagVersion="0">$/);
    expect(lines.slice(3, 68).map((line) => /^ */.exec(line)?.[0].length)).toEqual([4, ...new Array<number>(64).fill(8)]);
    expect(text(document).endsWith('</ds:Signature></SoftwareIdentity>')).toBe(true);
    for (const [, body = ''] of text(document).matchAll(/<ds:X509Certificate>([^<]*)</g)) expect(body).toMatch(/^([A-Za-z0-9+/]{64}\n)+([A-Za-z0-9+/=]{1,64}\n)?$/);
  });
});

describe('the digest and the value of the signature', () => {
  test.each<[string, string | RegExp, string, 'digest' | 'value']>([
    ['notice a version', 'colloquialVersion="550.90.07"', 'colloquialVersion="550.90.08"', 'digest'],
    ['notice white space', '</ns0:Payload>\n', '</ns0:Payload>', 'digest'],
    ['notice an attribute that nothing reads', 'revision="r1"', 'revision="r2"', 'digest'],
    ['notice a namespace that nothing uses', 'xmlns:SHA384=', 'xmlns:SHA512=', 'digest'],
    ['notice one another: the value is over the digest', /<ds:DigestValue>[^<]*/, `<ds:DigestValue>${createHash('sha384').update('x').digest('base64')}`, 'digest'],
    ['notice a value of zeros', /<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${Buffer.alloc(96).toString('base64')}`, 'value'],
  ])('%s', (_, from, to, fault) => {
    expect(checkRimSignature(readRim(bytes(edited(from, to))), spki)).toBe(fault);
  });

  test('notice a digest that was made to fit', () => {
    const changed = edited('colloquialVersion="550.90.07"', 'colloquialVersion="550.90.08"');
    const digest = createHash('sha384')
      .update(readRim(bytes(changed)).signature.content)
      .digest('base64');
    expect(checkRimSignature(readRim(bytes(changed.replace(/<ds:DigestValue>[^<]*/, `<ds:DigestValue>${digest}`))), spki)).toBe('value');
  });

  test.each([
    ['a key of another curve', seededWorld('k', fixedClock(NOW)).ecKey('other', 'P-256').spki],
    ['no key at all', Uint8Array.of(1, 2, 3)],
  ])('are not good by %s', (_, key) => {
    expect(checkRimSignature(readRim(bytes(driver)), key)).toBe('value');
  });
});

describe('a signature of another form is refused:', () => {
  const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(driver)?.[0] ?? '';
  const body = driver.replace(signature, '');
  const algorithm = (element: string, uri: string): [RegExp, string] => [new RegExp(`<ds:${element} Algorithm="[^"]*"`), `<ds:${element} Algorithm="${uri}"`];
  test.each<[string, string, string]>([
    ['none', body, 'the document has no signature'],
    ['another part of one beside it', driver.replace(signature, `${signature}<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`), 'Entity, Meta, Payload'],
    ['two', driver.replace(signature, signature + signature), 'the document has more than one signature'],
    ['inside another element', body.replace('</ns0:Payload>', `${signature}</ns0:Payload>`), 'Resource'],
    ['in another namespace', driver.replace('http://www.w3.org/2000/09/xmldsig#"', 'http://www.w3.org/2000/09/xmldsig"'), 'Entity, Meta, Payload'],
    ['wrapped: the signed document inside another', `<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd">${driver}</SoftwareIdentity>`, 'Entity, Meta, Payload'],
    ['over a part by its id', edited('<ds:Reference URI="">', '<ds:Reference URI="#part">'), "URI must be ''"],
    ['over another document', edited('<ds:Reference URI="">', '<ds:Reference URI="file:///etc/passwd">'), "URI must be ''"],
    ['a Reference without URI', edited('<ds:Reference URI="">', '<ds:Reference>'), 'Reference must say URI'],
    ['a Reference with an id', edited('<ds:Reference URI="">', '<ds:Reference Id="a" URI="">'), 'no attribute Id'],
    ['two References', edited(/(<ds:Reference .*<\/ds:Reference>)/, '$1$1'), 'SignedInfo must hold'],
    ['no Reference', edited(/<ds:Reference .*<\/ds:Reference>/, ''), 'SignedInfo must hold'],
    ['SHA-256 as the digest', edited(...algorithm('DigestMethod', 'http://www.w3.org/2001/04/xmlenc#sha256')), 'DigestMethod: Algorithm must be'],
    ['SHA-1 as the digest', edited(...algorithm('DigestMethod', 'http://www.w3.org/2000/09/xmldsig#sha1')), 'DigestMethod: Algorithm must be'],
    ['an HMAC as the signature', edited(...algorithm('SignatureMethod', 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha384')), 'SignatureMethod: Algorithm must be'],
    ['ECDSA with SHA-1', edited(...algorithm('SignatureMethod', 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1')), 'SignatureMethod: Algorithm must be'],
    ['a length of an HMAC', edited('ecdsa-sha384"/>', 'ecdsa-sha384"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>'), 'SignatureMethod must hold nothing'],
    ['exclusive canonical form', edited(...algorithm('CanonicalizationMethod', 'http://www.w3.org/2001/10/xml-exc-c14n#')), 'CanonicalizationMethod: Algorithm must be'],
    ['canonical form with comments', edited(...algorithm('CanonicalizationMethod', 'http://www.w3.org/2006/12/xml-c14n11#WithComments')), 'CanonicalizationMethod: Algorithm must be'],
    ['an XSLT transform', edited(...algorithm('Transform', 'http://www.w3.org/TR/1999/REC-xslt-19991116')), 'Transform: Algorithm must be'],
    ['an XPath transform more', edited('</ds:Transforms>', '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/></ds:Transforms>'), 'Transforms must hold'],
    ['not enveloped', edited('<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>', ''), 'Transforms must hold'],
    ['an Object with something else in it', edited('</ds:KeyInfo>', '</ds:KeyInfo><ds:Object/>'), 'Signature must hold'],
    ['a bare key', edited(/<ds:X509Data>.*<\/ds:X509Data>/s, '<ds:KeyValue/>'), 'KeyInfo must hold X509Data'],
    ['a key from elsewhere', edited(/<ds:X509Data>.*<\/ds:X509Data>/s, '<ds:RetrievalMethod URI="http://localhost/"/>'), 'KeyInfo must hold X509Data'],
    ['no certificate', edited(/<ds:X509Certificate>.*<\/ds:X509Certificate>/s, ''), 'must hold 1 to 8 certificates'],
    ['text among its parts', edited('<ds:SignatureValue>', 'x<ds:SignatureValue>'), 'Signature must hold no text'],
    ['a digest that is too short', edited(/<ds:DigestValue>[^<]*/, '<ds:DigestValue>AAAA'), 'DigestValue must be 48 bytes'],
    ['a value in DER', edited(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${Buffer.alloc(102).toString('base64')}`), 'SignatureValue must be 96 bytes'],
    ['a value that is no base64', edited('<ds:SignatureValue>', '<ds:SignatureValue>*'), 'SignatureValue is no base64'],
    ['an element inside the value', edited('<ds:SignatureValue>', '<ds:SignatureValue><ds:a/>'), 'SignatureValue must hold base64'],
  ])('%s', (_, document, rule) => {
    const error = refusal(document);
    expect(error.rule).toContain(rule);
    expect(document.slice(error.at)[0]).toMatch(/[<A-Za-z]/);
  });
});

describe('a statement of another form is refused:', () => {
  const first = /<ns0:Resource [^>]*\/>/;
  const row = first.exec(driver)?.[0] ?? '';
  test.each<[string, string, string]>([
    ['another root', driver.replaceAll('SoftwareIdentity', 'SoftwareIdentities'), 'must be SoftwareIdentity'],
    ['another namespace', driver.replaceAll('19770/-2/2015', '19770/-2/2009'), 'must be SoftwareIdentity'],
    ['no Meta', edited(/<ns0:Meta [^>]*\/>/, ''), 'must hold Entity, Meta, Payload'],
    ['Meta and Payload the other way round', edited(/(<ns0:Meta [^>]*\/>)(.*<\/ns0:Payload>)/s, '$2$1'), 'must be Meta'],
    ['a second Payload', edited('</ns0:Payload>', '</ns0:Payload><ns0:Payload/>'), 'must hold Entity, Meta, Payload'],
    ['text in the root', edited('</ns0:Payload>', '</ns0:Payload>text'), 'must hold no text'],
    ['no version', edited('colloquialVersion="550.90.07"', ''), 'colloquialVersion is missing'],
    ['an empty version', edited('colloquialVersion="550.90.07"', 'colloquialVersion=""'), 'must have 1 to 128 characters'],
    ['a version in another namespace', edited('colloquialVersion', 'ns1:colloquialVersion'), 'colloquialVersion is missing'],
    ['another edition', edited('edition="GPU"', 'edition="CPU"'), 'edition must be'],
    ['a slot twice', edited(row, row + row), 'they must ascend'],
    ['slots out of order', edited(/(<ns0:Resource [^>]*\/>)(\s*)(<ns0:Resource [^>]*\/>)/, '$3$2$1'), 'they must ascend'],
    ['no slots', edited(/(<ns0:Resource [^>]*\/>\s*)+/, ''), 'at least one Resource'],
    ['an index with a sign', edited('index="7"', 'index="+7"'), 'index must be a number'],
    ['an index with zeros', edited('index="7"', 'index="07"'), 'index must be a number'],
    ['an index that no block has', edited('index="63"', 'index="239"'), 'index must be a number'],
    ['active in lower case', edited('active="True"', 'active="true"'), 'active must be True or False'],
    ['a value that is missing', edited('alternatives="1"', 'alternatives="2"'), 'alternatives says 2, but there are 1'],
    ['a value more than is said', edited('ns2:Hash0=', `ns2:Hash1="${'0'.repeat(96)}" ns2:Hash0=`), 'alternatives says 1, but there are 2'],
    ['values with a gap', edited(/ns2:Hash1=/, 'ns2:Hash9='), 'Hash1 is missing'],
    ['a value that is too short', edited(/ns2:Hash0="00/, 'ns2:Hash0="'), 'must be 96 hexadecimal digits'],
    ['a value that is no number', edited(/ns2:Hash0="00/, 'ns2:Hash0="xx'), 'must be 96 hexadecimal digits'],
    ['another size', edited('size="48"', 'size="32"'), 'size must be 48'],
    ['another type', edited('type="Measurement"', 'type="File"'), 'type must be Measurement'],
    ['something in a row', edited(row, row.replace('/>', '> </ns0:Resource>')), 'must be empty'],
  ])('%s', (_, document, rule) => {
    expect(refusal(document).message).toContain(rule);
  });
});

describe('a manifest is not made', () => {
  const { signer, chain } = signerOf('driver');
  const measurement = (alternatives: readonly Uint8Array[]): RimContents => ({ ...MANIFESTS.driver, measurements: [{ index: 0, name: 'Measurement_0', active: true, alternatives }] });
  test.each<[string, () => unknown, ErrorConstructor | typeof CodecError]>([
    ['with a value of another length', () => writeRim(measurement([new Uint8Array(32)]), { signer, chain }), RangeError],
    ['with a slot without values', () => writeRim(measurement([]), { signer, chain }), RangeError],
    ['by a key of another curve', () => writeRim(MANIFESTS.driver, { signer: seededWorld('k', fixedClock(NOW)).ecKey('other', 'P-256'), chain }), RangeError],
    ['with a character that no XML holds', () => writeRim({ ...MANIFESTS.driver, version: '\0' }, { signer, chain }), CodecError],
  ])('%s', (_, make, error) => {
    expect(make).toThrow(error);
  });

  test('with a tag id of its own when it is given one', () => {
    expect(readRim(writeRim({ ...MANIFESTS.driver, tagId: 'ab'.repeat(48) }, { signer, chain })).tagId).toBe('ab'.repeat(48));
    const derived = readRim(writeRim(MANIFESTS.driver, { signer, chain })).tagId;
    expect(derived).toMatch(/^[0-9a-f]{96}$/);
    expect(readRim(writeRim({ ...MANIFESTS.driver, version: '550.90.08' }, { signer, chain })).tagId).not.toBe(derived);
  });
});
