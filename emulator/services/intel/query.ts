/** What requests to Intel's services say: the parameters of a query, each checked before anything is done with it. */
import { ServiceError } from '../../errors.ts';
import type { EvaluationChoice } from '../../tdx/collateral/collateral.ts';
import { PCK_CAS, type PckCa } from '../../tdx/platform/platform.ts';
import { earlyEvaluation, standardEvaluation } from '../../tdx/tcb/evaluations.ts';
import { parseJson } from '../control/json.ts';
import type { ServiceRequest } from '../http/message.ts';

/** Parameters by name. Unknown ones are passed over, as a gateway in front of a service does. */
export class Query {
  readonly #given: URLSearchParams;

  /** @param text what follows the `?`, percent-encoded */
  constructor(text: string) {
    this.#given = new URLSearchParams(text);
  }

  /** @throws {ServiceError} 400 when it is given twice */
  optional(name: string): string | undefined {
    const values = this.#given.getAll(name);
    if (values.length > 1) throw new ServiceError(400, `${name} is given twice`);
    return values[0];
  }

  /** The first value, however often it is given: PCCS looks no further. */
  first(name: string): string | undefined {
    return this.#given.get(name) ?? undefined;
  }

  /** Bytes in hex. @param length in bytes @throws {ServiceError} 400 when it is missing or something else */
  hex(name: string, length: number): Uint8Array {
    return hexOf(name, this.optional(name), length);
  }

  /** One of some words, compared exactly. @throws {ServiceError} 400 when it is missing and has no default, or is another */
  word<W extends string>(name: string, words: readonly W[], fallback?: W): W {
    const value = this.optional(name) ?? fallback;
    const found = words.find((w) => w === value);
    if (found === undefined) throw new ServiceError(400, `${name} is one of ${words.join(', ')}`);
    return found;
  }
}

/** Bytes of a text in hex. @param length in bytes @throws {ServiceError} 400 */
export function hexOf(name: string, text: unknown, length: number): Uint8Array {
  if (typeof text !== 'string' || text.length !== 2 * length || !/^[0-9a-f]*$/i.test(text)) throw new ServiceError(400, `${name} is ${2 * length} hexadecimal digits`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** FMSPC as it was written: 12 hex digits. @throws {ServiceError} 400 */
export function fmspcText(query: Query): string {
  const text = query.optional('fmspc');
  hexOf('fmspc', text, 6);
  return text ?? '';
}

/**
 * Which evaluation a query asks for.
 * @param now milliseconds since 1970
 * @throws {ServiceError} 400 for both ways of asking at once, 404 for a number that has not come yet, 410 for one that is no longer served
 */
export function evaluationChoice(query: Query, now: number): EvaluationChoice {
  const number = query.optional('tcbEvaluationDataNumber');
  if (number === undefined) return query.word<'standard' | 'early'>('update', ['standard', 'early'], 'standard');
  if (query.optional('update') !== undefined) throw new ServiceError(400, 'update and tcbEvaluationDataNumber are not for one request');
  if (!/^\d{1,9}$/.test(number)) throw new ServiceError(400, 'tcbEvaluationDataNumber is a number');
  const wanted = Number(number);
  if (wanted < 1 || wanted > earlyEvaluation(now).number) throw new ServiceError(404, `there is no evaluation ${wanted}`);
  if (wanted < standardEvaluation(now).number) throw new ServiceError(410, `evaluation ${wanted} is no longer served`);
  return wanted;
}

/** Which intermediate authority. @throws {ServiceError} 400 */
export function pckCaOf(query: Query): PckCa {
  return query.word('ca', PCK_CAS);
}

/** The JSON object that a request's body is. @throws {ServiceError} 400 when it is none */
export function jsonObject({ body }: ServiceRequest): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch (cause) {
    throw new ServiceError(400, 'the body is no JSON in UTF-8, or nested too deep', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ServiceError(400, 'the body is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}
