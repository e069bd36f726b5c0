/** OCSP requests and responses: what is read, what is refused, and that what is written is what others write. */
import { createHash, verify, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { NvidiaAuthority } from '../../emulator/h100/pki/authority.ts';
import { CERT_ID_HASHES, type CertIdHash, integerContents, namesCertificate, writeCertId } from '../../emulator/pki/ocsp/cert-id.ts';
import { issueOcspResponse, ocspErrorResponse, type OcspSpec, responderKeyHash, responseData, successfulResponse } from '../../emulator/pki/ocsp/issue.ts';
import { nonceExtension, readOcspRequest, writeOcspRequest } from '../../emulator/pki/ocsp/request.ts';
import { OCSP_STATUSES, type ReadBasicResponse, readOcspResponse, readSuccessful, REVOCATION_REASONS, type ReasonName } from '../../emulator/pki/ocsp/response.ts';
import { readCertificate } from '../../emulator/pki/read.ts';
import { TAG, tlv } from '../../emulator/pki/tlv.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const world = seededWorld('ocsp', fixedClock(AT));
const authority = new NvidiaAuthority(world);
const issuer = readCertificate(authority.certificate('identity/GH100').der);
const HASHES = Object.keys(CERT_ID_HASHES) as CertIdHash[];
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const ID = writeCertId('sha384', issuer, Uint8Array.of(5));
const seq = (...parts: Uint8Array[]): Uint8Array => tlv(TAG.sequence, ...parts);
/** What is inside a value of up to 255 bytes. */
const inside = (src: Uint8Array): Uint8Array => src.subarray((src[1] ?? 0) < 0x80 ? 2 : 3);
const oidOf = (text: string): Uint8Array => tlv(TAG.oid, bytes(text));
/** id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2. */
const NONCE = oidOf('2b0601050507300102');
const extension = (oid: Uint8Array, value: Uint8Array, critical = false): Uint8Array => seq(oid, ...(critical ? [tlv(TAG.boolean, Uint8Array.of(0xff))] : []), tlv(TAG.octetString, value));
const request = (...extensions: Uint8Array[]): Uint8Array => writeOcspRequest([ID], extensions);
const refusal = (rule: RegExp): unknown => expect.objectContaining({ code: 'ERR_PKI_PARSE', rule: expect.stringMatching(rule) });

describe('a CertID', () => {
  test.each(HASHES)('with %s has the hashes of RFC 6960 §4.1.1, over the name and over the bits of the key', (hash) => {
    const id = readOcspRequest(writeOcspRequest([writeCertId(hash, issuer, Uint8Array.of(0, 0x80))])).requests[0]?.certId;
    const digest = (src: Uint8Array): string => createHash(hash).update(src).digest('hex');
    expect(id?.hash).toBe(hash);
    expect(hex(id?.issuerNameHash ?? new Uint8Array(0))).toBe(digest(issuer.subject));
    expect(hex(id?.issuerKeyHash ?? new Uint8Array(0))).toBe(digest(issuer.spki.subarray(-97)));
    expect(hex(id?.serial ?? new Uint8Array(0))).toBe('0080');
  });

  test('names its certificate and no other', () => {
    const certId = readOcspRequest(request()).requests[0]?.certId;
    if (!certId) throw new Error('no request');
    const other = readCertificate(authority.certificate('device-root').der);
    expect([namesCertificate(certId, issuer, Uint8Array.of(5)), namesCertificate(certId, issuer, Uint8Array.of(6)), namesCertificate(certId, other, Uint8Array.of(5))]).toEqual([true, false, false]);
  });

  test('with a hash that nobody knows is read and names nothing', () => {
    const strange = seq(seq(oidOf('2a03'), tlv(TAG.null)), tlv(TAG.octetString, bytes('0102')), tlv(TAG.octetString, bytes('0304')), tlv(TAG.integer, Uint8Array.of(1)));
    const certId = readOcspRequest(writeOcspRequest([strange])).requests[0]?.certId;
    expect(certId?.hash).toBeUndefined();
    expect(certId && namesCertificate(certId, issuer, Uint8Array.of(1))).toBe(false);
  });

  test.each([
    ['a hash of the wrong length', seq(inside(ID).subarray(0, 15), tlv(TAG.octetString, new Uint8Array(20)), tlv(TAG.octetString, new Uint8Array(48)), tlv(TAG.integer, Uint8Array.of(1))), /hashes are not as long/],
    ['a negative serial', writeCertId('sha1', issuer, Uint8Array.of(0x80)), /positive number/],
    ['a padded serial', writeCertId('sha1', issuer, Uint8Array.of(0, 1)), /as short as possible/],
    ['a serial of 22 bytes', writeCertId('sha1', issuer, new Uint8Array(22).fill(1)), /at most 20 bytes/],
  ])('with %s is refused', (_, id, rule) => {
    expect(() => readOcspRequest(writeOcspRequest([id]))).toThrow(refusal(rule) as Error);
  });

  test('writes an unsigned number as the contents of an INTEGER', () => {
    for (const [value, contents] of [
      ['00', '00'],
      ['0000', '00'],
      ['7f', '7f'],
      ['80', '0080'],
      ['000102', '0102'],
    ] as const)
      expect(hex(integerContents(bytes(value)))).toBe(contents);
  });
});

describe('a request', () => {
  test('reads back what was written, for any nonce that RFC 9654 allows', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 128 }), fc.boolean(), fc.integer({ min: 1, max: 64 }), (nonce, critical, count) => {
        const ids = Array.from({ length: count }, (_, i) => writeCertId(HASHES[i % HASHES.length] ?? 'sha1', issuer, Uint8Array.of(i)));
        const read = readOcspRequest(writeOcspRequest(ids, [nonceExtension(nonce, critical)]));
        expect(hex(read.nonce ?? new Uint8Array(0))).toBe(hex(nonce));
        expect(read.requests.map(({ certId }) => hex(certId.der))).toEqual(ids.map(hex));
      }),
      { numRuns: 40 },
    );
  });

  test('with a signature is read, and the signature passed over', () => {
    const tbs = inside(request());
    const signature = seq(seq(oidOf('2a8648ce3d040303')), tlv(TAG.bitString, bytes('00aabb')), tlv(TAG.explicit(0), seq(authority.certificate('device-root').der)));
    const signed = seq(tbs, tlv(TAG.explicit(0), signature));
    expect([readOcspRequest(signed).signed, readOcspRequest(request()).signed]).toEqual([true, false]);
  });

  test('with an extension that is not known and not critical is read', () => {
    expect(readOcspRequest(request(extension(oidOf('2a03'), bytes('0500')))).extensions.map(({ oid }) => oid)).toEqual(['1.2.3']);
  });

  test('with preferred algorithms that are critical is read', () => {
    expect(readOcspRequest(request(extension(oidOf('2b0601050507300108'), bytes('3000'), true))).requests).toHaveLength(1);
  });

  test.each([
    ['an empty nonce', request(nonceExtension(new Uint8Array(0))), /1 to 128 bytes, has 0/],
    ['a nonce of 129 bytes', request(nonceExtension(new Uint8Array(129))), /1 to 128 bytes, has 129/],
    ['a nonce that is no OCTET STRING', request(extension(NONCE, bytes('aabbcc'))), /tag 0x4/],
    ['two nonces', request(nonceExtension(Uint8Array.of(1)), nonceExtension(Uint8Array.of(2))), /two of them/],
    ['a critical extension that is not known', request(extension(oidOf('2a03'), bytes('0500'), true)), /critical, and not known/],
    ['no certificate', writeOcspRequest([]), /is missing/],
    ['65 certificates', writeOcspRequest(Array.from({ length: 65 }, () => ID)), /more than 64/],
    ['version 1 written out', seq(seq(tlv(TAG.explicit(0), tlv(TAG.integer, Uint8Array.of(0))), seq(seq(ID)))), /default value is left out/],
    ['something after it', Uint8Array.of(...request(), 0), /1 bytes more/],
    ['a length that is not the shortest', Uint8Array.of(0x30, 0x84, 0, 0, 0, inside(request()).length, ...inside(request())), /length is not DER/],
    ['16 KiB and a byte', new Uint8Array(16 * 1024 + 1), /longer than 16384/],
  ])('with %s is refused', (_, src, rule) => {
    expect(() => readOcspRequest(src)).toThrow(refusal(rule) as Error);
    expect(() => readOcspRequest(src)).toThrow(CodecError);
  });
});

const { signer, certificate } = authority.ocspResponder('identity/GH100');
const spec = (over: Partial<OcspSpec> = {}): OcspSpec => ({
  responder: responderKeyHash(signer.spki),
  producedAt: AT,
  responses: [{ certId: ID, status: { kind: 'good' }, thisUpdate: AT, nextUpdate: AT + 1000 }],
  certificates: [certificate.der],
  ...over,
});

describe('a response', () => {
  const reasons: (ReasonName | undefined)[] = [undefined, ...(Object.keys(REVOCATION_REASONS) as ReasonName[])];

  test.each(reasons)('says revoked for the reason %s', (reason) => {
    const status = { kind: 'revoked', at: AT - 5000, ...(reason ? { reason } : {}) } as const;
    const read = readSuccessful(issueOcspResponse(spec({ responses: [{ certId: ID, status, thisUpdate: AT }] }), signer));
    expect(read.responses.map((single) => [single.status, single.thisUpdate, single.nextUpdate, hex(single.certId.der)])).toEqual([[status, AT, undefined, hex(ID)]]);
  });

  test('reads back what was written', () => {
    const nonce = bytes('00112233');
    const read = readSuccessful(issueOcspResponse(spec({ nonce, responses: [...spec().responses, { certId: ID, status: { kind: 'unknown' }, thisUpdate: AT }] }), signer));
    expect(read.responses.map(({ status }) => status.kind)).toEqual(['good', 'unknown']);
    expect([hex(read.nonce ?? new Uint8Array(0)), read.producedAt, read.certificates.map(hex)]).toEqual([hex(nonce), AT, [hex(certificate.der)]]);
    expect(read.responder).toEqual({ keyHash: responderKeyHash(signer.spki) });
  });

  test('is signed by its responder over ResponseData', () => {
    const { tbs, signature } = readSuccessful(issueOcspResponse(spec(), signer));
    expect(verify('sha384', tbs, new X509Certificate(certificate.der).publicKey, signature)).toBe(true);
    expect(
      verify(
        'sha384',
        Uint8Array.from(tbs, (byte, i) => (i === 40 ? byte ^ 1 : byte)),
        signer.publicKey,
        signature,
      ),
    ).toBe(false);
  });

  test.each(Object.entries(OCSP_STATUSES).filter(([name]) => name !== 'successful'))('of the status %s is five bytes with the value %i', (name, value) => {
    const src = ocspErrorResponse(name as 'tryLater');
    expect(hex(src)).toBe(`30030a010${value}`);
    expect(readOcspResponse(src)).toMatchObject({ status: name });
    expect(() => readSuccessful(src)).toThrow(refusal(new RegExp(`is ${name}`)) as Error);
  });

  const basic = (data: Uint8Array, more: Uint8Array[] = []): Uint8Array => successfulResponse({ tbs: data, signatureAlgorithm: seq(oidOf('2a8648ce3d040303')), signature: Uint8Array.of(1), certificates: more });
  const time = (text: string): Uint8Array => tlv(TAG.generalizedTime, Buffer.from(text, 'latin1'));
  const key = tlv(TAG.explicit(2), tlv(TAG.octetString, new Uint8Array(20)));
  const single = (...parts: Uint8Array[]): Uint8Array => seq(ID, ...parts);
  const good = tlv(0x80);
  const now = time('20260601120000Z');

  test('of the least form is read, and by name too', () => {
    expect(readSuccessful(basic(seq(key, now, seq(single(good, now))))).responses).toHaveLength(1);
    const named: ReadBasicResponse = readSuccessful(basic(seq(tlv(TAG.explicit(1), issuer.subject), now, seq(single(good, now)))));
    expect(named.responder).toEqual({ name: issuer.subject });
  });

  test.each([
    ['a status that is none', bytes('30030a0104'), /no value that it can have/],
    ['a status of two bytes', bytes('30040a020000'), /no value that it can have/],
    ['an error with an answer', bytes('30050a0101a000'), /bytes more/],
    ['a success without an answer', bytes('30030a0100'), /is missing/],
    ['another type of answer', seq(tlv(TAG.enumerated, Uint8Array.of(0)), tlv(TAG.explicit(0), seq(oidOf('2a03'), tlv(TAG.octetString)))), /id-pkix-ocsp-basic/],
    ['a key hash of 19 bytes', basic(seq(tlv(TAG.explicit(2), tlv(TAG.octetString, new Uint8Array(19))), now, seq(single(good, now)))), /20 bytes/],
    ['a time in UTCTime', basic(seq(key, tlv(TAG.utcTime, Buffer.from('260601120000Z')), seq(single(good, now)))), /GeneralizedTime/],
    ['a time with fractions', basic(seq(key, time('20260601120000.5Z'), seq(single(good, now)))), /is no time/],
    ['a good status with contents', basic(seq(key, now, seq(single(tlv(0x80, Uint8Array.of(1)), now)))), /must be empty/],
    ['a status of another tag', basic(seq(key, now, seq(single(tlv(0x83), now)))), /tag 0x80/],
    ['no answer about any certificate', basic(seq(key, now, seq())), /is missing/],
    ['65 answers', basic(seq(key, now, seq(...Array.from({ length: 65 }, () => single(good, now))))), /more than 64/],
    [
      '9 certificates',
      basic(
        seq(key, now, seq(single(good, now))),
        Array.from({ length: 9 }, () => seq()),
      ),
      /more than 8/,
    ],
    ['64 KiB and a byte', new Uint8Array(64 * 1024 + 1), /longer than 65536/],
  ])('with %s is refused', (_, src, rule) => {
    expect(() => readSuccessful(src)).toThrow(refusal(rule) as Error);
  });
});

describeReal('genuine responses', () => {
  test.each(['gpu-certificate-l2', 'gpu-certificate-l3', 'gpu-certificate-l4', 'gpu-driver-rim-l3', 'gpu-driver-rim-l4', 'gpu-rim-l2', 'gpu-vbios-l4'])('%s is read, and written again byte for byte', (name) => {
    const genuine = realSample(`h100/ocsp/${name}.ocsp.der`);
    const { responder, producedAt, responses, certificates, tbs, signatureAlgorithm, signature } = readSuccessful(genuine);
    if (!('keyHash' in responder)) throw new Error('named by its name');
    const data = responseData({ responder: responder.keyHash, producedAt, responses: responses.map((single) => ({ ...single, certId: single.certId.der })) });
    expect(hex(data)).toBe(hex(tbs));
    expect(hex(successfulResponse({ tbs: data, signatureAlgorithm, signature, certificates }))).toBe(hex(genuine));
    const [own = new Uint8Array(0)] = certificates;
    expect(hex(responder.keyHash)).toBe(hex(responderKeyHash(readCertificate(own).spki)));
    expect(verify('sha384', tbs, new X509Certificate(own).publicKey, signature)).toBe(true);
    expect(responses.map(({ status, thisUpdate, nextUpdate, certId }) => [status.kind, thisUpdate, nextUpdate, certId.hash])).toEqual([['good', producedAt, producedAt + 86_400_000, 'sha384']]);
  });

  test('ours has the length and the form of a genuine one', () => {
    const genuine = readSuccessful(realSample('h100/ocsp/gpu-certificate-l3.ocsp.der'));
    const serial = genuine.responses[0]?.certId.serial ?? new Uint8Array(0);
    const { certificate: own, signer: key } = authority.ocspResponder('identity/GH100');
    const ours = readSuccessful(
      issueOcspResponse(
        {
          responder: responderKeyHash(key.spki),
          producedAt: AT,
          responses: [{ certId: writeCertId('sha384', issuer, serial), status: { kind: 'good' }, thisUpdate: AT, nextUpdate: AT + 86_400_000 }],
          certificates: [own.der],
        },
        key,
      ),
    );
    const blank = ({ tbs }: ReadBasicResponse): string =>
      hex(tbs)
        .replace(/04(14|30)[0-9a-f]{40,96}/g, '')
        .replace(/180f[0-9a-f]{30}/g, 'time');
    expect(ours.tbs.length).toBe(genuine.tbs.length);
    expect(blank(ours).length).toBe(blank(genuine).length);
    expect(hex(ours.signatureAlgorithm)).toBe(hex(genuine.signatureAlgorithm));
  });
});
