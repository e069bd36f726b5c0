/** What is said between the harness and a verifier, over JSON lines and over HTTP. docs/adapters.md tells it to those who write one. */
import { z } from 'zod';
import { AdapterError, firstIssue } from '../../../emulator/errors.ts';
import type { Subject } from '../../../vectors/subject.ts';
import type { Delivery } from '../adapter.ts';

/** Number of the protocol; it goes up when a member changes its meaning or goes away. */
export const PROTOCOL = 1;

/** What a verifier says of itself. */
const GREETING = z.object({
  protocol: z.literal(PROTOCOL).optional(),
  name: z.string().max(200).optional(),
  version: z.string().max(200).optional(),
  /** It wants the URLs of services: they are started for each subject. */
  services: z.boolean().optional(),
});
export type Greeting = z.output<typeof GREETING>;

/** What a verifier says of a subject. */
const JUDGEMENT = z.object({
  /** That of the question. */
  seq: z.number().optional(),
  verdict: z.enum(['accept', 'reject', 'error', 'skip']),
  stage: z.string().max(200).optional(),
  reason: z.string().max(500).optional(),
  detail: z.string().optional(),
});
export type Judgement = z.output<typeof JUDGEMENT>;

/** A subject as a verifier is asked about it: bytes in base64, roots in PEM, the time in seconds since 1970 and as text. */
export interface Question {
  readonly cmd: 'verify';
  readonly seq: number;
  readonly id: string;
  readonly tee: string;
  readonly now: number;
  readonly time: string;
  /** The bundle's manifest. */
  readonly manifest: unknown;
  /** Files of the bundle by name, in base64. */
  readonly files: Readonly<Record<string, string>>;
  /** Trusted roots by name, in PEM. */
  readonly roots: Readonly<Record<string, string>>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly services: Readonly<Record<string, string>>;
}

/** Base64 of files that many subjects share is made once. */
const encoded = new WeakMap<Uint8Array, string>();

function base64(bytes: Uint8Array): string {
  const known = encoded.get(bytes);
  if (known !== undefined) return known;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  encoded.set(bytes, text);
  return text;
}

/** The question about a subject. @param withServices start its services and say where they are */
export async function questionOf({ id, tee, subject, services }: Delivery, seq: number, withServices: boolean): Promise<Question> {
  return { cmd: 'verify', seq, ...plain(id, tee, subject), services: withServices ? await services() : {} };
}

function plain(id: string, tee: string, { bundle, roots, now, request }: Subject): Omit<Question, 'cmd' | 'seq' | 'services'> {
  return {
    id,
    tee,
    now: Math.floor(now / 1000),
    time: new Date(now).toISOString(),
    manifest: bundle.manifest,
    files: Object.fromEntries([...bundle.files].map(([name, contents]) => [name, base64(contents)])),
    roots: Object.fromEntries([...roots].map(([name, contents]) => [name, Buffer.from(contents).toString('utf8')])),
    request,
  };
}

/** @throws {AdapterError} for anything but a greeting */
export function readGreeting(adapter: string, text: string): Greeting {
  return read(adapter, GREETING, text, 'greeting');
}

/** @throws {AdapterError} for anything but a judgement on the question of that number */
export function readJudgement(adapter: string, text: string, seq: number): Judgement {
  const judgement = read(adapter, JUDGEMENT, text, 'answer');
  if (judgement.seq !== undefined && judgement.seq !== seq) throw new AdapterError(adapter, `answers question ${judgement.seq}, not ${seq}`);
  return judgement;
}

function read<T>(adapter: string, schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AdapterError(adapter, `the ${what} is no JSON: ${JSON.stringify(text.slice(0, 200))}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new AdapterError(adapter, `the ${what} is none: ${path === '' ? '' : `${path}: `}${message}: ${JSON.stringify(text.slice(0, 200))}`);
}
