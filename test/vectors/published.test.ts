/** The vectors that are committed: what the corpus makes, wherever and whenever it is made, and what it has always meant. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import { CORPUS } from '../../vectors/corpus.ts';
import { vectorsSchema } from '../../vectors/publish/format.ts';
import { changedMeanings, missingCases, readIndex } from '../../vectors/publish/index.ts';
import { readVectors } from '../../vectors/publish/read.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PUBLISHED = join(ROOT, 'vectors/published');
const MOST_BYTES = 10 << 20;
const files = readdirSync(PUBLISHED).filter((name) => name.endsWith('.json'));
const text = (name: string): string => readFileSync(join(PUBLISHED, name), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'teemu-published-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('published vectors', () => {
  test('are made again to the same bytes by another process, in another folder, in another time zone (else: npm run vectors)', { timeout: 300_000 }, async () => {
    await promisify(execFile)(process.execPath, [join(ROOT, 'dist/harness/cli.js'), 'vectors', 'build', '--quiet', '--out', 'made'], {
      cwd: scratch,
      env: { PATH: process.env.PATH, TZ: 'Pacific/Kiritimati', LC_ALL: 'C' },
    });
    expect(readdirSync(join(scratch, 'made')).toSorted()).toEqual(files.toSorted());
    for (const name of files) expect(readFileSync(join(scratch, 'made', name), 'utf8') === text(name), name).toBe(true);
  });

  test('have every case of the corpus', () => {
    const ids = files.filter((name) => name !== 'index.json').flatMap((name) => readVectors(text(name), name).cases.map(({ id }) => id));
    expect(ids.toSorted()).toEqual(CORPUS.map(({ id }) => id).toSorted());
  });

  test('are of a time in the past, always the same one', () => {
    for (const name of files.filter((file) => file !== 'index.json')) expect(readVectors(text(name), name).vectors.at).toBe(Date.UTC(2026, 5, 1) / 1000);
  });

  test(`are at most ${MOST_BYTES >> 20} MiB`, () => {
    expect(files.reduce((sum, name) => sum + statSync(join(PUBLISHED, name)).size, 0)).toBeLessThan(MOST_BYTES);
  });

  test('get from the reference verifier what they ask for', () => {
    for (const name of ['snp.json', 'tdx.json', 'ccel.json']) {
      const { cases, build } = readVectors(text(name), name);
      const wrong = cases.filter((info, i) => {
        // Cases of services say how they answer, not what is in the bundle.
        if (info.id.startsWith('service/')) return false;
        if (i % 5 !== 0) return false;
        const { subject, twin } = build(info.id);
        const verdict = builtinVerdict(subject);
        return !builtinVerdict(twin).accepted || (verdict.accepted ? info.expect !== 'must-accept' : verdict.stage !== info.stage || verdict.reason !== info.reason);
      });
      expect(wrong.map(({ id }) => id)).toEqual([]);
    }
  });
});

describe('the committed index', () => {
  const index = readIndex(text('index.json'), 'index.json');
  test('says of every id what the corpus says: an id that must change gets a new one', () => {
    expect(changedMeanings(index, CORPUS)).toEqual([]);
    expect(CORPUS.filter(({ id }) => !Object.hasOwn(index.cases, id)).map(({ id }) => id)).toEqual([]);
  });
  test('has no id whose case is gone, unless it is retired', () => {
    expect(missingCases(index, CORPUS)).toEqual([]);
  });
});

test('the committed schema is that of the format', () => {
  expect(JSON.parse(readFileSync(join(ROOT, 'vectors/schema/vectors.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(vectorsSchema())));
});
