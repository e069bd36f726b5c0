/** The options that every command has. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../../emulator/errors.ts';
import { LATEST_TIME, parseTime } from '../../../emulator/world.ts';

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

const MAX_SEED = 1024;

/** Adds the options to the program; its commands take them before or after their name. */
export function addGlobals(program: Command): void {
  program
    .addOption(new Option('--json', 'print the result as one line of JSON; errors too, as {"error": {…}}').default(false))
    .addOption(new Option('--seed <text>', 'use the reproducible world of this seed: everybody who knows it has its keys').argParser(parseSeed))
    .addOption(new Option('--at <time>', "the world's time: ISO 8601 (UTC unless it says otherwise) or seconds since 1970").argParser(parseAt))
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

function parseAt(text: string): number {
  const at = parseTime(text);
  if (at === undefined) throw new ConfigError('--at', `'${text.slice(0, 60)}' is no time from 1970 to ${new Date(LATEST_TIME).getUTCFullYear() - 1}; write 2026-03-01, 2026-03-01T12:00:00Z or seconds since 1970`);
  return at;
}
