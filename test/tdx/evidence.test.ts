/** TDX evidence: the parts of a bundle fit together, each option does what it says, and each edit changes what it names and nothing else. */
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Bundle } from '../../emulator/bundle.ts';
import { CodecError, ConfigError, FirmwareError } from '../../emulator/errors.ts';
import { BOOTS } from '../../emulator/tdx/boot/boots.ts';
import { decodeCcelTable } from '../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog } from '../../emulator/tdx/boot/log/event-log.ts';
import { replayEventLog } from '../../emulator/tdx/boot/log/replay.ts';
import { tdxEvidence, type TdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { TDX_OPTIONS, type TdxOptionsInput } from '../../emulator/tdx/evidence/options.ts';
import type { TdxEdits } from '../../emulator/tdx/evidence/edits.ts';
import { decodeTdReport, tdReportHashesHold } from '../../emulator/tdx/module/tdreport.ts';
import { reportMacKey, verifyReportMac } from '../../emulator/tdx/module/tdx-module.ts';
import { measureTdvf } from '../../emulator/tdx/module/tdvf.ts';
import { PLATFORM_MODELS } from '../../emulator/tdx/platform/models.ts';
import { chainText, type QeCertification } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, signedPart } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT } from '../../emulator/tdx/quote/tables.ts';
import { intelAuthorityOf } from '../../emulator/tdx/authority.ts';
import { quotingPlatform } from '../../emulator/tdx/platform/hardware.ts';
import { TCB_STATUSES } from '../../emulator/tdx/tcb/status.ts';
import { TEES } from '../../emulator/tee.ts';
import { NOW, tdxWorld } from './machine.ts';

const hex = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('hex');
const text = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('utf8');
const make = (options: TdxOptionsInput = {}, edits: TdxEdits = {}, world = tdxWorld()): TdxEvidence => tdxEvidence(world, options, edits);
const rtmrs = ({ bundle }: TdxEvidence): string[] => replayEventLog(decodeEventLog(bundle.files.get('ccel.bin') ?? new Uint8Array(0))).map(hex);
const bodyOf = ({ quote }: TdxEvidence): ReturnType<typeof decodeQuote>['body'] => decodeQuote(quote, { reserved: 'keep' }).body;
function qeOf({ quote }: TdxEvidence): QeCertification {
  const { certification } = decodeQuote(quote, { reserved: 'keep' });
  if (certification.kind !== 'qe') throw new Error('no QE certification data');
  return certification;
}

const pointKey = (xy: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: Buffer.from(xy.subarray(0, 32)).toString('base64url'), y: Buffer.from(xy.subarray(32)).toString('base64url') }, format: 'jwk' });
const signed = (message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
const chainOf = (pem: string): X509Certificate[] => (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((block) => new X509Certificate(block));
/** Whether each certificate is signed by the next and the last is the trusted one. */
function leadsTo(chain: readonly X509Certificate[], root: X509Certificate): boolean {
  return chain.length > 1 && chain.every((certificate, i) => certificate.verify((chain[i + 1] ?? root).publicKey)) && chain.at(-1)?.fingerprint256 === root.fingerprint256;
}
const rootOf = ({ bundle }: TdxEvidence): X509Certificate => new X509Certificate(text(bundle.files.get('root_ca.pem')));

/** What a relying party can check with node:crypto alone: which of it holds. */
function checks(evidence: TdxEvidence): Record<string, boolean> {
  const { bundle, quote } = evidence;
  const { attestationKey, signature } = decodeQuote(quote, { reserved: 'keep' });
  const { qeReport, qeReportSignature, certification } = qeOf(evidence);
  const file = (name: string): Uint8Array => bundle.files.get(name) ?? new Uint8Array(0);
  const root = rootOf(evidence);
  const pckChain = chainOf(bundle.files.has('collateral/pck_chain.pem') ? text(file('collateral/pck_chain.pem')) : (chainText(certification) ?? ''));
  const document = (name: string, member: string, chainFile: string): boolean => {
    const body = text(file(`collateral/${name}`));
    const parsed = JSON.parse(body) as { signature: string };
    const inner = body.slice(`{"${member}":`.length, body.lastIndexOf(',"signature"'));
    const chain = chainOf(text(file(`collateral/${chainFile}`)));
    return leadsTo(chain, root) && signed(Buffer.from(inner), chain[0]?.publicKey ?? root.publicKey, Buffer.from(parsed.signature, 'hex'));
  };
  return {
    quote: signed(signedPart(quote), pointKey(attestationKey), signature),
    qeReport: signed(ENCLAVE_REPORT.encode(qeReport), pckChain[0]?.publicKey ?? root.publicKey, qeReportSignature),
    pckChain: leadsTo(pckChain, root),
    tcbInfo: document('tcb_info.json', 'tcbInfo', 'tcb_info_issuer_chain.pem'),
    qeIdentity: document('qe_identity.json', 'enclaveIdentity', 'qe_identity_issuer_chain.pem'),
    registers: rtmrs(evidence).join() === bodyOf(evidence).rtmr.map(hex).join(),
    mrTd: hex(measureTdvf(file('tdvf.fd'), evidence.launch.addOrder)) === hex(bodyOf(evidence).mrTd),
  };
}
const ALL_HOLD = { quote: true, qeReport: true, pckChain: true, tcbInfo: true, qeIdentity: true, registers: true, mrTd: true };

const VARIANTS: readonly (readonly [string, TdxOptionsInput])[] = [
  ...Object.keys(PLATFORM_MODELS).flatMap((platform) => [4, 5].map((quoteVersion) => [`${platform}, version ${quoteVersion}`, { platform, quoteVersion }] as const)),
  ...TCB_STATUSES.map((tcbStatus) => [tcbStatus, { tcbStatus }] as const),
  ['Processor CA', { pckCa: 'processor' }],
  ['body of TDX 1.0 in version 5', { quoteVersion: 5, bodyType: 'td10' }],
  ...[1, 2, 3, 4].map((certificationType) => [`certification data of type ${certificationType}`, { certificationType }] as const),
  ['boot direct', { boot: 'direct' }],
  ['added in two passes', { addOrder: 'twoPass' }],
];

describe('evidence', () => {
  test.each(VARIANTS)('of %s holds together: signatures, chains, registers, MRTD', (_, options) => {
    expect(checks(make(options))).toEqual(ALL_HOLD);
  });

  test.each(VARIANTS)('of %s has a TDREPORT of its platform, and the quote says what it says', (_, options) => {
    const world = tdxWorld();
    const evidence = tdxEvidence(world, { ...options, reportData: 'abcdef' });
    const { tdReport, platform } = evidence;
    const hardware = quotingPlatform(intelAuthorityOf(world), platform);
    expect(() => verifyReportMac(tdReport, hardware, reportMacKey(world, hardware))).not.toThrow();
    expect(tdReportHashesHold(tdReport)).toBe(true);
    const { tdInfo, teeTcbInfo, reportMac } = decodeTdReport(tdReport);
    expect(bodyOf(evidence)).toMatchObject({ rtmr: tdInfo.rtmr, mrTd: tdInfo.mrTd, teeTcbSvn: teeTcbInfo.teeTcbSvn, mrSeam: teeTcbInfo.mrSeam, reportData: reportMac.reportData });
  });

  test('has the files and claims that the contract names', () => {
    const { bundle } = make({ reportData: '0102' });
    expect([...bundle.files.keys()]).toEqual(
      expect.arrayContaining([
        'tdreport.bin',
        'quote.bin',
        'root_ca.pem',
        'ccel_table.bin',
        'ccel.bin',
        ...['tcb_info.json', 'qe_identity.json', 'tcb_info_issuer_chain.pem', 'qe_identity_issuer_chain.pem', 'pck_crl.der', 'pck_crl_issuer_chain.pem', 'root_ca_crl.der'].map((name) => `collateral/${name}`),
      ]),
    );
    expect(bundle.manifest).toMatchObject({ tee: 'tdx', fmspc: '90c06f000000', quoteVersion: 4, pckCa: 'platform', reportData: `0102${'00'.repeat(62)}`, verifyAt: NOW / 1000, services: {}, tcbStatus: 'UpToDate' });
    expect(bundle.manifest.files).toEqual([...bundle.files.keys()]);
  });

  test('names in its ACPI table the area that the log fills', () => {
    const { ccel } = make();
    expect(decodeCcelTable(ccel.table)).toMatchObject({ ccType: 2, logAreaMinimumLength: BigInt(ccel.data.length) });
  });

  test('is the same bytes for the same seed, whatever was made before, and others for another', () => {
    const bytes = ({ files }: Bundle): string[] => [...files].map(([name, contents]) => `${name} ${hex(contents)}`);
    const world = tdxWorld();
    const first = bytes(tdxEvidence(world).bundle);
    expect(bytes(tdxEvidence(world).bundle)).toEqual(first);
    expect(bytes(make().bundle)).toEqual(first);
    const other = make({}, {}, tdxWorld('another'));
    expect(hex(other.quote)).not.toBe(hex(make().quote));
    // What is launched does not depend on the seed.
    expect(other.bundle.manifest.mrTd).toBe(make().bundle.manifest.mrTd);
  });

  test('is what the registry makes', () => {
    expect(TEES.get('tdx')?.evidence(tdxWorld(), { quoteVersion: '5' }).manifest).toEqual(make({ quoteVersion: 5 }).bundle.manifest);
    expect(TEES.get('tdx')?.rsaLabels({})).toEqual([]);
  });
});

describe('options', () => {
  const register = (evidence: TdxEvidence, rtmr: number): string => hex(bodyOf(evidence).rtmr[rtmr]);
  const FORTY_EIGHT = `a1${'00'.repeat(47)}`;
  const ROWS: readonly (readonly [name: keyof typeof TDX_OPTIONS.shape, options: TdxOptionsInput, shows: (evidence: TdxEvidence) => unknown, expected: unknown])[] = [
    ['platform', { platform: 'sapphire-rapids' }, ({ bundle }) => bundle.manifest.fmspc, '00806f050000'],
    ['index', { index: 7 }, (e) => hex(decodeQuote(e.quote).header.userData) === hex(decodeQuote(make().quote).header.userData), false],
    ['tcbStatus', { tcbStatus: 'TDRelaunchAdvised' }, (e) => [decodeQuote(e.quote).header.version, hex(bodyOf(e).teeTcbSvn) === hex(bodyOf(e).teeTcbSvn2)], [5, false]],
    ['pckCa', { pckCa: 'processor' }, (e) => chainOf(chainText(qeOf(e)) ?? '')[1]?.subject, expect.stringContaining('CN=Intel SGX PCK Processor CA')],
    ['quoteVersion', { quoteVersion: '5' }, (e) => [decodeQuote(e.quote).header.version, decodeQuote(e.quote).bodyType], [5, 3]],
    ['bodyType', { quoteVersion: 5, bodyType: 'td10' }, (e) => decodeQuote(e.quote).bodyType, 2],
    ['certificationType', { certificationType: 3 }, (e) => qeOf(e).certification.type, 3],
    ['reportData', { reportData: '0xA1' }, (e) => hex(bodyOf(e).reportData), `a1${'00'.repeat(63)}`],
    ['tdAttributes', { tdAttributes: '0x8000000010000001' }, (e) => bodyOf(e).tdAttributes, expect.objectContaining({ debug: 1, septVeDisable: 1, perfmon: 1, pks: 0 })],
    ['xfam', { xfam: '3' }, (e) => bodyOf(e).xfam, expect.objectContaining({ x87: 1, sse: 1, avx: 0 })],
    ['mrConfigId', { mrConfigId: 'a1' }, (e) => hex(bodyOf(e).mrConfigId), FORTY_EIGHT],
    ['mrOwner', { mrOwner: 'a1' }, (e) => hex(bodyOf(e).mrOwner), FORTY_EIGHT],
    ['mrOwnerConfig', { mrOwnerConfig: 'a1' }, (e) => hex(bodyOf(e).mrOwnerConfig), FORTY_EIGHT],
    ['addOrder', { addOrder: 'twoPass' }, (e) => hex(bodyOf(e).mrTd) === hex(bodyOf(make()).mrTd), false],
    ['boot', { boot: 'direct' }, (e) => text(e.bundle.files.get('ccel.bin')).includes('grub_cmd'), false],
    ['append', { append: 'quiet' }, (e) => [0, 1, 2].map((rtmr) => register(e, rtmr) === register(make(), rtmr)), [true, true, false]],
    ['runtimeEvent', { runtimeEvent: ['a b c', 'd e f'] }, (e) => [0, 1, 2, 3].map((rtmr) => register(e, rtmr) === register(make(), rtmr)), [true, true, true, false]],
    ['tcbEvaluation', { tcbEvaluation: '18' }, ({ bundle }) => (JSON.parse(text(bundle.files.get('collateral/tcb_info.json'))) as { tcbInfo: { tcbEvaluationDataNumber: number } }).tcbInfo.tcbEvaluationDataNumber, 18],
    ['set', { set: ['mrTd=ff*'] }, (e) => hex(bodyOf(e).mrTd), 'ff'.repeat(48)],
  ];

  test('are all tried', () => {
    expect(new Set(ROWS.map(([name]) => name))).toEqual(new Set(Object.keys(TDX_OPTIONS.shape)));
  });

  test.each(ROWS)('%s does what it says', (_, options, shows, expected) => {
    expect(shows(make(options))).toEqual(expected);
  });

  test('runtime events stand in the log and replay to RTMR3', () => {
    const evidence = make({ runtimeEvent: ['teemu start demo'] });
    expect(checks(evidence).registers).toBe(true);
    const last = decodeEventLog(evidence.ccel.data).events.at(-1);
    expect([last?.mrIndex, text(last?.data).slice(8)]).toEqual([4, 'teemu start demo']);
  });

  test('a quote without its chain has it beside', () => {
    expect(make().bundle.files.has('collateral/pck_chain.pem')).toBe(false);
    expect(chainOf(text(make({ certificationType: 1 }).bundle.files.get('collateral/pck_chain.pem')))).toHaveLength(3);
  });

  test.each<[TdxOptionsInput, new (...given: never[]) => Error, string]>([
    [{ platform: 'ice-lake' }, ConfigError, 'platform: '],
    [{ index: -1 }, ConfigError, 'index: '],
    [{ quoteVersion: 3 }, ConfigError, 'quoteVersion: '],
    [{ reportData: 'zz' }, ConfigError, 'reportData: must be hexadecimal, at most 64 bytes'],
    [{ reportData: '00'.repeat(65) }, ConfigError, 'reportData: must be hexadecimal, at most 64 bytes'],
    [{ quoteVersion: 4, tcbStatus: 'TDRelaunchAdvised' }, ConfigError, 'quoteVersion: only a quote of version 5'],
    [{ bodyType: 'td10', tcbStatus: 'TDRelaunchAdvised' }, ConfigError, 'bodyType: only a quote of version 5'],
    [{ quoteVersion: 4, bodyType: 'td15' }, ConfigError, 'bodyType: a quote of version 4 has a body of TDX 1.0'],
    [{ platform: 'sapphire-rapids-tdx10', tcbStatus: 'TDRelaunchAdvised' }, ConfigError, 'tcbStatus: at this time no TDX module is out of date'],
    [{ tcbEvaluation: 3 }, ConfigError, 'there is no evaluation 3'],
    [{ tdAttributes: '2' }, FirmwareError, 'TDX_OPERAND_INVALID'],
    [{ xfam: '0' }, FirmwareError, 'TDX_OPERAND_INVALID'],
    [{ set: ['mrNobody=1'] }, CodecError, 'tdx.quote.body.1.0.mrNobody'],
    [{ set: ['teeTcbSvn2=00*'] }, CodecError, 'tdx.quote.body.1.0.teeTcbSvn2'],
    [{ set: ['mrTd=00'] }, CodecError, 'must be 48 bytes'],
    [{ set: ['header.nope=1'] }, CodecError, 'tdx.quote.header.nope'],
    [{ set: ['no path'] }, ConfigError, 'must be path=value'],
    [{ flavour: 'x' } as TdxOptionsInput, ConfigError, 'flavour'],
  ])('%j is refused', (options, type, message) => {
    expect(() => make(options)).toThrow(type);
    expect(() => make(options)).toThrow(message);
  });
});

describe('settings', () => {
  test.each([
    ['mrTd=ab*', 'tdInfo.mrTd'],
    ['rtmr.3=ab*', 'tdInfo.rtmr.3'],
    ['teeTcbSvn=ab*', 'teeTcbInfo.teeTcbSvn'],
    ['mrSeam=ab*', 'teeTcbInfo.mrSeam'],
    ['reportData=ab*', 'reportMac.reportData'],
  ])('%s is in the TDREPORT too, and everything is signed again', (set, path) => {
    const evidence = make({ set: [set] });
    const value = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], decodeTdReport(evidence.tdReport));
    expect(new Set(value as Uint8Array)).toEqual(new Set([0xab]));
    expect(checks(evidence)).toMatchObject({ quote: true, qeReport: true, pckChain: true });
  });

  test.each<[string, TdxOptionsInput, (evidence: TdxEvidence) => unknown, unknown]>([
    ['tdAttributes.debug=1', {}, (e) => bodyOf(e).tdAttributes.debug, 1],
    ['mrSignerSeam=01*', {}, (e) => hex(bodyOf(e).mrSignerSeam), '01'.repeat(48)],
    ['mrServiceTd=01*', { quoteVersion: 5 }, (e) => hex(bodyOf(e).mrServiceTd), '01'.repeat(48)],
    ['teeTcbSvn2=01*', { quoteVersion: 5 }, (e) => hex(bodyOf(e).teeTcbSvn2), '01'.repeat(16)],
    ['header.qeVendorId=01*', {}, (e) => hex(decodeQuote(e.quote).header.qeVendorId), '01'.repeat(16)],
    ['qeReport.isvSvn=1', {}, (e) => qeOf(e).qeReport.isvSvn, 1],
  ])('%s is signed', (set, options, shows, expected) => {
    const evidence = make({ ...options, set: [set] });
    expect(shows(evidence)).toEqual(expected);
    expect(checks(evidence)).toEqual(ALL_HOLD);
  });

  test('of the signature are made after it', () => {
    const evidence = make({ set: ['signature.signature=01*'] });
    expect(hex(decodeQuote(evidence.quote).signature)).toBe('01'.repeat(64));
    expect(checks(evidence)).toEqual({ ...ALL_HOLD, quote: false });
  });
});

describe('edits', () => {
  const other = tdxWorld().ecKey('someone else', 'P-256');
  const later = <T extends { notAfter: number }>(spec: T): T => ({ ...spec, notAfter: spec.notAfter - 86_400_000 });
  const file = (evidence: TdxEvidence, name: string): string => hex(evidence.bundle.files.get(name));

  test.each<[keyof TdxEdits, TdxEdits, Partial<typeof ALL_HOLD>]>([
    ['quoteSigner', { quoteSigner: other }, { quote: false }],
    ['qeReportSigner', { qeReportSigner: other }, { qeReport: false }],
    ['pck', { pck: { signedBy: other } }, { pckChain: false }],
    ['intermediate', { intermediate: { signedBy: other } }, { pckChain: false }],
    ['root', { root: { signedBy: other } }, { pckChain: false, tcbInfo: false, qeIdentity: false }],
    ['tcbSigning', { tcbSigning: { signedBy: other } }, { tcbInfo: false, qeIdentity: false }],
    ['tcbInfo', { tcbInfo: { signedBy: other } }, { tcbInfo: false }],
    ['qeIdentity', { qeIdentity: { signedBy: other } }, { qeIdentity: false }],
    ['log', { log: (log) => ({ ...log, events: log.events.slice(1) }) }, { registers: false }],
    ['report', { report: (report) => ({ ...report, tdInfo: { ...report.tdInfo, rtmr: report.tdInfo.rtmr.toReversed() } }) }, { registers: false }],
  ])('%s breaks what it is about, and nothing else', (_, edits, broken) => {
    expect(checks(make({}, edits))).toEqual({ ...ALL_HOLD, ...broken });
  });

  test.each<[string, TdxEdits, string]>([
    ['events', { events: (events) => events.slice(1) }, 'ccel.bin'],
    ['quote', { quote: (parts) => ({ ...parts, qeAuthData: new Uint8Array(16) }) }, 'quote.bin'],
    ['pck', { pck: { edit: later } }, 'quote.bin'],
    ['intermediate', { intermediate: { edit: later } }, 'collateral/pck_crl_issuer_chain.pem'],
    ['root', { root: { edit: later } }, 'root_ca.pem'],
    ['tcbSigning', { tcbSigning: { edit: later } }, 'collateral/tcb_info_issuer_chain.pem'],
    ['tcbInfo', { tcbInfo: { edit: (info) => ({ ...info, tcbType: 1 }) } }, 'collateral/tcb_info.json'],
    ['qeIdentity', { qeIdentity: { edit: (identity) => ({ ...identity, isvprodid: 1 }) } }, 'collateral/qe_identity.json'],
    ['pckCrl', { pckCrl: { signedBy: other } }, 'collateral/pck_crl.der'],
    ['rootCaCrl', { rootCaCrl: { signedBy: other } }, 'collateral/root_ca_crl.der'],
  ])('%s, signed again, changes %s', (_, edits, changed) => {
    const evidence = make({}, edits);
    expect(file(evidence, changed)).not.toBe(file(make(), changed));
    expect(checks(evidence)).toEqual(ALL_HOLD);
  });
});

describe('forms of other tools', () => {
  const forms = TEES.get('tdx')?.exports ?? [];
  const exported = (name: string, options: TdxOptionsInput = {}): ReadonlyMap<string, Uint8Array> => forms.find((form) => form.name === name)?.files(make(options).bundle) ?? new Map();

  test('dcap-qvl: texts exactly as signed, lists in hexadecimal', () => {
    const { bundle } = make();
    const collateral = JSON.parse(text(exported('dcap-qvl').get('quote_collateral.json'))) as Record<string, string>;
    expect(text(bundle.files.get('collateral/tcb_info.json'))).toBe(`{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`);
    expect(text(bundle.files.get('collateral/qe_identity.json'))).toBe(`{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`);
    expect(collateral.pck_crl).toBe(hex(bundle.files.get('collateral/pck_crl.der')));
    expect(collateral.root_ca_crl).toBe(hex(bundle.files.get('collateral/root_ca_crl.der')));
    expect('pck_certificate_chain' in collateral).toBe(false);
    expect('pck_certificate_chain' in (JSON.parse(text(exported('dcap-qvl', { certificationType: 2 }).get('quote_collateral.json'))) as object)).toBe(true);
  });

  test.each([5, 3])('intel-qvl: chain root first, leaf apart, from a quote with certification data of type %i', (certificationType) => {
    const files = exported('intel-qvl', { certificationType });
    const names = (name: string): (string | undefined)[] => chainOf(text(files.get(`intel-qvl/${name}`))).map(({ subject }) => /CN=(.*)/.exec(subject)?.[1]);
    expect(names('pckSignChain.pem')).toEqual(['Intel SGX Root CA', 'Intel SGX PCK Platform CA']);
    expect(names('pckCert.pem')).toEqual(['Intel SGX PCK Certificate']);
    expect([...files.keys()].map((name) => name.replace('intel-qvl/', ''))).toEqual(
      expect.arrayContaining(['trustedRootCaCert.pem', 'tcbSignChain.pem', 'tcbInfo.json', 'qeIdentity.json', 'rootCaCrl.der', 'intermediateCaCrl.der', 'quote.dat']),
    );
  });

  test.each(forms.map(({ name }) => name))('%s: a bundle without its files is refused', (name) => {
    const { bundle } = make();
    const without = { ...bundle, files: new Map([...bundle.files].filter(([file]) => !file.startsWith('collateral/'))) };
    expect(() => forms.find((form) => form.name === name)?.files(without)).toThrow(ConfigError);
  });
});

test('every boot is documented as an option', () => {
  for (const { name, doc } of Object.values(BOOTS)) expect(TDX_OPTIONS.shape.boot.description).toContain(`${name} (${doc})`);
});
