/** An inspection as text: offset, field, value, meaning. */
import { isHeading } from '../../../emulator/inspect/difference.ts';
import type { Inspection, InspectLine, Note, Section } from '../../../emulator/inspect/inspection.ts';
import { type Paint, printable, type Style } from '../session/terminal.ts';

/** Longest value that stands beside its field; longer ones get lines of their own. */
const BESIDE = 34;
/** Characters of a long value on one line: 32 bytes in hexadecimal. */
const CHUNK = 64;
/** Shortest text worth showing beside the bytes that spell it. */
const LEAST_TEXT = 6;

/** Word and style for each kind of note; the word says it where there are no colours. */
const NOTES: Readonly<Record<Note['kind'], { readonly word: string; readonly style: Style }>> = {
  test: { word: 'TEST', style: 'yellow' },
  genuine: { word: 'GENUINE', style: 'green' },
  broken: { word: 'WRONG', style: 'red' },
  info: { word: 'note', style: 'dim' },
};

/** The whole listing. */
export function listing({ title, size, sections }: Inspection, paint: Paint): string {
  const head = sections.length === 1 ? [] : [paint('bold', `${title}, ${size} bytes`), ''];
  return [...head, sections.map((section) => sectionText(section, paint)).join('\n\n')].join('\n');
}

function sectionText({ title, at, size, notes, lines }: Section, paint: Paint): string {
  const place = at === undefined || at === 0 ? '' : ` at ${hexOffset(at)}`;
  const width = Math.max(...lines.map((line) => fieldName(line).length));
  return [
    paint('bold', `${printable(title)}, ${size} bytes${place}`),
    ...notes.map(({ kind, text }) => `  ${paint(NOTES[kind].style, `${NOTES[kind].word}: ${printable(text)}`)}`),
    ...lines.flatMap((line, i) => lineTexts(line, isHeading(line, lines[i + 1]), width, paint)),
  ].join('\n');
}

function fieldName({ depth, path }: InspectLine): string {
  return `${'  '.repeat(depth)}${printable(path)}`;
}

function lineTexts(line: InspectLine, heading: boolean, width: number, paint: Paint): string[] {
  const { at, value, broken } = line;
  const offset = at === undefined ? '' : `${hexOffset(at)}  `;
  const name = `  ${paint('dim', offset)}${fieldName(line).padEnd(width)}`;
  const shown = heading ? '' : printable(value);
  const spelt = spelling(value);
  const meaning = `  ${paint('dim', printable(line.doc))}${spelt === undefined ? '' : ` '${spelt}'`}${broken === undefined ? '' : paint('red', `  WRONG: ${printable(broken)}`)}`;
  if (shown.length <= BESIDE) return [`${name}  ${paint('cyan', shown.padEnd(BESIDE))}${meaning}`];
  const indent = ' '.repeat(2 + offset.length + width + 2);
  return [`${name}${meaning}`, ...chunks(shown).map((part) => indent + paint('cyan', part))];
}

/** The text that hexadecimal spells, zeros at its end left out; undefined when it spells none. */
function spelling(value: string): string | undefined {
  const match = /^((?:[2-7][0-9a-f])+?)(?:00)*$/.exec(value);
  const text = Buffer.from(match?.[1] ?? '', 'hex').toString('latin1');
  return text.length >= LEAST_TEXT && /^[ -~]+$/.test(text) ? text : undefined;
}

/** A long value in parts: hexadecimal in 32 bytes a line, anything else as it is. */
export function chunks(value: string): string[] {
  if (!/^[0-9a-f]+$/.test(value)) return [value];
  return value.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? [];
}

/** A byte offset in hexadecimal, at least three digits. */
export function hexOffset(at: number): string {
  return `0x${at.toString(16).padStart(3, '0')}`;
}
