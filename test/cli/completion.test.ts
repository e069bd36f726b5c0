import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../harness/cli/commands/index.ts';
import { call, json } from './call.ts';

const script = async (shell: string): Promise<string> => (await call(['completion', shell])).stdout;

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('for %s knows every command, and the options of each', async (shell) => {
    const text = await script(shell);
    for (const { name } of COMMANDS) expect(text).toContain(`'${name}'`);
    for (const word of ['--report-data', '--min-tcb', '--rate-limit', '--seed', 'snp']) expect(text).toContain(word);
  });

  test.each([
    [['teemu', 'ins'], ['inspect']],
    [['teemu', '--json', 'evidence', ''], expect.arrayContaining(['snp', '--seed']) as unknown],
    [
      ['teemu', 'evidence', 'snp', '--rep'],
      ['--report-version', '--report-data'],
    ],
    [['teemu', 'verify', 'evidence', '--min-t'], ['--min-tcb']],
    [['teemu', 'doctor', '--report'], []],
  ])('in bash completes %j', async (words, expected) => {
    const use = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _teemu; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['-c', `${await script('bash')}\n${use}`], { encoding: 'utf8' });
    expect(found.split('\n').filter(Boolean)).toEqual(expected);
  });

  test('is there as JSON too', async () => {
    expect(json(await call(['completion', 'fish', '--json']))).toEqual({ shell: 'fish', script: await script('fish') });
  });

  test('for another shell is refused', async () => {
    const { code, stdout, stderr } = await call(['completion', 'csh']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/bash, zsh, fish/);
  });
});
