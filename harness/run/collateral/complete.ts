/** Bundles whose collateral is at the services: one row a TEE. */
import { type Bundle, withFiles } from '../../../emulator/bundle.ts';
import type { Subject } from '../../../vectors/subject.ts';
import { fromAmd, fromIntel, fromNras, fromNvidia, OCSP_NONCE, type Urls } from './vendors.ts';

/** What a TEE's collateral is fetched with, and what is asked for besides once it is. */
interface Row {
  readonly fetch: (bundle: Bundle, urls: Urls) => Promise<ReadonlyMap<string, Uint8Array>>;
  readonly request?: (subject: Subject, urls: Urls) => Subject['request'];
}

const ROWS: Readonly<Record<string, Row>> = {
  snp: { fetch: fromAmd },
  tdx: { fetch: fromIntel },
  h100: { fetch: fromNvidia, request: () => ({ ocspNonce: Buffer.from(OCSP_NONCE).toString('hex') }) },
  // A service is called by the address at which it was asked.
  nras: { fetch: fromNras, request: ({ bundle }, { nras = '' }) => (bundle.files.has('token.json') ? {} : { issuer: nras }) },
};

/** Whether a subject's collateral is to be fetched: its manifest says so. */
export function isAtServices({ bundle }: Subject): boolean {
  return bundle.manifest.collateral === 'services';
}

/** The subject with what the services give for it. */
export async function completed(subject: Subject, urls: Urls): Promise<Subject> {
  const row = ROWS[subject.bundle.manifest.tee];
  if (!row) return subject;
  const found = await row.fetch(subject.bundle, urls);
  return { ...subject, bundle: withFiles(subject.bundle, found), request: { ...subject.request, ...row.request?.(subject, urls) } };
}
