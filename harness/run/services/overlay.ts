/**
 * The table of what a case's own evidence replaces in the answers of the services: a verifier that fetches gets what one that is handed a bundle gets.
 * One row an operation; the answers keep the headers that the vendor's have.
 */
import type { Bundle } from '../../../emulator/bundle.ts';
import { TeemuError } from '../../../emulator/errors.ts';
import { readPem } from '../../../emulator/pki/pem.ts';
import type { Reply, ServiceRequest } from '../../../emulator/services/http/message.ts';
import type { Params } from '../../../emulator/services/http/route.ts';

/** What was asked, and the bundle of the case. */
interface Asked {
  readonly bundle: Bundle;
  readonly request: ServiceRequest;
  readonly params: Params;
}

/** What stands in the answer instead. */
interface Replaced {
  readonly body: Uint8Array | string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Nothing: the answer stays as it is. `absent`: the case has none of it, and so has the service. */
type Row = (asked: Asked) => Replaced | 'absent' | undefined;

const file = (bundle: Bundle, name: string): Uint8Array | undefined => bundle.files.get(name);
const replaced = (body: Uint8Array | string | undefined, headers: Readonly<Record<string, string>> = {}): Replaced | undefined => (body === undefined ? undefined : { body, headers });

/** The first certificate of a file in PEM, in DER; what is no PEM, as a case may want it, goes out as it is. */
function derOf(bundle: Bundle, name: string): Uint8Array | undefined {
  const pem = file(bundle, name);
  try {
    return pem && (readPem(pem)[0]?.der ?? pem);
  } catch (error) {
    if (error instanceof TeemuError) return pem;
    throw error;
  }
}

/** A document of Intel's with the chain over it. */
const document =
  (name: string, chain: string, header: string): Row =>
  ({ bundle }) => {
    const body = file(bundle, `collateral/${name}`);
    const issuers = file(bundle, `collateral/${chain}`);
    return replaced(body, issuers ? { [header]: encodeURIComponent(Buffer.from(issuers).toString('latin1')) } : {});
  };
const TCB_INFO = document('tcb_info.json', 'tcb_info_issuer_chain.pem', 'TCB-Info-Issuer-Chain');
const QE_IDENTITY = document('qe_identity.json', 'qe_identity_issuer_chain.pem', 'SGX-Enclave-Identity-Issuer-Chain');
const crl =
  (name: string, write: (der: Uint8Array, request: ServiceRequest) => Uint8Array | string): Row =>
  ({ bundle, request }) => {
    const der = file(bundle, `collateral/${name}`);
    return der && replaced(write(der, request));
  };
const hexadecimal = (der: Uint8Array): string => Buffer.from(der).toString('hex');
const asDer = (der: Uint8Array): Uint8Array => der;
const wantsDer = ({ query }: ServiceRequest): boolean => /(^|&)encoding=der(&|$)/i.test(query);
const inPem = (der: Uint8Array): string =>
  `-----BEGIN X509 CRL-----\n${(
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END X509 CRL-----\n`;

/** By operation. */
const ROWS: Readonly<Record<string, Row>> = {
  'kds.vcek': ({ bundle }) => replaced(derOf(bundle, 'vcek.pem')),
  'kds.chain': ({ bundle, request }) => {
    // A bundle has the chain of one kind of key only.
    const kind = request.path.includes('/vlek/') ? 'vlek.pem' : 'vcek.pem';
    return bundle.files.has(kind) ? replaced(file(bundle, 'cert_chain.pem')) : undefined;
  },
  'kds.crl': ({ bundle }) => replaced(file(bundle, 'crl.der')) ?? (bundle.files.has('report.bin') ? 'absent' : undefined),
  'pcs.tcb.tdx': TCB_INFO,
  'pccs.tcb.tdx': TCB_INFO,
  'pcs.identity.td-qe': QE_IDENTITY,
  'pccs.identity.td-qe': QE_IDENTITY,
  'pcs.pckcrl': crl('pck_crl.der', (der, request) => (wantsDer(request) ? der : inPem(der))),
  'pccs.pckcrl': crl('pck_crl.der', (der, request) => (wantsDer(request) ? der : hexadecimal(der))),
  'pcs.rootcrl': crl('root_ca_crl.der', asDer),
  'pccs.rootcrl': crl('root_ca_crl.der', hexadecimal),
};

/** The answer to an operation, with what the case's bundle has in place of it. */
export function overlaid(operation: string, asked: Asked, honest: Reply): Reply {
  const row = Object.hasOwn(ROWS, operation) ? ROWS[operation] : undefined;
  const found = honest.status === 200 ? row?.(asked) : undefined;
  if (!found) return honest;
  if (found === 'absent') return { status: 404, headers: {}, body: new Uint8Array(0) };
  return { ...honest, headers: { ...honest.headers, ...found.headers }, body: typeof found.body === 'string' ? Buffer.from(found.body, 'latin1') : found.body };
}
