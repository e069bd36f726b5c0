/**
 * The table of every certificate and list that Intel's side of a World issues, in the genuine shape: names and the order of their attributes,
 * extensions with their order and criticality, serials, lifetimes.
 *
 * Differences from the genuine ones: the root carries the test marker (a Netscape Comment) as a sixth, non-critical extension, last; the
 * keys are test keys; the serial of a PCK certificate begins with the marker, as do the ids in it. The others have no room for a marker:
 * a PCK certificate must have exactly six extensions, and the serial of an authority is its key identifier.
 */
import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import type { Signer } from '../../crypto/sign.ts';
import { der, ecdsaWith, type NameAttribute, OID, toBuffer } from '../der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, crlDistributionPoint, crlNumber, crlReason, keyUsage, subjectKeyIdentifier, testMarker } from '../extensions.ts';
import type { CertificateSpec, ExtensionSpec } from '../issue.ts';
import type { CrlSpec, Revocation } from '../revoke.ts';
import { SGX_EXTENSION_OID, type SgxExtension } from '../sgx-extension.ts';

const DAY = 86_400_000;
/** TCB info, identities and PCK CRLs are issued anew at the start of each such period, so that everything made in one session agrees. */
export const COLLATERAL_PERIOD = DAY;
/** How long TCB info, identities and PCK CRLs live. */
export const COLLATERAL_LIFETIME = 30 * DAY;
const ROOT_CRL_PERIOD = 30 * DAY;
/** Leaves are issued anew after a year, each at a time of its own. */
const LEAF_PERIOD = 365 * DAY;

/** Whose certificate it is. */
export const INTEL_ROLES = ['ROOT', 'PLATFORM', 'PROCESSOR', 'TCB_SIGNING', 'PCK'] as const;
export type IntelRole = (typeof INTEL_ROLES)[number];
/** The ones there is only one of. */
export type IntelAuthorityRole = Exclude<IntelRole, 'PCK'>;
/** The ones that issue certificates and lists. */
export type IntelCaRole = 'ROOT' | 'PLATFORM' | 'PROCESSOR';

/** What a PCK certificate vouches for: the members of the SGX extension, whose CPUSVN is the components; and what else is its own. */
export interface PckSubject extends Omit<SgxExtension, 'cpuSvn'> {
  /** 20 bytes. */
  readonly serial: Uint8Array;
  /** Milliseconds by which this certificate's year begins after others'. */
  readonly issueOffset: number;
}

interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** One row: everything about one kind of certificate but whose key signs it. */
export interface IntelProfile {
  readonly role: IntelRole;
  readonly commonName: string;
  /** URL of the list of the authority that issues it. */
  readonly crlUrl: string;
  /** Milliseconds since 1970 for a World whose clock reads `now`. */
  readonly validity: (now: number, leaf?: PckSubject) => Validity;
  /** What follows the identifiers of the keys and the URL of the list. */
  readonly extensions: (leaf?: PckSubject) => ExtensionSpec[];
}

const intelName = (commonName: string): NameAttribute[] => [
  [OID.commonName, commonName],
  [OID.organization, 'Intel Corporation'],
  [OID.locality, 'Santa Clara'],
  [OID.state, 'CA'],
  [OID.country, 'US'],
];

/** Where Intel serves the root's list. */
export const ROOT_CRL_URL = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';
/** Where Intel serves the list of an intermediate authority. */
export function pckCrlUrl(ca: 'platform' | 'processor'): string {
  return `https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`;
}

/** The same day and time, `years` later. */
function plusYears(at: number, years: number): number {
  const date = new Date(at);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date.getTime();
}

/** The genuine certificate's time; for a clock outside it, moved by whole spans, one year shorter than its life, until it holds the clock. */
function shifted(notBefore: string, years: number, now: number, end: (from: number) => number = (from) => plusYears(from, years)): Validity {
  const span = years - 1;
  let from = Date.parse(notBefore);
  for (let spans = 0; spans < 2000 && now < from; spans++) from = plusYears(from, -span);
  for (let spans = 0; spans < 2000 && now >= plusYears(from, span); spans++) from = plusYears(from, span);
  return { notBefore: from, notAfter: end(from) };
}

/** The root lives until the last second of the year 2049, 31 years after its own. */
const endOfYear = (from: number): number => Date.UTC(new Date(from).getUTCFullYear() + 31, 11, 31, 23, 59, 59);

function leafValidity(now: number, offset: number): Validity {
  const notBefore = Math.floor((now - offset) / LEAF_PERIOD) * LEAF_PERIOD + offset;
  return { notBefore: Math.floor(notBefore / 1000) * 1000, notAfter: plusYears(Math.floor(notBefore / 1000) * 1000, 7) };
}

/** SHA-1 of the whole SubjectPublicKeyInfo: Intel's way to name a key, not RFC 5280's. @returns 20 bytes */
export function intelKeyIdentifier(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(spki).digest());
}

const octets = (value: Uint8Array): asn1js.BaseBlock => new asn1js.OctetString({ valueHex: toBuffer(value) });
const integer = (value: number): asn1js.BaseBlock => new asn1js.Integer({ value });
const boolean = (value: boolean): asn1js.BaseBlock => new asn1js.Boolean({ value });
/** OID and value, as every item of the SGX extension is written. */
const item = (suffix: string, value: asn1js.BaseBlock): asn1js.BaseBlock => new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: `${SGX_EXTENSION_OID}.${suffix}` }), value] });
const sequence = (value: asn1js.BaseBlock[]): asn1js.BaseBlock => new asn1js.Sequence({ value });

/** The SGX extension of a PCK certificate. Source: Intel SGX PCK Certificate and CRL Profile Specification. */
export function sgxExtension(subject: PckSubject): ExtensionSpec {
  const tcb = [...subject.components.map((svn, i) => item(`2.${i + 1}`, integer(svn))), item('2.17', integer(subject.pceSvn)), item('2.18', octets(Uint8Array.from(subject.components)))];
  const items = [item('1', octets(subject.ppid)), item('2', sequence(tcb)), item('3', octets(subject.pceId)), item('4', octets(subject.fmspc)), item('5', new asn1js.Enumerated({ value: subject.sgxType }))];
  if (subject.platform) {
    const { dynamicPlatform, cachedKeys, smtEnabled } = subject.platform.configuration;
    items.push(item('6', octets(subject.platform.instanceId)));
    items.push(item('7', sequence([dynamicPlatform, cachedKeys, smtEnabled].map((flag, i) => item(`7.${i + 1}`, boolean(flag))))));
  }
  return { oid: SGX_EXTENSION_OID, critical: false, value: der(sequence(items)) };
}

function pckSubject(leaf: PckSubject | undefined): PckSubject {
  if (!leaf) throw new TypeError('a PCK certificate needs to know what it vouches for');
  return leaf;
}

const CA_USAGE = keyUsage('keyCertSign', 'cRLSign');
const LEAF_EXTENSIONS = [keyUsage('digitalSignature', 'nonRepudiation'), basicConstraintsLeaf()];

function intermediate(role: 'PLATFORM' | 'PROCESSOR', commonName: string): IntelProfile {
  return { role, commonName, crlUrl: ROOT_CRL_URL, validity: (now) => shifted('2018-05-21T10:50:10Z', 15, now), extensions: () => [CA_USAGE, basicConstraintsCa(0)] };
}

/** Every certificate of Intel's, by role. Lifetimes: the genuine root, Platform CA, Processor CA and TCB signing certificate. */
export const INTEL_PROFILES: Readonly<Record<IntelRole, IntelProfile>> = {
  ROOT: {
    role: 'ROOT',
    commonName: 'Intel SGX Root CA',
    crlUrl: ROOT_CRL_URL,
    validity: (now) => shifted('2018-05-21T10:45:10Z', 31, now, endOfYear),
    extensions: () => [CA_USAGE, basicConstraintsCa(1), testMarker()],
  },
  PLATFORM: intermediate('PLATFORM', 'Intel SGX PCK Platform CA'),
  PROCESSOR: intermediate('PROCESSOR', 'Intel SGX PCK Processor CA'),
  TCB_SIGNING: { role: 'TCB_SIGNING', commonName: 'Intel SGX TCB Signing', crlUrl: ROOT_CRL_URL, validity: (now) => shifted('2025-05-06T09:25:00Z', 7, now), extensions: () => LEAF_EXTENSIONS },
  PCK: {
    role: 'PCK',
    commonName: 'Intel SGX PCK Certificate',
    crlUrl: pckCrlUrl('platform'),
    validity: (now, leaf) => leafValidity(now, pckSubject(leaf).issueOffset),
    extensions: (leaf) => [...LEAF_EXTENSIONS, sgxExtension(pckSubject(leaf))],
  },
};

/** Fills a row in for one key, issuer and time. @param now milliseconds since 1970 */
export function intelCertificateSpec(role: IntelRole, issuer: IntelCaRole, now: number, keys: { spki: Uint8Array; issuer: Signer }, leaf?: PckSubject): CertificateSpec {
  const profile = INTEL_PROFILES[role];
  return {
    serial: role === 'PCK' ? pckSubject(leaf).serial : intelKeyIdentifier(keys.spki),
    issuer: intelName(INTEL_PROFILES[issuer].commonName),
    subject: intelName(profile.commonName),
    ...profile.validity(now, leaf),
    spki: keys.spki,
    signatureAlgorithm: ecdsaWith('P-256'),
    extensions: [
      authorityKeyIdentifier(keys.issuer.spki, intelKeyIdentifier),
      crlDistributionPoint(role === 'PCK' && issuer === 'PROCESSOR' ? pckCrlUrl('processor') : profile.crlUrl),
      subjectKeyIdentifier(keys.spki, intelKeyIdentifier),
      ...profile.extensions(leaf),
    ],
  };
}

/** Genuine lists have had this number since 2018, however often they were issued. */
const CRL_NUMBER = 1;

/** The list of an authority: the root's lives a year, the others thirty days. Every entry bears the date of the list, as in genuine ones. @param now milliseconds since 1970 */
export function intelCrlSpec(issuer: IntelCaRole, now: number, key: Signer, revoked: readonly { readonly serial: Uint8Array; readonly at: number }[]): CrlSpec {
  const period = issuer === 'ROOT' ? ROOT_CRL_PERIOD : COLLATERAL_PERIOD;
  const thisUpdate = Math.max(Math.floor(now / period) * period, ...revoked.map((r) => r.at));
  const reason = crlReason('keyCompromise');
  return {
    issuer: intelName(INTEL_PROFILES[issuer].commonName),
    thisUpdate,
    nextUpdate: issuer === 'ROOT' ? plusYears(thisUpdate, 1) : thisUpdate + COLLATERAL_LIFETIME,
    revoked: revoked.map(({ serial }): Revocation => ({ serial, at: thisUpdate, reason })),
    signatureAlgorithm: ecdsaWith('P-256'),
    extensions: [crlNumber(CRL_NUMBER), authorityKeyIdentifier(key.spki, intelKeyIdentifier)],
  };
}
