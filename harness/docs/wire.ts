/** Documentation of every wire structure, found by searching the emulator's modules: a new table documents itself. */
import { readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Layout } from '../../emulator/codec/layout.ts';
import { markdown } from '../../emulator/codec/markdown.ts';

/** The tables that one module exports. */
export interface WireModule {
  /** Path below `emulator/` without extension: `snp/report`. */
  readonly name: string;
  /** By name, so that versions follow one another. */
  readonly layouts: readonly Layout[];
}

const EMULATOR = new URL('../../emulator/', import.meta.url);

/** Every module of the emulator that exports tables, sorted by name. */
export async function wireModules(): Promise<WireModule[]> {
  const extension = extname(fileURLToPath(import.meta.url));
  const files = (await readdir(EMULATOR, { recursive: true })).map((path) => path.replaceAll('\\', '/')).filter((path) => path.endsWith(extension) && !path.endsWith('.d.ts'));
  const modules = await Promise.all(
    files.sort().map(async (path): Promise<WireModule> => {
      const exported = Object.values((await import(/* @vite-ignore */ new URL(path, EMULATOR).href)) as Record<string, unknown>);
      const layouts = exported.filter((value): value is Layout => value instanceof Layout);
      return { name: path.slice(0, -extension.length), layouts: layouts.sort((a, b) => (a.name < b.name ? -1 : 1)) };
    }),
  );
  return modules.filter(({ layouts }) => layouts.length > 0);
}

/** File name below `docs/` → text: one page a module, and an index. */
export async function wirePages(): Promise<Map<string, string>> {
  const modules = await wireModules();
  const pages = modules.map(({ name, layouts }): [string, string] => [
    `wire/${pageName(name)}`,
    [`# ${name}`, '', `Written by \`npm run docs\` from the tables in \`emulator/${name}.ts\`; don't edit it here.`, '', layouts.map(markdown).join('\n')].join('\n'),
  ]);
  return new Map([['wire/README.md', index(modules)], ...pages]);
}

function pageName(module: string): string {
  return `${module.replaceAll('/', '-')}.md`;
}

function index(modules: readonly WireModule[]): string {
  const rows = modules.flatMap(({ name, layouts }) => layouts.map((layout) => `| [\`${layout.name}\`](${pageName(name)}) | ${layout.size} | ${layout.source.replaceAll('|', '\\|')} |`));
  return `${['# Wire structures', '', "Written by `npm run docs` from the tables of the emulator; don't edit it here. `teemu inspect FILE` shows a file by the same tables.", '', '| Structure | Bytes | Source |', '| --- | ---: | --- |', ...rows].join('\n')}\n`;
}
