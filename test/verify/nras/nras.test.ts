/** Verifying answers of the attestation service, rule by rule: each bad answer beside the good one that lacks only what is wrong with it. */
import { generateKeyPairSync } from 'node:crypto';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { basicConstraintsLeaf, keyUsage } from '../../../emulator/pki/extensions.ts';
import { type CertificateSpec, type ExtensionSpec, issueCertificate } from '../../../emulator/pki/issue.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { NRAS_REASONS, type NrasReason, type NrasVerdict, STAGES, verifyNras } from '../../../harness/verify/index.ts';
import { type Answer, authority, type Edits, ISSUER, type Jwk, jwkOf, NONCE, NOW, nrasAnswer, type Wishes, world } from './answer.ts';

const said = (v: NrasVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

interface Rejection {
  readonly name: string;
  readonly reason: NrasReason;
  readonly answer?: Answer;
  readonly edits?: Edits;
  /** Edits of the good one. */
  readonly both?: Edits;
  readonly wishes?: Wishes;
  readonly good?: Wishes;
}

type Claims = Readonly<Record<string, unknown>>;
const device = (edit: (claims: Claims) => Claims): Edits => ({ device: edit });
const overall = (edit: (claims: Claims) => Claims): Edits => ({ overall: edit });
const without =
  (name: string) =>
  (claims: Claims): Claims =>
    Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
const and =
  (more: Claims) =>
  (claims: Claims): Claims => ({ ...claims, ...more });
const key = (edit: (key: Jwk) => Jwk): Edits => ({ keys: (keys) => keys.map(edit) });
const answer = (edit: (eat: [[string, string], Record<string, string>]) => unknown): Edits => ({ answer: (eat) => edit(eat as unknown as [[string, string], Record<string, string>]) });
const stranger = world.ecKey('test/stranger', 'P-384');
const OTHER = nvidiaAuthorityOf(seededWorld('another world', fixedClock(NOW)));
/** A token with another header, its signature as it was. */
const headed = (token: string, edit: (header: Claims) => Claims): string => {
  const [header = '', ...rest] = token.split('.');
  return [Buffer.from(JSON.stringify(edit(JSON.parse(Buffer.from(header, 'base64url').toString()) as Claims))).toString('base64url'), ...rest].join('.');
};
const header = (edit: (header: Claims) => Claims): Edits => answer(([[kind, token], devices]) => [[kind, headed(token, edit)], devices]);
const turned = (token: string): string => `${token.slice(0, -2)}${token.endsWith('A') ? 'AB' : 'AA'}`.replace(/..$/, (end) => (token.endsWith(end) ? 'Bw' : end));
/** The service's leaf or intermediate certificate, otherwise. */
const certified = (level: 0 | 1, edit: (der: string, index: number) => string): Edits => key((k) => ({ ...k, x5c: (k.x5c as string[]).map((der, i) => (i === level ? edit(der, i) : der)) }));
const LEVELS = ['nras-intermediate', 'nras-root'] as const;
/** The leaf or the intermediate certificate of the present key, issued otherwise. */
const issued = (level: 0 | 1, edit: (spec: CertificateSpec) => CertificateSpec, signedBy: EcSigner = authority.key(LEVELS[level])): Edits =>
  key((k) => {
    const { kid, chain } = authority.nras();
    const certificate = chain[level];
    if (!certificate || k.kid !== kid) return k;
    return { ...k, x5c: (k.x5c as string[]).with(level, Buffer.from(issueCertificate(edit(certificate.spec), signedBy).der).toString('base64')) };
  });
const extension =
  (changed: ExtensionSpec) =>
  (spec: CertificateSpec): CertificateSpec => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === changed.oid ? changed : e)) });
/** The certificate with its version left out, which makes it the first: 5 bytes behind the heads of the whole and of the signed part. */
const versionOne = (text: string): string => {
  const src = Buffer.from(text, 'base64');
  const out = Buffer.concat([src.subarray(0, 8), src.subarray(13)]);
  for (const length of [2, 6]) out.writeUInt16BE(out.readUInt16BE(length) - 5, length);
  return out.toString('base64');
};

const REJECTIONS: readonly Rejection[] = [
  { name: 'it is no JSON', reason: 'eat-malformed', edits: { presented: () => ({ response: Buffer.from('[[') }) } },
  { name: 'it is an error body', reason: 'eat-malformed', edits: { presented: () => ({ response: Buffer.from('{"errorCode":4003}') }) } },
  { name: 'it is a bare token', reason: 'eat-malformed', edits: answer(([[, token]]) => token) },
  { name: 'it has no devices', reason: 'eat-malformed', edits: answer(([first]) => [first, {}]) },
  { name: 'a device is a number', reason: 'eat-malformed', edits: answer(([first]) => [first, { 'GPU-0': 1 }]) },
  { name: 'a device is null', reason: 'eat-malformed', edits: answer(([first]) => [first, { 'GPU-0': null }]) },
  { name: 'a device has another name', reason: 'eat-malformed', edits: answer(([first, devices]) => [first, { 'CPU-0': devices['GPU-0'] }]) },
  { name: 'a token has two parts', reason: 'token-malformed', edits: answer(([[kind, token], devices]) => [[kind, token.split('.').slice(0, 2).join('.')], devices]) },
  { name: 'a token has padding', reason: 'token-malformed', edits: answer(([[kind, token], devices]) => [[kind, `${token}=`], devices]) },
  { name: 'a token has no claims', reason: 'token-malformed', edits: answer(([[kind, token], devices]) => [[kind, token.replace(/\.[^.]*\./, `.${Buffer.from('1').toString('base64url')}.`)], devices]) },
  { name: 'digests are no object', reason: 'claims-malformed', edits: overall(and({ submods: [] })) },
  { name: 'a digest is of another kind', reason: 'claims-malformed', edits: overall(and({ submods: { 'GPU-0': ['DIGEST', ['SHA-1', '00'.repeat(32)]] } })) },
  { name: 'the end is no number', reason: 'claims-malformed', edits: overall(and({ exp: 'tomorrow' })) },
  { name: 'a version is no text', reason: 'claims-malformed', edits: device(and({ 'x-nvidia-gpu-driver-version': 550 })) },
  { name: 'the key set is no JSON', reason: 'key-set-malformed', edits: { presented: () => ({ keys: Buffer.from('{') }) } },
  { name: 'the keys are no list', reason: 'key-set-malformed', edits: { keys: () => ({}) } },
  { name: 'a key is a number', reason: 'key-set-malformed', edits: { keys: () => [1] } },

  { name: 'a token says HS256', reason: 'token-algorithm', edits: header(and({ alg: 'HS256' })) },
  { name: 'a token says that it is not signed', reason: 'token-algorithm', edits: header(and({ alg: 'none' })) },
  { name: 'a token says ES256', reason: 'token-algorithm', edits: header(and({ alg: 'ES256' })) },
  { name: 'a token has a critical header', reason: 'token-header', edits: header(and({ crit: ['x'] })) },
  { name: 'a token brings its own key', reason: 'token-header', edits: header(and({ jwk: jwkOf(authority.nras()) })) },
  { name: 'a token says where its keys are', reason: 'token-header', edits: header(and({ jku: 'https://example.org/keys' })) },
  { name: 'a token is of another type', reason: 'token-header', edits: header(and({ typ: 'at+jwt' })) },
  { name: 'a token names no key', reason: 'key-unknown', edits: header(without('kid')) },
  { name: 'the key set does not have the key', reason: 'key-unknown', edits: { keys: (keys) => keys.filter(({ kid }) => kid !== authority.nras().kid) } },
  { name: 'the key set has the key twice', reason: 'key-unknown', edits: { keys: (keys) => [...keys, ...keys] } },
  { name: 'the key set is empty', reason: 'key-unknown', edits: { keys: () => [] } },
  { name: 'the key is an RSA key', reason: 'key-type', edits: key(({ kid, x5c }) => ({ kid, x5c, ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }) })) },
  { name: 'the key is not on its curve', reason: 'key-type', edits: key((k) => ({ ...k, y: k.x })) },
  { name: 'the key is for encryption', reason: 'key-type', edits: key((k) => ({ ...k, use: 'enc' })) },
  { name: 'the key has no coordinates', reason: 'key-type', edits: key(({ x: _, ...k }) => k) },
  { name: 'the key has no certificate', reason: 'key-certificate', edits: key(({ x5c: _, ...k }) => k) },
  { name: "the key's certificates are in the wrong order", reason: 'key-certificate', edits: key((k) => ({ ...k, x5c: (k.x5c as string[]).toReversed() })) },
  { name: "the key is a stranger's, under the right name and certificate", reason: 'key-certificate', edits: key((k) => ({ ...jwkOf({ ...authority.nras(), signer: stranger }), x5c: k.x5c, kid: k.kid })) },
  { name: 'a certificate is no DER', reason: 'certificate-malformed', edits: certified(0, () => 'AAAA') },
  { name: 'a certificate is no text', reason: 'certificate-malformed', edits: key((k) => ({ ...k, x5c: [1] })) },
  { name: "the intermediate is another world's", reason: 'certificate-signature', edits: certified(1, () => Buffer.from(OTHER.nras().chain[1]?.der ?? []).toString('base64')) },
  { name: 'the leaf is issued by the leaf', reason: 'certificate-issuer', edits: key((k) => ({ ...k, x5c: [(k.x5c as string[])[0], (k.x5c as string[])[0]] })) },
  { name: 'the leaf is signed by a stranger', reason: 'certificate-signature', edits: issued(0, (spec) => spec, stranger) },
  { name: 'the leaf has expired', reason: 'certificate-expired', edits: issued(0, (spec) => ({ ...spec, notAfter: NOW - 1000 })) },
  { name: 'the leaf is not valid yet', reason: 'certificate-not-yet-valid', edits: issued(0, (spec) => ({ ...spec, notBefore: NOW + 1000 })) },
  { name: 'the intermediate has expired', reason: 'certificate-expired', edits: issued(1, (spec) => ({ ...spec, notAfter: NOW - 1000 })) },
  { name: 'the leaf is of version 1', reason: 'certificate-version', edits: certified(0, versionOne) },
  { name: 'the leaf is signed with ECDSA and SHA-256', reason: 'certificate-algorithm', edits: issued(0, (spec) => ({ ...spec, signatureAlgorithm: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }) })) },
  { name: 'the intermediate is no authority', reason: 'authority-not-ca', edits: issued(1, extension(basicConstraintsLeaf())) },
  { name: 'the intermediate may not sign certificates', reason: 'authority-key-usage', edits: issued(1, extension(keyUsage('digitalSignature'))) },
  { name: 'the chain is under no trusted root', reason: 'root-untrusted', wishes: { anchors: [OTHER.root('nras').der] }, good: { anchors: [authority.root('nras').der] } },
  { name: 'the intermediate is not a trusted one', reason: 'root-untrusted', wishes: { anchors: [OTHER.certificate('nras-intermediate').der] }, good: { anchors: [authority.certificate('nras-intermediate').der] } },

  { name: 'the token over all is signed by a stranger', reason: 'token-signature', edits: { key: { kid: authority.nras().kid, signer: stranger } } },
  { name: 'the signature of the token over all is another', reason: 'token-signature', edits: answer(([[kind, token], devices]) => [[kind, turned(token)], devices]) },
  { name: 'the signature of a device is another', reason: 'token-signature', edits: { token: turned } },
  { name: 'the signature is in DER', reason: 'token-signature', edits: answer(([[kind, token], devices]) => [[kind, token.replace(/[^.]*$/, Buffer.alloc(104, 1).toString('base64url'))], devices]) },

  { name: 'the service refuses the machine', reason: 'overall-result', edits: overall(and({ 'x-nvidia-overall-att-result': false })) },
  { name: 'the overall result is text', reason: 'overall-result', edits: overall(and({ 'x-nvidia-overall-att-result': 'true' })) },
  { name: 'the service could not judge a device', reason: 'device-error', answer: { failure: 'nonce-mismatch' } },
  { name: 'measurements differ', reason: 'measurement-result', answer: { findings: { measurementsMatch: false } } },
  { name: 'measurements differ, and the overall result is true', reason: 'measurement-result', edits: device(and({ measres: 'fail' })) },
  { name: 'there is no result of measurements', reason: 'claim-missing', edits: device(without('measres')) },
  { name: 'nothing is said of the signature of the report', reason: 'claim-missing', edits: device(without('x-nvidia-gpu-attestation-report-signature-verified')) },
  { name: 'the architecture differs', reason: 'claim-false', answer: { findings: { archMatch: false } } },
  { name: 'a manifest is for another version', reason: 'claim-false', answer: { findings: { indexNoConflict: false } } },
  { name: 'the report is for another nonce', reason: 'claim-false', edits: device(and({ 'x-nvidia-gpu-attestation-report-nonce-match': false })) },
  { name: 'a certificate is revoked', reason: 'device-certificate-status', answer: { findings: { chain: { status: 'revoked', ocsp: 'revoked', expires: NOW, revocationReason: 'keyCompromise' } } } },
  {
    name: 'a certificate is on hold',
    reason: 'device-certificate-status',
    answer: { findings: { chain: { status: 'revoked', ocsp: 'revoked', expires: NOW, revocationReason: 'certificateHold' } } },
    good: { allowHold: true },
  },

  { name: 'a device did not boot securely', reason: 'secure-boot', edits: device(and({ secboot: false })) },
  { name: 'a device can be debugged', reason: 'debug-enabled', answer: { findings: { debug: true } }, good: { allowDebug: true } },
  { name: 'a device is of another kind', reason: 'hardware-model', wishes: { hardwareModels: ['GB100'] }, good: { hardwareModels: ['GB100', 'GH100'] } },
  { name: 'a device is of a kind that begins alike', reason: 'hardware-model', wishes: { hardwareModels: ['GH10'] }, good: { hardwareModels: ['GH100 A01 GSP BROM'] } },

  { name: 'another service issued it', reason: 'issuer', wishes: { issuer: 'https://example.org' }, good: { issuer: ISSUER } },
  { name: 'another service issued the token of a device', reason: 'issuer', edits: device(and({ iss: 'https://example.org' })) },
  { name: 'it is about something else', reason: 'subject', edits: overall(and({ sub: 'somebody' })) },
  { name: 'the token over all has no nonce', reason: 'nonce-missing', edits: overall(without('eat_nonce')) },
  { name: 'the token of a device has no nonce', reason: 'nonce-missing', edits: device(without('eat_nonce')) },
  { name: 'the nonce is another', reason: 'nonce-mismatch', wishes: { nonce: new Uint8Array(32) }, good: { nonce: NONCE } },
  { name: 'the nonce of a device is another', reason: 'nonce-mismatch', edits: device(and({ eat_nonce: '00'.repeat(32) })) },
  { name: 'the nonce is a list', reason: 'nonce-mismatch', edits: overall(and({ eat_nonce: [Buffer.from(NONCE).toString('hex')] })) },
  { name: 'a device that is named is not there', reason: 'submodule-missing', answer: { count: 2 }, edits: answer(([first, devices]) => [first, { 'GPU-0': devices['GPU-0'] }]) },
  { name: 'a device is there that is not named', reason: 'submodule-unlisted', edits: answer(([first, devices]) => [first, { ...devices, 'GPU-1': devices['GPU-0'] }]) },
  { name: 'devices have changed places', reason: 'submodule-digest', answer: { count: 2 }, edits: answer(([first, devices]) => [first, { 'GPU-0': devices['GPU-1'], 'GPU-1': devices['GPU-0'] }]) },
  { name: 'there is one device less than expected', reason: 'device-count', answer: { count: 2 }, wishes: { deviceCount: 3 }, good: { deviceCount: 2 } },

  { name: 'it has expired', reason: 'token-expired', wishes: { now: NOW + 3600_000 }, good: { now: NOW + 3599_000 } },
  { name: 'it counts later', reason: 'token-not-yet-valid', edits: { frame: (frame) => ({ ...frame, nbf: frame.nbf + 600 }) } },
  { name: 'it counts later than the skew forgives', reason: 'token-not-yet-valid', both: { frame: (frame) => ({ ...frame, nbf: frame.nbf + 60 }) }, wishes: { skew: 59_000 }, good: { skew: 60_000 } },
  { name: 'it was issued later', reason: 'token-future', edits: { frame: (frame) => ({ ...frame, iat: frame.iat + 600 }) } },
  { name: 'it is older than allowed', reason: 'token-too-old', wishes: { now: NOW + 61_000, maximumAge: 60_000 }, good: { maximumAge: 61_000 } },
];

describe('an answer is refused when', () => {
  test.each(REJECTIONS)('$name', ({ reason, answer: bad = {}, edits = {}, both = {}, wishes = {}, good = {} }) => {
    // The same devices, found good: or, where the difference is a wish, the same answer.
    const twin = Object.keys(good).length > 0 ? bad : { ...(bad.count === undefined ? {} : { count: bad.count }) };
    expect(said(verifyNras(nrasAnswer(twin, both), { now: NOW, ...wishes, ...good }))).toBe('accepted');
    const verdict = verifyNras(nrasAnswer(bad, { ...both, ...edits }), { now: NOW, ...wishes });
    expect(verdict.accepted ? 'accepted' : verdict.reason, said(verdict)).toBe(reason);
    expect(verdict.checks.at(-1)).toEqual({ reason, stage: NRAS_REASONS[reason].stage, ok: false });
  });
});

describe('an answer is accepted', () => {
  test.each<[string, Answer]>([
    ['with claims 2.0', { version: '2.0' }],
    ['with claims 3.0', { version: '3.0' }],
    ['for a switch', { device: 'switch' }],
    ['for a switch, with claims 2.0', { device: 'switch', version: '2.0' }],
    ['for eight GPUs', { count: 8 }],
  ])('%s', (_, asked) => {
    const verdict = verifyNras(nrasAnswer(asked), { now: NOW, nonce: NONCE, deviceCount: asked.count ?? 1 });
    expect(said(verdict)).toBe('accepted');
    if (verdict.accepted) expect(verdict.facts).toMatchObject({ issuer: ISSUER, nonce: Buffer.from(NONCE).toString('hex'), issuedAt: NOW, validUntil: NOW + 3600_000 });
  });

  test('and says which devices there are', () => {
    const verdict = verifyNras(nrasAnswer(), { now: NOW });
    expect(verdict.accepted && verdict.facts.devices['GPU-0']).toEqual({ hardwareModel: 'GH100 A01 GSP BROM', ueid: String(0x1234), driverVersion: '550.90.07', vbiosVersion: '96.00.9F.00.01', debug: false });
  });
});

describe('the table of reasons', () => {
  test('has a test for each', () => {
    const tested = new Set(REJECTIONS.map(({ reason }) => reason));
    expect(Object.keys(NRAS_REASONS).filter((reason) => !tested.has(reason as NrasReason))).toEqual([]);
  });

  test('gives each a stage, a rule and a reference', () => {
    for (const { stage, rule, ref } of Object.values(NRAS_REASONS)) {
      expect(STAGES).toContain(stage);
      expect(rule.length).toBeGreaterThan(10);
      expect(ref.length).toBeGreaterThan(5);
    }
  });
});

describe('expectations that no answer could meet are refused', () => {
  test.each<[string, Wishes]>([
    ['a nonce of 31 bytes', { nonce: new Uint8Array(31) }],
    ['no devices', { deviceCount: 0 }],
    ['an anchor that is none', { anchors: [new Uint8Array(3)] }],
  ])('%s', (_, wishes) => {
    expect(() => verifyNras(nrasAnswer(), { now: NOW, ...wishes })).toThrow(ConfigError);
  });
  test('a time that is none', () => {
    expect(() => verifyNras(nrasAnswer(), { now: Number.NaN })).toThrow(RangeError);
  });
});
