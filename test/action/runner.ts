/** A runner of composite actions, as far as action.yml needs one: each step's block in bash, with the expressions of `env` filled in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readYaml, type Yaml } from './yaml.ts';

type Map = { [key: string]: Yaml };

/** What came of a run. */
export interface Ran {
  /** Of the first step that failed, or 0. */
  readonly code: number;
  readonly log: string;
  readonly summary: string;
  /** Outputs of the action. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** The action of a folder. @throws {SyntaxError} for one that is none */
export function readAction(folder: string): Map {
  return readYaml(readFileSync(join(folder, 'action.yml'), 'utf8')) as Map;
}

/** Its steps. */
export function stepsOf(action: Map): readonly Map[] {
  return (action.runs as Map).steps as Map[];
}

/** Runs the action of a folder. @param workspace where the workflow's checkout is @throws {Error} for an expression that the action may not use */
export async function runAction(folder: string, given: Readonly<Record<string, string>>, workspace: string): Promise<Ran> {
  const action = readAction(folder);
  const declared = action.inputs as Record<string, Map>;
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(declared, name));
  if (unknown !== undefined) throw new Error(`the action has no input '${unknown}'`);
  const temp = mkdtempSync(join(tmpdir(), 'teemu-runner-'));
  const [output, summary] = [join(temp, 'output'), join(temp, 'summary.md')];
  for (const file of [output, summary]) writeFileSync(file, '');
  const values: Record<string, string> = { 'github.action_path': folder };
  for (const [name, row] of Object.entries(declared)) values[`inputs.${name}`] = given[name] ?? String(row.default ?? '');
  const filled = (text: Yaml): string =>
    String(text).replace(/\$\{\{ (\S+) \}\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`${whole} is nothing that this runner knows`);
      return value;
    });
  let log = '';
  try {
    for (const [i, step] of stepsOf(action).entries()) {
      const script = join(temp, `${i}.sh`);
      writeFileSync(script, String(step.run));
      const env = Object.fromEntries(Object.entries((step.env ?? {}) as Map).map(([name, value]) => [name, filled(value)]));
      const cwd = filled(step['working-directory'] ?? '.');
      // As GitHub's runner calls `shell: bash`.
      const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
        cwd: cwd === '.' ? workspace : join(cwd.startsWith('/') ? '' : workspace, cwd),
        env: { PATH: process.env.PATH, HOME: process.env.HOME, CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: workspace, RUNNER_TEMP: temp, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      for (const line of readFileSync(output, 'utf8').split('\n')) if (line.includes('=')) values[`steps.${String(step.id)}.outputs.${line.slice(0, line.indexOf('='))}`] = line.slice(line.indexOf('=') + 1);
      if (code !== 0) return { code: code ?? -1, log, summary: readFileSync(summary, 'utf8'), outputs: outputsOf(action, values) };
    }
    return { code: 0, log, summary: readFileSync(summary, 'utf8'), outputs: outputsOf(action, values) };
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

function outputsOf({ outputs = {} }: Map, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(outputs as Record<string, Map>).map(([name, { value }]) => [name, values[String(value).replace(/^\$\{\{ | \}\}$/g, '')] ?? '']));
}
