/** A small XML document as a tree: elements, attributes and text, with namespaces resolved and the place of each in the file. */

/** One attribute, but no namespace declaration. */
export interface XmlAttribute {
  /** As written; empty for none. */
  readonly prefix: string;
  readonly local: string;
  /** URI of its namespace; empty for an attribute without a prefix, whatever the element's. */
  readonly namespace: string;
  /** With references replaced and white space made spaces (XML 1.0 §3.3.3). */
  readonly value: string;
  /** Byte offset of its name. */
  readonly at: number;
}

/** One element. */
export interface XmlElement {
  /** As written; empty for none. */
  readonly prefix: string;
  readonly local: string;
  /** URI of its namespace; empty for none. */
  readonly namespace: string;
  /** Namespaces in scope by prefix, the default one under the empty prefix; shared with the parent where the element declares none. */
  readonly scope: ReadonlyMap<string, string>;
  readonly attributes: readonly XmlAttribute[];
  /** In order; text next to text is one piece. */
  readonly children: readonly (XmlElement | string)[];
  /** Byte offset of its `<`. */
  readonly at: number;
}

/** An element's children that are elements. */
export function childElements({ children }: XmlElement): XmlElement[] {
  return children.filter((child) => typeof child !== 'string');
}

/** Text directly in an element. */
export function textOf({ children }: XmlElement): string {
  return children.filter((child) => typeof child === 'string').join('');
}
