/** What a client asks of NRAS: read strictly where it matters, and bounded. */
import { z } from 'zod';
import { TeemuError } from '../../../errors.ts';
import { CLAIMS_VERSIONS, type ClaimsVersion } from '../../../h100/eat/claims.ts';
import { parseJson } from '../../control/json.ts';
import type { RequestError } from './errors.ts';

/** Architectures, as clients name them. */
const ARCHITECTURES = { gpu: ['HOPPER', 'BLACKWELL'], switch: ['LS10'] } as const;
/** Most devices of one request; a machine has up to eight GPUs. */
const MAX_DEVICES = 16;
/** Longest base64 of a report and of a chain in PEM; genuine ones have 6 and 7 KB. */
const MAX_EVIDENCE = 32 * 1024;
const MAX_CERTIFICATE = 64 * 1024;

/** One device's evidence. */
export interface EvidenceEntry {
  /** The report. */
  readonly evidence: Uint8Array;
  /** Certificates in PEM. */
  readonly certificate: Uint8Array;
}

/** A request. */
export interface AttestRequest {
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** As it was written. */
  readonly nonceText: string;
  readonly arch: string;
  readonly version: ClaimsVersion;
  readonly devices: readonly EvidenceEntry[];
}

const bytes = (longest: number): z.ZodType<Uint8Array> =>
  z
    .string()
    .min(1)
    .max(longest)
    .transform((text, context) => {
      const decoded = Buffer.from(text, 'base64');
      if (decoded.toString('base64') === text) return new Uint8Array(decoded);
      context.addIssue('is no base64');
      return z.NEVER;
    });
/** Clients send more with each than is read: its own `arch` and `nonce`. */
const ENTRY = z.object({ evidence: bytes(MAX_EVIDENCE), certificate: bytes(MAX_CERTIFICATE) });
const ENTRIES = z.array(ENTRY).min(1).max(MAX_DEVICES);

/**
 * Reads a request's body.
 * @param assumedVersion version of the claims unless it says one
 * @returns what is asked, or which error it is answered with
 */
export function readAttestRequest(body: Uint8Array, device: 'gpu' | 'switch', assumedVersion: ClaimsVersion): AttestRequest | RequestError {
  const members = objectOf(body);
  if (!members) return 'body';
  const { nonce, arch = ARCHITECTURES[device][0], claims_version: wanted = assumedVersion, evidence_list: list, evidence, certificate } = members;
  if (typeof nonce !== 'string' || !/^[0-9a-fA-F]{64}$/.test(nonce)) return 'nonce';
  if (typeof arch !== 'string' || !ARCHITECTURES[device].some((known) => known === arch)) return 'arch';
  const version = CLAIMS_VERSIONS.find((known) => known === wanted);
  if (!version) return 'claimsVersion';
  // The first version of the service took one device's evidence without a list around it.
  const devices = ENTRIES.safeParse(list ?? [{ evidence, certificate }]);
  if (!devices.success) return 'evidenceList';
  return { nonce: new Uint8Array(Buffer.from(nonce, 'hex')), nonceText: nonce, arch, version, devices: devices.data };
}

function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseJson(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}
