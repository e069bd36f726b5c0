/** Where the cases of a run come from: teemu's corpus, made as they are needed, or a file of published vectors. */
import { readBounded } from '../../emulator/disk/file.ts';
import { ConfigError } from '../../emulator/errors.ts';
import type { Setting } from '../../vectors/case-world.ts';
import { buildCase, CORPUS } from '../../vectors/corpus.ts';
import { MAX_VECTORS, readVectors } from '../../vectors/publish/read.ts';
import type { Suite } from './suite.ts';

/** Cases to choose from, and what chooses all that the user means. */
export interface CasesToRun extends Pick<Suite, 'cases' | 'build' | 'seed'> {
  /** Milliseconds since 1970, when the evidence was made. */
  readonly at: number;
  readonly patterns: readonly string[];
}

/**
 * The cases that a suite names.
 * @param suite a TEE, globs of ids, or the path of a file of vectors
 * @param asked seed and time that the user gave, and what they are otherwise
 * @throws {TeemuError} ERR_FILE for a file that holds no vectors, ERR_CONFIG for a seed or time beside a file, which has its own
 */
export async function casesOf(suite: string, path: (text: string) => string, asked: { readonly seed?: string; readonly at?: number; readonly usual: Setting }): Promise<CasesToRun> {
  const { seed, at, usual } = asked;
  if (!suite.endsWith('.json')) {
    const setting = { seed: seed ?? usual.seed, at: at ?? usual.at };
    return { cases: CORPUS, build: (id) => buildCase(id, setting), ...setting, patterns: suite.split(',') };
  }
  if (seed !== undefined || at !== undefined) throw new ConfigError(seed === undefined ? '--at' : '--seed', `${suite} says itself whose keys it was made with, and when`);
  const text = Buffer.from(await readBounded(path(suite), { max: MAX_VECTORS, followLink: true })).toString('utf8');
  const { vectors, cases, build } = readVectors(text, suite);
  return { cases, build, seed: vectors.seed, at: vectors.at * 1000, patterns: ['**'] };
}
