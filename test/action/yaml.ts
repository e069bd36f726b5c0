/** As much of YAML as workflows and actions are written in here: maps, lists of maps, blocks of text after `|`, plain and quoted scalars. Anything else is refused. */

/** What a document holds: scalars stay text. */
export type Yaml = string | Yaml[] | { [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
  readonly number: number;
}

/** @throws {SyntaxError} naming the line, for YAML that is not of this kind */
export function readYaml(source: string): Yaml {
  const lines = source.split('\n').map((text, i): Line => ({ indent: text.length - text.trimStart().length, text: text.trimEnd(), number: i + 1 }));
  return new Reader(lines).value(0);
}

class Reader {
  readonly #lines: readonly Line[];
  #at = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** The value whose lines begin at that column. */
  value(indent: number): Yaml {
    const first = this.#peek();
    if (!first || first.indent !== indent) throw this.#error('nothing where a value must be');
    return first.text.trimStart().startsWith('- ') ? this.#list(indent) : this.#map(indent);
  }

  #list(indent: number): Yaml[] {
    const items: Yaml[] = [];
    for (let line = this.#peek(); line?.indent === indent && line.text.trimStart().startsWith('- '); line = this.#peek()) {
      const rest = line.text.slice(indent + 2);
      if (!/^[\w-]+:( |$)/.test(rest)) {
        items.push(scalar(rest));
        this.#at++;
        continue;
      }
      // The dash is a column of the map that begins behind it.
      (this.#lines as Line[])[this.#at] = { ...line, indent: indent + 2, text: `${' '.repeat(indent + 2)}${rest}` };
      items.push(this.#map(indent + 2));
    }
    return items;
  }

  #map(indent: number): { [key: string]: Yaml } {
    const entries: [string, Yaml][] = [];
    for (let line = this.#peek(); line?.indent === indent; line = this.#peek()) {
      const [, key = '', rest = ''] = /^([\w-]+):(?: (.*))?$/.exec(line.text.trimStart()) ?? [];
      if (key === '' || entries.some(([known]) => known === key)) throw this.#error('neither a member nor a new one');
      this.#at++;
      entries.push([key, rest === '|' ? this.#block(indent) : rest === '' ? this.#below(indent) : scalar(rest)]);
    }
    const after = this.#peek();
    if (after && after.indent > indent) throw this.#error('further in than what it belongs to');
    return Object.fromEntries(entries);
  }

  #below(indent: number): Yaml {
    const next = this.#peek();
    if (!next || next.indent <= indent) throw this.#error('a member without a value');
    return this.value(next.indent);
  }

  /** Text up to the next line that is not further in. */
  #block(indent: number): string {
    const start = this.#at;
    while (this.#at < this.#lines.length && (this.#lines[this.#at]?.text === '' || (this.#lines[this.#at]?.indent ?? 0) > indent)) this.#at++;
    const lines = this.#lines.slice(start, this.#at);
    const column = Math.min(...lines.filter(({ text }) => text !== '').map((line) => line.indent));
    return `${lines
      .map(({ text }) => text.slice(column))
      .join('\n')
      .trimEnd()}\n`;
  }

  /** The next line that is neither empty nor a remark. */
  #peek(): Line | undefined {
    while (this.#at < this.#lines.length && /^\s*(#.*)?$/.test(this.#lines[this.#at]?.text ?? '')) this.#at++;
    return this.#lines[this.#at];
  }

  #error(what: string): SyntaxError {
    return new SyntaxError(`line ${this.#lines[this.#at]?.number ?? this.#lines.length}: ${what}`);
  }
}

function scalar(text: string): string {
  const [, single, double] = /^'((?:[^']|'')*)'$|^"([^"\\]*)"$/.exec(text) ?? [];
  if (single !== undefined) return single.replaceAll("''", "'");
  if (double !== undefined) return double;
  // What YAML would read otherwise than as text, or as text that goes on.
  if (/^["[{&*!|>%@`?]|: | #|:$/.test(text)) throw new SyntaxError(`a value that is more than plain text: ${text}`);
  return text;
}
