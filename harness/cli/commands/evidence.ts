/** `teemu evidence TEE`: makes evidence and writes it into a folder. */
import { join, relative } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { type Bundle, exportBundle, type Json } from '../../../emulator/bundle.ts';
import { writeBundle } from '../../../emulator/disk/bundle-writer.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { TEES, type Tee } from '../../../emulator/tee.ts';
import { openWorld } from '../session/open-world.ts';
import { type Define, onCall, type Run, type Session } from '../session/session.ts';
import { type Paint, printable } from '../session/terminal.ts';

const DEFAULT_FOLDER = 'evidence';

/** Adds a subcommand for each TEE, with that TEE's own options. */
export const defineEvidence: Define = (command, run) => {
  command.helpCommand(false);
  for (const tee of TEES.values()) defineTee(command.command(tee.name).summary(tee.doc).description(tee.doc), tee, run);
};

function defineTee(command: Command, tee: Tee, run: Run): void {
  for (const [member, schema] of Object.entries(tee.options.shape)) command.addOption(teeOption(member, schema as z.ZodType));
  const list = tee.exports.map(({ name, doc }) => `${name} (${doc})`).join('; ');
  if (tee.exports.length > 0) command.addOption(repeatable('--export <form>', `adds the files of another tool's form; repeat for more: ${list}`));
  command.addHelpText('after', `\nWrites into --out, or './${DEFAULT_FOLDER}'. An earlier bundle there is replaced; a folder with\nanything else in it is refused.`);
  onCall(command, run, async (session) => {
    const { export: chosen = [], ...options } = command.opts<{ export?: string[] } & Record<string, unknown>>();
    const world = await openWorld(
      session,
      namingFlags(tee, () => tee.rsaLabels(options)),
    );
    const bundle = namingFlags(tee, () => chosen.reduce((made, form) => exportBundle(tee.exports, made, form), tee.evidence(world, options)));
    const dir = session.globals.out ?? DEFAULT_FOLDER;
    await writeBundle(bundle, session.path(dir));
    session.terminal.result({ dir: session.path(dir), manifest: bundle.manifest }, (paint) => summary(tee, bundle, dir, paint));
    session.terminal.say(nextSteps(session, bundle, dir));
  });
}

/** `reportData` → `--report-data`. */
function flagOf(member: string): string {
  return `--${member.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** What is wrong with an option, said of the option as the user wrote it. */
function namingFlags<T>(tee: Tee, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [member = '', ...rest] = error.key.split('.');
    if (!Object.hasOwn(tee.options.shape, member) && member !== 'export') throw error;
    throw new ConfigError([flagOf(member), ...rest].join('.'), error.message.slice(error.key.length + 2), { cause: error });
  }
}

/** One member of a TEE's options as an option of the command line. */
function teeOption(member: string, schema: z.ZodType): Option {
  const inner = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
  const flag = flagOf(member);
  const doc = schema.description ?? '';
  if (inner instanceof z.ZodArray) return repeatable(`${flag} ${member === 'set' ? '<path=value>' : '<text>'}`, doc);
  return inner instanceof z.ZodEnum ? new Option(`${flag} <name>`, doc) : new Option(`${flag} <value>`, doc);
}

function repeatable(flags: string, doc: string): Option {
  return new Option(flags, doc).argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
}

function summary(tee: Tee, { manifest, files }: Bundle, dir: string, paint: Paint): string {
  const { files: _, emulated, verifyAt, services, tee: __, ...claims } = manifest;
  const rows = [...claimRows(claims), ['valid at', new Date(verifyAt * 1000).toISOString()] as const];
  const width = Math.max(...rows.map(([name]) => name.length));
  const name = join(dir, '/');
  return [
    paint('bold', `${tee.doc}`),
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${paint('cyan', printable(value))}`),
    `Written to ${paint('bold', name)}: bundle.json, ${[...files.keys()].join(', ')}`,
    paint('yellow', String(emulated)),
  ].join('\n');
}

/** Claims one by one, `launch.vcpus` for those inside another; what is zero throughout or not stated says nothing to a reader. */
function claimRows(claims: Readonly<Record<string, Json>>, prefix = ''): (readonly [name: string, value: string])[] {
  return Object.entries(claims).flatMap(([name, value]): (readonly [string, string])[] => {
    if (value === null || (typeof value === 'string' && /^0{32,}$/.test(value))) return [];
    if (typeof value === 'object' && !Array.isArray(value)) return claimRows(value as Readonly<Record<string, Json>>, `${prefix}${name}.`);
    return [[`${prefix}${name}`, Array.isArray(value) ? value.join(', ') : String(value)]];
  });
}

function nextSteps({ globals: { seed }, io }: Session, { manifest }: Bundle, dir: string): string {
  const shown = relative(io.cwd, dir) === '' ? '.' : dir;
  const [first] = manifest.files;
  const commands = [
    [`${io.called} verify ${shown}`, 'what a strict verifier says'],
    [`${io.called} inspect ${join(shown, first ?? '')}`, 'what every byte means'],
    [`${io.called} serve${seed === undefined ? '' : ` --seed '${seed}'`}`, "the vendor's services for it, emulated"],
  ] as const;
  return ['Next:', ...commands.map(([command, doc]) => `  ${command.padEnd(Math.max(...commands.map(([text]) => text.length)))}  ${doc}`)].join('\n');
}
