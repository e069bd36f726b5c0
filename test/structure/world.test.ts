/** Nothing reads the time, the time zone or the operating system's randomness but the World. */
import { describe, expect, test } from 'vitest';
import { isNode, lineOf, type Node, nodes, parse, type Source, sources } from './source.ts';

/** The only file that may. */
const WORLD = 'emulator/world.ts';
/** Members that read the time, by the object they are asked of. */
const CLOCKS: Readonly<Record<string, readonly string[]>> = { Date: ['now'], performance: ['now', 'timeOrigin', 'mark'], process: ['hrtime', 'uptime'], Math: ['random'] };
/** Names that draw from the operating system, wherever they come from. */
const DRAWS = [
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'getRandomValues',
  'generateKey',
  'generateKeySync',
  'generateKeyPair',
  'generateKeyPairSync',
  'generateKeys',
  'generatePrime',
  'generatePrimeSync',
];
/** Names that draw when they are given no seed. */
const SEEDABLE = ['randomSecretKey', 'randomPrivateKey', 'keygen'];
/** Methods whose answer depends on where the machine stands. */
const LOCAL = /^(get|set)(FullYear|Month|Date|Day|Hours|Minutes|Seconds|TimezoneOffset)$|^toLocale/;

function reads(source: Source): string[] {
  const found = (node: Node, what: string): string => `${source.path}:${lineOf(source, node.start)}: ${what}`;
  return [...nodes(source.ast)].flatMap((node): string[] => {
    switch (node.type) {
      case 'MemberExpression':
        return member(node).map((what) => found(node, what));
      case 'CallExpression':
        if (isNode(node.callee, 'Identifier') && node.callee.name === 'Date') return [found(node, 'Date()')];
        return SEEDABLE.includes(calledName(node)) && (node.arguments as unknown[]).length === 0 ? [found(node, `${calledName(node)}()`)] : [];
      case 'NewExpression':
        return isNode(node.callee, 'Identifier') && node.callee.name === 'Date' && (node.arguments as unknown[]).length === 0 ? [found(node, 'new Date()')] : [];
      // A renamed import is found where it is imported, whatever it is called afterwards.
      case 'ImportSpecifier':
        return DRAWS.includes(nameOf(node.imported)) ? [found(node, nameOf(node.imported))] : nameOf(node.imported) === 'performance' ? [found(node, 'performance')] : [];
      // `const { now } = Date`
      case 'VariableDeclarator':
        return isNode(node.id, 'ObjectPattern') && isNode(node.init, 'Identifier') && String(node.init.name) in CLOCKS ? [found(node, `parts of ${String(node.init.name)}`)] : [];
      default:
        return [];
    }
  });
}

function member(node: Node): string[] {
  const object = isNode(node.object, 'MemberExpression') ? nameOf(node.object.property) : nameOf(node.object);
  const name = nameOf(node.property);
  const clock = Object.hasOwn(CLOCKS, object) ? (CLOCKS[object] ?? []) : [];
  if (clock.includes(name)) return [`${object}.${name}`];
  if (DRAWS.includes(name)) return [`.${name}`];
  return LOCAL.test(name) ? [`.${name} depends on the machine's time zone or language`] : [];
}

function calledName({ callee }: Node): string {
  return isNode(callee, 'MemberExpression') ? nameOf(callee.property) : nameOf(callee);
}

function nameOf(node: unknown): string {
  return isNode(node, 'Identifier') ? String(node.name) : isNode(node, 'Literal') ? String(node.value) : '';
}

describe('time and randomness', () => {
  test.each(['emulator', 'vectors', 'harness'])('are read nowhere in %s but by the World', (folder) => {
    const found = sources(folder)
      .filter(({ path }) => path !== WORLD)
      .flatMap(reads);
    expect(found).toEqual([]);
  });

  test('are found in the World itself, so the search can find something', () => {
    const found = sources('emulator')
      .filter(({ path }) => path === WORLD)
      .flatMap(reads)
      .map((line) => line.replace(/^.*: /, ''));
    expect(found).toEqual(expect.arrayContaining(['Date.now', 'randomBytes', 'generateKeyPair']));
  });
});

describe('the search for time and randomness', () => {
  test.each([
    'Date.now()',
    "Date['now']()",
    'globalThis.Date.now()',
    'const t = new Date()',
    'const t = new Date;',
    'Date()',
    'const { now } = Date',
    'Math.random()',
    'performance.now()',
    "import { performance as p } from 'node:perf_hooks'",
    'process.hrtime.bigint()',
    'process.hrtime()',
    "import { randomBytes } from 'node:crypto'",
    "import { randomBytes as bytes } from 'node:crypto'",
    'crypto.randomBytes(4)',
    'crypto.getRandomValues(x)',
    'globalThis.crypto.randomUUID()',
    "import { generateKeyPairSync } from 'node:crypto'",
    'ecdh.generateKeys()',
    'p384.utils.randomSecretKey()',
    'date.getHours()',
    'date.toLocaleString()',
    'class A { now = Date.now }',
  ])('finds %s', (text) => {
    expect(reads(parse('emulator/a.ts', text))).not.toEqual([]);
  });

  test.each(['new Date(0)', 'Date.parse(x)', 'date.getUTCFullYear()', 'world.random("x", 4)', 'world.now()', 'p384.utils.randomSecretKey(seed)', '// Date.now()', 'export const s = "Math.random()"', 'Math.floor(x)'])(
    'lets %s pass',
    (text) => {
      expect(reads(parse('emulator/a.ts', text))).toEqual([]);
    },
  );
});
