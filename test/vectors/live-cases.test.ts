/** The services of a case show what its bundle holds: a verifier that fetches comes to the same verdict as one that is handed everything. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import { completed } from '../../harness/run/collateral/complete.ts';
import { Stage } from '../../harness/run/services/stage.ts';
import { viewOf } from '../../harness/run/services/view.ts';
import { H100_SOURCE } from '../../vectors/sources/h100.ts';
import type { Subject } from '../../vectors/subject.ts';
import { said, SETTING } from './reach.ts';

const folder = mkdtempSync(join(tmpdir(), 'teemu-live-'));
const stage = new Stage(folder);
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
});

/** The evidence alone: manifests and OCSP responses are at the services. */
function stripped(subject: Subject): Subject {
  const { manifest, files } = subject.bundle;
  const { files: _, emulated: __, ...claims } = manifest;
  return {
    ...subject,
    bundle: makeBundle({ ...claims, tee: manifest.tee, verifyAt: manifest.verifyAt, services: {}, collateral: 'services' }, new Map([...files].filter(([name]) => !/rim\.xml$|^rims\/|^ocsp\//.test(name)))),
  };
}

describe('GPU evidence whose manifests and OCSP responses are fetched', { timeout: 120_000 }, () => {
  // Machines of twelve devices ask a hundred times.
  const some = H100_SOURCE.cases.filter(({ id }, i) => (/\/(ocsp|rim|revocation)\//.test(id) ? i % 4 === 0 : i % 12 === 0 && !/\/machine\//.test(id)));
  test.each(some.map((info) => [info.id, info.expect] as const))('%s: %s', async (id, expected) => {
    const { subject } = H100_SOURCE.build(id, SETTING);
    const urls = await stage.play(viewOf(subject, SETTING.seed));
    const verdict = builtinVerdict(await completed(stripped(subject), urls));
    stage.clear();
    expect(verdict.accepted ? 'must-accept' : 'must-reject', said(verdict)).toBe(expected);
  });
});
