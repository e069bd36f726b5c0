/** Accept windows: of verifiers whose windows are known, and the edges that are looked at. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import { pemBlocks, readCertificate, readCrl } from '../../emulator/pki/read.ts';
import { builtinAdapter } from '../../harness/run/builtin.ts';
import { edgesOf } from '../../harness/score/windows/edges.ts';
import { acceptWindow, between, flipsOf, probeTimes } from '../../harness/score/windows/window.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../vectors/corpus.ts';
import type { Subject } from '../../vectors/subject.ts';
import { blindTo, judging } from './verifiers.ts';

const good = (tee: string): Subject => buildCase(CORPUS.find((info) => info.tee === tee && info.needs === undefined)?.id ?? '').twin;
const SNP = good('snp');
const base = { tee: 'snp', name: 'good', subject: SNP };
const bundleOf = (name: string, contents: string | Uint8Array): Subject['bundle'] =>
  makeBundle({ tee: 'snp', verifyAt: 0, services: {} }, new Map([[name, typeof contents === 'string' ? Buffer.from(contents) : contents]]));
const file = (name: string): Uint8Array => SNP.bundle.files.get(name) ?? new Uint8Array();

describe('edges', () => {
  test('of certificates and lists are where they say', () => {
    const edges = edgesOf(SNP.bundle).map(({ at, kind }) => `${kind} ${at}`);
    for (const name of ['ark.pem', 'ask.pem', 'vcek.pem']) {
      const { notBefore, notAfter } = readCertificate(pemBlocks(file(name), 'CERTIFICATE')[0] ?? new Uint8Array());
      expect(edges).toContain(`begin ${notBefore}`);
      expect(edges).toContain(`end ${notAfter}`);
    }
    const { thisUpdate, nextUpdate } = readCrl(file('crl.der'));
    expect(edges).toContain(`begin ${thisUpdate}`);
    expect(edges).toContain(`end ${nextUpdate}`);
  });
  test.each<[string, string[]]>([
    ['tdx', ['tcb_info.json issueDate', 'qe_identity.json nextUpdate', 'pck_crl.der list of Intel SGX PCK Platform CA nextUpdate', 'quote.bin Intel SGX PCK Certificate notAfter']],
    ['h100', ['OCSP nextUpdate', 'evidence.json GH100 A01 GSP FMC LF notBefore', 'driver_rim.xml HCC RIM L4 Signer notAfter']],
  ])('of %s evidence are found in every kind of file', (tee, wanted) => {
    const found = edgesOf(good(tee).bundle).map((edge) => `${edge.file} ${edge.what}`);
    for (const one of wanted) expect(found.some((name) => name.includes(one) || name.endsWith(one))).toBe(true);
  });
  test.each<[string, string, [string, number][]]>([
    [
      'members of JSON',
      '{"a":[{"issueDate":"2026-01-02T00:00:00Z","nextUpdate":"2026-02-03T00:00:00Z"}]}',
      [
        ['begin', Date.UTC(2026, 0, 2)],
        ['end', Date.UTC(2026, 1, 3)],
      ],
    ],
    [
      'claims of a token',
      JSON.stringify(`${Buffer.from('{"alg":"x"}').toString('base64url')}.${Buffer.from('{"nbf":1000,"exp":2000}').toString('base64url')}.AAAA`),
      [
        ['begin', 1_000_000],
        ['end', 2_000_000],
      ],
    ],
    ['a time that is none', '{"nextUpdate":"soon"}', []],
    ['JSON that is none', '{"nextUpdate":', []],
    ['nothing', '', []],
  ])('%s', (_, text, expected) => {
    expect(edgesOf(bundleOf('x.json', text)).map(({ kind, at }) => [kind, at])).toEqual(expected);
  });
  test('no bytes make it fail', () => {
    const pem = Buffer.from(file('vcek.pem')).toString();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Uint8Array.from(Buffer.from(text))),
          fc.nat(pem.length).map((at) => Uint8Array.from(Buffer.from(`${pem.slice(0, at)}!${pem.slice(at)}`))),
        ),
        (bytes) => {
          for (const { at } of edgesOf(bundleOf('x', bytes))) expect(Number.isFinite(at)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a window', () => {
  const at = (text: string): number => Date.parse(`${text}Z`);
  test.each<[string, number, number]>([
    ['between two edges', at('2026-05-20T11:22:33'), at('2026-11-05T04:05:06')],
    ['that begins at an edge', at('2026-05-07T00:00:00'), at('2029-01-02T03:04:05')],
    ['that is open until after the last edge', at('2026-05-31T23:59:59'), at('2500-01-01T00:00:00')],
  ])('%s is found to the second', async (_, from, to) => {
    const { flips } = await acceptWindow(
      base,
      judging(({ now }) => now >= from && now < to),
      CORPUS_SETTING,
    );
    const known = [
      { at: from, from: 'reject', to: 'accept' },
      { at: to, from: 'accept', to: 'reject' },
    ];
    expect(flips).toEqual(to > at('2100-01-01T00:00:00') ? known.slice(0, 1) : known);
  });
  test('of teemu’s own is that of the list, whose life is the shortest', async () => {
    const { thisUpdate, nextUpdate = 0 } = readCrl(file('crl.der'));
    const { flips, referenceFlips, probes } = await acceptWindow(base, builtinAdapter(), CORPUS_SETTING);
    expect(flips.map((flip) => flip.at)).toEqual([thisUpdate, nextUpdate + 1000]);
    expect(referenceFlips).toEqual(flips);
    expect(probes.every(({ verdict, reference }) => verdict === reference)).toBe(true);
  });
  test('of a verifier that forgets the list’s end goes on, while teemu’s does not', async () => {
    const { flips, referenceFlips } = await acceptWindow(base, blindTo('crl-stale'), CORPUS_SETTING);
    expect(referenceFlips).toHaveLength(2);
    expect(flips[1]?.at).not.toBe(referenceFlips[1]?.at);
  });
  test('is not a verdict that never changes', async () => {
    expect(
      (
        await acceptWindow(
          base,
          judging(() => true),
          CORPUS_SETTING,
        )
      ).flips,
    ).toEqual([]);
  });
});

test('every edge is looked at, a second before and after it, and whatever lies between two', () => {
  const edges = [10_000, 20_000].map((at) => ({ at, kind: 'end', file: '', what: '' }) as const);
  expect(probeTimes(edges, 12_345)).toEqual([9000, 10_000, 11_000, 12_000, 15_000, 19_000, 20_000, 21_000, 86_420_000]);
});

test.each<[string, [number, 'accept' | 'reject'][], number[]]>([
  [
    'neighbours that agree',
    [
      [0, 'accept'],
      [9000, 'accept'],
    ],
    [],
  ],
  [
    'a second apart',
    [
      [0, 'accept'],
      [1000, 'reject'],
    ],
    [],
  ],
  [
    'further apart',
    [
      [0, 'accept'],
      [9000, 'reject'],
    ],
    [4000],
  ],
])('halving: %s', (_, known, expected) => {
  expect(between(new Map(known))).toEqual(expected);
  expect(flipsOf(new Map(known))).toHaveLength(known[0]?.[1] === known[1]?.[1] ? 0 : 1);
});
