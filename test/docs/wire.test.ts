import { describe, expect, test } from 'vitest';
import { wireModules, wirePages } from '../../harness/docs/wire.ts';

const modules = await wireModules();
const pages = await wirePages();

describe('the documents of wire structures', () => {
  test.each(['snp.report.v2', 'snp.report.v3', 'snp.report.v4', 'snp.report.v5', 'snp.report.v5.turin', 'snp.tcb', 'snp.id-block', 'snp.vmsa', 'snp.guest-message'])('find the table %s', (name) => {
    expect(modules.flatMap(({ layouts }) => layouts.map((layout) => layout.name))).toContain(name);
  });

  test('give no two tables the same name, so that a field path names one field', () => {
    const names = modules.flatMap(({ layouts }) => layouts.map((layout) => layout.name));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('have each table in the index, with a link to a page that describes it', () => {
    const index = pages.get('wire/README.md') ?? '';
    for (const { layouts } of modules) {
      for (const { name } of layouts) {
        const file = new RegExp(`\\[\`${name.replaceAll('.', '\\.')}\`\\]\\(([\\w.-]+)\\)`).exec(index)?.[1];
        expect(pages.get(`wire/${file}`), name).toContain(`## ${name}\n`);
      }
    }
  });
});
