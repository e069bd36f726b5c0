/** What the wrapper is asked and answers: `main.go` beside this file, one JSON object a line. */
import { decodeQuote } from '../../../emulator/tdx/quote/quote.ts';
import { INTEL_QE_VENDOR } from '../../../emulator/tdx/quote/tables.ts';
import { fileOf, type Subject } from '../tdx/subject.ts';

export const VERSION = 'v0.3.1';

/** Evidence, whom to trust, and where the certification service is. Bytes are base64. */
export interface Question {
  readonly id: string;
  readonly quote: string;
  /** PEM. */
  readonly root: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** Base URL of the service, or its answers. */
  readonly pcs?: string;
  readonly collateral?: Readonly<Record<string, string>>;
  /** Gets collateral and checks the lists. */
  readonly full: boolean;
  readonly reportData?: string;
  readonly mrTd?: string;
  readonly rtmrs?: readonly string[];
  readonly qeVendorId: string;
}

/** `panic` is a crash of the library; `roots` is the wrapper's own. */
export type Step = 'roots' | 'verify' | 'validate' | 'panic';

export interface Answer {
  readonly id: string;
  readonly verdict: 'accept' | 'reject';
  readonly stage?: Step;
  readonly detail?: string;
  /** Paths that it asked Intel for. */
  readonly fetched?: readonly string[];
}

const base64 = (b: Uint8Array): string => Buffer.from(b).toString('base64');

/** The question about a subject, with the collateral of its bundle: whether it holds, and is of Intel's quoting enclave. */
export function ask(id: string, subject: Subject): Question {
  const bytes = (name: string): string => base64(fileOf(subject, name));
  const text = (name: string): string => Buffer.from(fileOf(subject, name)).toString('utf8');
  return {
    id,
    quote: bytes('quote.bin'),
    root: text('root_ca.pem'),
    now: subject.now,
    full: true,
    qeVendorId: base64(INTEL_QE_VENDOR),
    collateral: {
      tcbInfo: bytes('collateral/tcb_info.json'),
      tcbInfoIssuerChain: text('collateral/tcb_info_issuer_chain.pem'),
      qeIdentity: bytes('collateral/qe_identity.json'),
      qeIdentityIssuerChain: text('collateral/qe_identity_issuer_chain.pem'),
      pckCrl: bytes('collateral/pck_crl.der'),
      pckCrlIssuerChain: text('collateral/pck_crl_issuer_chain.pem'),
      rootCaCrl: bytes('collateral/root_ca_crl.der'),
    },
  };
}

/** The same, with what only this quote says asked for too. */
export function strict(id: string, subject: Subject): Question {
  const { reportData, mrTd, rtmr } = decodeQuote(fileOf(subject, 'quote.bin')).body;
  return { ...ask(id, subject), reportData: base64(reportData), mrTd: base64(mrTd), rtmrs: rtmr.map(base64) };
}

/** The same, with the collateral of a service. @param pcs its base URL */
export function fetching(question: Question, pcs: string): Question {
  const { collateral: _, ...rest } = question;
  return { ...rest, pcs };
}
