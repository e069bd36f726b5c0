/** Quotes of another TD, for another question, or that collateral of another day is for. */
import { pcsDate } from '../../../emulator/tdx/tcb/evaluations.ts';
import { tdxEvidence } from '../../../emulator/tdx/evidence/evidence.ts';
import { rewritten } from '../../edits/files.ts';
import { qeIdentity, tcbInfo } from '../../edits/intel.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const PCS = 'Intel PCS v4, TCB info and enclave identity';
const ABI = 'Intel TDX Module ABI, REPORTMACSTRUCT';
const DAY = 86_400_000;
const TD_REPORT = 'tdreport.bin';
const CHALLENGE = `${'11'.repeat(32)}${'22'.repeat(32)}`;

const binding = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/binding/${slug}`, ['binding', reason], severity, ref, why, change);
const answer = (slug: string, why: string, reportData: string, ref = 'GHSA-4px3-wj2x-xx47', asked = CHALLENGE): TdxRejectCase =>
  binding(`report-data-${slug}`, 'report-data-mismatch', 'critical', ref, why, { options: { reportData }, goodOptions: { reportData: asked }, request: { reportData: asked.padEnd(128, '0') } });

/** What the host gives a TD before launch. */
const GIVEN = [
  ['mr-config-id', 'mrConfigId', 'configuration'],
  ['mr-owner', 'mrOwner', 'owner'],
  ['mr-owner-config', 'mrOwnerConfig', 'owner’s configuration'],
] as const;
const given: readonly TdxCase[] = GIVEN.flatMap(([slug, field, what]) => [
  binding(slug, `${slug}-mismatch`, 'high', `Intel TDX Module ABI, ${field.toUpperCase()}`, `The TD has another ${what} than expected.`, {
    options: { [field]: '11' },
    goodOptions: { [field]: '22' },
    request: { [field]: '22'.padEnd(96, '0') },
  }),
  binding(`${slug}-zero`, `${slug}-mismatch`, 'high', `Intel TDX Module ABI, ${field.toUpperCase()}`, `The TD has no ${what}, where one is expected.`, {
    options: {},
    goodOptions: { [field]: '22' },
    request: { [field]: '22'.padEnd(96, '0') },
  }),
]);

/** Registers of which the relying party knows what they must hold. */
const rtmrs: readonly TdxCase[] = [
  binding('rtmr0', 'rtmr-mismatch', 'critical', 'confidential-dot-ai/attestation-go#19', 'The TD was booted in another way: its first register is another than expected.', {
    options: { boot: 'direct' },
    goodOptions: {},
    request: ({ rtmrs: known }) => ({ rtmr0: first(known, 0) }),
  }),
  binding('rtmr1', 'rtmr-mismatch', 'critical', 'confidential-dot-ai/attestation-go#19', 'Another boot loader was started than expected.', {
    options: { boot: 'direct' },
    goodOptions: {},
    request: ({ rtmrs: known }) => ({ rtmr1: first(known, 1) }),
  }),
  binding('rtmr2', 'rtmr-mismatch', 'critical', 'confidential-dot-ai/attestation-go#19', 'Another command line was measured than expected.', {
    options: { append: 'init=/bin/sh' },
    goodOptions: { append: 'quiet' },
    request: ({ rtmrs: known }) => ({ rtmr2: first(known, 2) }),
  }),
  binding('rtmr3', 'rtmr-mismatch', 'critical', 'confidential-dot-ai/attestation-go#19', 'Something else happened while the TD ran than expected.', {
    options: { runtimeEvent: ['app start evil'] },
    goodOptions: { runtimeEvent: ['app start good'] },
    request: ({ rtmrs: known }) => ({ rtmr3: first(known, 3) }),
  }),
];
function first(known: unknown, index: number): string {
  return Array.isArray(known) ? String(known[index]) : '';
}

/** The TDREPORT of another TD of the same machine. */
const otherReport: NonNullable<TdxChange['files']> = (files, { world, platform }) => rewritten(TD_REPORT, () => tdxEvidence(world, { platform: platform.model.name, reportData: '77' }).tdReport)(files);
const fresh = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/freshness/${slug}`, ['freshness', reason], severity, ref, why, change);

/** Both documents by their dates. */
const DOCUMENTS = [
  ['tcb-info', 'The TCB info', tcbInfo],
  ['identity', 'The identity of the quoting enclave', qeIdentity],
] as const;
type Dates = { readonly issueDate: string; readonly nextUpdate: string };
const dated =
  (edit: typeof tcbInfo | typeof qeIdentity, dates: (now: number) => Partial<Dates>): TdxChange['edits'] =>
  (maker) => {
    const made = (edit as (change: (document: Dates, now: number) => object) => TdxChange['edits'])((document, now) => ({ ...document, ...dates(now) }));
    return typeof made === 'function' ? made(maker) : (made ?? {});
  };
const dates: readonly TdxCase[] = DOCUMENTS.flatMap(([slug, what, edit]) => {
  const code = slug === 'identity' ? 'qe-identity' : slug;
  return [
    fresh(`${slug}-stale`, `${code}-stale`, 'high', 'aleph-im/aleph-vm#1195', `${what} ended a month ago.`, {
      edits: dated(edit, (now) => ({ issueDate: pcsDate(now - 60 * DAY), nextUpdate: pcsDate(now - 30 * DAY) })) ?? {},
    }),
    fresh(`${slug}-ended-a-second-ago`, `${code}-stale`, 'high', PCS, `${what} ended one second before the verifier looks.`, { edits: dated(edit, (now) => ({ nextUpdate: pcsDate(now - 1000) })) ?? {} }),
    fresh(`${slug}-of-the-future`, `${code}-future`, 'medium', PCS, `${what} is of next week.`, { edits: dated(edit, (now) => ({ issueDate: pcsDate(now + 7 * DAY), nextUpdate: pcsDate(now + 37 * DAY) })) ?? {} }),
    fresh(`${slug}-begins-in-a-second`, `${code}-future`, 'medium', PCS, `${what} is issued one second after the verifier looks.`, { edits: dated(edit, (now) => ({ issueDate: pcsDate(now + 1000) })) ?? {} }),
    fresh(`${slug}-old`, `${code}-too-old`, 'low', PCS, `${what} still counts, but is older than the relying party allows.`, {
      edits: dated(edit, (now) => ({ issueDate: pcsDate(now - 50 * DAY) })) ?? {},
      request: { maximumCollateralAge: 40 * DAY },
      policy: 'documents are at most forty days old',
    }),
    accepted(`tdx/ok/${slug}-in-its-last-second`, 'medium', PCS, `${what} ends at the very second that the verifier looks.`, { edits: dated(edit, (now) => ({ nextUpdate: pcsDate(now) })) ?? {} }),
    accepted(`tdx/ok/${slug}-in-its-first-second`, 'medium', PCS, `${what} begins at the very second that the verifier looks.`, {
      edits: dated(edit, (now) => ({ issueDate: pcsDate(now), nextUpdate: pcsDate(now + 3_600_000) })) ?? {},
    }),
  ];
});

export const BINDING_CASES: readonly TdxCase[] = [
  answer('mismatch', 'The quote answers another challenge.', '33'.repeat(64)),
  answer('first-half-right', 'Only the first 32 bytes answer the challenge.', `${'11'.repeat(32)}${'33'.repeat(32)}`),
  answer('second-half-right', 'Only the last 32 bytes answer the challenge.', `${'33'.repeat(32)}${'22'.repeat(32)}`),
  answer('halves-swapped', 'The halves of the answer are exchanged.', `${'22'.repeat(32)}${'11'.repeat(32)}`),
  answer('zero', 'The quote answers no challenge.', '00', 'MoeMahhouk/gramine-sealing-key-provider#26'),
  answer('last-bit', 'The last bit of the answer is another.', `${'11'.repeat(32)}${'22'.repeat(31)}23`, 'google/go-tpm-tools@7c766359'),
  answer('longer', 'The report data begin with the 32 bytes asked for, and go on where zeros should be.', `${'11'.repeat(32)}01`, 'intel/MigTD#747', '11'.repeat(32)),
  binding('replayed', 'report-data-mismatch', 'critical', 'MoeMahhouk/gramine-sealing-key-provider#19', 'An old quote, good in all else, is shown for a new challenge an hour later.', {
    options: { reportData: '44'.repeat(64) },
    goodOptions: { reportData: '55'.repeat(64) },
    request: { reportData: '55'.repeat(64) },
    later: 3_600_000,
  }),
  binding('mr-td', 'mr-td-mismatch', 'critical', 'agentrust-io/cmcp#527', 'Other firmware was measured than expected.', { options: { addOrder: 'twoPass' }, goodOptions: {}, request: ({ mrTd = '' }) => ({ mrTd }) }),
  binding('mr-td-in-report-data', 'mr-td-mismatch', 'critical', 'agentrust-io/cmcp#527', 'The expected measurement stands in the quote, but in its report data.', {
    options: { reportData: '5d'.repeat(48) },
    goodOptions: { set: [`mrTd=${'5d'.repeat(48)}`] },
    request: { mrTd: '5d'.repeat(48) },
  }),
  accepted('tdx/binding/mr-td-one-of-two', 'medium', 'agentrust-io/cmcp#527', 'The measurement is the second of two that the relying party knows.', {
    options: { set: [`mrTd=${'5d'.repeat(48)}`] },
    goodOptions: { set: [`mrTd=${'6e'.repeat(48)}`] },
    request: { mrTd: ['6e'.repeat(48), '5d'.repeat(48)] },
    policy: 'one of two measurements',
  }),
  ...given,
  ...rtmrs,
  binding('td-report-of-another', 'td-report-mismatch', 'high', ABI, 'The TDREPORT beside the quote is that of another TD.', { files: otherReport }),
  binding('td-report-changed', 'td-report-hashes', 'high', ABI, 'The TDREPORT beside the quote was changed: its hashes do not agree.', {
    files: rewritten(TD_REPORT, (report) => report.with(700, (report[700] ?? 0) ^ 1)),
  }),
  refused('tdx/binding/td-report-cut-short', ['parse', 'td-report-malformed'], 'medium', ABI, 'The TDREPORT beside the quote breaks off.', {
    files: rewritten(TD_REPORT, (report) => report.slice(0, 512)),
    bug: 'denial-of-service',
  }),
  refused('tdx/binding/td-report-empty', ['parse', 'td-report-malformed'], 'medium', ABI, 'The TDREPORT beside the quote is an empty file.', {
    files: rewritten(TD_REPORT, () => new Uint8Array()),
    bug: 'denial-of-service',
  }),
  refused('tdx/binding/td-report-of-unknown-version', ['parse', 'td-report-malformed'], 'medium', ABI, 'The TDREPORT is of a version that there is not.', { files: rewritten(TD_REPORT, (report) => report.with(2, 9)) }),
  ...dates,
  fresh('pck-old', 'leaf-too-old', 'low', 'RFC 5280 §4.1.2.5', 'The PCK certificate is valid, but older than the relying party allows.', {
    edits: ({ world }) => ({ pck: { edit: (spec) => ({ ...spec, notBefore: world.now() - 900 * DAY }) } }),
    request: { maximumLeafAge: 800 * DAY },
    policy: 'certificates are at most 800 days old',
  }),
  refused('tdx/freshness/all-a-year-later', ['revocation', 'crl-stale'], 'high', PCS, 'The verifier looks ten months later with the collateral of the day.', { later: 300 * DAY }),
];
