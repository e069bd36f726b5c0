/** Reports that are none, or that state what no firmware states. */
import { both, cpuid, fields, flip, keyInfo, policy, reservedIn, rewrite, signedAfter } from '../../edits/report.ts';
import { allowed, type SnpCase, type SnpRejectCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

const MUST_BE_ZERO = 'bytes that must be zero are';
const little = (value: number) => (): Uint8Array => Uint8Array.of(value, 0, 0, 0);

const unknownVersion = (version: number): SnpRejectCase => ({
  ...{ id: `snp/report/version-${version}`, expect: 'must-reject', stage: 'parse', reason: 'report-version', severity: 'medium', ref: 'google/go-sev-guest@a008989' },
  why: `A well-signed report of version ${version}, of which there are none${version === 1 ? ' any more' : ''}.`,
  after: signedAfter(rewrite('version', little(version))),
});

/** Signed bytes that must be zero, by name of the field, and the report that has them. */
const RESERVED: readonly (readonly [slug: string, field: string, options: NonNullable<SnpCase['options']>])[] = [
  ['reserved-0x18b-set', 'reserved0x18b', {}],
  ['reserved-0x1eb-set', 'reserved0x1eb', {}],
  ['reserved-0x1ef-set', 'reserved0x1ef', {}],
  ['reserved-0x1f8-set', 'reserved0x1f8', {}],
  ['reserved-0x208-set', 'reserved0x208', { reportVersion: 5 }],
  ['current-tcb-reserved-set', 'currentTcb.reserved2', {}],
  ['reported-tcb-reserved-set', 'reportedTcb.reserved2', {}],
  ['committed-tcb-reserved-set', 'committedTcb.reserved2', {}],
  ['launch-tcb-reserved-set', 'launchTcb.reserved2', {}],
  ['turin-tcb-reserved-set', 'currentTcb.reserved4', { product: 'turin' }],
];
const reservedSet = RESERVED.map(
  ([slug, field, options]): SnpRejectCase => ({
    ...{ id: `snp/report/${slug}`, expect: 'must-reject', stage: 'parse', reason: 'report-reserved', severity: slug.includes('tcb') ? 'low' : 'medium', ref: `${ABI}, reserved fields must be zero` },
    ...{ why: `A signed byte of ${field} is set, which must be zero.`, policy: MUST_BE_ZERO, options },
    after: signedAfter(reservedIn(field)),
  }),
);

const cut = (length: number): SnpRejectCase => ({
  ...{ id: `snp/report/cut-to-${length}`, expect: 'must-reject', stage: 'parse', reason: 'report-size', severity: 'high', bug: 'denial-of-service', ref: 'microsoft/CCF#4679' },
  why: length === 672 ? 'All that is signed, without the signature.' : `Only ${length} bytes of a report.`,
  after: (report) => report.slice(0, length),
});

const unknownCpu = (slug: string, family: number, model: number, why: string): SnpRejectCase => ({
  ...{ id: `snp/report/${slug}`, expect: 'must-reject', stage: 'parse', reason: 'cpu-unknown', severity: 'medium', ref: `${ABI}, CPUID_FAM_ID`, why },
  after: signedAfter(cpuid(family, model)),
});

export const REPORT_CASES: readonly SnpCase[] = [
  ...[0, 1, 6].map(unknownVersion),
  ...[1, 671, 672, 700].map(cut),
  {
    id: 'snp/report/padded-to-a-page',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-size',
    severity: 'low',
    ref: ABI,
    why: 'Zeros up to a page follow the report.',
    after: (report) => Uint8Array.from({ length: 4096 }, (_, i) => report[i] ?? 0),
  },
  ...reservedSet,
  ...reservedSet.filter(({ id }) => /0x18b|0x208|current-tcb|turin/.test(id)).map((row) => allowed(row, 'The relying party looks only at what it knows.', { request: { more: { allowReserved: true } } })),
  {
    id: 'snp/report/platform-info-reserved-bit',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: `${ABI}, PLATFORM_INFO`,
    why: 'Bit 8 of PLATFORM_INFO must be zero.',
    policy: MUST_BE_ZERO,
    edits: { report: (r) => ({ ...r, platformInfo: { ...r.platformInfo, reserved8: 1 } }) },
  },
  {
    id: 'snp/report/policy-bit-26',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: 'google/go-sev-guest@a008989',
    why: 'The first bit of the guest policy that has no meaning is set: it may weaken the guest.',
    edits: { report: policy({ reserved26: 1 }) },
  },
  {
    id: 'snp/report/key-info-highest-bit',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: `${ABI}, KEY_INFO`,
    why: 'The highest bit must be zero like those before it.',
    edits: { report: keyInfo({ reserved5: 1 << 26 }) },
  },
  {
    id: 'snp/report/first-byte-after-signature',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: `${ABI}, signature format`,
    why: 'The bytes after the signature must be zero from the first on.',
    after: flip('signature.reserved', 0),
  },
  unknownCpu('cpu-model-between-lines', 0x19, 0x20, 'The family is that of Milan and Genoa, the model is of neither.'),
  unknownCpu('cpu-model-beyond-turin', 0x1a, 0x12, 'The model lies one beyond the last of Turin.'),
  unknownCpu('cpu-zero', 0, 0, 'From version 3 on a report names its CPU; this one names none.'),
  {
    id: 'snp/report/vmpl-host-less-one',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'vmpl-range',
    severity: 'medium',
    ref: `${ABI}, VMPL`,
    why: 'Nearly all ones is not the host, and no level of the guest.',
    edits: { report: fields({ vmpl: 0xfffffffe }) },
  },
  {
    id: 'snp/report/two-things-wrong',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-version',
    severity: 'medium',
    ref: `${ABI}, VERSION`,
    why: 'Of a report of an unknown version nothing else can be said, not even that it was tampered with.',
    after: both(rewrite('version', little(9)), flip('measurement')),
  },
  {
    id: 'snp/report/version-unknown',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-version',
    severity: 'medium',
    ref: `${ABI}, VERSION`,
    why: 'A structure of an unknown version means nothing, though its signature holds.',
    after: signedAfter(flip('version', 0, 0x60)),
  },
  { id: 'snp/report/truncated', expect: 'must-reject', stage: 'parse', reason: 'report-size', severity: 'high', ref: ABI, why: 'The last byte is missing.', after: (report) => report.slice(0, -1) },
  { id: 'snp/report/trailing-byte', expect: 'must-reject', stage: 'parse', reason: 'report-size', severity: 'low', ref: ABI, why: 'A byte follows the report.', after: (report) => Uint8Array.of(...report, 0) },
  { id: 'snp/report/empty', expect: 'must-reject', stage: 'parse', reason: 'report-size', severity: 'high', ref: 'microsoft/CCF#4679', why: 'There is no report.', after: () => new Uint8Array() },
  {
    id: 'snp/report/reserved-set',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'medium',
    ref: `${ABI}, reserved fields must be zero`,
    why: 'A signed reserved byte is set: the firmware is not what the verifier knows.',
    policy: MUST_BE_ZERO,
    edits: { report: fields({ reserved0x4c: Uint8Array.of(1, 0, 0, 0) }) },
  },
  {
    id: 'snp/report/policy-reserved-bit',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: 'google/go-sev-guest@a008989',
    why: 'Bit 40 of the guest policy must be zero.',
    edits: { report: policy({ reserved26: 1 << 14 }) },
  },
  {
    id: 'snp/report/key-info-reserved-bit',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: `${ABI}, KEY_INFO`,
    why: 'Bits 31 to 5 must be zero.',
    edits: { report: keyInfo({ reserved5: 1 }) },
  },
  {
    id: 'snp/report/tail-after-signature',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'report-reserved',
    severity: 'low',
    ref: `${ABI}, signature format`,
    why: 'The bytes after the signature must be zero; nothing signs them.',
    after: flip('signature.reserved', 100),
  },
  {
    id: 'snp/report/cpu-unknown',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'cpu-unknown',
    severity: 'medium',
    ref: `${ABI}, CPUID_FAM_ID`,
    why: 'The report names a CPU of no known line.',
    edits: { report: fields({ cpuidFamId: 0x17 }) },
  },
  {
    id: 'snp/report/vmpl-4',
    expect: 'must-reject',
    stage: 'parse',
    reason: 'vmpl-range',
    severity: 'medium',
    ref: `${ABI}, VMPL`,
    why: 'There are the levels 0 to 3, and all ones for the host.',
    edits: { report: fields({ vmpl: 4 }) },
  },
];
