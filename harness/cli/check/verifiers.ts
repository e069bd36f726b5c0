/** Which verifiers are under test: options of `teemu check`. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../../emulator/errors.ts';
import { profileAdapter } from '../../profiles/adapter.ts';
import { PROFILES, profileNamed } from '../../profiles/index.ts';
import { cacheFolder } from '../../profiles/install.ts';
import type { Adapter } from '../../run/adapter.ts';
import { commandAdapter } from '../../run/adapters/command.ts';
import { httpAdapter } from '../../run/adapters/http.ts';
import { jsonLinesAdapter } from '../../run/adapters/json-lines.ts';
import { builtinAdapter } from '../../run/builtin.ts';
import type { Session } from '../session/session.ts';
import { repeated } from '../session/values.ts';

/** One verifier under test. */
export interface Tested {
  readonly adapter: Adapter;
  /** It cannot be told the time: its evidence must be good now. */
  readonly machineClock: boolean;
}

interface Options {
  readonly adapter: 'command' | 'json-lines';
  readonly http?: readonly string[];
  readonly verifier?: readonly string[];
}

/** Adds the options. */
export function addVerifiers(command: Command): void {
  command
    .addOption(new Option('--adapter <kind>', 'how the command is asked').choices(['command', 'json-lines']).default('command'))
    .addOption(new Option('--http <url>', 'post each case to a server').argParser(repeated))
    .addOption(new Option('--verifier <name>', `a verifier that is known: builtin, teemu's own, or ${[...PROFILES.keys()].join(', ')}, fetched from their registries`).argParser(repeated));
}

/**
 * The verifiers that the user names, the command last. Several are run one after the other, and compared.
 * @param called the command after `--`, or nothing
 * @throws {ConfigError} for none, or one that isn't known
 */
export function verifiersOf(command: Command, called: readonly string[], { io, terminal }: Session, now: number): Tested[] {
  const { adapter, http = [], verifier = [] } = command.opts<Options>();
  const tested = [
    ...http.map((url) => ({ adapter: httpAdapter(url), machineClock: false })),
    ...verifier.map((name) => (name === 'builtin' ? { adapter: builtinAdapter(), machineClock: false } : known(name, { io, terminal }, now))),
    ...(called.length === 0 ? [] : [{ adapter: adapter === 'json-lines' ? jsonLinesAdapter({ command: called, cwd: io.cwd }) : commandAdapter({ command: called, cwd: io.cwd }), machineClock: false }]),
  ];
  if (tested.length === 0) throw new ConfigError('verifier', 'name one: a command after --, or --http URL, or --verifier NAME');
  return tested;
}

function known(name: string, { io, terminal }: Pick<Session, 'io' | 'terminal'>, now: number): Tested {
  const profile = profileNamed(name);
  return { adapter: profileAdapter(profile, { cache: cacheFolder(io.env), say: (text) => terminal.say(text), now }), machineClock: !profile.clock };
}
