/** Intel's collateral in JSON: TCB info, enclave identities, evaluation numbers, and the form in which dcap-qvl takes all of it. */
import { CodecError, TeemuError } from '../../errors.ts';
import { MAX_CRL_SIZE } from '../../pki/read.ts';
import { derSection } from '../certificates.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from '../inspection.ts';

type Members = Readonly<Record<string, unknown>>;

/** Longest text that is parsed; genuine ones have some kilobytes. */
const LONGEST = 1 << 20;
/** How deep and how much of a text is shown. */
const DEEPEST = 8;
const MOST_LINES = 2000;

/** Documents that the PCS serves: the member that is signed, and what it is. */
const DOCUMENTS: readonly { readonly member: string; readonly format: string; readonly title: string }[] = [
  { member: 'tcbInfo', format: 'tdx-tcb-info', title: 'TCB info' },
  { member: 'enclaveIdentity', format: 'tdx-enclave-identity', title: 'enclave identity' },
  { member: 'tcbEvaluationDataNumbers', format: 'tdx-evaluation-numbers', title: 'TCB evaluation data numbers' },
];

/** What members mean; a member that is not here is shown without a remark. */
const DOCS: Readonly<Record<string, string>> = {
  id: 'what the document is about',
  version: 'version of its form',
  issueDate: 'made at',
  nextUpdate: 'stale after',
  fmspc: 'kind of platform',
  pceId: 'provisioning certification enclave',
  tcbType: 'how levels are compared',
  tcbEvaluationDataNumber: 'which evaluation of the TCB',
  mrsigner: 'who signed the module or enclave',
  attributes: 'what it must have',
  attributesMask: 'bits of that which count',
  miscselect: 'MISCSELECT that it must have',
  miscselectMask: 'bits of that which count',
  isvprodid: 'product of the enclave',
  isvsvn: 'lowest SVN of the level',
  tcbDate: 'when the level was up to date',
  tcbStatus: 'what a verifier makes of the level',
  advisoryIDs: 'what the level lacks',
  sgxtcbcomponents: 'lowest SVNs of the platform',
  tdxtcbcomponents: 'lowest SVNs of the TDX module and its microcode',
  pcesvn: 'lowest SVN of the PCE',
};

export const COLLATERAL_RECOGNISERS: readonly Recogniser[] = [
  ...DOCUMENTS.map(
    ({ member, format, title }): Recogniser => ({
      format,
      title: `${title} of Intel's, in JSON`,
      refuse: (src) => refuseJson(src, member),
      inspect: (src, context) => [documentSection(src, member, title, context)],
    }),
  ),
  {
    format: 'quote-collateral',
    title: 'collateral in the form of dcap-qvl (QuoteCollateralV3)',
    refuse: (src) => refuseJson(src, 'tcb_info'),
    inspect: collateralSections,
  },
];

/** The member must come within the first bytes or anywhere in a text of the length of collateral: parsing is left to the rest. */
function refuseJson(src: Uint8Array, member: string): string | undefined {
  if (src.length > LONGEST) return `is at most ${LONGEST} bytes long`;
  const first = src.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  if (first !== 0x7b) return "begins with '{'";
  return Buffer.from(src.buffer, src.byteOffset, src.byteLength).includes(`"${member}"`) ? undefined : `has a member "${member}"`;
}

function parse(src: Uint8Array, path: string): Members {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
    if (isMembers(value)) return value;
  } catch (cause) {
    throw new CodecError('ERR_CODEC_RANGE', path, 0, 'is no JSON', { cause });
  }
  throw new CodecError('ERR_CODEC_RANGE', path, 0, 'is no JSON object');
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function documentSection(src: Uint8Array, member: string, title: string, context: InspectContext): Section {
  const body = parse(src, member);
  const document = body[member];
  if (!isMembers(document)) throw new CodecError('ERR_CODEC_RANGE', member, 0, 'is no JSON object');
  const { signature } = body;
  const signed = typeof signature === 'string' && /^[0-9a-f]{128}$/i.test(signature);
  return {
    name: `pcs.${member}`,
    title: `${title}${typeof document.id === 'string' ? ` ${document.id.slice(0, 40)}` : ''}`,
    size: src.length,
    notes: [signed ? { kind: 'info', text: 'Signed, by the TCB signing certificate that is served beside it.' } : { kind: 'broken', text: 'The signature is not 128 hexadecimal digits.' }],
    lines: [...lines(document, '', 0, context), { path: 'signature', depth: 0, value: String(signature).slice(0, 128), doc: 'r and s, over the exact text of the document' }].slice(0, MOST_LINES),
  };
}

function lines(value: Members | readonly unknown[], prefix: string, depth: number, context: InspectContext): InspectLine[] {
  if (depth >= DEEPEST) return [];
  return Object.entries(value).flatMap(([name, member]): InspectLine[] => {
    const path = `${prefix}${name}`;
    const line = (text: string): InspectLine => ({ path, depth, value: text, doc: DOCS[name] ?? '', ...stale(name, text, context) });
    if (Array.isArray(member)) return isList(member) ? [line(listText(member))] : [line(`${member.length} entries`), ...lines(member, `${path}.`, depth + 1, context)];
    if (isMembers(member)) return [line(`${Object.keys(member).length} members`), ...lines(member, `${path}.`, depth + 1, context)];
    return [line(String(member).slice(0, 1000))];
  });
}

/** Lists that read better in one line: SVNs, and texts. */
function isList(list: readonly unknown[]): boolean {
  return list.every((entry) => typeof entry === 'string' || (isMembers(entry) && typeof entry.svn === 'number'));
}

function listText(list: readonly unknown[]): string {
  const svns = list.map((entry) => (isMembers(entry) ? entry.svn : entry));
  return (list.some(isMembers) ? svns.join('.') : svns.join(', ')).slice(0, 1000) || 'none';
}

function stale(name: string, text: string, { at }: InspectContext): { broken?: string } {
  const time = Date.parse(text);
  if (at === undefined || Number.isNaN(time)) return {};
  if (name === 'issueDate' && at < time) return { broken: `not valid yet at ${new Date(at).toISOString()}` };
  return name === 'nextUpdate' && at >= time ? { broken: `stale at ${new Date(at).toISOString()}` } : {};
}

/** The documents inside are texts, the lists hexadecimal, the chains PEM. */
function collateralSections(src: Uint8Array, context: InspectContext): Section[] {
  const collateral = parse(src, 'quote-collateral');
  const textOf = (member: string): string => (typeof collateral[member] === 'string' ? collateral[member] : '');
  const inner = (member: string, name: string, title: string): Section[] =>
    attempt(() => [documentSection(Buffer.from(`{"${name}":${textOf(member)},"signature":${JSON.stringify(textOf(`${member}_signature`))}}`), name, title, context)]);
  const list = (member: string): Section[] => {
    const der = new Uint8Array(Buffer.from(textOf(member), 'hex'));
    const read = der.length > MAX_CRL_SIZE ? undefined : derSection(der, context);
    return read && 'section' in read ? [read.section] : [];
  };
  const members: Section = {
    name: 'dcap-qvl.collateral',
    title: 'collateral of a quote',
    size: src.length,
    notes: missing(collateral),
    lines: Object.entries(collateral)
      .slice(0, MOST_LINES)
      .map(([path, value]) => ({ path, depth: 0, value: typeof value === 'string' ? `${value.length} characters` : (JSON.stringify(value)?.slice(0, 100) ?? ''), doc: MEMBERS[path] ?? '' })),
  };
  return [members, ...inner('tcb_info', 'tcbInfo', 'TCB info'), ...inner('qe_identity', 'enclaveIdentity', 'enclave identity'), ...list('pck_crl'), ...list('root_ca_crl')];
}

const MEMBERS: Readonly<Record<string, string>> = {
  pck_crl_issuer_chain: 'who signs the list of PCK certificates, in PEM',
  root_ca_crl: "the root's list, in hexadecimal",
  pck_crl: 'list of PCK certificates, in hexadecimal',
  tcb_info_issuer_chain: 'who signs TCB info, in PEM',
  tcb_info: 'TCB info, as it was signed',
  tcb_info_signature: 'its signature',
  qe_identity_issuer_chain: 'who signs the identity, in PEM',
  qe_identity: 'identity of the quoting enclave, as it was signed',
  qe_identity_signature: 'its signature',
  pck_certificate_chain: 'for a quote that does not carry its chain',
};

function missing(collateral: Members): Note[] {
  return Object.keys(MEMBERS).flatMap((name): Note[] => (name in collateral || name === 'pck_certificate_chain' ? [] : [{ kind: 'broken', text: `There is no ${name}.` }]));
}

function attempt(read: () => Section[]): Section[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof TeemuError) return [];
    throw error;
  }
}
