/** TDs and platforms that are allowed more than the relying party wants. */
import { REPORT_VERSIONS } from '../../../emulator/tdx/module/tdreport.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const ABI = 'Intel TDX Module ABI';
const policy = (slug: string, reason: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`tdx/policy/${slug}`, ['policy', reason], severity, ref, why, change);
const set = (...settings: readonly string[]): TdxChange => ({ options: { set: [...settings] }, goodOptions: {} });
const ATTRIBUTES = 'attributes of the TD as asked for';
const XFAM = 'features of the TD as asked for';
const reservedAttribute = (slug: string, setting: string, why: string): TdxRejectCase => refused(`tdx/policy/${slug}`, ['parse', 'quote-reserved'], 'medium', 'Phala-Network/dcap-qvl@7676b1b', why, set(setting));
const V5 = { quoteVersion: 5 } as const;
const SERVICE_TD = 'ab'.repeat(48);
const NO_SERVICE_TD = '00'.repeat(48);

/** A TD that service TDs are bound to: its report says so, and the quote follows. @param hash of them, 48 bytes in hexadecimal */
function boundTo(hash: string): TdxChange['edits'] & object {
  const servTdHash = Uint8Array.from(Buffer.from(hash, 'hex'));
  return { report: (report) => ({ ...report, reportMac: { ...report.reportMac, version: REPORT_VERSIONS.serviceTds }, tdInfo: { ...report.tdInfo, servTdHash } }) };
}

export const POLICY_CASES: readonly TdxCase[] = [
  policy('debug', 'td-debug', 'critical', 'google/go-tdx-guest#81', 'The host can debug the TD, and so read it.', { options: { tdAttributes: '0x10000001' }, goodOptions: {} }),
  policy('debug-among-others', 'td-debug', 'critical', 'Phala-Network/dcap-qvl@f052c6c', 'Everything that the relying party asks for is set, and debugging with it.', {
    options: { tdAttributes: '0x50000001' },
    goodOptions: { tdAttributes: '0x50000000' },
    request: { attributes: { pks: 'required' } },
  }),
  policy('hgs-profiling', 'td-profiling', 'critical', `${ABI}, ATTRIBUTES`, 'The host can profile the TD’s threads.', set('tdAttributes.hgsPlusProf=1')),
  policy('performance-profiling', 'td-profiling', 'critical', `${ABI}, ATTRIBUTES`, 'The host can profile the TD’s performance.', set('tdAttributes.perfProf=1')),
  policy('telemetry', 'td-profiling', 'critical', `${ABI}, ATTRIBUTES`, 'The host gets telemetry while the TD runs.', set('tdAttributes.pmtProf=1')),
  reservedAttribute('attribute-reserved-low', 'tdAttributes.reserved1=1', 'A bit of the attributes next to that for debugging is set, which must be zero.'),
  reservedAttribute('attribute-reserved-middle', 'tdAttributes.reserved7=1', 'Bit 7 of the attributes is set, which must be zero.'),
  reservedAttribute('attribute-reserved-high', 'tdAttributes.reserved32=1', 'Bit 32 of the attributes is set, which must be zero.'),
  refused(
    'tdx/policy/attribute-reserved-whatever-is-allowed',
    ['parse', 'quote-reserved'],
    'medium',
    'Phala-Network/dcap-qvl@7676b1b',
    'A relying party that lets reserved bytes pass still cannot know what this bit of the attributes does.',
    { ...set('tdAttributes.reserved7=1'), request: { allowReserved: true } },
  ),
  policy('sept-ve-not-disabled', 'td-sept-ve', 'medium', 'Phala-Network/dcap-qvl@7676b1b', 'The host can inject exceptions by taking pages away.', {
    options: { tdAttributes: '0x0' },
    goodOptions: {},
    policy: ATTRIBUTES,
  }),
  accepted('tdx/policy/sept-ve-not-disabled-allowed', 'medium', 'Phala-Network/dcap-qvl@7676b1b', 'The TD gets exceptions for missing pages, which the relying party accepts.', {
    options: { tdAttributes: '0x0' },
    request: { attributes: { septVeDisable: 'allowed' } },
    policy: ATTRIBUTES,
  }),
  policy('migratable', 'td-migratable', 'medium', `${ABI}, ATTRIBUTES`, 'A service TD may migrate the TD.', { options: { tdAttributes: '0x30000000' }, goodOptions: {}, policy: ATTRIBUTES }),
  accepted('tdx/policy/migratable-allowed', 'medium', `${ABI}, ATTRIBUTES`, 'A service TD may migrate the TD, which the relying party accepts.', {
    options: { tdAttributes: '0x30000000' },
    request: { attributes: { migratable: 'allowed' } },
    policy: ATTRIBUTES,
  }),
  policy('pks-missing', 'td-attribute', 'low', `${ABI}, ATTRIBUTES`, 'The relying party asks for protection keys of the supervisor.', {
    options: {},
    goodOptions: { tdAttributes: '0x50000000' },
    request: { attributes: { pks: 'required' } },
    policy: ATTRIBUTES,
  }),
  policy('perfmon-refused', 'td-attribute', 'low', `${ABI}, ATTRIBUTES`, 'The relying party does not want performance monitoring inside of the TD.', {
    options: { tdAttributes: '0x8000000010000000' },
    goodOptions: {},
    request: { attributes: { perfmon: 'refused' } },
    policy: ATTRIBUTES,
  }),
  policy('xfam-without-x87', 'xfam-required', 'medium', `${ABI}, XFAM`, 'The TD lacks x87, which every TD has.', set('xfam.x87=0')),
  policy('xfam-without-sse', 'xfam-required', 'medium', `${ABI}, XFAM`, 'The TD lacks SSE, which every TD has.', set('xfam.sse=0')),
  ...(['pasid', 'hdc', 'hwp', 'apx'] as const).map((feature) =>
    policy(`xfam-${feature}`, 'xfam-feature', 'medium', `${ABI}, XFAM`, `The TD has ${feature.toUpperCase()}, which no TD may have.`, set(`xfam.${feature}=1`)),
  ),
  policy('xfam-processor-trace', 'xfam-feature', 'low', `${ABI}, XFAM`, 'The relying party does not want processor trace.', {
    options: { xfam: '0x603e7' },
    goodOptions: {},
    request: { xfam: { pt: 'refused' } },
    policy: XFAM,
  }),
  accepted('tdx/policy/xfam-processor-trace-allowed', 'low', `${ABI}, XFAM`, 'The TD has processor trace, and the relying party does not mind.', { options: { xfam: '0x603e7' }, policy: XFAM }),
  refused('tdx/policy/xfam-reserved-mpx', ['parse', 'quote-reserved'], 'medium', `${ABI}, XFAM`, 'The TD has MPX, whose bits must be zero.', set('xfam.reserved3=1')),
  refused('tdx/policy/xfam-reserved-high', ['parse', 'quote-reserved'], 'medium', `${ABI}, XFAM`, 'A bit of XFAM is set that has no meaning.', set('xfam.reserved20=1')),
  policy('service-td', 'service-td', 'high', `${ABI}, SERVTD_HASH`, 'A service TD is bound to the TD, and may migrate it.', { options: V5, edits: boundTo(SERVICE_TD), policy: 'no service TDs' }),
  policy('service-td-unexpected', 'service-td', 'high', `${ABI}, SERVTD_HASH`, 'Another service TD is bound to the TD than expected.', {
    options: V5,
    edits: boundTo(SERVICE_TD),
    request: { mrServiceTd: [NO_SERVICE_TD, 'cd'.repeat(48)] },
    policy: 'expected service TDs',
  }),
  accepted('tdx/policy/service-td-expected', 'medium', `${ABI}, SERVTD_HASH`, 'The service TD that the relying party knows is bound to the TD.', {
    options: V5,
    edits: boundTo(SERVICE_TD),
    request: { mrServiceTd: [NO_SERVICE_TD, SERVICE_TD] },
    policy: 'expected service TDs',
  }),
  accepted('tdx/policy/service-td-allowed', 'medium', `${ABI}, SERVTD_HASH`, 'Any service TD may be bound to the TD.', {
    options: V5,
    edits: boundTo(SERVICE_TD),
    request: { allowServiceTd: true },
    policy: 'any service TDs',
  }),
  policy('module-unexpected', 'mr-seam-unexpected', 'medium', 'tinfoilsh/verifier@8bb8b29', 'The TDX module is not one of those that the relying party knows.', {
    options: { set: ['mrSeam=01*'] },
    goodOptions: {},
    request: ({ mrSeam = '' }) => ({ mrSeam }),
    policy: 'TDX modules are known ones',
  }),
  accepted('tdx/policy/module-one-of-two', 'medium', 'tinfoilsh/verifier#109', 'The TDX module is the second that the relying party knows.', {
    options: { index: 3 },
    request: ({ mrSeam = '' }) => ({ mrSeam: ['01'.repeat(48), mrSeam] }),
    policy: 'TDX modules are known ones',
  }),
  policy('platform-unexpected', 'fmspc-refused', 'low', 'Intel PCS v4, FMSPC', 'The platform is of another kind than those that the relying party knows.', {
    options: { platform: 'sapphire-rapids' },
    goodOptions: {},
    request: { fmspc: '90c06f000000' },
    policy: 'platforms are of known kinds',
  }),
  policy('processor-ca', 'pck-authority-refused', 'low', 'Intel SGX PCK Certificate and CRL Profile Specification', 'The PCK hangs on the Processor CA.', {
    options: { pckCa: 'processor' },
    goodOptions: {},
    request: { pckCa: 'platform' },
    policy: 'the Platform CA is required',
  }),
  policy('cached-keys', 'platform-configuration', 'low', 'Intel SGX PCK Certificate and CRL Profile Specification', 'Intel keeps the root keys of the platform, and the relying party does not want that.', {
    options: { platform: 'emerald-rapids-2s' },
    goodOptions: {},
    request: { platformConfiguration: { cachedKeys: false } },
    policy: 'the platform is set up as asked for',
  }),
  policy(
    'configuration-unstated',
    'platform-configuration',
    'low',
    'Intel SGX PCK Certificate and CRL Profile Specification',
    'A certificate of the Processor CA does not say how the platform is set up, and the relying party wants to know.',
    { options: { pckCa: 'processor' }, goodOptions: {}, request: { platformConfiguration: { cachedKeys: false } }, policy: 'the platform is set up as asked for' },
  ),
];
