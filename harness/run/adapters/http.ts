/** A verifier that is a server: each subject is posted to it. */
import { AdapterError, ConfigError } from '../../../emulator/errors.ts';
import { stopwatch } from '../../../emulator/world.ts';
import type { Adapter, BareAnswer, Delivery, Limits, Session } from '../adapter.ts';
import { questionOf, readJudgement } from './protocol.ts';

/** @throws {ConfigError} for what is no URL of HTTP */
export function httpAdapter(url: string): Adapter {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target || !/^https?:$/.test(target.protocol)) throw new ConfigError('url', `'${url.slice(0, 100)}' is no http or https URL`);
  return { kind: 'http', name: url, open: (limits) => Promise.resolve(session(target, limits)) };
}

function session(url: URL, limits: Limits): Session {
  let seq = 0;
  let answered = false;
  const judge = async (delivery: Delivery): Promise<BareAnswer> => {
    const number = ++seq;
    const body = JSON.stringify(await questionOf(delivery, number, true));
    const watch = stopwatch();
    try {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(limits.timeout), redirect: 'error' });
      const text = await bounded(response, limits.output);
      const wallMs = watch();
      answered = true;
      if (response.status !== 200) return { verdict: 'error', detail: `HTTP ${response.status}: ${text.slice(0, 500)}`, wallMs };
      const { verdict, stage, reason, detail = '' } = readJudgement(url.href, text, number);
      return { verdict, detail: detail.slice(0, 2000), wallMs, ...(stage === undefined ? {} : { stage }), ...(reason === undefined ? {} : { reason }) };
    } catch (error) {
      const wallMs = watch();
      if (error instanceof AdapterError) return { verdict: 'error', detail: error.message.slice(0, 2000), wallMs };
      if (error instanceof Error && error.name === 'TimeoutError') return { verdict: 'hang', detail: `no answer after ${limits.timeout} ms`, wallMs };
      // A server that was never there can't be asked; one that goes away in the middle of an answer has crashed.
      if (!answered) throw new AdapterError(url.href, `can't be reached: ${reasonOf(error)}`);
      return { verdict: 'crash', detail: reasonOf(error), wallMs };
    }
  };
  return { judge, close: () => Promise.resolve() };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function bounded(response: Response, most: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > most) throw new AdapterError(response.url, `answers with more than ${most} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}
