/** Rows of the control port: everything about one of its routes. */
import type { z } from 'zod';
import type { Params, Route } from '../http/route.ts';
import type * as schema from './schema.ts';

/** One row. */
export interface ControlRow<B extends z.ZodType = z.ZodType, Q extends z.ZodType = z.ZodType, A extends z.ZodType = z.ZodType> {
  readonly method: Route['method'];
  /** Path with parameters, as hono writes it: `/faults/:id`. */
  readonly path: string;
  readonly doc: string;
  /** Schema of the body; without it, none is read. */
  readonly body?: B;
  readonly query?: Q;
  readonly answer: A;
  /** @throws {TeemuError} to refuse */
  handle(asked: { body: z.output<B>; query: z.output<Q>; params: Params }): z.input<A> | Promise<z.input<A>>;
}

/** A row whose types are checked where it is written. */
export function controlRow<A extends z.ZodType, B extends z.ZodType = typeof schema.NOTHING, Q extends z.ZodType = typeof schema.NOTHING>(checked: ControlRow<B, Q, A>): ControlRow {
  return checked as unknown as ControlRow;
}
