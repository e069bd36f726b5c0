/** The claims: which there are in which version, what they say, and their order. */
import { describe, expect, test } from 'vitest';
import { CLAIM_DOCS, CLAIMS_VERSIONS, deviceClaims, errorClaims, overallClaims } from '../../../emulator/h100/eat/claims.ts';
import { inHashOrder } from '../../../emulator/h100/eat/order.ts';
import { FINDINGS, FRAME } from './findings.ts';

const claims = (version: '2.0' | '3.0', change: object = {}, device: 'gpu' | 'switch' = 'gpu'): Record<string, unknown> => deviceClaims(device, version, { ...FINDINGS, ...change }, FRAME, 'ab');

describe('claims about a GPU', () => {
  test('are 31 in version 2.0 and 34 in version 3.0; about a switch 26 in version 3.0', () => {
    expect([Object.keys(claims('2.0')).length, Object.keys(claims('3.0')).length, Object.keys(claims('3.0', {}, 'switch')).length]).toEqual([31, 34, 26]);
  });

  test('each has a meaning', () => {
    for (const version of CLAIMS_VERSIONS) for (const device of ['gpu', 'switch'] as const) for (const name of Object.keys(claims(version, {}, device))) expect(CLAIM_DOCS).toHaveProperty([name]);
  });

  const chain = { status: 'valid', ocsp: 'good', expires: Date.UTC(2026, 5, 1, 2, 8, 29) } as const;
  const revoked = { status: 'revoked', ocsp: 'revoked', expires: chain.expires, revocationReason: 'keyCompromise' } as const;
  test.each<[string, '2.0' | '3.0', object, string, unknown]>([
    ['the serial of the leaf in decimal', '3.0', { serial: Uint8Array.of(0, 1, 0, 0) }, 'ueid', '65536'],
    ['a serial of 20 bytes', '3.0', { serial: new Uint8Array(20).fill(0x7f) }, 'ueid', BigInt(`0x${'7f'.repeat(20)}`).toString()],
    ['the boot ROM as the model in 3.0', '3.0', { hardwareModel: 'GH100 A01 GSP BROM' }, 'hwmodel', 'GH100 A01 GSP BROM'],
    ['the chip as the model in 2.0', '2.0', { hardwareModel: 'GH100 A01 GSP BROM' }, 'hwmodel', 'GH100'],
    ['measurements that match', '3.0', { measurementsMatch: true }, 'measres', 'success'],
    ['measurements that do not', '2.0', { measurementsMatch: false }, 'measres', 'fail'],
    ['no debugging', '3.0', { debug: false }, 'dbgstat', 'disabled'],
    ['debugging', '3.0', { debug: true }, 'dbgstat', 'enabled'],
    ['no warning', '3.0', {}, 'x-nvidia-attestation-warning', null],
    ['a warning', '3.0', { warning: 'on hold' }, 'x-nvidia-attestation-warning', 'on hold'],
    ['a good chain in 2.0', '2.0', { chain }, 'x-nvidia-gpu-attestation-report-cert-chain-validated', true],
    ['a revoked chain in 2.0', '2.0', { chain: revoked }, 'x-nvidia-gpu-attestation-report-cert-chain-validated', false],
    [
      'a good chain in 3.0',
      '3.0',
      { chain },
      'x-nvidia-gpu-attestation-report-cert-chain',
      { 'x-nvidia-cert-status': 'valid', 'x-nvidia-cert-ocsp-status': 'good', 'x-nvidia-cert-expiration-date': '2026-06-01T02:08:29Z', 'x-nvidia-cert-revocation-reason': null },
    ],
    [
      'a revoked chain in 3.0',
      '3.0',
      { chain: revoked },
      'x-nvidia-gpu-attestation-report-cert-chain',
      { 'x-nvidia-cert-status': 'revoked', 'x-nvidia-cert-ocsp-status': 'revoked', 'x-nvidia-cert-expiration-date': '2026-06-01T02:08:29Z', 'x-nvidia-cert-revocation-reason': 'keyCompromise' },
    ],
    ['slots that two manifests speak for', '3.0', { indexNoConflict: false }, 'x-nvidia-gpu-vbios-index-no-conflict', false],
    ['a manifest of another version', '3.0', { vbiosRim: { ...FINDINGS.vbiosRim, versionMatch: false } }, 'x-nvidia-gpu-vbios-rim-version-match', false],
    ['another architecture', '2.0', { archMatch: false }, 'x-nvidia-gpu-arch-check', false],
  ])('say %s', (_, version, change, name, value) => {
    expect(claims(version, change)[name]).toEqual(value);
  });
});

describe('identifiers at the ends of links', () => {
  const ids = { pdi: Uint8Array.of(0xab, 1, 2, 3, 4, 5, 6, 7), peers: [Uint8Array.of(0xfe, 1, 2, 3, 4, 5, 6, 7), Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 0xcd)] };
  const [pdi, peers] = ['AB01020304050607', ['00010203040506CD', 'FE01020304050607']];
  test.each<[string, 'gpu' | 'switch', '2.0' | '3.0', object, object]>([
    ['a GPU names its switches', 'gpu', '3.0', ids, { 'x-nvidia-gpu-switch-pdis': peers }],
    ['a switch names itself and its GPUs', 'switch', '3.0', ids, { 'x-nvidia-switch-pdi': pdi, 'x-nvidia-switch-gpu-pdis': peers }],
    ['a GPU without switches names none', 'gpu', '3.0', { peers: [] }, {}],
    ['there are none in claims 2.0', 'gpu', '2.0', ids, {}],
    ['nor for a switch', 'switch', '2.0', ids, {}],
  ])('%s', (_, device, version, change, expected) => {
    expect(Object.fromEntries(Object.entries(claims(version, change, device)).filter(([name]) => /-pdis?$/.test(name)))).toEqual(expected);
  });
});

describe('the order of members', () => {
  test('is that of a HashMap of Java: texts whose hashes are known, and ones that fall together', () => {
    // "Aa" and "BB" have one hash, 2112; "a" is 97, "b" 98, "q" 113, which of 16 places is the one of "a".
    expect(Object.keys(inHashOrder({ b: 0, BB: 0, Aa: 0, q: 0, a: 0 }))).toEqual(['BB', 'Aa', 'q', 'a', 'b']);
  });

  test('is another where there are more than twelve', () => {
    const many = Object.fromEntries([...'abcdefghijklmnopqrstuvwxyz'].map((letter) => [letter, 0]));
    // 64 places from 25 members on: the codes of the letters, 97 to 122, less 64.
    expect(Object.keys(inHashOrder(many)).join('')).toBe('abcdefghijklmnopqrstuvwxyz');
    expect(Object.keys(inHashOrder(Object.fromEntries(Object.entries(many).slice(0, 20)))).join('')).toBe('abcdefghijklmnopqrst');
    expect(Object.keys(inHashOrder(Object.fromEntries([...'abcdefghijklpqr'].map((letter) => [letter, 0])))).join('')).toBe('abcdefghijklpqr');
    expect(Object.keys(inHashOrder(Object.fromEntries([...'abcpqr'].map((letter) => [letter, 0])))).join('')).toBe('paqbrc');
  });
});

test('an error has its members in the genuine order', () => {
  const details = { message: 'm', description: 'd', httpStatus: 'h', fieldName: 'f', code: 1 };
  const told = errorClaims(FRAME, details);
  expect(Object.keys(told)).toEqual(['iss', 'nbf', 'exp', 'iat', 'jti', 'x-nvidia-error-details']);
  expect(Object.keys(told['x-nvidia-error-details'] as object)).toEqual(['code', 'fieldName', 'httpStatus', 'description', 'message']);
});

test('the token over all names digests by device', () => {
  expect(overallClaims('3.0', true, { 'GPU-0': 'aa', 'GPU-1': 'bb' }, FRAME, 'ab')).toMatchObject({
    submods: { 'GPU-0': ['DIGEST', ['SHA-256', 'aa']], 'GPU-1': ['DIGEST', ['SHA-256', 'bb']] },
    'x-nvidia-ver': '3.0',
    'x-nvidia-overall-att-result': true,
  });
});
