/** The table of engines, and the choice among them. */
import { ConfigError } from '../../errors.ts';
import type { GcmEngine } from './engine.ts';
import { type NativeOptions, nativeEngine } from './native.ts';
import { nodeEngine } from './node.ts';

/** One engine that can be chosen. */
export interface EngineRow {
  readonly doc: string;
  readonly open: (options: NativeOptions) => GcmEngine;
}

/** Every engine by its name; the first is taken when none is asked for. */
export const ENGINES: ReadonlyMap<string, EngineRow> = new Map<string, EngineRow>([
  ['node', { doc: "node:crypto, Node's own OpenSSL", open: nodeEngine }],
  ['native', { doc: "the machine's libcrypto through the package koffi, which you install", open: nativeEngine }],
]);

/** The engine of that name. @throws {ConfigError} for a name that is none, and for an engine that can't be used here */
export function chooseEngine(name = 'node', options: NativeOptions = {}): GcmEngine {
  const row = ENGINES.get(name);
  if (!row) throw new ConfigError('engine', `'${name.slice(0, 40)}' is none of ${[...ENGINES.keys()].join(', ')}`);
  return row.open(options);
}

/** What a user is told about the engine at work: `node (OpenSSL 3.0.19)`. */
export function engineTitle({ name, library }: GcmEngine): string {
  return `${name} (${library})`;
}
