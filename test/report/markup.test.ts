import { describe, expect, test } from 'vitest';
import { readXml } from '../../emulator/xml/read.ts';
import { escaped, lines, markup, trusted } from '../../harness/report/markup.ts';
import { plainMarkdown } from '../../harness/report/markdown.ts';
import { HOSTILE } from './runs.ts';
import { attribute, text } from './page.ts';

describe('what is put into markup', () => {
  test.each(HOSTILE)('%j stays text: in an element, in an attribute, in lines', (hostile) => {
    const { text: written } = markup`<a b="${hostile}">${hostile}<c>${lines(hostile)}</c></a>`;
    const root = readXml(Buffer.from(written, 'utf8'), 'a');
    expect(root.children.map((child) => (typeof child === 'string' ? '' : child.local)).filter(Boolean)).toEqual(['c']);
    expect(root.attributes).toHaveLength(1);
    // Nothing is lost: what could not stand as it is stands as its number.
    const shown = text(root).slice(0, escaped(hostile).length);
    expect(attribute(root, 'b')).toBe(shown.slice(0, attribute(root, 'b')?.length));
    for (const word of hostile.match(/[a-z]{3,}/gi) ?? []) expect(text(root)).toContain(word);
  });

  test.each<[string, string, string]>([
    ['quotes of both kinds', `"'`, '&quot;&#39;'],
    ['what looks escaped already', '&lt;', '&amp;lt;'],
    ['a control', '\u001b', '\\u{1b}'],
    ['a mark that turns the direction of writing', '\u202e', '\\u{202e}'],
    ['half a pair', '\ud800', '\\u{d800}'],
    ['a whole pair', '😀', '😀'],
  ])('%s', (_, from, to) => {
    expect(escaped(from)).toBe(to);
  });

  test('markup in markup is written as it is, lists are joined, nothing is left out', () => {
    expect(markup`<p>${markup`<b>${'<'}</b>`}${[1, '>', undefined, false]}${trusted('<i/>')}</p>`.text).toBe('<p><b>&lt;</b>1&gt;<i/></p>');
  });

  test('lines stay lines', () => {
    expect(lines('a\r\n<b>\n\rc').text).toBe('a\n&lt;b&gt;\n\nc');
  });
});

describe('what is put into Markdown', () => {
  test.each(HOSTILE)('%j means nothing', (hostile) => {
    // What is left can't begin a tag, a link, an image, code, emphasis, a cell, a mention or a reference.
    expect(plainMarkdown(hostile).replace(/&#\d+;/g, '')).not.toMatch(/[<>[\]()`*_|@#!~\n\r\\]|https?:/);
  });
});
