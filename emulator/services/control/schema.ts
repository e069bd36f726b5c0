/** What the control port takes and gives, as schemas: the checks of requests, the types of this code and the published JSON Schema are one. */
import { z } from 'zod';
import { FAULT_RULE } from '../faults/plan.ts';
import { LATEST_TIME } from '../../world.ts';

/** Latest time that can be set (seconds since 1970). */
const LATEST = LATEST_TIME / 1000;

const SECONDS = z.number().min(0).max(LATEST);
const SEQ = z.number().int().min(0);

/** The time of the World. */
export const CLOCK = z.strictObject({
  at: z.iso.datetime().describe('the time of the World (RFC 3339)'),
  seconds: SECONDS.describe('the same, in seconds since 1970'),
});

/** What turns the clock: one of `at`, `seconds` and `advance`. */
export const CLOCK_CHANGE = z.union([
  z.strictObject({ at: z.iso.datetime({ offset: true }).describe('the new time (RFC 3339)'), running: z.boolean().default(true).describe('go on from there, or stand still') }),
  z.strictObject({ seconds: SECONDS.describe('the new time, in seconds since 1970'), running: z.boolean().default(true).describe('go on from there, or stand still') }),
  z.strictObject({ advance: z.number().min(-LATEST).max(LATEST).describe('seconds to go forward; back if negative') }),
]);

/** A rule at work. */
export const ACTIVE_RULE = FAULT_RULE.extend({
  id: SEQ,
  matched: SEQ.describe('requests that matched'),
  injected: SEQ.describe('requests that were disturbed'),
});
/** The rules in force. */
export const RULES = z.strictObject({ rules: z.array(ACTIVE_RULE), rolls: SEQ.describe('throws of the die so far') });

/** A fault that there is. */
export const FAULT_DOC = z.strictObject({ name: z.string(), doc: z.string(), on: z.array(z.string()), parameters: z.record(z.string(), z.unknown()).describe('JSON Schema of its parameters') });

/** One line of the journal. */
export const JOURNAL_ENTRY = z.strictObject({
  seq: SEQ,
  at: z.number().describe('milliseconds since 1970, by the clock of the World'),
  operation: z.string().describe('service and route (`kds.crl`); empty when no route took the request'),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  query: z.string(),
  status: z.number().int().describe('0 when a fault sent no reply'),
  faults: z.array(z.string()),
  bodyLength: SEQ,
  body: z.string().describe('the beginning of the body'),
});
/** The journal. */
export const JOURNAL = z.strictObject({ entries: z.array(JOURNAL_ENTRY), last: SEQ.describe('number of the newest request: what to give as `since` next time') });
/** Which part of the journal. */
export const JOURNAL_QUERY = z.strictObject({ since: z.coerce.number().int().min(0).default(0), operation: z.string().max(64).default('*').describe('pattern with *') });

/** The log of the World. */
export const LOG = z.strictObject({ entries: z.array(z.strictObject({ at: z.number().describe('milliseconds since 1970, by the clock of the World'), message: z.string() })) });

/** What evidence to make; each TEE has its own members. */
export const EVIDENCE_REQUEST = z.record(z.string().max(64), z.unknown());
/** A bundle: the manifest (`bundle.json`) and the files in base64. */
export const EVIDENCE = z.strictObject({ manifest: z.record(z.string(), z.unknown()), files: z.record(z.string(), z.base64()) });

/** That it is done, or alive. */
export const OK = z.strictObject({ status: z.literal('ok') });
/** A request without members. */
export const NOTHING = z.strictObject({});

/** Every refusal. */
export const REFUSAL = z.strictObject({
  error: z.strictObject({
    code: z.string().describe('stable: programs match on it'),
    message: z.string(),
    path: z.string().optional().describe('member of the request that is at fault'),
  }),
});
