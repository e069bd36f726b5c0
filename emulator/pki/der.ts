/** The few DER pieces that certificates of every vendor are made of, on top of the ASN.1 library. */
import { AlgorithmIdentifier, AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName, Time } from '@peculiar/asn1-x509';
import * as asn1js from 'asn1js';
import type { Curve, Signer } from '../crypto/sign.ts';

export const OID = {
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  state: '2.5.4.8',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  ocsp: '1.3.6.1.5.5.7.48.1',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
  netscapeComment: '2.16.840.1.113730.1.13',
  rsassaPss: '1.2.840.113549.1.1.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
} as const;

/** An ArrayBuffer of exactly these bytes, as the ASN.1 library wants them. */
export function toBuffer(src: Uint8Array): ArrayBuffer {
  // A Buffer's own slice is no copy: its buffer would be the pool that all small ones share.
  return new Uint8Array(src).buffer;
}

/** DER of a value of the ASN.1 library. */
export function der(value: asn1js.BaseBlock): Uint8Array {
  return new Uint8Array(value.toBER());
}

/** DER INTEGER of a small number, with a leading zero byte where the sign bit would be set. */
export function derInteger(value: number): Uint8Array {
  return der(new asn1js.Integer({ value }));
}

/** DER IA5String. */
export function derIa5String(value: string): Uint8Array {
  return der(new asn1js.IA5String({ value }));
}

/** The contents octets of a DER INTEGER for an unsigned big-endian number. */
export function serialNumber(value: Uint8Array): ArrayBuffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const trimmed = value.subarray(start);
  return toBuffer(((trimmed[0] ?? 0) & 0x80) !== 0 ? Uint8Array.of(0, ...trimmed) : trimmed);
}

/** RSASSA-PSS with SHA-384, MGF1-SHA-384, salt 48 and NULL hash parameters; `trailerField` 1 is the default value, written out or not. */
export function pssSha384(trailerField: 'explicit' | 'omitted'): AlgorithmIdentifier {
  const sha384 = new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: '2.16.840.1.101.3.4.2.2' }), new asn1js.Null()] });
  const mgf1 = new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.1.8' }), sha384] });
  const tagged = (tagNumber: number, value: asn1js.BaseBlock): asn1js.Constructed => new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] });
  const value = [tagged(0, sha384), tagged(1, mgf1), tagged(2, new asn1js.Integer({ value: 48 }))];
  if (trailerField === 'explicit') value.push(tagged(3, new asn1js.Integer({ value: 1 })));
  return new AlgorithmIdentifier({ algorithm: OID.rsassaPss, parameters: new asn1js.Sequence({ value }).toBER() });
}

/** ECDSA with the usual hash of its curve (RFC 5758 §3.2): no parameters. */
export function ecdsaWith(curve: Curve): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: curve === 'P-256' ? OID.ecdsaWithSha256 : OID.ecdsaWithSha384 });
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3). @param signature r ‖ s, each half of it, big-endian */
export function ecdsaSignatureValue(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return der(new asn1js.Sequence({ value: [signature.subarray(0, half), signature.subarray(half)].map((n) => new asn1js.Integer({ valueHex: serialNumber(n) })) }));
}

/** A signature as certificates and CRLs hold it: DER for elliptic curves, plain bytes for RSA. */
export function signatureValue(signer: Signer, message: Uint8Array): ArrayBuffer {
  const signature = signer.sign(message);
  return toBuffer(signer.kind === 'ec' ? ecdsaSignatureValue(signature) : signature);
}

/** One attribute of a name: type and text; countries and serial numbers are PrintableStrings, everything else UTF-8 unless it says otherwise. */
export type NameAttribute = readonly [type: string, text: string, form?: 'printable'];

const isPrintable = ([type, , form]: NameAttribute): boolean => form === 'printable' || type === OID.country || type === OID.serialNumber;

/** A distinguished name, one attribute a set, in the order given. */
export function distinguishedName(attributes: readonly NameAttribute[]): Name {
  return new Name(
    attributes.map(
      (attribute) =>
        new RelativeDistinguishedName([new AttributeTypeAndValue({ type: attribute[0], value: new AttributeValue(isPrintable(attribute) ? { printableString: attribute[1] } : { utf8String: attribute[1] }) })]),
    ),
  );
}

/**
 * UTCTime up to 2049, GeneralizedTime after that (RFC 5280 §4.1.2.5).
 * @param at milliseconds since 1970; fractions of a second are cut off
 * @param form `generalized`: GeneralizedTime for any year, as some of NVIDIA's certificates have it against the RFC
 */
export function time(at: number, form?: 'generalized'): Time {
  const date = new Date(Math.floor(at / 1000) * 1000);
  return form === 'generalized' ? new Time({ generalTime: date }) : new Time(date);
}

/** PEM of DER: lines of 64 characters and a newline at the end. */
export function pem(label: string, src: Uint8Array): string {
  const lines =
    Buffer.from(src)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
