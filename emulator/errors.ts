import type { z } from 'zod';

/**
 * Every error teemu throws on purpose. `code` is stable: programs match on it, never on the message.
 *
 * No bytes from a peer can make teemu throw anything but {@link TeemuError}. A wrong argument by the calling program is a
 * plain `TypeError` or `RangeError`, as in the rest of JavaScript.
 */
export type TeemuErrorCode =
  /** The bytes end before the structure does. */
  | 'ERR_CODEC_TRUNCATED'
  /** The bytes go on after the structure ends, or a stated length disagrees with what follows. */
  | 'ERR_CODEC_LENGTH'
  /** A byte or bit that must be zero is not. */
  | 'ERR_CODEC_RESERVED'
  /** A value does not fit into its field, or is none of those that the format knows. */
  | 'ERR_CODEC_RANGE'
  /** A field of that name does not exist in the structure. */
  | 'ERR_CODEC_FIELD'
  /** The bytes are no DER, PEM, certificate or CRL that the parser can read. */
  | 'ERR_PKI_PARSE'
  /** A key or certificate that must come from a test world does not, or belongs to a vendor. */
  | 'ERR_KEY_NOT_TEST'
  /** An option, file or request names something that cannot be. */
  | 'ERR_CONFIG'
  /** A file or folder could not be read or written, or is not safe to use. */
  | 'ERR_FILE'
  /** The emulated firmware is not in the state that the command needs. */
  | 'ERR_FIRMWARE_STATE'
  /** The emulated firmware refuses the command; `status` of {@link FirmwareError} says why. */
  | 'ERR_FIRMWARE_STATUS'
  /** A sealed message was forged, replayed, or sealed under another key. */
  | 'ERR_SEAL'
  /** The other end of an SPDM connection breaks the protocol, refuses, or does not prove who it is; `reason` of `SpdmError` says which. */
  | 'ERR_SPDM'
  /** A service refuses a request. */
  | 'ERR_SERVICE'
  /** A verifier under test can't be started, or can't be asked any more. */
  | 'ERR_ADAPTER';

/** The base of every error thrown by teemu; `code` is stable across releases. */
export class TeemuError extends Error {
  override readonly name: string = 'TeemuError';
  readonly code: TeemuErrorCode;

  constructor(code: TeemuErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes that are not what a wire structure says they must be: which field, at which offset from the structure's start. */
export class CodecError extends TeemuError {
  override readonly name = 'CodecError';
  /** Dotted path of the field, beginning with the structure's name: `snp.report.v3.policy`. */
  readonly path: string;
  /** Byte offset from the start of the outermost structure. */
  readonly at: number;
  /** The message without path and offset: what must be, and what is. */
  readonly rule: string;

  constructor(code: TeemuErrorCode, path: string, at: number, rule: string, options?: ErrorOptions) {
    super(code, `${path} (0x${at.toString(16)}): ${rule}`, options);
    this.path = path;
    this.at = at;
    this.rule = rule;
  }
}

/** A setting that cannot be: `key` is the option or member as the user wrote it. */
export class ConfigError extends TeemuError {
  override readonly name = 'ConfigError';
  readonly key: string;

  constructor(key: string, message: string, options?: ErrorOptions) {
    super('ERR_CONFIG', `${key}: ${message}`, options);
    this.key = key;
  }
}

/** A service's refusal, with the HTTP status that the vendor's service gives. */
export class ServiceError extends TeemuError {
  override readonly name = 'ServiceError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super('ERR_SERVICE', message, options);
    this.status = status;
  }
}

/** A verifier that can't be asked: `stderr` is the end of what it complained of. */
export class AdapterError extends TeemuError {
  override readonly name = 'AdapterError';
  readonly adapter: string;
  readonly stderr: string;

  constructor(adapter: string, message: string, { stderr = '', cause }: { stderr?: string; cause?: unknown } = {}) {
    super('ERR_ADAPTER', `${adapter}: ${message}${stderr === '' ? '' : `\n${stderr}`}`, { cause });
    this.adapter = adapter;
    this.stderr = stderr;
  }
}

/** Statuses that say nothing but that the command came too early or too late: AMD's, then those of Intel's TDX module. */
const WRONG_STATE = /^INVALID_(GUEST|PLATFORM)_STATE|^TDX_(OP|LIFECYCLE)_STATE_INCORRECT$/;

/** The emulated firmware's refusal, with the status code that the hardware returns. */
export class FirmwareError extends TeemuError {
  override readonly name = 'FirmwareError';
  /** Status code as the firmware reports it, and its name in the specification. */
  readonly status: number;
  readonly statusName: string;

  constructor(status: number, statusName: string, message: string) {
    super(WRONG_STATE.test(statusName) ? 'ERR_FIRMWARE_STATE' : 'ERR_FIRMWARE_STATUS', `${statusName} (0x${status.toString(16)}): ${message}`);
    this.status = status;
    this.statusName = statusName;
  }
}

/**
 * The first thing that is wrong with what a schema refused; of several forms, the one that is nearest to what was given counts.
 * `path` is the member, with dots; empty when it is the whole.
 */
export function firstIssue(error: z.ZodError): { path: string; message: string } {
  const { path, message } = innermost(error.issues[0], []);
  return { path: path.join('.'), message };
}

function innermost(issue: z.core.$ZodIssue | undefined, outer: readonly PropertyKey[]): { path: readonly PropertyKey[]; message: string } {
  const path = [...outer, ...(issue?.path ?? [])];
  if (issue?.code === 'unrecognized_keys') return { path: [...path, ...issue.keys.slice(0, 1)], message: issue.message };
  // A choice that says in words of its own what it wants says it better than any of its branches.
  const [nearest] = issue?.code === 'invalid_union' && issue.message === 'Invalid input' ? issue.errors.toSorted((a, b) => distance(a) - distance(b)) : [];
  return nearest ? innermost(nearest[0], path) : { path, message: issue?.message ?? 'cannot be' };
}

/** In how many members something differs from a form. */
function distance(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : issue.code === 'invalid_union' ? Math.min(...issue.errors.map(distance)) : 1), 0);
}
