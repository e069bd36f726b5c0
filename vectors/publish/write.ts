/** Writing vectors: cases built one after the other, with what they share put together. */
import { EMULATED, MANIFEST } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import type { Setting } from '../case-world.ts';
import type { BuiltCase, CaseInfo, Subject } from '../subject.ts';
import { FORMAT, keyOf, type PublishedCase, type PublishedSubject, type Vectors } from './format.ts';
import { packBlobs, unpackBlobs } from './pack.ts';

/** Members in an order of their own: equal subjects have equal texts. */
const sorted = <T>(record: Iterable<readonly [string, T]>): Record<string, T> => Object.fromEntries([...record].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Puts cases together to one file of vectors. */
export class VectorsWriter {
  readonly #head: Omit<Vectors, 'cases' | 'subjects' | 'blobs'>;
  readonly #cases: PublishedCase[] = [];
  readonly #subjects = new Map<string, PublishedSubject>();
  readonly #contents = new Map<string, Uint8Array>();

  /** @param shard where the file is one of several parts */
  constructor(suite: string, { seed, at }: Setting, shard?: Vectors['shard']) {
    if (at % 1000 !== 0) throw new ConfigError('--at', 'must be a whole second');
    this.#head = { teemuVectors: FORMAT, suite, emulated: EMULATED, seed, at: at / 1000, ...(shard === undefined || shard.of === 1 ? {} : { shard }) };
  }

  /** Adds a case. @throws {RangeError} for one that is looked at between two seconds */
  add({ info, subject, twin }: BuiltCase): void {
    this.#cases.push({ ...published(info), subject: this.#subject(subject, info.id), twin: this.#subject(twin, info.id) });
  }

  /** All of it. */
  vectors(): Vectors {
    const subjects = sorted(this.#subjects);
    return { ...this.#head, cases: this.#cases, subjects, blobs: packBlobs(this.#cases, subjects, this.#contents) };
  }

  #subject({ bundle, roots, now, request, services }: Subject, id: string): string {
    if (now % 1000 !== 0) throw new RangeError(`${id} is looked at between two seconds`);
    const manifest = Buffer.from(`${JSON.stringify(bundle.manifest, undefined, 2)}\n`);
    const subject: PublishedSubject = {
      now: now / 1000,
      request: sorted(Object.entries(request)),
      services: { ...(services.revoke ? { revoke: [...services.revoke] } : {}), ...(services.faults ? { faults: [...services.faults] } : {}) },
      files: this.#files([[MANIFEST, manifest], ...bundle.files]),
      roots: this.#files(roots),
    };
    const key = keyOf(JSON.stringify(subject));
    this.#subjects.set(key, subject);
    return key;
  }

  #files(all: Iterable<readonly [string, Uint8Array]>): Record<string, string> {
    return Object.fromEntries(
      [...all].map(([name, contents]) => {
        const key = keyOf(contents);
        this.#contents.set(key, contents);
        return [name, key];
      }),
    );
  }
}

/** What is known of a case, without members that it lacks. */
function published({ id, tee, expect, stage, reason, severity, bug, policy, ref, why, mustFetch }: CaseInfo): Omit<PublishedCase, 'subject' | 'twin'> {
  return {
    ...{ id, tee, expect },
    ...(stage === undefined ? {} : { stage }),
    ...(reason === undefined ? {} : { reason }),
    ...{ severity, bug },
    ...(policy === undefined ? {} : { policy }),
    ...{ ref, why },
    ...(mustFetch === undefined ? {} : { mustFetch: [...mustFetch] }),
  };
}

/**
 * The parts of a sharded file as one, the same as if it had never been parted.
 * @throws {ConfigError} for parts that do not make one whole
 */
export function mergeVectors(parts: readonly Vectors[]): Vectors {
  const [first] = parts;
  if (!first) throw new ConfigError('shard', 'there is no part');
  const { shard = { part: 1, of: 1 }, cases: _, subjects: __, blobs: ___, ...head } = first;
  const ordered = Array.from({ length: shard.of }, (_, i) => parts.find((one) => (one.shard?.part ?? 1) === i + 1));
  const whole = ordered.flatMap((part) => (part ? [part] : []));
  const fits = whole.every((part) => (part.shard?.of ?? 1) === shard.of && part.seed === first.seed && part.at === first.at && part.suite === first.suite);
  if (whole.length !== shard.of || parts.length !== shard.of || !fits) throw new ConfigError('shard', `these are not the ${shard.of} parts of one file`);
  const longest = Math.max(...whole.map(({ cases }) => cases.length));
  const cases = Array.from({ length: longest }, (_, i) => whole.flatMap((part) => part.cases[i] ?? [])).flat();
  const subjects = sorted(whole.flatMap((part) => Object.entries(part.subjects)));
  const contents = new Map(whole.flatMap(({ blobs }) => [...unpackBlobs(blobs, (rule) => new ConfigError('shard', rule))]));
  return { ...head, cases, subjects, blobs: packBlobs(cases, subjects, contents) };
}
