/** Genuine quotes and TDREPORTs: decoded, encoded back, their hashes and signatures computed again. */
import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attributesRefusal, xfamRefusal } from '../../emulator/tdx/module/attributes.ts';
import { decodeTdReport, encodeTdReport, tdReportHashes, tdReportHashesHold } from '../../emulator/tdx/module/tdreport.ts';
import { chainText, type QeCertification } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, encodeQuote, mapQuote, signedPart, type TdxQuote } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT, INTEL_QE_VENDOR, QE_CERTIFICATION_HEAD, QUOTE_HEADER } from '../../emulator/tdx/quote/tables.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const names = (folder: string, end: string): string[] =>
  REAL_SAMPLES === undefined
    ? []
    : readdirSync(join(REAL_SAMPLES, folder))
        .filter((name) => name.endsWith(end))
        .map((name) => `${folder}/${name}`);
const QUOTES = [...names('tdx', '.quote.bin'), ...names('azure', '.td-quote.bin')];
const REPORTS = names('tdx', '.tdreport.bin');
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

function qeOf({ certification }: TdxQuote): QeCertification {
  if (certification.kind !== 'qe') throw new Error(`certification data of type ${certification.type}`);
  return certification;
}

const publicKey = (xy: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: Buffer.from(xy.subarray(0, 32)).toString('base64url'), y: Buffer.from(xy.subarray(32)).toString('base64url') }, format: 'jwk' });
const signed = (message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);

describeReal('genuine quotes', () => {
  test('are all found', () => {
    expect(QUOTES.length).toBeGreaterThanOrEqual(19);
    expect(REPORTS.length).toBeGreaterThanOrEqual(2);
  });

  test.each(QUOTES)('%s comes back byte for byte', (name) => {
    const src = realSample(name);
    expect(hex(encodeQuote(decodeQuote(src)))).toBe(hex(src));
  });

  test.each(QUOTES)('%s is signed by its attestation key, which its QE report binds and its PCK certifies', (name) => {
    const src = realSample(name);
    const quote = decodeQuote(src);
    const { qeReport, qeReportSignature, qeAuthData } = qeOf(quote);
    expect(signed(signedPart(src), publicKey(quote.attestationKey), quote.signature)).toBe(true);
    const bound = createHash('sha256').update(quote.attestationKey).update(qeAuthData).digest();
    expect(hex(qeReport.reportData)).toBe(hex(bound) + '00'.repeat(32));
    const leaf = new X509Certificate(chainText(quote.certification) ?? '');
    expect(signed(ENCLAVE_REPORT.encode(qeReport), leaf.publicKey, qeReportSignature)).toBe(true);
  });

  test.each(QUOTES)('%s has what every emulated quote has: vendor, algorithm, PEM chain of three, TEE_TCB_SVN[2] as CPUSVN begins', (name) => {
    const { header, body, certification, ...rest } = decodeQuote(realSample(name));
    expect(hex(header.qeVendorId)).toBe(hex(INTEL_QE_VENDOR));
    expect(hex(header.userData.subarray(16))).toBe('00000000');
    expect(chainText(certification)?.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(body.teeTcbSvn[2]).toBe(qeOf({ header, body, certification, ...rest }).qeReport.cpuSvn[0]);
  });

  test.each(QUOTES)('%s has ATTRIBUTES and XFAM that the emulated module takes', (name) => {
    const src = realSample(name);
    const { body, parts } = mapQuote(src);
    const layout = parts.find((part) => part.name === 'body')?.layout;
    const mask = (field: string): bigint => new DataView(src.buffer, src.byteOffset).getBigUint64(body.at + (layout?.locate(field).at ?? 0), true);
    expect(attributesRefusal(mask('tdAttributes'))).toBeUndefined();
    expect(xfamRefusal(mask('xfam'))).toBeUndefined();
  });

  test.each(QUOTES)('%s lies where the map says', (name) => {
    const src = realSample(name);
    const { parts, trailing, signatureData } = mapQuote(src);
    const at = (part: string): number => parts.find((p) => p.name === part)?.at ?? -1;
    expect(at('header')).toBe(0);
    expect(signatureData.at + signatureData.size).toBe(trailing.at);
    expect(trailing.at + trailing.size).toBe(src.length);
    const qe = at('qe');
    expect(QE_CERTIFICATION_HEAD.decode(src.subarray(qe, qe + QE_CERTIFICATION_HEAD.size)).qeReport).toEqual(qeOf(decodeQuote(src)).qeReport);
    expect(QUOTE_HEADER.decode(src.subarray(0, QUOTE_HEADER.size))).toEqual(decodeQuote(src).header);
  });
});

describeReal('genuine TDREPORTs', () => {
  test.each(REPORTS)('%s comes back byte for byte', (name) => {
    const src = realSample(name);
    expect(hex(encodeTdReport(decodeTdReport(src)))).toBe(hex(src));
  });

  test.each(REPORTS)('%s states the hashes of its parts', (name) => {
    const src = realSample(name);
    const { reportMac } = decodeTdReport(src);
    expect(hex(tdReportHashes(src).teeTcbInfoHash)).toBe(hex(reportMac.teeTcbInfoHash));
    expect(hex(tdReportHashes(src).teeInfoHash)).toBe(hex(reportMac.teeInfoHash));
    expect(tdReportHashesHold(src)).toBe(true);
  });

  test.each(REPORTS)('%s no longer states them once a bit of either part is changed', (name) => {
    for (const at of [256 + 8, 512 + 208]) {
      const changed = realSample(name).slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(tdReportHashesHold(changed)).toBe(false);
    }
  });

  test('with a service TD has version 1 and its hash, without one version 0 and none', () => {
    const reports = REPORTS.map((name) => decodeTdReport(realSample(name)));
    expect(new Set(reports.map(({ reportMac, tdInfo }) => `${reportMac.version} ${tdInfo.servTdHash !== undefined}`))).toEqual(new Set(['0 false', '1 true']));
  });
});
