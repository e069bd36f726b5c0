/**
 * The table of every certificate and list that AMD's side of a World issues, in the genuine shape: names and the order of their attributes,
 * extensions with their order and criticality, serials, PSS parameters, lifetimes.
 *
 * Differences from the genuine ones: an ARK carries the test marker (a Netscape Comment) as a fifth, non-critical extension, last; the
 * keys are test keys. ASK, ASVK, VCEK and VLEK have no room for a marker: their extension lists are fixed, and strict verifiers refuse more.
 */
import type { Signer } from '../../crypto/sign.ts';
import type { Line, LineRow } from '../../snp/platform/products.ts';
import { LINE_TABLE } from '../../snp/platform/products.ts';
import type { Tcb } from '../../snp/platform/tcb.ts';
import { derIa5String, derInteger, type NameAttribute, OID, pssSha384 } from '../der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, crlDistributionPoint, crlNumber, keyUsage, subjectKeyIdentifier, testMarker } from '../extensions.ts';
import type { CertificateSpec, ExtensionSpec } from '../issue.ts';
import type { CrlSpec, Revocation } from '../revoke.ts';

const DAY = 86_400_000;
/** Leaves are issued anew at the start of each such period, so that everything made in one session agrees. */
export const LEAF_PERIOD = 30 * DAY;
/** How long a genuine CRL of AMD's lives at least; real ones were seen with 46 to 376 days. */
const CRL_DAYS = 370;

/** What a VCEK or VLEK vouches for. */
export interface LeafSubject {
  /** The chip (8 or 64 bytes), for a VCEK. */
  readonly hwid?: Uint8Array;
  /** The cloud provider, for a VLEK. */
  readonly cspId?: string;
  readonly tcb: Tcb;
  /** productName, where it is not the line's usual one: reports of version 2 need one with a stepping. */
  readonly productName?: string;
}

/** One row: everything about one kind of certificate but whose key signs it. */
export interface AmdProfile {
  readonly role: 'ARK' | 'ASK' | 'ASVK' | 'VCEK' | 'VLEK';
  /** Role of the certificate whose key signs this one. */
  readonly issuer: 'ARK' | 'ASK' | 'ASVK';
  readonly commonName: (line: Line) => string;
  readonly serial: (row: LineRow) => number;
  /** Milliseconds since 1970 for a World whose clock reads `now`. */
  readonly validity: (row: LineRow, now: number) => { notBefore: number; notAfter: number };
  /** Authorities write the PSS trailer field out, leaves leave it out since late 2024. */
  readonly trailerField: 'explicit' | 'omitted';
  readonly extensions: (context: { row: LineRow; spki: Uint8Array; issuerSpki: Uint8Array; leaf?: LeafSubject }) => ExtensionSpec[];
}

const amdName = (commonName: string): NameAttribute[] => [
  [OID.organizationalUnit, 'Engineering'],
  [OID.country, 'US'],
  [OID.locality, 'Santa Clara'],
  [OID.state, 'CA'],
  [OID.organization, 'Advanced Micro Devices'],
  [OID.commonName, commonName],
];

const crlUrl = (kind: 'vcek' | 'vlek', line: Line): string => `https://kdsintf.amd.com/${kind}/v1/${line}/crl`;

/** keyCertSign as AMD's intermediates encode it: one unused bit, where DER asks for the shortest form with two. */
const CERT_SIGN: ExtensionSpec = { oid: OID.keyUsage, critical: true, value: Uint8Array.of(0x03, 0x02, 0x01, 0x04) };

/** The same day and time, `years` later. */
function plusYears(at: number, years: number): number {
  const date = new Date(at);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date.getTime();
}

/** The genuine authority's 25 years; for a clock outside them, moved by whole spans of 20 years until they hold it. */
function authorityValidity(issued: number, now: number): { notBefore: number; notAfter: number } {
  let notBefore = issued;
  for (let spans = 0; spans < 500 && now < notBefore; spans++) notBefore = plusYears(notBefore, -20);
  for (let spans = 0; spans < 500 && now >= plusYears(notBefore, 24); spans++) notBefore = plusYears(notBefore, 20);
  return { notBefore, notAfter: plusYears(notBefore, 25) };
}

/** Issued at the start of the current period, `years` long. */
function leafValidity(now: number, years: number): { notBefore: number; notAfter: number } {
  const notBefore = Math.floor(now / LEAF_PERIOD) * LEAF_PERIOD;
  return { notBefore, notAfter: plusYears(notBefore, years) };
}

const amdOid = (suffix: string): string => `1.3.6.1.4.1.3704.1.${suffix}`;
const amdExtension = (suffix: string, value: Uint8Array): ExtensionSpec => ({ oid: amdOid(suffix), critical: false, value });

/** OIDs (below 1.3.6.1.4.1.3704.1) of the security patch levels, in the order in which genuine leaves list them. */
const SPL_ORDER: Readonly<Record<'milanGenoa' | 'turin', readonly (readonly [suffix: string, component: keyof Tcb | undefined])[]>> = {
  milanGenoa: [
    ['3.1', 'bootLoader'],
    ['3.2', 'tee'],
    ['3.4', undefined],
    ['3.5', undefined],
    ['3.6', undefined],
    ['3.7', undefined],
    ['3.3', 'snp'],
    ['3.8', 'microcode'],
  ],
  turin: [
    ['3.9', 'fmc'],
    ['3.1', 'bootLoader'],
    ['3.2', 'tee'],
    ['3.3', 'snp'],
    ['3.5', undefined],
    ['3.6', undefined],
    ['3.7', undefined],
    ['3.8', 'microcode'],
  ],
};

function leafExtensions(row: LineRow, leaf: LeafSubject): ExtensionSpec[] {
  const levels = SPL_ORDER[row.line === 'Turin' ? 'turin' : 'milanGenoa'];
  return [
    amdExtension('1', derInteger(row.structVersion)),
    amdExtension('2', derIa5String(leaf.productName ?? (leaf.cspId === undefined ? row.productName : row.line))),
    ...levels.map(([suffix, component]) => amdExtension(suffix, derInteger(component ? (leaf.tcb[component] ?? 0) : 0))),
    // The hardware id stands raw in the OCTET STRING, without a tag of its own.
    ...(leaf.hwid ? [amdExtension('4', leaf.hwid)] : []),
    ...(leaf.cspId === undefined ? [] : [amdExtension('5', derIa5String(leaf.cspId))]),
  ];
}

function leafOf(leaf: LeafSubject | undefined): LeafSubject {
  if (!leaf) throw new TypeError('a VCEK or VLEK needs to know what it vouches for');
  return leaf;
}

/** Every certificate of AMD's, by role. */
export const AMD_PROFILES: Readonly<Record<AmdProfile['role'], AmdProfile>> = {
  ARK: {
    role: 'ARK',
    issuer: 'ARK',
    commonName: (line) => `ARK-${line}`,
    serial: (row) => row.serials.ark,
    validity: (row, now) => authorityValidity(row.issued.ark, now),
    trailerField: 'explicit',
    extensions: ({ row, spki }) => [keyUsage('keyCertSign', 'cRLSign'), subjectKeyIdentifier(spki), basicConstraintsCa(), crlDistributionPoint(crlUrl('vcek', row.line)), testMarker()],
  },
  ASK: {
    role: 'ASK',
    issuer: 'ARK',
    commonName: (line) => `SEV-${line}`,
    serial: (row) => row.serials.ask,
    validity: (row, now) => authorityValidity(row.issued.ask, now),
    trailerField: 'explicit',
    extensions: ({ row, spki, issuerSpki }) => [subjectKeyIdentifier(spki), authorityKeyIdentifier(issuerSpki), basicConstraintsCa(0), CERT_SIGN, crlDistributionPoint(crlUrl('vcek', row.line))],
  },
  ASVK: {
    role: 'ASVK',
    issuer: 'ARK',
    commonName: (line) => `SEV-VLEK-${line}`,
    serial: (row) => row.serials.asvk,
    validity: (row, now) => authorityValidity(row.issued.asvk, now),
    trailerField: 'explicit',
    extensions: ({ row, spki, issuerSpki }) => [subjectKeyIdentifier(spki), authorityKeyIdentifier(issuerSpki), basicConstraintsCa(0), CERT_SIGN, crlDistributionPoint(crlUrl('vlek', row.line))],
  },
  VCEK: {
    role: 'VCEK',
    issuer: 'ASK',
    commonName: () => 'SEV-VCEK',
    serial: () => 0,
    validity: (_, now) => leafValidity(now, 7),
    trailerField: 'omitted',
    extensions: ({ row, leaf }) => leafExtensions(row, leafOf(leaf)),
  },
  VLEK: {
    role: 'VLEK',
    issuer: 'ASVK',
    commonName: () => 'SEV-VLEK',
    serial: () => 0,
    validity: (_, now) => leafValidity(now, 1),
    trailerField: 'omitted',
    extensions: ({ row, leaf }) => leafExtensions(row, leafOf(leaf)),
  },
};

/** Fills a row in for one line, key and time. @param now milliseconds since 1970 */
export function amdCertificateSpec(profile: AmdProfile, line: Line, now: number, keys: { spki: Uint8Array; issuer: Signer }, leaf?: LeafSubject): CertificateSpec {
  const row = LINE_TABLE[line];
  return {
    serial: bigEndian(profile.serial(row)),
    issuer: amdName(AMD_PROFILES[profile.issuer].commonName(line)),
    subject: amdName(profile.commonName(line)),
    ...profile.validity(row, now),
    spki: keys.spki,
    signatureAlgorithm: pssSha384(profile.trailerField),
    extensions: profile.extensions({ row, spki: keys.spki, issuerSpki: keys.issuer.spki, ...(leaf ? { leaf } : {}) }),
  };
}

/** The CRL of a line's ARK. @param now milliseconds since 1970 @param revoked on top of what the genuine list holds, none of them after `now` */
export function amdCrlSpec(line: Line, now: number, ark: Signer, revoked: readonly Revocation[]): CrlSpec {
  const row = LINE_TABLE[line];
  const thisUpdate = Math.max(Math.floor(now / LEAF_PERIOD) * LEAF_PERIOD, ...revoked.map((r) => r.at));
  const all = [...row.revoked.map((r) => ({ serial: bigEndian(r.serial), at: r.at })), ...revoked];
  return {
    issuer: amdName(AMD_PROFILES.ARK.commonName(line)),
    thisUpdate,
    nextUpdate: thisUpdate + CRL_DAYS * DAY,
    revoked: all,
    signatureAlgorithm: pssSha384('omitted'),
    extensions: [authorityKeyIdentifier(ark.spki), crlNumber(row.crlNumber + revoked.length)],
  };
}

/** A serial of three bytes or fewer, big-endian. */
export function bigEndian(value: number): Uint8Array {
  return Uint8Array.of((value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
