import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { CodecError, ConfigError, ServiceError, TeemuError } from '../../emulator/errors.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { TEES } from '../../emulator/tee.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { COMMANDS } from '../../harness/cli/commands/index.ts';
import { failureOf } from '../../harness/cli/exit.ts';
import { call, json } from './call.ts';

const GLOBAL_FLAGS = ['--json', '--seed', '--at', '--out', '--help', '--world', '--quiet', '--no-color'];
const calls: string[][] = [[], ...COMMANDS.map(({ name }) => [name]), ...[...TEES.keys()].map((tee) => ['evidence', tee])];

describe('help', () => {
  test.each(calls.map((args) => [args.join(' '), args] as const))("of 'teemu %s' goes to stdout, names every common option, and succeeds", async (_, args) => {
    const { code, stdout, stderr } = await call([...args, '--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Usage: teemu ${args.join(' ')}`);
    for (const flag of GLOBAL_FLAGS) expect(stdout).toContain(flag);
  });

  test('lists every command with what it does', async () => {
    const { stdout } = await call(['--help']);
    for (const { name, summary } of COMMANDS) expect(stdout.replace(/\s+/g, ' ')).toContain(`${name} ${summary}`);
  });

  test('can be asked for as a command', async () => {
    expect(await call(['help', 'inspect'])).toEqual(await call(['inspect', '--help']));
    expect((await call(['help'])).stdout).toContain('Commands:');
  });

  test('lines fit into 110 columns', async () => {
    for (const args of calls) for (const line of (await call([...args, '--help'])).stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });

  test('of evidence has an option for every member of the TEE’s options', async () => {
    const { stdout } = await call(['evidence', 'snp', '--help']);
    for (const flag of ['--product', '--preset', '--report-version', '--signer', '--report-data', '--host-data', '--policy', '--vmpl', '--set <path=value>']) expect(stdout).toContain(flag);
  });
});

describe('wrong usage exits with 2, says why on stderr, and prints nothing else', () => {
  test.each([
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown option', ['doctor', '--frob'], /unknown option '--frob'/],
    ['a missing argument', ['inspect'], /missing required argument 'file'/],
    ['an argument too many', ['doctor', 'x'], /too many arguments/],
    ['an option without its value', ['doctor', '--seed'], /argument missing/],
    ['an unknown TEE', ['evidence', 'sgx'], /unknown command 'sgx'/],
    ['a time that is none', ['doctor', '--at', 'tomorrow'], /--at: 'tomorrow' is no time/],
    ['an empty seed', ['doctor', '--seed', ''], /--seed: must be 1 to/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await call(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  test('no command at all: the help, on stderr', async () => {
    const { code, stdout, stderr } = await call([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: teemu');
  });

  test('with --json there is one object on stdout too, wherever the option stands', async () => {
    for (const args of [
      ['--json', 'doctor', '--frob'],
      ['doctor', '--json', '--frob'],
      ['frobnicate', '--json'],
    ]) {
      const called = await call(args);
      expect(called.code).toBe(2);
      expect(json(called)).toEqual({ error: { code: 'ERR_USAGE', message: expect.stringContaining('unknown') as unknown, exit: 2 } });
      expect(called.stderr).toContain('unknown');
    }
  });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
  expect(await call(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('what an error means', () => {
  const system = Object.assign(new Error('EADDRINUSE: address in use'), { code: 'EADDRINUSE', syscall: 'listen' });
  test.each<[string, unknown, Record<string, unknown>]>([
    ['bytes that are wrong', new CodecError('ERR_CODEC_RANGE', 'snp.report.version', 0, 'is 9'), { code: 'ERR_CODEC_RANGE', exit: 2, path: 'snp.report.version', at: 0 }],
    ['a setting that cannot be', new ConfigError('--at', 'no'), { code: 'ERR_CONFIG', exit: 2, key: '--at' }],
    ['a file', new TeemuError('ERR_FILE', 'x'), { code: 'ERR_FILE', exit: 2 }],
    ['a service', new ServiceError(404, 'x'), { code: 'ERR_SERVICE', exit: 2 }],
    ['usage', new CommanderError(1, 'x', 'error: y'), { code: 'ERR_USAGE', exit: 2, message: 'y' }],
    ['the operating system', system, { code: 'ERR_SYSTEM', exit: 2 }],
    ['a TypeError', new TypeError('x is not a function'), { code: 'ERR_DEFECT', exit: 4 }],
    ['something thrown that is no error', 'x', { code: 'ERR_DEFECT', exit: 4 }],
  ])('%s', (_, error, expected) => {
    expect(failureOf(error)).toMatchObject(expected);
  });

  test('a defect is called one, with a request to report it and the stack', () => {
    expect(failureOf(new TypeError('boom')).message).toMatch(/defect of teemu.*report[\s\S]*TypeError: boom[\s\S]*at /);
  });
});

describe('colours', () => {
  const stdin = Buffer.from(new AmdAuthority(seededWorld('x', fixedClock(0)), 'Milan').certificate('ARK').pem);
  const colored = async (tty: boolean, env: Record<string, string>, ...args: string[]): Promise<boolean> => (await call(['inspect', '-', ...args], { tty, env, stdin })).stdout.includes('\u001b[');
  test.each<[string, boolean, Record<string, string>, string[], boolean]>([
    ['on a terminal', true, {}, [], true],
    ['not in a pipe', false, {}, [], false],
    ['not with NO_COLOR', true, { NO_COLOR: '1' }, [], false],
    ['on with an empty NO_COLOR', true, { NO_COLOR: '' }, [], true],
    ['not on a dumb terminal', true, { TERM: 'dumb' }, [], false],
    ['not with --no-color', true, { FORCE_COLOR: '1' }, ['--no-color'], false],
    ['in a pipe with FORCE_COLOR', false, { FORCE_COLOR: '1' }, [], true],
    ['not with FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, [], false],
    ['in a pipe with --color, even with NO_COLOR', false, { NO_COLOR: '1' }, ['--color'], true],
    ['not in JSON', true, {}, ['--json'], false],
  ])('%s', async (_, tty, env, args, expected) => {
    expect(await colored(tty, env, ...args)).toBe(expected);
  });
});
