/** `teemu inspect`: what is in a file, and what differs between two. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST } from '../../../emulator/bundle.ts';
import { readBundle } from '../../../emulator/disk/bundle-folder.ts';
import { fileError, readBounded } from '../../../emulator/disk/file.ts';
import { ConfigError, TeemuError } from '../../../emulator/errors.ts';
import { differences } from '../../../emulator/inspect/difference.ts';
import { inspect, MAX_INSPECTED, RECOGNISERS } from '../../../emulator/inspect/index.ts';
import type { InspectContext, Inspection } from '../../../emulator/inspect/inspection.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import { differenceText } from '../view/difference.ts';
import { listing } from '../view/listing.ts';
import { printable } from '../session/terminal.ts';
import { writeResult } from './result-file.ts';

const DETAILS = `
Recognised by their contents:
${[...RECOGNISERS.map(({ title }) => title), 'folder with an evidence bundle'].map((title) => `  - ${title}`).join('\n')}

With --at, certificates and lists are judged at that time. No world is opened: --seed changes nothing.
Fields are named as \`teemu evidence --set\` takes them.`;

/** Adds what `teemu inspect` takes and does. */
export const defineInspect: Define = (command, run) => {
  command.argument('<file>', "file to explain, or a bundle's folder; - for standard input").argument('[other]', 'second file: print only what differs').addHelpText('after', DETAILS);
  onCall(command, run, async (session, [first = '', second]) => {
    const context = contextOf(session);
    if (second !== undefined) return compare(session, context, first, second);
    const isFolder = first !== '-' && (await stat(session.path(first)).catch(() => undefined))?.isDirectory();
    return isFolder ? inspectBundle(session, context, first) : inspectFile(session, context, first);
  });
};

function contextOf({ globals: { at } }: Session): InspectContext {
  return at === undefined ? {} : { at };
}

async function read({ io, path }: Session, name: string): Promise<Uint8Array> {
  return name === '-' ? io.stdin(MAX_INSPECTED) : readBounded(path(name), { max: MAX_INSPECTED, followLink: true });
}

async function inspectFile(session: Session, context: InspectContext, name: string): Promise<undefined> {
  const inspection = inspect(await read(session, name), context, name);
  session.terminal.result(inspection, (paint) => listing(inspection, paint));
  await writeResult(session, 'inspect.json', inspection);
}

/** A bundle's file, taken apart, or why it was not. */
type InspectedFile = { readonly file: string; readonly inspection: Inspection } | { readonly file: string; readonly size: number; readonly unknown: string };

async function inspectBundle(session: Session, context: InspectContext, dir: string): Promise<undefined> {
  const { manifest, files } = await readBundle(session.path(dir));
  const found = [...files].map(([file, contents]): InspectedFile => {
    try {
      return { file, inspection: inspect(contents, { at: manifest.verifyAt * 1000, ...context }, file) };
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      return { file, size: contents.length, unknown: error.message };
    }
  });
  session.terminal.result({ manifest, files: found }, (paint) =>
    [
      paint('bold', join(dir, MANIFEST)),
      ...JSON.stringify(manifest, undefined, 2).split('\n').map(printable),
      ...found.flatMap((one) => ['', paint('inverse', ` ${one.file} `), 'inspection' in one ? listing(one.inspection, paint) : `  ${one.size} bytes, no attestation structure`]),
    ].join('\n'),
  );
  await writeResult(session, 'inspect.json', { manifest, files: found });
}

async function compare(session: Session, context: InspectContext, first: string, second: string): Promise<undefined> {
  if (first === '-' && second === '-') throw new ConfigError('other', 'standard input can be read only once');
  for (const name of [first, second]) {
    if (name !== '-' && (await stat(session.path(name)).catch((cause: unknown) => Promise.reject(fileError(name, cause)))).isDirectory()) throw new ConfigError(name, 'is a folder; name two files');
  }
  const a = inspect(await read(session, first), context, first);
  const b = inspect(await read(session, second), context, second);
  const found = differences(a, b);
  const data = { a: { file: first, format: a.format, size: a.size }, b: { file: second, format: b.format, size: b.size }, equal: found.length === 0, differences: found };
  session.terminal.result(data, (paint) => differenceText(found, [first, second], paint));
  await writeResult(session, 'inspect.json', data);
}
