/** Text for HTML and XML that cannot be written without being escaped: what a verifier says of itself is nobody's trusted text. */
import { printable } from '../cli/session/terminal.ts';

/** Markup that is ready to be written; only {@link markup} and {@link trusted} make it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What can stand in a template: strings and numbers are escaped, lists are joined, nothing is left out. */
export type Piece = string | number | Markup | undefined | false | readonly Piece[];

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Halves of surrogate pairs, and the two characters that no XML may hold though they are no controls. */
const NO_CHARACTERS = /\p{Surrogate}|[\ufffe\uffff]/gu;

/** Text on one line that steers nothing and is characters throughout: everything else as `\u{…}`. */
export function visible(text: string): string {
  return printable(text).replace(NO_CHARACTERS, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Visible text fit for HTML and XML, as contents and as the value of a quoted attribute. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);
}

/** A template of markup: everything that is put into it is escaped, unless it is markup itself. */
export function markup(strings: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(strings.map((text, i) => (i === 0 ? text : written(values[i - 1]) + text)).join(''));
}

/** Text of this program's own, written as it is. Never for what a verifier, a file or a peer said. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/** Several lines: each escaped on its own, so that line ends stay. */
export function lines(text: string): Markup {
  return new Markup(
    text
      .split(/\r\n|\r|\n/)
      .map(escaped)
      .join('\n'),
  );
}

function written(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'string') return escaped(piece);
  if (typeof piece === 'number') return String(piece);
  return piece.map(written).join('');
}
