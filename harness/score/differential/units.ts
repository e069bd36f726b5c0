/** What differs between a case and its good twin, in pieces that can be taken back one by one. */
import { type Json, makeBundle } from '../../../emulator/bundle.ts';
import { CodecError } from '../../../emulator/errors.ts';
import type { ServiceView, Subject } from '../../../vectors/subject.ts';
import { formOf, type Signing } from './forms.ts';

/** Files without known fields that differ in more bytes than this are another file, not a changed one. */
const MOST_BYTES = 32;

/** One piece. What is undefined is not there in the case. */
export type Unit =
  /** Bits of a file that are turned over; the file is as long as the twin's. */
  | { readonly kind: 'bits'; readonly file: string; readonly at: number; readonly mask: Uint8Array }
  | { readonly kind: 'file' | 'root'; readonly name: string; readonly to: Uint8Array | undefined }
  | { readonly kind: 'request'; readonly name: string; readonly to: Json | undefined }
  | { readonly kind: 'now'; readonly to: number }
  | { readonly kind: 'services'; readonly to: ServiceView };

/** Bits of a file that are turned over. */
export type Bits = Extract<Unit, { kind: 'bits' }>;

/** Every piece of the difference. With a signing, the signature is none: it follows from the rest. */
export function unitsBetween(twin: Subject, subject: Subject, signing?: Signing): Unit[] {
  return [
    ...changes(twin.bundle.files, subject.bundle.files, differ).flatMap(({ name, from, to }) => (from && to && from.length === to.length ? bitUnits(name, from, to, signing) : [{ kind: 'file', name, to } as const])),
    ...changes(twin.roots, subject.roots, differ).map(({ name, to }): Unit => ({ kind: 'root', name, to })),
    ...changes(new Map(Object.entries(twin.request)), new Map(Object.entries(subject.request)), (a, b) => JSON.stringify(a) !== JSON.stringify(b)).map(({ name, to }): Unit => ({ kind: 'request', name, to })),
    ...(twin.now === subject.now ? [] : [{ kind: 'now', to: subject.now } as const]),
    ...(JSON.stringify(twin.services) === JSON.stringify(subject.services) ? [] : [{ kind: 'services', to: subject.services } as const]),
  ];
}

interface Change<T> {
  readonly name: string;
  readonly from: T | undefined;
  readonly to: T | undefined;
}

function changes<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>, differs: (a: T, b: T) => boolean): Change<T>[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [from, to] = [before.get(name), after.get(name)];
    return from !== undefined && to !== undefined && !differs(from, to) ? [] : [{ name, from, to }];
  });
}

function differ(a: Uint8Array, b: Uint8Array): boolean {
  return !Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
}

/** By field where the file's fields are known; what lies between them, and other files, in runs of bytes that differ. */
function bitUnits(file: string, from: Uint8Array, to: Uint8Array, signing: Signing | undefined): Unit[] {
  const mask = from.map((byte, i) => byte ^ (to[i] ?? 0));
  const fields = fieldsOf(file, from);
  // Two certificates differ all over: nothing between the one and the other means anything.
  if (fields.length === 0 && mask.filter((byte) => byte !== 0).length > MOST_BYTES) return [{ kind: 'file', name: file, to }];
  if (signing?.form.file === file) {
    const { at, size } = signing.form.signature(signing.good);
    mask.fill(0, at, at + size);
  }
  const units: Unit[] = [];
  for (const { at, size } of fields) {
    const part = mask.slice(at, at + size);
    if (part.some((byte) => byte !== 0)) units.push({ kind: 'bits', file, at, mask: part });
    mask.fill(0, at, at + size);
  }
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    let end = at;
    while (end < mask.length && mask[end] !== 0) end++;
    units.push({ kind: 'bits', file, at, mask: mask.slice(at, end) });
    at = end;
  }
  return units;
}

function fieldsOf(file: string, src: Uint8Array): readonly { readonly at: number; readonly size: number }[] {
  try {
    return formOf(file)?.leaves(src) ?? [];
  } catch (error) {
    if (error instanceof CodecError) return [];
    throw error;
  }
}

/** The same pieces, smaller: bytes one by one, then bits one by one. Masks of more bytes than `most` stay whole. */
export function finer(units: readonly Unit[], by: 'bytes' | 'bits', most: number): Unit[] {
  return units.flatMap((unit): Unit[] => {
    if (unit.kind !== 'bits' || unit.mask.length > most) return [unit];
    return [...unit.mask].flatMap((byte, i): Unit[] => {
      const masks = by === 'bytes' ? (byte === 0 ? [] : [byte]) : [1, 2, 4, 8, 16, 32, 64, 128].filter((bit) => (byte & bit) !== 0);
      return masks.map((mask) => ({ kind: 'bits', file: unit.file, at: unit.at + i, mask: Uint8Array.of(mask) }));
    });
  });
}

/** The same pieces, with bits of the same byte, and bytes next to each other in the same field, put together again. */
export function joined(units: readonly Unit[], fieldOf: (unit: Bits) => unknown): Unit[] {
  const all: Unit[] = [];
  for (const unit of units.toSorted((a, b) => (a.kind === 'bits' && b.kind === 'bits' && a.file === b.file ? a.at - b.at : 0))) {
    const last = all.at(-1);
    if (unit.kind === 'bits' && last?.kind === 'bits' && last.file === unit.file && unit.at <= last.at + last.mask.length && fieldOf(last) === fieldOf(unit)) {
      const mask = new Uint8Array(Math.max(last.mask.length, unit.at - last.at + unit.mask.length));
      mask.set(last.mask);
      all[all.length - 1] = { ...last, mask: turned(mask, unit.at - last.at, unit.mask) };
    } else all.push(unit);
  }
  return all;
}

/** The twin with some of the pieces. */
export function withUnits(twin: Subject, units: readonly Unit[], signing?: Signing): Subject {
  const files = new Map(twin.bundle.files);
  const roots = new Map(twin.roots);
  const request: Record<string, Json> = { ...twin.request };
  let { now, services } = twin;
  for (const unit of units) {
    switch (unit.kind) {
      case 'bits':
        files.set(unit.file, turned(files.get(unit.file) ?? new Uint8Array(), unit.at, unit.mask));
        break;
      case 'file':
        put(files, unit.name, unit.to);
        break;
      case 'root':
        put(roots, unit.name, unit.to);
        break;
      case 'request':
        if (unit.to === undefined) delete request[unit.name];
        else request[unit.name] = unit.to;
        break;
      case 'now':
        now = unit.to;
        break;
      case 'services':
        services = unit.to;
    }
  }
  const signed = signing && files.get(signing.form.file);
  if (signing && signed && differ(signed, signing.good)) files.set(signing.form.file, signing.form.resign(signed, signing.good, signing.key));
  return { bundle: makeBundle(twin.bundle.manifest, files), roots, request, now, services };
}

function put(into: Map<string, Uint8Array>, name: string, contents: Uint8Array | undefined): void {
  if (contents) into.set(name, contents);
  else into.delete(name);
}

function turned(src: Uint8Array, at: number, mask: Uint8Array): Uint8Array {
  const copy = src.slice();
  mask.forEach((byte, i) => {
    copy[at + i] = (copy[at + i] ?? 0) ^ byte;
  });
  return copy;
}
