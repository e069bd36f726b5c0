/**
 * Cases of what services answer: the evidence is sound and comes without its collateral, and what is fetched for it is not there, not whole, not the
 * right one, or late. A verifier must refuse within its time, whatever a server does; only what is merely slow must not make it refuse.
 */
import type { Json } from '../../emulator/bundle.ts';
import { type CaseBase, cases, type Severity, type Stage } from '../model.ts';

/** Whose collateral is at the services. `tokens`: of NRAS, whose keys are fetched; `judged`: evidence that NRAS is to judge. */
export type ServiceKind = 'snp' | 'tdx' | 'h100' | 'tokens' | 'judged';

interface ServiceChange {
  readonly kind: ServiceKind;
  /** Rules of faults, in the words of the control port. */
  readonly faults: readonly Json[];
  /** What NVIDIA has revoked, in the words of the control port. */
  readonly revoke?: readonly Json[];
  readonly request?: Readonly<Record<string, Json>>;
}
interface ServiceRejectCase extends CaseBase, ServiceChange {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
}
interface ServiceAcceptCase extends CaseBase, ServiceChange {
  readonly expect: 'must-accept';
}

/** One case of services. */
export type ServiceCase = ServiceRejectCase | ServiceAcceptCase;
type At = readonly [Stage, string];
type More = Partial<Pick<ServiceCase, 'bug' | 'policy' | 'request' | 'revoke'>> & { readonly parameters?: Readonly<Record<string, Json>>; readonly rule?: Readonly<Record<string, Json>> };

/** What is asked of a service: its operation, whose collateral it is, and what must have been asked for. */
interface Asked {
  readonly area: string;
  readonly kind: ServiceKind;
  readonly match: string;
  readonly mustFetch: string;
}

const fault = ({ match }: Asked, name: string, { parameters, rule }: More): Json => ({ match, fault: name, ...(parameters && { parameters }), ...rule });
const SERVICES = { needs: ['services'] } as const;

/** What a fault gives that must be refused. */
function refused(asked: Asked, slug: string, name: string, [stage, reason]: At, severity: Severity, ref: string, why: string, more: More = {}): ServiceCase {
  const { parameters: _, rule: __, ...rest } = more;
  return { id: `service/${asked.area}/${slug}`, expect: 'must-reject', stage, reason, severity, ref, why, kind: asked.kind, faults: [fault(asked, name, more)], mustFetch: [asked.mustFetch], ...SERVICES, ...rest };
}

/** What a fault gives that must be accepted. */
function accepted(asked: Asked, slug: string, name: string | undefined, severity: Severity, ref: string, why: string, more: More = {}): ServiceCase {
  const { parameters: _, rule: __, ...rest } = more;
  return {
    id: `service/${asked.area}/${slug}`,
    expect: 'must-accept',
    severity,
    ref,
    why,
    kind: asked.kind,
    faults: name === undefined ? [] : [fault(asked, name, more)],
    mustFetch: [asked.mustFetch],
    ...SERVICES,
    ...rest,
  };
}

const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';
const PCS = 'Intel PCS API v4';
const OCSP = 'RFC 6960';
const RIM = 'NVIDIA RIM service';
const HTTP = 'RFC 9110';
const CRASH = { bug: 'denial-of-service' } as const;

/** What every service can do, whatever it is about. @param missing how a verifier without it refuses @param malformed how one refuses what can't be read @param hang whether silence is tried too */
function outages(asked: Asked, what: string, missing: At, malformed: At): ServiceCase[] {
  const row = (slug: string, name: string, at: At, severity: Severity, ref: string, why: string, more: More = {}): ServiceCase => refused(asked, `${what}-${slug}`, name, at, severity, ref, why, { ...CRASH, ...more });
  return [
    row('down', 'down', missing, 'high', 'CWE-636', 'The connection is closed without an answer.'),
    row('hang', 'hang', missing, 'high', 'confidential-containers/trustee@d9b9542f', 'Nothing is ever answered: the verifier must give up.'),
    row('not-found', 'not-found', missing, 'medium', `${HTTP} §15.5.5`, 'There is no such thing, says the service.'),
    row('server-error', 'server-error', missing, 'medium', `${HTTP} §15.6.1`, 'The service has an error of its own, each time.'),
    row('unavailable', 'unavailable', missing, 'medium', `${HTTP} §15.6.4`, 'The service is not available, and will be in a day.', { parameters: { retryAfter: 86_400 } }),
    row('too-many-requests', 'too-many-requests', missing, 'medium', 'RFC 6585 §4', 'There were too many requests, says the service, and to come again in an hour.', {
      policy: 'wait no longer than the caller does, or say why not',
      parameters: { retryAfter: 3600 },
    }),
    row('truncated', 'truncated-body', missing, 'medium', `${HTTP} §8.6`, 'The connection ends in the middle of the answer.'),
    row('redirect-loop', 'redirect-loop', missing, 'medium', `${HTTP} §15.4`, 'The service sends whoever asks in circles.'),
    row('oversize', 'oversize-body', missing, 'high', 'Dstack-TEE/dstack#1238', 'The answer is followed by zeros, 8 MiB in all.'),
    row('html', 'html-page', malformed, 'medium', 'captive portals', 'A page in HTML comes in place of the answer.'),
  ];
}

/** What is slow or odd, and right. */
function slow(asked: Asked, what: string): ServiceCase[] {
  return [
    accepted(asked, `${what}-late`, 'latency', 'high', 'c8s#627', 'The answer comes half a second late.', { parameters: { delay: 500 } }),
    accepted(asked, `${what}-in-pieces`, 'slicer', 'medium', `${HTTP} §6.4`, 'The answer comes in many small pieces.', { parameters: { bytes: 1000, pause: 1 } }),
    accepted(asked, `${what}-after-an-error`, 'server-error', 'medium', 'edgelesssys/contrast#126', 'The service has an error of its own once, and then is well again.', {
      policy: 'what failed is tried once more',
      rule: { times: 1 },
    }),
  ];
}

const VCEK: Asked = { area: 'kds', kind: 'snp', match: 'kds.vcek', mustFetch: 'kds/vcek' };
const CHAIN: Asked = { area: 'kds', kind: 'snp', match: 'kds.chain', mustFetch: 'kds/chain' };
const LIST: Asked = { area: 'kds', kind: 'snp', match: 'kds.crl', mustFetch: 'kds/crl' };
const INCOMPLETE: At = ['parse', 'evidence-incomplete'];
const NO_CERTIFICATE: At = ['parse', 'certificate-malformed'];

const KDS_CASES: readonly ServiceCase[] = [
  accepted(VCEK, 'ok', undefined, 'high', KDS, 'The service is well. Levels may be asked for with zeros before them or without.'),
  ...slow(VCEK, 'vcek'),
  ...outages(VCEK, 'vcek', INCOMPLETE, NO_CERTIFICATE),
  ...outages(CHAIN, 'chain', INCOMPLETE, INCOMPLETE),
  ...outages(LIST, 'list', ['revocation', 'crl-missing'], ['parse', 'crl-malformed']),
  refused(VCEK, 'vcek-empty', 'short-body', NO_CERTIFICATE, 'medium', KDS, 'The certificate of the chip is empty.', { ...CRASH, parameters: { keep: 0 } }),
  refused(VCEK, 'vcek-short', 'short-body', NO_CERTIFICATE, 'medium', KDS, 'The certificate of the chip ends early, as its length says.', { ...CRASH, parameters: { keep: 500 } }),
  refused(VCEK, 'vcek-of-another-chip', 'vcek-wrong-chip', ['signature', 'report-signature'], 'critical', KDS, 'The service gives out the certificate of another chip.'),
  refused(VCEK, 'vcek-at-another-tcb', 'vcek-wrong-tcb', ['signature', 'report-signature'], 'critical', KDS, 'The service gives out the chip’s certificate at another TCB.'),
  refused(VCEK, 'vcek-expired', 'vcek-expired', ['chain', 'certificate-expired'], 'high', KDS, 'The service gives out a certificate that has ended.'),
  refused(VCEK, 'vcek-not-yet-valid', 'vcek-future', ['chain', 'certificate-not-yet-valid'], 'high', KDS, 'The service gives out a certificate that begins tomorrow.'),
  refused(VCEK, 'vlek-for-vcek', 'vlek-for-vcek', ['chain', 'leaf-kind'], 'high', KDS, 'The service gives out a VLEK in place of a VCEK.'),
  refused(CHAIN, 'chain-order', 'chain-order', ['chain', 'certificate-name'], 'low', KDS, 'The root comes before the intermediate.', { policy: 'the order of the specification' }),
  refused(CHAIN, 'chain-three-blocks', 'chain-trailing', INCOMPLETE, 'low', 'tinfoilsh/tinfoil-python#122', 'The root comes a second time at the end.', { policy: 'two certificates and nothing else' }),
  refused(CHAIN, 'chain-of-another-line', 'chain-wrong-line', ['chain', 'certificate-issuer'], 'high', KDS, 'The service gives out the chain of another product line.'),
  refused(CHAIN, 'chain-of-vlek', 'chain-wrong-kind', ['chain', 'leaf-kind'], 'high', KDS, 'The service gives out the chain over VLEKs.'),
  refused(LIST, 'list-stale', 'crl-stale', ['revocation', 'crl-stale'], 'medium', 'RFC 5280 §5.1.2.5', 'The service gives out an old list.'),
  refused(LIST, 'list-from-the-future', 'crl-future', ['revocation', 'crl-future'], 'low', 'RFC 5280 §5.1.2.4', 'The service gives out a list that begins tomorrow.'),
  refused(LIST, 'list-of-another-line', 'crl-wrong-line', ['revocation', 'crl-issuer'], 'high', 'RFC 5280 §6.3.3', 'The service gives out the list of another product line.'),
];

const TCB: Asked = { area: 'pcs', kind: 'tdx', match: 'pcs.tcb.*', mustFetch: 'pcs/tcb.tdx' };
const IDENTITY: Asked = { area: 'pcs', kind: 'tdx', match: 'pcs.identity.*', mustFetch: 'pcs/identity.td-qe' };
const PCK_LIST: Asked = { area: 'pcs', kind: 'tdx', match: 'pcs.pckcrl', mustFetch: 'pcs/pckcrl' };
const ROOT_LIST: Asked = { area: 'pcs', kind: 'tdx', match: 'pcs.rootcrl', mustFetch: 'pcs/rootcrl' };

const PCS_CASES: readonly ServiceCase[] = [
  accepted(TCB, 'ok', undefined, 'high', PCS, 'The service is well.'),
  ...slow(TCB, 'tcb'),
  ...outages(TCB, 'tcb', INCOMPLETE, INCOMPLETE),
  ...outages(IDENTITY, 'identity', INCOMPLETE, INCOMPLETE),
  ...outages(PCK_LIST, 'list', INCOMPLETE, INCOMPLETE),
  ...outages(ROOT_LIST, 'root-list', INCOMPLETE, ['parse', 'crl-malformed']),
  refused(TCB, 'tcb-short', 'short-body', ['parse', 'tcb-info-malformed'], 'medium', PCS, 'The TCB info ends early, as its length says.', CRASH),
  refused(TCB, 'tcb-chain-missing', 'issuer-chain-missing', INCOMPLETE, 'critical', 'confidential-dot-ai/attestation-rs#90', 'The header with the chain over the TCB info is missing.', { bug: 'authentication-bypass' }),
  refused(TCB, 'tcb-chain-without-root', 'issuer-chain-incomplete', ['chain', 'certificate-chain-length'], 'medium', PCS, 'The root is missing from the chain over the TCB info.', {
    policy: 'the chain comes with its root',
  }),
  accepted(TCB, 'tcb-chain-plus', 'issuer-chain-plus', 'low', PCS, 'Signs of addition stand in the header as they are: outside of forms, they are no spaces.', { policy: 'a header is percent-decoded and no more' }),
  refused(TCB, 'tcb-stale', 'collateral-stale', ['freshness', 'tcb-info-stale'], 'high', PCS, 'The service gives out old TCB info.'),
  refused(TCB, 'tcb-from-the-future', 'collateral-future', ['freshness', 'tcb-info-future'], 'medium', PCS, 'The service gives out TCB info of tomorrow.'),
  refused(TCB, 'tcb-unsigned', 'collateral-unsigned', ['signature', 'tcb-info-signature'], 'critical', PCS, 'Somebody else signed the TCB info.'),
  refused(TCB, 'tcb-signed-by-root', 'collateral-signed-by-root', ['signature', 'tcb-info-signature'], 'high', PCS, 'The root signed the TCB info.'),
  refused(TCB, 'tcb-rewritten', 'collateral-rewritten', ['signature', 'tcb-info-signature'], 'medium', PCS, 'The TCB info was written over several lines after it was signed.', {
    policy: 'what is signed is what was served',
  }),
  refused(TCB, 'tcb-of-another-machine', 'tcb-other-fmspc', ['tcb', 'tcb-info-fmspc'], 'critical', PCS, 'The service gives out the TCB info of another kind of machine.'),
  refused(TCB, 'tcb-of-sgx', 'tcb-other-tee', ['parse', 'tcb-info-id'], 'critical', PCS, 'The service gives out TCB info of SGX.'),
  refused(IDENTITY, 'identity-stale', 'collateral-stale', ['freshness', 'qe-identity-stale'], 'high', PCS, 'The service gives out an old identity.'),
  refused(IDENTITY, 'identity-unsigned', 'collateral-unsigned', ['signature', 'qe-identity-signature'], 'critical', PCS, 'Somebody else signed the identity.'),
  refused(IDENTITY, 'identity-of-sgx', 'identity-other-enclave', ['parse', 'qe-identity-id'], 'critical', PCS, 'The service gives out the identity of SGX’s quoting enclave.'),
  refused(PCK_LIST, 'list-stale', 'pckcrl-stale', ['revocation', 'crl-stale'], 'medium', PCS, 'The service gives out an old list.'),
  refused(PCK_LIST, 'list-from-the-future', 'pckcrl-future', ['revocation', 'crl-future'], 'low', PCS, 'The service gives out a list of tomorrow.'),
  refused(PCK_LIST, 'list-of-another-authority', 'pckcrl-other-ca', ['chain', 'pck-crl-authority'], 'critical', PCS, 'The service gives out the list of the other authority, with its chain.'),
  refused(ROOT_LIST, 'root-list-stale', 'rootcrl-stale', ['revocation', 'crl-stale'], 'medium', PCS, 'The service gives out an old list of the root.'),
];

const STATUS: Asked = { area: 'ocsp', kind: 'h100', match: 'ocsp.*', mustFetch: 'ocsp' };
const MANIFEST: Asked = { area: 'rim', kind: 'h100', match: 'rim.get', mustFetch: 'rim/get' };
const NO_STATUS: At = ['revocation', 'ocsp-missing'];
const BAD_STATUS: At = ['revocation', 'ocsp-malformed'];
const OTHER_SIGNER: At = ['revocation', 'ocsp-responder'];
const NO_MANIFEST: At = ['parse', 'rim-missing'];
const BAD_MANIFEST: At = ['parse', 'rim-malformed'];

const OCSP_CASES: readonly ServiceCase[] = [
  accepted(STATUS, 'ok', undefined, 'high', OCSP, 'The responder is well.'),
  ...slow(STATUS, 'answer'),
  ...outages(STATUS, 'answer', NO_STATUS, BAD_STATUS),
  refused(STATUS, 'try-later', 'ocsp-try-later', ['revocation', 'ocsp-status'], 'medium', `${OCSP} §2.3`, 'The responder puts off.'),
  refused(STATUS, 'internal-error', 'ocsp-internal-error', ['revocation', 'ocsp-status'], 'medium', `${OCSP} §2.3`, 'The responder has an error of its own.'),
  refused(STATUS, 'unauthorized', 'ocsp-unauthorized', ['revocation', 'ocsp-status'], 'medium', `${OCSP} §2.3`, 'The responder does not answer such requests.'),
  refused(STATUS, 'unknown', 'ocsp-unknown', ['revocation', 'certificate-status-unknown'], 'high', `${OCSP} §2.2`, 'The responder does not know the certificates.'),
  refused(STATUS, 'revoked', 'ocsp-revoked', ['revocation', 'certificate-revoked'], 'high', `${OCSP} §2.2`, 'The responder says that the certificates are revoked.'),
  refused(STATUS, 'on-hold', 'ocsp-revoked', ['revocation', 'certificate-on-hold'], 'high', 'NVIDIA/nvtrust#10, #84', 'The responder says that the certificates are on hold.', {
    policy: 'certificates on hold are not accepted',
    parameters: { reason: 'certificateHold' },
  }),
  accepted(STATUS, 'on-hold-allowed', 'ocsp-revoked', 'medium', 'NVIDIA/nvtrust#10, #84', 'The responder says that the certificates are on hold, and the relying party accepts that.', {
    policy: 'certificates on hold are accepted',
    parameters: { reason: 'certificateHold' },
    request: { allowHold: true },
  }),
  refused(STATUS, 'other-certificate', 'ocsp-other-certificate', NO_STATUS, 'high', `${OCSP} §3.2`, 'The answer is about another certificate of the same authority.'),
  refused(STATUS, 'other-nonce', 'ocsp-wrong-nonce', ['revocation', 'ocsp-nonce'], 'medium', `${OCSP} §4.4.1`, 'The answer has another nonce.'),
  refused(STATUS, 'no-nonce', 'ocsp-missing-nonce', ['revocation', 'ocsp-nonce'], 'medium', 'nv-local-gpu-verifier 2.1.0 to 2.3.0', 'The answer has no nonce, and was asked with one.', {
    policy: 'a nonce that was asked with must come back',
  }),
  refused(STATUS, 'signed-by-stranger', 'ocsp-unsigned', ['revocation', 'ocsp-signature'], 'critical', `${OCSP} §3.2`, 'Somebody else signed the answer, in the responder’s name.'),
  refused(STATUS, 'rogue-responder', 'ocsp-rogue-responder', OTHER_SIGNER, 'critical', `${OCSP} §4.2.2.2`, 'A stranger issued the responder’s certificate.'),
  refused(STATUS, 'no-responder', 'ocsp-no-certificate', ['revocation', 'ocsp-responder-missing'], 'medium', `${OCSP} §4.2.2.2`, 'No certificate of the responder comes with the answer.'),
  refused(STATUS, 'other-authority', 'ocsp-other-authority', OTHER_SIGNER, 'high', `${OCSP} §4.2.2.2`, 'The responder of another authority answers.'),
  refused(STATUS, 'no-purpose', 'ocsp-no-purpose', ['revocation', 'ocsp-responder-usage'], 'high', `${OCSP} §4.2.2.2`, 'The responder’s certificate is not for signing answers.'),
  refused(STATUS, 'expired-responder', 'ocsp-expired-responder', ['revocation', 'ocsp-responder-dates'], 'medium', `${OCSP} §4.2.2.2`, 'The responder’s certificate has ended.'),
  refused(STATUS, 'stale', 'ocsp-stale', ['revocation', 'ocsp-stale'], 'medium', `${OCSP} §3.2`, 'The answer is an old one.'),
  refused(STATUS, 'from-the-future', 'ocsp-future', ['revocation', 'ocsp-future'], 'medium', `${OCSP} §3.2`, 'The answer is of tomorrow.'),
  refused(STATUS, 'no-next-update', 'ocsp-no-next-update', ['revocation', 'ocsp-no-next-update'], 'low', `${OCSP} §4.2.2.1`, 'The answer does not say until when it counts.', {
    policy: 'an answer says until when it counts',
  }),
];

const RIM_CASES: readonly ServiceCase[] = [
  accepted(MANIFEST, 'ok', undefined, 'high', RIM, 'The service is well.'),
  ...slow(MANIFEST, 'manifest'),
  ...outages(MANIFEST, 'manifest', NO_MANIFEST, NO_MANIFEST),
  refused(MANIFEST, 'not-published', 'rim-not-found', NO_MANIFEST, 'medium', 'NVIDIA/nvtrust#66', 'There is no manifest for this release.'),
  refused(MANIFEST, 'other-digest', 'rim-wrong-sha256', NO_MANIFEST, 'low', RIM, 'The digest beside the manifest is another.', { policy: 'the digest beside the manifest is checked' }),
  refused(MANIFEST, 'other-id', 'rim-other-id', NO_MANIFEST, 'low', RIM, 'The answer names another id than was asked for.', { policy: 'the id in the answer is checked' }),
  refused(MANIFEST, 'other-format', 'rim-other-format', NO_MANIFEST, 'low', RIM, 'The answer says that the manifest is a CoRIM, and it is none.', { policy: 'the format in the answer is checked' }),
  refused(MANIFEST, 'no-base64', 'rim-no-base64', NO_MANIFEST, 'medium', RIM, 'The manifest is no base64.', CRASH),
  refused(MANIFEST, 'other-manifest', 'rim-other-manifest', ['tcb', 'rim-version'], 'high', RIM, 'The manifest is that of another release, under the id that was asked for.'),
  refused(MANIFEST, 'other-version', 'rim-other-version', ['tcb', 'rim-version'], 'high', RIM, 'The manifest says that it is for another version.'),
  refused(MANIFEST, 'other-value', 'rim-other-value', ['tcb', 'measurement-mismatch'], 'critical', RIM, 'The manifest allows another value than the device has.'),
  refused(MANIFEST, 'inactive', 'rim-inactive', ['tcb', 'rim-empty'], 'high', RIM, 'The manifest speaks for no measurement.'),
  refused(MANIFEST, 'signed-by-stranger', 'rim-signed-by-stranger', ['signature', 'rim-signature'], 'critical', RIM, 'Somebody else signed the manifest.'),
  refused(MANIFEST, 'rogue-chain', 'rim-rogue-chain', ['chain', 'certificate-signature'], 'critical', RIM, 'A stranger issued the certificate of the signer.'),
  refused(MANIFEST, 'signer-alone', 'rim-leaf-alone', ['chain', 'certificate-chain-length'], 'high', RIM, 'The certificate of the signer comes alone.'),
  refused(MANIFEST, 'expired', 'rim-expired', ['chain', 'certificate-expired'], 'high', RIM, 'The certificate of the signer has ended.'),
  refused(MANIFEST, 'altered', 'rim-altered', ['signature', 'rim-signature'], 'critical', RIM, 'A golden value was changed after signing.'),
  refused(MANIFEST, 'unsigned', 'rim-unsigned', BAD_MANIFEST, 'critical', RIM, 'The manifest has no signature.', { bug: 'authentication-bypass' }),
  refused(MANIFEST, 'cut', 'rim-truncated', BAD_MANIFEST, 'medium', RIM, 'The manifest ends in the middle.', CRASH),
  refused(MANIFEST, 'entities', 'rim-entities', BAD_MANIFEST, 'high', 'CWE-776', 'The manifest declares entities that grow when they are read.', CRASH),
];

const KEYS: Asked = { area: 'nras', kind: 'tokens', match: 'nras.jwks', mustFetch: 'nras/jwks' };
const JUDGE: Asked = { area: 'nras', kind: 'judged', match: 'nras.attest.*', mustFetch: 'nras/attest.gpu' };
const NRAS = 'NVIDIA remote attestation service';
const NO_KEYS: At = ['parse', 'key-set-malformed'];
const NO_TOKENS: At = ['parse', 'eat-malformed'];
const told = (slug: string, name: string, at: At, severity: Severity, why: string, more: More = {}): ServiceCase => refused(JUDGE, slug, name, at, severity, NRAS, why, more);

const NRAS_CASES: readonly ServiceCase[] = [
  accepted(KEYS, 'keys-ok', undefined, 'high', NRAS, 'The service is well, and its keys are fetched for tokens that are at hand.'),
  ...slow(KEYS, 'keys'),
  ...outages(KEYS, 'keys', NO_KEYS, NO_KEYS),
  refused(KEYS, 'keys-none', 'nras-keys-empty', ['chain', 'key-unknown'], 'high', NRAS, 'There are no keys in the set.'),
  refused(KEYS, 'keys-without-certificates', 'nras-keys-without-certificates', ['chain', 'key-certificate'], 'critical', NRAS, 'The keys have no certificates.', { policy: 'keys have certificates below a trusted root' }),
  refused(KEYS, 'keys-of-somebody-else', 'nras-keys-other', ['chain', 'key-certificate'], 'critical', NRAS, 'The keys are somebody else’s, under the right names.'),
  accepted(JUDGE, 'judged-ok', undefined, 'high', NRAS, 'The service judges the evidence, and is well.'),
  ...slow(JUDGE, 'judged'),
  ...outages(JUDGE, 'judged', NO_TOKENS, NO_TOKENS),
  told('judged-expired', 'nras-expired', ['freshness', 'token-expired'], 'critical', 'The tokens’ time is over.'),
  told('judged-from-the-future', 'nras-future', ['freshness', 'token-not-yet-valid'], 'high', 'The tokens’ time has not come.'),
  told('judged-by-another-service', 'nras-other-issuer', ['binding', 'issuer'], 'high', 'The tokens are those of another service.'),
  told('judged-for-another-nonce', 'nras-other-nonce', ['binding', 'nonce-mismatch'], 'critical', 'The tokens are for another nonce.'),
  told('judged-overall-for-another-nonce', 'nras-other-overall-nonce', ['binding', 'nonce-mismatch'], 'critical', 'The token over all is for another nonce.'),
  told('judged-for-no-nonce', 'nras-no-nonce', ['binding', 'nonce-missing'], 'high', 'The tokens name no nonce.'),
  told('judged-by-stranger', 'nras-signed-by-stranger', ['signature', 'token-signature'], 'critical', 'Somebody else signed the tokens.'),
  told('judged-by-unknown-key', 'nras-unknown-key', ['chain', 'key-unknown'], 'high', 'The tokens are signed by a key that is not in the set.'),
  told('judged-unsigned', 'nras-unsigned', ['parse', 'token-malformed'], 'critical', 'The tokens are of the algorithm none.', { bug: 'authentication-bypass' }),
  told('judged-device-signature', 'nras-device-signature', ['signature', 'token-signature'], 'critical', 'The signature of a device’s token is not that of the token.'),
  told('judged-device-digest', 'nras-device-digest', ['binding', 'submodule-digest'], 'critical', 'The token of a device is not the one that the token over all has a digest of.'),
  told('judged-no-device', 'nras-device-missing', NO_TOKENS, 'critical', 'The token of the device is missing.', { bug: 'authentication-bypass' }),
  told('judged-device-more', 'nras-device-extra', ['binding', 'submodule-unlisted'], 'high', 'There is a token of a device that the token over all does not name.'),
  told('judged-overall-alone', 'nras-overall-alone', NO_TOKENS, 'high', 'There is only the token over all.'),
  told('judged-measurements', 'nras-measurements-fail', ['tcb', 'measurement-result'], 'critical', 'The measurements are none of those expected, and yet all is well, it says.'),
  told('judged-debug', 'nras-debug', ['policy', 'debug-enabled'], 'high', 'The device can be debugged, and yet all is well, it says.', { policy: 'production only' }),
  told('judged-overall-false', 'nras-overall-false', ['tcb', 'overall-result'], 'critical', 'The device is good, and the result over all is false.'),
  told('judged-overall-text', 'nras-overall-text', ['tcb', 'overall-result'], 'high', 'The result over all is the text "true".'),
];

export const SERVICE_CASES: readonly ServiceCase[] = cases('service', [...KDS_CASES, ...PCS_CASES, ...OCSP_CASES, ...RIM_CASES, ...NRAS_CASES]);
