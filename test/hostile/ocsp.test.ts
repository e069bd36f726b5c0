/** Whatever bytes come as an OCSP request or response, or as an extension that names firmware, reading them ends in a value or a typed error, and the responder answers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { readFwid } from '../../emulator/h100/pki/fwid.ts';
import { successfulResponse } from '../../emulator/pki/ocsp/issue.ts';
import { writeCertId } from '../../emulator/pki/ocsp/cert-id.ts';
import { MAX_OCSP_REQUEST, nonceExtension, readOcspRequest, writeOcspRequest } from '../../emulator/pki/ocsp/request.ts';
import { MAX_OCSP_RESPONSE, OCSP_STATUSES, readOcspResponse, readSuccessful } from '../../emulator/pki/ocsp/response.ts';
import { readCertificate } from '../../emulator/pki/read.ts';
import { NvidiaOcsp } from '../../emulator/services/nvidia/ocsp.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { bombard, damaged, derTree, flipped, grafted, PATIENCE, understood } from './damage.ts';
import { iterations } from './iterations.ts';

const world = seededWorld('hostile', fixedClock(Date.UTC(2026, 5, 1)));
const authority = nvidiaAuthorityOf(world);
const service = new NvidiaOcsp({ world });
const issuer = readCertificate(authority.certificate('provisioner/GH100').der);
const PDI = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const id = (hash: 'sha1' | 'sha384'): Uint8Array => writeCertId(hash, issuer, Uint8Array.of(0x41, ...PDI));
const requests = [
  writeOcspRequest([id('sha1')]),
  writeOcspRequest([id('sha384')], [nonceExtension(new Uint8Array(32))]),
  writeOcspRequest([id('sha1'), id('sha384')], [nonceExtension(new Uint8Array(16), true)]),
] as const;
const responses = requests.map((request) => service.answer(request).body) as [Uint8Array, Uint8Array, Uint8Array];
const [gh100, gb100] = (['GH100', 'GB100'] as const).map((architecture) => readCertificate(authority.deviceCertificates({ architecture, pdi: PDI, fwid: new Uint8Array(48).fill(3) })[0]?.der ?? PDI).extensions.at(-1));

/** Responses with one value replaced in what is signed, which lies in an OCTET STRING. */
const signedParts = grafted(...responses.map((src) => readSuccessful(src).tbs)).map((tbs) => successfulResponse({ ...readSuccessful(responses[0]), tbs }));

type Ladder = readonly (readonly [rung: string, inputs: fc.Arbitrary<Uint8Array>, reaches: boolean])[];
/** @param loose whether some other value may stand in it here and there */
const ladder = (loose: boolean, ...good: Uint8Array[]): Ladder => [
  ['noise', fc.uint8Array({ maxLength: 2000 }), false],
  ['DER of the right form with anything in it', derTree, false],
  ['a good one with some bytes changed, cut away or added', damaged(...good), true],
  ['a good one with one bit changed', flipped(...good), true],
  ['a good one with one value replaced by another', grafted(...good), loose],
];
const RUNS = Math.ceil(iterations / 5);

describe('reading a request', PATIENCE, () => {
  test.each(ladder(true, ...requests))('%s: only typed errors', (_, inputs, reaches) => {
    const read = bombard(inputs, readOcspRequest, RUNS);
    if (reaches) expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(RUNS);
  });

  test('of thousands of certificates, or of more than 16 KiB, ends at once', () => {
    const many = writeOcspRequest(Array.from({ length: 150 }, () => id('sha1')));
    expect([many.length < MAX_OCSP_REQUEST, understood(() => readOcspRequest(many)), understood(() => readOcspRequest(new Uint8Array(1 << 20)))]).toEqual([true, false, false]);
  });
});

describe('reading a response', PATIENCE, () => {
  test.each([...ladder(false, ...responses), ['a good one with one value replaced by another below the signature', signedParts, true] as const])('%s: only typed errors', (_, inputs, reaches) => {
    const read = bombard(inputs, readOcspResponse, RUNS);
    if (reaches) expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(RUNS);
  });

  test('of more than 64 KiB is refused', () => {
    expect(understood(() => readOcspResponse(new Uint8Array(MAX_OCSP_RESPONSE + 1)))).toBe(false);
  });
});

describe('reading the extension that names the firmware', PATIENCE, () => {
  test.each([gh100, gb100].flatMap((extension) => ladder(false, extension?.value ?? PDI).map(([rung, inputs, reaches]) => [extension?.oid ?? '', rung, inputs, reaches] as const)))(
    '%s, %s: only typed errors',
    (oid, _, inputs, reaches) => {
      const read = bombard(inputs, (value) => readFwid([{ oid, value }]), Math.ceil(RUNS / 4));
      if (reaches) expect(read).toBeGreaterThan(0);
      expect(read).toBeLessThan(Math.ceil(RUNS / 4));
    },
  );
});

describe('the responder', PATIENCE, () => {
  test('answers anything with an OCSP response, never a good one about what was not asked for', () => {
    // Each answer is a signature: fewer inputs than for the readers.
    bombard(
      fc.oneof(damaged(...requests), flipped(...requests), grafted(...requests), derTree),
      (src) => {
        const { status, body } = service.answer(src);
        const answer = readOcspResponse(body);
        if (status !== 200 || !(answer.status in OCSP_STATUSES)) throw new Error('no answer');
        if (answer.basic && answer.basic.responses.length !== readOcspRequest(src).requests.length) throw new Error('another count');
      },
      Math.ceil(iterations / 40),
    );
  });
});
