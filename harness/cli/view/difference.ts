/** Differences as text: what stands in the one file and what in the other, with the places marked, with or without colours. */
import type { LineDifference, SectionDifference } from '../../../emulator/inspect/difference.ts';
import { type Paint, printable } from '../session/terminal.ts';
import { chunks, hexOffset } from './listing.ts';

/** All differences; `names` are those of the two files. */
export function differenceText(sections: readonly SectionDifference[], names: readonly [a: string, b: string], paint: Paint): string {
  if (sections.length === 0) return 'No difference in any field.';
  const head = [paint('red', `- ${printable(names[0])}`), paint('green', `+ ${printable(names[1])}`)];
  return [...head, '', sections.map((section) => sectionText(section, paint)).join('\n\n')].join('\n');
}

function sectionText({ title, onlyIn, lines }: SectionDifference, paint: Paint): string {
  if (onlyIn) return paint(onlyIn === 'a' ? 'red' : 'green', `${onlyIn === 'a' ? '-' : '+'} only here: ${printable(title)}`);
  return [paint('bold', printable(title)), ...lines.flatMap((line) => lineTexts(line, paint))].join('\n');
}

function lineTexts({ path, at, doc, a, b }: LineDifference, paint: Paint): string[] {
  const place = at === undefined ? '' : `${paint('dim', hexOffset(at))}  `;
  const left = a === undefined ? [] : chunks(spread(printable(a)));
  const right = b === undefined ? [] : chunks(spread(printable(b)));
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => rowTexts(left[i], right[i], paint));
  return [`  ${place}${printable(path)}  ${paint('dim', printable(doc))}`, ...rows.flat()];
}

/** `00 × 48` as the 48 bytes, to be compared with others. */
function spread(value: string): string {
  const [, byte = '', count = ''] = /^([0-9a-f]{2}) × (\d{1,4})$/.exec(value) ?? [];
  return byte === '' ? value : byte.repeat(Number(count));
}

/** One piece of a value on both sides; equal pieces of a long value are left out. */
function rowTexts(a: string | undefined, b: string | undefined, paint: Paint): string[] {
  if (a === b) return [];
  const texts = [...(a === undefined ? [] : [paint('red', `    - ${a}`)]), ...(b === undefined ? [] : [paint('green', `    + ${b}`)])];
  if (a === undefined || b === undefined || a.length !== b.length) return texts;
  const marks = [...a].map((c, i) => (c === b[i] ? ' ' : '^')).join('');
  return [...texts, paint('yellow', `      ${marks.trimEnd()}`)];
}
