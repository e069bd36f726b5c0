/** Tokens: a single one in compact form, and the answer of NVIDIA's attestation service, which is several (a detached EAT). */
import { createHash } from 'node:crypto';
import { type ReadJws, readJws } from '../../crypto/jws.ts';
import { CodecError } from '../../errors.ts';
import { CLAIM_DOCS } from '../../h100/eat/claims.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from '../inspection.ts';

/** Longest file that is taken apart: an answer about eight GPUs has 17 KiB. */
const LONGEST = 1 << 20;
/** How deep and how much of a token is shown. */
const DEEPEST = 6;
const MOST_LINES = 500;
const MOST_DEVICES = 64;

export const JWT_RECOGNISERS: readonly Recogniser[] = [
  { format: 'detached-eat', title: 'answer of NVIDIA’s attestation service: a detached EAT, in JSON', refuse: refuseEat, inspect: eatSections },
  { format: 'jwt', title: 'token in compact form (JWS)', refuse: refuseJwt, inspect: (src, context) => [tokenSection('jwt', 'token', textOf(src).trim(), context)] },
];

const textOf = (src: Uint8Array): string => Buffer.from(src.buffer, src.byteOffset, src.byteLength).toString('latin1');

function refuseEat(src: Uint8Array): string | undefined {
  if (src.length > LONGEST) return `is at most ${LONGEST} bytes long`;
  return /^\s*\[\s*\[\s*"JWT"/.test(textOf(src.subarray(0, 200))) ? undefined : 'begins with [["JWT"';
}

function refuseJwt(src: Uint8Array): string | undefined {
  if (src.length > LONGEST) return `is at most ${LONGEST} bytes long`;
  return /^\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*$/.test(textOf(src)) ? undefined : 'is three parts in base64url with dots between';
}

function eatSections(src: Uint8Array, context: InspectContext): Section[] {
  const { overall, devices } = openEat(src);
  const { payload } = readJws(overall, 'eat.overall');
  const tokens = Object.entries(devices).slice(0, MOST_DEVICES);
  return [
    tokenSection('nras.overall', 'token over all devices', overall, context),
    ...tokens.map(([name, token]) => tokenSection('nras.device', `token of ${name.slice(0, 40)}`, token, context, [digestNote(payload.submods, name, token)])),
  ];
}

function openEat(src: Uint8Array): { overall: string; devices: Readonly<Record<string, string>> } {
  const fail = (rule: string, options?: ErrorOptions): CodecError => new CodecError('ERR_CODEC_RANGE', 'eat', 0, rule, options);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
  } catch (cause) {
    throw fail('is no JSON', { cause });
  }
  const [first, devices = {}]: unknown[] = Array.isArray(value) ? value : [];
  const overall: unknown = Array.isArray(first) ? first[1] : undefined;
  if (typeof overall !== 'string') throw fail('must begin with ["JWT", token]');
  if (typeof devices !== 'object' || devices === null || Object.values(devices).some((token) => typeof token !== 'string')) throw fail('must name tokens by device');
  return { overall, devices: devices as Readonly<Record<string, string>> };
}

function digestNote(submods: unknown, name: string, token: string): Note {
  const entry: unknown = typeof submods === 'object' && submods !== null && Object.hasOwn(submods, name) ? (submods as Readonly<Record<string, unknown>>)[name] : undefined;
  const digest = createHash('sha256').update(token).digest('hex');
  if (JSON.stringify(entry) === JSON.stringify(['DIGEST', ['SHA-256', digest]])) return { kind: 'info', text: 'The token over all devices has the digest of this one.' };
  return { kind: 'broken', text: 'The token over all devices does not have the digest of this one.' };
}

function tokenSection(name: string, title: string, token: string, context: InspectContext, notes: readonly Note[] = []): Section {
  const jws = readJws(token, name);
  const result = jws.payload['x-nvidia-overall-att-result'];
  return {
    name,
    title,
    size: token.length,
    notes: [
      ...notes,
      ...(result === undefined ? [] : [{ kind: 'info', text: result === true ? 'The service accepts what it was shown.' : 'The service refuses what it was shown.' } as const]),
      { kind: 'info', text: 'Who signed it is not looked at: that takes the key set of the service.' },
    ],
    lines: [...lines(jws.header, 'header.', 0, {}), ...lines(jws.payload, '', 0, context), signatureLine(jws)].slice(0, MOST_LINES),
  };
}

function signatureLine({ signature }: ReadJws): InspectLine {
  return { path: 'signature', depth: 0, value: Buffer.from(signature).toString('hex').slice(0, 400), doc: `${signature.length} bytes` };
}

function lines(value: Readonly<Record<string, unknown>>, prefix: string, depth: number, context: InspectContext): InspectLine[] {
  return Object.entries(value).flatMap(([name, member]): InspectLine[] => {
    const path = `${prefix}${name}`.slice(0, 200);
    const line = (text: string): InspectLine => ({ path, depth, value: text.slice(0, 1000), doc: CLAIM_DOCS[name] ?? '', ...early(name, member, context) });
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return [line(typeof member === 'string' ? member : (JSON.stringify(member) ?? ''))];
    return depth + 1 >= DEEPEST ? [line('…')] : [line(`${Object.keys(member).length} members`), ...lines(member as Readonly<Record<string, unknown>>, `${path}.`, depth + 1, context)];
  });
}

/** What of its times is not met. */
function early(name: string, value: unknown, { at }: InspectContext): { broken?: string } {
  if (at === undefined || typeof value !== 'number') return {};
  if (name === 'nbf' && at < value * 1000) return { broken: `not valid yet at ${new Date(at).toISOString()}` };
  return name === 'exp' && at >= value * 1000 ? { broken: `expired at ${new Date(at).toISOString()}` } : {};
}
