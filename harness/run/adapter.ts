/** How verifiers are asked, whatever they are written in. */
import type { Subject } from '../../vectors/subject.ts';
import type { Answer } from './result.ts';

/** One question, and what a verifier may want to know to answer it. */
export interface Delivery {
  /** Of the case; the twin's ends in `+twin`. */
  readonly id: string;
  readonly tee: string;
  readonly subject: Subject;
  /**
   * The subject as files in a folder of its own, which goes away after the answer: `bundle/`, `roots/`, `request.json`. Written when first asked for.
   * @throws {TeemuError} ERR_FILE
   */
  folder(): Promise<string>;
  /** Base URLs of the services of this subject, by name (`kds`, `pcs`, `rim`, `ocsp`, `proxy`, …); `caFile` is the path of the proxy's root. Started when first asked for. */
  services(): Promise<Readonly<Record<string, string>>>;
}

/** What an answer is before the run adds what it saw itself. */
export type BareAnswer = Omit<Answer, 'fetched'>;

/** A verifier ready to be asked. */
export interface Session {
  /** The verifier's own name and version, where it says them. */
  readonly name?: string;
  readonly version?: string;
  /** What came of it, also when the verifier dies or does not answer. @throws {AdapterError} when it can't be asked at all any more */
  judge(delivery: Delivery): Promise<BareAnswer>;
  /** Ends it, and everything that it started. */
  close(): Promise<void>;
}

/** A way of asking a verifier. */
export interface Adapter {
  /** `command`, `json-lines`, `http`, `function`. */
  readonly kind: string;
  /** For people: the command, the URL, the name. */
  readonly name: string;
  /** @param limits what one answer may take @throws {AdapterError} when the verifier can't be started */
  open(limits: Limits): Promise<Session>;
}

/** What one answer may take. */
export interface Limits {
  /** Milliseconds. */
  readonly timeout: number;
  /** Bytes of memory of the verifier and all that it started. */
  readonly memory: number;
  /** Bytes that it may write. */
  readonly output: number;
}

/** Enough for any verifier that does nothing wrong. */
export const DEFAULT_LIMITS: Limits = { timeout: 30_000, memory: 2 * 2 ** 30, output: 64 << 20 };
