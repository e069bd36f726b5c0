/** Every exported function and class says what it does, and what it returns. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isNode, lineOf, type Node, parse, ROOT, type Source, sources } from './source.ts';

const LEAST_WORDS = 2;

function undocumented(source: Source): string[] {
  const body = source.ast.body as Node[];
  return body.flatMap((node): string[] => {
    if (!isNode(node, 'ExportNamedDeclaration') || !isNode(node.declaration)) return [];
    const name = callableName(node.declaration);
    if (name === undefined) return [];
    const words = docBefore(source.text.slice(0, node.start))
      .split(/[^\p{L}\d]+/u)
      .filter(Boolean);
    return words.length >= LEAST_WORDS ? [] : [`${source.path}:${lineOf(source, node.start)}: ${name} has no docstring`];
  });
}

function untyped(source: Source): string[] {
  const body = source.ast.body as Node[];
  return body.flatMap((node): string[] => {
    if (!isNode(node, 'ExportNamedDeclaration') || !isNode(node.declaration, 'FunctionDeclaration') || isNode(node.declaration.returnType)) return [];
    return [`${source.path}:${lineOf(source, node.start)}: ${callableName(node.declaration)} does not say what it returns`];
  });
}

/** The name of a function, a class, or a constant that holds a function; undefined for anything else. */
function callableName(declaration: unknown): string | undefined {
  if (isNode(declaration, 'FunctionDeclaration', 'ClassDeclaration', 'TSDeclareFunction')) return String((declaration.id as Node).name);
  if (!isNode(declaration, 'VariableDeclaration')) return undefined;
  const [first] = declaration.declarations as Node[];
  return first && isNode(first.init, 'ArrowFunctionExpression', 'FunctionExpression') ? String((first.id as Node).name) : undefined;
}

/** The text of the docstring that ends right here, or nothing. */
function docBefore(text: string): string {
  const match = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/[^\n]*\s*)*$/.exec(text);
  return match?.[1] ?? '';
}

const floors = ['emulator', 'vectors', 'harness'].filter((floor) => existsSync(join(ROOT, floor)));

describe('exported functions and classes', () => {
  test.each(floors)('of %s have a docstring', (floor) => {
    expect(sources(floor).flatMap(undocumented)).toEqual([]);
  });
  test.each(floors)('of %s say what they return', (floor) => {
    expect(sources(floor).flatMap(untyped)).toEqual([]);
  });
});

describe('the search for docstrings', () => {
  test.each([
    ['a bare function', 'export function a(): void {}'],
    ['a bare class', 'export class A {}'],
    ['a bare constant that holds a function', 'export const a = () => 1;'],
    ['a comment that is no docstring', '/* adds two numbers up */\nexport function a(): void {}'],
    ['a docstring of something else', '/** Adds two numbers up. */\nconst b = 1;\nexport function a(): void {}'],
    ['an empty docstring', '/** */\nexport async function a(): Promise<void> {}'],
    ['a docstring that only repeats the name', '/** a. */\nexport function a(): void {}'],
  ])('finds %s', (_, text) => {
    expect(undocumented(parse('emulator/a.ts', text))).toHaveLength(1);
  });
  test.each([
    ['a docstring of one line', '/** Adds two numbers up. */\nexport function a(): void {}'],
    ['a docstring above a remark for the linter', '/** Adds two numbers up. */\n// biome-ignore lint: because\nexport function a(): void {}'],
    ['types and tables', 'export type A = 1;\nexport const A = { b: 1 };'],
    ['what is not exported', 'function a(): void {}'],
  ])('lets %s pass', (_, text) => {
    expect(undocumented(parse('emulator/a.ts', text))).toEqual([]);
  });
  test('finds a function that does not say what it returns', () => {
    expect(untyped(parse('emulator/a.ts', 'export function a() { return 1; }'))).toHaveLength(1);
    expect(untyped(parse('emulator/a.ts', 'export function a(): number { return 1; }'))).toEqual([]);
  });
});
