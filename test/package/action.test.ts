/** The action as a runner gets it: a checkout of the repository in which nothing has been built. Needs a registry; `.ci/run` asks for it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAction } from '../action/runner.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(process.env.TEEMU_PACKAGE === undefined)('the action in a fresh checkout', () => {
  let checkout = '';
  let workspace = '';
  beforeAll(() => {
    checkout = mkdtempSync(join(tmpdir(), 'teemu-action-'));
    workspace = mkdtempSync(join(tmpdir(), 'teemu-workspace-'));
    execFileSync('bash', ['-euo', 'pipefail', '-c', 'git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$1"', 'bash', checkout], { cwd: ROOT });
  });
  afterAll(() => {
    for (const folder of [checkout, workspace]) rmSync(folder, { recursive: true, force: true });
  });

  test('builds teemu and checks a verifier', async () => {
    const { code, log, summary } = await runAction(checkout, { suite: 'snp/ok/base,snp/policy/debug-allowed', verifier: 'builtin' }, workspace);
    expect(code, log).toBe(0);
    expect(summary).toContain('builtin');
    expect(existsSync(join(checkout, 'dist/harness/cli.js'))).toBe(true);
  }, 300_000);
});
