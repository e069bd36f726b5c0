/**
 * Writes reference integrity manifests in the form of the genuine ones: the same elements, attributes, order and white space, and an
 * enveloped signature. The same contents and keys give the same bytes where the signer is deterministic.
 * Source: NVIDIA's published manifests (RIM service and nvtrust); TCG PC Client RIM, ISO/IEC 19770-2, XML Signature 1.1.
 */
import { createHash } from 'node:crypto';
import type { EcSigner } from '../../crypto/sign.ts';
import type { IssuedCertificate } from '../../pki/issue.ts';
import { canonicalXml, escapeAttribute } from '../../xml/canonical.ts';
import { childElements } from '../../xml/element.ts';
import { readXml } from '../../xml/read.ts';
import { DSIG_NAMESPACE, SIGNATURE_ALGORITHMS } from '../../xml/signature.ts';
import { MEASUREMENT_LENGTH, type RimContents, type RimMeasurement } from './contents.ts';
import { HASH_NAMESPACE, MANUFACTURER, RIM_NAMESPACE, SWID_NAMESPACE } from './form.ts';

/** Who signs manifests of one kind: the key of the first certificate. */
export interface RimSigner {
  readonly signer: EcSigner;
  /** Leaf first, up to the root; genuine manifests carry four. */
  readonly chain: readonly IssuedCertificate[];
}

/**
 * Writes and signs a manifest.
 * @returns XML in UTF-8, without a newline at the end, as the RIM service has it
 * @throws {RangeError} for a measurement that is not 48 bytes or has no alternative, or a signer that is not on P-384
 * @throws {CodecError} for texts that no XML can hold, or that no reader of manifests takes
 */
export function writeRim(contents: RimContents, { signer, chain }: RimSigner): Uint8Array {
  if (signer.curve !== 'P-384') throw new RangeError(`manifests are signed on P-384, not ${signer.curve}`);
  const tagId =
    contents.tagId ??
    createHash('sha384')
      .update(`${contents.id}\0${unsignedText(contents, '')}`)
      .digest('hex');
  const text = unsignedText(contents, tagId);
  // The signature stands inside the root, which is what its digest leaves out: the text without it is digested as it is.
  const digest = createHash('sha384')
    .update(canonicalXml(readXml(Buffer.from(text, 'utf8'), 'rim')))
    .digest('base64');
  const signedInfo = signedInfoText(digest);
  const end = text.lastIndexOf('</SoftwareIdentity>');
  const around = (inside: string): string => `${text.slice(0, end)}<ds:Signature xmlns:ds="${DSIG_NAMESPACE}">${inside}</ds:Signature>${text.slice(end)}`;
  const value = Buffer.from(signer.sign(canonicalSignedInfo(around(signedInfo)))).toString('base64');
  const certificates = chain.map(({ pem }) => `<ds:X509Certificate>${pem.replace(/-----[^-]+-----\n/g, '')}</ds:X509Certificate>`).join('');
  return new Uint8Array(Buffer.from(around(`${signedInfo}<ds:SignatureValue>${value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>${certificates}</ds:X509Data></ds:KeyInfo>`), 'utf8'));
}

/** SignedInfo alone in its signature, with the namespaces that it has there. */
function canonicalSignedInfo(text: string): Uint8Array {
  const signature = childElements(readXml(Buffer.from(text, 'utf8'), 'rim')).at(-1);
  const [signedInfo] = signature ? childElements(signature) : [];
  if (!signedInfo) throw new RangeError('a manifest without a signature');
  return canonicalXml(signedInfo);
}

/** Attributes in the order given. */
function attributesText(attributes: readonly (readonly [name: string, value: string])[]): string {
  return attributes.map(([name, value]) => ` ${name}="${escapeAttribute(value)}"`).join('');
}

function unsignedText(contents: RimContents, tagId: string): string {
  const { edition, model, product, version, firmwareManufacturerId, measurements } = contents;
  const root = attributesText([
    ['xmlns', SWID_NAMESPACE],
    ['xmlns:ns0', SWID_NAMESPACE],
    ['xmlns:ns2', HASH_NAMESPACE],
    ['corpus', 'false'],
    ['name', model],
    ['patch', 'false'],
    ['supplemental', 'false'],
    ['tagId', tagId],
    ['version', '1.0'],
    ['tagVersion', '0'],
  ]);
  const meta = attributesText([
    ['xmlns:ns1', RIM_NAMESPACE],
    ['colloquialVersion', version],
    ['edition', edition],
    ['product', product],
    ['revision', 'r1'],
    ['PayloadType', 'direct'],
    ['ns1:BindingSpec', 'RIMIM'],
    ['ns1:BindingSpecVersion', '1.01'],
    ['ns1:PlatformManufacturerId', firmwareManufacturerId],
    ['ns1:PlatformManufacturerStr', MANUFACTURER],
    ['ns1:PlatformModel', model],
    ['ns1:FirmwareManufacturer', MANUFACTURER],
    ['ns1:FirmwareManufacturerId', firmwareManufacturerId],
  ]);
  return [
    `<SoftwareIdentity${root}>`,
    `    <ns0:Entity${attributesText([
      ['name', MANUFACTURER],
      ['role', 'softwareCreator tagCreator'],
    ])}/>`,
    `    <ns0:Meta${meta}/>`,
    `    <ns0:Payload${attributesText([['xmlns:SHA384', HASH_NAMESPACE]])}>`,
    ...measurements.map((measurement) => `        <ns0:Resource${resourceText(measurement)}/>`),
    '    </ns0:Payload>',
    '</SoftwareIdentity>',
  ].join('\n');
}

function resourceText({ index, name, active, alternatives }: RimMeasurement): string {
  const wrong = alternatives.find(({ length }) => length !== MEASUREMENT_LENGTH);
  if (wrong || alternatives.length === 0) throw new RangeError(`measurement ${index} must have values of ${MEASUREMENT_LENGTH} bytes, at least one`);
  return attributesText([
    ['type', 'Measurement'],
    ['index', String(index)],
    ['active', active ? 'True' : 'False'],
    ['alternatives', String(alternatives.length)],
    ...alternatives.map((value, i) => [`ns2:Hash${i}`, Buffer.from(value).toString('hex')] as const),
    ['name', name],
    ['size', String(MEASUREMENT_LENGTH)],
  ]);
}

function signedInfoText(digest: string): string {
  const algorithm = (element: string, uri: string): string => `<ds:${element} Algorithm="${uri}"/>`;
  const { canonicalization, signature, digest: digestMethod, enveloped } = SIGNATURE_ALGORITHMS;
  const transforms = algorithm('Transform', enveloped) + algorithm('Transform', canonicalization);
  const reference = `<ds:Reference URI=""><ds:Transforms>${transforms}</ds:Transforms>${algorithm('DigestMethod', digestMethod)}<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>`;
  return `<ds:SignedInfo>${algorithm('CanonicalizationMethod', canonicalization)}${algorithm('SignatureMethod', signature)}${reference}</ds:SignedInfo>`;
}
