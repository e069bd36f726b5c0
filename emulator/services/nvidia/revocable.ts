/** What NVIDIA can revoke, as a request says it. */
import { verify } from 'node:crypto';
import { z } from 'zod';
import { ConfigError, TeemuError } from '../../errors.ts';
import type { NvidiaAuthority } from '../../h100/pki/authority.ts';
import { REVOCATION_REASONS, type ReasonName } from '../../pki/ocsp/response.ts';
import { NVIDIA_CHIP_NAMES } from '../../pki/profiles/nvidia-chips.ts';
import { bootRomSerial, NVIDIA_PROFILES, type NvidiaAuthorityId, type NvidiaCaId, nvidiaProfile } from '../../pki/profiles/nvidia.ts';
import { pemBlocks, readCertificate, sameBytes } from '../../pki/read.ts';

const LONGEST_PEM = 64 << 10;
const ROOTS = new Set<NvidiaAuthorityId>(['device-root', 'rim-root', 'nras-root']);
/** Whose certificate somebody above can revoke. */
const AUTHORITIES = [...NVIDIA_PROFILES.keys()].filter((id) => !ROOTS.has(id));
/** Who issues certificates and has somebody to answer for them. */
const ISSUERS = [...NVIDIA_PROFILES].flatMap(([id, { responder }]) => (responder ? [id as NvidiaCaId] : []));
const REASON = z
  .enum(Object.keys(REVOCATION_REASONS) as ReasonName[])
  .default('keyCompromise')
  .describe('certificateHold puts it on hold, removeFromCRL takes the hold back');

/** Which certificate of NVIDIA's to revoke or put on hold: a device's, an authority's or RIM signer's, any by its serial, or one that somebody holds. */
export const NVIDIA_REVOCABLE = z.union([
  z
    .strictObject({
      device: z
        .string()
        .regex(/^[0-9A-Fa-f]{16}$/)
        .describe('PDI: 16 hexadecimal digits'),
      architecture: z.enum(NVIDIA_CHIP_NAMES).default('GH100'),
      reason: REASON,
    })
    .describe('the boot ROM certificate of a GPU or switch, below which its attestation keys are'),
  z.strictObject({ authority: z.enum(AUTHORITIES), reason: REASON }).describe('an authority or a RIM signer, such as provisioner/GH100, identity/GH100, rim-ca/GH100, rim-l3/GH100, rim-l4/driver/GH100'),
  z
    .strictObject({
      serial: z
        .string()
        .regex(/^[0-9A-Fa-f]{1,40}$/)
        .describe('at most 20 bytes in hexadecimal'),
      issuer: z.enum(ISSUERS),
      reason: REASON,
    })
    .describe('any certificate by its serial'),
  z.strictObject({ vendor: z.literal('nvidia'), certificate: z.string().max(LONGEST_PEM).describe('PEM; of a chain, the first counts'), reason: REASON }).describe('a certificate that NVIDIA issued in this world'),
]);

/** Revokes, puts on hold, or takes a hold back. @throws {ConfigError} for a certificate that NVIDIA did not issue in this world, one that is not on hold, or one too many */
export function revokeOfNvidia(authority: NvidiaAuthority, what: z.output<typeof NVIDIA_REVOCABLE>): void {
  const { issuer, serial } = named(authority, what);
  if (what.reason !== 'removeFromCRL') authority.revoke(issuer, serial, what.reason);
  else if (!authority.release(issuer, serial)) throw new ConfigError('reason', 'only what is on hold can be removed from the list');
}

function named(authority: NvidiaAuthority, what: z.output<typeof NVIDIA_REVOCABLE>): { issuer: NvidiaCaId; serial: Uint8Array } {
  if ('device' in what) return { issuer: `provisioner/${what.architecture}`, serial: bootRomSerial(what.architecture, Buffer.from(what.device, 'hex')) };
  if ('authority' in what) return { issuer: nvidiaProfile(what.authority).issuer, serial: authority.serial(what.authority) };
  if ('serial' in what) return { issuer: what.issuer, serial: new Uint8Array(Buffer.from(what.serial.padStart(2 * Math.ceil(what.serial.length / 2), '0'), 'hex')) };
  return issued(authority, what.certificate);
}

/** Issuer and serial of the first certificate of a text in PEM. */
function issued(authority: NvidiaAuthority, pem: string): { issuer: NvidiaCaId; serial: Uint8Array } {
  const none = new ConfigError('certificate', 'is none that NVIDIA issued in this world; the certificate of an attestation key is issued by its device');
  try {
    const [der] = pemBlocks(pem, 'CERTIFICATE', 'certificate');
    if (!der) throw none;
    const { issuer: name, serial, tbs, signature } = readCertificate(der);
    // A certificate of another world has the same names, but to revoke it here would do nothing.
    const issuer = ISSUERS.find((id) => sameBytes(readCertificate(authority.certificate(id).der).subject, name) && verify('sha384', tbs, authority.key(id).publicKey, signature));
    if (issuer) return { issuer, serial };
  } catch (cause) {
    if (!(cause instanceof TeemuError)) throw cause;
  }
  throw none;
}
