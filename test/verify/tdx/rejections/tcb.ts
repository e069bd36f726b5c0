/** What is wrong with the TCB of a TD, with the TD itself, or is not what was asked for: one row each. */
import { fmspcOf, tdxPlatform } from '../../../../emulator/tdx/platform/platform.ts';
import type { TcbInfo } from '../../../../emulator/tdx/tcb/tcb-info.ts';
import type { AttributeFlag, ConfigurationFlag, TdxReason, XfamFeature } from '../../../../harness/verify/index.ts';
import { decodeQuote } from '../../../../emulator/tdx/quote/quote.ts';
import { DAY, type Edits, evidence, OWNED, platformOf, REPORT_DATA, V4, V5 } from '../evidence.ts';
import { firstLevel, identity, tcbInfo } from './documents.ts';
import { body, qeReport } from './quote.ts';
import { other, type Rejection, type Unusual } from './rejection.ts';

type Identity = NonNullable<TcbInfo['tdxModuleIdentities']>[number];
const GOOD = decodeQuote(evidence(V4).quote).body;
const { teeTcbSvn: SVN } = GOOD;
const [MODULE_SVN = 0, MODULE_VERSION = 0, PATCH_SVN = 0] = SVN;
const module = (edit: (module: Identity) => object): Edits => tcbInfo((info) => ({ ...info, tdxModuleIdentities: info.tdxModuleIdentities?.map(edit) }));
const svn = (at: number, value: number): Edits => body((b) => ({ teeTcbSvn: b.teeTcbSvn.with(at, value) }));
const svn2 = (at: number, value: number): Edits => body((b) => ({ teeTcbSvn2: (b.teeTcbSvn2 ?? SVN).with(at, value) }));
const status = (tcbStatus: string): Edits => firstLevel((level) => ({ ...level, tcbStatus }));
type Components = TcbInfo['tcbLevels'][number]['tcb']['sgxtcbcomponents'];
const raised = (list: Components = [], at: number, by: number): Components => list.map((c, i) => (i === at ? { ...c, svn: c.svn + by } : c));
/** Every level asks for more than there is. */
const beyond = (edit: (tcb: TcbInfo['tcbLevels'][number]['tcb']) => object): Edits => tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.map((level) => ({ ...level, tcb: { ...level.tcb, ...edit(level.tcb) } })) }));
const evaluations = (number: number): Edits => ({ ...tcbInfo((info) => ({ ...info, tcbEvaluationDataNumber: number })), ...identity((i) => ({ ...i, tcbEvaluationDataNumber: number })) });
const STANDARD = 19;

/** Hex digits, one byte changed under a mask. */
const hexWith = (hex: string, at: number, xor: number): string => Buffer.from(Buffer.from(hex, 'hex').map((b, i) => (i === at ? b ^ xor : b))).toString('hex');

export const TCB_REJECTIONS: readonly Rejection[] = [
  { name: 'TCB info is for another FMSPC', reason: 'tcb-info-fmspc', edits: tcbInfo((info) => ({ ...info, fmspc: fmspcOf(tdxPlatform('sapphire-rapids')) })) },
  { name: 'TCB info is for another PCE', reason: 'tcb-info-pce-id', edits: tcbInfo((info) => ({ ...info, pceId: '0100' })) },
  { name: 'TCB info and identity are of two evaluations', reason: 'tcb-evaluation-mismatch', edits: tcbInfo((info) => ({ ...info, tcbEvaluationDataNumber: STANDARD + 1 })) },
  { name: 'both are of an older evaluation than the minimum', reason: 'tcb-evaluation-below-minimum', wishes: { minimumTcbEvaluationDataNumber: STANDARD }, edits: evaluations(STANDARD - 1) },
  {
    name: 'the identity is of an older evaluation than the minimum',
    reason: 'tcb-evaluation-below-minimum',
    wishes: { minimumTcbEvaluationDataNumber: STANDARD, allowMixedEvaluations: true },
    edits: identity((i) => ({ ...i, tcbEvaluationDataNumber: STANDARD - 1 })),
  },

  { name: 'the quoting enclave may be debugged', reason: 'qe-debug', edits: qeReport((r) => ({ attributes: { ...r.attributes, debug: 1 } })) },
  {
    name: "the quoting enclave may be debugged, and the identity doesn't mind",
    reason: 'qe-debug',
    both: identity((i) => ({ ...i, attributesMask: '00'.repeat(16), attributes: '00'.repeat(16) })),
    edits: qeReport((r) => ({ attributes: { ...r.attributes, debug: 1 } })),
  },
  ...[1, 0x80000000].map((miscSelect): Rejection => ({ name: `MISCSELECT of the quoting enclave is ${miscSelect}`, reason: 'qe-misc-select', edits: qeReport(() => ({ miscSelect })) })),
  { name: 'the identity asks for another MISCSELECT', reason: 'qe-misc-select', edits: identity((i) => ({ ...i, miscselect: '00000001' })) },
  { name: 'the identity asks for something outside of its own mask', reason: 'qe-misc-select', edits: identity((i) => ({ ...i, miscselect: '00000001', miscselectMask: '00000000' })) },
  ...(['init', 'provisionKey', 'einitTokenKey', 'kss'] as const).map(
    (flag): Rejection => ({ name: `the quoting enclave's ${flag} is another`, reason: 'qe-attributes', edits: qeReport((r) => ({ attributes: { ...r.attributes, [flag]: 1 - r.attributes[flag] } })) }),
  ),
  { name: 'the identity asks for an attribute that the enclave lacks', reason: 'qe-attributes', edits: identity((i) => ({ ...i, attributes: hexWith(i.attributes, 0, 0x20) })) },
  { name: 'the identity asks for XFRM, under its mask', reason: 'qe-attributes', edits: identity((i) => ({ ...i, attributesMask: 'FF'.repeat(16), attributes: hexWith(i.attributes, 8, 0x01) })) },
  { name: "another's enclave quotes", reason: 'qe-signer', edits: qeReport((r) => ({ mrSigner: other(r.mrSigner) })) },
  { name: "the identity is that of another's enclave", reason: 'qe-signer', edits: identity((i) => ({ ...i, mrsigner: hexWith(i.mrsigner, 31, 1) })) },
  { name: 'another enclave of Intel quotes', reason: 'qe-product', edits: qeReport(() => ({ isvProdId: 1 })) },
  { name: 'the quoting enclave is older than every level', reason: 'qe-tcb-unsupported', edits: qeReport(() => ({ isvSvn: 3 })) },
  { name: 'every level of the identity is newer', reason: 'qe-tcb-unsupported', edits: identity((i) => ({ ...i, tcbLevels: i.tcbLevels.map((level) => ({ ...level, tcb: { isvsvn: 8 } })) })) },

  { name: 'TCB info does not know the module', reason: 'module-identity-missing', edits: tcbInfo((info) => ({ ...info, tdxModuleIdentities: info.tdxModuleIdentities?.filter(({ id }) => id !== 'TDX_01') })) },
  { name: 'TCB info knows no modules at all', reason: 'module-identity-missing', edits: tcbInfo(({ tdxModuleIdentities: _, ...info }) => info) },
  { name: 'the module is of an unknown version', reason: 'module-identity-missing', edits: svn(1, 2) },
  { name: 'the module that runs is of an unknown version', reason: 'module-identity-missing', machine: V5, edits: svn2(1, 2), path: 'body.teeTcbSvn2' },
  { name: 'somebody signed the module', reason: 'module-signer', edits: body((b) => ({ mrSignerSeam: other(b.mrSignerSeam) })) },
  { name: 'TCB info names a signer of the module', reason: 'module-signer', edits: module((m) => ({ ...m, mrsigner: '11'.repeat(48) })) },
  {
    name: 'TCB info names a signer of TDX 1.0, which counts where that runs',
    reason: 'module-signer',
    machine: { platform: 'sapphire-rapids-tdx10' },
    edits: tcbInfo((info) => ({ ...info, tdxModule: { ...info.tdxModule, mrsigner: '11'.repeat(48) } })),
  },
  { name: 'the module has an attribute', reason: 'module-attributes', edits: body(() => ({ seamAttributes: 1n })) },
  { name: 'the module has an attribute that the mask leaves out', reason: 'module-attributes', both: module((m) => ({ ...m, attributesMask: '00'.repeat(8) })), edits: body(() => ({ seamAttributes: 1n })) },
  {
    name: 'the module has the attribute that TCB info asks for, and none may',
    reason: 'module-attributes',
    edits: { ...body(() => ({ seamAttributes: 1n })), ...module((m) => ({ ...m, attributes: `01${'00'.repeat(7)}` })) },
  },
  { name: 'the module is older than every level', reason: 'module-tcb-unsupported', edits: svn(0, 1) },
  { name: 'every level of the module is newer', reason: 'module-tcb-unsupported', edits: module((m) => ({ ...m, tcbLevels: [{ ...m.tcbLevels[0], tcb: { isvsvn: 255 } }] })) },
  { name: 'the module that runs is older than the one that the TD was started under', reason: 'module-rolled-back', machine: V5, edits: svn2(0, MODULE_SVN - 1), path: 'body.teeTcbSvn2' },
  { name: 'the module that runs was loaded by older microcode', reason: 'module-rolled-back', machine: V5, wishes: { tcbStatuses: ['UpToDate', 'OutOfDate'] }, edits: svn2(2, PATCH_SVN - 1), path: 'body.teeTcbSvn2' },
  {
    name: 'the module that runs is of an older generation',
    reason: 'module-rolled-back',
    machine: { ...V5, platform: 'granite-rapids' },
    edits: body((b) => ({ teeTcbSvn2: (b.teeTcbSvn2 ?? SVN).with(1, MODULE_VERSION).with(0, 13) })),
    path: 'body.teeTcbSvn2',
  },

  ...[0, 4, 7].map(
    (at): Rejection => ({ name: `every level asks for more in SGX component ${at}`, reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ sgxtcbcomponents: raised(tcb.sgxtcbcomponents, at, 9) })) }),
  ),
  { name: 'every level asks for more in an SGX component that is zero', reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ sgxtcbcomponents: raised(tcb.sgxtcbcomponents, 15, 1) })) },
  { name: 'the first SGX component is higher, a later one lower', reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ sgxtcbcomponents: raised(raised(tcb.sgxtcbcomponents, 0, -1), 7, 9) })) },
  { name: 'every level asks for a newer PCE', reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ pcesvn: tcb.pcesvn + 9 })) },
  { name: 'every level asks for newer microcode of the module', reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ tdxtcbcomponents: raised(tcb.tdxtcbcomponents, 2, 9) })) },
  { name: 'every level asks for more in a TDX component that is zero', reason: 'platform-tcb-unsupported', edits: beyond((tcb) => ({ tdxtcbcomponents: raised(tcb.tdxtcbcomponents, 15, 1) })) },
  { name: 'TEE_TCB_SVN is lower than every level', reason: 'platform-tcb-unsupported', edits: svn(2, 0) },
  { name: 'TEE_TCB_SVN2 is lower than every level', reason: 'platform-tcb-unsupported', machine: V5, edits: svn2(2, 0) },
  {
    name: 'for TDX 1.0, every level asks for more in the first TDX component',
    reason: 'platform-tcb-unsupported',
    machine: { platform: 'sapphire-rapids-tdx10' },
    edits: beyond((tcb) => ({ tdxtcbcomponents: raised(tcb.tdxtcbcomponents, 0, 9) })),
  },

  { name: 'the platform is at a revoked level', reason: 'tcb-revoked', edits: status('Revoked') },
  { name: 'the module is at a revoked level', reason: 'tcb-revoked', edits: module((m) => ({ ...m, tcbLevels: m.tcbLevels.map((level) => ({ ...level, tcbStatus: 'Revoked' })) })) },
  { name: 'the quoting enclave is at a revoked level', reason: 'tcb-revoked', edits: identity((i) => ({ ...i, tcbLevels: i.tcbLevels.map((level) => ({ ...level, tcbStatus: 'Revoked' })) })) },
  {
    name: 'the CPU is at a revoked level, whose TDX components are out of reach',
    reason: 'tcb-revoked',
    edits: tcbInfo((info) => ({
      ...info,
      tcbLevels: [...info.tcbLevels.slice(0, 1).map((level) => ({ ...level, tcbStatus: 'Revoked', tcb: { ...level.tcb, tdxtcbcomponents: raised(level.tcb.tdxtcbcomponents, 2, 9) } })), ...info.tcbLevels],
    })),
  },
  { name: 'for TDX 1.0, the platform is at a revoked level', reason: 'tcb-revoked', machine: { platform: 'sapphire-rapids-tdx10' }, edits: status('Revoked') },
  ...(['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'] as const).map(
    (name): Rejection => ({ name: `the platform is at a level of ${name}`, reason: 'tcb-status-refused', edits: status(name) }),
  ),
  { name: 'the module is at a level that is out of date', reason: 'tcb-status-refused', edits: svn(0, 4) },
  { name: 'the quoting enclave is at a level that is out of date', reason: 'tcb-status-refused', edits: identity((i) => ({ ...i, tcbLevels: i.tcbLevels.map((level) => ({ ...level, tcbStatus: 'OutOfDate' })) })) },
  { name: 'the microcode is at a level that is out of date', reason: 'tcb-status-refused', edits: svn(2, 2) },
  {
    name: 'the levels are in ascending order, and the highest is out of date',
    reason: 'tcb-status-refused',
    edits: tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.map((level, i) => ({ ...level, tcbStatus: i === 0 ? 'OutOfDate' : 'UpToDate' })).toReversed() })),
  },
  {
    name: 'the module that runs is at a worse level than the one that the TD was started under',
    reason: 'tcb-status-refused',
    machine: { ...V5, platform: 'emerald-rapids' },
    edits: { ...svn2(1, 3), ...module((m) => (m.id === 'TDX_03' ? { ...m, tcbLevels: m.tcbLevels.map((level) => ({ ...level, tcbStatus: 'OutOfDate' })) } : m)) },
    path: 'body.teeTcbSvn2',
  },
  {
    name: 'an advisory applies that the caller refuses',
    reason: 'advisory-refused',
    wishes: { tcbStatuses: ['UpToDate', 'SWHardeningNeeded'], refusedAdvisories: ['INTEL-SA-00615'] },
    edits: firstLevel((level) => ({ ...level, tcbStatus: 'SWHardeningNeeded', advisoryIDs: ['INTEL-SA-00001', 'INTEL-SA-00615'] })),
  },
];

const attribute = (flag: AttributeFlag, value: number): Edits => body((b) => ({ tdAttributes: { ...b.tdAttributes, [flag]: value } }));
const feature = (flag: XfamFeature, value: number): Edits => body((b) => ({ xfam: { ...b.xfam, [flag]: value } }));
/** A flag that is as it must be by default only one way. */
const flagRow = (name: string, reason: TdxReason, edits: Edits): Rejection => ({ name, reason, edits });
const OTHER_FMSPC = Uint8Array.from(Buffer.from(fmspcOf(tdxPlatform('sapphire-rapids')), 'hex'));
const OWN_FMSPC = Uint8Array.from(Buffer.from(fmspcOf(platformOf(V4)), 'hex'));
const CONFIGURATION: readonly (readonly [ConfigurationFlag, boolean])[] = [
  ['dynamicPlatform', true],
  ['cachedKeys', false],
  ['smtEnabled', true],
];

export const POLICY_REJECTIONS: readonly Rejection[] = [
  flagRow('the host may debug the TD', 'td-debug', attribute('debug', 1)),
  ...(['hgsPlusProf', 'perfProf', 'pmtProf'] as const).map((flag) => flagRow(`the host may profile the TD (${flag})`, 'td-profiling', attribute(flag, 1))),
  flagRow('the host can inject exceptions', 'td-sept-ve', attribute('septVeDisable', 0)),
  flagRow('the TD may be migrated', 'td-migratable', attribute('migratable', 1)),
  ...(['icssd', 'lass', 'pks', 'kl', 'tpa', 'perfmon'] as const).flatMap((flag): Rejection[] => [
    { name: `${flag} is on, and refused`, reason: 'td-attribute', wishes: { attributes: { [flag]: 'refused' } }, edits: attribute(flag, 1), path: `body.tdAttributes.${flag}` },
    { name: `${flag} is off, and required`, reason: 'td-attribute', wishes: { attributes: { [flag]: 'required' } }, both: attribute(flag, 1), edits: attribute(flag, 0) },
  ]),
  ...(['x87', 'sse'] as const).map((flag) => flagRow(`XFAM lacks ${flag}`, 'xfam-required', feature(flag, 0))),
  ...(['pasid', 'hdc', 'hwp', 'apx'] as const).map((flag) => flagRow(`XFAM has ${flag}`, 'xfam-feature', feature(flag, 1))),
  { name: 'XFAM has AMX, and it is refused', reason: 'xfam-feature', wishes: { xfam: { xtiledata: 'refused' } }, both: feature('xtiledata', 0), edits: feature('xtiledata', 1), path: 'body.xfam.xtiledata' },
  { name: 'XFAM lacks shadow stacks, and they are required', reason: 'xfam-feature', wishes: { xfam: { cetU: 'required' } }, both: feature('cetU', 1), edits: feature('cetU', 0) },
  { name: 'a service TD is bound to the TD', reason: 'service-td', machine: V5, edits: body(() => ({ mrServiceTd: new Uint8Array(48).fill(5) })) },
  {
    name: 'another service TD is bound than expected',
    reason: 'service-td',
    machine: V5,
    wishes: { mrServiceTd: new Uint8Array(48).fill(5) },
    both: body(() => ({ mrServiceTd: new Uint8Array(48).fill(5) })),
    edits: body(() => ({ mrServiceTd: new Uint8Array(48).fill(6) })),
  },
  { name: 'no service TD is bound, and one is expected', reason: 'service-td', good: { mrServiceTd: new Uint8Array(48) }, wishes: { mrServiceTd: new Uint8Array(48).fill(5) } },
  { name: 'the module is none of those expected', reason: 'mr-seam-unexpected', wishes: { mrSeam: [other(GOOD.mrSeam)] }, good: { mrSeam: [other(GOOD.mrSeam), GOOD.mrSeam] } },
  { name: 'the platform is of another kind than expected', reason: 'fmspc-refused', wishes: { fmspc: OTHER_FMSPC }, good: { fmspc: [OTHER_FMSPC, OWN_FMSPC] } },
  { name: 'the Platform CA certifies the PCK, and it must be the Processor CA', reason: 'pck-authority-refused', wishes: { pckCa: 'processor' }, good: { pckCa: 'platform' } },
  ...CONFIGURATION.map(
    ([flag, value]): Rejection => ({
      name: `the platform's ${flag} is ${value}`,
      reason: 'platform-configuration',
      wishes: { platformConfiguration: { [flag]: !value } },
      good: { platformConfiguration: { [flag]: value } },
    }),
  ),
  {
    name: 'the platform does not say whether hyper-threading is on',
    reason: 'platform-configuration',
    machine: { ca: 'processor' },
    wishes: { platformConfiguration: { smtEnabled: true } },
    good: { platformConfiguration: {} },
  },
];

const RTMRS = ['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const;
const OWNED_FIELDS = [
  ['mrConfigId', 'mr-config-id-mismatch'],
  ['mrOwner', 'mr-owner-mismatch'],
  ['mrOwnerConfig', 'mr-owner-config-mismatch'],
] as const;
/** A TDREPORT with a byte changed. */
const tdReport = (at: number): Edits => ({ presented: (e) => ({ ...e, tdReport: (e.tdReport ?? new Uint8Array()).map((b, i) => (i === at ? b ^ 1 : b)) }) });

export const BINDING_REJECTIONS: readonly Rejection[] = [
  { name: 'the report data are others', reason: 'report-data-mismatch', wishes: { reportData: REPORT_DATA }, edits: body((b) => ({ reportData: other(b.reportData) })) },
  { name: 'the report data begin as expected, and end with zeros', reason: 'report-data-mismatch', wishes: { reportData: REPORT_DATA.map((b, i) => (i < 32 ? b : 0)) }, good: { reportData: REPORT_DATA } },
  { name: 'the measurement is another', reason: 'mr-td-mismatch', wishes: { mrTd: GOOD.mrTd }, edits: body((b) => ({ mrTd: other(b.mrTd) })) },
  {
    name: 'the measurement stands in the report data',
    reason: 'mr-td-mismatch',
    wishes: { mrTd: GOOD.mrTd },
    edits: body((b) => ({ mrTd: other(b.mrTd), reportData: Uint8Array.from([...b.mrTd, ...new Uint8Array(16)]) })),
  },
  ...OWNED_FIELDS.map(([name, reason]): Rejection => ({ name: `${name} is another`, reason, wishes: { [name]: OWNED[name] }, edits: body((b) => ({ [name]: other(b[name]) })) })),
  ...RTMRS.map(
    (name, i): Rejection => ({
      name: `${name} is another`,
      reason: 'rtmr-mismatch',
      wishes: { [name]: GOOD.rtmr[i] },
      edits: body((b) => ({ rtmr: b.rtmr.map((value, n) => (n === i ? other(value) : value)) })),
      path: `body.rtmr.${i}`,
    }),
  ),
  { name: 'two registers are exchanged', reason: 'rtmr-mismatch', wishes: { rtmr1: GOOD.rtmr[1] ?? SVN }, edits: body((b) => ({ rtmr: [b.rtmr[0], b.rtmr[2], b.rtmr[1], b.rtmr[3]].map((value) => value ?? SVN) })) },
  ...[32, 80, 300, 600].map((at): Rejection => ({ name: `byte ${at} of the TDREPORT was changed`, reason: 'td-report-hashes', edits: tdReport(at) })),
  ...[V4, V5].flatMap((machine) => [
    { name: `the TDREPORT has other report data (version ${machine.version ?? 4})`, reason: 'td-report-mismatch', machine, edits: tdReport(128), path: 'body.reportData' } as const,
    {
      name: `the TDREPORT is that of another TD (version ${machine.version ?? 4})`,
      reason: 'td-report-mismatch',
      machine,
      edits: { presented: (e) => ({ ...e, tdReport: evidence({ td: { attributes: (1n << 28n) | (1n << 30n) } }).tdReport ?? new Uint8Array() }) },
      path: 'body.tdAttributes',
    } satisfies Rejection,
  ]),
  {
    name: 'the TDREPORT is that of a TD with a service TD',
    reason: 'td-report-mismatch',
    machine: V5,
    edits: { presented: (e) => ({ ...e, tdReport: evidence({ prepare: (td) => td.prebindServiceTd(new Uint8Array(48).fill(1)) }).tdReport ?? new Uint8Array() }) },
    path: 'body.mrServiceTd',
  },
];

/** Unusual TDs and platforms that are as good as any. */
export const UNUSUAL_TDS: readonly Unusual[] = [
  ...(['icssd', 'lass', 'pks', 'kl', 'tpa', 'perfmon'] as const).map((flag) => ({ name: `the attribute ${flag}`, edits: attribute(flag, 1) })),
  ...(['pt', 'cetU', 'uintr', 'lbr'] as const).map((flag) => ({ name: `the feature ${flag}`, edits: feature(flag, 1) })),
  { name: 'no AVX', edits: feature('avx', 0) },
  { name: 'the attribute debug, where that is allowed', edits: attribute('debug', 1), wishes: { attributes: { debug: 'allowed' } } },
  { name: 'no SEPT_VE_DISABLE, where that is allowed', edits: attribute('septVeDisable', 0), wishes: { attributes: { septVeDisable: 'allowed' } } },
  { name: 'APX, where that is allowed', edits: feature('apx', 1), wishes: { xfam: { apx: 'allowed' } } },
  { name: 'any service TD, where that is allowed', machine: { prepare: (td) => td.prebindServiceTd(new Uint8Array(48).fill(1)) }, wishes: { allowServiceTd: true } },
  { name: 'TCB info and identity of two evaluations, where that is allowed', edits: tcbInfo((info) => ({ ...info, tcbEvaluationDataNumber: STANDARD + 1 })), wishes: { allowMixedEvaluations: true } },
  { name: 'a module of SVN 255', edits: svn(0, 255) },
  { name: 'a module that was updated', machine: V5, edits: svn2(0, MODULE_SVN + 1) },
  { name: 'a module that was updated to the next generation', machine: V5, edits: body((b) => ({ teeTcbSvn2: (b.teeTcbSvn2 ?? SVN).with(0, 5).with(1, 3) })) },
  { name: 'a module of its own whose components are lower than the levels for TDX 1.0', edits: beyond((tcb) => ({ tdxtcbcomponents: raised(raised(tcb.tdxtcbcomponents, 0, 200), 1, 200) })) },
  { name: 'a module measured in a way that nobody has seen', edits: body((b) => ({ mrSeam: other(b.mrSeam) })) },
  { name: 'advisories that apply, and that the caller does not refuse', edits: firstLevel((level) => ({ ...level, advisoryIDs: ['INTEL-SA-00001'] })), wishes: { refusedAdvisories: ['INTEL-SA-00002'] } },
  { name: 'an evaluation that is the minimum', wishes: { minimumTcbEvaluationDataNumber: STANDARD } },
  {
    name: 'everything that can be expected',
    wishes: {
      reportData: REPORT_DATA,
      mrTd: GOOD.mrTd,
      mrSeam: GOOD.mrSeam,
      fmspc: OWN_FMSPC,
      pckCa: ['platform', 'processor'],
      rtmr0: GOOD.rtmr[0] ?? SVN,
      maximumLeafAge: 3000 * DAY,
      maximumCrlAge: 60 * DAY,
      maximumCollateralAge: 40 * DAY,
    },
  },
];
