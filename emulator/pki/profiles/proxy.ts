/**
 * The table of certificates with which the proxy of `teemu serve` stands in for the vendors' hosts: a root of its own, and a leaf for each host.
 * The root carries the test marker, and can vouch for nothing but the emulated hosts (critical name constraints).
 */
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  ExtendedKeyUsage,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_extKeyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  NameConstraints,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';
import { ecdsaWith, type NameAttribute, OID } from '../der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage, subjectKeyIdentifier, testMarker } from '../extensions.ts';
import type { CertificateSpec, ExtensionSpec } from '../issue.ts';

const DAY = 86_400_000;
/** What the serial of every such certificate begins with: "TEEMU". */
export const SERIAL_MARKER: Uint8Array = Uint8Array.from(Buffer.from('TEEMU', 'ascii'));

/** One row: everything about one kind of certificate. */
export interface ProxyProfile {
  readonly role: 'root' | 'host';
  /** @param host name of the host, for a leaf */
  readonly subject: (host: string) => readonly NameAttribute[];
  /** Lifetime, in milliseconds since 1970, for certificates made at `now`: a span around it that clients of all makes accept. */
  readonly validity: (now: number) => { notBefore: number; notAfter: number };
  readonly extensions: (context: { host: string; hosts: readonly string[]; spki: Uint8Array; issuerSpki: Uint8Array }) => ExtensionSpec[];
}

const bytesOf = (value: unknown): Uint8Array => new Uint8Array(AsnConvert.serialize(value));
const dayOf = (at: number): number => Math.floor(at / DAY) * DAY;

const ROOT_NAME: readonly NameAttribute[] = [
  [OID.organization, 'teemu'],
  [OID.commonName, 'teemu proxy test root - do not trust'],
];

/** Every certificate of the proxy, by role. */
export const PROXY_PROFILES: Readonly<Record<ProxyProfile['role'], ProxyProfile>> = {
  root: {
    role: 'root',
    subject: () => ROOT_NAME,
    validity: (now) => ({ notBefore: dayOf(now) - 365 * DAY, notAfter: dayOf(now) + 3650 * DAY }),
    extensions: ({ hosts, spki }) => [
      basicConstraintsCa(0),
      keyUsage('keyCertSign', 'cRLSign'),
      subjectKeyIdentifier(spki),
      {
        oid: id_ce_nameConstraints,
        critical: true,
        value: bytesOf(new NameConstraints({ permittedSubtrees: new GeneralSubtrees(hosts.map((dNSName) => new GeneralSubtree({ base: new GeneralName({ dNSName }) }))) })),
      },
      testMarker(),
    ],
  },
  host: {
    role: 'host',
    subject: (host) => [
      [OID.organization, 'teemu'],
      [OID.commonName, host],
    ],
    // 396 days: some clients refuse a server certificate that lives longer than 398.
    validity: (now) => ({ notBefore: dayOf(now) - 30 * DAY, notAfter: dayOf(now) + 366 * DAY }),
    extensions: ({ host, spki, issuerSpki }) => [
      basicConstraintsLeaf(),
      keyUsage('digitalSignature'),
      { oid: id_ce_extKeyUsage, critical: false, value: bytesOf(new ExtendedKeyUsage([id_kp_serverAuth])) },
      subjectKeyIdentifier(spki),
      authorityKeyIdentifier(issuerSpki),
      { oid: id_ce_subjectAltName, critical: false, value: bytesOf(new SubjectAlternativeName([new GeneralName({ dNSName: host })])) },
      testMarker(),
    ],
  },
};

/** Fills a row in. @param serial what follows the marker in the serial number @param now milliseconds since 1970 */
export function proxyCertificateSpec(
  profile: ProxyProfile,
  { now, host, hosts, spki, issuerSpki, serial }: { now: number; host: string; hosts: readonly string[]; spki: Uint8Array; issuerSpki: Uint8Array; serial: Uint8Array },
): CertificateSpec {
  return {
    serial: Uint8Array.of(...SERIAL_MARKER, ...serial),
    issuer: ROOT_NAME,
    subject: profile.subject(host),
    ...profile.validity(now),
    spki,
    signatureAlgorithm: ecdsaWith('P-256'),
    extensions: profile.extensions({ host, hosts, spki, issuerSpki }),
  };
}
