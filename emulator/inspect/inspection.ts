/** What an inspection finds, as data. Colours and columns are the terminal's affair. */
import type { DumpLine } from '../codec/dump.ts';

/** One field. Fields of certificates have no offset: their encoding is not a fixed table. */
export interface InspectLine {
  /** Byte offset from the start of its section. */
  readonly at?: number;
  readonly size?: number;
  /** Dotted path below the section. */
  readonly path: string;
  /** How deep it is nested: 0 for a field of the section itself. */
  readonly depth: number;
  readonly value: string;
  /** What it means. */
  readonly doc: string;
  /** Set where something that must be is not so. */
  readonly broken?: string;
}

/** Something to say about a section as a whole. */
export interface Note {
  /** `test`: made by teemu. `genuine`: a vendor's own. `broken`: not as it must be. */
  readonly kind: 'test' | 'genuine' | 'broken' | 'info';
  readonly text: string;
}

/** One structure in a file. */
export interface Section {
  /** The structure's name: `snp.report.v3`, `certificate`, `crl`; two files are compared section by section of the same name. */
  readonly name: string;
  readonly title: string;
  /** Byte offset of the section in the file, where it lies there as it is. */
  readonly at?: number;
  /** Length in bytes. */
  readonly size: number;
  readonly notes: readonly Note[];
  readonly lines: readonly InspectLine[];
}

/** What a file was recognised as. */
export interface Inspection {
  /** Name of the recogniser's row. */
  readonly format: string;
  readonly title: string;
  /** Length of the file in bytes. */
  readonly size: number;
  readonly sections: readonly Section[];
}

/** What an inspection may know besides the bytes. */
export interface InspectContext {
  /** Milliseconds since 1970 at which validity is judged; left out, it is not. */
  readonly at?: number;
}

/** One kind of file. */
export interface Recogniser {
  readonly format: string;
  readonly title: string;
  /** Says at a glance why the bytes are not of this kind; undefined when they seem to be. */
  readonly refuse: (src: Uint8Array) => string | undefined;
  /** @throws {TeemuError} when they are not after all */
  readonly inspect: (src: Uint8Array, context: InspectContext) => readonly Section[];
}

/** A line of a fixed table as a line of an inspection. */
export function fromDump({ at, size, path, depth, value, doc, broken }: DumpLine): InspectLine {
  return { at, size, path, depth, value, doc, ...(broken === undefined ? {} : { broken }) };
}
