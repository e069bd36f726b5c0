/** `--out` for commands whose result is no folder of files: the result as JSON, in that folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../emulator/disk/file.ts';
import type { Session } from '../session/session.ts';
import { jsonLine } from '../session/terminal.ts';

/**
 * Writes the result into the folder that `--out` names, if it does; an earlier result of the same command is replaced.
 * @throws {TeemuError} ERR_FILE
 */
export async function writeResult({ globals: { out }, path, terminal }: Session, name: string, data: unknown): Promise<void> {
  if (out === undefined) return;
  const file = join(path(out), name);
  try {
    await mkdir(path(out), { recursive: true });
    await writeFile(file, `${jsonLine(data)}\n`);
  } catch (cause) {
    throw fileError(file, cause);
  }
  terminal.say(`Written: ${file}`);
}
