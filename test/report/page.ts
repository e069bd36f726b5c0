/** The HTML page as a tree. It is written so that a reader of XML can read it too; what scripts and styles hold is left out. */
import { childElements, type XmlElement } from '../../emulator/xml/element.ts';
import { readXml } from '../../emulator/xml/read.ts';

/** Reads a document, however it begins. @throws {CodecError} where a tag is not closed, or something is no markup */
export function treeOf(document: string): XmlElement {
  const bare = document.replace(/^<!doctype html>\n/, '').replace(/(<(script|style)>)[\s\S]*?(<\/\2>)/g, '$1$3');
  return readXml(Buffer.from(bare, 'utf8'), 'page');
}

/** Every element of a name, in order. */
export function all(root: XmlElement, local: string): XmlElement[] {
  return [...(root.local === local ? [root] : []), ...childElements(root).flatMap((child) => all(child, local))];
}

/** All names of elements in a tree. */
export function names(root: XmlElement): Set<string> {
  return new Set([root.local, ...childElements(root).flatMap((child) => [...names(child)])]);
}

/** An attribute's value. */
export function attribute({ attributes }: XmlElement, name: string): string | undefined {
  return attributes.find(({ local }) => local === name)?.value;
}

/** The text of an element and all that is in it. */
export function text(element: XmlElement): string {
  return element.children.map((child) => (typeof child === 'string' ? child : text(child))).join('');
}
