/** Which cases are run: globs of ids, and shards. */
import { ConfigError } from '../../emulator/errors.ts';

/** `*` stands for any characters but a slash, `**` for any at all; a pattern without a slash names a whole TEE. */
export function glob(pattern: string): (id: string) => boolean {
  const full = pattern.includes('/') || pattern.includes('*') ? pattern : `${pattern}/**`;
  const source = full.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*\*|\*/g, (stars) => (stars === '**' ? '.*' : '[^/]*'));
  const expression = new RegExp(`^${source}$`);
  return (id) => expression.test(id);
}

/** One part of a corpus: the n-th of so many, from 1. */
export interface Shard {
  readonly part: number;
  readonly of: number;
}

/** @param text `2/5` @throws {ConfigError} */
export function readShard(text: string): Shard {
  const [, part = '', of = ''] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (part === '' || Number(part) < 1 || Number(part) > Number(of)) throw new ConfigError('shard', `'${text.slice(0, 40)}' is no part like 2/5`);
  return { part: Number(part), of: Number(of) };
}

/**
 * The ids that some pattern matches, in their own order; of these, every n-th for a shard, so that all shards together are all of them once.
 * @throws {ConfigError} for a pattern that matches nothing
 */
export function select(ids: readonly string[], patterns: readonly string[], shard: Shard = { part: 1, of: 1 }): string[] {
  const matchers = patterns.map(glob);
  const idle = patterns.find((_, i) => !ids.some((id) => matchers[i]?.(id)));
  if (idle !== undefined) throw new ConfigError('suite', `'${idle.slice(0, 100)}' names no case; see: teemu vectors list`);
  return ids.filter((id) => matchers.some((matches) => matches(id))).filter((_, i) => i % shard.of === shard.part - 1);
}
