/**
 * Enveloped XML signatures, of the one form that manifests have: the whole document, ECDSA on P-384 with SHA-384, Canonical XML 1.1. What
 * is signed is taken from the very tree that is read, so there is nothing that another document part could be wrapped around.
 * Source: XML Signature 1.1; RFC 6931 for the algorithms.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CodecError } from '../errors.ts';
import { canonicalXml } from './canonical.ts';
import { childElements, textOf, type XmlElement } from './element.ts';

export const DSIG_NAMESPACE = 'http://www.w3.org/2000/09/xmldsig#';
/** The algorithms that are allowed, and the only ones: each stands in a signature by its URI. */
export const SIGNATURE_ALGORITHMS = {
  canonicalization: 'http://www.w3.org/2006/12/xml-c14n11',
  signature: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
  digest: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  enveloped: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
} as const;

const DIGEST_LENGTH = 48;
const SIGNATURE_LENGTH = 96;
/** Most certificates that are read. */
const MAX_CERTIFICATES = 8;

/** A signature and what it is over. */
export interface XmlSignature {
  /** DigestValue: 48 bytes. */
  readonly digest: Uint8Array;
  /** SignatureValue: r ‖ s, 48 bytes each, big-endian. */
  readonly value: Uint8Array;
  /** DER certificates of KeyInfo, in order: one to eight, not looked into. */
  readonly certificates: readonly Uint8Array[];
  /** The document without the signature, canonical: what the digest is of. */
  readonly content: Uint8Array;
  /** SignedInfo, canonical: what the value is of. */
  readonly signedInfo: Uint8Array;
}

/**
 * The signature of a document: exactly one, a child of the root, over the whole.
 * @param path how errors name it
 * @throws {CodecError} ERR_CODEC_RANGE, with the offset, for a document without one, with several, or with one of another form
 */
export function readXmlSignature(root: XmlElement, path: string): XmlSignature {
  const fail = (at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', path, at, rule);
  const all = signaturesIn(root);
  const [element, second] = all;
  if (!element) throw fail(root.at, 'the document has no signature');
  if (second) throw fail(second.at, 'the document has more than one signature');
  if (!root.children.includes(element)) throw fail(element.at, 'the signature must be a child of the root element');

  /** The children of an element, which must be just these, without attributes but those named. */
  const parts = (parent: XmlElement, names: readonly string[], attributes: Readonly<Record<string, string>> = {}): XmlElement[] => {
    const children = childElements(parent);
    if (textOf(parent).trim() !== '') throw fail(parent.at, `${parent.local} must hold no text`);
    const wrong = children.find((child, i) => child.namespace !== DSIG_NAMESPACE || child.local !== names[i]);
    if (wrong) throw fail(wrong.at, `${parent.local} must hold ${names.join(', ') || 'nothing'}: here is ${wrong.local}`);
    if (children.length !== names.length) throw fail(parent.at, `${parent.local} must hold ${names.join(', ')}: there are ${children.length} of ${names.length}`);
    attributesOf(parent, attributes);
    return children;
  };
  const attributesOf = ({ local, at, attributes: found }: XmlElement, wanted: Readonly<Record<string, string>>): void => {
    for (const attribute of found) {
      const value = attribute.namespace === '' && Object.hasOwn(wanted, attribute.local) ? wanted[attribute.local] : undefined;
      if (value === undefined) throw fail(attribute.at, `${local} has no attribute ${attribute.local} here`);
      if (attribute.value !== value) throw fail(attribute.at, `${local}: ${attribute.local} must be '${value}', is '${attribute.value.slice(0, 100)}'`);
    }
    if (found.length !== Object.keys(wanted).length) throw fail(at, `${local} must say ${Object.keys(wanted).join(', ')}`);
  };
  /** The bytes of an element that holds nothing but base64. */
  const base64 = (parent: XmlElement, length?: number): Uint8Array => {
    const [child] = childElements(parent);
    if (child) throw fail(child.at, `${parent.local} must hold base64 and no element`);
    attributesOf(parent, {});
    const text = textOf(parent).replace(/[ \t\r\n]+/g, '');
    const bytes = Buffer.from(text, 'base64');
    if (text === '' || bytes.toString('base64') !== text) throw fail(parent.at, `${parent.local} is no base64`);
    if (length !== undefined && bytes.length !== length) throw fail(parent.at, `${parent.local} must be ${length} bytes, is ${bytes.length}`);
    return new Uint8Array(bytes);
  };

  const [signedInfo, value, keyInfo] = must(parts(element, ['SignedInfo', 'SignatureValue', 'KeyInfo']));
  const [canonicalization, method, reference] = must(parts(signedInfo, ['CanonicalizationMethod', 'SignatureMethod', 'Reference']));
  parts(canonicalization, [], { Algorithm: SIGNATURE_ALGORITHMS.canonicalization });
  parts(method, [], { Algorithm: SIGNATURE_ALGORITHMS.signature });
  const [transforms, digestMethod, digestValue] = must(parts(reference, ['Transforms', 'DigestMethod', 'DigestValue'], { URI: '' }));
  const [first, then] = must(parts(transforms, ['Transform', 'Transform']));
  parts(first, [], { Algorithm: SIGNATURE_ALGORITHMS.enveloped });
  parts(then, [], { Algorithm: SIGNATURE_ALGORITHMS.canonicalization });
  parts(digestMethod, [], { Algorithm: SIGNATURE_ALGORITHMS.digest });
  const [x509] = must(parts(keyInfo, ['X509Data']));
  const count = childElements(x509).length;
  if (count < 1 || count > MAX_CERTIFICATES) throw fail(x509.at, `X509Data must hold 1 to ${MAX_CERTIFICATES} certificates, holds ${count}`);
  return {
    digest: base64(digestValue, DIGEST_LENGTH),
    value: base64(value, SIGNATURE_LENGTH),
    certificates: parts(x509, new Array<string>(count).fill('X509Certificate')).map((certificate) => base64(certificate)),
    content: canonicalXml(root, element),
    signedInfo: canonicalXml(signedInfo),
  };
}

/** What is wrong with a signature: the document is not the one that was signed, or the key did not sign. */
export type XmlSignatureFault = 'digest' | 'value';

/**
 * Checks digest and signature, and nothing about the certificates.
 * @param key public key of whoever is to have signed: DER SubjectPublicKeyInfo, or the key itself
 * @returns undefined for a good signature; `value` also for a key that is none on P-384
 */
export function checkXmlSignature({ digest, value, content, signedInfo }: XmlSignature, key: Uint8Array | KeyObject): XmlSignatureFault | undefined {
  if (!createHash('sha384').update(content).digest().equals(digest)) return 'digest';
  const publicKey = key instanceof Uint8Array ? p384Key(key) : key;
  if (publicKey?.asymmetricKeyDetails?.namedCurve !== 'secp384r1') return 'value';
  return verify('sha384', signedInfo, { key: publicKey, dsaEncoding: 'ieee-p1363' }, value) ? undefined : 'value';
}

function p384Key(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** Every element that says it is a signature, at any depth. */
function signaturesIn(root: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  const open = [root];
  for (let element = open.pop(); element; element = open.pop()) {
    if (element.local === 'Signature' && element.namespace === DSIG_NAMESPACE) found.push(element);
    open.push(...childElements(element));
  }
  return found;
}

/** A list whose length was checked. */
function must(list: readonly XmlElement[]): [XmlElement, XmlElement, XmlElement] {
  return list as [XmlElement, XmlElement, XmlElement];
}
