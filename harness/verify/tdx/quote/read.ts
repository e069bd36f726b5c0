/** Taking a quote apart, strictly. */
import type { TeemuError } from '../../../../emulator/errors.ts';
import { CodecError } from '../../../../emulator/errors.ts';
import { pemBlocks } from '../../../../emulator/pki/read.ts';
import { chainText, type InnerCertification, type PpidCertification, type QeCertification } from '../../../../emulator/tdx/quote/certification.ts';
import { decodeQuote, signedSize, type TdxQuote } from '../../../../emulator/tdx/quote/quote.ts';
import { CERTIFICATION_HEAD, ENCLAVE_REPORT, INTEL_QE_VENDOR, SIGNATURE_HEAD } from '../../../../emulator/tdx/quote/tables.ts';
import type { TdxExpectations } from '../expectations.ts';
import type { TdxAppraisal, TdxReason } from '../reasons.ts';

/** A quote with what its checks need. */
export interface ReadQuote extends TdxQuote {
  readonly certification: QeCertification;
  /** Header and body as they lie: what the attestation key signed. */
  readonly signedBytes: Uint8Array;
  /** The quoting enclave's report as it lies, 384 bytes: what the PCK signed. */
  readonly qeReportBytes: Uint8Array;
  /** What the quote says of its PCK: the chain, the certificate alone (each in DER), or only the platform. */
  readonly pck: { readonly chain: readonly Uint8Array[] } | { readonly certificate: Uint8Array } | { readonly named: PpidCertification };
}

/** The reason for a field that has a value of another kind of quote. */
const REASON_OF_FIELD: Readonly<Record<string, TdxReason>> = {
  'tdx.quote.header.version': 'quote-version',
  'tdx.quote.header.teeType': 'quote-tee-type',
  'tdx.quote.header.attestationKeyType': 'quote-key-type',
  'tdx.quote.body-descriptor.bodyType': 'quote-body-type',
  'tdx.quote.body-descriptor.bodySize': 'quote-body-type',
};
/** Length of the length of the signature data, which stands between what is signed and the signature. */
const LENGTH_SIZE = 4;
const FORM: readonly TdxReason[] = ['quote-version', 'quote-tee-type', 'quote-key-type', 'quote-body-type', 'quote-length', 'quote-reserved'];

function reasonOf(error: TeemuError): TdxReason {
  if (error.code === 'ERR_CODEC_RESERVED') return 'quote-reserved';
  if (!(error instanceof CodecError) || error.code === 'ERR_CODEC_TRUNCATED') return 'quote-length';
  return REASON_OF_FIELD[error.path] ?? 'quote-length';
}

/** Takes a quote apart. @param src nobody else's */
export function readQuote(appraisal: TdxAppraisal, src: Uint8Array, { allowReserved = false, exactLength = false }: Pick<TdxExpectations, 'allowReserved' | 'exactLength'>): ReadQuote {
  const quote = appraisal.attempt(reasonOf, () => decodeQuote(src, { reserved: allowReserved ? 'keep' : 'reject' }));
  const { header, certification, trailing } = quote;
  if (certification.kind !== 'qe') return appraisal.fail('certification-type', { message: `the certification data are of type ${certification.type}, must be of 6`, path: 'certification.type' });
  if (allowReserved) checkBits(appraisal, quote, certification);
  for (const reason of FORM) appraisal.pass(reason);
  if (exactLength) appraisal.check('quote-trailing', trailing.length === 0, () => ({ message: `${trailing.length} bytes follow the quote`, path: 'trailing', at: src.length - trailing.length }));
  appraisal.check('qe-vendor', Buffer.compare(header.qeVendorId, INTEL_QE_VENDOR) === 0, () => ({ message: `is ${Buffer.from(header.qeVendorId).toString('hex')}`, path: 'header.qeVendorId' }));
  const signed = signedSize(header.version === 5 ? 5 : 4, quote.bodyType);
  const at = signed + LENGTH_SIZE + SIGNATURE_HEAD.size + CERTIFICATION_HEAD.size;
  const bytes = { signedBytes: src.subarray(0, signed), qeReportBytes: src.subarray(at, at + ENCLAVE_REPORT.size) };
  const pck = pckOf(appraisal, certification.certification);
  appraisal.pass('certification-type');
  return { ...quote, certification, ...bytes, pck };
}

/** These may never be other than zero, whatever the caller allows: they would change what a TD or an enclave is. */
function checkBits(appraisal: TdxAppraisal, { body }: TdxQuote, { qeReport }: QeCertification): void {
  for (const [path, bits] of [
    ['body.tdAttributes', body.tdAttributes],
    ['body.xfam', body.xfam],
    ['certification.qeReport.attributes', qeReport.attributes],
  ] as const) {
    const set = Object.entries(bits).find(([name, value]) => name.startsWith('reserved') && value !== 0);
    appraisal.check('quote-reserved', set === undefined, () => ({ message: 'reserved bits are set', path: `${path}.${set?.[0]}` }));
  }
}

/** The chain of the PCK or, where the platform has not fetched it, what it can be fetched by. */
function pckOf(appraisal: TdxAppraisal, inner: InnerCertification): ReadQuote['pck'] {
  if (inner.kind === 'ppid') return { named: inner };
  const text = chainText(inner) ?? appraisal.fail('certification-type', { message: `the quoting enclave's certification data are of type ${inner.type}, must be of 1 to 5`, path: 'certification.certification.type' });
  const chain = appraisal.attempt('certificate-malformed', () => pemBlocks(text, 'CERTIFICATE', 'pck'));
  if (inner.type === 5) return { chain };
  const [certificate = new Uint8Array()] = chain;
  appraisal.check('certificate-malformed', chain.length === 1, () => ({ message: `certification data of type 4 hold one certificate, not ${chain.length}`, path: 'pck' }));
  return { certificate };
}
