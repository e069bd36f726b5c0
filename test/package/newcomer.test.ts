/** The way of somebody new: the README's commands, from a fresh folder and the packed package to a report of a verifier. Needs a registry; `.ci/run` asks for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(process.env.TEEMU_PACKAGE === undefined)("the README's five minutes", () => {
  let folder = '';
  let said = '';
  let code: number | null = null;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'teemu-newcomer-'));
    const [pack] = JSON.parse(execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })) as [{ filename: string }];
    const [, script = ''] = /^```bash\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    expect(script).toContain('npm install teemu\n');
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script.replace('npm install teemu\n', `npm install --no-audit --no-fund ./${pack.filename}\n`)], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 300_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    code = ran.status;
    said = ran.stdout + ran.stderr;
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('end well', () => {
    expect(code, said).toBe(0);
  });
  test('say what good evidence came to, and what the verifier gets wrong', () => {
    expect(said).toMatch(/python3 verify\.py \{evidence\}: 1 pass of 1/);
    expect(said).toMatch(/fail\s+\S+\s+snp\/policy\/smt-allowed/);
    expect(said).toContain('exit code 1: see report.html');
  });
  test('leave a report and a case as files', () => {
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(execFileSync('find', ['case', '-name', 'report.bin'], { cwd: folder, encoding: 'utf8' })).toContain('report.bin');
  });
  test('show that a list of known failures is strict', () => {
    expect(said).toMatch(/xpass\s+\S+\s+snp\/policy\/debug-allowed/);
    expect(said).toContain('exit code 1: what is right must not be on the list');
  });
});
