/** Every reason for which an answer of NVIDIA's attestation service is refused: one row each. */
import { CERTIFICATE_REASONS } from '../reasons.ts';
import { type Appraisal, AT, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

const EAT = 'RFC 9711; NVIDIA remote attestation service, detached EAT';
const JWS = 'RFC 7515';
const JWT = 'RFC 7519; RFC 8725';
const JWK = 'RFC 7517';
const ASKED = 'the caller asked for it';
const { parse, chain, signature, tcb, policy, binding, freshness } = AT;

const NRAS_ONLY = {
  'eat-malformed': parse('the answer is a token over all, and a token for each device, by name', EAT),
  'token-malformed': parse('every token is a compact JWS of three parts in base64url, within bounds', JWS),
  'claims-malformed': parse('every claim is of its type', JWT),
  'key-set-malformed': parse('the key set is one, within bounds', JWK),

  'token-algorithm': chain('every token is signed with ES384, and with nothing else', `${JWT} §3.1`),
  'token-header': chain('the header says algorithm, key and type, and nothing that changes what the token means or brings its own key', `${JWS} §4.1.11; ${JWT} §3.10`),
  'key-unknown': chain("the key set has the token's key, exactly once", `${JWK} §4.5`),
  'key-type': chain('the key is a point on P-384, for signatures', `${JWK} §4.1`),
  'key-certificate': chain("the key's certificate is there and is for this key", `${JWK} §4.7`),

  'token-signature': signature('every token is signed by its key', JWS),

  'overall-result': tcb('the service accepts the machine', EAT),
  'device-error': tcb('the service could judge every device', EAT),
  'measurement-result': tcb('the measurements of every device are the expected ones', EAT),
  'claim-false': tcb('everything that the service checked about a device holds', EAT),
  'claim-missing': tcb('the service checked everything that has to be', EAT),
  'device-certificate-status': tcb('the certificates that the service looked at are valid and not revoked', EAT),

  'secure-boot': policy('every device booted securely', EAT),
  'debug-enabled': policy('no device can be debugged', EAT),
  'hardware-model': policy('every device is of an expected kind', ASKED),

  issuer: binding('every token is from the expected issuer', `${JWT} §3.8`),
  subject: binding('the token over all is about a platform', EAT),
  'nonce-missing': binding('every token has a nonce', EAT),
  'nonce-mismatch': binding('the nonce of every token is the one that was asked with', ASKED),
  'submodule-missing': binding('every device that the token over all names is there', EAT),
  'submodule-unlisted': binding('no device is there that the token over all does not name', EAT),
  'submodule-digest': binding("the token over all has the digest of every device's token", EAT),
  'device-count': binding('there are as many devices as expected', ASKED),

  'token-expired': freshness('every token still counts', `${JWT} §4.1.4`),
  'token-not-yet-valid': freshness('every token counts already', `${JWT} §4.1.5`),
  'token-future': freshness('every token has been issued already', `${JWT} §4.1.6`),
  'token-too-old': freshness('no token is older than the caller allows', ASKED),
} as const satisfies Record<string, ReasonRow>;

const SHARED = [
  'certificate-malformed',
  'certificate-version',
  'certificate-algorithm',
  'certificate-issuer',
  'certificate-signature',
  'certificate-not-yet-valid',
  'certificate-expired',
  'authority-not-ca',
  'authority-key-usage',
  'root-untrusted',
] as const satisfies (keyof typeof CERTIFICATE_REASONS)[];

/** Code of a reason to refuse an answer of the attestation service. */
export type NrasReason = keyof typeof NRAS_ONLY | (typeof SHARED)[number];

/** Every reason to refuse an answer of the attestation service, by its code. */
export const NRAS_REASONS: ReasonTable<NrasReason> = { ...(Object.fromEntries(SHARED.map((code) => [code, CERTIFICATE_REASONS[code]])) as Record<(typeof SHARED)[number], ReasonRow>), ...NRAS_ONLY };
/** The passed check of each. */
export const NRAS_PASSES: Map<NrasReason, Check<NrasReason>> = passesOf(NRAS_REASONS);

/** Checks over an answer under way. */
export type NrasAppraisal = Appraisal<NrasReason>;
