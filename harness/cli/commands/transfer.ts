/** `teemu transfer FILE`: moves a file to the GPU and back over the encrypted link, and says what the host saw of it. */
import { constants, existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Option } from 'commander';
import { ConfigError, TeemuError } from '../../../emulator/errors.ts';
import { LINK_SCHEMES, type LinkSchemeName } from '../../../emulator/link/channel/schemes.ts';
import { ENGINES } from '../../../emulator/link/engine/choose.ts';
import { type Attack, ATTACKS } from '../../../emulator/link/host/attacks.ts';
import { predict, timingPreset } from '../../../emulator/link/timing/prediction.ts';
import { type Figure, TIMING_PRESETS, type TimingPreset } from '../../../emulator/link/timing/presets.ts';
import { type HostView, type TransferResult, transfer } from '../../transfer/transfer.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { openWorld } from '../session/open-world.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import { type Paint, printable } from '../session/terminal.ts';

interface Options {
  readonly engine: string;
  readonly threads: string;
  readonly scheme: LinkSchemeName;
  readonly attack?: string;
  readonly predict?: string;
  readonly watch: boolean;
}

/** Breaks a text into lines that a terminal has room for. @param indent columns before each line but the first */
function wrapped(text: string, indent: number, width = 108): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && indent + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

const NAME_WIDTH = 32;
const DETAILS = `
The file goes through bounce buffers that the host can read and change, sealed with AES-256-GCM under
keys that an SPDM session agreed on, into GPU memory that the host cannot read, and back. The host looks
at every byte that it can see and searches it for pieces of the file. With --out DIR what came back is
written there.

Attacks (--attack), each in the middle of the file:
${ATTACKS.map(({ name, doc }) => `  ${name.padEnd(NAME_WIDTH - 2)}${wrapped(doc, NAME_WIDTH)}`).join('\n')}

Exit code 0: every byte came back, nothing leaked, the attack was noticed or did no harm; 1: one of these
is not so.`;

/** Adds the options, and moves the file. */
export const defineTransfer: Define = (command, run) => {
  command
    .argument('<file>', 'the file to move')
    .addOption(new Option('--engine <name>', `what encrypts: ${[...ENGINES].map(([name, { doc }]) => `${name} (${doc})`).join('; ')}`).choices([...ENGINES.keys()]).default('node'))
    .addOption(new Option('--threads <n>', '2 gives the GPU a thread of its own; the host sees less of what that one does, so attacks need 1').choices(['1', '2']).default('1'))
    .addOption(new Option('--scheme <name>', 'whose keys and counters').choices(Object.keys(LINK_SCHEMES)).default('hopper'))
    .addOption(new Option('--attack <name>', 'what the host does to it; the names are below').choices(ATTACKS.map(({ name }) => name)).argParser(attackParser))
    .addOption(new Option('--no-watch', 'the host does not look: no leak scan, and as fast as it can be'))
    .addOption(new Option('--predict <gpu>', 'how long real hardware would take').choices([...TIMING_PRESETS.keys()]))
    .addHelpText('after', DETAILS);
  onCall(command, run, async (session, [file = '']) => {
    const { engine, threads, scheme, attack, predict: preset, watch } = command.opts<Options>();
    const chosen = ATTACKS.find(({ name }) => name === attack);
    if (chosen && threads !== '1') throw new ConfigError('--threads', 'must be 1 for an attack: the host acts between the steps of both sides');
    if (chosen && !watch) throw new ConfigError('--no-watch', 'a host that attacks looks');
    const world = await openWorld(session, []);
    const result = await moveFile(session, file, { engine, scheme, threaded: threads === '2', watched: watch, world, ...(chosen ? { attack: chosen } : {}) });
    const prediction = preset === undefined ? undefined : predictionOf(timingPreset(preset), result.bytes);
    const report = { file, ...result, ...(prediction ? { prediction: { gpu: preset, ...prediction } } : {}) };
    session.terminal.result(report, (paint) => summary(report, result, prediction, paint));
    return exitOf(result);
  });
};

/** The name of an attack; its own message, because a list of all of them would fill the screen. */
function attackParser(name: string): string {
  if (!ATTACKS.some((attack) => attack.name === name)) throw new ConfigError('--attack', `'${name.slice(0, 60)}' is no attack; see teemu transfer --help`);
  return name;
}

interface How {
  readonly engine: string;
  readonly scheme: LinkSchemeName;
  readonly threaded: boolean;
  readonly watched: boolean;
  readonly world: Parameters<typeof transfer>[0];
  readonly attack?: Attack;
}

async function moveFile(session: Session, file: string, { world, ...how }: How): Promise<TransferResult> {
  // Not blocking: opening a FIFO would otherwise wait for somebody to write into it, and could not be interrupted.
  await using source = await open(session.path(file), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stat = await source.stat();
  if (!stat.isFile()) throw new TeemuError('ERR_FILE', `${file}: is no file`);
  if (how.attack && stat.size === 0) throw new ConfigError('--attack', `there is nothing to attack: ${file} is empty`);
  const { out } = session.globals;
  if (out !== undefined) await mkdir(session.path(out), { recursive: true });
  const target = out === undefined ? undefined : join(session.path(out), basename(file));
  if (target !== undefined && existsSync(target)) throw new TeemuError('ERR_FILE', `${target}: is there already; it would be overwritten`);
  // Under another name until it is whole: nobody finds half a file under its own.
  const partial = target && `${target}.part`;
  const sink = partial === undefined ? undefined : await open(partial, 'w');
  const interrupt = new AbortController();
  const unhook = session.io.onInterrupt(() => interrupt.abort());
  let whole = false;
  try {
    const result = await transfer(world, {
      ...how,
      size: stat.size,
      signal: interrupt.signal,
      read: async (at, into) => {
        for (let have = 0; have < into.length; ) {
          const { bytesRead } = await source.read(into, have, into.length - have, at + have);
          if (bytesRead === 0) throw new TeemuError('ERR_FILE', `${file}: became shorter while it was read`);
          have += bytesRead;
        }
      },
      ...(sink ? { write: async (bytes) => void (await sink.writeFile(bytes)) } : {}),
      onProgress: (done) => session.terminal.status(`${size(done)} of ${size(stat.size)} there and back`),
    });
    whole = !result.interrupted;
    return result;
  } finally {
    unhook();
    await sink?.close();
    if (partial !== undefined && target !== undefined) await (whole ? rename(partial, target) : rm(partial, { force: true }));
  }
}

interface Forecast {
  readonly confidential: { readonly toDevice: number; readonly fromDevice: number };
  readonly plain: { readonly toDevice: number; readonly fromDevice: number };
  readonly figures: TimingPreset;
}

/** Seconds that one copy of everything would take, each way. */
function predictionOf(preset: TimingPreset, bytes: number): Forecast {
  const seconds = (confidential: boolean, direction: 'toDevice' | 'fromDevice'): number => predict(preset, [{ kind: 'copy', direction, bytes, sync: true }], { confidential }).seconds;
  const both = (confidential: boolean): { toDevice: number; fromDevice: number } => ({ toDevice: seconds(confidential, 'toDevice'), fromDevice: seconds(confidential, 'fromDevice') });
  return { confidential: both(true), plain: both(false), figures: preset };
}

function exitOf({ bytes, same, host, attack, interrupted }: TransferResult): ExitCode {
  if (interrupted) return EXIT.interrupted;
  const asExpected = attack === undefined || (attack.struck && attack.consequence !== 'corrupted' && attack.expected.includes(attack.consequence));
  return same === bytes && (host?.leaks.length ?? 0) === 0 && asExpected ? EXIT.ok : EXIT.unexpected;
}

function summary({ file }: { readonly file: string }, result: TransferResult, prediction: Forecast | undefined, paint: Paint): string {
  const { bytes, same, milliseconds, engine, sessions, host, interrupted } = result;
  const [session] = sessions;
  const rows: (readonly [string, string])[] = [
    [
      'moved',
      `${size(bytes)} to the GPU and back, ${same === bytes ? 'every byte as it was' : paint('red', `${bytes - same} bytes in parts that differ`)}${interrupted ? paint('yellow', ', then interrupted: not the whole file') : ''}`,
    ],
    ['SHA-256', result.sha256.back],
    ['session', `SPDM ${session?.version ?? '?'}, id 0x${(session?.sessionId ?? 0).toString(16)}, GPU certificate ${(session?.leaf ?? '').slice(0, 16)}…`],
    ['engine', `${engine.name} (${engine.library})`],
    ['rate', `${rate(bytes, milliseconds.toDevice)} to the GPU, ${rate(bytes, milliseconds.fromDevice)} back${host ? ', the host looking at every byte' : ''}`],
    ...hostRows(host, paint),
    ...attackRows(result, paint),
    ...predictionRows(prediction),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [paint('bold', printable(file)), ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
}

function hostRows(host: HostView | undefined, paint: Paint): (readonly [string, string])[] {
  if (!host) return [['host saw', 'nobody looked']];
  return [
    ['host saw', `${size(Object.values(host.written).reduce((sum, { bytes }) => sum + bytes, 0))} in ${host.messages} messages, ${host.doorbells} doorbells`],
    ...(host.lowestEntropy === undefined ? [] : [['entropy', `at least ${host.lowestEntropy.toFixed(3)} of 8 bits a byte in every 4 KiB of a message`] as const]),
    ['leak scan', leakText(host, paint)],
  ];
}

function leakText({ leaks, searched }: HostView, paint: Paint): string {
  if (searched.pieces === 0) return 'nothing to look for: the file is too short or too regular to be told from other bytes';
  const sure = `${searched.pieces} pieces of the file (${searched.foundInFile} of them found in the file itself)`;
  const [first] = leaks;
  return first ? paint('red', `${leaks.length} found of ${sure}; the first: ${first.canary} in ${first.region}, written by the ${first.by}`) : `none of ${sure} is where the host can see it`;
}

function attackRows({ attack, sessions }: TransferResult, paint: Paint): (readonly [string, string])[] {
  if (!attack) return [];
  const what = `${attack.attack}: ${attack.doc}`;
  if (!attack.struck) return [['attack', paint('yellow', `${what}; it found no opportunity`)]];
  const good = attack.consequence !== 'corrupted' && attack.expected.includes(attack.consequence);
  const outcome = attack.consequence === 'harmless' ? 'did no harm' : attack.consequence === 'corrupted' ? 'other bytes came back, and nobody noticed' : `${attack.consequence}: ${attack.message ?? ''}`;
  const recovery = { nothing: 'the channel stayed usable', channel: 'a new channel carried on', session: `the GPU was reset: session ${sessions.length} carried on` }[attack.recovery];
  return [
    ['attack', what],
    ['outcome', paint(good ? 'green' : 'red', outcome)],
    ['then', recovery],
  ];
}

function predictionRows(prediction: Forecast | undefined): (readonly [string, string])[] {
  if (!prediction) return [];
  const { confidential, plain, figures } = prediction;
  const line = (name: string, { toDevice, fromDevice }: Forecast['plain']): readonly [string, string] => [name, `${duration(toDevice)} to the GPU, ${duration(fromDevice)} back`];
  const { doc: _, ...numbers } = figures;
  return [
    ['predicted', `${figures.doc}, in one copy each way:`],
    line('  with', confidential),
    line('  without', plain),
    ...Object.entries(numbers as Readonly<Record<string, Figure>>).map(([name, figure]) => [`  ${name}`, figureText(figure)] as const),
  ];
}

function figureText({ value, unit, range, source, confidence }: Figure): string {
  const text = (amount: number): string => (unit === 's' ? duration(amount) : `${(amount / 1e9).toFixed(1)} GB/s`);
  return `${text(value)}${range ? ` (${text(range[0])} to ${text(range[1])})` : ''}, ${confidence}: ${source}`;
}

function rate(bytes: number, milliseconds: number): string {
  return milliseconds === 0 ? 'too fast to measure' : `${(bytes / milliseconds / 1000).toFixed(0)} MB/s`;
}

function duration(seconds: number): string {
  return seconds >= 1 ? `${seconds.toFixed(2)} s` : seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(0)} µs`;
}

function size(bytes: number): string {
  const [unit, divisor] = bytes >= 2 ** 30 ? (['GiB', 2 ** 30] as const) : bytes >= 2 ** 20 ? (['MiB', 2 ** 20] as const) : bytes >= 1024 ? (['KiB', 1024] as const) : (['bytes', 1] as const);
  return divisor === 1 ? `${bytes} bytes` : `${(bytes / divisor).toFixed(1)} ${unit}`;
}
