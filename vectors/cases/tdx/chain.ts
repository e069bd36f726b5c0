/** Certificates that do not vouch for the platform or its collateral, or not now. */
import { OID, pem } from '../../../emulator/pki/der.ts';
import { basicConstraintsCa, basicConstraintsLeaf, keyUsage } from '../../../emulator/pki/extensions.ts';
import type { CertificateSpec } from '../../../emulator/pki/issue.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../../emulator/pki/sgx-extension.ts';
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { added, signatureFlipped } from '../../edits/certificate.ts';
import { extended, rewritten, without } from '../../edits/files.ts';
import { certificate, extensionChanged, issuerNamed, nestedSequences, platformStated, sgxBytes, signedByStranger, subjectNamed } from '../../edits/intel.ts';
import { chainText } from '../../edits/quote.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const PCK = 'Intel SGX PCK Certificate and CRL Profile Specification';
const RFC = 'RFC 5280';
const EDGE = 'automata-network/automata-dcap-attestation@d0ac9fd';
const DAY = 86_400_000;
const TCB_CHAIN = 'collateral/tcb_info_issuer_chain.pem';
const QE_CHAIN = 'collateral/qe_identity_issuer_chain.pem';
const CRL_CHAIN = 'collateral/pck_crl_issuer_chain.pem';
const PCK_CHAIN = 'collateral/pck_chain.pem';
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g;
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'latin1'));
const blocks = (pem: Uint8Array | string): readonly string[] =>
  Buffer.from(pem as Uint8Array)
    .toString('latin1')
    .match(BLOCK) ?? [];
const pemFile = (name: string, change: (blocks: readonly string[]) => readonly string[]): NonNullable<TdxChange['files']> => rewritten(name, (pem) => text(change(blocks(pem)).join('')));
const chain = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/chain/${slug}`, ['chain', reason], severity, ref, why, change);
const delivered = (slug: string, reason: string, why: string, change: TdxChange, ref = PCK): TdxRejectCase => refused(`tdx/chain/${slug}`, ['parse', reason], 'medium', ref, why, change);

/** Places in the chains, with how rows and sentences call them. */
const PLACES = [
  ['pck', 'pck', 'The PCK certificate'],
  ['intermediate', 'intermediate', 'The authority above the PCK'],
  ['root', 'root', 'The root'],
  ['tcbSigning', 'tcb-signing', 'The certificate of the key that signs TCB info'],
] as const;

/** A lifetime by when the verifier looks. */
const living = (lifetime: (now: number) => Partial<CertificateSpec>): ((place: (typeof PLACES)[number][0]) => TdxChange) => {
  return (place) => ({ edits: ({ world }) => ({ [place]: { edit: (spec: CertificateSpec) => ({ ...spec, ...lifetime(world.now()) }) } }) });
};
const expired = living((now) => ({ notAfter: now - DAY }));
const future = living((now) => ({ notBefore: now + DAY }));
const justEnded = living((now) => ({ notAfter: now - 1000 }));
const justAbout = living((now) => ({ notBefore: now + 1000 }));
const lastSecond = living((now) => ({ notAfter: now }));
const firstSecond = living((now) => ({ notBefore: now }));

const dates: readonly TdxCase[] = PLACES.flatMap(([place, slug, what]) => [
  chain(`${slug}-expired`, 'certificate-expired', 'high', `${RFC} §4.1.2.5`, `${what} has ended.`, expired(place)),
  chain(`${slug}-not-yet-valid`, 'certificate-not-yet-valid', 'high', `${RFC} §4.1.2.5`, `${what} has not begun.`, future(place)),
]);
const edges: readonly TdxCase[] = PLACES.filter(([place]) => place === 'pck' || place === 'tcbSigning').flatMap(([place, slug, what]) => [
  chain(`${slug}-ended-a-second-ago`, 'certificate-expired', 'high', EDGE, `${what} ended one second before the verifier looks.`, justEnded(place)),
  chain(`${slug}-begins-in-a-second`, 'certificate-not-yet-valid', 'high', EDGE, `${what} begins one second after the verifier looks.`, justAbout(place)),
  accepted(`tdx/ok/${slug}-in-its-last-second`, 'medium', EDGE, `${what} ends at the very second that the verifier looks.`, lastSecond(place)),
  accepted(`tdx/ok/${slug}-in-its-first-second`, 'medium', EDGE, `${what} begins at the very second that the verifier looks.`, firstSecond(place)),
]);
const strangers: readonly TdxCase[] = PLACES.flatMap(([place, slug, what]) =>
  place === 'root'
    ? []
    : [chain(`${slug}-signed-by-another-key`, 'certificate-signature', 'critical', `${RFC} §6.1.3`, `${what} has the right issuer’s name, but another key signed it.`, { edits: signedByStranger(place) })],
);

/** Forms that a certificate may not have, the same at every place. */
const FORMS: readonly (readonly [slug: string, reason: string, why: string, edit: (spec: CertificateSpec) => CertificateSpec])[] = [
  [
    'unknown-critical-extension',
    'certificate-extension-critical',
    'has an extension that nobody knows, and that says it must be understood',
    added({ oid: '1.2.840.113741.1.13.99', critical: true, value: Uint8Array.of(5, 0) }),
  ],
  ['extension-twice', 'certificate-extension-twice', 'says twice how its key may be used', (spec) => ({ ...spec, extensions: [...spec.extensions, keyUsage('keyCertSign')] })],
  ['without-key-usage', 'certificate-extension-missing', 'does not say how its key may be used', extensionChanged(OID.keyUsage, () => undefined)],
  ['other-issuer', 'certificate-issuer', 'names another issuer than the one that signed it', issuerNamed('Intel SGX Somebody CA')],
  ['other-name', 'certificate-name', 'bears a name that Intel gives to none', subjectNamed('Intel SGX Somebody')],
];
const forms: readonly TdxCase[] = PLACES.flatMap(([place, slug, what]) =>
  place === 'root' ? [] : FORMS.map(([form, reason, why, edit]) => chain(`${slug}-${form}`, reason, 'medium', form === 'other-name' ? PCK : `${RFC} §4.2`, `${what} ${why}.`, { edits: certificate(place, edit) })),
);

/** SGX extensions that are none. */
const SGX: readonly (readonly [slug: string, why: string, edit: (spec: CertificateSpec) => CertificateSpec, more?: Partial<TdxChange>])[] = [
  ['sgx-extension-empty', 'The SGX extension has no contents.', sgxBytes(() => new Uint8Array())],
  ['sgx-extension-cut-short', 'The last byte of the SGX extension is missing.', sgxBytes((value) => value.slice(0, -1))],
  ['sgx-extension-trailing', 'A byte follows the items of the SGX extension.', sgxBytes((value) => Uint8Array.of(...value, 0))],
  ['sgx-extension-4gib', 'The SGX extension claims four gigabytes.', sgxBytes((value) => Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, ...value.subarray(4))), { bug: 'denial-of-service' }],
  ['sgx-extension-nested', 'The SGX extension holds three thousand sequences in one another.', sgxBytes(() => nestedSequences(3000)), { bug: 'denial-of-service' }],
  ['fmspc-short', 'The FMSPC has five bytes in place of six.', platformStated({ fmspc: new Uint8Array(5) })],
  ['pce-id-long', 'The id of the PCE has three bytes in place of two.', platformStated({ pceId: new Uint8Array(3) })],
  ['ppid-short', 'The id of the platform has 15 bytes in place of 16.', platformStated({ ppid: new Uint8Array(15) })],
  ['component-negative', 'A component’s level is a negative number, which some read as 255.', sgxBytes((value) => negativeComponent(value))],
];

/** The first component, `02 01 xx` behind its OID, with its highest bit set: a negative number. */
function negativeComponent(value: Uint8Array): Uint8Array {
  const oid = Uint8Array.of(0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x02, 0x01);
  const at = Buffer.from(value).indexOf(oid) + oid.length;
  return value.with(at, 0xff);
}

/** The last byte of CPUSVN another than the last component. */
function otherCpuSvn(value: Uint8Array): Uint8Array {
  const { cpuSvn } = readSgxExtension(value);
  const at = Buffer.from(value).indexOf(Uint8Array.of(0x04, cpuSvn.length, ...cpuSvn)) + 2 + cpuSvn.length - 1;
  return value.with(at, (value[at] ?? 0) ^ 1);
}

/** The chain of another machine of the same kind, where the quote only names its own. */
const foreignChain: NonNullable<TdxChange['files']> = (files, { world }) =>
  new Map([...files].map(([name, contents]) => [name, name === PCK_CHAIN ? text(intelAuthorityOf(world).pckChain(tdxPlatform(undefined, { index: 7 }))) : contents] as const));
const processorLists: NonNullable<TdxChange['files']> = (files, { world }) => {
  const authority = intelAuthorityOf(world);
  const other: Readonly<Record<string, Uint8Array>> = { [CRL_CHAIN]: text(authority.pckIssuerChain('processor')), 'collateral/pck_crl.der': authority.crl('PROCESSOR') };
  return new Map([...files].map(([name, contents]) => [name, other[name] ?? contents] as const));
};

export const CHAIN_CASES: readonly TdxCase[] = [
  chain('foreign-root', 'root-untrusted', 'critical', `${RFC} §6.1.1`, 'Everything is sound but ends at a root that nobody trusts, under the same names.', { trusted: 'foreign' }),
  chain('root-altered', 'root-altered', 'high', `${RFC} §6.1.1`, 'The root presented has the key and the name of the trusted one, but lives longer.', {
    edits: certificate('root', (spec) => ({ ...spec, notAfter: spec.notAfter + 365 * DAY })),
    trusted: 'twin',
  }),
  ...strangers,
  ...dates,
  ...edges,
  ...forms,
  chain('pck-other-authority-named', 'certificate-key-identifier', 'critical', 'automata-network/automata-dcap-attestation#141', 'The PCK certificate names another key above it, and another key signed it.', {
    edits: ({ world }) => ({
      pck: {
        edit: extensionChanged(OID.authorityKeyIdentifier, (old) => ({ ...old, value: Uint8Array.of(...old.value.subarray(0, 4), ...new Uint8Array(20).fill(7)) })),
        signedBy: world.ecKey('vectors/stranger', 'P-256'),
      },
    }),
  }),
  chain('pck-no-authority-named', 'certificate-extension-missing', 'critical', 'automata-network/automata-dcap-attestation#141', 'The PCK certificate names no key above it, and another key signed it.', {
    edits: ({ world }) => ({ pck: { edit: extensionChanged(OID.authorityKeyIdentifier, () => undefined), signedBy: world.ecKey('vectors/stranger', 'P-256') } }),
  }),
  chain('intermediate-not-a-ca', 'authority-not-ca', 'high', 'agentrust-io/agent-manifest#445', 'What is above the PCK is no authority.', {
    edits: certificate('intermediate', extensionChanged(OID.basicConstraints, basicConstraintsLeaf)),
  }),
  chain('intermediate-may-not-sign', 'authority-key-usage', 'high', `${RFC} §4.2.1.3`, 'The key above the PCK is not for certificates.', {
    edits: certificate(
      'intermediate',
      extensionChanged(OID.keyUsage, () => keyUsage('digitalSignature')),
    ),
  }),
  chain('intermediate-of-any-depth', 'authority-path-length', 'medium', `${RFC} §4.2.1.9`, 'The authority above the PCK could have more authorities below it.', {
    edits: certificate(
      'intermediate',
      extensionChanged(OID.basicConstraints, () => basicConstraintsCa()),
    ),
  }),
  chain('pck-is-an-authority', 'leaf-authority', 'medium', `${RFC} §4.2.1.9`, 'The PCK certificate says that it may sign certificates.', {
    edits: certificate(
      'pck',
      extensionChanged(OID.basicConstraints, () => basicConstraintsCa()),
    ),
  }),
  chain('pck-not-for-signatures', 'leaf-key-usage', 'medium', `${RFC} §4.2.1.3`, 'The PCK is not for signatures.', {
    edits: certificate(
      'pck',
      extensionChanged(OID.keyUsage, () => keyUsage('keyAgreement')),
    ),
  }),
  chain('tcb-signing-is-an-authority', 'leaf-authority', 'medium', `${RFC} §4.2.1.9`, 'The certificate over TCB info says that it may sign certificates.', {
    edits: certificate(
      'tcbSigning',
      extensionChanged(OID.basicConstraints, () => basicConstraintsCa()),
    ),
  }),
  chain('pck-on-p384', 'leaf-key', 'high', PCK, 'The certified key is on P-384.', { edits: ({ world }) => ({ pck: { edit: (spec) => ({ ...spec, spki: world.ecKey('vectors/p-384', 'P-384').spki }) } }) }),
  chain('intermediate-on-p384', 'authority-key', 'high', PCK, 'The key of the authority above the PCK is on P-384.', {
    edits: ({ world }) => ({ intermediate: { edit: (spec) => ({ ...spec, spki: world.ecKey('vectors/p-384', 'P-384').spki }) } }),
  }),
  chain('pck-without-sgx-extension', 'leaf-extension', 'high', PCK, 'The PCK certificate says nothing of any platform.', {
    edits: certificate(
      'pck',
      extensionChanged(SGX_EXTENSION_OID, () => undefined),
    ),
  }),
  chain('sgx-extension-under-another-name', 'sgx-extension-missing', 'high', PCK, 'What the PCK certificate says of its platform stands under another identifier.', {
    edits: certificate(
      'pck',
      extensionChanged(SGX_EXTENSION_OID, (old) => ({ ...old, oid: '1.2.840.113741.1.13.2' })),
    ),
  }),
  ...SGX.map(([slug, why, edit, more]) => chain(slug, 'sgx-extension-malformed', 'high', slug.includes('nested') ? 'Phala-Network/dcap-qvl#130' : PCK, why, { edits: certificate('pck', edit), ...more })),
  delivered(
    'sgx-extension-nested-deep',
    'certificate-malformed',
    'The SGX extension holds ten thousand sequences in one another, in a certificate of 40 kB.',
    {
      edits: certificate(
        'pck',
        sgxBytes(() => nestedSequences(10_000)),
      ),
      bug: 'denial-of-service',
    },
    'Phala-Network/dcap-qvl#132',
  ),
  chain('platform-instance-missing', 'sgx-extension-platform', 'medium', PCK, 'A certificate of the Platform CA names no instance of a platform.', {
    edits: certificate('pck', platformStated({ platform: undefined } as object)),
  }),
  chain('cpu-svn-disagrees', 'pck-cpu-svn', 'low', PCK, 'CPUSVN and the components in the PCK certificate say different things.', {
    policy: 'CPUSVN and components must agree',
    edits: certificate('pck', sgxBytes(otherCpuSvn)),
  }),
  chain('pck-extra-extension', 'leaf-extension', 'low', PCK, 'The PCK certificate has an extension that genuine ones do not have.', {
    edits: certificate('pck', added({ oid: '2.5.29.37', value: Uint8Array.of(0x30, 0) })),
    policy: 'certificates have the extensions of genuine ones',
  }),
  accepted('tdx/chain/pck-extra-extension-allowed', 'low', PCK, 'The same certificate for a relying party that lets unknown extensions pass.', {
    edits: certificate('pck', added({ oid: '2.5.29.37', value: Uint8Array.of(0x30, 0) })),
    policy: 'certificates may have more extensions',
    request: { allowOtherExtensions: true },
  }),
  chain('leaf-only', 'certificate-chain-length', 'high', 'Phala-Network/dcap-qvl@309f891', 'The quote has the PCK certificate without what is above it.', { edits: chainText((pem) => `${blocks(pem)[0]}\0`) }),
  chain('without-root', 'certificate-chain-length', 'medium', PCK, 'The chain in the quote lacks the root.', { edits: chainText((pem) => blocks(pem).slice(0, 2).join('')) }),
  chain('root-first', 'root-untrusted', 'medium', PCK, 'The chain in the quote begins with the root.', { edits: chainText((pem) => blocks(pem).toReversed().join('')) }),
  chain('pck-twice', 'certificate-chain-length', 'medium', PCK, 'The chain in the quote has the PCK certificate twice.', { edits: chainText((pem) => `${blocks(pem)[0]}${pem}`) }),
  delivered(
    'pem-corrupt',
    'certificate-malformed',
    'A character of the chain in the quote is none of base64.',
    { edits: chainText((pem) => `${pem.slice(0, 100)}!${pem.slice(101)}`), bug: 'denial-of-service' },
    'agentrust-io/agent-manifest#445',
  ),
  delivered('pem-unfinished', 'certificate-malformed', 'The chain in the quote ends within a certificate.', { edits: chainText((pem) => pem.slice(0, 1500)), bug: 'denial-of-service' }, 'agentrust-io/agent-manifest#445'),
  delivered('pem-is-text', 'certificate-malformed', 'The chain in the quote is a sentence.', { edits: chainText(() => 'There is no certificate.\0') }),
  chain('pck-signature-flipped', 'certificate-signature', 'critical', PCK, 'One bit of the PCK certificate’s signature is flipped.', {
    edits: chainText((certificates) => {
      const [leaf = '', ...rest] = blocks(certificates);
      const [der = new Uint8Array()] = pemBlocks(leaf, 'CERTIFICATE');
      return pem('CERTIFICATE', signatureFlipped(der)) + rest.join('');
    }),
  }),
  ...[1, 2, 3].map((certificationType) =>
    delivered(
      `chain-of-type-${certificationType}-missing`,
      'pck-chain-missing',
      'The quote only names its platform, and the collateral has no chain for it.',
      { options: { certificationType }, files: without(PCK_CHAIN) },
      'Phala-Network/dcap-qvl@309f891',
    ),
  ),
  delivered('chain-of-type-4-missing', 'pck-chain-missing', 'The quote has the PCK certificate, and nobody what is above it.', { options: { certificationType: 4 }, files: without(PCK_CHAIN) }),
  ...[1, 4].map((certificationType) =>
    chain(`chain-of-type-${certificationType}-of-another-machine`, 'pck-platform-mismatch', 'critical', PCK, 'The collateral has the chain of another machine than the quote names.', {
      options: { certificationType },
      files: foreignChain,
    }),
  ),
  // The id is encrypted to Intel: only the signature tells.
  refused(
    'tdx/chain/chain-of-type-3-of-another-machine',
    ['signature', 'qe-report-signature'],
    'critical',
    PCK,
    'The collateral has the chain of another machine at the same TCB, and the quote names its own to Intel only.',
    { options: { certificationType: 3 }, files: foreignChain },
  ),
  chain('lists-of-the-processor-ca', 'pck-crl-authority', 'critical', 'Intel PCS v4, pckcrl', 'The collateral’s list is that of the Processor CA, the PCK hangs on the Platform CA.', { files: processorLists }),
  chain('tcb-info-without-chain', 'certificate-chain-length', 'critical', 'confidential-dot-ai/attestation-rs#90', 'There are no certificates over the TCB info, whose signature is wrong, too.', {
    edits: signedByStranger('tcbInfo'),
    files: rewritten(TCB_CHAIN, () => new Uint8Array()),
  }),
  chain('tcb-info-chain-without-root', 'certificate-chain-length', 'medium', PCK, 'The certificates over the TCB info lack the root.', { files: pemFile(TCB_CHAIN, ([leaf = '']) => [leaf]) }),
  chain('tcb-info-chain-root-first', 'root-untrusted', 'medium', PCK, 'The certificates over the TCB info begin with the root.', { files: pemFile(TCB_CHAIN, (all) => all.toReversed()) }),
  chain('tcb-info-chain-of-the-pck-ca', 'certificate-name', 'critical', PCK, 'The certificates over the TCB info are those of the authority above the PCK.', {
    files: (files) => rewritten(TCB_CHAIN, () => files.get(CRL_CHAIN) ?? new Uint8Array())(files),
  }),
  chain('identity-without-chain', 'certificate-chain-length', 'critical', 'confidential-dot-ai/attestation-rs#90', 'There are no certificates over the identity of the quoting enclave.', {
    files: rewritten(QE_CHAIN, () => new Uint8Array()),
  }),
  delivered('tcb-info-chain-missing', 'evidence-incomplete', 'The collateral lacks the certificates over the TCB info.', { files: without(TCB_CHAIN) }),
  delivered('crl-chain-missing', 'evidence-incomplete', 'The collateral lacks the certificates over the list of revoked PCKs.', { files: without(CRL_CHAIN) }),
  delivered('tcb-info-chain-trailing', 'certificate-malformed', 'Something that is no PEM follows the certificates over the TCB info.', { files: extended(TCB_CHAIN, 'garbage') }, 'tinfoilsh/tinfoil-python#122'),
  delivered('crl-chain-garbage', 'certificate-malformed', 'The certificates over the list are an answer of another kind.', { files: rewritten(CRL_CHAIN, () => text('{"error":404}')) }),
];
