/** Evidence as NVIDIA's tools exchange it: a JSON list of devices. */
import { CodecError } from '../../../../emulator/errors.ts';
import type { H100Appraisal } from '../reasons.ts';

/** Longest evidence that is read, in bytes: a report and a chain in base64 are 13 KiB a device. */
export const MAX_EVIDENCE = 1024 * 1024;
/** Most devices in one machine: eight GPUs and four switches are the most there are. */
export const MAX_DEVICES = 64;
/** Longest member, in characters. */
const MAX_TEXT = 64 * 1024;

/** Architectures as evidence names them. */
export const ARCHITECTURES = ['HOPPER', 'BLACKWELL', 'LS10'] as const;
export type EvidenceArchitecture = (typeof ARCHITECTURES)[number];

/** Evidence of one device. */
export interface PresentedDevice {
  /** `HOPPER`, `BLACKWELL` or `LS10`. */
  readonly architecture: string;
  /** Certificates in PEM, leaf first. */
  readonly certificateChain: Uint8Array;
  /** GET_MEASUREMENTS request and MEASUREMENTS response. */
  readonly report: Uint8Array;
  /** As it stands beside the report, hexadecimal. */
  readonly nonce?: string;
  /** As they stand beside the report. */
  readonly driverVersion?: string;
  readonly vbiosVersion?: string;
}

/** Members with how they are called here; `version` is that of the form. */
const TEXTS = { arch: 'architecture', nonce: 'nonce', driver_version: 'driverVersion', vbios_version: 'vbiosVersion' } as const;
const BYTES = { certificate: 'certificateChain', evidence: 'report' } as const;
const FORM_VERSIONS = ['1.0'];
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads evidence: a list of devices, or an object with such a list in `evidences`, as NVIDIA's command line prints.
 * @param src JSON in UTF-8, at most 1 MiB
 */
export function readEvidence(appraisal: H100Appraisal, src: Uint8Array): readonly PresentedDevice[] {
  return appraisal.attempt('evidence-json', () => evidenceList(src));
}

const fail = (path: string, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', path, 0, rule);

function evidenceList(src: Uint8Array): readonly PresentedDevice[] {
  if (src.length > MAX_EVIDENCE) throw fail('evidence', `longer than ${MAX_EVIDENCE} bytes: ${src.length}`);
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(src));
  } catch (cause) {
    throw fail('evidence', `is no JSON: ${cause instanceof Error ? cause.message.slice(0, 100) : ''}`);
  }
  const list = isRecord(value) ? wrapped(value) : value;
  if (!Array.isArray(list)) throw fail('evidence', 'must be a list of devices');
  if (list.length > MAX_DEVICES) throw fail('evidence', `has ${list.length} devices, at most ${MAX_DEVICES} can be`);
  return list.map((device: unknown, i) => deviceOf(device, `devices.${i}`));
}

/** The list in what the command line prints. */
function wrapped({ evidences, result_code: code, result_message: message, ...others }: Record<string, unknown>): unknown {
  if (Object.keys(others).length > 0) throw fail('evidence', `has an unknown member '${Object.keys(others)[0]?.slice(0, 40)}'`);
  if (code !== undefined && code !== 0) throw fail('evidence.result_code', `must be 0, is ${JSON.stringify(code)?.slice(0, 40)}`);
  if (message !== undefined && typeof message !== 'string') throw fail('evidence.result_message', 'must be a text');
  return evidences;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deviceOf(value: unknown, path: string): PresentedDevice {
  if (!isRecord(value)) throw fail(path, 'must be an object');
  const found: Record<string, string | Uint8Array> = {};
  for (const [name, member] of Object.entries(value)) {
    const where = `${path}.${name.slice(0, 40)}`;
    if (typeof member !== 'string' || member.length > MAX_TEXT) throw fail(where, `must be a text of at most ${MAX_TEXT} characters`);
    if (Object.hasOwn(TEXTS, name)) found[TEXTS[name as keyof typeof TEXTS]] = member;
    else if (Object.hasOwn(BYTES, name)) found[BYTES[name as keyof typeof BYTES]] = base64(member, where);
    else if (name !== 'version') throw fail(where, 'is no member of a device');
    else if (!FORM_VERSIONS.includes(member)) throw fail(where, `must be ${FORM_VERSIONS.join(' or ')}`);
  }
  const missing = Object.entries({ ...TEXTS, ...BYTES }).find(([name, own]) => found[own] === undefined && (name === 'arch' || Object.hasOwn(BYTES, name)));
  if (missing) throw fail(path, `has no ${missing[0]}`);
  if (typeof found.nonce === 'string' && !/^[0-9a-fA-F]{64}$/.test(found.nonce)) throw fail(`${path}.nonce`, 'must be 64 hexadecimal digits');
  return found as unknown as PresentedDevice;
}

function base64(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (text === '' || bytes.toString('base64') !== text) throw fail(path, 'is no base64 as an encoder writes it');
  return new Uint8Array(bytes);
}
