/** Documentation of every value that TDX evidence has unless told otherwise, and where it is from. */
import { BOOTS } from '../../emulator/tdx/boot/boots.ts';
import type { REPORT_MAC } from '../../emulator/tdx/module/tdreport.ts';
import { PLATFORM_MODELS, type PlatformModel } from '../../emulator/tdx/platform/models.ts';
import type { ENCLAVE_REPORT, QUOTE_HEADER, TD15_BODY } from '../../emulator/tdx/quote/tables.ts';
import { TCB_EVALUATIONS } from '../../emulator/tdx/tcb/evaluations.ts';
import type { PlatformTcb } from '../../emulator/tdx/tcb/levels.ts';
import { MODULE_RELEASES } from '../../emulator/tdx/tcb/modules.ts';
import { STATUS_TABLE, TCB_STATUSES } from '../../emulator/tdx/tcb/status.ts';

type Sources<Rows> = Readonly<Record<keyof Rows, string>>;

/** Fields without a row do not compile. */
const HEADER_SOURCES: Sources<typeof QUOTE_HEADER.rows> = {
  version: '4, which every verifier reads; 5 where a quote of version 4 could not say that the TDX module was updated under the TD.',
  attestationKeyType: '2, ECDSA over P-256, as in every genuine quote.',
  teeType: '0x81, a TD.',
  reserved8: 'Zero, as in every genuine quote.',
  qeVendorId: "Intel's, as in every genuine quote.",
  userData: 'The id by which the quoting enclave knows the machine: 16 bytes that begin with `TEEMU` in ASCII, which no genuine ones do, and four zero bytes.',
};

const BODY_SOURCES: Sources<typeof TD15_BODY.rows> = {
  teeTcbSvn: 'SVN and generation of the TDX module that the TD was started with (table of modules below); the third byte is that of CPUSVN, as in every genuine quote.',
  mrSeam: 'The measurement of that module, from genuine quotes; table of modules below.',
  mrSignerSeam: "Zero: the module is Intel's.",
  seamAttributes: 'Zero, as in every genuine quote.',
  tdAttributes: '`0x10000000` (SEPT_VE_DISABLE), as in nearly every genuine quote. The TD is launched with it.',
  xfam: '`0x602e7` (AVX-512, protection keys, AMX), the commonest of genuine quotes. The TD is launched with it.',
  mrTd: 'Of teemu’s own synthetic firmware, `tdvf.fd` in the bundle, added page by page: anybody can compute it again.',
  mrConfigId: 'Zero, as in most genuine quotes.',
  mrOwner: 'Zero, as in every genuine quote.',
  mrOwnerConfig: 'Zero, as in every genuine quote.',
  rtmr: 'What the log in `ccel.bin` replays to; RTMR3 is zero unless runtime events are asked for, as in most genuine quotes.',
  reportData: 'What the caller gives; zero otherwise, because the guest decides it.',
  teeTcbSvn2: 'Version 5 only: as `teeTcbSvn`, of the module that runs now.',
  mrServiceTd: 'Version 5 only: zero, no service TD is bound.',
};

const QE_SOURCES: Sources<typeof ENCLAVE_REPORT.rows> = {
  cpuSvn: 'The platform’s CPUSVN, as in genuine quotes of that platform.',
  miscSelect: 'Zero, as in every genuine quote.',
  reserved20: 'Zero, as specified.',
  attributes: '`0x15`, as in every genuine quote.',
  xfrm: '`0xe7`, as in every genuine quote.',
  mrEnclave: 'Of the newest quoting enclave, from genuine quotes.',
  reserved96: 'Zero, as specified.',
  mrSigner: "Intel's, as in every genuine quote.",
  reserved160: 'Zero, as specified.',
  isvProdId: '2, as in every genuine quote.',
  isvSvn: '7, that of the newest quoting enclave in genuine quotes.',
  reserved260: 'Zero, as specified.',
  reportData: 'SHA-256 over attestation key and authentication data (00 to 1f, as in nearly every genuine quote), then zeros.',
};

const MAC_SOURCES: Sources<typeof REPORT_MAC.rows> = {
  type: '0x81, a TD.',
  subtype: 'Zero.',
  version: 'Zero: no service TD is bound.',
  reserved3: 'Zero, as specified.',
  cpuSvn: 'The platform’s.',
  teeTcbInfoHash: 'Computed.',
  teeInfoHash: 'Computed.',
  reportData: 'As in the quote.',
  reserved192: 'Zero, as specified.',
  mac: 'HMAC-SHA-256 under a key of the emulated platform, which nothing outside it knows; genuine ones are under a key of the CPU.',
};

function fieldTable(title: string, sources: Readonly<Record<string, string>>): string[] {
  return [`## ${title}`, '', '| Field | Value without being told otherwise |', '| --- | --- |', ...Object.entries(sources).map(([field, source]) => `| \`${field}\` | ${source} |`), ''];
}

const svns = (list: readonly number[]): string => list.slice(0, 8).join('.');
const level = ({ sgx, pceSvn, tdx }: PlatformTcb): string => `${svns(sgx)}, PCE ${pceSvn}, TDX ${tdx.slice(0, 3).join('.')}`;

function platformRow(model: PlatformModel): string {
  const [newest] = model.history;
  return `| \`${model.name}\` | ${model.doc} | \`${model.fmspc}\` | ${model.packages} | 1.${model.module === 0 ? 0 : 5}${model.module === 3 ? ' (2.0)' : ''} | \`${model.cpuSvn}\` | ${newest ? level(newest.tcb) : ''} | ${model.source} |`;
}

/** The page `docs/field-values-tdx.md`. */
export function tdxFieldValuesPage(): string {
  return `${[
    '# Values of the fields of TDX evidence, and where they are from',
    '',
    "Written by `npm run docs` from the tables of the emulator; don't edit it here.",
    '',
    'Every value that evidence has without being told otherwise was seen in a genuine quote, certificate or document of Intel’s, or has a reason here. Any field of the body can be set: `--set tdAttributes.debug=1`; those of the header and of the QE report by `header.` and `qeReport.` before their names.',
    '',
    ...fieldTable('Header', HEADER_SOURCES),
    ...fieldTable('Body', BODY_SOURCES),
    ...fieldTable('Report of the quoting enclave', QE_SOURCES),
    ...fieldTable('TDREPORT: REPORTMACSTRUCT', MAC_SOURCES),
    'TEE_TCB_INFO and TDINFO hold what the body of the quote says; VALID is `0x1ff` for TDX 1.0 and `0x301ff` since, as in genuine reports.',
    '',
    '## Platforms',
    '',
    'The newest level is what a machine runs that has installed every recovery: 8 of 16 SGX components (the rest are zero), SVN of the PCE, first TDX components.',
    '',
    '| Platform | What it is | FMSPC | Packages | TDX | CPUSVN begins | Newest level | Source |',
    '| --- | --- | --- | ---: | --- | --- | --- | --- |',
    ...Object.values(PLATFORM_MODELS).map(platformRow),
    '',
    '## Statuses',
    '',
    'For statuses that Intel would have to publish, the last byte of the FMSPC is the status’s code, so that the genuine FMSPCs keep genuine levels.',
    '',
    '| Status | How it comes about | FMSPC ends |',
    '| --- | --- | --- |',
    ...TCB_STATUSES.map((status) => `| \`${status}\` | ${STATUS_TABLE[status].doc} | ${STATUS_TABLE[status].level ? STATUS_TABLE[status].code.toString(16).padStart(2, '0') : '00'} |`),
    '',
    '## TDX modules',
    '',
    '| Generation | SVN | Runs from evaluation | MRSEAM begins | Source |',
    '| ---: | ---: | ---: | --- | --- |',
    ...MODULE_RELEASES.map((m) => `| ${m.version} | ${m.isvSvn} | ${m.since} | \`${Buffer.from(m.mrSeam).toString('hex', 0, 8)}\` | ${m.source} |`),
    '',
    '## TCB evaluations',
    '',
    '| Number | Recovery event | Date of the TCB |',
    '| ---: | --- | --- |',
    ...TCB_EVALUATIONS.map((e) => `| ${e.number} | ${e.recoveryEventDate} | ${e.tcbDate} |`),
    '',
    '## Boots',
    '',
    'Which events are measured, and in which order, follows a genuine log of each kind, event by event (`test/real/ccel.test.ts`). What is measured is teemu’s own: the firmware, the kernel and the RAM disk lie in the bundle.',
    '',
    '| Boot | What it is |',
    '| --- | --- |',
    ...Object.values(BOOTS).map(({ name, doc }) => `| \`${name}\` | ${doc} |`),
  ].join('\n')}\n`;
}
