/** The package as its users get it: packed, installed into an empty project, its library example type-checked and run there. Needs a registry; `.ci/run` asks for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MOST_PACKAGES = 40;
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; devDependencies: Record<string, string>; exports: Record<string, unknown> };
let project: string;
let packed: readonly string[];
/** What the package alone brings along, itself included, by path. */
let installed: [path: string, entry: { hasInstallScript?: boolean }][];

/** Runs a command in the project. @throws when it fails, with what it said */
function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { cwd: project, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Compiles the project. @throws with what the compiler printed, which goes to its standard output */
function compile(): void {
  try {
    run('npx', 'tsc', '-p', '.');
  } catch (cause) {
    throw new Error(cause instanceof Error && 'stdout' in cause ? String(cause.stdout) : String(cause), { cause });
  }
}

/** The n-th block of a language in a document, the README unless said otherwise. */
function block(language: string, index: number, document = 'README.md'): string {
  const blocks = [...readFileSync(join(ROOT, document), 'utf8').matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))];
  return blocks[index]?.[1] ?? '';
}

describe.skipIf(process.env.TEEMU_PACKAGE === undefined)('the package in an empty project', () => {
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'teemu-install-'));
    // Packing builds anew: what is old must not be what gets packed.
    writeFileSync(join(ROOT, 'dist/emulator/stale.js'), 'throw new Error();\n');
    const [pack] = JSON.parse(execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', project], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })) as [
      { filename: string; files: { path: string }[] },
    ];
    packed = pack.files.map(({ path }) => path);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
    const { typescript = '', '@types/node': types = '', vitest = '' } = manifest.devDependencies;
    run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', `./${pack.filename}`);
    const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as { packages: Record<string, { hasInstallScript?: boolean }> };
    installed = Object.entries(packages).filter(([path]) => path !== '');
    run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-dev', `typescript@${typescript}`, `@types/node@${types}`, `vitest@${vitest}`);
    const compilerOptions = { target: 'es2023', lib: ['es2023'], module: 'nodenext', moduleResolution: 'nodenext', strict: true, types: ['node'], outDir: 'out', rootDir: 'src', skipLibCheck: false };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    mkdirSync(join(project, 'src'));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test('holds what it promises, and neither tests, benches nor sources', () => {
    expect(packed).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'dist/emulator/index.js', 'dist/emulator/index.d.ts', 'dist/harness/cli.js']));
    expect(packed).not.toContain('dist/emulator/stale.js');
    expect(packed.filter((path) => /(^|\/)(test|bench|node_modules|\.teemu)\/|(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  test(`brings at most ${MOST_PACKAGES} packages along, none with an install script`, () => {
    expect(installed.length).toBeGreaterThan(5);
    expect(installed.length).toBeLessThanOrEqual(MOST_PACKAGES);
    expect(installed.filter(([, entry]) => entry.hasInstallScript)).toEqual([]);
  });

  test.each(Object.keys(manifest.exports).filter((name) => !name.endsWith('.json')))('exports %s with types', (name) => {
    const specifier = `teemu${name.slice(1)}`;
    writeFileSync(join(project, 'src/index.ts'), `import * as all from '${specifier}';\nconst names: string[] = Object.keys(all);\nif (names.length === 0) throw new Error('nothing');\n`);
    compile();
    // What is for vitest can be imported inside vitest only.
    if (name !== './vitest') run(process.execPath, 'out/index.js');
  });

  test('has a library example in the README that type-checks and runs', () => {
    const example = block('ts', 0);
    expect(example).toContain("from 'teemu'");
    writeFileSync(join(project, 'src/index.ts'), example);
    compile();
    // Node 20 does not know `await using`; what the compiler makes of it for es2023 does without.
    expect(run(process.execPath, 'out/index.js')).not.toBe('');
  });

  test('has an example for vitest in the README that passes', () => {
    const example = block('ts', 1);
    expect(example).toContain("from 'teemu/vitest'");
    writeFileSync(join(project, 'src/example.test.ts'), example);
    expect(run('npx', 'vitest', 'run', 'src/example.test.ts')).toMatch(/\d+ passed/);
    rmSync(join(project, 'src/example.test.ts'));
  });

  test('has recipes for vitest and node:test that pass, and fail for a verifier that accepts what it must not', () => {
    const recipes = [
      ['src/recipe.test.ts', block('ts', 0, 'docs/ci.md'), ['npx', 'vitest', 'run', 'src/recipe.test.ts']],
      ['recipe.mjs', block('js', 0, 'docs/ci.md'), [process.execPath, '--test', 'recipe.mjs']],
    ] as const;
    for (const [name, recipe, [program, ...args]] of recipes) {
      writeFileSync(join(project, name), recipe);
      run(program, ...args);
      writeFileSync(join(project, name), recipe.replace('& 8)', '& 0)'));
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
      expect(status, name).toBe(1);
      expect(stdout + stderr, name).toContain('debug-allowed');
      rmSync(join(project, name));
    }
  });

  test('has a command line that knows its version', () => {
    expect(run('npx', 'teemu', '--version').trim()).toBe(manifest.version);
  });
});
