/** A verifier that is a function of this process: for test suites in TypeScript, and for the reference verifiers. */
import { stopwatch } from '../../../emulator/world.ts';
import type { Subject } from '../../../vectors/subject.ts';
import type { Adapter, BareAnswer, Delivery } from '../adapter.ts';

/** What such a function answers: whether it accepts, or more words. */
export type FunctionVerdict = boolean | { readonly verdict: 'accept' | 'reject' | 'error' | 'skip'; readonly stage?: string; readonly reason?: string; readonly detail?: string };

/** Judges a subject. What it throws is a rejection, as libraries do that refuse by throwing. `services` starts those of the case. */
export type VerifierFunction = (subject: Subject, about: { readonly id: string; readonly tee: string; services(): Promise<Readonly<Record<string, string>>> }) => FunctionVerdict | Promise<FunctionVerdict>;

/** @param name for people */
export function functionAdapter(name: string, verify: VerifierFunction): Adapter {
  const judge = async ({ id, tee, subject, services }: Delivery, timeout: number): Promise<BareAnswer> => {
    const watch = stopwatch();
    try {
      const answer = verify(subject, { id, tee, services });
      const said = answer instanceof Promise ? await before(answer, timeout) : answer;
      const wallMs = watch();
      if (said === undefined) return { verdict: 'hang', detail: `no answer after ${timeout} ms`, wallMs };
      if (typeof said === 'boolean') return { verdict: said ? 'accept' : 'reject', detail: '', wallMs };
      const { verdict, stage, reason, detail = '' } = said;
      return { verdict, detail, wallMs, ...(stage === undefined ? {} : { stage }), ...(reason === undefined ? {} : { reason }) };
    } catch (error) {
      return { verdict: 'reject', detail: error instanceof Error ? error.message : String(error), wallMs: watch() };
    }
  };
  return { kind: 'function', name, open: ({ timeout }) => Promise.resolve({ name, judge: (delivery) => judge(delivery, timeout), close: () => Promise.resolve() }) };
}

/** What a promise gives, or nothing when it takes too long. */
async function before<T>(promise: Promise<T>, timeout: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
