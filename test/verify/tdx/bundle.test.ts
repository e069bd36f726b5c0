/** Bundles of TDX evidence: which file is what, whose root counts, and what may be asked of them. */
import { describe, expect, test } from 'vitest';
import { type Bundle, makeBundle } from '../../../emulator/bundle.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { IntelAuthority } from '../../../emulator/tdx/authority.ts';
import { decodeQuote } from '../../../emulator/tdx/quote/quote.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type BundleWishes, COLLATERAL_FILES, type PresentedCollateral, VERIFIERS, verifyBundle } from '../../../harness/verify/index.ts';
import { authority, DAY, evidence, NOW, REPORT_DATA, V5 } from './evidence.ts';

const ROOT = authority.certificate('ROOT');
const GOOD = evidence(V5);
const { body } = decodeQuote(GOOD.quote);
const bytes = (part: Uint8Array | string): Uint8Array => (typeof part === 'string' ? Buffer.from(part) : part);

/** A bundle of evidence, with some files left out or changed. */
function bundle({ quote, tdReport, collateral } = GOOD, change: Readonly<Record<string, Uint8Array | undefined>> = {}): Bundle {
  const files: Readonly<Record<string, Uint8Array | undefined>> = {
    'quote.bin': quote,
    'tdreport.bin': tdReport,
    'root_ca.pem': Buffer.from(ROOT.pem),
    ...Object.fromEntries(Object.entries(collateral).map(([part, value]) => [`collateral/${COLLATERAL_FILES[part as keyof PresentedCollateral]}`, bytes(value)])),
    ...change,
  };
  return makeBundle({ tee: 'tdx', verifyAt: NOW / 1000, services: {} }, new Map(Object.entries(files).filter((file): file is [string, Uint8Array] => file[1] !== undefined)));
}

describe('a bundle of TDX evidence', () => {
  test('is accepted with its own root and at its own time', () => {
    expect(verifyBundle(bundle())).toMatchObject({ accepted: true, tee: 'tdx', rootSource: 'bundle', now: NOW, facts: { status: 'UpToDate', quoteVersion: 5 } });
  });

  test.each([
    ['DER', ROOT.der],
    ['PEM', ROOT.pem],
    ['PEM as bytes', Buffer.from(ROOT.pem)],
  ])('is accepted with the root as %s', (_, root) => {
    expect(verifyBundle(bundle(), { roots: [root] })).toMatchObject({ accepted: true, rootSource: 'given' });
  });

  test('is refused with another root', () => {
    const other = new IntelAuthority(seededWorld('another world', fixedClock(NOW))).certificate('ROOT');
    expect(verifyBundle(bundle(), { roots: [other.der] })).toMatchObject({ accepted: false, reason: 'root-untrusted' });
    expect(verifyBundle(bundle(GOOD, { 'root_ca.pem': Buffer.from(other.pem) }))).toMatchObject({ accepted: false, reason: 'root-untrusted' });
  });

  test('is refused at another time', () => {
    expect(verifyBundle(bundle(), { now: NOW + 40 * DAY })).toMatchObject({ accepted: false, reason: 'crl-stale' });
  });

  test.each(['quote.bin', 'root_ca.pem', ...Object.entries(COLLATERAL_FILES).flatMap(([part, file]) => (part === 'pckChain' ? [] : [`collateral/${file}`]))])('is refused without %s', (file) => {
    expect(verifyBundle(bundle(GOOD, { [file]: undefined }))).toMatchObject({ accepted: false, stage: 'parse', reason: 'evidence-incomplete', path: file });
  });

  test('is accepted without a root of its own, where one is given, and without its TDREPORT', () => {
    expect(verifyBundle(bundle(GOOD, { 'root_ca.pem': undefined, 'tdreport.bin': undefined }), { roots: [ROOT.der] })).toMatchObject({ accepted: true });
  });

  test.each([
    ['no PEM', Buffer.from('hello')],
    ['an intermediate authority', Buffer.from(authority.certificate('PLATFORM').pem)],
  ])('is refused with %s as its own root', (_, root) => {
    expect(verifyBundle(bundle(GOOD, { 'root_ca.pem': root }))).toMatchObject({ accepted: false, stage: 'parse', reason: 'certificate-malformed' });
  });

  test('is refused with a TDREPORT that is not the one that was quoted', () => {
    expect(verifyBundle(bundle(GOOD, { 'tdreport.bin': evidence({ td: { mrOwner: new Uint8Array(48) } }).tdReport }))).toMatchObject({ accepted: false, reason: 'td-report-mismatch', path: 'body.mrOwner' });
  });

  test('brings the PCK chain where the quote only names its platform', () => {
    const named = evidence({ certificationType: 3 });
    expect(verifyBundle(bundle(named))).toMatchObject({ accepted: true });
    expect(verifyBundle(bundle(named, { 'collateral/pck_chain.pem': undefined }))).toMatchObject({ accepted: false, reason: 'pck-chain-missing' });
  });
});

describe('of a bundle of TDX evidence can be asked', () => {
  const good: readonly BundleWishes[] = [
    { reportData: REPORT_DATA },
    { mrTd: body.mrTd },
    { measurement: body.mrTd },
    { requireCrl: true },
    { tcbStatuses: ['UpToDate', 'OutOfDate'] },
    { rtmr3: body.rtmr[3] ?? REPORT_DATA },
  ];
  test.each(good)('%j', (wishes) => {
    expect(verifyBundle(bundle(), wishes)).toMatchObject({ accepted: true });
  });

  test.each([
    [{ measurement: new Uint8Array(48) }, 'mr-td-mismatch'],
    [{ reportData: new Uint8Array(64) }, 'report-data-mismatch'],
    [{ rtmr0: new Uint8Array(48) }, 'rtmr-mismatch'],
  ] as const)('%j, and it is refused', (wishes, reason) => {
    expect(verifyBundle(bundle(), wishes)).toMatchObject({ accepted: false, reason });
  });

  test.each<BundleWishes>([{ hostData: new Uint8Array(32) }, { vmpl: 0 }, { policy: { debug: 'refused' } }, { minimumTcb: { snp: 1 } }, { measurement: body.mrTd, mrTd: body.mrTd }])(
    'not %j, which means nothing for it or the same twice',
    (wishes) => {
      expect(() => verifyBundle(bundle(), wishes)).toThrow(ConfigError);
    },
  );

  test.each<BundleWishes>([{ mrTd: body.mrTd }, { tcbStatuses: ['UpToDate'] }, { attributes: {} }])('%j, but not of one of SNP evidence', (wishes) => {
    const snp = makeBundle({ tee: 'snp', verifyAt: NOW / 1000, services: {} }, new Map());
    expect(() => verifyBundle(snp, wishes)).toThrow(ConfigError);
    expect(verifyBundle(snp)).toMatchObject({ accepted: false, reason: 'evidence-incomplete' });
  });

  test('nothing that is left undefined', () => {
    expect(verifyBundle(bundle(), { hostData: undefined } as unknown as BundleWishes)).toMatchObject({ accepted: true });
  });
});

test('every verifier knows its wishes', () => {
  expect(Object.fromEntries([...VERIFIERS.values()].map(({ tee, wishes }) => [tee, Object.keys(wishes).includes('reportData')]))).toMatchObject({ snp: true, tdx: true, h100: false });
});
