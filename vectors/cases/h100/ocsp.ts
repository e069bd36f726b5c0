/** OCSP responses that say no good of a certificate, or that nobody can rely on. */
import { ecdsaSignatureValue, OID } from '../../../emulator/pki/der.ts';
import { basicConstraintsCa, keyUsage } from '../../../emulator/pki/extensions.ts';
import { ocspErrorResponse, successfulResponse } from '../../../emulator/pki/ocsp/issue.ts';
import { readOcspResponse } from '../../../emulator/pki/ocsp/response.ts';
import { tlv, TAG } from '../../../emulator/pki/tlv.ts';
import { and, instead, ocsp, ocspStatus, renamed, without } from '../../edits/nvidia.ts';
import { accepted, CRASH, type H100Case, type H100Maker, type More, refused } from './row.ts';

const OCSP = (section: string): string => `RFC 6960 §${section}`;
const DAY = 86_400_000;
const COMMON_NAME = '2.5.4.3';
const NONCE = new Uint8Array(32).fill(9);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fault = (name: string, parameters: Record<string, string | number> = {}): Pick<More, 'faults'> => ({ faults: [{ match: 'ocsp.*', fault: name, ...(Object.keys(parameters).length > 0 && { parameters }) }] });
/** Each stored response whose file's name begins so; none where nothing comes back. */
const stored = (prefix: string, edit: (der: Uint8Array, maker: H100Maker, all: readonly Uint8Array[]) => Uint8Array | undefined): More => ({
  files: (files, maker) => {
    const all = [...files].flatMap(([name, der]) => (name.startsWith('ocsp/') ? [der] : []));
    return new Map(
      [...files].flatMap(([name, contents]): [string, Uint8Array][] => {
        const changed = name.startsWith(`ocsp/${prefix}`) ? edit(contents, maker, all) : contents;
        return changed ? [[name, changed]] : [];
      }),
    );
  },
});

/** Certificates that verifiers ask about, as the files of responses are called, what revokes them, and how to say which they are. */
const REVOKED = [
  ['boot-rom', { serial: true }, 'the boot ROM'],
  ['provisioner', { authority: 'provisioner/GH100' }, 'the provisioner'],
  ['identity', { authority: 'identity/GH100' }, 'the identity authority'],
  ['driver-signer', { authority: 'rim-l4/driver/GH100' }, "the driver manifest's signer"],
  ['vbios-signer', { authority: 'rim-l4/vbios/GH100' }, "the VBIOS manifest's signer"],
  ['rim-issuer', { authority: 'rim-l3/GH100' }, 'the authority above the signers of manifests'],
  ['rim-authority', { authority: 'rim-ca/GH100' }, 'the authority of manifests'],
] as const;

/** The files of responses. */
const FILES = ['boot-rom-', 'provisioner-', 'identity-', 'rim-l4-driver-', 'rim-l4-vbios-', 'rim-l3-', 'rim-ca-'] as const;

const bromRevoked = (reason: 'keyCompromise' | 'certificateHold'): More => ({
  edits: ({ at }) => ocspStatus((single) => ({ ...single, status: { kind: 'revoked', at: at - DAY, reason } })),
  ...fault('ocsp-revoked', { reason }),
});

const STATUS_CASES: readonly H100Case[] = [
  ...REVOKED.flatMap(([slug, what, name]): H100Case[] =>
    'serial' in what
      ? []
      : [
          refused(`revocation/${slug}`, ['revocation', 'certificate-revoked'], 'high', OCSP('2.2'), `NVIDIA has revoked ${name}.`, { revoke: [{ ...what, reason: 'keyCompromise' }] }),
          refused(`revocation/${slug}-on-hold`, ['revocation', 'certificate-on-hold'], 'high', 'NVIDIA/nvtrust#10, #84', `NVIDIA has put ${name} on hold.`, {
            policy: 'certificates on hold are not accepted',
            revoke: [{ ...what, reason: 'certificateHold' }],
          }),
          accepted(`revocation/${slug}-on-hold-allowed`, 'medium', 'NVIDIA/nvtrust#10, #84', `NVIDIA has put ${name} on hold, and the relying party accepts that.`, {
            policy: 'certificates on hold are accepted',
            revoke: [{ ...what, reason: 'certificateHold' }],
            request: { allowHold: true },
          }),
        ],
  ),
  refused('revocation/every-certificate', ['revocation', 'certificate-revoked'], 'high', OCSP('2.2'), 'Every certificate is revoked, that of the device’s boot ROM first.', bromRevoked('keyCompromise')),
  refused('revocation/every-certificate-on-hold', ['revocation', 'certificate-on-hold'], 'high', 'NVIDIA/nvtrust#10, #84', 'Every certificate is on hold.', {
    policy: 'certificates on hold are not accepted',
    ...bromRevoked('certificateHold'),
  }),
  refused('revocation/revoked-where-hold-is-allowed', ['revocation', 'certificate-revoked'], 'high', 'NVIDIA/nvtrust#10', 'Certificates are revoked for good, and the relying party accepts those on hold.', {
    ...bromRevoked('keyCompromise'),
    request: { allowHold: true },
  }),
  refused('revocation/unknown', ['revocation', 'certificate-status-unknown'], 'high', OCSP('2.2'), 'The responder does not know the certificates.', {
    edits: ocspStatus((single) => ({ ...single, status: { kind: 'unknown' } })),
    ...fault('ocsp-unknown'),
  }),
];

const RESPONSE_CASES: readonly H100Case[] = [
  ...FILES.map((name) =>
    refused(`ocsp/no-${name.slice(0, -1)}`, ['revocation', 'ocsp-missing'], 'high', OCSP('2.2'), `Nothing is said about the certificate ${name.slice(0, -1)}.`, {
      bug: 'stale-platform',
      ...stored(name, () => undefined),
      ...fault('ocsp-unauthorized'),
    }),
  ),
  refused('ocsp/none', ['revocation', 'ocsp-missing'], 'high', OCSP('2.2'), 'There is no response at all.', { ...stored('', () => undefined), faults: [{ match: 'ocsp.*', fault: 'down' }] }),
  refused('ocsp/truncated', ['revocation', 'ocsp-malformed'], 'medium', OCSP('4.2.1'), 'Responses end one byte too early.', {
    ...CRASH,
    ...stored('', (der) => der.slice(0, -1)),
    faults: [{ match: 'ocsp.*', fault: 'truncated-body' }],
  }),
  refused('ocsp/garbage', ['revocation', 'ocsp-malformed'], 'medium', OCSP('4.2.1'), 'Responses are a page of HTML.', {
    ...CRASH,
    ...stored('', () => Uint8Array.from(Buffer.from('<html></html>'))),
    faults: [{ match: 'ocsp.*', fault: 'html-page' }],
  }),
  refused(
    'ocsp/trailing-byte',
    ['revocation', 'ocsp-malformed'],
    'low',
    OCSP('4.2.1'),
    'A byte follows each response.',
    stored('', (der) => Uint8Array.of(...der, 0)),
  ),
  refused('ocsp/try-later', ['revocation', 'ocsp-status'], 'medium', OCSP('2.3'), 'The responder puts off.', { ...stored('boot-rom-', () => ocspErrorResponse('tryLater')), ...fault('ocsp-try-later') }),
  refused('ocsp/internal-error', ['revocation', 'ocsp-status'], 'medium', OCSP('2.3'), 'The responder has an error of its own.', {
    ...stored('boot-rom-', () => ocspErrorResponse('internalError')),
    ...fault('ocsp-internal-error'),
  }),
  refused('ocsp/other-certificate', ['revocation', 'ocsp-missing'], 'high', OCSP('3.2'), 'The answer about the boot ROM is about another certificate.', {
    ...stored('boot-rom-', (_, __, all) => all[1]),
    ...fault('ocsp-other-certificate'),
  }),
  refused('ocsp/two-certificates', ['revocation', 'ocsp-other-certificate'], 'medium', OCSP('3.2'), 'Each answer says two things of its certificate.', {
    edits: ocsp((spec) => ({ ...spec, responses: [...spec.responses, ...spec.responses] })),
  }),
  refused('ocsp/good-and-revoked', ['revocation', 'ocsp-other-certificate'], 'high', OCSP('3.2'), 'Each answer says that its certificate is good, and that it is revoked.', {
    edits: ({ at }) =>
      ocsp((spec) => ({ ...spec, responses: [...spec.responses, ...spec.responses.map((single) => ({ ...single, status: { kind: 'revoked' as const, at: at - DAY, reason: 'keyCompromise' as const } }))] })),
  }),
  refused('ocsp/no-responder', ['revocation', 'ocsp-responder-missing'], 'medium', OCSP('4.2.2.2'), 'No certificate of the responder comes with the answers.', {
    edits: ocsp((spec) => ({ ...spec, certificates: [] })),
    ...fault('ocsp-no-certificate'),
  }),
  refused('ocsp/two-responders', ['revocation', 'ocsp-responder-missing'], 'low', OCSP('4.2.1'), 'Two certificates come with each answer.', {
    edits: ocsp((spec) => ({ ...spec, certificates: [...spec.certificates, ...spec.certificates] })),
  }),
  refused('ocsp/responder-other-key', ['revocation', 'ocsp-responder'], 'high', OCSP('4.2.2.2'), 'The answers name another responder than their certificate.', {
    edits: ocsp((spec) => ({ ...spec, responder: new Uint8Array(20) })),
  }),
  refused('ocsp/responder-rogue', ['revocation', 'ocsp-responder'], 'critical', OCSP('4.2.2.2'), 'A stranger issued the certificate of the responder in the authority’s name.', {
    edits: ({ stranger }) => ({ ocsp: { responder: { signedBy: stranger } } }),
    ...fault('ocsp-rogue-responder'),
  }),
  refused('ocsp/responder-other-issuer', ['revocation', 'ocsp-responder'], 'high', OCSP('4.2.2.2'), 'The responder’s certificate names another issuer.', {
    edits: { ocsp: { responder: { edit: renamed('issuer', COMMON_NAME, 'Somebody') } } },
  }),
  refused('ocsp/responder-no-purpose', ['revocation', 'ocsp-responder-usage'], 'high', OCSP('4.2.2.2'), 'The responder’s certificate is not for signing answers: any certificate below the authority would do.', {
    edits: { ocsp: { responder: { edit: without(OID.extendedKeyUsage) } } },
    ...fault('ocsp-no-purpose'),
  }),
  refused('ocsp/responder-is-authority', ['revocation', 'ocsp-responder-usage'], 'medium', OCSP('4.2.2.2'), 'The responder is an authority.', {
    edits: { ocsp: { responder: { edit: (spec) => and(basicConstraintsCa())(without(OID.basicConstraints)(spec)) } } },
  }),
  refused('ocsp/responder-signs-certificates', ['revocation', 'ocsp-responder-usage'], 'medium', OCSP('4.2.2.2'), 'The responder’s key may sign certificates too.', {
    edits: { ocsp: { responder: { edit: instead(keyUsage('digitalSignature', 'keyCertSign')) } } },
  }),
  refused('ocsp/responder-expired', ['revocation', 'ocsp-responder-dates'], 'medium', OCSP('4.2.2.2'), 'The responder’s certificate has ended.', {
    edits: ({ at }) => ({ ocsp: { responder: { edit: (spec) => ({ ...spec, notAfter: at - 1000 }) } } }),
    ...fault('ocsp-expired-responder'),
  }),
  refused('ocsp/responder-not-yet-valid', ['revocation', 'ocsp-responder-dates'], 'medium', OCSP('4.2.2.2'), 'The responder’s certificate begins in the next second.', {
    edits: ({ at }) => ({ ocsp: { responder: { edit: (spec) => ({ ...spec, notBefore: at + 1000 }) } } }),
  }),
  refused('ocsp/signed-by-stranger', ['revocation', 'ocsp-signature'], 'critical', OCSP('3.2'), 'Somebody else signed the answers.', {
    edits: ({ stranger }) => ({ ocsp: { signedBy: stranger } }),
    ...fault('ocsp-unsigned'),
  }),
  refused(
    'ocsp/status-changed',
    ['revocation', 'ocsp-signature'],
    'critical',
    OCSP('3.2'),
    'A last digit of each answer’s signature is changed.',
    stored('', (der) => tampered(der)),
  ),
  refused('ocsp/critical-extension', ['revocation', 'ocsp-extension-critical'], 'medium', OCSP('4.4'), 'The answer about the boot ROM has a critical extension that nobody knows.', stored('boot-rom-', critical)),
  refused('ocsp/from-the-future', ['revocation', 'ocsp-future'], 'medium', OCSP('3.2'), 'The answers count from tomorrow on.', {
    edits: ({ at }) => ocsp((spec) => ({ ...spec, producedAt: at + DAY, responses: spec.responses.map((single) => ({ ...single, thisUpdate: at + DAY, nextUpdate: at + 2 * DAY })) })),
    ...fault('ocsp-future'),
  }),
  refused('ocsp/produced-in-the-future', ['revocation', 'ocsp-future'], 'low', OCSP('3.2'), 'The answers were made in the next second.', { edits: ({ at }) => ocsp((spec) => ({ ...spec, producedAt: at + 1000 })) }),
  refused('ocsp/no-next-update', ['revocation', 'ocsp-no-next-update'], 'low', OCSP('4.2.2.1'), 'The answers do not say until when they count.', {
    edits: ocspStatus(({ certId, status, thisUpdate }) => ({ certId, status, thisUpdate })),
    ...fault('ocsp-no-next-update'),
  }),
  refused('ocsp/stale', ['revocation', 'ocsp-stale'], 'medium', OCSP('3.2'), 'The answers are of the day before yesterday.', {
    edits: ({ at }) => ocsp((spec) => ({ ...spec, producedAt: at - 2 * DAY, responses: spec.responses.map((single) => ({ ...single, thisUpdate: at - 2 * DAY, nextUpdate: at - DAY })) })),
    ...fault('ocsp-stale'),
  }),
  refused('ocsp/stale-by-a-second', ['revocation', 'ocsp-stale'], 'medium', OCSP('3.2'), 'The answers counted until a second ago.', { edits: ({ at }) => ocspStatus((single) => ({ ...single, nextUpdate: at - 1000 })) }),
  refused('ocsp/stale-beyond-grace', ['revocation', 'ocsp-stale'], 'medium', OCSP('3.2'), 'The answers have ended longer ago than the relying party forgives.', {
    policy: 'a day of grace',
    edits: ({ at }) => ocspStatus((single) => ({ ...single, thisUpdate: at - 3 * DAY, nextUpdate: at - 2 * DAY })),
    request: { ocspGrace: DAY },
  }),
  refused('ocsp/older-than-allowed', ['freshness', 'ocsp-too-old'], 'medium', 'the relying party asked for it', 'The answers count still, and are older than the relying party allows.', {
    policy: 'answers of the last hour',
    edits: ({ at }) => ocspStatus((single) => ({ ...single, thisUpdate: at - 3_601_000 })),
    request: { maximumOcspAge: 3_600_000 },
  }),
  refused('ocsp/other-nonce', ['revocation', 'ocsp-nonce'], 'medium', OCSP('4.4.1'), 'The answers have another nonce than was asked with.', {
    both: ocsp((spec) => ({ ...spec, nonce: NONCE })),
    edits: ocsp((spec) => ({ ...spec, nonce: new Uint8Array(32) })),
    request: { ocspNonce: hex(NONCE) },
    ...fault('ocsp-wrong-nonce'),
  }),
  refused('ocsp/no-nonce', ['revocation', 'ocsp-nonce'], 'medium', 'nv-local-gpu-verifier 2.1.0 to 2.3.0', 'The answers have no nonce, and they were asked with one.', {
    both: ocsp((spec) => ({ ...spec, nonce: NONCE })),
    edits: ocsp(({ nonce: _, ...spec }) => spec),
    request: { ocspNonce: hex(NONCE) },
    ...fault('ocsp-missing-nonce'),
  }),
];

/** A response with another signature. */
function tampered(der: Uint8Array): Uint8Array {
  const { basic } = readOcspResponse(der);
  if (!basic) return der;
  const { tbs, signatureAlgorithm, signature, certificates } = basic;
  return successfulResponse({ tbs, signatureAlgorithm, signature: signature.with(signature.length - 1, (signature.at(-1) ?? 0) ^ 1), certificates });
}

/** The response about the boot ROM with a critical extension, signed anew. */
function critical(der: Uint8Array, { authority }: H100Maker): Uint8Array {
  const { basic } = readOcspResponse(der);
  if (!basic) return der;
  const { signatureAlgorithm, certificates, tbs } = basic;
  const [, length = 0] = tbs;
  const unknown = tlv(TAG.sequence, tlv(TAG.oid, Uint8Array.of(0x2a, 3, 4)), tlv(TAG.boolean, Uint8Array.of(0xff)), tlv(TAG.octetString, Uint8Array.of(5, 0)));
  const extended = tlv(TAG.sequence, tbs.slice(length < 0x80 ? 2 : 2 + (length & 0x7f)), tlv(TAG.explicit(1), tlv(TAG.sequence, unknown)));
  const signature = ecdsaSignatureValue(authority.ocspResponder('provisioner/GH100').signer.sign(extended));
  return successfulResponse({ tbs: extended, signatureAlgorithm, signature, certificates });
}

export const OCSP_CASES: readonly H100Case[] = [...STATUS_CASES, ...RESPONSE_CASES];
