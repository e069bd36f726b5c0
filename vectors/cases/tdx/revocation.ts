/** What Intel revokes, and lists that do not count or are old. */
import { ecdsaWith, OID } from '../../../emulator/pki/der.ts';
import type { CrlSpec } from '../../../emulator/pki/revoke.ts';
import { type IntelAuthority, intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { signatureFlipped } from '../../edits/certificate.ts';
import { extended, rewritten, without } from '../../edits/files.ts';
import { list, signedByStranger } from '../../edits/intel.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxMaker, type TdxRejectCase } from '../../tdx/case.ts';

const RFC = 'RFC 5280 §5';
const AUTOMATA = 'automata-network/automata-dcap-attestation@044ae31';
const DAY = 86_400_000;
/** Both lists, with how rows, files and sentences call them. */
const LISTS = [
  ['pckCrl', 'pck-list', 'collateral/pck_crl.der', 'The list of revoked PCKs'],
  ['rootCaCrl', 'root-list', 'collateral/root_ca_crl.der', 'The root’s list'],
] as const;
type Place = (typeof LISTS)[number][0];

const revocation = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/revocation/${slug}`, ['revocation', reason], severity, ref, why, change);

const listing = (place: Place, serials: (maker: TdxMaker, authority: IntelAuthority) => readonly Uint8Array[]): TdxChange => ({
  edits: (maker) => ({ [place]: { edit: (spec: CrlSpec) => ({ ...spec, revoked: [...spec.revoked, ...serials(maker, intelAuthorityOf(maker.world)).map((serial) => ({ serial, at: spec.thisUpdate }))] }) } }),
});
const others = Array.from({ length: 50 }, (_, i) => Uint8Array.of(0x7f, 0x10, i + 1));

/** What is wrong with a list itself, whichever it is. */
const WRONG: readonly (readonly [slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, edit: (spec: CrlSpec, now: number) => CrlSpec])[] = [
  ['stale', 'crl-stale', 'high', `${RFC}.1.2.5`, 'ended a month ago', (spec, now) => ({ ...spec, thisUpdate: now - 60 * DAY, nextUpdate: now - 30 * DAY })],
  ['ended-a-second-ago', 'crl-stale', 'medium', `${RFC}.1.2.5`, 'ended one second before the verifier looks', (spec, now) => ({ ...spec, nextUpdate: now - 1000 })],
  ['of-the-future', 'crl-future', 'medium', `${RFC}.1.2.4`, 'is of next week', (spec, now) => ({ ...spec, thisUpdate: now + 7 * DAY, nextUpdate: now + 37 * DAY })],
  ['without-end', 'crl-no-next-update', 'medium', AUTOMATA, 'does not say until when it counts', ({ nextUpdate: _, ...spec }) => spec],
  [
    'delta',
    'crl-extension-critical',
    'medium',
    `${RFC}.2.4`,
    'only says what has changed since another one',
    (spec) => ({ ...spec, extensions: [...spec.extensions, { oid: '2.5.29.27', critical: true, value: Uint8Array.of(2, 1, 1) }] }),
  ],
  ['without-number', 'crl-extension-missing', 'low', `${RFC}.2.3`, 'has no number', (spec) => ({ ...spec, extensions: spec.extensions.filter(({ oid }) => oid !== OID.crlNumber) })],
  ['without-authority', 'crl-extension-missing', 'low', `${RFC}.2.1`, 'does not name the key that signed it', (spec) => ({ ...spec, extensions: spec.extensions.filter(({ oid }) => oid !== OID.authorityKeyIdentifier) })],
  [
    'other-issuer',
    'crl-issuer',
    'high',
    'RFC 5280 §6.3.3',
    'is in another authority’s name',
    (spec) => ({ ...spec, issuer: spec.issuer.map(([type, text]) => [type, type === OID.commonName ? 'Intel SGX Somebody CA' : text] as const) }),
  ],
  ['other-algorithm', 'crl-algorithm', 'medium', `${RFC}.1.1.2`, 'names SHA-384 as its hash, where Intel signs with SHA-256', (spec) => ({ ...spec, signatureAlgorithm: ecdsaWith('P-384') })],
];

const wrong: readonly TdxCase[] = LISTS.flatMap(([place, name, file, what]) => [
  ...WRONG.map(([slug, reason, severity, ref, why, edit]) => revocation(`${name}-${slug}`, reason, severity, ref, `${what} ${why}.`, { edits: list(place, edit) })),
  revocation(`${name}-signature`, 'crl-signature', 'high', 'Phala-Network/dcap-qvl#206', `${what} has one bit of its signature flipped.`, { files: rewritten(file, signatureFlipped) }),
  revocation(`${name}-signed-by-another-key`, 'crl-signature', 'high', 'Phala-Network/dcap-qvl#206', `${what} is signed by a key that nobody knows.`, { edits: signedByStranger(place) }),
  refused(`tdx/revocation/${name}-missing`, ['parse', 'evidence-incomplete'], 'high', AUTOMATA, `${what} is missing.`, { files: without(file), bug: 'stale-platform' }),
  refused(`tdx/revocation/${name}-empty`, ['parse', 'crl-malformed'], 'high', AUTOMATA, `${what} is an empty file.`, { files: rewritten(file, () => new Uint8Array()), bug: 'stale-platform' }),
  refused(`tdx/revocation/${name}-cut-short`, ['parse', 'crl-malformed'], 'medium', RFC, `${what} breaks off.`, { files: rewritten(file, (crl) => crl.slice(0, 100)), bug: 'denial-of-service' }),
  refused(`tdx/revocation/${name}-trailing`, ['parse', 'crl-malformed'], 'low', RFC, `${what} is followed by a byte.`, { files: extended(file, '\0') }),
  accepted(`tdx/ok/${name}-in-its-last-second`, 'medium', `${RFC}.1.2.5`, `${what} ends at the very second that the verifier looks.`, { edits: list(place, (spec, now) => ({ ...spec, nextUpdate: now })) }),
  accepted(`tdx/ok/${name}-in-its-first-second`, 'medium', `${RFC}.1.2.4`, `${what} begins at the very second that the verifier looks.`, {
    edits: list(place, (spec, now) => ({ ...spec, thisUpdate: now, nextUpdate: now + 3_600_000 })),
  }),
]);

export const REVOCATION_CASES: readonly TdxCase[] = [
  revocation(
    'pck-revoked',
    'leaf-revoked',
    'critical',
    'Phala-Network/dcap-qvl@3088178',
    'The list names the PCK certificate of the quote.',
    listing('pckCrl', ({ platform }, authority) => [authority.pck(platform).spec.serial]),
  ),
  revocation(
    'pck-revoked-among-others',
    'leaf-revoked',
    'critical',
    'confidential-dot-ai/attestation-go#23',
    'The PCK certificate stands last in a list of fifty-one.',
    listing('pckCrl', ({ platform }, authority) => [...others, authority.pck(platform).spec.serial]),
  ),
  revocation(
    'intermediate-revoked',
    'intermediate-revoked',
    'critical',
    'Intel PCS v4, pckcrl',
    'The root’s list names the authority above the PCK.',
    listing('rootCaCrl', (_, authority) => [authority.certificate('PLATFORM').spec.serial]),
  ),
  revocation(
    'tcb-signing-revoked',
    'tcb-signing-revoked',
    'high',
    'Intel DCAP Quote Verification Library, TCBSigningChain',
    'The root’s list names the key that signs TCB info.',
    listing('rootCaCrl', (_, authority) => [authority.certificate('TCB_SIGNING').spec.serial]),
  ),
  revocation(
    'root-revoked',
    'root-revoked',
    'critical',
    'RFC 5280 §6.3.3',
    'The root’s list names the root itself.',
    listing('rootCaCrl', (_, authority) => [authority.certificate('ROOT').spec.serial]),
  ),
  revocation('processor-pck-revoked', 'leaf-revoked', 'critical', 'Phala-Network/dcap-qvl@e5cd678', 'The Processor CA’s list names the PCK certificate of the quote.', {
    ...listing('pckCrl', ({ platform }, authority) => [authority.pck(platform).spec.serial]),
    options: { pckCa: 'processor' },
  }),
  ...wrong,
  revocation('lists-exchanged', 'crl-issuer', 'high', 'RFC 5280 §6.3.3', 'Each list stands where the other should.', {
    files: (files) => new Map([...files].map(([name, contents]) => [name, files.get(name === LISTS[0][2] ? LISTS[1][2] : name === LISTS[1][2] ? LISTS[0][2] : name) ?? contents] as const)),
  }),
  accepted(
    'tdx/ok/lists-of-others',
    'medium',
    'Intel PCS v4, pckcrl',
    'The lists name others only.',
    listing('pckCrl', () => others),
  ),
  refused('tdx/freshness/lists-old', ['freshness', 'crl-too-old'], 'low', `${RFC}.1.2.4`, 'The lists still count, but are older than the relying party allows.', {
    edits: list('pckCrl', (spec, now) => ({ ...spec, thisUpdate: now - 20 * DAY })),
    base: list('rootCaCrl', (spec, now) => ({ ...spec, thisUpdate: now - DAY })),
    request: { maximumCrlAge: 10 * DAY },
    policy: 'lists are at most ten days old',
  }),
];
