/** Genuine quotes under Intel's genuine root, with the collateral of their days: verdicts, and that every signed byte counts. */
import { describe, expect, test } from 'vitest';
import { pemBlocks } from '../../emulator/pki/read.ts';
import { chainText } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, mapQuote } from '../../emulator/tdx/quote/quote.ts';
import { type PresentedCollateral, type TdxExpectations, TdxTrust, type TdxVerdict, verifyTdx } from '../../harness/verify/index.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';
import { genuineCollateral } from './tdx-collateral.ts';

type Wishes = Omit<TdxExpectations, 'trust' | 'now'>;
const trust = new TdxTrust(REAL_SAMPLES === undefined ? [] : [realSample('tdx/pki/intel-sgx-root.der')]);
const said = (v: TdxVerdict): string => (v.accepted ? `accepted: ${v.facts.status}` : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

/** Collateral of one time. Where TCB info comes from elsewhere, it is of the same days and the same evaluation. */
const TIMES = {
  'June 2025, 00806f050000': { at: '2025-06-25T00:00:00Z', collateral: (): PresentedCollateral => ({ ...genuineCollateral('v4-phala'), tcbInfo: realSample('tdx/collateral/tcbinfo-v3-00806f050000.json') }) },
  'June 2025, b0c06f000000': { at: '2025-06-25T00:00:00Z', collateral: () => genuineCollateral('v4-phala') },
  'September 2025, 20a06f000000': { at: '2025-09-03T00:00:00Z', collateral: () => genuineCollateral('v4-near') },
  'February 2026, 90c06f000000': { at: '2026-02-19T00:00:00Z', collateral: () => genuineCollateral('v5-azure-outdated') },
  'March 2026, 50806f000000': { at: '2026-03-17T00:00:00Z', collateral: (): PresentedCollateral => ({ ...genuineCollateral('v5-azure-outdated'), tcbInfo: realSample('tdx/collateral/tcbinfo-50806f000000.json') }) },
  'March 2026, 90c06f000000': { at: '2026-03-17T00:00:00Z', collateral: (): PresentedCollateral => ({ ...genuineCollateral('v5-azure-outdated'), tcbInfo: realSample('tdx/collateral/tcbinfo-90c06f000000.json') }) },
  'June 2026, 90c06f000000': { at: '2026-06-29T12:00:00Z', collateral: () => genuineCollateral('v4-tinfoil') },
} as const satisfies Record<string, { at: string; collateral: () => PresentedCollateral }>;
type Time = keyof typeof TIMES;

/** A genuine quote and the status that Intel's levels of the time give it, worked out by hand. */
interface Sample {
  readonly quote: string;
  readonly time: Time;
  readonly status: 'UpToDate' | 'OutOfDate';
  /** What it needs to be accepted besides its status, and the reason without it. */
  readonly wishes?: Wishes;
  readonly otherwise?: string;
}

const SAMPLES: readonly Sample[] = [
  { quote: 'tdx/v4-tinfoil', time: 'June 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'tdx/v4-phala', time: 'June 2025, b0c06f000000', status: 'UpToDate' },
  { quote: 'tdx/v4-near', time: 'September 2025, 20a06f000000', status: 'UpToDate' },
  { quote: 'tdx/v4-dstack', time: 'June 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'tdx/v4-dstack', time: 'March 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'tdx/v5-go', time: 'June 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'azure/lunal-tdx-live.td', time: 'June 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'azure/openpcc-tdx.td', time: 'June 2026, 90c06f000000', status: 'UpToDate' },
  { quote: 'tdx/v4-dcap-2025', time: 'June 2025, 00806f050000', status: 'UpToDate' },
  { quote: 'tdx/v4-gce-openpcc', time: 'June 2025, 00806f050000', status: 'UpToDate' },
  { quote: 'tdx/v4-gcp-cos113', time: 'June 2025, 00806f050000', status: 'UpToDate' },
  // The second levels of the platform and of its module.
  { quote: 'azure/trustee-tdx.td', time: 'June 2025, 00806f050000', status: 'OutOfDate', wishes: { attributes: { septVeDisable: 'allowed' } }, otherwise: 'td-sept-ve' },
  // A service TD is bound.
  { quote: 'tdx/v5-alibaba', time: 'June 2026, 90c06f000000', status: 'OutOfDate', wishes: { allowServiceTd: true }, otherwise: 'service-td' },
  // TDX 1.0: no identity of the module, and the fourth level; the host could debug the TD.
  { quote: 'tdx/v4-trustee-4', time: 'March 2026, 50806f000000', status: 'OutOfDate', wishes: { attributes: { debug: 'allowed' } }, otherwise: 'td-debug' },
];

/** Genuine platforms below every level: Intel's library supports none of them, whatever statuses its caller accepts. */
const UNSUPPORTED: readonly { readonly quote: string; readonly time: Time }[] = [
  // SGX component 7 is 3, and every level asks for 5.
  { quote: 'tdx/v5-azure-outdated', time: 'February 2026, 90c06f000000' },
  { quote: 'tdx/v5-azure-outdated', time: 'June 2026, 90c06f000000' },
  // SGX component 0 is 1, and every level asks for 2.
  { quote: 'tdx/v5-trustee-5', time: 'March 2026, 90c06f000000' },
  // SGX component 0 is 3, and every level asks for 5.
  { quote: 'tdx/v4-spr-e4', time: 'March 2026, 50806f000000' },
];

const quoteOf = (name: string): Uint8Array => realSample(`${name}${name.startsWith('azure/') ? '-quote.bin' : '.quote.bin'}`);
const nowOf = (time: Time): number => Date.parse(TIMES[time].at);
const ANY_STATUS: Wishes = { tcbStatuses: ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'] };

describeReal("genuine quotes with genuine collateral under Intel's genuine root", () => {
  test.each(SAMPLES)('$quote in $time is $status', ({ quote, time, status, wishes }) => {
    const verdict = verifyTdx({ quote: quoteOf(quote), collateral: TIMES[time].collateral() }, { trust, now: nowOf(time), tcbStatuses: [status], ...wishes });
    expect(said(verdict)).toBe(`accepted: ${status}`);
  });

  test.each(SAMPLES.filter(({ otherwise }) => otherwise))('$quote is refused with the usual expectations of TDs: $otherwise', ({ quote, time, otherwise, status }) => {
    expect(verifyTdx({ quote: quoteOf(quote), collateral: TIMES[time].collateral() }, { trust, now: nowOf(time), tcbStatuses: [status] })).toMatchObject({ accepted: false, stage: 'policy', reason: otherwise });
  });

  test.each(SAMPLES.filter(({ status }) => status !== 'UpToDate'))('$quote is refused where the TCB must be up to date', ({ quote, time, wishes }) => {
    expect(verifyTdx({ quote: quoteOf(quote), collateral: TIMES[time].collateral() }, { trust, now: nowOf(time), ...wishes })).toMatchObject({ accepted: false, stage: 'tcb', reason: 'tcb-status-refused' });
  });

  test.each(UNSUPPORTED)('$quote in $time is below every level: all holds up to there', ({ quote, time }) => {
    const verdict = verifyTdx({ quote: quoteOf(quote), collateral: TIMES[time].collateral() }, { trust, now: nowOf(time), ...ANY_STATUS });
    expect(verdict).toMatchObject({ accepted: false, stage: 'tcb', reason: 'platform-tcb-unsupported' });
    expect(verdict.checks.filter(({ ok }) => ok).map(({ reason }) => reason)).toEqual(expect.arrayContaining(['quote-signature', 'qe-report-signature', 'tcb-info-signature', 'leaf-revoked']));
  });

  test('the REPORTDATA of a quote are those that it was asked with', () => {
    const wanted = realSample('tdx/v4-gcp-cos113.nonce.bin');
    const time = 'June 2025, 00806f050000';
    const evidence = { quote: quoteOf('tdx/v4-gcp-cos113'), collateral: TIMES[time].collateral() };
    expect(said(verifyTdx(evidence, { trust, now: nowOf(time), reportData: wanted }))).toBe('accepted: UpToDate');
    expect(verifyTdx(evidence, { trust, now: nowOf(time), reportData: wanted.map((b) => b ^ 1) })).toMatchObject({ accepted: false, reason: 'report-data-mismatch' });
  });

  test('the event log of a machine leads to the registers in its quote, and the log of another does not', () => {
    const time = 'June 2025, 00806f050000';
    const evidence = { quote: quoteOf('tdx/v4-gcp-cos113'), collateral: TIMES[time].collateral() };
    const table = realSample('tdx/v4-gcp-cos113.ccel-table.bin');
    expect(said(verifyTdx({ ...evidence, eventLog: { log: realSample('tdx/v4-gcp-cos113.ccel-data.bin'), table } }, { trust, now: nowOf(time) }))).toBe('accepted: UpToDate');
    for (const name of ['dstack', 'eventlog2', 'lunal-live', 'ovmf']) {
      expect(verifyTdx({ ...evidence, eventLog: { log: realSample(`tdx/${name}.ccel-data.bin`) } }, { trust, now: nowOf(time) })).toMatchObject({ accepted: false, reason: 'event-log-replay' });
    }
  });

  test.each(['v4-tinfoil', 'v4-phala', 'v4-near', 'v5-azure-outdated'] as const)('%s is refused under no root, before and after the time of its collateral, and with that of another kind of platform', (name) => {
    const collateral = genuineCollateral(name);
    const evidence = { quote: quoteOf(`tdx/${name}`), collateral };
    const time = Object.entries(TIMES).find(([, t]) => t.collateral().tcbInfo.toString() === collateral.tcbInfo.toString())?.[1];
    const now = Date.parse(time?.at ?? '');
    expect(verifyTdx(evidence, { trust: new TdxTrust([]), now })).toMatchObject({ accepted: false, reason: 'root-untrusted' });
    expect(verifyTdx(evidence, { trust, now: now + 31 * 86_400_000 })).toMatchObject({ accepted: false, reason: 'crl-stale' });
    expect(verifyTdx(evidence, { trust, now: now - 10 * 86_400_000 })).toMatchObject({ accepted: false, reason: 'crl-future' });
    const other = verifyTdx({ ...evidence, quote: quoteOf('tdx/v4-trustee-6') }, { trust, now });
    expect(other).toMatchObject({ accepted: false, reason: 'tcb-info-fmspc' });
  });
});

/** Verdicts on edits of a part: which edited places still gave accepted evidence. */
function survivors(size: number, accepted: (at: number) => boolean): number[] {
  return Array.from({ length: size }, (_, at) => at).filter(accepted);
}

describeReal('a genuine piece of evidence with a bit changed', () => {
  const time = 'June 2026, 90c06f000000';
  const now = nowOf(time);
  // As lenient as can be: no edit may be refused for the wishes' sake alone, nor get away because something else is.
  const wishes: Wishes = {
    ...ANY_STATUS,
    allowReserved: true,
    allowServiceTd: true,
    allowOtherExtensions: true,
    allowMixedEvaluations: true,
    attributes: { debug: 'allowed', hgsPlusProf: 'allowed', perfProf: 'allowed', pmtProf: 'allowed', septVeDisable: 'allowed', migratable: 'allowed' },
    xfam: { x87: 'allowed', sse: 'allowed', pasid: 'allowed', hdc: 'allowed', hwp: 'allowed', apx: 'allowed' },
  };

  describe.each(['tdx/v4-tinfoil', 'tdx/v5-go'])('%s', (name) => {
    test('in the quote is refused, wherever it is', { timeout: 300_000 }, () => {
      const quote = quoteOf(name);
      const collateral = trust.prepare(TIMES[time].collateral());
      const accepts = (at: number, mask: number): boolean => {
        const changed = new Uint8Array(quote);
        changed[at] = (changed[at] ?? 0) ^ mask;
        return verifyTdx({ quote: changed, collateral }, { trust, now, ...wishes }).accepted;
      };
      expect(accepts(0, 0)).toBe(true);
      const { trailing, parts } = mapQuote(quote);
      const chainAt = (parts.find((part) => part.name === 'qe.certification')?.at ?? 0) + 6;
      // Another bit at each place; in text only the last, since others may make it the same letter in another case.
      expect(survivors(chainAt, (at) => accepts(at, 1 << (at % 8)))).toEqual([]);
      expect(survivors(chainAt, (at) => accepts(at, 1 << ((at + 3) % 8)))).toEqual([]);
      expect(survivors(trailing.at - chainAt, (i) => accepts(chainAt + i, 1))).toEqual([]);
    });

    test('in the PCK certificate is refused, wherever it is', { timeout: 300_000 }, () => {
      const quote = quoteOf(name);
      const collateral = trust.prepare(TIMES[time].collateral());
      const { certification } = decodeQuote(quote);
      const [leaf = new Uint8Array(), ...above] = pemBlocks(chainText(certification) ?? '', 'CERTIFICATE');
      const pem = (der: Uint8Array): string =>
        `-----BEGIN CERTIFICATE-----\n${(
          Buffer.from(der)
            .toString('base64')
            .match(/.{1,64}/g) ?? []
        ).join('\n')}\n-----END CERTIFICATE-----\n`;
      const at = (mapQuote(quote).parts.find((part) => part.name === 'qe.certification')?.at ?? 0) + 6;
      const accepts = (der: Uint8Array): boolean => {
        const text = Buffer.from([der, ...above].map(pem).join(''));
        const changed = new Uint8Array(quote);
        changed.fill(10, at, at + decodeChainSize(quote));
        changed.set(text, at);
        return verifyTdx({ quote: changed, collateral }, { trust, now, ...wishes }).accepted;
      };
      expect(accepts(leaf)).toBe(true);
      expect(survivors(leaf.length, (i) => accepts(leaf.with(i, (leaf[i] ?? 0) ^ (1 << (i % 8)))))).toEqual([]);
    });
  });

  test.each(['tcbInfo', 'qeIdentity', 'tcbInfoIssuerChain', 'qeIdentityIssuerChain', 'pckCrlIssuerChain', 'pckCrl', 'rootCaCrl'] as const)('in the collateral, %s, is refused', { timeout: 300_000 }, (part) => {
    const quote = quoteOf('tdx/v4-tinfoil');
    const good = TIMES[time].collateral();
    const src = Buffer.from(good[part] as Uint8Array);
    const accepts = (at: number, mask: number): boolean => {
      const changed = Buffer.from(src);
      changed[at] = (changed[at] ?? 0) ^ mask;
      return verifyTdx({ quote, collateral: { ...good, [part]: changed } }, { trust, now, ...wishes }).accepted;
    };
    expect(accepts(0, 0)).toBe(true);
    // Every place of what is short; of the long, the ends and every fifth place.
    const places = survivors(src.length, (at) => src.length < 1000 || at < 200 || at > src.length - 200 || at % 5 === 0);
    expect(places.filter((at) => accepts(at, 1))).toEqual([]);
  });
});

/** Length of the PEM chain in a quote. */
function decodeChainSize(quote: Uint8Array): number {
  const { certification } = decodeQuote(quote);
  return certification.kind === 'qe' && certification.certification.kind === 'raw' ? certification.certification.data.length : 0;
}
