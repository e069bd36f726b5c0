/** Every value that TDX evidence has without being told otherwise was seen in a genuine quote, or has its reason in docs/field-values-tdx.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import type { TdxOptionsInput } from '../../emulator/tdx/evidence/options.ts';
import { REPORT_MAC } from '../../emulator/tdx/module/tdreport.ts';
import { PLATFORM_MODELS } from '../../emulator/tdx/platform/models.ts';
import { decodeQuote, type TdxQuote } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT, QUOTE_HEADER, TD15_BODY } from '../../emulator/tdx/quote/tables.ts';
import { TCB_STATUSES } from '../../emulator/tdx/tcb/status.ts';
import { tdxFieldValuesPage } from '../../harness/docs/tdx-field-values.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';
import { tdxWorld } from '../tdx/machine.ts';

describe('docs/field-values-tdx.md', () => {
  const page = tdxFieldValuesPage();
  test.each(([QUOTE_HEADER, TD15_BODY, ENCLAVE_REPORT, REPORT_MAC] as readonly { name: string; rows: object }[]).flatMap(({ name, rows }) => Object.keys(rows).map((field) => [name, field] as const)))(
    'has a row for %s.%s',
    (_, field) => {
      expect(page).toContain(`| \`${field}\` |`);
    },
  );
  test.each([...Object.keys(PLATFORM_MODELS), ...TCB_STATUSES])('has a row for %s', (name) => {
    expect(page).toContain(`| \`${name}\` |`);
  });
  test('says of every platform where it is from: a genuine sample, or what is assumed', () => {
    for (const { source } of Object.values(PLATFORM_MODELS)) expect(source).toMatch(/^genuine /);
  });
});

describeReal('what a quote says without being told otherwise', () => {
  const quotes = REAL_SAMPLES === undefined ? [] : readdirSync(join(REAL_SAMPLES, 'tdx')).filter((name) => name.endsWith('.quote.bin'));
  const genuine = quotes.map((name) => decodeQuote(realSample(`tdx/${name}`)));
  const plain = (value: unknown): string => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v));
  const qeOf = ({ certification }: TdxQuote): object =>
    certification.kind === 'qe' ? { ...certification.qeReport, authData: certification.qeAuthData, type: certification.type, inner: certification.certification.type } : {};
  /** What follows from the guest, its owner, the machine or the keys. */
  const OF_ITS_OWN = ['userData', 'mrTd', 'rtmr', 'reportData', 'cpuSvn'];

  const kinds: readonly (readonly [string, TdxOptionsInput])[] = [...Object.keys(PLATFORM_MODELS).map((platform) => [platform, { platform }] as const), ['version 5', { quoteVersion: 5 }]];
  test.each(kinds)('%s: every other field is that of a genuine quote', (_, options) => {
    const own = decodeQuote(tdxEvidence(tdxWorld(), options).quote);
    const unseen = [
      ...Object.entries(own.header).map(([field, value]) => ({ field, value, seen: genuine.map(({ header }) => header[field as keyof typeof header]) })),
      ...Object.entries(own.body).map(([field, value]) => ({ field, value, seen: genuine.map(({ body }) => body[field as keyof typeof body]) })),
      ...Object.entries(qeOf(own)).map(([field, value]) => ({ field, value: value as unknown, seen: genuine.map((quote) => (qeOf(quote) as Record<string, unknown>)[field]) })),
    ].filter(({ field, value, seen }) => !OF_ITS_OWN.includes(field) && !seen.some((other) => plain(other) === plain(value)));
    // What no sample shows must be called assumed where its value is from.
    const assumed = ['teeTcbSvn', 'teeTcbSvn2', ...(options.platform === 'sapphire-rapids-tdx10' ? ['mrSeam'] : [])];
    expect(unseen.map(({ field }) => field).filter((field) => !assumed.includes(field))).toEqual([]);
  });
});
