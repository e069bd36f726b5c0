/** Reading vectors: a file of somebody's, checked before anything of it is used. */
import { checkManifest, isFileName, MANIFEST } from '../../emulator/bundle.ts';
import { firstIssue, TeemuError } from '../../emulator/errors.ts';
import type { BuiltCase, CaseInfo, ServiceView, Subject } from '../subject.ts';
import { type PublishedCase, type PublishedSubject, VECTORS, type Vectors } from './format.ts';
import { unpackBlobs } from './pack.ts';

/** Longest file that is read: ten times what is published. */
export const MAX_VECTORS = 128 << 20;

/** Vectors ready to be run. */
export interface ReadVectors {
  readonly vectors: Vectors;
  readonly cases: readonly CaseInfo[];
  /** @throws {RangeError} for an id of no case of the file */
  build(id: string): BuiltCase;
}

/**
 * Reads a file of vectors.
 * @param where how messages name it
 * @throws {TeemuError} ERR_FILE for anything that is none: with the member that is wrong
 */
export function readVectors(text: string, where: string): ReadVectors {
  const refuse = (rule: string): TeemuError => new TeemuError('ERR_FILE', `${where}: ${rule}`);
  const vectors = parsed(text, refuse);
  const blobs = unpackBlobs(vectors.blobs, refuse);
  const subjects = new Map(Object.entries(vectors.subjects).map(([key, subject]) => [key, subjectOf(subject, blobs, refuse, where)]));
  const cases = new Map(vectors.cases.map((one) => [one.id, one]));
  if (cases.size !== vectors.cases.length) throw refuse('two cases have one id');
  for (const { id, subject, twin } of vectors.cases) if (!subjects.has(subject) || !subjects.has(twin)) throw refuse(`${id}: its subject or its twin is not in the file`);
  return {
    vectors,
    cases: vectors.cases.map(infoOf),
    build: (id) => {
      const found = cases.get(id);
      const subject = subjects.get(found?.subject ?? '');
      const twin = subjects.get(found?.twin ?? '');
      if (!found || !subject || !twin) throw new RangeError(`there is no case ${id}`);
      return { info: infoOf(found), subject, twin };
    },
  };
}

function parsed(text: string, refuse: (rule: string) => TeemuError): Vectors {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(`is no JSON: ${cause instanceof Error ? cause.message.slice(0, 100) : ''}`);
  }
  const result = VECTORS.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = firstIssue(result.error);
  throw refuse(`${path === '' ? 'the file' : path.slice(0, 120)}: ${message}`);
}

function subjectOf({ now, request, services, files, roots }: PublishedSubject, blobs: ReadonlyMap<string, Uint8Array>, refuse: (rule: string) => TeemuError, where: string): Subject {
  const contents = (named: Readonly<Record<string, string>>): Map<string, Uint8Array> =>
    new Map(
      Object.entries(named).map(([name, key]) => {
        const found = blobs.get(key);
        const shown = JSON.stringify(name.slice(0, 100));
        if (name !== MANIFEST && !isFileName(name)) throw refuse(`${shown} can't be a file of a bundle`);
        if (!found) throw refuse(`the blob ${key} of ${shown} is not in the file`);
        return [name, found];
      }),
    );
  const all = contents(files);
  const manifest = all.get(MANIFEST);
  if (!manifest) throw refuse(`a subject has no ${MANIFEST}`);
  all.delete(MANIFEST);
  return { bundle: { manifest: checkManifest(json(manifest, refuse), where), files: all }, roots: contents(roots), now: now * 1000, request, services: viewOf(services) };
}

function viewOf({ revoke, faults }: PublishedSubject['services']): ServiceView {
  return { ...(revoke ? { revoke } : {}), ...(faults ? { faults } : {}) };
}

function json(src: Uint8Array, refuse: (rule: string) => TeemuError): unknown {
  try {
    return JSON.parse(Buffer.from(src).toString('utf8')) as unknown;
  } catch {
    throw refuse(`a ${MANIFEST} is no JSON`);
  }
}

function infoOf({ subject: _, twin: __, stage, reason, policy, mustFetch, ...info }: PublishedCase): CaseInfo {
  return { ...info, ...(stage === undefined ? {} : { stage }), ...(reason === undefined ? {} : { reason }), ...(policy === undefined ? {} : { policy }), ...(mustFetch === undefined ? {} : { mustFetch }) };
}
