/** TCB info of version 3 and enclave identities of version 2: read strictly, with the bytes that their signature is over. Source: Intel PCS v4, appendices A and B. */
import { z } from 'zod';
import { CodecError } from '../../../../emulator/errors.ts';
import { readJson } from './json.ts';

/** What the level of a platform can be called. */
const PLATFORM_STATUSES = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked'] as const;
export type PlatformStatus = (typeof PLATFORM_STATUSES)[number];
/** What the level of a TDX module or an enclave can be called. */
const ISV_STATUSES = ['UpToDate', 'OutOfDate', 'Revoked'] as const;
export type IsvStatus = (typeof ISV_STATUSES)[number];

/** Most levels, and most modules, that are read: genuine documents have at most seven. */
const MAX_LEVELS = 64;
const MAX_ADVISORIES = 256;
/** Components in each list of a platform's level. */
const COMPONENTS = 16;

const hex = (size: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${2 * size}}$`), `must be ${size} bytes in hex`)
    .transform((text): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex')));
/** Milliseconds since 1970 of `YYYY-MM-DDThh:mm:ssZ`: no fractions, no other zone. */
const date = z.string().transform((text, context): number => {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at) && new Date(at).toISOString() === text.replace('Z', '.000Z')) return at;
  context.addIssue({ code: 'custom', message: 'must be a time written YYYY-MM-DDThh:mm:ssZ' });
  return z.NEVER;
});
const svn = (highest: number) => z.int().min(0).max(highest);
const advisories = z.array(z.string().min(1).max(64)).max(MAX_ADVISORIES).default([]);
const level = <T extends z.ZodType, S extends readonly string[]>(tcb: T, statuses: S) => z.object({ tcb, tcbDate: date, tcbStatus: z.enum(statuses), advisoryIDs: advisories });
const isvLevels = z
  .array(level(z.object({ isvsvn: svn(0xffff) }), ISV_STATUSES))
  .min(1)
  .max(MAX_LEVELS);
const components = z.array(z.object({ svn: svn(0xff) })).length(COMPONENTS);
const platformLevel = level(z.object({ sgxtcbcomponents: components, pcesvn: svn(0xffff), tdxtcbcomponents: components }), PLATFORM_STATUSES);
const moduleShape = { mrsigner: hex(48), attributes: hex(8), attributesMask: hex(8) };
const issued = { issueDate: date, nextUpdate: date, tcbEvaluationDataNumber: z.int().min(0).max(0xffffffff) };

// Members that this does not know are left out: they are signed, and Intel adds some over time.
const TCB_INFO = z.object({
  ...issued,
  id: z.literal('TDX'),
  version: z.literal(3),
  fmspc: hex(6),
  pceId: hex(2),
  tcbType: z.literal(0),
  tdxModule: z.object(moduleShape),
  tdxModuleIdentities: z
    .array(z.object({ id: z.string().regex(/^TDX_[0-9a-f]{2}$/i), ...moduleShape, tcbLevels: isvLevels }))
    .max(MAX_LEVELS)
    .default([]),
  tcbLevels: z.array(platformLevel).min(1).max(MAX_LEVELS),
});
const QE_IDENTITY = z.object({
  ...issued,
  id: z.literal('TD_QE'),
  version: z.literal(2),
  miscselect: hex(4),
  miscselectMask: hex(4),
  attributes: hex(16),
  attributesMask: hex(16),
  mrsigner: hex(32),
  isvprodid: svn(0xffff),
  tcbLevels: isvLevels,
});
/** What says how the rest is to be read. */
const HEAD = z.looseObject({ id: z.string().max(64).optional(), version: z.number() });
// Nothing signs what stands beside the signed part: nothing may stand there.
const TCB_INFO_ANSWER = z.strictObject({ tcbInfo: HEAD, signature: hex(64) });
const QE_IDENTITY_ANSWER = z.strictObject({ enclaveIdentity: HEAD, signature: hex(64) });

export type TcbInfo = z.infer<typeof TCB_INFO>;
export type QeIdentity = z.infer<typeof QE_IDENTITY>;
export type PlatformLevel = TcbInfo['tcbLevels'][number];
export type IsvLevel = QeIdentity['tcbLevels'][number];
export type TdxModuleIdentity = TcbInfo['tdxModuleIdentities'][number];

/** A document that says what it is; nothing else of it has been read. */
export interface OpenedDocument<T> {
  /** As the document has them: `TDX`, `SGX`, `TD_QE`, …; TCB info of version 2 has no id. */
  readonly id: string | undefined;
  readonly version: number;
  /** The bytes that are signed. */
  readonly signed: Uint8Array;
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array;
  /** Reads the rest. @throws {CodecError} ERR_CODEC_RANGE with the member */
  readonly read: () => T;
}

/** TCB info as it is served: `{"tcbInfo":{…},"signature":"…"}`. @throws {CodecError} ERR_CODEC_RANGE */
export function openTcbInfo(src: Uint8Array, path: string): OpenedDocument<TcbInfo> {
  const { value, raw } = readJson(src, path);
  const { tcbInfo, signature } = checked(TCB_INFO_ANSWER, value, path);
  return opened(tcbInfo, raw.get('tcbInfo'), signature, TCB_INFO, `${path}.tcbInfo`);
}

/** An enclave's identity as it is served: `{"enclaveIdentity":{…},"signature":"…"}`. @throws {CodecError} ERR_CODEC_RANGE */
export function openQeIdentity(src: Uint8Array, path: string): OpenedDocument<QeIdentity> {
  const { value, raw } = readJson(src, path);
  const { enclaveIdentity, signature } = checked(QE_IDENTITY_ANSWER, value, path);
  return opened(enclaveIdentity, raw.get('enclaveIdentity'), signature, QE_IDENTITY, `${path}.enclaveIdentity`);
}

function opened<T>(document: z.infer<typeof HEAD>, signed: Uint8Array | undefined, signature: Uint8Array, schema: z.ZodType<T>, path: string): OpenedDocument<T> {
  if (signed === undefined) throw new CodecError('ERR_CODEC_RANGE', path, 0, 'is missing');
  const { id, version } = document;
  return { id, version, signed, signature, read: () => checked(schema, document, path) };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new CodecError('ERR_CODEC_RANGE', [path, ...(issue?.path ?? []).map(String)].join('.').slice(0, 200), 0, issue?.message.slice(0, 200) ?? 'is not as specified');
}
