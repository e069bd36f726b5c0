/** The options that every command has. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../../emulator/errors.ts';

/** What the options of every command say. */
export interface Globals {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color?: boolean;
  /** Seed of a reproducible world; without it the world is private. */
  readonly seed?: string;
  /** Time of the world's clock, milliseconds since 1970; without it the machine's. */
  readonly at?: number;
  readonly out?: string;
  /** Folder of the private world. */
  readonly world: string;
}

/** Latest time that a certificate can state: the end of the year 9999. */
const LAST_SECOND = 253_402_300_799;
const MAX_SEED = 1024;

/** Adds the options to the program; its commands take them before or after their name. */
export function addGlobals(program: Command): void {
  program
    .addOption(new Option('--json', 'print the result as one line of JSON; errors too, as {"error": {…}}').default(false))
    .addOption(new Option('--seed <text>', 'use the reproducible world of this seed: everybody who knows it has its keys').argParser(parseSeed))
    .addOption(new Option('--at <time>', "the world's time: ISO 8601 (UTC unless it says otherwise) or seconds since 1970").argParser(parseTime))
    .addOption(new Option('--out <dir>', 'folder to write into'))
    .addOption(new Option('--world <dir>', 'folder of the private world, made when it is missing').default('.teemu'))
    .addOption(new Option('--quiet', 'no progress and no remarks; warnings and errors stay').default(false))
    .addOption(new Option('--color', 'colours, also where the output is no terminal'))
    .addOption(new Option('--no-color', 'no colours (as with NO_COLOR in the environment)'));
}

/** What the user said, whichever command it was said to. */
export function globalsOf(command: Command): Globals {
  const { json, quiet, color, seed, at, out, world } = command.optsWithGlobals<Globals>();
  return { json, quiet, world, ...(color === undefined ? {} : { color }), ...(seed === undefined ? {} : { seed }), ...(at === undefined ? {} : { at }), ...(out === undefined ? {} : { out }) };
}

function parseSeed(text: string): string {
  if (text.length === 0 || text.length > MAX_SEED) throw new ConfigError('--seed', `must be 1 to ${MAX_SEED} characters`);
  return text;
}

/**
 * A time as users write it: `2026-03-01`, `2026-03-01T12:00:00Z`, `2026-03-01T12:00:00+01:00`, `1772366400`.
 * @returns milliseconds since 1970
 * @throws {ConfigError}
 */
export function parseTime(text: string): number {
  const refuse = (): ConfigError => new ConfigError('--at', `'${text.slice(0, 60)}' is no time; write 2026-03-01, 2026-03-01T12:00:00Z or seconds since 1970`);
  // Somebody who writes 2026 means the year, not half an hour after midnight in 1970.
  if (/^(19|2\d)\d\d$/.test(text)) throw refuse();
  if (/^\d{1,12}$/.test(text)) {
    const seconds = Number(text);
    if (seconds > LAST_SECOND) throw refuse();
    return seconds * 1000;
  }
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/i.exec(text);
  if (!match) throw refuse();
  const [, day = '', minutes = '00:00', seconds = ':00', zone = 'Z'] = match;
  const at = Date.parse(`${day}T${minutes}${seconds}${zone.toUpperCase()}`);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (!Number.isFinite(at) || at < 0 || at > LAST_SECOND * 1000 || new Date(midnight).toISOString().slice(0, 10) !== day) throw refuse();
  return at;
}
