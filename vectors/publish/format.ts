/**
 * Published vectors: cases as JSON that any language can read without Node. A file holds the cases of one suite; evidence that several of them
 * share stands in it once, under the beginning of its SHA-256.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EMULATED, type Json } from '../../emulator/bundle.ts';
import { STAGES } from '../model.ts';
import { BUG_CLASSES, type BugClass } from '../subject.ts';

/** The key of contents, or of a text: 32 hexadecimal digits. */
export function keyOf(contents: Uint8Array | string): string {
  return createHash('sha256').update(contents).digest('hex').slice(0, 32);
}

/** Version of the format. It is raised when a reader of an older one could misunderstand a file. */
export const FORMAT = 1;

const json: z.ZodType<Json> = z.json();
const key = z.string().regex(/^[0-9a-f]{32}$/);
const files = z.record(z.string().min(1).max(240), key);
const words = <T extends string>(names: readonly T[]): z.ZodEnum<{ [K in T]: K }> => z.enum(names as unknown as readonly [T, ...T[]]) as never;

/** What a verifier is handed. */
const SUBJECT = z
  .strictObject({
    now: z.int().min(0).describe('when the verifier looks: seconds since 1970'),
    request: z.record(z.string(), json).describe('what the relying party asks for, in the words of `teemu verify`; binary values in hexadecimal'),
    services: z
      .strictObject({
        revoke: z.array(json).optional().describe('what is revoked at the services that the verifier can ask'),
        faults: z.array(json).optional().describe('what else is wrong with those services'),
      })
      .describe('the state of the vendors’ services; empty where nothing is special'),
    files: files.describe('the evidence, certificates, lists and documents: name of the file to the key of its contents; bundle.json says what they are'),
    roots: files.describe('the roots that the relying party trusts, in PEM: name of the file to the key of its contents'),
  })
  .describe('what a verifier is handed');

/** One case. */
const CASE = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9-]+\/[a-z0-9-]+\/[a-z0-9-]+$/)
      .describe('tee/area/slug; it never changes its meaning'),
    tee: z.string().describe('what the case is about'),
    expect: z.enum(['must-reject', 'must-accept']).describe('what a correct verifier does'),
    stage: words(STAGES).optional().describe('where a strict verifier notices; only for what must be refused'),
    reason: z.string().optional().describe('why, as the code of teemu’s reference verifier; only for what must be refused'),
    severity: z.enum(['critical', 'high', 'medium', 'low']).describe('how bad it is to get the case wrong'),
    bug: words(Object.keys(BUG_CLASSES) as BugClass[]).describe('what kind of mistake a verifier makes that gets it wrong'),
    policy: z.string().optional().describe('the policy under which the verdict holds, where another relying party may see it otherwise'),
    ref: z.string().describe('the specification, or the public defect that the case repeats'),
    why: z.string().describe('what is the matter, in one sentence'),
    mustFetch: z.array(z.string()).optional().describe('what a verifier that fetches must have asked the services for before it may accept'),
    subject: key.describe('key of the subject'),
    twin: key.describe('key of the good twin: made by the same path without the one change. Unless it is accepted, refusing the subject means nothing'),
  })
  .describe('one case');

/** The contents of a file. */
const BLOB = z.union([
  z.base64().describe('the contents in base64'),
  z
    .strictObject({
      of: key.describe('key of a blob that is in base64'),
      parts: z
        .array(z.union([z.base64().describe('bytes of its own, in base64'), z.tuple([z.int().min(0), z.int().min(0)]).describe('a run of bytes of the other blob: where it begins, and how long it is')]))
        .describe('what the contents consist of, one behind the other'),
    })
    .describe('contents of which most stand in another blob'),
]);

/** A file of vectors. */
export const VECTORS = z
  .strictObject({
    teemuVectors: z.literal(FORMAT).describe('version of this format'),
    suite: z.string().describe('what the cases are about'),
    emulated: z.literal(EMULATED).describe('the warning that stands in everything emulated'),
    seed: z.string().describe('the seed of the world whose keys signed everything'),
    at: z.int().min(0).describe('when the evidence was made: seconds since 1970'),
    shard: z
      .strictObject({ part: z.int().min(1), of: z.int().min(1) })
      .optional()
      .describe('where the file is the n-th of several parts: every n-th case'),
    cases: z.array(CASE),
    subjects: z.record(key, SUBJECT).describe('subjects by their key: the first 16 bytes of the SHA-256 of what they consist of'),
    blobs: z.record(key, BLOB).describe('contents of files by their key: the first 16 bytes of their SHA-256, in hexadecimal'),
  })
  .meta({ title: 'teemu vectors', description: 'Cases for verifiers of confidential-computing evidence: what each is handed, and what it must make of it. All of it is emulated, and proves nothing.' });

export type Vectors = z.infer<typeof VECTORS>;
export type PublishedCase = Vectors['cases'][number];
export type PublishedSubject = Vectors['subjects'][string];

/** The JSON Schema of a file, for readers in other languages. */
export function vectorsSchema(): object {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...z.toJSONSchema(VECTORS, { target: 'draft-2020-12' }) };
}

/** A file as text: one line a case, a subject and a blob, so that a difference between two files can be read. The same vectors give the same text. */
export function vectorsText({ cases, subjects, blobs, ...head }: Vectors): string {
  const entries = (record: Readonly<Record<string, unknown>>): string =>
    Object.keys(record)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${JSON.stringify(record[name])}`)
      .join(',\n');
  const members = Object.entries(head).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{\n${members.join(',\n')},\n"cases":[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n],\n"subjects":{\n${entries(subjects)}\n},\n"blobs":{\n${entries(blobs)}\n}\n}\n`;
}
