/** Reference integrity manifests. */
import { checkRimSignature, type Rim, readRim } from '../../h100/rim/read.ts';
import type { RimMeasurement } from '../../h100/rim/contents.ts';
import { TeemuError } from '../../errors.ts';
import { type ReadCertificate, readCertificate } from '../../pki/read.ts';
import { MAX_XML_SIZE } from '../../xml/read.ts';
import { derSection } from '../certificates.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from '../inspection.ts';

const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');

export const RIM_RECOGNISERS: readonly Recogniser[] = [{ format: 'rim', title: 'reference integrity manifest of NVIDIA’s (SWID, XML)', refuse, inspect: sections }];

function refuse(src: Uint8Array): string | undefined {
  if (src.length > MAX_XML_SIZE) return `is at most ${MAX_XML_SIZE} bytes long`;
  const first = src.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  if (first !== 0x3c) return "begins with '<'";
  return Buffer.from(src.buffer, src.byteOffset, src.byteLength).includes('SoftwareIdentity') ? undefined : 'has an element SoftwareIdentity';
}

function sections(src: Uint8Array, context: InspectContext): Section[] {
  const rim = readRim(src);
  const { tagId, edition, model, product, version, firmwareManufacturerId, measurements } = rim;
  const line = (path: string, value: string, doc: string): InspectLine => ({ path, depth: 0, value, doc });
  return [
    {
      name: 'nvidia.rim',
      title: `reference integrity manifest: ${edition === 'SWITCH' ? 'switch ' : ''}${model} ${version}`,
      at: 0,
      size: src.length,
      notes: [signatureNote(rim), { kind: 'info', text: `It speaks for ${measurements.filter(({ active }) => active).length} of ${measurements.length} measurements.` }],
      lines: [
        line('tagId', tagId, 'id of the tag'),
        line('edition', edition, 'for a GPU’s driver or firmware, or a switch’s firmware'),
        line('name', model, 'chip'),
        line('product', product, 'product'),
        line('colloquialVersion', version, 'version of the driver or the firmware'),
        line('FirmwareManufacturerId', firmwareManufacturerId, 'IANA enterprise number'),
        ...measurements.filter(({ active }) => active).map(measurementLine),
      ],
    },
    ...rim.signature.certificates.flatMap((der) => {
      const read = derSection(der, context, certificatesOf(rim));
      return 'section' in read ? [read.section] : [];
    }),
  ];
}

function measurementLine({ index, name, alternatives }: RimMeasurement): InspectLine {
  return { path: `measurements.${index}`, depth: 1, value: alternatives.map(hex).join(' or '), doc: `${name}: measurement block ${index + 1}` };
}

function signatureNote(rim: Rim): Note {
  const [leaf] = certificatesOf(rim);
  const fault = leaf ? checkRimSignature(rim, leaf.spki) : 'value';
  if (fault === 'digest') return { kind: 'broken', text: 'The document is not the one that was signed.' };
  return fault === 'value' ? { kind: 'broken', text: 'The signature is not that of the first certificate in it.' } : { kind: 'info', text: 'The first certificate in it made its signature.' };
}

function certificatesOf({ signature }: Rim): ReadCertificate[] {
  return signature.certificates.flatMap((der) => {
    try {
      return [readCertificate(der)];
    } catch (error) {
      if (error instanceof TeemuError) return [];
      throw error;
    }
  });
}
