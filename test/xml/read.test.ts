/** The XML reader: what it takes, what it refuses and where, and that nothing in a document can cost more than its size. */
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { canonicalXml } from '../../emulator/xml/canonical.ts';
import { MAX_XML_DEPTH, MAX_XML_SIZE, readXml } from '../../emulator/xml/read.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const canonical = (text: string): string => Buffer.from(canonicalXml(readXml(bytes(text), 'xml'))).toString();

function refusal(src: Uint8Array): CodecError {
  try {
    readXml(src, 'xml');
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('canonical form', () => {
  test.each([
    ['short form', '<a/>', '<a></a>'],
    ['what stands around the root is left out', '<?xml version="1.0"?>\n<!-- a -->\n<a/>\n<!-- b -->\n', '<a></a>'],
    ['comments are left out, and the text around them is one', '<a>x<!-- < & -->y</a>', '<a>xy</a>'],
    ['CDATA is text', '<a><![CDATA[<&>]]></a>', '<a>&lt;&amp;&gt;</a>'],
    ['references are replaced', '<a b="&quot;&apos;&#65;&#x42;">&lt;&gt;&amp;&quot;</a>', '<a b="&quot;\'AB">&lt;&gt;&amp;"</a>'],
    ['ends of lines', '<a>1\r\n2\r3\n</a>', '<a>1\n2\n3\n</a>'],
    ['white space in a value, as written and by reference', '<a b="1\t2\r\n3&#9;4&#10;5&#13;6"/>', '<a b="1 2 3&#x9;4&#xA;5&#xD;6"></a>'],
    ['a carriage return by reference in text', '<a>&#13;</a>', '<a>&#xD;</a>'],
    ['namespaces before attributes, the default one first', '<a c="1" b="2" xmlns:z="urn:z" xmlns:y="urn:y" xmlns="urn:d"/>', '<a xmlns="urn:d" xmlns:y="urn:y" xmlns:z="urn:z" b="2" c="1"></a>'],
    ['attributes by namespace, then by name', '<a xmlns:p="urn:b" xmlns:q="urn:a" p:a="1" q:z="2" z="3"/>', '<a xmlns:p="urn:b" xmlns:q="urn:a" z="3" q:z="2" p:a="1"></a>'],
    ['a namespace that is declared again is not written again', '<p:a xmlns:p="urn:p"><p:b xmlns:p="urn:p"/></p:a>', '<p:a xmlns:p="urn:p"><p:b></p:b></p:a>'],
    ['a namespace that was another in between is', '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b></p:a>', '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"></p:c></p:b></p:a>'],
    ['the default namespace taken away', '<a xmlns="urn:d"><b xmlns=""><c xmlns=""/></b></a>', '<a xmlns="urn:d"><b xmlns=""><c></c></b></a>'],
    ['the default namespace taken away where there is none', '<a xmlns=""/>', '<a></a>'],
    ['characters beyond ASCII', '<a b="é">漢🔑&#x1F511;</a>', '<a b="é">漢🔑🔑</a>'],
  ])('%s', (_, src, out) => {
    expect(canonical(src)).toBe(out);
  });
});

describe('a document is refused where it is wrong:', () => {
  test.each<[string, string, number, string]>([
    ['nothing', '', 0, 'there is no element'],
    ['text', 'text', 0, 'no element'],
    ['a document type', '<!DOCTYPE a><a/>', 0, 'document type'],
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', 0, 'document type'],
    ['an entity that nothing declares', '<a>&e;</a>', 3, 'a reference to an entity'],
    ['an entity from a file', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 0, 'document type'],
    ['a processing instruction before the root', '<?xml-stylesheet href="a"?><a/>', 0, 'processing instruction'],
    ['a processing instruction inside', '<a><?php x ?></a>', 3, 'processing instruction'],
    ['XML 1.1', '<?xml version="1.1"?><a/>', 0, 'processing instruction'],
    ['another encoding', '<?xml version="1.0" encoding="UTF-7"?><a/>', 0, 'processing instruction'],
    ['two roots', '<a/><b/>', 4, 'after the root'],
    ['text after the root', '<a/>x', 4, 'after the root'],
    ['an end tag of another', '<a><b></a></b>', 6, 'end of <b>'],
    ['an element that does not end', '<a><b/>', 7, 'ends inside <a>'],
    ['a tag that does not end', '<a b="1"', 8, 'must stand'],
    ['a value that does not end', '<a b="1', 7, 'ends inside the value'],
    ['a value without quotes', '<a b=1/>', 5, 'quotes'],
    ['an attribute without a value', '<a b/>', 4, '= must stand'],
    ['attributes without white space between', '<a b="1"c="2"/>', 8, 'white space'],
    ['an attribute twice', '<a b="1" b="2"/>', 9, 'twice'],
    ['an attribute twice by another prefix', '<a xmlns:p="urn:1" xmlns:q="urn:1" p:b="1" q:b="2"/>', 43, 'twice'],
    ['a namespace twice', '<a xmlns:p="urn:1" xmlns:p="urn:2"/>', 19, 'twice'],
    ['a prefix that is not declared', '<p:a/>', 0, 'not declared'],
    ['a prefix that was declared elsewhere', '<a><b xmlns:p="urn:1"/><p:c/></a>', 23, 'not declared'],
    ['a prefix taken away', '<a xmlns:p=""/>', 3, 'no namespace'],
    ['the prefix xmlns', '<xmlns:a/>', 0, 'not declared'],
    ['xml declared as something else', '<a xmlns:xml="urn:1"/>', 3, 'XML itself'],
    ['xml under another prefix', '<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>', 3, 'XML itself'],
    ['xml:base, which canonical form would move', '<a xml:base="http://localhost/"/>', 3, 'XML itself'],
    ['a relative namespace', '<a xmlns="a/b"/>', 3, 'absolute'],
    ['a name with two colons', '<a:b:c/>', 4, 'white space'],
    ['a name that begins with a digit', '<1/>', 1, 'a name'],
    ['< in a value', '<a b="<"/>', 6, '< in the value'],
    ['& alone', '<a>a & b</a>', 5, 'a reference'],
    ['a reference without a semicolon', '<a>&#65 </a>', 3, 'a reference'],
    ['a reference to zero', '<a>&#0;</a>', 3, 'a character that XML does not know'],
    ['a reference to half a character', '<a>&#xD800;</a>', 3, 'a character that XML does not know'],
    ['a reference beyond Unicode', '<a>&#x110000;</a>', 3, 'a character that XML does not know'],
    ['a reference of very many digits', `<a>&#${'0'.repeat(100)}65;</a>`, 3, 'a reference'],
    [']]> in text', '<a>x]]></a>', 4, ']]>'],
    ['CDATA that does not end', '<a><![CDATA[x', 13, 'CDATA'],
    ['-- in a comment', '<a><!-- a -- b --></a>', 10, '--'],
    ['a comment that does not end', '<a><!-- ', 8, 'comment'],
    ['a declaration inside', '<a><!ELEMENT a ANY></a>', 3, 'declaration'],
    ['a control character', '<a>\u0001</a>', 3, 'a character that XML does not know'],
    ['U+FFFF', '<a>\uffff</a>', 3, 'a character that XML does not know'],
    ['a byte order mark', '\ufeff<a/>', 0, 'no element'],
  ])('%s', (_, src, at, rule) => {
    const error = refusal(bytes(src));
    expect({ at: error.at, rule: error.rule }).toEqual({ at, rule: expect.stringContaining(rule) });
  });

  test('bytes that are no UTF-8', () => {
    expect(refusal(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e)).rule).toBe('is not UTF-8');
  });

  test('UTF-16', () => {
    expect(refusal(new Uint8Array(Buffer.from('<a/>', 'utf16le')))).toBeInstanceOf(CodecError);
  });

  test('offsets are in bytes, also behind characters of several', () => {
    expect(refusal(bytes('<a b="漢"><é/></a>')).at).toBe(Buffer.from('<a b="漢"><').length);
  });
});

describe('a document is bounded in', () => {
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  test.each<[string, string]>([
    ['size', `<a>${' '.repeat(MAX_XML_SIZE)}</a>`],
    ['depth', nested(MAX_XML_DEPTH + 1)],
    ['depth, without an end', '<a>'.repeat(80_000)],
    ['number of elements', `<a>${'<b/>'.repeat(2048)}</a>`],
    ['number of attributes', `<a ${Array.from({ length: 65 }, (_, i) => `b${i}=""`).join(' ')}/>`],
    ['number of namespaces', `<a ${Array.from({ length: 65 }, (_, i) => `xmlns:b${i}="urn:b"`).join(' ')}/>`],
    ['length of names', `<${'a'.repeat(65)}/>`],
    ['length of namespaces', `<a xmlns="urn:${'a'.repeat(256)}"/>`],
  ])('%s', (_, src) => {
    expect(refusal(bytes(src)).code).toBe('ERR_CODEC_LENGTH');
  });

  test('depth, no less than it says', () => {
    expect(canonical(nested(MAX_XML_DEPTH))).toBe(nested(MAX_XML_DEPTH));
  });
});
