/** A subject as files: what a verifier that reads from disk is handed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MANIFEST } from '../../../emulator/bundle.ts';
import { fileError } from '../../../emulator/disk/file.ts';
import type { Subject } from '../../../vectors/subject.ts';

/** Files that are the evidence itself, in the order in which they are looked for: the rest of a bundle vouches for it. */
const EVIDENCE = ['evidence.json', 'quote.bin', 'report.bin', 'token.json'];

/** The name of the file in the bundle that is the evidence. */
export function evidenceFile({ bundle }: Subject): string {
  return EVIDENCE.find((name) => bundle.files.has(name)) ?? [...bundle.files.keys()][0] ?? MANIFEST;
}

/** A folder for all the subjects of a run. @throws {TeemuError} ERR_FILE */
export async function runFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'teemu-check-')).catch((cause: unknown) => Promise.reject(fileError(tmpdir(), cause)));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Writes a subject: `bundle/` with its manifest, `roots/`, `request.json`.
 * @throws {TeemuError} ERR_FILE
 */
export async function writeSubject({ bundle, roots, request, now }: Subject, folder: string): Promise<void> {
  const files = new Map<string, Uint8Array | string>([
    [`bundle/${MANIFEST}`, `${JSON.stringify(bundle.manifest, undefined, 2)}\n`],
    ['request.json', `${JSON.stringify({ ...request, now: Math.floor(now / 1000) }, undefined, 2)}\n`],
    ...[...bundle.files].map(([name, contents]): [string, Uint8Array] => [`bundle/${name}`, contents]),
    ...[...roots].map(([name, contents]): [string, Uint8Array] => [`roots/${name}`, contents]),
  ]);
  try {
    for (const [name, contents] of files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, contents);
    }
  } catch (cause) {
    throw fileError(folder, cause);
  }
}
