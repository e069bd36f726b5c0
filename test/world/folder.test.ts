import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixedClock, type World } from '../../emulator/world.ts';
import { openPrivateWorld } from '../../emulator/world-folder.ts';

const POSIX = process.platform !== 'win32';
const LABEL = 'amd/ark/Milan';
let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'teemu-world-'));
  dir = join(parent, '.teemu');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const open = (rsaLabels: readonly string[] = [], progress?: (done: number, total: number) => void): Promise<World> => openPrivateWorld({ dir, clock: fixedClock(0), rsaLabels, ...(progress ? { progress } : {}) });
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const refused = (message: RegExp): unknown => expect.objectContaining({ name: 'TeemuError', code: 'ERR_FILE', message: expect.stringMatching(message) });

describe('the folder of a private world', () => {
  test('is the same world when it is opened again, and another one elsewhere', async () => {
    const first = (await open()).derive('a', 16);
    expect((await open()).derive('a', 16)).toEqual(first);
    dir = join(parent, 'other');
    expect((await open()).derive('a', 16)).not.toEqual(first);
  });

  test.skipIf(!POSIX)('can be read by its owner only, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await open();
    } finally {
      process.umask(umask);
    }
    expect([mode(dir), ...readdirSync(dir).map((name) => mode(join(dir, name)))]).toEqual(['700', '600', '600']);
  });

  test('tells git to ignore all of it', async () => {
    await open();
    expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test.skipIf(spawnSync('git', ['--version']).status !== 0)('is ignored by git', async () => {
    await open();
    execFileSync('git', ['init', '-q'], { cwd: parent });
    expect(execFileSync('git', ['status', '--short', '--untracked-files=all'], { cwd: parent, encoding: 'utf8' })).toBe('');
  });

  test('holds the secret and nothing half-written', async () => {
    await open();
    expect(readdirSync(dir).sort()).toEqual(['.gitignore', 'secret']);
    expect(readFileSync(join(dir, 'secret'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is not written to when it is only opened again', async () => {
    await open();
    utimesSync(dir, 1, 1);
    await open();
    expect(statSync(dir).mtimeMs).toBe(1000);
  });

  test('opened many times at once is one world', async () => {
    const worlds = await Promise.all(Array.from({ length: 16 }, () => open()));
    expect(new Set(worlds.map((w) => Buffer.from(w.derive('a', 16)).toString('hex'))).size).toBe(1);
    expect(readdirSync(dir).sort()).toEqual(['.gitignore', 'secret']);
  });

  test('is not disturbed by what a process that died has left', async () => {
    const before = (await open()).derive('a', 16);
    writeFileSync(join(dir, 'secret.1234.abcdef.tmp'), 'half a sec', { mode: 0o600 });
    expect((await open()).derive('a', 16)).toEqual(before);
  });

  test('gets an RSA key that every opener agrees on, made once, with progress told', async () => {
    const told: [number, number][] = [];
    const [one, other] = await Promise.all([open([LABEL], (done, total) => told.push([done, total])), open([LABEL])]);
    expect(one.rsaKey(LABEL).spki).toEqual(other.rsaKey(LABEL).spki);
    expect(one.rsaKey(LABEL).privateKey.asymmetricKeyDetails?.modulusLength).toBe(4096);
    expect(told).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(readdirSync(dir).sort()).toEqual(['.gitignore', 'amd-ark-Milan.pem', 'secret']);
    if (POSIX) expect(mode(join(dir, 'amd-ark-Milan.pem'))).toBe('600');
    told.length = 0;
    const again = await open([LABEL], (done, total) => told.push([done, total]));
    expect(again.rsaKey(LABEL).spki).toEqual(one.rsaKey(LABEL).spki);
    expect(told).toEqual([]);
  });
});

/** Private keys that no authority of a world has. */
const OTHER_KEYS: readonly (readonly [what: string, key: () => KeyObject])[] = [
  ['on a curve', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
  ['too short', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ['too short for any signature', () => generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey],
  ['bound to PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).privateKey],
];

describe('a folder that is not safe is refused', () => {
  const secret = (): string => join(dir, 'secret');
  const harms: readonly (readonly [what: string, applies: boolean, harm: () => void, message: RegExp])[] = [
    [
      'a file in its place',
      true,
      () => {
        rmSync(dir, { recursive: true });
        writeFileSync(dir, '');
      },
      /is no folder/,
    ],
    [
      'a link to a folder',
      POSIX,
      () => {
        renameSync(dir, join(parent, 'real'));
        symlinkSync(join(parent, 'real'), dir);
      },
      /symbolic links are not followed/,
    ],
    [
      'a link to nothing',
      POSIX,
      () => {
        rmSync(dir, { recursive: true });
        symlinkSync(join(parent, 'nothing'), dir);
      },
      /symbolic links are not followed/,
    ],
    ['a folder that the group can read', POSIX, () => chmodSync(dir, 0o750), /others can read or change it \(mode 750\)/],
    ['a folder that everybody can write', POSIX, () => chmodSync(dir, 0o702), /others can read or change it/],
    ['a folder of another user', POSIX && process.getuid?.() === 0, () => chownSync(dir, 12345, 12345), /belongs to another user/],
    ['a secret that the group can read', POSIX, () => chmodSync(secret(), 0o640), /secret: others can read or change it \(mode 640\)/],
    ['a secret of another user', POSIX && process.getuid?.() === 0, () => chownSync(secret(), 12345, 12345), /belongs to another user/],
    [
      'a secret that is a link',
      POSIX,
      () => {
        renameSync(secret(), join(parent, 'elsewhere'));
        symlinkSync(join(parent, 'elsewhere'), secret());
      },
      /symbolic link, which is not followed/,
    ],
    [
      'a secret that is a link to nothing',
      POSIX,
      () => {
        rmSync(secret());
        symlinkSync(join(parent, 'nothing'), secret());
      },
      /symbolic link, which is not followed/,
    ],
    [
      'a secret that is a folder',
      POSIX,
      () => {
        rmSync(secret());
        mkdirSync(secret());
      },
      /no file/,
    ],
    [
      'a secret that is a pipe',
      POSIX,
      () => {
        rmSync(secret());
        execFileSync('mkfifo', ['-m', '600', secret()]);
      },
      /no file/,
    ],
    ['a secret of another length', true, () => writeFileSync(secret(), 'abcd', { mode: 0o600 }), /not the secret of a world/],
    ['a secret that is far too long', true, () => writeFileSync(secret(), 'a'.repeat(20_000), { mode: 0o600 }), /at most 16384 bytes/],
    ['a key that is none', true, () => writeFileSync(join(dir, 'amd-ark-Milan.pem'), 'no key', { mode: 0o600 }), /not a private key in PEM form/],
    ...OTHER_KEYS.map(
      ([what, key]) =>
        [
          `a key that is ${what}`,
          true,
          () => writeFileSync(join(dir, 'amd-ark-Milan.pem'), key().export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 }),
          /not an RSA key of 4096 bits with the exponent 65537/,
        ] as const,
    ),
  ];
  for (const [what, applies, harm, message] of harms) {
    test.skipIf(!applies)(what, async () => {
      await open();
      harm();
      await expect(open([LABEL])).rejects.toThrow(refused(message));
      // Nothing was made through a link.
      expect(existsSync(join(parent, 'nothing'))).toBe(false);
    });
  }

  test('a folder in a folder that is not there', async () => {
    dir = join(parent, 'no', 'such', 'place');
    await expect(open()).rejects.toThrow(refused(/can't be made/));
  });

  test('and a file of its own is never replaced', async () => {
    await open();
    writeFileSync(secret(), 'broken', { mode: 0o600 });
    await expect(open()).rejects.toThrow(refused(/move it away/));
    expect(readFileSync(secret(), 'utf8')).toBe('broken');
  });
});
