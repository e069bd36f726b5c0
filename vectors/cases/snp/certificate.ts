/** Certificates of another form than AMD's, or that state other things than they should. */
import { derIa5String, derInteger } from '../../../emulator/pki/der.ts';
import { basicConstraintsCa } from '../../../emulator/pki/extensions.ts';
import { CURVES, type EcSigner } from '../../../emulator/crypto/sign.ts';
import { amdRsaLabel } from '../../../emulator/snp/platform/products.ts';
import { SIGNATURE, SIGNED_SIZE } from '../../../emulator/snp/report.ts';
import { AMD_OID, added, changedAfterSigning, extension, lacking, replaced, signatureFlipped, signedByPkcs1 } from '../../edits/certificate.ts';
import { copied, extended, inTurn, reencoded, rewritten, without } from '../../edits/files.ts';
import { allowed, type SnpCase, type SnpRejectCase } from '../../model.ts';

const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';
const FORM = 'RFC 5280 §4.1';
const TWICE = 'RFC 5280 §4.2';
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'latin1'));

/** The report with a signature on P-256: numbers of 32 bytes, the rest padding. */
function signedOnP256(report: Uint8Array, key: EcSigner): Uint8Array {
  const raw = key.sign(report.subarray(0, SIGNED_SIZE));
  const { scalarBytes } = CURVES['P-256'];
  const [r, s] = [raw.subarray(0, scalarBytes), raw.subarray(scalarBytes)].map((number) => Uint8Array.of(...number.toReversed(), ...new Uint8Array(72 - scalarBytes)));
  return Uint8Array.of(...report.subarray(0, SIGNED_SIZE), ...SIGNATURE.encode({ ...(r ? { r } : {}), ...(s ? { s } : {}) }));
}

const twice = (slug: string, oid: string, value: Uint8Array): SnpRejectCase => ({
  ...{ id: `snp/chain/vcek-${slug}-twice`, expect: 'must-reject', stage: 'chain', reason: 'certificate-extension-twice', severity: 'high', ref: TWICE },
  why: 'The VCEK states two values, and a verifier would take either.',
  edits: { leaf: replaced(oid, (old) => [old, { ...old, value }]) },
});

/** Files that hold no certificate, and what else may happen to them on their way. */
const DELIVERED: readonly (readonly [slug: string, reason: string, why: string, files: NonNullable<SnpCase['files']>, more?: Partial<SnpRejectCase>])[] = [
  ['vcek-missing', 'evidence-incomplete', 'There is no certificate of the signing key.', without('vcek.pem')],
  ['ask-missing', 'evidence-incomplete', 'There is nothing between the VCEK and the root.', without('ask.pem')],
  ['vcek-and-vlek', 'evidence-incomplete', 'The same certificate is presented as both kinds of key.', inTurn(copied('vcek.pem', 'vlek.pem'), copied('ask.pem', 'asvk.pem'))],
  ['vcek-empty', 'certificate-malformed', 'The file of the VCEK is empty.', rewritten('vcek.pem', () => new Uint8Array())],
  ['vcek-no-pem', 'certificate-malformed', 'The file of the VCEK holds a text.', rewritten('vcek.pem', () => text('not found\n'))],
  ['vcek-pem-corrupt', 'certificate-malformed', 'A character of the PEM is none of base64.', rewritten('vcek.pem', (pem) => pem.with(100, 0x21))],
  ['vcek-pem-unfinished', 'certificate-malformed', 'The PEM has no end.', rewritten('vcek.pem', (pem) => pem.slice(0, -30))],
  ['vcek-der-cut-short', 'certificate-malformed', 'The last bytes of the certificate are missing.', reencoded('vcek.pem', (der) => der.slice(0, -20)), { bug: 'denial-of-service' }],
  ['vcek-der-trailing', 'certificate-malformed', 'A byte follows the certificate inside the PEM.', reencoded('vcek.pem', (der) => Uint8Array.of(...der, 0))],
  [
    'vcek-der-length',
    'certificate-malformed',
    'The certificate claims four gigabytes.',
    reencoded('vcek.pem', (der) => Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, ...der.subarray(4))),
    { bug: 'denial-of-service' },
  ],
  ['ask-two-in-one-file', 'certificate-malformed', 'The file of the intermediate holds two certificates.', rewritten('ask.pem', (pem) => Buffer.concat([pem, pem]))],
  [
    'ask-trailing',
    'certificate-malformed',
    'Bytes that are no PEM follow the chain.',
    inTurn(extended('ask.pem', 'garbage'), extended('cert_chain.pem', 'garbage')),
    { severity: 'low', ref: 'tinfoilsh/tinfoil-python#122' },
  ],
];

export const CERTIFICATE_CASES: readonly SnpCase[] = [
  ...DELIVERED.map(([slug, reason, why, files, more]): SnpRejectCase => ({ ...{ id: `snp/chain/${slug}`, expect: 'must-reject', stage: 'parse', reason, severity: 'medium', ref: FORM, why, files }, ...more })),
  {
    id: 'snp/chain/vcek-on-p256',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-key',
    severity: 'high',
    ref: KDS,
    why: 'The certified key is on P-256, and the report is signed with it.',
    edits: (world) => ({ leaf: (spec) => ({ ...spec, spki: world.ecKey('vectors/p-256', 'P-256').spki }) }),
    after: (report, { world }) => signedOnP256(report, world.ecKey('vectors/p-256', 'P-256')),
  },
  {
    id: 'snp/chain/vcek-with-rsa-key',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-key',
    severity: 'high',
    ref: KDS,
    why: 'The certified key is no elliptic one.',
    edits: (world) => ({ leaf: (spec) => ({ ...spec, spki: world.rsaKey(amdRsaLabel('ASK', 'Turin')).spki }) }),
  },
  {
    id: 'snp/chain/ask-without-rsa-key',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'authority-key',
    severity: 'high',
    ref: KDS,
    why: 'The root vouches for an intermediate whose key is elliptic.',
    edits: (world) => ({ intermediate: (spec) => ({ ...spec, spki: world.ecKey('vectors/ask', 'P-384').spki }) }),
  },
  {
    id: 'snp/chain/vcek-pkcs1-signature',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-algorithm',
    severity: 'medium',
    ref: KDS,
    why: 'The right key signed the VCEK, but by PKCS #1 v1.5 and not by PSS.',
    signed: { leaf: signedByPkcs1(amdRsaLabel('ASK', 'Milan')) },
  },
  {
    id: 'snp/chain/ask-pkcs1-signature',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-algorithm',
    severity: 'medium',
    ref: KDS,
    why: 'The root signed the intermediate by PKCS #1 v1.5 and not by PSS.',
    signed: { intermediate: signedByPkcs1(amdRsaLabel('ARK', 'Milan')) },
  },
  {
    id: 'snp/chain/vcek-signature-flipped',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-signature',
    severity: 'critical',
    ref: KDS,
    why: 'One bit of the VCEK’s signature is flipped.',
    signed: { leaf: ({ der }) => signatureFlipped(der) },
  },
  {
    id: 'snp/chain/ask-signature-flipped',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-signature',
    severity: 'critical',
    ref: KDS,
    why: 'One bit of the intermediate’s signature is flipped.',
    signed: { intermediate: ({ der }) => signatureFlipped(der) },
  },
  {
    id: 'snp/chain/vcek-hwid-changed',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-signature',
    severity: 'critical',
    ref: KDS,
    why: 'The VCEK was made that of another chip after it was signed.',
    signed: { leaf: changedAfterSigning(AMD_OID.hwid) },
  },
  {
    id: 'snp/chain/vcek-level-changed',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-signature',
    severity: 'critical',
    ref: KDS,
    why: 'The VCEK was made one for other microcode after it was signed.',
    signed: { leaf: changedAfterSigning(AMD_OID.microcode) },
  },
  twice('boot-loader', AMD_OID.bootLoader, derInteger(0x7f)),
  twice('tee', AMD_OID.tee, derInteger(0x7f)),
  twice('microcode', AMD_OID.microcode, derInteger(0x7f)),
  twice('hwid', AMD_OID.hwid, new Uint8Array(64)),
  twice('product-name', AMD_OID.productName, derIa5String('Genoa')),
  {
    id: 'snp/chain/vcek-unknown-critical-extension',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-extension-critical',
    severity: 'medium',
    ref: TWICE,
    why: 'An extension that nobody knows says that it must be understood.',
    edits: { leaf: added({ oid: '1.3.6.1.4.1.3704.1.99', critical: true, value: derInteger(1) }) },
  },
  {
    id: 'snp/chain/vcek-is-an-authority',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-authority',
    severity: 'medium',
    ref: 'RFC 5280 §4.2.1.9',
    why: 'The VCEK says that it may sign certificates.',
    edits: { leaf: added(basicConstraintsCa()) },
  },
  {
    id: 'snp/chain/vcek-without-hwid',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-identity',
    severity: 'high',
    ref: 'virtee/snpguest#159',
    why: 'The VCEK names no chip.',
    edits: { leaf: lacking(AMD_OID.hwid) },
  },
  {
    id: 'snp/chain/vlek-with-hwid',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-identity',
    severity: 'medium',
    ref: KDS,
    why: 'A VLEK names a provider; this one names a chip, too.',
    options: { signer: 'vlek' },
    edits: { leaf: added({ oid: AMD_OID.hwid, value: new Uint8Array(64).fill(7) }) },
  },
  {
    id: 'snp/chain/vlek-without-csp-id',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-identity',
    severity: 'high',
    ref: KDS,
    why: 'The VLEK names no provider.',
    options: { signer: 'vlek' },
    edits: { leaf: lacking(AMD_OID.cspId) },
  },
  {
    id: 'snp/chain/vlek-csp-id-no-text',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'certificate-extension-malformed',
    severity: 'medium',
    ref: KDS,
    why: 'The provider’s name is no IA5String.',
    options: { signer: 'vlek' },
    edits: { leaf: extension(AMD_OID.cspId, (value) => Uint8Array.of(4, ...value.subarray(1))) },
  },
  {
    id: 'snp/chain/vcek-long-hwid',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-hwid',
    severity: 'high',
    ref: 'confidential-dot-ai/attestation-rs@c10ce0a',
    why: 'A byte follows the 64 of the hardware id.',
    edits: { leaf: extension(AMD_OID.hwid, (hwid) => Uint8Array.of(...hwid, 0)) },
  },
  {
    id: 'snp/chain/turin-long-hwid',
    expect: 'must-reject',
    stage: 'chain',
    reason: 'leaf-hwid',
    severity: 'high',
    ref: 'confidential-dot-ai/attestation-rs@c10ce0a',
    why: 'On Turin the hardware id has 8 bytes, not the 64 of the report’s field.',
    options: { product: 'turin' },
    edits: { leaf: extension(AMD_OID.hwid, (hwid) => Uint8Array.of(...hwid, ...new Uint8Array(56))) },
  },
  allowed(
    {
      id: 'snp/chain/vcek-key-usage',
      expect: 'must-reject',
      stage: 'chain',
      reason: 'leaf-extension',
      severity: 'low',
      ref: KDS,
      why: '',
      policy: 'certificates may have more extensions',
      edits: { leaf: added({ oid: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 7, 0x80) }) },
    },
    'The same certificate for a relying party that lets unknown extensions pass.',
    { request: { more: { allowOtherExtensions: true } } },
  ),
];
