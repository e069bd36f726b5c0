/**
 * Canonical XML 1.1, inclusive and without comments, of whole elements: what a signature is over. The tree has neither comments, processing
 * instructions nor `xml:` attributes, so for these documents it is the same as Canonical XML 1.0.
 * Source: W3C Canonical XML 1.1, §2.
 */
import type { XmlAttribute, XmlElement } from './element.ts';

/**
 * The canonical text of an element, with every namespace that is in scope where it stands.
 * @param without an element in it that is left out, as the enveloped-signature transform asks
 * @returns UTF-8
 */
export function canonicalXml(element: XmlElement, without?: XmlElement): Uint8Array {
  return new Uint8Array(Buffer.from(text(element, NONE, without), 'utf8'));
}

const NONE: ReadonlyMap<string, string> = new Map();

/** @param rendered namespaces that the elements around it have written */
function text({ prefix, local, scope, attributes, children }: XmlElement, rendered: ReadonlyMap<string, string>, without: XmlElement | undefined): string {
  const name = prefix === '' ? local : `${prefix}:${local}`;
  let out = `<${name}`;
  if (scope !== rendered) {
    const fresh = [...scope].filter(([key, uri]) => (rendered.get(key) ?? '') !== uri);
    for (const [key, uri] of fresh.sort(([a], [b]) => (a < b ? -1 : 1))) out += `${key === '' ? ' xmlns' : ` xmlns:${key}`}="${escapeAttribute(uri)}"`;
  }
  for (const attribute of attributes.length > 1 ? attributes.toSorted(inOrder) : attributes) {
    out += ` ${attribute.prefix === '' ? '' : `${attribute.prefix}:`}${attribute.local}="${escapeAttribute(attribute.value)}"`;
  }
  out += '>';
  for (const child of children) {
    if (typeof child === 'string') out += escapeText(child);
    else if (child !== without) out += text(child, scope, without);
  }
  return `${out}</${name}>`;
}

function inOrder(a: XmlAttribute, b: XmlAttribute): number {
  return a.namespace === b.namespace ? (a.local < b.local ? -1 : 1) : compare(a.namespace, b.namespace);
}

/** By code point: namespaces, unlike the names read here, may hold any character, and JavaScript compares UTF-16. */
function compare(a: string, b: string): number {
  return a === '' ? -1 : b === '' ? 1 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

const ATTRIBUTE_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;', '\t': '&#x9;', '\n': '&#xA;', '\r': '&#xD;' };
const TEXT_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };

/** An attribute's value as canonical XML writes it, which is good XML between double quotes. */
export function escapeAttribute(value: string): string {
  return /[&<"\t\n\r]/.test(value) ? value.replace(/[&<"\t\n\r]/g, (char) => ATTRIBUTE_ESCAPES[char] ?? char) : value;
}

function escapeText(value: string): string {
  return /[&<>\r]/.test(value) ? value.replace(/[&<>\r]/g, (char) => TEXT_ESCAPES[char] ?? char) : value;
}
