/** Platforms, modules and quoting enclaves that are not what Intel asks for, or not what the relying party accepts. */
import type { TcbInfo } from '../../../emulator/tdx/tcb/tcb-info.ts';
import { TCB_STATUSES } from '../../../emulator/tdx/tcb/status.ts';
import { qeIdentity, tcbInfo } from '../../edits/intel.ts';
import { qeReport } from '../../edits/quote.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const QVL = 'Intel DCAP Quote Verification Library';
const MODULES = 'Phala-Network/dcap-qvl#124';
const tcb = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase => refused(`tdx/tcb/${slug}`, ['tcb', reason], severity, ref, why, change);

type Level = TcbInfo['tcbLevels'][number];
type Module = NonNullable<TcbInfo['tdxModuleIdentities']>[number];
const levels = (change: (levels: readonly Level[]) => readonly object[]): TdxChange => ({ edits: tcbInfo((info) => ({ ...info, tcbLevels: change(info.tcbLevels) })) });
const higher = (list: readonly { readonly svn: number }[] | undefined, index: number, by: number): object[] => (list ?? []).map((one, i) => (i === index ? { ...one, svn: one.svn + by } : one));
/** A level whose components are others. */
const asking = (level: Level, kind: 'sgxtcbcomponents' | 'tdxtcbcomponents', ...changes: readonly (readonly [index: number, by: number])[]): Level => ({
  ...level,
  tcb: { ...level.tcb, [kind]: changes.reduce<object[]>((list, [index, by]) => higher(list as { svn: number }[], index, by), [...(level.tcb[kind] ?? [])]) },
});
/** Modules of the version that the usual machine runs. */
const modules = (change: (module: Module) => object): TdxChange => ({
  edits: tcbInfo((info) => ({ ...info, tdxModuleIdentities: (info.tdxModuleIdentities ?? []).map((module) => (module.id === 'TDX_01' ? change(module) : module)) })),
});
const called =
  (status: string, first: number): ((module: Module) => object) =>
  (module) => ({ ...module, tcbLevels: module.tcbLevels.map((level, i) => (i >= first ? { ...level, tcbStatus: status } : level)) });

const STATUSES = 'statuses that are accepted';
const SEVERITY: Readonly<Record<string, TdxRejectCase['severity']>> = { OutOfDate: 'high', OutOfDateConfigurationNeeded: 'high' };
const WHY: Readonly<Record<string, string>> = {
  SWHardeningNeeded: 'Software in the TD must be hardened',
  ConfigurationNeeded: 'The platform must be configured otherwise',
  ConfigurationAndSWHardeningNeeded: 'The platform must be configured otherwise, and software hardened',
  OutOfDate: 'The platform lacks an update',
  OutOfDateConfigurationNeeded: 'The platform lacks an update, and must be configured otherwise',
  TDRelaunchAdvised: 'The TDX module was updated under the TD, which should be started again',
  TDRelaunchAdvisedConfigurationNeeded: 'The TD should be started again, and the platform configured otherwise',
};
const slugOf = (status: string): string =>
  status
    .replace(/SW/g, 'Sw')
    .replace(/TD/g, 'Td')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase();
const STATUS_REFS: Readonly<Record<string, string>> = { OutOfDate: 'Dstack-TEE/dstack#498', SWHardeningNeeded: 'google/go-tdx-guest#65' };
const statuses: readonly TdxCase[] = TCB_STATUSES.filter((status) => status !== 'UpToDate' && status !== 'Revoked').flatMap((status) => {
  const [severity, ref, why] = [SEVERITY[status] ?? 'medium', STATUS_REFS[status] ?? `${QVL}, EvaluateTcb`, WHY[status] ?? status];
  return [
    tcb(slugOf(status), 'tcb-status-refused', severity, ref, `${why}, and the relying party takes only what is up to date.`, { options: { tcbStatus: status }, goodOptions: {}, policy: STATUSES }),
    accepted(`tdx/tcb/${slugOf(status)}-allowed`, severity, ref, `${why}, which the relying party accepts.`, { options: { tcbStatus: status }, request: { tcbStatuses: ['UpToDate', status] }, policy: STATUSES }),
  ];
});
const EVERY = TCB_STATUSES.filter((status) => status !== 'Revoked');

export const TCB_CASES: readonly TdxCase[] = [
  tcb('fmspc-of-another-platform', 'tcb-info-fmspc', 'high', `${QVL} 4.1.2.5.11`, 'The TCB info is for another kind of platform.', { edits: tcbInfo((info) => ({ ...info, fmspc: '00806f050000' })) }),
  tcb('pce-id-of-another-platform', 'tcb-info-pce-id', 'medium', `${QVL} 4.1.2.5.11`, 'The TCB info is for another PCE.', { edits: tcbInfo((info) => ({ ...info, pceId: '0001' })) }),
  tcb('evaluation-below-minimum', 'tcb-evaluation-below-minimum', 'medium', 'confidential-containers/trustee@692c8974', 'The collateral is of an older evaluation than the relying party asks for.', {
    options: { tcbEvaluation: 18 },
    goodOptions: { tcbEvaluation: 20 },
    request: { minimumTcbEvaluationDataNumber: 19 },
    policy: 'a minimum is given',
  }),
  accepted('tdx/tcb/evaluation-at-minimum', 'medium', 'confidential-containers/trustee@692c8974', 'The collateral is of the very evaluation that the relying party asks for.', {
    options: { tcbEvaluation: 19 },
    goodOptions: { tcbEvaluation: 20 },
    request: { minimumTcbEvaluationDataNumber: 19 },
    policy: 'a minimum is given',
  }),
  tcb('evaluations-mixed', 'tcb-evaluation-mismatch', 'medium', 'automata-network/dcap-rs#21', 'TCB info and identity are of two evaluations.', {
    edits: qeIdentity((identity) => ({ ...identity, tcbEvaluationDataNumber: identity.tcbEvaluationDataNumber - 1 })),
    policy: 'one evaluation for both',
  }),
  accepted('tdx/tcb/evaluations-mixed-allowed', 'medium', 'automata-network/dcap-rs#21', 'TCB info and identity are of two evaluations, which the relying party does not mind.', {
    edits: qeIdentity((identity) => ({ ...identity, tcbEvaluationDataNumber: identity.tcbEvaluationDataNumber - 1 })),
    request: { allowMixedEvaluations: true },
    policy: 'evaluations may differ',
  }),
  ...statuses,
  tcb('revoked', 'tcb-revoked', 'critical', 'Phala-Network/dcap-qvl@22942e7', 'The platform stands at a level that Intel has revoked.', { options: { tcbStatus: 'Revoked' }, goodOptions: {} }),
  tcb('revoked-for-anybody', 'tcb-revoked', 'critical', 'Phala-Network/dcap-qvl@22942e7', 'No relying party can accept a revoked level, whatever else it accepts.', {
    options: { tcbStatus: 'Revoked' },
    goodOptions: {},
    request: { tcbStatuses: EVERY },
  }),
  tcb('revoked-module-00', 'tcb-revoked', 'critical', 'automata-network/automata-dcap-attestation@6010b31', 'The platform with a module of TDX 1.0 stands at a revoked level.', {
    options: { platform: 'sapphire-rapids-tdx10', tcbStatus: 'Revoked' },
    goodOptions: { platform: 'sapphire-rapids-tdx10' },
  }),
  tcb(
    'revoked-for-its-cpu',
    'tcb-revoked',
    'critical',
    'automata-network/automata-dcap-attestation@6010b31',
    'The CPU reaches a revoked level, the TDX components only the level below it, which is up to date.',
    levels(([first, second, ...rest]) => (first && second ? [{ ...asking(first, 'tdxtcbcomponents', [2, 20]), tcbStatus: 'Revoked' }, { ...second, tcbStatus: 'UpToDate' }, ...rest] : [])),
  ),
  tcb('revoked-for-its-module', 'tcb-revoked', 'critical', MODULES, 'The platform is up to date, and the level of its TDX module is revoked.', modules(called('Revoked', 0))),
  tcb('revoked-for-its-enclave', 'tcb-revoked', 'critical', 'Phala-Network/dcap-qvl@22942e7', 'The platform is up to date, and the level of its quoting enclave is revoked.', {
    edits: qeIdentity((identity) => ({ ...identity, tcbLevels: identity.tcbLevels.map((level) => ({ ...level, tcbStatus: 'Revoked' })) })),
  }),
  tcb('advisory', 'advisory-refused', 'medium', `${QVL}, advisoryIDs`, 'An advisory applies that the relying party does not accept.', {
    options: { tcbStatus: 'SWHardeningNeeded' },
    request: { tcbStatuses: ['UpToDate', 'SWHardeningNeeded'], refusedAdvisories: ['INTEL-SA-00615'] },
    goodOptions: {},
    policy: 'advisories that must not apply',
  }),
  accepted('tdx/tcb/advisory-allowed', 'medium', `${QVL}, advisoryIDs`, 'Another advisory applies than the one that the relying party does not accept.', {
    options: { tcbStatus: 'SWHardeningNeeded' },
    request: { tcbStatuses: ['UpToDate', 'SWHardeningNeeded'], refusedAdvisories: ['INTEL-SA-00106'] },
    policy: 'advisories that must not apply',
  }),
  tcb(
    'one-component-higher',
    'tcb-status-refused',
    'critical',
    'Phala-Network/dcap-qvl@7fe54ae',
    'The first component is higher than the newest level asks for, the second lower: that level is not reached.',
    levels(([first, ...rest]) => (first ? [asking(first, 'sgxtcbcomponents', [0, -1], [1, 20]), ...rest] : [])),
  ),
  tcb(
    'last-component-lower',
    'tcb-status-refused',
    'critical',
    'Phala-Network/dcap-qvl@7fe54ae',
    'Only the last of the sixteen components is lower than the newest level asks for.',
    levels(([first, ...rest]) => (first ? [asking(first, 'sgxtcbcomponents', [15, 1]), ...rest] : [])),
  ),
  tcb(
    'below-every-level',
    'platform-tcb-unsupported',
    'critical',
    'Phala-Network/dcap-qvl@cf5dc43',
    'No level is low enough for the platform’s first component.',
    levels((all) => all.map((level) => asking(level, 'sgxtcbcomponents', [0, 20]))),
  ),
  tcb(
    'pce-svn-low',
    'tcb-status-refused',
    'high',
    `${QVL} 4.1.2.5.19`,
    'The PCE is older than the newest level asks for.',
    levels(([first, ...rest]) => (first ? [{ ...first, tcb: { ...first.tcb, pcesvn: first.tcb.pcesvn + 1 } }, ...rest.map((level) => ({ ...level, tcb: { ...level.tcb, pcesvn: 5 } })).filter((_, i) => i === 0)] : [])),
  ),
  tcb(
    'pce-svn-below-every-level',
    'platform-tcb-unsupported',
    'high',
    `${QVL} 4.1.2.5.19`,
    'The PCE is older than every level asks for.',
    levels((all) => all.map((level) => ({ ...level, tcb: { ...level.tcb, pcesvn: level.tcb.pcesvn + 20 } }))),
  ),
  tcb(
    'tdx-components-low',
    'tcb-status-refused',
    'critical',
    'Phala-Network/dcap-qvl@3d2dc6c',
    'The CPU is up to date, the microcode that loaded the TDX module is not.',
    levels(([first, ...rest]) => (first ? [asking(first, 'tdxtcbcomponents', [2, 20]), ...rest] : [])),
  ),
  tcb(
    'tdx-components-below-every-level',
    'platform-tcb-unsupported',
    'critical',
    'Phala-Network/dcap-qvl@3d2dc6c',
    'The CPU reaches every level, the TDX components none.',
    levels((all) => all.map((level) => asking(level, 'tdxtcbcomponents', [2, 100]))),
  ),
  tcb('tdx-module-00-low', 'tcb-status-refused', 'critical', 'Phala-Network/dcap-qvl@3d2dc6c', 'A module of TDX 1.0 is judged by the first component, and is below the newest level’s.', {
    options: { platform: 'sapphire-rapids-tdx10' },
    ...levels(([first, ...rest]) => (first ? [asking(first, 'tdxtcbcomponents', [0, 20]), ...rest] : [])),
  }),
  tcb('levels-unsorted', 'tcb-status-refused', 'high', 'Phala-Network/dcap-qvl#126', 'The levels stand in ascending order, and the lowest is called up to date: the highest that is reached counts, and is out of date.', {
    ...levels((all) => all.map((level, i) => ({ ...level, tcbStatus: i === all.length - 1 ? 'UpToDate' : 'OutOfDate' })).toReversed()),
  }),
  tcb('second-module-low', 'module-tcb-unsupported', 'high', 'aleph-im/aleph-vm#1207', 'The TD was started under a module that is up to date, and runs under one below every level.', {
    options: { quoteVersion: 5, set: [`teeTcbSvn2=0101${'04'.padEnd(28, '0')}`] },
    goodOptions: { quoteVersion: 5 },
  }),
  tcb('second-module-older', 'module-rolled-back', 'high', 'Intel TDX Module ABI', 'The TD runs under an older module than it was started under.', {
    options: { quoteVersion: 5, set: [`teeTcbSvn2=0801${'04'.padEnd(28, '0')}`] },
    goodOptions: { quoteVersion: 5 },
    request: { tcbStatuses: EVERY },
  }),
  tcb('module-unknown', 'module-identity-missing', 'high', MODULES, 'The TCB info knows no TDX module of the version that runs.', { options: { set: [`teeTcbSvn=0d09${'04'.padEnd(28, '0')}`] }, goodOptions: {} }),
  tcb('module-identities-missing', 'module-identity-missing', 'high', 'Phala-Network/dcap-qvl#138', 'The TCB info has no identities of modules.', { edits: tcbInfo(({ tdxModuleIdentities: _, ...info }) => info) }),
  tcb('module-03-without-identity', 'module-identity-missing', 'high', 'Phala-Network/dcap-qvl#138', 'The module is of TDX 2.0, of which the TCB info has no identity.', {
    options: { platform: 'granite-rapids' },
    edits: tcbInfo((info) => ({ ...info, tdxModuleIdentities: (info.tdxModuleIdentities ?? []).filter(({ id }) => id !== 'TDX_03') })),
  }),
  tcb('module-svn-low', 'module-tcb-unsupported', 'high', MODULES, 'The TDX module is below every level of its identity.', { options: { set: [`teeTcbSvn=0101${'04'.padEnd(28, '0')}`] }, goodOptions: {} }),
  tcb('module-out-of-date', 'tcb-status-refused', 'high', 'google/go-tdx-guest#105', 'The platform is up to date, its TDX module is not.', { ...modules(called('OutOfDate', 0)), policy: STATUSES }),
  accepted('tdx/tcb/module-out-of-date-allowed', 'high', 'google/go-tdx-guest#105', 'The TDX module is out of date, which the relying party accepts.', {
    ...modules(called('OutOfDate', 0)),
    request: { tcbStatuses: ['UpToDate', 'OutOfDate'] },
    policy: STATUSES,
  }),
  tcb('platform-out-of-date-module-not', 'tcb-status-refused', 'high', 'google/go-tdx-guest#105', 'The TDX module is up to date, its platform is not.', {
    ...levels((all) => all.map((level) => ({ ...level, tcbStatus: 'OutOfDate' }))),
    policy: STATUSES,
  }),
  tcb('module-of-another-signer', 'module-signer', 'high', `${QVL} 4.1.2.5.12.1`, 'Somebody else than Intel signed the TDX module.', { options: { set: ['mrSignerSeam=01*'] }, goodOptions: {} }),
  tcb('module-attributes', 'module-attributes', 'high', MODULES, 'The TDX module has an attribute that Intel’s never has.', { options: { set: ['seamAttributes=1'] }, goodOptions: {} }),
  tcb('module-attributes-outside-the-mask', 'module-attributes', 'medium', `${QVL} 4.1.2.5.12.2`, 'An attribute of the module is set that the mask leaves open; Intel’s library asks for zero all the same.', {
    options: { set: ['seamAttributes=0x100'] },
    goodOptions: {},
    ...modulesOpen(),
  }),
  tcb('enclave-debug', 'qe-debug', 'critical', 'automata-network/automata-dcap-attestation@2daba02', 'The quoting enclave may be debugged: its keys are known.', {
    options: { set: ['qeReport.attributes.debug=1'] },
    goodOptions: {},
  }),
  tcb('enclave-attributes', 'qe-attributes', 'high', 'automata-network/automata-dcap-attestation@2daba02', 'The quoting enclave has an attribute that its identity forbids.', {
    options: { set: ['qeReport.attributes.einitTokenKey=1'] },
    goodOptions: {},
  }),
  tcb('enclave-not-initialised', 'qe-attributes', 'high', 'automata-network/automata-dcap-attestation@2daba02', 'The quoting enclave lacks an attribute that its identity asks for.', {
    options: { set: ['qeReport.attributes.init=0'] },
    goodOptions: {},
  }),
  tcb('enclave-misc-select', 'qe-misc-select', 'medium', `${QVL} 4.1.2.9.5`, 'The quoting enclave’s MISCSELECT is not that of its identity.', { options: { set: ['qeReport.miscSelect=1'] }, goodOptions: {} }),
  tcb('enclave-misc-select-highest-bit', 'qe-misc-select', 'medium', `${QVL} 4.1.2.9.5`, 'The highest bit of MISCSELECT is set, which is written the other way round in the identity.', {
    edits: qeReport({ miscSelect: 0x80000000 }),
  }),
  tcb('enclave-of-another-signer', 'qe-signer', 'critical', 'CVE-2026-22696', 'Somebody else than Intel signed the quoting enclave, and the PCK vouches for its report.', {
    options: { set: ['qeReport.mrSigner=01*'] },
    goodOptions: {},
  }),
  tcb('enclave-of-the-sgx-signer', 'qe-signer', 'critical', 'project-oak/oak#5165', 'The quoting enclave is signed by Intel’s key for SGX’s, not for TDX’s.', {
    options: { set: ['qeReport.mrSigner=8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff'] },
    goodOptions: {},
  }),
  tcb('enclave-of-another-product', 'qe-product', 'high', `${QVL} 4.1.2.9.8`, 'Intel’s key signed the enclave, but it is another than the TD quoting enclave.', {
    options: { set: ['qeReport.isvProdId=1'] },
    goodOptions: {},
  }),
  tcb('enclave-svn-low', 'qe-tcb-unsupported', 'high', 'CVE-2026-22696', 'The quoting enclave is below every level of its identity.', { options: { set: ['qeReport.isvSvn=1'] }, goodOptions: {} }),
  tcb('enclave-out-of-date', 'tcb-status-refused', 'medium', `${QVL} 4.1.2.9.9`, 'The quoting enclave is out of date.', { edits: outOfDateEnclave(), policy: STATUSES }),
  accepted('tdx/tcb/enclave-out-of-date-allowed', 'medium', `${QVL} 4.1.2.9.9`, 'The quoting enclave is out of date, which the relying party accepts.', {
    edits: outOfDateEnclave(),
    request: { tcbStatuses: ['UpToDate', 'OutOfDate'] },
    policy: STATUSES,
  }),
];

/** The newest level of the enclave lies above the one that runs, and that is out of date. */
function outOfDateEnclave(): ReturnType<typeof qeIdentity> {
  return qeIdentity((identity) => ({ ...identity, tcbLevels: [...identity.tcbLevels.map((level) => ({ ...level, tcb: { isvsvn: 200 } })), ...identity.tcbLevels.map((level) => ({ ...level, tcbStatus: 'OutOfDate' }))] }));
}

/** Identities of modules whose mask leaves every attribute open. */
function modulesOpen(): TdxChange {
  return modules((module) => ({ ...module, attributesMask: '00'.repeat(8) }));
}
