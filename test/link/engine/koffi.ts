/** Where the native engine's koffi is: installed beside teemu, or put into a temporary folder by an interoperability run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The version that the engine was written against. */
const VERSION = '3.3.4';

function installed(folder: string): boolean {
  try {
    createRequire(join(folder, 'package.json')).resolve('koffi');
    return true;
  } catch {
    return false;
  }
}

/** Finds or fetches it. @returns the folder, or undefined when there is none, and what takes away again what was fetched */
export function findKoffi(): { readonly folder: string | undefined; readonly remove: () => void } {
  if (installed(process.cwd())) return { folder: process.cwd(), remove: () => {} };
  if (!process.env.TEEMU_INTEROP) return { folder: undefined, remove: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'teemu-koffi-'));
  // Its prebuilt library comes as a package of its own: nothing needs to run or be compiled.
  const { status } = spawnSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', `koffi@${VERSION}`], { stdio: 'ignore' });
  return { folder: status === 0 && installed(folder) ? folder : undefined, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
