/** Documents of the collateral that are none, or are others than they should be: well signed, all of them. */
import type { TcbInfo } from '../../../emulator/tdx/tcb/tcb-info.ts';
import { extended, rewritten, without } from '../../edits/files.ts';
import { documentText, qeIdentity, tcbInfo } from '../../edits/intel.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const PCS = 'Intel PCS v4, TCB info and enclave identity';
const QVL = 'Intel DCAP Quote Verification Library';
const TCB_INFO = 'collateral/tcb_info.json';
const QE_IDENTITY = 'collateral/qe_identity.json';
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));

const collateral = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/collateral/${slug}`, ['parse', reason], severity, ref, why, change);
const info = (slug: string, why: string, edit: (info: TcbInfo) => object, more: { readonly reason?: string; readonly ref?: string; readonly severity?: TdxRejectCase['severity'] } = {}): TdxRejectCase =>
  collateral(`tcb-info-${slug}`, more.reason ?? 'tcb-info-malformed', more.severity ?? 'medium', more.ref ?? PCS, why, { edits: tcbInfo((document) => edit(document)) });

type Level = TcbInfo['tcbLevels'][number];
/** The first level of a TCB info changed. */
const firstLevel =
  (change: (level: Level) => object) =>
  (document: TcbInfo): object => ({ ...document, tcbLevels: document.tcbLevels.map((level, i) => (i === 0 ? change(level) : level)) });
/** The SGX components of the first level changed. */
const components = (change: (components: Level['tcb']['sgxtcbcomponents']) => unknown) => firstLevel((level) => ({ ...level, tcb: { ...level.tcb, sgxtcbcomponents: change(level.tcb.sgxtcbcomponents) } }));

/** Both documents, with how rows, files and sentences call them. */
const DOCUMENTS = [
  ['tcbInfo', 'tcb-info', TCB_INFO, 'The TCB info'],
  ['qeIdentity', 'identity', QE_IDENTITY, 'The identity of the quoting enclave'],
] as const;
const REASON = { tcbInfo: 'tcb-info-malformed', qeIdentity: 'qe-identity-malformed' } as const;
const both: readonly TdxCase[] = DOCUMENTS.flatMap(([place, slug, file, what]) => [
  collateral(`${slug}-missing`, 'evidence-incomplete', 'high', PCS, `${what} is missing.`, { files: without(file) }),
  collateral(`${slug}-empty`, REASON[place], 'medium', PCS, `${what} is an empty file.`, { files: rewritten(file, () => new Uint8Array()), bug: 'denial-of-service' }),
  collateral(`${slug}-no-json`, REASON[place], 'medium', PCS, `${what} is a page of HTML.`, { files: rewritten(file, () => text('<html>Not found</html>')), bug: 'denial-of-service' }),
  collateral(`${slug}-cut-short`, REASON[place], 'medium', PCS, `${what} breaks off.`, { files: rewritten(file, (contents) => contents.slice(0, 300)), bug: 'denial-of-service' }),
  collateral(`${slug}-a-list`, REASON[place], 'medium', PCS, `${what} is a list.`, { files: rewritten(file, () => text('[]')), bug: 'denial-of-service' }),
  collateral(`${slug}-null`, REASON[place], 'medium', PCS, `${what} is null.`, { files: rewritten(file, () => text('null')), bug: 'denial-of-service' }),
  collateral(`${slug}-trailing`, REASON[place], 'medium', 'Phala-Network/dcap-qvl@2a5efcb', `${what} is followed by another document.`, { files: extended(file, '{}') }),
  collateral(`${slug}-unsigned`, REASON[place], 'critical', 'confidential-dot-ai/attestation-rs#90', `${what} has no signature.`, {
    files: rewritten(file, (contents) =>
      text(
        Buffer.from(contents)
          .toString('utf8')
          .replace(/,"signature":"[0-9a-f]+"\}$/, '}'),
      ),
    ),
  }),
  collateral(`${slug}-signature-short`, REASON[place], 'medium', PCS, `The signature of ${what.replace('The', 'the')} lacks a byte.`, {
    files: rewritten(file, (contents) =>
      text(
        Buffer.from(contents)
          .toString('utf8')
          .replace(/[0-9a-f]{2}"\}$/, '"}'),
      ),
    ),
    bug: 'denial-of-service',
  }),
  collateral(`${slug}-beside-what-is-signed`, REASON[place], 'medium', PCS, `Beside what is signed, ${what.replace('The', 'the')} says something that nobody signs.`, {
    files: rewritten(file, (contents) => text(Buffer.from(contents).toString('utf8').replace(/\}$/, ',"tcbStatus":"UpToDate"}'))),
  }),
  collateral(`${slug}-member-twice`, REASON[place], 'high', PCS, `${what} says twice until when it counts, and readers take the first or the last.`, {
    edits: documentText(place, (json) => json.replace(/\}$/, ',"nextUpdate":"2099-01-01T00:00:00Z"}')),
  }),
  collateral(`${slug}-member-twice-escaped`, REASON[place], 'high', PCS, `${what} has a member twice, once written with an escape.`, {
    edits: documentText(place, (json) => json.replace(/\}$/, ',"nextUpd\\u0061te":"2099-01-01T00:00:00Z"}')),
  }),
  collateral(`${slug}-nested`, REASON[place], 'high', PCS, `${what} holds five thousand lists in one another.`, {
    edits: documentText(place, (json) => json.replace(/\}$/, `,"x":${'['.repeat(5000)}${']'.repeat(5000)}}`)),
    bug: 'denial-of-service',
  }),
  collateral(`${slug}-no-utf8`, REASON[place], 'low', PCS, `${what} is followed by a byte that is none of UTF-8.`, { files: rewritten(file, (contents) => Uint8Array.of(...contents, 0xff)), bug: 'denial-of-service' }),
  accepted(`tdx/ok/${slug}-with-more-members`, 'medium', PCS, `${what} says something more, signed, as Intel adds over time.`, { edits: documentText(place, (json) => json.replace(/\}$/, ',"later":{"x":[1,2]}}')) }),
]);

/** Dates that are none, by what they are. */
const DATES: readonly (readonly [slug: string, date: string, why: string])[] = [
  ['day-that-is-not', '2026-02-30T00:00:00Z', 'is a day that there is not'],
  ['month-13', '2026-13-01T00:00:00Z', 'is in a thirteenth month'],
  ['year-292278995', '+292278995-01-01T00:00:00Z', 'is in a year that no clock can tell'],
  ['year-99999', '99999-01-01T00:00:00Z', 'is in a year of five digits'],
  ['without-zone', '2099-01-01T00:00:00', 'names no zone'],
  ['empty', '', 'is empty'],
];

export const COLLATERAL_CASES: readonly TdxCase[] = [
  ...both,
  ...DATES.map(([slug, date, why]) => info(`date-${slug}`, `The date until which the TCB info counts ${why}.`, (document) => ({ ...document, nextUpdate: date }), { ref: 'confidential-containers/trustee@08c30717' })),
  info('date-a-number', 'The date until which the TCB info counts is a number.', (document) => ({ ...document, nextUpdate: 4070908800 }), { ref: 'confidential-containers/trustee@08c30717' }),
  info('for-sgx', 'The TCB info is for SGX.', (document) => ({ ...document, id: 'SGX' }), { reason: 'tcb-info-id', ref: 'Phala-Network/dcap-qvl@3d2dc6c', severity: 'high' }),
  info('version-2', 'The TCB info is of version 2, which knows no TDX.', (document) => ({ ...document, version: 2 }), { reason: 'tcb-info-version', ref: 'automata-network/automata-dcap-attestation@044ae31' }),
  info('version-4', 'The TCB info is of a version that there is not.', (document) => ({ ...document, version: 4 }), { reason: 'tcb-info-version' }),
  info('version-a-text', 'The version of the TCB info is a text.', (document) => ({ ...document, version: '3' })),
  info('type-1', 'The levels of the TCB info are to be compared in a way that there is not.', (document) => ({ ...document, tcbType: 1 })),
  info('without-levels', 'The TCB info has no level.', (document) => ({ ...document, tcbLevels: [] }), { ref: 'Phala-Network/dcap-qvl@e127ee6', severity: 'critical' }),
  info('levels-missing', 'The TCB info does not speak of levels.', ({ tcbLevels: _, ...document }) => document, { severity: 'critical' }),
  info('hundred-levels', 'The TCB info has a hundred levels.', (document) => ({ ...document, tcbLevels: Array.from({ length: 100 }, () => document.tcbLevels[0]) })),
  info(
    'status-unknown',
    'A level is called a word that there is not.',
    firstLevel((level) => ({ ...level, tcbStatus: 'Excellent' })),
  ),
  info(
    'status-missing',
    'A level is called nothing.',
    firstLevel(({ tcbStatus: _, ...level }) => level),
    { severity: 'high' },
  ),
  info(
    'components-empty',
    'A level asks for no component at all.',
    components(() => []),
    { ref: 'Phala-Network/dcap-qvl@e127ee6', severity: 'critical' },
  ),
  info(
    'components-15',
    'A level has fifteen components.',
    components((all) => all.slice(1)),
    { severity: 'high' },
  ),
  info(
    'components-17',
    'A level has seventeen components.',
    components((all) => [...all, { svn: 0 }]),
  ),
  info(
    'component-256',
    'A component’s level is 256, which no platform can reach.',
    components((all) => all.map((one, i) => (i === 0 ? { ...one, svn: 256 } : one))),
  ),
  info(
    'component-negative',
    'A component’s level is below zero, which every platform reaches.',
    components((all) => all.map((one) => ({ ...one, svn: -1 }))),
    { severity: 'high' },
  ),
  info(
    'component-a-half',
    'A component’s level is no whole number.',
    components((all) => all.map((one, i) => (i === 0 ? { ...one, svn: 0.5 } : one))),
  ),
  info(
    'component-a-text',
    'A component’s level is a text.',
    components((all) => all.map((one, i) => (i === 0 ? { ...one, svn: '4' } : one))),
  ),
  info(
    'tdx-components-missing',
    'A level says nothing of the TDX components.',
    firstLevel(({ tcb: { tdxtcbcomponents: _, ...tcb }, ...level }) => ({ ...level, tcb })),
    { severity: 'critical', ref: 'Phala-Network/dcap-qvl@3d2dc6c' },
  ),
  info('fmspc-short', 'The FMSPC lacks a byte.', (document) => ({ ...document, fmspc: document.fmspc.slice(2) })),
  info('fmspc-no-hex', 'The FMSPC is no hexadecimal.', (document) => ({ ...document, fmspc: 'zzzzzzzzzzzz' })),
  info('module-missing', 'The TCB info says nothing of the TDX module.', ({ tdxModule: _, ...document }) => document, { severity: 'high' }),
  info(
    'level-twice',
    'A level stands there twice, with two statuses.',
    (document) => ({ ...document, tcbLevels: [document.tcbLevels[0], { ...document.tcbLevels[0], tcbStatus: 'Revoked' }, ...document.tcbLevels.slice(1)] }),
    { reason: 'tcb-info-ambiguous', ref: QVL },
  ),
  info('module-twice', 'A module stands there twice.', (document) => ({ ...document, tdxModuleIdentities: [...(document.tdxModuleIdentities ?? []), ...(document.tdxModuleIdentities ?? [])] }), {
    reason: 'tcb-info-ambiguous',
    ref: QVL,
  }),
  info(
    'module-twice-in-capitals',
    'A module stands there twice, once in small letters.',
    (document) => ({ ...document, tdxModuleIdentities: (document.tdxModuleIdentities ?? []).flatMap((one) => [one, { ...one, id: one.id.toLowerCase().replace('tdx', 'TDX').replace('TDX', 'tdx') }]) }),
    { reason: 'tcb-info-ambiguous', ref: QVL },
  ),
  collateral('tcb-info-text-trailing', 'tcb-info-malformed', 'medium', 'Phala-Network/dcap-qvl@2a5efcb', 'The signed text goes on behind the TCB info.', { edits: documentText('tcbInfo', (json) => `${json}{}`) }),
  collateral('identity-of-the-sgx-enclave', 'qe-identity-id', 'high', 'Phala-Network/dcap-qvl@b5c9d05', 'The identity is that of the quoting enclave of SGX.', {
    edits: qeIdentity((identity) => ({ ...identity, id: 'QE' })),
  }),
  collateral('identity-of-the-verification-enclave', 'qe-identity-id', 'high', 'Phala-Network/dcap-qvl@b5c9d05', 'The identity is that of another enclave of Intel’s.', {
    edits: qeIdentity((identity) => ({ ...identity, id: 'QVE' })),
  }),
  collateral('identity-version-1', 'qe-identity-version', 'medium', PCS, 'The identity is of version 1.', { edits: qeIdentity((identity) => ({ ...identity, version: 1 })) }),
  collateral('identity-without-levels', 'qe-identity-malformed', 'high', PCS, 'The identity has no level.', { edits: qeIdentity((identity) => ({ ...identity, tcbLevels: [] })) }),
  collateral('identity-mask-short', 'qe-identity-malformed', 'medium', PCS, 'The mask of the attributes lacks a byte.', {
    edits: qeIdentity((identity) => ({ ...identity, attributesMask: identity.attributesMask.slice(2) })),
    bug: 'denial-of-service',
  }),
  collateral('identity-level-twice', 'qe-identity-ambiguous', 'medium', QVL, 'A level stands there twice, with two statuses.', {
    edits: qeIdentity((identity) => ({ ...identity, tcbLevels: [...identity.tcbLevels, ...identity.tcbLevels.map((level) => ({ ...level, tcbStatus: 'Revoked' }))] })),
  }),
  collateral('documents-exchanged', 'tcb-info-malformed', 'medium', PCS, 'Each document stands where the other should.', {
    files: (files) => new Map([...files].map(([name, contents]) => [name, files.get(name === TCB_INFO ? QE_IDENTITY : name === QE_IDENTITY ? TCB_INFO : name) ?? contents] as const)),
  }),
];
