/** Verifiers written in Go: the programs of the interoperability tests, asked to do the same again and again, in processes of their own that say how much CPU time they took. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program that answers lines of JSON. */
export interface GoProgram {
  readonly path: string;
  remove(): void;
}

/** Builds the program of a verifier. @param name its folder below `test/interop` @returns undefined where there is no Go */
export function buildGo(name: string): GoProgram | undefined {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  const path = join(folder, 'wrapper');
  execFileSync('go', ['build', '-trimpath', '-o', path, '.'], { cwd: fileURLToPath(new URL(`../../test/interop/${name}`, import.meta.url)), stdio: ['ignore', 'ignore', 'inherit'] });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Verifications per CPU second. @param request what is asked, `repeat` times @throws {Error} when the evidence is refused */
export function goSpeed({ path }: GoProgram, request: object, repeat: number): number {
  const output = execFileSync(path, { input: `${JSON.stringify({ ...request, repeat })}\n`, encoding: 'utf8', maxBuffer: 64 << 20, env: { ...process.env, GOMAXPROCS: '1' } });
  const answer = JSON.parse(output) as { verdict: string; detail?: string; cpuNanoseconds: number };
  if (answer.verdict !== 'accept') throw new Error(`the evidence was refused: ${answer.detail}`);
  return (repeat * 1e9) / answer.cpuNanoseconds;
}
