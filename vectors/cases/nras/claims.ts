/** Answers of another shape, and tokens that say nothing good, nothing for this relying party, or nothing any more. */
import { accepted, and, CRASH, device, digestOf, headed, type NrasCase, overall, overallText, refused, resigned, without } from './row.ts';

const EAT = 'RFC 9711; NVIDIA attestation SDK, detached EAT';
const JWT = 'RFC 7519';
const SHAPE = ['parse', 'eat-malformed'] as const;
const TOKEN = ['parse', 'token-malformed'] as const;
const CLAIMS = ['parse', 'claims-malformed'] as const;
const FALSE = ['tcb', 'claim-false'] as const;
const STATUS = ['tcb', 'device-certificate-status'] as const;
const AKASH = 'akash-network/console#3365';
const HOUR = 3_600_000;
const DAY = 86_400_000;
const GPU = 'GPU-0';
const DETAILS = { code: 4010, fieldName: 'nonce', httpStatus: '400 BAD_REQUEST', description: 'Nonce from request is not matching with evidence nonce ', message: 'NONCE_NOT_MATCHING' };
const body = (text: string) => (): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
/** The members that say of a device that a check of the service held. */
const CHECKS = [
  'arch-check',
  'attestation-report-parsed',
  'attestation-report-nonce-match',
  'attestation-report-signature-verified',
  'attestation-report-cert-chain-fwid-match',
  'driver-rim-fetched',
  'driver-rim-schema-validated',
  'driver-rim-signature-verified',
  'driver-rim-version-match',
  'driver-rim-measurements-available',
  'vbios-rim-fetched',
  'vbios-rim-schema-validated',
  'vbios-rim-signature-verified',
  'vbios-rim-version-match',
  'vbios-rim-measurements-available',
  'vbios-index-no-conflict',
] as const;
const CHAINS = ['attestation-report-cert-chain', 'driver-rim-cert-chain', 'vbios-rim-cert-chain'] as const;

const SHAPE_CASES: readonly NrasCase[] = [
  refused('shape/empty', SHAPE, 'medium', EAT, 'The answer is empty.', { ...CRASH, token: () => new Uint8Array() }),
  refused('shape/truncated', SHAPE, 'medium', EAT, 'The answer ends in the middle.', { ...CRASH, token: (json) => json.slice(0, json.length / 2), faults: [{ match: 'nras.attest.*', fault: 'truncated-body' }] }),
  refused('shape/html', SHAPE, 'medium', EAT, 'The answer is a page of HTML.', { ...CRASH, token: body('<html><body>502 Bad Gateway</body></html>'), faults: [{ match: 'nras.attest.*', fault: 'bad-gateway' }] }),
  refused('shape/no-utf-8', SHAPE, 'low', 'RFC 8259 §8.1', 'The answer is no UTF-8.', { ...CRASH, token: body('[["JWT","\xff"],{}]') }),
  refused('shape/error-body', SHAPE, 'medium', EAT, 'The answer says that the request was refused.', { ...CRASH, token: body(JSON.stringify(DETAILS)) }),
  refused('shape/server-error', SHAPE, 'medium', EAT, 'The answer says that the service failed.', {
    ...CRASH,
    token: body('{"message":"Internal Server Error"}'),
    faults: [{ match: 'nras.attest.*', fault: 'server-error' }],
  }),
  refused('shape/deep', SHAPE, 'high', 'CWE-674', 'Lists stand in one another, many thousands deep.', { ...CRASH, token: body(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) }),
  refused('shape/bare-token', SHAPE, 'medium', 'confidential-dot-ai/attestation-rs@f49d7b8', 'The answer is the token over all, and nothing beside it.', { eat: ([[, token]]) => token }),
  refused('shape/overall-alone', SHAPE, 'high', 'confidential-dot-ai/attestation-rs@f49d7b8', 'There are no tokens of devices beside the one over all.', {
    eat: ([first]) => [first],
    faults: [{ match: 'nras.attest.*', fault: 'nras-overall-alone' }],
  }),
  refused('shape/no-devices', SHAPE, 'critical', EAT, 'The map of devices is empty: nothing in it is wrong.', { bug: 'authentication-bypass', eat: ([first]) => [first, {}] }),
  refused('shape/device-number', SHAPE, 'medium', 'confidential-dot-ai/attestation-rs@f49d7b8', 'A device’s token is a number.', { ...CRASH, eat: ([first]) => [first, { [GPU]: 1 }] }),
  refused('shape/device-null', SHAPE, 'medium', 'confidential-dot-ai/attestation-rs@f49d7b8', 'A device’s token is null.', { ...CRASH, eat: ([first]) => [first, { [GPU]: null }] }),
  refused('shape/device-other-name', SHAPE, 'low', EAT, 'The token of a device stands under a name that no device has.', { eat: ([first, devices]) => [first, { 'CPU-0': devices[GPU] }] }),
  refused('shape/device-prototype', SHAPE, 'medium', 'CWE-1321', 'A device is called like something that every object has.', {
    ...CRASH,
    token: (json) => Uint8Array.from(Buffer.from(Buffer.from(json).toString().replace('"GPU-0":"ey', '"__proto__":"ey'))),
  }),
  refused('shape/two-parts', TOKEN, 'high', 'RFC 7515 §7.1', 'A token has two parts.', { ...CRASH, ...overallText((token) => token.split('.').slice(0, 2).join('.')) }),
  refused(
    'shape/five-parts',
    TOKEN,
    'medium',
    'RFC 7516 §7.1',
    'A token has five parts, as encrypted ones do.',
    overallText((token) => `${token}.AA.AA`),
  ),
  refused(
    'shape/padding',
    TOKEN,
    'low',
    'RFC 7515 §2',
    'A token has padding behind it.',
    overallText((token) => `${token}=`),
  ),
  refused(
    'shape/plain-base64',
    TOKEN,
    'low',
    'RFC 7515 §2',
    'A token holds a character of base64 that base64url does not have.',
    overallText((token) => token.replace(/\.([^.]{8})/, '.$1+')),
  ),
  refused(
    'shape/white-space',
    TOKEN,
    'low',
    'RFC 7515 §2',
    'A line break stands inside a token.',
    overallText((token) => token.replace('.', '.\n')),
  ),
  refused('shape/claims-number', TOKEN, 'medium', JWT, 'The claims are a number.', { ...CRASH, ...overallText((token) => token.replace(/\.[^.]*\./, `.${Buffer.from('1').toString('base64url')}.`)) }),
  refused('shape/long-token', TOKEN, 'medium', 'CWE-400', 'A token is a hundred thousand characters long.', { ...CRASH, ...overall(and({ filler: 'x'.repeat(100_000) })) }),
  refused('shape/submods-list', CLAIMS, 'medium', EAT, 'The digests are a list.', { ...CRASH, ...overall(and({ submods: [] })) }),
  refused('shape/submods-sha-1', CLAIMS, 'high', EAT, 'A digest is of SHA-1.', overall(and({ submods: { [GPU]: ['DIGEST', ['SHA-1', '00'.repeat(20)]] } }))),
  refused('shape/exp-text', CLAIMS, 'medium', `${JWT} §4.1.4`, 'The end of the token is a text.', { ...CRASH, ...overall(and({ exp: 'tomorrow' })) }),
  refused('shape/exp-missing', CLAIMS, 'high', `${JWT} §4.1.4`, 'The token never ends.', { bug: 'stale-platform', ...overall(without('exp')) }),
  refused('shape/exp-huge', CLAIMS, 'medium', `${JWT} §4.1.4`, 'The end of the token is beyond all numbers.', { ...CRASH, ...resigned((claims) => claims.replace(/"exp":\d+/, '"exp":1e999')) }),
  refused('shape/version-number', CLAIMS, 'medium', EAT, 'A version is a number.', { ...CRASH, ...device(and({ 'x-nvidia-gpu-driver-version': 550 })) }),
  refused('shape/measres-list', CLAIMS, 'medium', EAT, 'The result of measurements is a list.', { ...CRASH, ...device(and({ measres: ['success'] })) }),
];

const RESULT_CASES: readonly NrasCase[] = [
  refused('result/overall-false', ['tcb', 'overall-result'], 'critical', EAT, 'Every device is sound, and the result over all is false.', {
    ...overall(and({ 'x-nvidia-overall-att-result': false })),
    faults: [{ match: 'nras.attest.*', fault: 'nras-overall-false' }],
  }),
  refused('result/overall-text', ['tcb', 'overall-result'], 'high', EAT, 'The result over all is the text "true".', {
    ...overall(and({ 'x-nvidia-overall-att-result': 'true' })),
    faults: [{ match: 'nras.attest.*', fault: 'nras-overall-text' }],
  }),
  refused('result/overall-one', ['tcb', 'overall-result'], 'high', EAT, 'The result over all is the number 1.', overall(and({ 'x-nvidia-overall-att-result': 1 }))),
  refused('result/overall-missing', ['tcb', 'overall-result'], 'critical', EAT, 'There is no result over all.', overall(without('x-nvidia-overall-att-result'))),
  refused('result/measurements', ['tcb', 'measurement-result'], 'critical', EAT, 'The measurements of a device are none of those expected, and yet the result over all is true.', {
    ...device(and({ measres: 'fail' })),
    faults: [{ match: 'nras.attest.*', fault: 'nras-measurements-fail' }],
  }),
  refused('result/measurements-other-case', ['tcb', 'measurement-result'], 'low', EAT, 'The result of measurements is written in capitals.', device(and({ measres: 'SUCCESS' }))),
  refused('result/measurements-of-second', ['tcb', 'measurement-result'], 'critical', EAT, 'The first device is sound, and the second is not.', {
    answer: { count: 2 },
    edits: { device: second(and({ measres: 'fail' })) },
  }),
  refused('result/refused-by-service', ['tcb', 'measurement-result'], 'critical', EAT, 'The service refuses the device, as it says throughout.', { answer: { findings: { measurementsMatch: false } }, goodAnswer: {} }),
  refused('result/error', ['tcb', 'device-error'], 'critical', EAT, 'The service could not judge a device, and yet the result over all is true.', device(and({ 'x-nvidia-error-details': DETAILS }))),
  refused('result/not-judged', ['tcb', 'device-error'], 'critical', EAT, 'The service could not judge a device: its evidence is for another nonce.', { answer: { failure: 'nonce-mismatch' }, goodAnswer: {} }),
  refused('result/bad-signature', ['tcb', 'device-error'], 'critical', EAT, 'The service could not judge a device: its signature is wrong.', { answer: { failure: 'evidence-signature' }, goodAnswer: {} }),
  ...CHECKS.map((name) =>
    refused(
      `result/${name}`,
      FALSE,
      name.startsWith('attestation') ? 'critical' : 'high',
      EAT,
      `The service says that ${name} does not hold, and yet the result over all is true.`,
      device(and({ [`x-nvidia-gpu-${name}`]: false })),
    ),
  ),
  refused('result/signature-verified-text', FALSE, 'high', EAT, 'What the service says of the signature is the text "true".', device(and({ 'x-nvidia-gpu-attestation-report-signature-verified': 'true' }))),
  ...['measres', 'hwmodel', 'ueid', 'x-nvidia-gpu-arch-check', 'x-nvidia-gpu-attestation-report-signature-verified', 'x-nvidia-gpu-attestation-report-nonce-match'].map((name) =>
    refused(`result/no-${name.replace('x-nvidia-gpu-', '')}`, ['tcb', 'claim-missing'], 'high', EAT, `The service says nothing of ${name}.`, device(without(name))),
  ),
  ...CHAINS.map((name) =>
    refused(
      `result/${name}-revoked`,
      STATUS,
      'high',
      EAT,
      `A certificate of ${name} is revoked, and yet the result over all is true.`,
      device((claims) => ({ ...claims, [`x-nvidia-gpu-${name}`]: { ...(claims[`x-nvidia-gpu-${name}`] as object), 'x-nvidia-cert-ocsp-status': 'revoked', 'x-nvidia-cert-revocation-reason': 'keyCompromise' } })),
    ),
  ),
  refused(
    'result/chain-expired',
    STATUS,
    'high',
    EAT,
    'A certificate of the device has ended.',
    device((claims) => ({ ...claims, 'x-nvidia-gpu-attestation-report-cert-chain': { ...(claims['x-nvidia-gpu-attestation-report-cert-chain'] as object), 'x-nvidia-cert-status': 'expired' } })),
  ),
  refused('result/on-hold', STATUS, 'high', 'NVIDIA/nvtrust#84', 'A certificate of the device is on hold.', {
    policy: 'certificates on hold are not accepted',
    answer: { findings: (at) => ({ chain: { status: 'revoked', ocsp: 'revoked', expires: at, revocationReason: 'certificateHold' } }) },
    goodAnswer: {},
  }),
  refused('result/revoked-where-hold-is-allowed', STATUS, 'high', 'NVIDIA/nvtrust#84', 'A certificate is revoked for good, and those on hold are accepted.', {
    request: { allowHold: true },
    answer: { findings: (at) => ({ chain: { status: 'revoked', ocsp: 'revoked', expires: at, revocationReason: 'keyCompromise' } }) },
    goodAnswer: {},
  }),
  refused('policy/debug', ['policy', 'debug-enabled'], 'high', EAT, 'A device can be debugged, and yet the result over all is true.', {
    policy: 'production only',
    ...device(and({ dbgstat: 'enabled' })),
    faults: [{ match: 'nras.attest.*', fault: 'nras-debug' }],
  }),
  refused('policy/debug-unknown', ['policy', 'debug-enabled'], 'medium', EAT, 'The state of debugging is a word that nobody knows.', { policy: 'production only', ...device(and({ dbgstat: 'maybe' })) }),
  refused('policy/secure-boot', ['policy', 'secure-boot'], 'high', EAT, 'A device did not boot securely, and yet the result over all is true.', device(and({ secboot: false }))),
  refused('policy/hardware', ['policy', 'hardware-model'], 'medium', 'the relying party asked for it', 'It is a Hopper GPU, and one of Blackwell is expected.', {
    policy: 'Blackwell only',
    goodAnswer: { findings: { hardwareModel: 'GB100 A01 GSP BROM' } },
    request: { hardwareModels: ['GB100'] },
  }),
  refused('policy/hardware-prefix', ['policy', 'hardware-model'], 'medium', 'the relying party asked for it', 'The device’s name begins like the expected one, and goes on.', {
    policy: 'one kind of GPU',
    answer: { findings: { hardwareModel: 'GH1000 A01 GSP BROM' } },
    goodAnswer: {},
    request: { hardwareModels: ['GH100'] },
  }),
];

/** The second device's claims alone. */
function second(edit: (claims: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>): (claims: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> {
  return (claims) => (claims.ueid === SECOND_UEID ? edit(claims) : claims);
}

/** The UEID of the second device of every answer. */
const SECOND_UEID = String(0x1235);

const BINDING_CASES: readonly NrasCase[] = [
  refused('binding/nonce', ['binding', 'nonce-mismatch'], 'critical', EAT, 'The tokens answer another challenge.', {
    edits: { overall: and({ eat_nonce: '11'.repeat(32) }), device: and({ eat_nonce: '11'.repeat(32) }) },
    faults: [{ match: 'nras.attest.*', fault: 'nras-other-nonce' }],
  }),
  refused('binding/overall-nonce', ['binding', 'nonce-mismatch'], 'critical', EAT, 'The token over all answers another challenge, those of the devices do not.', {
    ...overall(and({ eat_nonce: '11'.repeat(32) })),
    faults: [{ match: 'nras.attest.*', fault: 'nras-other-overall-nonce' }],
  }),
  refused('binding/device-nonce', ['binding', 'nonce-mismatch'], 'critical', EAT, 'The token of a device answers another challenge.', device(and({ eat_nonce: '11'.repeat(32) }))),
  refused('binding/nonce-prefix', ['binding', 'nonce-mismatch'], 'critical', EAT, 'The nonce is the beginning of the challenge.', {
    edits: { overall: (claims) => ({ ...claims, eat_nonce: String(claims.eat_nonce).slice(0, 32) }) },
  }),
  refused('binding/nonce-list', ['binding', 'nonce-mismatch'], 'medium', 'RFC 9711 §4.1', 'The nonce is a list of nonces, the challenge among them.', {
    edits: { overall: (claims) => ({ ...claims, eat_nonce: ['11'.repeat(32), claims.eat_nonce] }) },
  }),
  refused('binding/no-nonce', ['binding', 'nonce-missing'], 'high', AKASH, 'The tokens name no nonce.', {
    edits: { overall: without('eat_nonce'), device: without('eat_nonce') },
    faults: [{ match: 'nras.attest.*', fault: 'nras-no-nonce' }],
  }),
  refused('binding/no-overall-nonce', ['binding', 'nonce-missing'], 'high', AKASH, 'The token over all names no nonce.', overall(without('eat_nonce'))),
  refused('binding/no-device-nonce', ['binding', 'nonce-missing'], 'high', AKASH, 'The token of a device names no nonce.', device(without('eat_nonce'))),
  refused('binding/nonce-null', ['binding', 'nonce-mismatch'], 'high', AKASH, 'The nonce is null.', overall(and({ eat_nonce: null }))),
  refused('binding/issuer', ['binding', 'issuer'], 'high', `${JWT} §4.1.1; RFC 8725 §3.8`, 'Another service issued the tokens, with this one’s keys.', {
    edits: { frame: (frame) => ({ ...frame, iss: 'https://nras.example.org' }) },
    faults: [{ match: 'nras.attest.*', fault: 'nras-other-issuer' }],
  }),
  refused('binding/device-issuer', ['binding', 'issuer'], 'high', `${JWT} §4.1.1`, 'Another service issued the token of a device.', device(and({ iss: 'https://nras.example.org' }))),
  refused('binding/issuer-suffix', ['binding', 'issuer'], 'high', 'RFC 8725 §3.8', 'The issuer’s name begins like the service’s, and goes on.', overall(and({ iss: 'https://nras.attestation.nvidia.com.example.org' }))),
  refused('binding/subject', ['binding', 'subject'], 'medium', `${JWT} §4.1.2`, 'The token over all is about something else than a platform.', overall(and({ sub: 'NVIDIA-USER' }))),
  refused('binding/device-token-over-all', ['parse', 'claims-malformed'], 'critical', 'RFC 8725 §3.11', 'A device’s token stands where the one over all should be.', {
    bug: 'authentication-bypass',
    eat: ([[kind], devices]) => [[kind, devices[GPU] ?? ''], devices],
  }),
  refused('binding/submodule-missing', ['binding', 'submodule-missing'], 'high', EAT, 'The token over all names two devices, and one is there.', {
    answer: { count: 2 },
    eat: ([first, devices]) => [first, { [GPU]: devices[GPU] }],
    faults: [{ match: 'nras.attest.*', fault: 'nras-device-missing' }],
  }),
  refused('binding/submodule-unlisted', ['binding', 'submodule-unlisted'], 'high', EAT, 'A device is there that the token over all does not name.', {
    eat: ([first, devices]) => [first, { ...devices, 'GPU-1': devices[GPU] }],
    faults: [{ match: 'nras.attest.*', fault: 'nras-device-extra' }],
  }),
  refused('binding/submodule-digest', ['binding', 'submodule-digest'], 'critical', EAT, 'The token over all has another digest of the device’s token.', {
    edits: { overall: and({ submods: { [GPU]: ['DIGEST', ['SHA-256', '00'.repeat(32)]] } }) },
    faults: [{ match: 'nras.attest.*', fault: 'nras-device-digest' }],
  }),
  refused('binding/submodules-swapped', ['binding', 'submodule-digest'], 'high', EAT, 'The tokens of two devices have changed places.', {
    answer: { count: 2 },
    eat: ([first, devices]) => [first, { [GPU]: devices['GPU-1'], 'GPU-1': devices[GPU] }],
  }),
  refused('binding/submodule-of-claims', ['binding', 'submodule-digest'], 'medium', 'NVIDIA attestation SDK, submodule digest', 'The digest is of the device’s claims, not of its token.', {
    policy: 'the digest is of the compact token',
    ...resigned((claims, devices) => claims.replace(/"SHA-256","[0-9a-f]{64}"/, `"SHA-256","${digestOf(Buffer.from(devices[GPU]?.split('.')[1] ?? '', 'base64url').toString())}"`)),
  }),
  refused('binding/too-few-devices', ['binding', 'device-count'], 'high', 'the relying party asked for it', 'Two devices are expected, and one is there.', {
    policy: 'two GPUs',
    answer: { count: 1 },
    goodAnswer: { count: 2 },
    request: { deviceCount: 2 },
  }),
];

const TIME_CASES: readonly NrasCase[] = [
  refused('time/expired', ['freshness', 'token-expired'], 'critical', 'microsoft/mssql-jdbc#3042', 'The tokens ended a day ago.', { later: DAY, faults: [{ match: 'nras.attest.*', fault: 'nras-expired' }] }),
  refused('time/expired-this-second', ['freshness', 'token-expired'], 'high', `${JWT} §4.1.4`, 'The tokens end in the second in which the verifier looks: they must not be accepted on or after it.', { later: HOUR }),
  refused('time/device-expired', ['freshness', 'token-expired'], 'high', `${JWT} §4.1.4`, 'The token of a device has ended, the one over all counts still.', {
    edits: ({ at }) => ({ device: and({ exp: at / 1000 - 1 }) }),
  }),
  refused('time/not-yet', ['freshness', 'token-not-yet-valid'], 'high', 'microsoft/mssql-jdbc#3042', 'The tokens count in ten minutes.', {
    edits: { frame: (frame) => ({ ...frame, nbf: frame.nbf + 600 }) },
    faults: [{ match: 'nras.attest.*', fault: 'nras-future' }],
  }),
  refused('time/not-yet-beyond-skew', ['freshness', 'token-not-yet-valid'], 'medium', `${JWT} §4.1.5`, 'The tokens count later than the clocks may differ.', {
    policy: 'clocks may differ by a minute',
    edits: { frame: (frame) => ({ ...frame, nbf: frame.nbf + 61 }) },
    request: { skew: 60_000 },
  }),
  refused('time/future', ['freshness', 'token-future'], 'medium', `${JWT} §4.1.6`, 'The tokens were issued in ten minutes from now.', { edits: { frame: (frame) => ({ ...frame, iat: frame.iat + 600 }) } }),
  refused('time/too-old', ['freshness', 'token-too-old'], 'medium', 'the relying party asked for it', 'The tokens count still, and are older than the relying party allows.', {
    policy: 'tokens of the last ten minutes',
    later: 601_000,
    request: { maximumAge: 600_000 },
  }),
];

const OK_CASES: readonly NrasCase[] = [
  accepted('ok/claims-2', 'high', 'NVIDIA attestation SDK, claims version', 'Claims of version 2.0.', { answer: { version: '2.0' } }),
  accepted('ok/switch', 'high', EAT, 'A switch.', { answer: { device: 'switch' } }),
  accepted('ok/switch-claims-2', 'medium', EAT, 'A switch, with claims of version 2.0.', { answer: { device: 'switch', version: '2.0' } }),
  accepted('ok/eight-gpus', 'high', EAT, 'Eight GPUs.', { answer: { count: 8 }, request: { deviceCount: 8 }, goodAnswer: { count: 8, version: '2.0' } }),
  accepted('ok/response-shape', 'high', 'confidential-containers/trustee@2c1feab2', 'The devices stand there in another order.', {
    answer: { count: 4 },
    eat: ([first, devices]) => [first, Object.fromEntries(Object.entries(devices).toReversed())],
  }),
  accepted('ok/white-space', 'medium', 'RFC 8259 §2', 'White space stands between the members of the answer.', {
    token: (json) => Uint8Array.from(Buffer.from(`${JSON.stringify(JSON.parse(Buffer.from(json).toString()), undefined, 2)}\n`)),
  }),
  accepted('ok/typed', 'medium', `${JWT} §5.1`, 'The token says that it is a JWT.', headed(and({ typ: 'JWT' }))),
  accepted('ok/unknown-claim', 'high', 'RFC 7519 §4', 'The tokens have a claim that nobody knows.', { edits: { overall: and({ 'x-nvidia-new': 'thing' }), device: and({ 'x-nvidia-gpu-new': 'thing' }) } }),
  accepted('ok/null-claim', 'medium', EAT, 'Claims that say nothing are null.', device(and({ 'x-nvidia-attestation-warning': null, secboot: null }))),
  accepted('ok/nonce-in-capitals', 'low', EAT, 'The nonce is in capitals.', { edits: { overall: (claims) => ({ ...claims, eat_nonce: String(claims.eat_nonce).toUpperCase() }) } }),
  accepted('ok/previous-key', 'high', 'key rotation', 'The key before the present one signed; both are in the set.', { edits: ({ authority }) => ({ key: authority.nrasKeys()[1] ?? authority.nras() }) }),
  accepted('ok/other-keys', 'high', 'key rotation', 'The set has keys of other kinds besides.', { keys: (keys) => [{ kty: 'RSA', kid: 'other', n: 'AQAB', e: 'AQAB' }, ...keys] }),
  accepted('ok/key-members', 'medium', 'RFC 7517 §4', 'The keys say what they are for, and more that nobody knows.', { keys: (keys) => keys.map((key) => ({ ...key, use: 'sig', alg: 'ES384', key_ops: ['verify'] })) }),
  accepted('ok/last-second', 'high', `${JWT} §4.1.4`, 'The tokens end in the next second.', { later: HOUR - 1000 }),
  accepted('ok/within-skew', 'medium', `${JWT} §4.1.5`, 'The tokens count in a minute, by which the clocks may differ.', {
    policy: 'clocks may differ by a minute',
    edits: { frame: (frame) => ({ ...frame, nbf: frame.nbf + 60, iat: frame.iat + 60 }) },
    request: { skew: 60_000 },
  }),
  accepted('ok/on-hold-allowed', 'medium', 'NVIDIA/nvtrust#84', 'A certificate of the device is on hold, and that is accepted.', {
    policy: 'certificates on hold are accepted',
    answer: { findings: (at) => ({ chain: { status: 'revoked', ocsp: 'revoked', expires: at, revocationReason: 'certificateHold' } }) },
    request: { allowHold: true },
  }),
  accepted('ok/debug-allowed', 'medium', EAT, 'A device can be debugged, and that is accepted.', { policy: 'debugging is accepted', ...device(and({ dbgstat: 'enabled' })), request: { allowDebug: true } }),
  accepted('ok/hardware', 'medium', 'the relying party asked for it', 'The device is one of those expected.', { request: { hardwareModels: ['GB100', 'GH100'] }, answer: { version: '2.0' } }),
];

export const CLAIM_ROWS: readonly NrasCase[] = [...SHAPE_CASES, ...RESULT_CASES, ...BINDING_CASES, ...TIME_CASES, ...OK_CASES];
