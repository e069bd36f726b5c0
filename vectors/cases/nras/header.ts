/** Tokens whose header or signature does not lead to a trusted key, and key sets that are not the service's. */
import { createHmac } from 'node:crypto';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { ecdsaSignatureValue, pem } from '../../../emulator/pki/der.ts';
import { basicConstraintsLeaf, keyUsage } from '../../../emulator/pki/extensions.ts';
import { type CertificateSpec, issueCertificate } from '../../../emulator/pki/issue.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { TAG, tlv } from '../../../emulator/pki/tlv.ts';
import { instead, renamed } from '../../edits/nvidia.ts';
import { and, CRASH, digestOf, headed, type Jwk, jws, type Members, type NrasCase, type NrasChange, type NrasMaker, overallText, refused, without } from './row.ts';

const JWT = 'RFC 8725';
const JWK = 'RFC 7517';
const ALGORITHM = ['chain', 'token-algorithm'] as const;
const HEADER = ['chain', 'token-header'] as const;
const UNKNOWN = ['chain', 'key-unknown'] as const;
const KEY_TYPE = ['chain', 'key-type'] as const;
const KEY_CERTIFICATE = ['chain', 'key-certificate'] as const;
const SIGNATURE = ['signature', 'token-signature'] as const;
const KEY_SET = ['parse', 'key-set-malformed'] as const;
const COMMON_NAME = '2.5.4.3';
const MODULUS = Buffer.concat([Buffer.of(0xc3), Buffer.alloc(255, 0x5b)]).toString('base64url');

const stranger =
  ({ stranger: key }: NrasMaker) =>
  (input: Uint8Array): Uint8Array =>
    key.sign(input);
/** A MAC in place of a signature. */
const hmac =
  (secret: (maker: NrasMaker) => string | Uint8Array) =>
  (maker: NrasMaker) =>
  (input: Uint8Array): Uint8Array =>
    new Uint8Array(createHmac('sha256', secret(maker)).update(input).digest());
/** The members of a public key in the key set's form. */
function publicJwk(spki: { export(options: { format: 'jwk' }): { readonly x?: string; readonly y?: string } }): Members {
  const { x, y } = spki.export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-384', x, y };
}
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');
const strangersJwk = ({ stranger: { publicKey } }: NrasMaker): Members => publicJwk(publicKey);
const each = (edit: (key: Jwk, maker: NrasMaker) => Jwk): Pick<NrasChange, 'keys'> => ({ keys: (keys, maker) => keys.map((key) => edit(key, maker)) });
const x5c = (edit: (list: readonly string[], maker: NrasMaker) => readonly unknown[]): Pick<NrasChange, 'keys'> => each((key, maker) => ({ ...key, x5c: edit(key.x5c as string[], maker) }));

const HEADER_CASES: readonly NrasCase[] = [
  refused(
    'algorithm/none',
    ALGORITHM,
    'critical',
    `${JWT} §2.1`,
    'The token says that it is not signed, and has no signature.',
    headed(and({ alg: 'none' }), () => () => Uint8Array.of(0)),
  ),
  refused('algorithm/none-in-capitals', ALGORITHM, 'critical', `${JWT} §2.1`, 'The token says NONE.', headed(and({ alg: 'NONE' }))),
  refused(
    'algorithm/hs256-public-key',
    ALGORITHM,
    'critical',
    `${JWT} §2.1`,
    'A MAC whose secret is the service’s public key in PEM.',
    headed(
      and({ alg: 'HS256' }),
      hmac(({ key }) => pem('PUBLIC KEY', key.signer.spki)),
    ),
  ),
  refused(
    'algorithm/hs256-literal',
    ALGORITHM,
    'critical',
    'nv-local-gpu-verifier, local EAT',
    'A MAC whose secret is a word that everybody knows.',
    headed(
      and({ alg: 'HS256' }),
      hmac(() => 'secret'),
    ),
  ),
  refused(
    'algorithm/hs256-empty',
    ALGORITHM,
    'critical',
    `${JWT} §2.1`,
    'A MAC without a secret.',
    headed(
      and({ alg: 'HS256' }),
      hmac(() => ''),
    ),
  ),
  refused('algorithm/es256', ALGORITHM, 'high', `${JWT} §3.1`, 'The token says ES256, and its key is on P-384.', headed(and({ alg: 'ES256' }))),
  refused('algorithm/rs256', ALGORITHM, 'high', `${JWT} §3.1`, 'The token says RS256, and its key is on P-384.', headed(and({ alg: 'RS256' }))),
  refused('algorithm/missing', ALGORITHM, 'high', 'RFC 7515 §4.1.1', 'The token does not say how it is signed.', headed(without('alg'))),
  refused('algorithm/no-text', ALGORITHM, 'medium', 'RFC 7515 §4.1.1', 'The algorithm is a list.', { ...CRASH, ...headed(and({ alg: ['ES384'] })) }),
  refused(
    'header/own-key',
    HEADER,
    'critical',
    'confidential-containers/trustee@fcb626fb',
    'The token brings its own key along, and that key signed it.',
    headed((header, maker) => ({ ...header, jwk: strangersJwk(maker) }), stranger),
  ),
  refused(
    'header/own-certificates',
    HEADER,
    'critical',
    `${JWT} §3.10`,
    'The token brings a chain of another world along, under the right names.',
    headed(
      (header, { foreign }) => ({ ...header, x5c: foreign.nras().chain.map(({ der }) => base64(der)) }),
      ({ foreign }) =>
        (input) =>
          foreign.nras().signer.sign(input),
    ),
  ),
  refused('header/own-key-set', HEADER, 'critical', 'Azure-Samples/microsoft-azure-attestation#29', 'The token says where its keys are.', headed(and({ jku: 'https://nras.example.org/.well-known/jwks.json' }))),
  refused('header/own-certificate-address', HEADER, 'high', `${JWT} §3.10`, 'The token says where its certificate is.', headed(and({ x5u: 'https://nras.example.org/leaf.pem' }))),
  refused('header/critical', HEADER, 'medium', 'confidential-dot-ai/attestation-rs@bb9b3fc', 'The header has a critical member that nobody knows.', headed(and({ crit: ['x'], x: 1 }))),
  refused('header/unencoded', HEADER, 'medium', 'RFC 7797', 'The header says that the claims are not encoded.', headed(and({ b64: false, crit: ['b64'] }))),
  refused('header/other-type', HEADER, 'medium', `${JWT} §3.11`, 'The token is of another type.', headed(and({ typ: 'at+jwt' }))),
  refused('header/compressed', HEADER, 'medium', 'RFC 7516 §4.1.3', 'The header says that the claims are compressed.', headed(and({ zip: 'DEF' }))),
  refused(
    'header/key-unknown',
    UNKNOWN,
    'high',
    `${JWK} §4.5`,
    'The token names a key that is not in the set.',
    headed((header) => ({ ...header, kid: `${String(header.kid)}0` }), stranger),
  ),
  refused('header/key-path', UNKNOWN, 'high', `${JWT} §3.10`, 'The name of the key would lead a reader of files elsewhere.', headed(and({ kid: '../../../../dev/null' }))),
  refused('header/no-key', UNKNOWN, 'high', `${JWK} §4.5`, 'The token names no key.', headed(without('kid'))),
  refused('header/key-no-text', UNKNOWN, 'medium', `${JWK} §4.5`, 'The name of the key is a number.', { ...CRASH, ...headed(and({ kid: 1 })) }),
];

const turned =
  (at: (length: number) => number) =>
  (token: string): string => {
    const [header, claims, text = ''] = token.split('.');
    const signature = Buffer.from(text, 'base64url');
    signature.writeUInt8(signature.readUInt8(at(signature.length)) ^ 1, at(signature.length));
    return [header, claims, signature.toString('base64url')].join('.');
  };
const signed =
  (make: (signature: Buffer) => Uint8Array) =>
  (token: string): string =>
    token.replace(/[^.]*$/, (text) => Buffer.from(make(Buffer.from(text, 'base64url'))).toString('base64url'));

const SIGNATURE_CASES: readonly NrasCase[] = [
  refused('signature/flipped', SIGNATURE, 'critical', 'RFC 7515 §5.2', 'One bit of the signature of the token over all is turned over.', overallText(turned((length) => length - 1))),
  refused('signature/flipped-r', SIGNATURE, 'critical', 'RFC 7515 §5.2', 'One bit of its r is turned over.', overallText(turned(() => 0))),
  refused('signature/device-flipped', SIGNATURE, 'critical', 'RFC 9711 §4.2.18', 'One bit of the signature of a device’s token is turned over, and the token over all has the digest of that.', {
    eat: ([[kind, token], devices], { key }) => {
      const changed = Object.fromEntries(Object.entries(devices).map(([name, one]) => [name, turned((length) => length - 1)(one)]));
      return [[kind, redigested(token, changed, key.signer.sign)], changed];
    },
  }),
  refused('signature/zero', SIGNATURE, 'critical', 'CVE-2022-21449', 'r and s are zero.', overallText(signed(() => new Uint8Array(96)))),
  refused('signature/der', SIGNATURE, 'medium', 'RFC 7518 §3.4', 'The signature is in DER.', overallText(signed((signature) => ecdsaSignatureValue(signature)))),
  refused('signature/short', SIGNATURE, 'high', 'RFC 7518 §3.4', 'The signature has one byte.', { ...overallText(signed(() => Uint8Array.of(1))) }),
  refused('signature/by-stranger', SIGNATURE, 'critical', 'RFC 7515 §5.2', 'Somebody else signed, under the name of the service’s key.', {
    edits: ({ key, stranger: signer }) => ({ key: { kid: key.kid, signer } }),
    faults: [{ match: 'nras.attest.*', fault: 'nras-signed-by-stranger' }],
  }),
  refused('signature/of-a-device', SIGNATURE, 'critical', 'RFC 7515 §5.2', 'The token over all has the signature of a device’s.', {
    eat: ([[kind, token], devices]) => [[kind, token.replace(/[^.]*$/, () => Object.values(devices)[0]?.split('.')[2] ?? '')], devices],
  }),
  refused(
    'signature/claims-changed',
    SIGNATURE,
    'critical',
    'RFC 7515 §5.2',
    'The token over all says another nonce than was signed.',
    overallText((token) =>
      token.replace(/\.[^.]*\./, (text) => `.${Buffer.from(Buffer.from(text.slice(1, -1), 'base64url').toString().replace('NVIDIA-PLATFORM-ATTESTATION', 'NVIDIA-PLATFORM-ATTESTATIOM')).toString('base64url')}.`),
    ),
  ),
  refused('signature/missing', ['parse', 'token-malformed'], 'critical', 'RFC 7515 §7.1', 'The signature is empty.', { bug: 'authentication-bypass', ...overallText((token) => token.replace(/[^.]*$/, '')) }),
];

/** The token over all with the digests of other tokens, signed anew. */
function redigested(token: string, devices: Readonly<Record<string, string>>, sign: (input: Uint8Array) => Uint8Array): string {
  const [header = '', claims = ''] = token.split('.').map((text) => Buffer.from(text, 'base64url').toString());
  return jws(JSON.parse(header), { ...(JSON.parse(claims) as Members), submods: Object.fromEntries(Object.entries(devices).map(([name, one]) => [name, ['DIGEST', ['SHA-256', digestOf(one)]]])) }, sign);
}

const KEY_SET_CASES: readonly NrasCase[] = [
  refused('keys/no-json', KEY_SET, 'medium', JWK, 'The key set is no JSON.', { ...CRASH, jwks: () => Uint8Array.from(Buffer.from('{')), faults: [{ match: 'nras.jwks', fault: 'truncated-body' }] }),
  refused('keys/html', KEY_SET, 'medium', JWK, 'The key set is a page of HTML.', { ...CRASH, jwks: () => Uint8Array.from(Buffer.from('<html></html>')), faults: [{ match: 'nras.jwks', fault: 'html-page' }] }),
  refused('keys/empty-body', KEY_SET, 'medium', JWK, 'The key set is empty, without a byte.', { ...CRASH, jwks: () => new Uint8Array() }),
  refused('keys/no-list', KEY_SET, 'medium', 'gramineproject/gramine#626', 'The keys are no list.', { ...CRASH, keys: () => ({}) }),
  refused('keys/number', KEY_SET, 'medium', 'gramineproject/gramine#626', 'A key is a number.', { ...CRASH, keys: () => [1] }),
  refused('keys/thousands', KEY_SET, 'medium', 'CWE-400', 'There are some thousand keys.', { ...CRASH, keys: (keys) => Array.from({ length: 3000 }, (_, i) => ({ ...keys[0], kid: String(i), x5c: [] })) }),
  refused('keys/none', UNKNOWN, 'high', JWK, 'The key set has no key.', { keys: () => [], faults: [{ match: 'nras.jwks', fault: 'nras-keys-empty' }] }),
  refused('keys/rotated', UNKNOWN, 'low', 'key rotation', 'The key set is an older one, without the key that signed.', {
    policy: 'fetch the key set once more, then refuse',
    keys: (keys, { key }) => keys.filter(({ kid }) => kid !== key.kid),
  }),
  refused('keys/twice', UNKNOWN, 'high', `${JWK} §4.5`, 'Two keys bear the name: it depends on the reader which one counts.', {
    keys: (keys, maker) => [...keys, ...keys.map((key) => ({ ...key, ...strangersJwk(maker) }))],
  }),
  refused(
    'keys/rsa',
    KEY_TYPE,
    'high',
    `${JWT} §3.1`,
    'The key under that name is an RSA key.',
    each(({ kid, x5c: chain }) => ({ kty: 'RSA', n: MODULUS, e: 'AQAB', kid, x5c: chain })),
  ),
  refused(
    'keys/symmetric',
    KEY_TYPE,
    'critical',
    `${JWT} §3.1`,
    'The key under that name is a secret.',
    each(({ kid, x5c: chain }) => ({ kty: 'oct', k: 'c2VjcmV0', kid, x5c: chain })),
  ),
  refused(
    'keys/off-the-curve',
    KEY_TYPE,
    'high',
    'SEC 1 §3.2.2',
    'The key is no point on its curve.',
    each((key) => ({ ...key, y: key.x })),
  ),
  refused('keys/no-coordinates', KEY_TYPE, 'medium', 'gramineproject/gramine#626', 'The key has no x.', { ...CRASH, ...each(without('x')) }),
  refused('keys/for-encryption', KEY_TYPE, 'medium', `${JWK} §4.2`, 'The key is for encryption.', each(and({ use: 'enc' }))),
  refused('keys/other-algorithm', KEY_TYPE, 'medium', `${JWK} §4.4`, 'The key is for another algorithm.', each(and({ alg: 'ES256' }))),
  refused('keys/no-certificate', KEY_CERTIFICATE, 'critical', `${JWK} §4.7`, 'The keys have no certificates: whoever answers could be anybody.', {
    bug: 'authentication-bypass',
    ...each(without('x5c')),
    faults: [{ match: 'nras.jwks', fault: 'nras-keys-without-certificates' }],
  }),
  refused('keys/certificate-of-another-key', KEY_CERTIFICATE, 'critical', `${JWK} §4.7`, 'The certificates are those of another key of the service.', {
    keys: (keys) => keys.map((key, i) => ({ ...key, x5c: keys[(i + 1) % keys.length]?.x5c })),
  }),
  refused('keys/strangers-key', KEY_CERTIFICATE, 'critical', `${JWK} §4.7`, 'A stranger’s key stands under the service’s name and certificates, and signed.', {
    edits: ({ key, stranger: signer }) => ({ key: { kid: key.kid, signer } }),
    ...each((key, maker) => ({ ...key, ...strangersJwk(maker) })),
    faults: [
      { match: 'nras.jwks', fault: 'nras-keys-other' },
      { match: 'nras.attest.*', fault: 'nras-signed-by-stranger' },
    ],
  }),
  refused(
    'keys/certificates-reversed',
    KEY_CERTIFICATE,
    'low',
    `${JWK} §4.7`,
    'The certificates stand in the wrong order.',
    x5c((list) => list.toReversed()),
  ),
  refused('keys/too-many-certificates', KEY_CERTIFICATE, 'medium', 'CWE-400', 'There are some hundred certificates.', { ...CRASH, ...x5c((list) => [...list, ...Array.from({ length: 50 }, () => list[1])]) }),
];

/** A certificate of the present key's chain, issued otherwise. */
function issued(level: 0 | 1, edit: (spec: CertificateSpec, maker: NrasMaker) => CertificateSpec, by?: (maker: NrasMaker) => NrasMaker['stranger']): Pick<NrasChange, 'keys'> {
  return {
    keys: (keys, maker) => {
      const { authority, key } = maker;
      const certificate = key.chain[level];
      const signer = by?.(maker) ?? authority.key(level === 0 ? 'nras-intermediate' : 'nras-root');
      if (!certificate) return keys;
      const made = base64(issueCertificate(edit(certificate.spec, maker), signer).der);
      return keys.map((one) => (one.kid === key.kid ? { ...one, x5c: (one.x5c as string[]).with(level, made) } : one));
    },
  };
}

/** The leaf with its version left out, which makes it the first, and signed anew. */
function versionOne(der: Uint8Array, { authority }: NrasMaker): string {
  const { tbs, signatureAlgorithm } = readCertificate(der);
  const [, length = 0] = tbs;
  // [0] EXPLICIT Version takes up five bytes.
  const unversioned = tlv(TAG.sequence, tbs.slice((length < 0x80 ? 2 : 2 + (length & 0x7f)) + 5));
  return base64(tlv(TAG.sequence, unversioned, signatureAlgorithm, tlv(TAG.bitString, Uint8Array.of(0), ecdsaSignatureValue(authority.key('nras-intermediate').sign(unversioned)))));
}

const PATH = (section: string): string => `RFC 5280 §${section}`;
const CERTIFICATE_CASES: readonly NrasCase[] = [
  refused('certificates/no-der', ['parse', 'certificate-malformed'], 'medium', PATH('4.1'), 'The certificate of the key is no certificate.', { ...CRASH, ...x5c(([_, ...rest]) => ['AAAA', ...rest]) }),
  refused('certificates/no-text', ['parse', 'certificate-malformed'], 'medium', `${JWK} §4.7`, 'The certificate of the key is a number.', { ...CRASH, ...x5c(() => [1]) }),
  refused('certificates/foreign-root', ['chain', 'root-untrusted'], 'critical', PATH('6.1.1 (d)'), 'The key set is sound in itself, and of a service that nobody trusts, under the same names.', { trusted: 'foreign' }),
  refused(
    'certificates/foreign-intermediate',
    ['chain', 'certificate-signature'],
    'critical',
    PATH('6.1.3 (a)(1)'),
    'The intermediate is that of another world.',
    x5c(([leaf], { foreign }) => [leaf, base64(foreign.nras().chain[1]?.der ?? new Uint8Array())]),
  ),
  refused(
    'certificates/leaf-alone',
    ['chain', 'root-untrusted'],
    'medium',
    PATH('6.1.1 (d)'),
    'The intermediate is left out: nothing leads to the root.',
    x5c(([leaf]) => [leaf]),
  ),
  refused('certificates/leaf-other-issuer', ['chain', 'certificate-issuer'], 'high', PATH('6.1.3 (a)(4)'), 'The leaf names another issuer.', issued(0, renamed('issuer', COMMON_NAME, 'Somebody'))),
  refused(
    'certificates/leaf-rogue',
    ['chain', 'certificate-signature'],
    'critical',
    PATH('6.1.3 (a)(1)'),
    'A stranger issued the leaf in the intermediate’s name.',
    issued(
      0,
      (spec) => spec,
      ({ stranger: key }) => key,
    ),
  ),
  refused(
    'certificates/leaf-expired',
    ['chain', 'certificate-expired'],
    'high',
    'confidential-dot-ai/attestation-rs@cf7b6cf',
    'The leaf ended a second ago.',
    issued(0, (spec, { at }) => ({ ...spec, notAfter: at - 1000 })),
  ),
  refused(
    'certificates/leaf-not-yet-valid',
    ['chain', 'certificate-not-yet-valid'],
    'high',
    PATH('4.1.2.5'),
    'The leaf begins in the next second.',
    issued(0, (spec, { at }) => ({ ...spec, notBefore: at + 1000 })),
  ),
  refused(
    'certificates/intermediate-expired',
    ['chain', 'certificate-expired'],
    'high',
    PATH('4.1.2.5'),
    'The intermediate ended a second ago.',
    issued(1, (spec, { at }) => ({ ...spec, notAfter: at - 1000 })),
  ),
  refused('certificates/intermediate-not-ca', ['chain', 'authority-not-ca'], 'high', PATH('4.2.1.9'), 'The intermediate is no authority.', issued(1, instead(basicConstraintsLeaf()))),
  refused('certificates/intermediate-may-not-sign', ['chain', 'authority-key-usage'], 'high', PATH('4.2.1.3'), 'The intermediate’s key is not for certificates.', issued(1, instead(keyUsage('digitalSignature')))),
  refused(
    'certificates/leaf-sha-256',
    ['chain', 'certificate-algorithm'],
    'medium',
    PATH('4.1.1.2'),
    'The leaf says that it is signed with SHA-256.',
    issued(0, (spec) => ({ ...spec, signatureAlgorithm: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }) })),
  ),
  refused('certificates/leaf-version-1', ['chain', 'certificate-version'], 'medium', PATH('4.1.2.1'), 'The leaf is of version 1.', {
    keys: (keys, maker) => keys.map((one) => (one.kid === maker.key.kid ? { ...one, x5c: (one.x5c as string[]).with(0, versionOne(maker.key.chain[0]?.der ?? new Uint8Array(), maker)) } : one)),
  }),
];

export const HEADER_ROWS: readonly NrasCase[] = [...HEADER_CASES, ...SIGNATURE_CASES, ...KEY_SET_CASES, ...CERTIFICATE_CASES];
