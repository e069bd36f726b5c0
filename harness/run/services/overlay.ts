/**
 * The table of what a case's own evidence replaces in the answers of the services: a verifier that fetches gets what one that is handed a bundle gets.
 * One row an operation; the answers keep the headers that the vendor's have.
 */
import { createHash } from 'node:crypto';
import type { Bundle } from '../../../emulator/bundle.ts';
import { TeemuError } from '../../../emulator/errors.ts';
import { readOcspRequest } from '../../../emulator/pki/ocsp/request.ts';
import { readPem } from '../../../emulator/pki/pem.ts';
import type { Reply, ServiceRequest } from '../../../emulator/services/http/message.ts';
import type { Params } from '../../../emulator/services/http/route.ts';

/** What was asked, and the bundle of the case. */
interface Asked {
  readonly bundle: Bundle;
  readonly request: ServiceRequest;
  readonly params: Params;
}

/** The folders of bundles of several parts. */
const PARTS = ['', 'snp/', 'gpu/'] as const;

/** What stands in the answer instead. */
interface Replaced {
  readonly body: Uint8Array | string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Nothing: the answer stays as it is. `absent`: the case has none of it, and so has the service. */
type Row = (asked: Asked, honest: Reply) => Replaced | 'absent' | undefined;

const file = ({ files }: Bundle, name: string): Uint8Array | undefined => files.get(PARTS.map((part) => part + name).find((path) => files.has(path)) ?? name);
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
const PCK_CRL = 'pck_crl.der';
/** A bundle has all of its collateral, and where it lacks some, so does the service; one that says that it comes from the services has none of its own. */
const complete = ({ manifest, files }: Bundle, evidence: string): boolean => files.has(evidence) && manifest.collateral !== 'services';
const missing = (bundle: Bundle): 'absent' | undefined => (complete(bundle, 'quote.bin') ? 'absent' : undefined);
const issuerChain = (bundle: Bundle, chain: string, header: string): Readonly<Record<string, string>> => {
  const issuers = file(bundle, `collateral/${chain}`);
  return complete(bundle, 'quote.bin') ? { [header]: encodeURIComponent(Buffer.from(issuers ?? []).toString('latin1')) } : {};
};
const document =
  (name: string, chain: string, header: string): Row =>
  ({ bundle }) =>
    replaced(file(bundle, `collateral/${name}`), issuerChain(bundle, chain, header)) ?? missing(bundle);
const TCB_INFO = document('tcb_info.json', 'tcb_info_issuer_chain.pem', 'TCB-Info-Issuer-Chain');
const QE_IDENTITY = document('qe_identity.json', 'qe_identity_issuer_chain.pem', 'SGX-Enclave-Identity-Issuer-Chain');
const crl =
  (name: string, write: (der: Uint8Array, request: ServiceRequest) => Uint8Array | string): Row =>
  ({ bundle, request }) => {
    const der = file(bundle, `collateral/${name}`);
    return der ? replaced(write(der, request), name === PCK_CRL ? issuerChain(bundle, 'pck_crl_issuer_chain.pem', 'SGX-PCK-CRL-Issuer-Chain') : {}) : missing(bundle);
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

/** The bundle's manifest of that id, where it is not the one that the service has. */
function rim({ bundle, params: { id = '' } }: Asked, { body }: Reply): Replaced | undefined {
  const document = file(bundle, rimName(bundle.manifest, id) ?? `rims/${id}.xml`);
  if (!document || !body) return undefined;
  const honest = JSON.parse(Buffer.from(body).toString('utf8')) as Readonly<Record<string, unknown>>;
  return replaced(JSON.stringify({ ...honest, rim: Buffer.from(document).toString('base64'), sha256: createHash('sha256').update(document).digest('hex') }));
}

/** The bundle's own response about the certificate that is asked about, where its manifest says that services give those out. */
function storedOcsp({ bundle: { manifest, files }, request, params }: Asked): Replaced | undefined {
  if (!Array.isArray(manifest.replay) || !manifest.replay.includes('ocsp')) return undefined;
  try {
    const { requests } = readOcspRequest(request.method === 'POST' ? request.body : new Uint8Array(Buffer.from(params.request ?? '', 'base64')));
    const serials = requests.map(({ certId }) => bare(Buffer.from(certId.serial).toString('hex')));
    // The names of the files end with serial numbers.
    const [, stored] = [...files].find(([name]) => /(^|\/)ocsp\//.test(name) && serials.includes(bare(/-([0-9a-f]+)\.der$/.exec(name)?.[1] ?? ''))) ?? [];
    return replaced(stored);
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}

const bare = (hex: string): string => hex.replace(/^(00)+/, '');

/** The file that a manifest of a bundle says holds a reference integrity manifest. */
function rimName({ rims, gpu }: Bundle['manifest'], id: string): string | undefined {
  const own = isRecord(rims) ? rims : isRecord(gpu) && isRecord(gpu.rims) ? gpu.rims : {};
  const name = Object.hasOwn(own, id) ? own[id] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** By operation. */
const ROWS: Readonly<Record<string, Row>> = {
  'kds.vcek': ({ bundle }) => replaced(derOf(bundle, 'vcek.pem')),
  'kds.chain': ({ bundle, request }) => {
    // A bundle has the chain of one kind of key only.
    const kind = request.path.includes('/vlek/') ? 'vlek.pem' : 'vcek.pem';
    return file(bundle, kind) ? replaced(bundle.files.get('snp/cert_chain.pem') ?? bundle.files.get('cert_chain.pem')) : undefined;
  },
  'kds.crl': ({ bundle }) => replaced(file(bundle, 'crl.der')) ?? (file(bundle, 'cert_chain.pem') ? 'absent' : undefined),
  'pcs.tcb.tdx': TCB_INFO,
  'pccs.tcb.tdx': TCB_INFO,
  'pcs.identity.td-qe': QE_IDENTITY,
  'pccs.identity.td-qe': QE_IDENTITY,
  'pcs.pckcrl': crl(PCK_CRL, (der, request) => (wantsDer(request) ? der : inPem(der))),
  'pccs.pckcrl': crl(PCK_CRL, (der, request) => (wantsDer(request) ? der : hexadecimal(der))),
  'pcs.rootcrl': crl('root_ca_crl.der', asDer),
  'pccs.rootcrl': crl('root_ca_crl.der', hexadecimal),
  'rim.get': rim,
  'ocsp.post': storedOcsp,
  'ocsp.get': storedOcsp,
  'nras.attest.gpu': ({ bundle }) => replaced(file(bundle, 'token.json')),
  'nras.attest.switch': ({ bundle }) => replaced(file(bundle, 'token.json')),
  'nras.jwks': ({ bundle }) => replaced(file(bundle, 'jwks.json')),
};

/** The answer to an operation, with what the case's bundle has in place of it. */
export function overlaid(operation: string, asked: Asked, honest: Reply): Reply {
  const row = Object.hasOwn(ROWS, operation) ? ROWS[operation] : undefined;
  const found = honest.status === 200 ? row?.(asked, honest) : undefined;
  if (!found) return honest;
  if (found === 'absent') return { status: 404, headers: {}, body: new Uint8Array(0) };
  return { ...honest, headers: { ...honest.headers, ...found.headers }, body: typeof found.body === 'string' ? Buffer.from(found.body, 'latin1') : found.body };
}
