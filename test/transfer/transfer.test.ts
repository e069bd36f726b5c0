/** Files to a GPU and back, by way of the command: every byte, under every attack, and what is said of it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ATTACKS } from '../../emulator/link/host/attacks.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { call, json, scratch } from '../cli/call.ts';

const cwd = scratch();
const SEED = ['--seed', 'transfer', '--at', '2026-03-01', '--quiet'];
const world = seededWorld('files', fixedClock(0));

/** A file of so many bytes, different ones throughout. */
function file(name: string, length: number): string {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4096) bytes.set(world.derive(`${name}/${at}`, Math.min(4096, length - at)), at);
  writeFileSync(join(cwd, name), bytes);
  return name;
}
const moved = async (...args: string[]): ReturnType<typeof call> => await call(['transfer', ...args, ...SEED], { cwd });
const MIB = 1 << 20;
const SMALL = file('small', 100_000);
const MEDIUM = file('medium', 2 * MIB + 12345);
const LARGE = file('large', 17 * MIB + 1);

describe('a file', () => {
  test.each([
    ['nothing', 0],
    ['one', 1],
    ['sector', 33],
    ['odd', 100_003],
  ])('with %s: %i bytes come back as they were', async (name, length) => {
    const result = await moved(file(name, length), '--json', '--out', `back-${name}`);
    expect(result.code).toBe(0);
    expect(json(result)).toMatchObject({ bytes: length, same: length, interrupted: false });
    expect(readFileSync(join(cwd, `back-${name}`, name)).equals(readFileSync(join(cwd, name)))).toBe(true);
  });

  test('of more than one part comes back, and the host finds no piece of it', async () => {
    const result = json(await moved(LARGE, '--json', '--out', 'back'));
    expect(result).toMatchObject({
      bytes: 17 * MIB + 1,
      same: 17 * MIB + 1,
      engine: { name: 'node' },
      sessions: [{ version: expect.stringMatching(/^1\.[12]$/) as string }],
      host: { leaks: [], searched: { pieces: 8, foundInFile: 8 }, messages: expect.any(Number) as number },
    });
    const { sha256, host } = result as unknown as { sha256: { sent: string; back: string }; host: { lowestEntropy: number } };
    expect(sha256.back).toBe(sha256.sent);
    expect(host.lowestEntropy).toBeGreaterThan(7.9);
    expect(readFileSync(join(cwd, 'back', LARGE)).equals(readFileSync(join(cwd, LARGE)))).toBe(true);
  });

  test('says the same each time in the same world', async () => {
    const [first, second] = [json(await moved(MEDIUM, '--json')), json(await moved(MEDIUM, '--json'))].map(({ milliseconds: _, ...rest }) => rest);
    expect(second).toEqual(first);
  });

  test('can go unwatched, and then nothing is said about the host', async () => {
    const result = json(await moved(MEDIUM, '--json', '--no-watch'));
    expect(result).toMatchObject({ same: 2 * MIB + 12345 });
    expect(result.host).toBeUndefined();
  });

  test.each(['hopper', 'blackwell'])('goes over a link of %s', async (scheme) => {
    expect((await moved(MEDIUM, '--scheme', scheme)).code).toBe(0);
  });

  test('is explained to people: what was moved, by what, what the host saw', async () => {
    const { stdout } = await moved(MEDIUM, '--predict', 'h200');
    for (const line of [
      /moved +2\.0 MiB to the GPU and back, every byte as it was/,
      /engine +node \(OpenSSL/,
      /leak scan +none of 4 pieces/,
      /confidential +5\.3 GB\/s, published: vllm/,
      /toll +50 µs \(5 µs to 1\.00 ms\), assumption/,
    ])
      expect(stdout).toMatch(line);
  });

  test('too regular to be searched for is said to be so', async () => {
    writeFileSync(join(cwd, 'zeros'), new Uint8Array(100_000));
    expect((await moved('zeros')).stdout).toMatch(/nothing to look for/);
  });
});

describe('under attack', () => {
  test.each(ATTACKS)('$name: $doc', async ({ name, consequences }) => {
    const called = await moved(SMALL, '--attack', name, '--json');
    const { attack, same, host } = json(called) as unknown as { attack: { attack: string; struck: boolean; consequence: string; recovery: string }; same: number; host: { leaks: unknown[] } };
    expect(attack).toMatchObject({ attack: name, struck: true });
    expect(consequences).toContain(attack.consequence);
    // Whatever the host did to one part, the file is there in the end.
    expect(same).toBe(100_000);
    expect(host.leaks).toEqual([]);
    expect(called.code).toBe(0);
  });

  test('a session that was lost is followed by another, with other keys', async () => {
    const { sessions } = json(await moved(MEDIUM, '--attack', 'forge-answer', '--json')) as unknown as { sessions: unknown[] };
    expect(sessions).toHaveLength(2);
  });

  test('is explained to people', async () => {
    expect((await moved(MEDIUM, '--attack', 'flip-tag-to-device')).stdout).toMatch(/outcome +gpuTagMismatch: NV_ERR_RC_ERROR[\s\S]*then +a new channel carried on/);
  });

  test('strikes in the middle of a file of several parts', async () => {
    expect(json(await moved(MEDIUM, '--attack', 'replay-to-device', '--json'))).toMatchObject({ same: 2 * MIB + 12345, attack: { struck: true, consequence: 'gpuTagMismatch' } });
  });
});

describe('what cannot be', () => {
  test.each<[string, string[], RegExp]>([
    ['no such file', ['gone'], /gone/],
    ['an attack on an empty file', [file('empty', 0), '--attack', 'flip-tag-to-device'], /--attack: there is nothing to attack/],
    ['a folder', ['.'], /is no file|EISDIR/],
    ['no such attack', [MEDIUM, '--attack', 'shout'], /'shout' is no attack/],
    ['no such engine', [MEDIUM, '--engine', 'fast'], /Allowed choices are node, native/],
    ['no such GPU to predict', [MEDIUM, '--predict', 'a100'], /Allowed choices are h100/],
    ['an attack on two threads', [MEDIUM, '--attack', 'replay-launch', '--threads', '2'], /--threads: must be 1/],
    ['an attack that nobody sees', [MEDIUM, '--attack', 'replay-launch', '--no-watch'], /--no-watch: a host that attacks looks/],
  ])('%s', async (_, args, text) => {
    expect(await moved(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(text) as string });
  });

  test('what came back is never written over something else', async () => {
    await moved(MEDIUM, '--out', 'once');
    expect(await moved(MEDIUM, '--out', 'once')).toMatchObject({ code: 2, stderr: expect.stringMatching(/is there already/) as string });
  });
});

test('an interrupt ends it between two parts', async () => {
  const called = await call(['transfer', LARGE, '--json', ...SEED], { cwd, onWaiting: (interrupt) => interrupt() });
  expect(called.code).toBe(130);
  expect(json(called)).toMatchObject({ interrupted: true, bytes: 0 });
});

test('an interrupt leaves nothing of a file behind', async () => {
  await call(['transfer', LARGE, '--out', 'cut', ...SEED], { cwd, onWaiting: (interrupt) => interrupt() });
  expect(readdirSync(join(cwd, 'cut'))).toEqual([]);
});

test('an interrupted transfer says to people that it is not the whole file', async () => {
  const called = await call(['transfer', LARGE, ...SEED], { cwd, onWaiting: (interrupt) => interrupt() });
  expect(called).toMatchObject({ code: 130, stdout: expect.stringMatching(/moved .*interrupted: not the whole file/) as string });
});

test.runIf(process.platform !== 'win32')('a FIFO that nobody writes into is refused, not waited for', async () => {
  execFileSync('mkfifo', [join(cwd, 'fifo')]);
  expect(await moved('fifo')).toMatchObject({ code: 2, stderr: expect.stringMatching(/is no file/) as string });
});

test('a file of nothing but numbers is looked for too', async () => {
  writeFileSync(join(cwd, 'numbers'), Array.from({ length: 40_000 }, (_, i) => `${i * 7919}\n`).join(''));
  const { host } = json(await moved('numbers', '--json')) as { host: { searched: unknown; leaks: unknown } };
  expect(host).toMatchObject({ searched: { pieces: 4, foundInFile: 4 }, leaks: [] });
});
