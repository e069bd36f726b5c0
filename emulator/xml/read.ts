/**
 * Reads a small XML document, bounded in every way and without anything that makes XML dangerous: no document type and so no entities of
 * its own, nothing that is fetched, no processing instructions. Whatever the bytes are, only a {@link CodecError} is thrown.
 * Source: XML 1.0 (fifth edition) and Namespaces in XML 1.0 (third edition), less what the documents read here do not use.
 */
import { CodecError } from '../errors.ts';
import type { XmlAttribute, XmlElement } from './element.ts';

/** Longest document that is read, in bytes: genuine manifests have some 25 KB. */
export const MAX_XML_SIZE = 256 * 1024;
/** Deepest nesting that is read. */
export const MAX_XML_DEPTH = 16;
const MAX_ELEMENTS = 2048;
/** Most attributes and namespace declarations of one element. */
const MAX_ATTRIBUTES = 64;
const MAX_NAME = 64;
const MAX_NAMESPACE = 256;

const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/** Over text of one character a byte, so that offsets in the text are offsets in the file. */
const DECLARATION =
  /<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])[Uu][Tt][Ff]-8\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*\?>/y;
const SPACE = /[ \t\r\n]*/y;
const NAME = /(?:([A-Za-z_][A-Za-z0-9._-]*):)?([A-Za-z_][A-Za-z0-9._-]*)/y;
const EQUALS = /[ \t\r\n]*=[ \t\r\n]*/y;
const REFERENCE = /&(?:#(?:([0-9]{1,7})|x([0-9a-fA-F]{1,6}))|(amp|lt|gt|quot|apos));/y;
/** A control character that XML does not know. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f]/;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An attribute whose namespace may not be known yet. */
type Attribute = { -readonly [K in keyof XmlAttribute]: XmlAttribute[K] };

/** An element under construction. */
interface Open {
  readonly element: XmlElement;
  readonly children: (XmlElement | string)[];
  /** As in the start tag. */
  readonly name: string;
}

/**
 * Reads a document.
 * @param src UTF-8, at most 256 KiB
 * @param path how errors name it
 * @returns the root element; comments are left out, CDATA sections are text
 * @throws {CodecError} ERR_CODEC_RANGE, with the offset, for what is no XML or is none that is read here; ERR_CODEC_TRUNCATED where it ends too early; ERR_CODEC_LENGTH beyond a bound
 */
export function readXml(src: Uint8Array, path: string): XmlElement {
  return new Reader(src, path).document();
}

class Reader {
  readonly #text: string;
  readonly #path: string;
  readonly #ascii: boolean;
  #at = 0;
  #elements = 0;

  constructor(src: Uint8Array, path: string) {
    this.#path = path;
    if (src.length > MAX_XML_SIZE) throw this.#fail(MAX_XML_SIZE, `longer than ${MAX_XML_SIZE} bytes: ${src.length}`, 'ERR_CODEC_LENGTH');
    this.#text = Buffer.from(src.buffer, src.byteOffset, src.byteLength).toString('latin1');
    try {
      this.#ascii = UTF8.decode(src).length === src.length;
    } catch {
      throw this.#fail(0, 'is not UTF-8');
    }
    const control = CONTROL.exec(this.#text);
    if (control) throw this.#fail(control.index, 'a character that XML does not know');
  }

  document(): XmlElement {
    this.#match(DECLARATION);
    this.#between();
    if (this.#text[this.#at] !== '<')
      throw this.#fail(this.#at, this.#at === this.#text.length ? 'there is no element' : 'begins with something that is no element', this.#at === this.#text.length ? 'ERR_CODEC_TRUNCATED' : undefined);
    const root = this.#tree();
    this.#between();
    if (this.#at < this.#text.length) throw this.#fail(this.#at, 'something after the root element');
    return root;
  }

  /** The element that begins here with everything in it; without recursion, since the depth is the sender's choice. */
  #tree(): XmlElement {
    const open: Open[] = [];
    for (;;) {
      const parent = open.at(-1);
      const start = this.#startTag(parent?.element.scope ?? NO_SCOPE, open.length);
      parent?.children.push(start.element);
      if (!start.empty) open.push(start);
      for (let inner = open.at(-1); inner; inner = open.at(-1)) {
        if (!this.#content(inner)) break;
        open.pop();
        if (open.length === 0) return inner.element;
      }
      if (open.length === 0) return start.element;
    }
  }

  /** Reads text up to the next start tag (false) or over the end tag of `inner` (true). */
  #content({ children, name, element }: Open): boolean {
    let text = '';
    const put = (): void => {
      if (text !== '') children.push(text);
    };
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      if (next < 0) throw this.#fail(this.#text.length, `ends inside <${name}>, which began at 0x${element.at.toString(16)}`, 'ERR_CODEC_TRUNCATED');
      if (next > this.#at) text += this.#characters(next);
      if (this.#text.startsWith('</', next)) {
        put();
        this.#endTag(name);
        return true;
      }
      if (this.#text.startsWith('<![CDATA[', next)) text += this.#cdata();
      else if (!this.#comment()) {
        put();
        return false;
      }
    }
  }

  #startTag(outer: ReadonlyMap<string, string>, depth: number): Open & { readonly empty: boolean } {
    const at = this.#at;
    if (this.#text.startsWith('<!', at)) throw this.#fail(at, 'a document type or another declaration: none is read');
    if (this.#text.startsWith('<?', at)) throw this.#fail(at, 'a processing instruction: none is read');
    if (depth >= MAX_XML_DEPTH) throw this.#fail(at, `elements more than ${MAX_XML_DEPTH} deep`, 'ERR_CODEC_LENGTH');
    if (++this.#elements > MAX_ELEMENTS) throw this.#fail(at, `more than ${MAX_ELEMENTS} elements`, 'ERR_CODEC_LENGTH');
    this.#at++;
    const [prefix, local] = this.#name();
    const attributes: Attribute[] = [];
    let scope = outer;
    let declared: Map<string, string> | undefined;
    for (;;) {
      const spaced = this.#skipSpace();
      const char = this.#text[this.#at];
      if (char === '>' || char === '/') break;
      if (!spaced) throw this.#unexpected('white space, > or />');
      if (attributes.length + (declared?.size ?? 0) >= MAX_ATTRIBUTES) throw this.#fail(this.#at, `more than ${MAX_ATTRIBUTES} attributes`, 'ERR_CODEC_LENGTH');
      const attribute = this.#attribute();
      if (attribute.prefix === 'xmlns' || (attribute.prefix === '' && attribute.local === 'xmlns')) {
        declared ??= new Map();
        this.#declare(declared, attribute);
      } else attributes.push(attribute);
    }
    const empty = this.#text[this.#at] === '/';
    if (empty) this.#at++;
    if (this.#text[this.#at] !== '>') throw this.#unexpected('>');
    this.#at++;
    if (declared) scope = new Map([...outer, ...declared]);
    for (const attribute of attributes) if (attribute.prefix !== '') attribute.namespace = this.#resolve(scope, attribute.prefix, attribute.at);
    this.#refuseTwins(attributes);
    const namespace = prefix === '' ? (scope.get('') ?? '') : this.#resolve(scope, prefix, at);
    const children: (XmlElement | string)[] = [];
    return { element: { prefix, local, namespace, scope, attributes, children, at }, children, name: prefix === '' ? local : `${prefix}:${local}`, empty };
  }

  #endTag(name: string): void {
    const at = this.#at;
    this.#at += 2;
    const [prefix, local] = this.#name();
    if ((prefix === '' ? local : `${prefix}:${local}`) !== name) throw this.#fail(at, `the end of <${name}> is missing: here ends another element`);
    this.#skipSpace();
    if (this.#text[this.#at] !== '>') throw this.#unexpected('>');
    this.#at++;
  }

  #attribute(): Attribute {
    const at = this.#at;
    const [prefix, local] = this.#name();
    if (this.#match(EQUALS) === undefined) throw this.#unexpected('=');
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") throw this.#unexpected('a value in quotes');
    this.#at++;
    const end = this.#text.indexOf(quote, this.#at);
    if (end < 0) throw this.#fail(this.#text.length, 'ends inside the value of an attribute', 'ERR_CODEC_TRUNCATED');
    const less = this.#text.indexOf('<', this.#at);
    if (less >= 0 && less < end) throw this.#fail(less, '< in the value of an attribute');
    const value = this.#characters(end, true);
    this.#at++;
    return { prefix, local, namespace: '', value, at };
  }

  /** Characters up to `end`, with references replaced and ends of lines made \n; in an attribute's value, white space is made spaces. */
  #characters(end: number, inAttribute = false): string {
    const begin = this.#at;
    const raw = this.#text.slice(begin, end);
    this.#at = end;
    if (!inAttribute) {
      const closing = raw.indexOf(']]>');
      if (closing >= 0) throw this.#fail(begin + closing, ']]> outside a CDATA section');
    }
    const plain = (piece: string): string => {
      const lines = piece.includes('\r') ? piece.replace(/\r\n?/g, '\n') : piece;
      return this.#decoded(inAttribute ? lines.replace(/[\t\n]/g, ' ') : lines, begin);
    };
    if (!raw.includes('&')) return plain(raw);
    let out = '';
    for (let from = 0; ; ) {
      const amp = raw.indexOf('&', from);
      if (amp < 0) return out + plain(raw.slice(from));
      out += plain(raw.slice(from, amp));
      REFERENCE.lastIndex = amp;
      const found = REFERENCE.exec(raw);
      if (!found) throw this.#fail(begin + amp, 'a reference to an entity that is not one of &amp; &lt; &gt; &quot; &apos;, or a malformed one');
      const [whole, decimal, hex, name = ''] = found;
      out += decimal === undefined && hex === undefined ? (PREDEFINED[name] ?? '') : this.#character(Number.parseInt(decimal ?? hex ?? '', decimal === undefined ? 16 : 10), begin + amp);
      from = amp + whole.length;
    }
  }

  #character(code: number, at: number): string {
    const known = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
    if (!known) throw this.#fail(at, 'a reference to a character that XML does not know');
    return String.fromCodePoint(code);
  }

  /** Text out of one character a byte. */
  #decoded(bytes: string, at: number): string {
    if (this.#ascii) return bytes;
    const text = Buffer.from(bytes, 'latin1').toString('utf8');
    if (/[\ufffe\uffff]/.test(text)) throw this.#fail(at, 'a character that XML does not know');
    return text;
  }

  #cdata(): string {
    const at = this.#at;
    const from = at + '<![CDATA['.length;
    const end = this.#text.indexOf(']]>', from);
    if (end < 0) throw this.#fail(this.#text.length, `ends inside the CDATA section that began at 0x${at.toString(16)}`, 'ERR_CODEC_TRUNCATED');
    this.#at = end + 3;
    return this.#decoded(this.#text.slice(from, end).replace(/\r\n?/g, '\n'), from);
  }

  /** Goes over a comment. @returns whether one began here */
  #comment(): boolean {
    if (!this.#text.startsWith('<!--', this.#at)) return false;
    const end = this.#text.indexOf('--', this.#at + 4);
    if (end < 0) throw this.#fail(this.#text.length, `ends inside the comment that began at 0x${this.#at.toString(16)}`, 'ERR_CODEC_TRUNCATED');
    if (this.#text[end + 2] !== '>') throw this.#fail(end, '-- in a comment');
    this.#at = end + 3;
    return true;
  }

  /** White space and comments outside the root. */
  #between(): void {
    do this.#skipSpace();
    while (this.#comment());
  }

  /** Prefix and local name. */
  #name(): readonly [prefix: string, local: string] {
    const at = this.#at;
    const found = this.#match(NAME);
    if (!found) throw this.#unexpected('a name');
    const [whole, prefix = '', local = ''] = found;
    if (whole.length > MAX_NAME) throw this.#fail(at, `a name longer than ${MAX_NAME} characters`, 'ERR_CODEC_LENGTH');
    return [prefix, local];
  }

  #declare(declared: Map<string, string>, { prefix, local, value, at }: Attribute): void {
    const name = prefix === '' ? '' : local;
    if (declared.has(name)) throw this.#fail(at, `the namespace of ${name === '' ? 'no prefix' : name} is declared twice`);
    if (value.length > MAX_NAMESPACE) throw this.#fail(at, `a namespace longer than ${MAX_NAMESPACE} characters`, 'ERR_CODEC_LENGTH');
    if (name === 'xml' || name === 'xmlns' || value === XML_NAMESPACE || value === XMLNS_NAMESPACE) throw this.#fail(at, 'a declaration of what XML itself declares');
    if (name !== '' && value === '') throw this.#fail(at, `the prefix ${name} is declared to have no namespace`);
    // Canonical XML is not defined for relative ones.
    if (value !== '' && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(value)) throw this.#fail(at, 'a namespace must be an absolute URI');
    declared.set(name, value);
  }

  #resolve(scope: ReadonlyMap<string, string>, prefix: string, at: number): string {
    // Attributes of XML's own would be inherited by what is signed alone; nothing read here has any.
    if (prefix === 'xml') throw this.#fail(at, 'a name of XML itself (xml:…): none is read');
    const namespace = prefix === 'xmlns' ? undefined : scope.get(prefix);
    if (namespace === undefined) throw this.#fail(at, `the prefix ${prefix} is not declared`);
    return namespace;
  }

  #refuseTwins(attributes: readonly XmlAttribute[]): void {
    for (let i = 1; i < attributes.length; i++) {
      const { local, namespace, at } = attributes[i] as XmlAttribute;
      for (let j = 0; j < i; j++) {
        const other = attributes[j] as XmlAttribute;
        if (other.local === local && other.namespace === namespace) throw this.#fail(at, `the attribute ${local} stands there twice`);
      }
    }
  }

  #skipSpace(): boolean {
    return (this.#match(SPACE)?.[0].length ?? 0) > 0;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #unexpected(wanted: string): CodecError {
    const ended = this.#at >= this.#text.length;
    return this.#fail(this.#at, ended ? `ends where ${wanted} must stand` : `${wanted} must stand here`, ended ? 'ERR_CODEC_TRUNCATED' : undefined);
  }

  #fail(at: number, rule: string, code: 'ERR_CODEC_RANGE' | 'ERR_CODEC_TRUNCATED' | 'ERR_CODEC_LENGTH' = 'ERR_CODEC_RANGE'): CodecError {
    return new CodecError(code, this.#path, at, rule);
  }
}

const NO_SCOPE: ReadonlyMap<string, string> = new Map();
