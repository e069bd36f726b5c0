/** What a row of a fault table says. */
import { z } from 'zod';
import type { Reply, ServiceRequest } from '../http/message.ts';
import type { Params } from '../http/route.ts';

/** One request on its way through a service, as a fault sees it. */
export interface Exchange<S> {
  readonly service: S;
  readonly request: ServiceRequest;
  /** Of the route; empty when none took the request. */
  readonly params: Params;
  /** The answer without this fault. Not asking for it leaves the work undone. */
  honest(): Reply | Promise<Reply>;
  /** Milliseconds since 1970. */
  now(): number;
}

/** One row: everything about one fault. */
export interface FaultRow<S = unknown> {
  readonly name: string;
  readonly doc: string;
  /** Operations that it can disturb, as patterns: `*`, `kds.crl`. */
  readonly on: readonly string[];
  /** Its parameters, each with a default. */
  readonly parameters: z.ZodObject;
  /** Checks parameters and gives what is done to exchanges. @throws {z.ZodError} */
  prepare(parameters: unknown): Disturbance<S>;
}

/** A fault with its parameters. */
export interface Disturbance<S = unknown> {
  disturb(exchange: Exchange<S>): Reply | Promise<Reply>;
}

/** Makes a row whose `disturb` is given parameters of the right type. */
export function faultRow<S, P extends z.ZodRawShape>(row: {
  readonly name: string;
  readonly doc: string;
  readonly on: readonly string[];
  readonly parameters: P;
  disturb(exchange: Exchange<S>, parameters: z.output<z.ZodObject<P>>): Reply | Promise<Reply>;
}): FaultRow<S> {
  const parameters = z.strictObject(row.parameters);
  return {
    name: row.name,
    doc: row.doc,
    on: row.on,
    parameters,
    prepare: (input) => {
      const checked = parameters.parse(input) as z.output<z.ZodObject<P>>;
      return { disturb: (exchange) => row.disturb(exchange, checked) };
    },
  };
}
