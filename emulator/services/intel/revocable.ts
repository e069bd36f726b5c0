/** What Intel can revoke and say of platforms, as a request says it. */
import { verify } from 'node:crypto';
import { z } from 'zod';
import { ConfigError, TeemuError } from '../../errors.ts';
import { OID } from '../../pki/der.ts';
import { INTEL_PROFILES } from '../../pki/profiles/intel.ts';
import { pemBlocks, readCertificate, readName } from '../../pki/read.ts';
import type { IntelAuthority } from '../../tdx/authority.ts';
import { LEVEL_STATUSES } from '../../tdx/tcb/levels.ts';

const AUTHORITIES = ['PLATFORM', 'PROCESSOR', 'ROOT'] as const;
const LONGEST_PEM = 64 << 10;

/** Which certificate of Intel's to revoke: an authority's, any by its serial, or one that somebody holds, such as the PCK certificate in a quote. */
export const INTEL_REVOCABLE = z.union([
  z.strictObject({ role: z.enum(['PLATFORM', 'PROCESSOR', 'TCB_SIGNING']) }).describe("an intermediate authority of Intel's or TCB signing, on the root's list"),
  z
    .strictObject({
      serial: z
        .string()
        .regex(/^[0-9A-Fa-f]{1,40}$/)
        .describe('at most 20 bytes in hexadecimal'),
      issuer: z.enum(AUTHORITIES).default('PLATFORM').describe('on whose list'),
    })
    .describe('any certificate by its serial; PCK certificates are on the lists of PLATFORM and PROCESSOR'),
  z.strictObject({ certificate: z.string().max(LONGEST_PEM).describe('PEM; of a chain, the first counts') }).describe('a certificate that Intel issued in this world'),
]);

/** What TCB info is to say of an FMSPC. */
export const TCB_STATUS_SETTING = z.strictObject({
  fmspc: z
    .string()
    .regex(/^[0-9A-Fa-f]{12}$/)
    .describe('12 hexadecimal digits'),
  status: z.enum(LEVEL_STATUSES).nullable().describe('null: what it says anyway'),
});

/** Revokes. @throws {ConfigError} for a certificate that Intel did not issue in this world, a serial of no bytes, or one too many */
export function revokeOfIntel(authority: IntelAuthority, what: z.output<typeof INTEL_REVOCABLE>): void {
  if ('role' in what) authority.revoke(what.role);
  else if ('serial' in what) authority.revokeSerial(what.issuer, shortest(Buffer.from(what.serial.padStart(2 * Math.ceil(what.serial.length / 2), '0'), 'hex')));
  else {
    const { issuer, serial } = issued(authority, what.certificate);
    authority.revokeSerial(issuer, shortest(serial));
  }
}

/** A serial without zeros before it. @throws {ConfigError} when nothing is left */
function shortest(serial: Uint8Array): Uint8Array {
  const first = serial.findIndex((b) => b !== 0);
  if (first < 0) throw new ConfigError('serial', 'is zero, which no certificate has');
  return Uint8Array.from(serial.subarray(first));
}

/** Issuer and serial of the first certificate of a text in PEM. */
function issued(authority: IntelAuthority, pem: string): { issuer: (typeof AUTHORITIES)[number]; serial: Uint8Array } {
  const none = new ConfigError('certificate', 'is none that Intel issued in this world');
  try {
    const [der] = pemBlocks(pem, 'CERTIFICATE', 'certificate');
    if (!der) throw none;
    const { issuer: name, serial, tbs, signature } = readCertificate(der);
    const commonName = readName(name).find(([oid]) => oid === OID.commonName)?.[1];
    const issuer = AUTHORITIES.find((role) => INTEL_PROFILES[role].commonName === commonName);
    // A certificate of another world has the same names, but to revoke it here would do nothing.
    if (issuer && verify('sha256', tbs, authority.key(issuer).publicKey, signature)) return { issuer, serial };
  } catch (cause) {
    if (!(cause instanceof TeemuError)) throw cause;
  }
  throw none;
}
