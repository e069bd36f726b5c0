/** What a verifier fetches from the vendors' services for evidence that comes without it: as the files that a bundle has of them. */
import type { Bundle, Json } from '../../../emulator/bundle.ts';
import { TeemuError } from '../../../emulator/errors.ts';
import { readRim } from '../../../emulator/h100/rim/read.ts';
import { pem } from '../../../emulator/pki/der.ts';
import { writeCertId } from '../../../emulator/pki/ocsp/cert-id.ts';
import { nonceExtension, writeOcspRequest } from '../../../emulator/pki/ocsp/request.ts';
import { readPem } from '../../../emulator/pki/pem.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { type Line, LINE_TABLE, LINES } from '../../../emulator/snp/platform/products.ts';
import { decodeReport } from '../../../emulator/snp/report.ts';
import { fetched } from './client.ts';

/** Base URLs of services, by name. */
export type Urls = Readonly<Record<string, string>>;
/** Files by name; what could not be fetched is not there. */
type Found = Promise<ReadonlyMap<string, Uint8Array>>;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));
/** Those files that there are. */
const files = (entries: readonly (readonly [name: string, contents: Uint8Array | undefined])[]): ReadonlyMap<string, Uint8Array> =>
  new Map(entries.flatMap(([name, contents]) => (contents ? [[name, contents] as const] : [])));

/** What `read` gives, or nothing where it is about bytes that can't be read. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TeemuError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** From AMD: the certificate of the chip at its TCB, the chain above it, and the list of revoked ones. */
export async function fromAmd({ manifest, files: own }: Bundle, { kds = '' }: Urls): Found {
  const line = LINES.find((name) => name === manifest.line) ?? 'Milan';
  const report = readable(() => decodeReport(own.get('report.bin') ?? new Uint8Array(), 'keep'));
  if (!report) return new Map();
  const [leaf, chain, list] = await Promise.all([
    fetched(`${kds}/vcek/v1/${line}/${hex(report.chipId.slice(0, LINE_TABLE[line].hwidLength))}?${levels(line, report.reportedTcb)}`),
    fetched(`${kds}/vcek/v1/${line}/cert_chain`),
    fetched(`${kds}/vcek/v1/${line}/crl`),
  ]);
  const blocks = chain && readable(() => readPem(chain.body));
  // The intermediate and the root, in this order and nothing else.
  const [ask, ark] = blocks?.length === 2 ? blocks : [];
  const text = (der: Uint8Array | undefined): Uint8Array | undefined => der && utf8(pem('CERTIFICATE', der));
  return files([
    ['vcek.pem', text(leaf?.body)],
    ['ask.pem', text(ask?.der)],
    ['ark.pem', text(ark?.der)],
    ['crl.der', list?.body],
  ]);
}

function levels(line: Line, { fmc, bootLoader, tee, snp, microcode }: ReturnType<typeof decodeReport>['reportedTcb']): string {
  const all = { ...(line === 'Turin' ? { fmcSPL: fmc ?? 0 } : {}), blSPL: bootLoader, teeSPL: tee, snpSPL: snp, ucodeSPL: microcode };
  return Object.entries(all)
    .map(([name, level]) => `${name}=${String(level).padStart(2, '0')}`)
    .join('&');
}

/** From Intel: what is said of the platform and of the quoting enclave, and the lists of revoked certificates. */
export async function fromIntel({ manifest: { fmspc, pckCa } }: Bundle, { pcs = '' }: Urls): Found {
  const [tcb, identity, crl, root] = await Promise.all([
    fetched(`${pcs}/tdx/certification/v4/tcb?fmspc=${String(fmspc)}`),
    fetched(`${pcs}/tdx/certification/v4/qe/identity`),
    fetched(`${pcs}/sgx/certification/v4/pckcrl?ca=${String(pckCa)}&encoding=der`),
    fetched(`${pcs}/IntelSGXRootCA.der`),
  ]);
  const chain = (answer: typeof tcb, header: string): Uint8Array | undefined => {
    const value = answer?.headers.get(header);
    try {
      return value ? utf8(decodeURIComponent(value)) : undefined;
    } catch {
      return undefined;
    }
  };
  return files([
    ['collateral/tcb_info.json', tcb?.body],
    ['collateral/tcb_info_issuer_chain.pem', chain(tcb, 'TCB-Info-Issuer-Chain')],
    ['collateral/qe_identity.json', identity?.body],
    ['collateral/qe_identity_issuer_chain.pem', chain(identity, 'SGX-Enclave-Identity-Issuer-Chain')],
    ['collateral/pck_crl.der', crl?.body],
    ['collateral/pck_crl_issuer_chain.pem', chain(crl, 'SGX-PCK-CRL-Issuer-Chain')],
    ['collateral/root_ca_crl.der', root?.body],
  ]);
}

/** The nonce that OCSP responders are asked with. */
export const OCSP_NONCE: Uint8Array = new Uint8Array(32).fill(0x5a);

/** From NVIDIA: the manifests that the bundle's devices need, and what is said of every certificate. */
export async function fromNvidia({ manifest, files: own }: Bundle, { rim = '', ocsp = '' }: Urls): Found {
  const ids = isRecord(manifest.rims) ? Object.keys(manifest.rims) : [];
  const manifests = new Map(await Promise.all(ids.map(async (id) => [id, await manifestOf(rim, id)] as const)));
  const signers = [...manifests.values()].flatMap((document) => (document ? [readable(() => readRim(document).signature.certificates) ?? []] : []));
  const devices = (devicesOf(own.get('evidence.json')) ?? []).map((chain) => chain.slice(1));
  const pairs = [...devices, ...signers].flatMap((chain) => chain.slice(0, -1).map((certificate, i) => [certificate, chain[i + 1] ?? certificate] as const));
  const asked = new Map(pairs.map((pair) => [hex(pair[0]), pair]));
  const answers = await Promise.all([...asked.values()].map(async ([certificate, issuer], i) => [`ocsp/${i}.der`, await statusOf(ocsp, certificate, issuer)] as const));
  return files([...[...manifests].map(([id, document]) => [`rims/${id}.xml`, document] as const), ...answers]);
}

function isRecord(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A manifest, if the answer is about it and whole. */
async function manifestOf(rim: string, id: string): Promise<Uint8Array | undefined> {
  const answer = await fetched(`${rim}/v1/rim/${id}`);
  const said = answer && readable(() => JSON.parse(Buffer.from(answer.body).toString('utf8')) as Json);
  if (!isRecord(said) || said.id !== id || said.rim_format !== 'TCG' || typeof said.rim !== 'string') return undefined;
  const document = new Uint8Array(Buffer.from(said.rim, 'base64'));
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', document)).toString('hex');
  return Buffer.from(document).toString('base64') === said.rim && digest === said.sha256 ? document : undefined;
}

async function statusOf(ocsp: string, certificate: Uint8Array, issuer: Uint8Array): Promise<Uint8Array | undefined> {
  const request = readable(() => writeOcspRequest([writeCertId('sha384', readCertificate(issuer), readCertificate(certificate).serial)], [nonceExtension(OCSP_NONCE)]));
  const answer = request && (await fetched(`${ocsp}/`, { type: 'application/ocsp-request', body: request }));
  return answer?.body;
}

/** The certificates of each device in evidence, in DER. */
function devicesOf(json: Uint8Array | undefined): readonly (readonly Uint8Array[])[] | undefined {
  return readable(() => {
    const whole = JSON.parse(Buffer.from(json ?? []).toString('utf8')) as Json;
    const list = isRecord(whole) ? whole.evidences : whole;
    const texts = Array.isArray(list) ? list.flatMap((device: Json) => (isRecord(device) && typeof device.certificate === 'string' ? [device.certificate] : [])) : [];
    return texts.map((text) => readPem(new Uint8Array(Buffer.from(text, 'base64'))).map(({ der }) => der));
  });
}

/** From NVIDIA's attestation service: its keys, and its tokens, where there is only evidence to be judged. */
export async function fromNras({ manifest: { nonce }, files: own }: Bundle, { nras = '' }: Urls): Found {
  const evidence = own.get('evidence.json');
  const list = evidence && readable(() => JSON.parse(Buffer.from(evidence).toString('utf8')) as Json);
  const request = { nonce: String(nonce), arch: 'HOPPER', claims_version: '3.0', evidence_list: list ?? [] };
  const [keys, tokens] = await Promise.all([fetched(`${nras}/.well-known/jwks.json`), evidence && fetched(`${nras}/v4/attest/gpu`, { type: 'application/json', body: JSON.stringify(request) })]);
  return files([
    ['jwks.json', keys?.body],
    ['token.json', own.get('token.json') ?? tokens?.body],
  ]);
}
