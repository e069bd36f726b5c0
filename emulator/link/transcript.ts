/**
 * What happened on a link, written down in JSON: enough for any implementation of one end to be led through it again, without a GPU, a driver or a
 * clock. Bytes are hexadecimal. An implementation accepts a transcript when every step does what the step says, and refuses it at the first that does not.
 */
import { z } from 'zod';
import { KEY_SLOTS } from './channel/labels.ts';

/** Longest bytes of one step: a message of 2 MiB. */
const MOST_HEX = 2 * (2 << 20);
const MOST_STEPS = 4096;
const bytes = (size?: number): z.ZodString =>
  z
    .string()
    .regex(size === undefined ? /^([0-9a-f]{2})*$/ : new RegExp(`^[0-9a-f]{${2 * size}}$`))
    .max(MOST_HEX);
const name = z.string().regex(/^[a-z0-9-]{1,40}$/);
const label = z.enum(KEY_SLOTS.flatMap(({ label: text }) => (text === undefined ? [] : [text])) as [string, ...string[]]);
const SEALED = { text: bytes(), tag: bytes(16) };

/** One thing that this end does, or that comes to it. */
const STEP = z.discriminatedUnion('do', [
  z
    .strictObject({
      do: z.literal('channel'),
      channel: name,
      key: label.describe('a key of the pair of the channel'),
      messages: z
        .string()
        .regex(/^\d{1,20}$/)
        .optional()
        .describe('as if that many messages had passed each way'),
      nonce: bytes(32).optional(),
    })
    .describe('opens a channel'),
  z.strictObject({ do: z.literal('deliver'), channel: name, ...SEALED, plain: bytes() }).describe('the next message of the other end'),
  z.strictObject({ do: z.literal('log'), channel: name, as: name }).describe('takes the IV of a message that will come later'),
  z.strictObject({ do: z.literal('late'), as: name, version: z.number().int().min(0).max(1000).describe('key version that it was sealed under'), ...SEALED, plain: bytes() }).describe('the message of that IV'),
  z.strictObject({ do: z.literal('seal'), channel: name, plain: bytes(), ...SEALED }).describe('this end seals its next message: that must come out'),
  z.strictObject({ do: z.literal('acquire'), channel: name, as: name }).describe('takes an IV of its own'),
  z.strictObject({ do: z.literal('seal-with'), as: name, plain: bytes(), ...SEALED }).describe('seals with that IV'),
  z.strictObject({ do: z.literal('rotate'), key: label, masks: z.tuple([bytes(12), bytes(12)]) }).describe('rotates the keys of a pair, in all its channels'),
  z.strictObject({ do: z.literal('rotate-iv'), channel: name }).describe('moves both directions of a channel to the next channel counter'),
  z.strictObject({ do: z.literal('work'), channel: name, methods: bytes(), mac: bytes(32) }).describe('signed work for SEC2'),
  z.strictObject({ do: z.literal('rpc'), channel: name, element: bytes(), plain: bytes() }).describe('elements of a queue of GSP'),
  z.strictObject({ do: z.literal('fault'), channel: name, packet: bytes(32), metadata: bytes(32), address: z.string().regex(/^\d{1,20}$/) }).describe('a fault of the GPU'),
  z.strictObject({ do: z.literal('queue'), channel: name }).describe('another push is under way'),
  z.strictObject({ do: z.literal('semaphore'), channel: name, memory: bytes(64), completed: z.number().int().min(0) }).describe('what stands in the tracking semaphore'),
  z.strictObject({ do: z.literal('wait'), milliseconds: z.number().int().min(0).max(86_400_000) }),
  z.strictObject({ do: z.literal('heartbeat') }),
]);
/** One step of a channel's transcript. */
export type ChannelStep = z.output<typeof STEP>;

const CHANNEL = z.strictObject({
  form: z.literal(1),
  kind: z.literal('channel'),
  scheme: z.enum(['hopper', 'blackwell']),
  end: z.enum(['driver', 'gpu']).describe('whose steps these are'),
  emk: bytes(32).describe('export master key of the session'),
  masks: z.partialRecord(label, bytes(12)).describe('IV masks that the GPU chose, by label'),
  steps: z.array(STEP).max(MOST_STEPS),
});
/** The transcript of one end of a session's channels. */
export type ChannelTranscript = z.output<typeof CHANNEL>;

const EVENT = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('request'), frame: bytes() }),
  z.strictObject({ do: z.literal('response'), frame: bytes() }),
  z.strictObject({ do: z.literal('export'), emk: bytes(32) }).describe('the export master key is taken from the session'),
]);

const SPDM = z.strictObject({
  form: z.literal(1),
  kind: z.literal('spdm'),
  binding: z.enum(['mctp', 'doe', 'mailbox']),
  shared: bytes(48).describe('X coordinate of the shared point'),
  events: z.array(EVENT).max(MOST_STEPS),
});
/** The transcript of an SPDM connection with one session. */
export type SpdmTranscript = z.output<typeof SPDM>;

/** A transcript of either kind. */
export const LINK_TRANSCRIPT: z.ZodDiscriminatedUnion<[typeof CHANNEL, typeof SPDM]> = z.discriminatedUnion('kind', [CHANNEL, SPDM]);
