/** The library as its users import it: evidence made, exported, written, read back and verified with what `teemu` exports. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EMULATED, exportBundle, fixedClock, readBundle, seededWorld, TEES, writeBundle } from '../emulator/index.ts';
import { verifyBundle } from '../harness/verify/index.ts';

const root = mkdtempSync(join(tmpdir(), 'teemu-library-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each([...TEES.values()].map((tee) => [tee.name, tee] as const))('evidence of %s', (name, tee) => {
  const bundle = tee.evidence(seededWorld('library', fixedClock(Date.UTC(2026, 2, 1))), 'reportData' in tee.options.shape ? { reportData: 'c0ffee' } : { nonce: 'c0ffee' });

  test('is written, read back as it was, and accepted', async () => {
    const dir = join(root, name);
    await writeBundle(bundle, dir);
    const read = await readBundle(dir);
    expect(read.manifest).toEqual(bundle.manifest);
    expect(new Map([...read.files].map(([file, contents]) => [file, Uint8Array.from(contents)]))).toEqual(bundle.files);
    expect(read.manifest).toMatchObject({ tee: name, emulated: EMULATED, services: {} });
    expect(verifyBundle(read)).toMatchObject({ accepted: true });
  });

  test.each(tee.exports.map((form) => form.name))('is exported as %s: files beside its own, which are written with them', async (form) => {
    const exported = exportBundle(tee.exports, bundle, form);
    const added = [...exported.files.keys()].filter((file) => !bundle.files.has(file));
    expect(added.length).toBeGreaterThan(0);
    for (const [file, contents] of bundle.files) expect(exported.files.get(file)).toBe(contents);
    const dir = join(root, `${name}-${form}`);
    await writeBundle(exported, dir);
    expect((await readBundle(dir)).manifest.files).toEqual([...bundle.files.keys(), ...added]);
  });

  test('is not exported in a form that there is not', () => {
    expect(() => exportBundle(tee.exports, bundle, 'nonsense')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'export', message: expect.stringContaining(tee.exports[0]?.name ?? 'none of') as unknown }));
  });
});
