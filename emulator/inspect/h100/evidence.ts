/** Evidence in JSON, as NVIDIA's tools exchange it: every device with its report and certificates. */
import { CodecError, TeemuError } from '../../errors.ts';
import { decodeGpuReport, opaqueField } from '../../h100/report/report.ts';
import { textOf, vbiosVersionText } from '../../h100/report/values.ts';
import { readPem } from '../../pki/pem.ts';
import { type ReadCertificate, readCertificate } from '../../pki/read.ts';
import { derSection } from '../certificates.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from '../inspection.ts';
import { isSignedByKey } from '../keys.ts';
import { reportSections } from './report.ts';

/** Longest text that is parsed, in bytes: a device is some 13 KiB. */
const LONGEST = 1 << 20;
const MOST_DEVICES = 64;
const WORDS = ['arch', 'certificate', 'evidence'];

export const GPU_EVIDENCE_RECOGNISERS: readonly Recogniser[] = [{ format: 'gpu-evidence', title: 'evidence of NVIDIA devices, in JSON', refuse, inspect: evidenceSections }];

function refuse(src: Uint8Array): string | undefined {
  if (src.length > LONGEST) return `is at most ${LONGEST} bytes long`;
  const text = Buffer.from(src.buffer, src.byteOffset, src.byteLength);
  if (!/^\s*[[{]/.test(text.subarray(0, 64).toString('latin1'))) return "begins with '[' or '{'";
  const missing = WORDS.find((word) => !text.includes(`"${word}"`));
  return missing === undefined ? undefined : `has a member "${missing}"`;
}

interface Device {
  readonly arch: string;
  readonly report: Uint8Array;
  readonly chain: readonly ReadCertificate[];
  readonly lines: readonly InspectLine[];
}

const fail = (path: string, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `gpu.evidence${path}`, 0, rule);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(src: Uint8Array): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
  } catch (cause) {
    throw new CodecError('ERR_CODEC_RANGE', 'gpu.evidence', 0, 'is no JSON', { cause });
  }
  const list = isRecord(value) ? value.evidences : value;
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_DEVICES) throw fail('', `must be a list of 1 to ${MOST_DEVICES} devices`);
  return list;
}

const MEMBERS: Readonly<Record<string, string>> = {
  arch: 'family of the chip',
  certificate: 'its certificates, leaf first: PEM in base64',
  evidence: 'its report, in base64',
  nonce: 'what it was asked with',
  version: 'version of this form',
  driver_version: 'what the driver said of itself',
  vbios_version: 'what the driver said of the firmware',
};

function deviceOf(value: unknown, i: number): Device {
  if (!isRecord(value)) throw fail(`.${i}`, 'must be an object');
  const { arch, certificate, evidence } = value;
  if (typeof arch !== 'string' || typeof certificate !== 'string' || typeof evidence !== 'string') throw fail(`.${i}`, 'must have arch, certificate and evidence, each a text');
  const report = new Uint8Array(Buffer.from(evidence, 'base64'));
  const pem = Buffer.from(certificate, 'base64');
  const lines = Object.entries(value).map(([name, member]): InspectLine => {
    const bytes = name === 'evidence' ? report.length : name === 'certificate' ? pem.length : undefined;
    return { path: `${i}.${name.slice(0, 60)}`, depth: 0, value: bytes === undefined ? String(member).slice(0, 200) : `${bytes} bytes`, doc: MEMBERS[name] ?? '' };
  });
  return { arch, report, chain: certificatesOf(pem), lines };
}

function certificatesOf(pem: Uint8Array): ReadCertificate[] {
  return attempt(() => readPem(pem).flatMap(({ der }) => attempt(() => [readCertificate(der)]) ?? [])) ?? [];
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}

function evidenceSections(src: Uint8Array, context: InspectContext): Section[] {
  const devices = listOf(src).map(deviceOf);
  return [
    { name: 'gpu.evidence', title: `evidence of ${devices.length} ${devices.length === 1 ? 'device' : 'devices'}`, size: src.length, notes: devices.flatMap(deviceNotes), lines: devices.flatMap(({ lines }) => lines) },
    ...devices.flatMap(({ report, chain }) => [
      ...(attempt(() => reportSections(report)) ?? []).map(withoutPlace),
      ...chain.flatMap(({ der }) => {
        const read = derSection(der, context, chain);
        return 'section' in read ? [read.section] : [];
      }),
    ]),
  ];
}

/** A section that lies in base64: its offsets still count from its own start. */
function withoutPlace({ at: _, ...section }: Section): Section {
  return section;
}

function deviceNotes({ arch, report, chain }: Device, i: number): Note[] {
  const decoded = attempt(() => decodeGpuReport(report, { unusual: 'keep' }));
  if (!decoded) return [{ kind: 'broken', text: `Device ${i}: its report can't be read.` }];
  const driver = opaqueField(decoded, 'DRIVER_VERSION');
  const vbios = opaqueField(decoded, 'VBIOS_VERSION');
  const versions = [driver && `driver ${textOf(driver)}`, vbios && `firmware ${vbiosVersionText(vbios)}`].filter(Boolean).join(', ');
  const [leaf] = chain;
  const signed = leaf !== undefined && isSignedByKey(decoded.signed, decoded.signature, leaf.spki, 'sha384');
  return [
    { kind: 'info', text: `Device ${i}: ${arch}, ${versions}.` },
    signed
      ? { kind: 'info', text: `Device ${i}: the first of its certificates made the signature of its report.` }
      : { kind: 'broken', text: `Device ${i}: the signature of its report is not that of the first of its certificates.` },
  ];
}
