/** What a relying party expects of TDX evidence. */
import { ConfigError } from '../../../emulator/errors.ts';
import type { PckCa } from './pki/chains.ts';
import type { TdxTrust } from './pki/trust.ts';
import type { AttributeFlag, Wish, XfamFeature } from './policy.ts';
import { TCB_STATUSES, type TcbStatus } from './tcb/levels.ts';

/** One value, or any of several. */
export type OneOf<T> = T | readonly T[];

/** A status that a relying party can accept; a revoked TCB it can't. */
export type AcceptableStatus = Exclude<TcbStatus, 'Revoked'>;
/** A flag of a PCK certificate of the Platform CA. */
export type ConfigurationFlag = 'dynamicPlatform' | 'cachedKeys' | 'smtEnabled';

/**
 * What evidence must be to be accepted. Only `trust` and `now` are needed: without more, that is a quote of a platform under a trusted root
 * whose TCB is up to date, about a TD that its host can neither debug, profile nor have migrated. It says nothing about which TD unless
 * `mrTd` and the other measurements are given, nor that it is alive unless `reportData` is.
 */
export interface TdxExpectations {
  readonly trust: TdxTrust;
  /** Milliseconds since 1970. */
  readonly now: number;

  // Binding
  /** 64 bytes. */
  readonly reportData?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly mrTd?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly mrConfigId?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly mrOwner?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly mrOwnerConfig?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly rtmr0?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly rtmr1?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly rtmr2?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly rtmr3?: OneOf<Uint8Array>;
  /** Accept an RTMR3 that the event log has no event for: what is measured at run time is often logged elsewhere. */
  readonly allowUnloggedRuntime?: boolean;

  // Policy
  /** Per attribute of the TD: refused, allowed or required. Debugging, profiling and migration are refused, SEPT_VE_DISABLE is required, everything else is allowed unless said here. */
  readonly attributes?: Readonly<Partial<Record<AttributeFlag, Wish>>>;
  /** Per feature in XFAM: what every TD must have is required, what no TD may have is refused, everything else is allowed unless said here. */
  readonly xfam?: Readonly<Partial<Record<XfamFeature, Wish>>>;
  /** MRSERVICETD, 48 bytes; no service TD is accepted without. */
  readonly mrServiceTd?: OneOf<Uint8Array>;
  /** Accept any service TDs. */
  readonly allowServiceTd?: boolean;
  /** Measurements of TDX modules, 48 bytes. */
  readonly mrSeam?: OneOf<Uint8Array>;
  /** Kinds of platform, 6 bytes. */
  readonly fmspc?: OneOf<Uint8Array>;
  /** Which authority certifies the PCK. */
  readonly pckCa?: OneOf<PckCa>;
  /** Per flag of the platform: must be on (`true`) or off. A platform of the Processor CA states none. */
  readonly platformConfiguration?: Readonly<Partial<Record<ConfigurationFlag, boolean>>>;

  // TCB
  /** Statuses that are accepted; only `UpToDate` unless said here. */
  readonly tcbStatuses?: readonly AcceptableStatus[];
  /** Security advisories that must not apply: `INTEL-SA-00615`. */
  readonly refusedAdvisories?: readonly string[];
  /** The oldest evaluation of TCB info and identity. */
  readonly minimumTcbEvaluationDataNumber?: number;
  /** Accept TCB info and identity of two evaluations. */
  readonly allowMixedEvaluations?: boolean;

  // Form
  /** Accept a PCK certificate with extensions that genuine ones do not have. */
  readonly allowOtherExtensions?: boolean;
  /** Accept reserved bytes that are not zero, but no reserved bits of a TD or an enclave. */
  readonly allowReserved?: boolean;
  /** Refuse bytes behind the quote. Genuine quotes come in buffers that are longer. */
  readonly exactLength?: boolean;

  // Freshness
  /** Longest time since TCB info and identity were issued, in milliseconds. */
  readonly maximumCollateralAge?: number;
  /** Longest time since the PCK certificate was issued, in milliseconds. */
  readonly maximumLeafAge?: number;
  /** Longest time since the revocation lists were issued, in milliseconds. */
  readonly maximumCrlAge?: number;
}

/** The values that a wish allows. */
export function anyOf<T>(wish: OneOf<T>): readonly T[] {
  return Array.isArray(wish) ? (wish as readonly T[]) : [wish as T];
}

const LENGTHS = { reportData: 64, mrTd: 48, mrConfigId: 48, mrOwner: 48, mrOwnerConfig: 48, rtmr0: 48, rtmr1: 48, rtmr2: 48, rtmr3: 48, mrServiceTd: 48, mrSeam: 48, fmspc: 6 } as const satisfies Partial<
  Record<keyof TdxExpectations, number>
>;

/** Refuses expectations that no evidence could ever meet. @throws {ConfigError} naming the member @throws {RangeError} for a time that is none */
export function checkExpectations(expectations: TdxExpectations): void {
  if (!Number.isFinite(expectations.now)) throw new RangeError(`now must be milliseconds since 1970, is ${expectations.now}`);
  for (const [key, length] of Object.entries(LENGTHS)) {
    const wish = expectations[key as keyof typeof LENGTHS];
    if (wish === undefined) continue;
    for (const bytes of anyOf(wish)) if (bytes.length !== length) throw new ConfigError(key, `must be ${length} bytes, is ${bytes.length}`);
  }
  const { tcbStatuses } = expectations;
  if (tcbStatuses?.length === 0) throw new ConfigError('tcbStatuses', 'must name a status');
  const unknown = tcbStatuses?.find((status) => !TCB_STATUSES.includes(status) || (status as TcbStatus) === 'Revoked');
  if (unknown !== undefined) throw new ConfigError('tcbStatuses', `'${unknown}' is none of ${TCB_STATUSES.filter((s) => s !== 'Revoked').join(', ')}`);
}

/** Everything that a relying party can ask for but whom it trusts and when, for those who get it from outside. */
export const TDX_WISHES: Readonly<Record<Exclude<keyof TdxExpectations, 'trust' | 'now'>, true>> = {
  reportData: true,
  mrTd: true,
  mrConfigId: true,
  mrOwner: true,
  mrOwnerConfig: true,
  rtmr0: true,
  rtmr1: true,
  rtmr2: true,
  rtmr3: true,
  allowUnloggedRuntime: true,
  attributes: true,
  xfam: true,
  mrServiceTd: true,
  allowServiceTd: true,
  mrSeam: true,
  fmspc: true,
  pckCa: true,
  platformConfiguration: true,
  tcbStatuses: true,
  refusedAdvisories: true,
  minimumTcbEvaluationDataNumber: true,
  allowMixedEvaluations: true,
  allowOtherExtensions: true,
  allowReserved: true,
  exactLength: true,
  maximumCollateralAge: true,
  maximumLeafAge: true,
  maximumCrlAge: true,
};
