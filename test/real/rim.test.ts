/** Genuine manifests: read, verified up to NVIDIA's root, and written again in the very same form. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkRimSignature, readRim } from '../../emulator/h100/rim/read.ts';
import { writeRim } from '../../emulator/h100/rim/write.ts';
import { pem } from '../../emulator/pki/der.ts';
import { readCertificate } from '../../emulator/pki/read.ts';
import { GENUINE_RIMS } from '../h100/rim/genuine.ts';
import { signerOf } from '../h100/rim/manifests.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

interface Decoded {
  readonly rims: Readonly<Record<string, { readonly rootAttributes: Readonly<Record<string, string>>; readonly metaAttributes: Readonly<Record<string, string>>; readonly resourceCount: number }>>;
}
const decoded = REAL_SAMPLES === undefined ? { rims: {} } : (JSON.parse(Buffer.from(realSample('fields.json')).toString()) as Decoded);

describeReal('genuine manifests', () => {
  test('are all there', () => {
    expect(GENUINE_RIMS.map(({ file }) => file).toSorted()).toEqual(Object.keys(decoded.rims).toSorted());
  });

  test.each(GENUINE_RIMS)('$file says what others read in it', ({ file, version }) => {
    const rim = readRim(realSample(file));
    const { rootAttributes, metaAttributes, resourceCount } = decoded.rims[file] ?? { rootAttributes: {}, metaAttributes: {}, resourceCount: 0 };
    expect({ tagId: rim.tagId, name: rim.model, version: rim.version, edition: rim.edition, product: rim.product }).toEqual({
      tagId: rootAttributes.tagId,
      name: rootAttributes.name,
      version: metaAttributes.colloquialVersion,
      edition: metaAttributes.edition,
      product: metaAttributes.product,
    });
    expect(rim.version).toBe(version);
    expect(rim.firmwareManufacturerId).toBe('5703');
    expect(rim.measurements).toHaveLength(resourceCount);
  });

  test.each(GENUINE_RIMS)('$file is signed by its first certificate, which leads to NVIDIA’s root', ({ file, at }) => {
    const rim = readRim(realSample(file));
    const { certificates } = rim.signature;
    expect(checkRimSignature(rim, readCertificate(certificates[0] ?? new Uint8Array()).spki)).toBeUndefined();
    expect(checkRimSignature(rim, readCertificate(certificates[1] ?? new Uint8Array()).spki)).toBe('value');
    expect(certificates).toHaveLength(4);
    expect(certificates[3]).toEqual(realSample('h100/ca/rim-root.der'));
    const chain = certificates.map((der) => new X509Certificate(der));
    chain.forEach((certificate, i) => {
      expect(certificate.verify((chain[i + 1] ?? certificate).publicKey)).toBe(true);
      expect(Date.parse(certificate.validFrom) <= at && at <= Date.parse(certificate.validTo)).toBe(true);
    });
  });

  test.each(GENUINE_RIMS)('$file is written again to the byte, but for who signed it', ({ file }) => {
    const genuine = Buffer.from(realSample(file)).toString().trimEnd();
    const { signature, ...statement } = readRim(realSample(file));
    // Its own certificates, and a test key in place of NVIDIA's: digest and everything else must be the same.
    const {
      signer,
      chain: [ours],
    } = signerOf('driver');
    if (!ours) throw new Error('a signer without a certificate');
    const chain = signature.certificates.map((der) => ({ ...ours, der, pem: pem('CERTIFICATE', der) }));
    const again = Buffer.from(writeRim({ ...statement, id: '' }, { signer, chain })).toString();
    const withoutValue = (text: string): string => text.replace(/<ds:SignatureValue>[A-Za-z0-9+/]{128}</, '<ds:SignatureValue><');
    expect(withoutValue(again)).toBe(withoutValue(genuine));
    expect(again).not.toBe(genuine);
  });
});
