/** The source files of this repository, parsed, and the questions that the rules about its structure ask of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'vitest/node';

/** The top folder of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** Any node of a syntax tree; members differ by type. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** One source file. */
export interface Source {
  /** Path from the top folder, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly ast: Node;
}

/** One import, export-from or `import()` of a file. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the top folder, when the specifier is relative. */
  readonly target?: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Parses one file. @throws {SyntaxError} */
export function parse(path: string, text: string): Source {
  return { path, text, ast: parseAst(text, { lang: 'ts' }) as unknown as Node };
}

/** Every file below the folders (paths from the top folder) that `wanted` accepts, sorted by path. */
export function files(folders: readonly string[], wanted: (path: string) => boolean = () => true): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? below(path) : [path];
    });
  return folders
    .flatMap((folder) => below(folder))
    .filter(wanted)
    .sort();
}

/** Every TypeScript file below the folders, parsed. */
export function sources(...folders: readonly string[]): Source[] {
  return files(folders, (path) => path.endsWith('.ts')).map((path) => parse(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** Every node of a tree, parents before children. */
export function* nodes(root: unknown): Generator<Node> {
  if (Array.isArray(root)) for (const item of root) yield* nodes(item);
  else if (isNode(root)) {
    yield root;
    for (const [key, value] of Object.entries(root)) if (key !== 'parent') yield* nodes(value);
  }
}

/** Whether a value is a node, of one of the types if any are given. */
export function isNode(value: unknown, ...types: readonly string[]): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && (types.length === 0 || types.includes(value.type));
}

/** Line number, from 1. */
export function lineOf({ text }: Source, at: number): number {
  return text.slice(0, at).split('\n').length;
}

const imports = new WeakMap<Source, readonly Import[]>();

/** Everything that a file imports, in order; an `import()` of something computed has the specifier `?`. */
export function importsOf(source: Source): readonly Import[] {
  const known = imports.get(source) ?? searchImports(source);
  imports.set(source, known);
  return known;
}

function searchImports(source: Source): Import[] {
  return [...nodes(source.ast)].flatMap((node): Import[] => {
    if (!isNode(node, 'ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType')) return [];
    if (!isNode(node.source)) return [];
    const specifier = typeof node.source.value === 'string' ? node.source.value : '?';
    const members = (Array.isArray(node.specifiers) ? node.specifiers : []) as Node[];
    const kind = node.importKind ?? node.exportKind;
    const typeOnly = node.type === 'TSImportType' || kind === 'type' || (members.length > 0 && members.every((m) => m.importKind === 'type' || m.exportKind === 'type'));
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(source.path), specifier) : undefined;
    return [{ specifier, ...(target === undefined ? {} : { target }), typeOnly, line: lineOf(source, node.start) }];
  });
}

/** The name of the package that a specifier names, or undefined for a module of Node's own or a relative path. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(specifier)) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
