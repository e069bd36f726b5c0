/** Documentation of a wire structure, written from its table. */
import type { Layout } from './layout.ts';
import type { Row } from './rows.ts';

const offset = (n: number): string => `0x${n.toString(16).padStart(3, '0')}`;
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** A Markdown section: heading, source, and one table row a field; bits and nested structures follow in rows of their own. */
export function markdown(layout: Layout): string {
  const lines = [
    `## ${layout.name}`,
    '',
    `${layout.size} bytes (0x${layout.size.toString(16)}), little-endian unless said otherwise. Source: ${layout.source}.`,
    '',
    '| Offset | Bytes | Field | Kind | Meaning |',
    '| ---: | ---: | --- | --- | --- |',
  ];
  for (const [key, row] of Object.entries(layout.rows as Record<string, Row>)) lines.push(...rowLines(key, row));
  return `${lines.join('\n')}\n`;
}

function rowLines(key: string, row: Row): string[] {
  const line = (kind: string): string => `| ${offset(row.at)} | ${row.size} | \`${key}\` | ${kind} | ${cell(row.doc)} |`;
  switch (row.kind) {
    case 'uint': {
      const names = Object.entries(row.names).map(([value, name]) => `${value} = ${name}`);
      const doc = [row.doc, ...names].join('; ');
      return [`| ${offset(row.at)} | ${row.size} | \`${key}\` | unsigned${row.bigEndian ? ', big-endian' : ''} | ${cell(doc)} |`];
    }
    case 'u64':
      return [line(`unsigned${row.bigEndian ? ', big-endian' : ''}`)];
    case 'bytes':
      return [line('bytes')];
    case 'reserved':
      return [line('reserved')];
    case 'bits':
      return [
        line('bits'),
        ...Object.entries(row.fields).map(([name, f]) => `| | ${f.width === 1 ? `bit ${f.shift}` : `bits ${f.shift + f.width - 1}:${f.shift}`} | \`${key}.${name}\` | ${f.reserved ? 'reserved' : ''} | ${cell(f.doc)} |`),
      ];
    case 'struct':
      return [line(`\`${row.layout.name}\``)];
    case 'array':
      return [line(`${row.count} × ${row.item.kind === 'struct' ? `\`${row.item.layout.name}\`` : `${row.item.size} bytes`}`)];
  }
}
