/** Certification data: what vouches for the attestation key. They nest once: type 6 holds the QE's report and data of another type. */
import type { DecodeOptions } from '../../codec/layout.ts';
import type { ByteReader } from '../../codec/stream.ts';
import { CodecError } from '../../errors.ts';
import type { QuotePart } from './quote.ts';
import { CERTIFICATION_HEAD, type EnclaveReport, PPID_CERTIFICATION, type PpidType, QE_CERTIFICATION_HEAD } from './tables.ts';

/** Certification data of type 6, which every genuine quote of version 4 and 5 has: the QE's report, signed by the PCK. */
export interface QeCertification {
  readonly kind: 'qe';
  type: 6;
  qeReport: EnclaveReport;
  /** Signature of the QE's report by the PCK: r ‖ s, 64 bytes, big-endian. */
  qeReportSignature: Uint8Array;
  /** QE authentication data: bound into the QE's report together with the attestation key; at most 65535 bytes. */
  qeAuthData: Uint8Array;
  certification: InnerCertification;
}

/** Types 1 to 3: the platform's id and TCB, from which the PCK certificate can be fetched. */
export interface PpidCertification {
  readonly kind: 'ppid';
  type: PpidType;
  /** 16 bytes in clear (type 1), 256 or 384 bytes encrypted. */
  ppid: Uint8Array;
  cpuSvn: Uint8Array;
  pceSvn: number;
  pceId: number;
}

/** Types 4 and 5, PCK certificate alone or with its chain as PEM, and any type that teemu does not know. */
export interface RawCertification {
  readonly kind: 'raw';
  type: number;
  /** As it lies: genuine chains mostly end with a NUL. */
  data: Uint8Array;
}

export type InnerCertification = PpidCertification | RawCertification;
export type CertificationData = QeCertification | InnerCertification;

const isPpidType = (type: number): type is PpidType => Object.hasOwn(PPID_CERTIFICATION, type);

/** Reads certification data to their end. @param parts if given, gets the tables found on the way */
export function readCertification(reader: ByteReader, options: DecodeOptions, parts?: QuotePart[]): CertificationData {
  const { type, body } = readHead(reader, parts, 'certification');
  if (type !== 6) return readInner(type, body, parts);
  parts?.push({ name: 'qe', layout: QE_CERTIFICATION_HEAD as unknown as QuotePart['layout'], at: body.at });
  const { qeReport, qeReportSignature } = body.layout(QE_CERTIFICATION_HEAD, options);
  const qeAuthData = body.bytes(body.u16('qeAuthDataLength'), 'qeAuthData');
  const inner = readHead(body, parts, 'qe.certification');
  const certification = readInner(inner.type, inner.body, parts);
  body.end();
  return { kind: 'qe', type, qeReport, qeReportSignature, qeAuthData, certification };
}

function readHead(reader: ByteReader, parts: QuotePart[] | undefined, name: string): { type: number; body: ByteReader } {
  parts?.push({ name, layout: CERTIFICATION_HEAD as unknown as QuotePart['layout'], at: reader.at });
  const { type, size } = reader.layout(CERTIFICATION_HEAD);
  return { type, body: reader.part(size, 'certification') };
}

function readInner(type: number, body: ByteReader, parts: QuotePart[] | undefined): InnerCertification {
  if (!isPpidType(type)) return { kind: 'raw', type, data: body.bytes(body.left, 'data') };
  const layout = PPID_CERTIFICATION[type];
  parts?.push({ name: 'ppid', layout: layout as unknown as QuotePart['layout'], at: body.at });
  const { ppid, cpuSvn, pceSvn, pceId } = body.layout(layout);
  body.end();
  return { kind: 'ppid', type, ppid, cpuSvn, pceSvn, pceId };
}

/** @returns type, length and data @throws {CodecError} when a value does not fit */
export function encodeCertification(certification: CertificationData): Uint8Array {
  const data = encodeData(certification);
  return new Uint8Array(Buffer.concat([CERTIFICATION_HEAD.encode({ type: certification.type, size: data.length }), data]));
}

function encodeData(certification: CertificationData): Uint8Array {
  switch (certification.kind) {
    case 'raw':
      return certification.data;
    case 'ppid': {
      const { type, ppid, cpuSvn, pceSvn, pceId } = certification;
      return PPID_CERTIFICATION[type].encode({ ppid, cpuSvn, pceSvn, pceId });
    }
    case 'qe': {
      const { qeReport, qeReportSignature, qeAuthData, certification: inner } = certification;
      if (qeAuthData.length > 0xffff) throw new CodecError('ERR_CODEC_RANGE', 'tdx.quote.certification.qeAuthData', QE_CERTIFICATION_HEAD.size, `must be at most 65535 bytes, is ${qeAuthData.length}`);
      const length = Uint8Array.of(qeAuthData.length & 0xff, qeAuthData.length >> 8);
      return Buffer.concat([QE_CERTIFICATION_HEAD.encode({ qeReport, qeReportSignature }), length, qeAuthData, encodeCertification(inner)]);
    }
  }
}

/** The PEM text of a PCK certificate chain, without the NULs that end genuine ones; undefined for other data. */
export function chainText(certification: CertificationData): string | undefined {
  if (certification.kind === 'qe') return chainText(certification.certification);
  if (certification.kind !== 'raw' || (certification.type !== 5 && certification.type !== 4)) return undefined;
  return Buffer.from(certification.data).toString('latin1').replace(/\0+$/, '');
}
