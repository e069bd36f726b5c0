/** What `inspect` makes of TDX's files: recognised by their contents, every table shown, what does not hold said. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../emulator/errors.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import type { Inspection, Note } from '../../emulator/inspect/inspection.ts';
import { decodeEventLog, encodeEventLog } from '../../emulator/tdx/boot/log/event-log.ts';
import { tdxEvidence, type TdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { quoteCollateral } from '../../emulator/tdx/evidence/exports.ts';
import type { TdxEdits } from '../../emulator/tdx/evidence/edits.ts';
import type { TdxOptionsInput } from '../../emulator/tdx/evidence/options.ts';
import { mapQuote } from '../../emulator/tdx/quote/quote.ts';
import { listing } from '../../harness/cli/view/listing.ts';
import { NOW, tdxWorld } from '../tdx/machine.ts';

const make = (options: TdxOptionsInput = {}, edits: TdxEdits = {}): TdxEvidence => tdxEvidence(tdxWorld(), options, edits);
const usual = make({ runtimeEvent: ['teemu start a'] });
const file = (name: string, { bundle }: TdxEvidence = usual): Uint8Array => bundle.files.get(name) ?? new Uint8Array(0);
const notes = (found: Inspection, kind?: Note['kind']): string[] => found.sections.flatMap((section) => section.notes.filter((note) => kind === undefined || note.kind === kind).map(({ text }) => text));
const broken = (found: Inspection): string[] => [...notes(found, 'broken'), ...found.sections.flatMap(({ lines }) => lines.flatMap((line) => (line.broken === undefined ? [] : [`${line.path}: ${line.broken}`])))];
const value = (found: Inspection, section: string, path: string): string | undefined => found.sections.find(({ name }) => name === section)?.lines.find((line) => line.path === path)?.value;
const flipped = (src: Uint8Array, at: number): Uint8Array => src.with(at, (src[at] ?? 0) ^ 1);

describe('a file is recognised by its contents', () => {
  const CERTIFICATES = ['certificate', 'certificate', 'certificate'];
  const QUOTE = ['header', 'body', 'signature', 'certification', 'qe', 'qe.certification'].map((part) => `tdx.quote.${part}`);
  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['a quote', usual.quote, 'tdx-quote', [...QUOTE, ...CERTIFICATES]],
    ['a quote of version 5', make({ quoteVersion: 5 }).quote, 'tdx-quote', [QUOTE[0] ?? '', 'tdx.quote.descriptor', ...QUOTE.slice(1), ...CERTIFICATES]],
    ['a quote without certificates', make({ certificationType: 1 }).quote, 'tdx-quote', [...QUOTE, 'tdx.quote.ppid']],
    ['a quote in a longer buffer', Uint8Array.from([...usual.quote, 0, 0]), 'tdx-quote', [...QUOTE, ...CERTIFICATES]],
    ['a TDREPORT', usual.tdReport, 'tdx-report', ['tdx.td-report']],
    ['a CCEL table', usual.ccel.table, 'ccel-table', ['acpi.ccel']],
    ['an event log', usual.ccel.data, 'ccel-log', ['ccel.header', 'ccel.registers', 'ccel.events']],
    ['TCB info', file('collateral/tcb_info.json'), 'tdx-tcb-info', ['pcs.tcbInfo']],
    ['an identity', file('collateral/qe_identity.json'), 'tdx-enclave-identity', ['pcs.enclaveIdentity']],
    ['collateral for dcap-qvl', Buffer.from(JSON.stringify(quoteCollateral(usual.bundle))), 'quote-collateral', ['dcap-qvl.collateral', 'pcs.tcbInfo', 'pcs.enclaveIdentity', 'crl', 'crl']],
    ['an issuer chain', file('collateral/tcb_info_issuer_chain.pem'), 'pem', ['certificate', 'certificate']],
    ['a list', file('collateral/pck_crl.der'), 'crl', ['crl']],
  ])('%s', (_, src, format, sections) => {
    const found = inspect(src, { at: NOW });
    expect([found.format, found.sections.map(({ name }) => name)]).toEqual([format, sections]);
    expect(broken(found)).toEqual([]);
    expect(listing(found, (__, text) => text).length).toBeGreaterThan(100);
  });
});

describe('a quote', () => {
  const found = inspect(usual.quote);
  test('shows what every table in it says', () => {
    expect(value(found, 'tdx.quote.body', 'rtmr.0')).toBe(Buffer.from(usual.bundle.manifest.rtmrs ? ((usual.bundle.manifest.rtmrs as string[])[0] ?? '') : '', 'hex').toString('hex'));
    expect(value(found, 'tdx.quote.qe', 'qeReport.isvProdId')).toBe('0x2 (2)');
    expect(value(found, 'tdx.quote.qe', 'qeAuthData')).toBe(Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex'));
    expect(value(found, 'certificate', 'intel.sgx')).toMatch(/^FMSPC 90c06f000000, SVNs 4\.4\.2\.2/);
  });

  test('is called a test by its platform id, its PCK and its root', () => {
    expect(notes(found, 'test')).toHaveLength(3);
  });

  test('says which of its certificates signed which', () => {
    expect(notes(found, 'info').filter((text) => /Signed by Intel SGX|Signed with its own key/.test(text))).toHaveLength(3);
  });

  const { parts, body } = mapQuote(usual.quote);
  const at = (name: string): number => parts.find((part) => part.name === name)?.at ?? 0;
  test.each<[string, Uint8Array, readonly string[]]>([
    ['a body that was changed', flipped(usual.quote, body.at + 200), ['The signature is not that of the attestation key in the quote.']],
    ['another signature', flipped(usual.quote, at('signature')), ['The signature is not that of the attestation key in the quote.']],
    ['a QE report that was changed', flipped(usual.quote, at('qe') + 64), ['The signature of the report is not that of the PCK in the quote.']],
    ['other authentication data', flipped(usual.quote, at('qe') + 450), ['The report does not bind the attestation key and the authentication data.']],
    ['a debuggable TD', make({ set: ['tdAttributes.debug=1'] }).quote, ['The TD is debuggable: the host can read it.']],
    ['a PCK signed by somebody else', make({}, { pck: { signedBy: tdxWorld().ecKey('x', 'P-256') } }).quote, ['The signature is not that of Intel SGX PCK Platform CA, though a certificate of that name is at hand.']],
  ])('of %s says so', (_, src, expected) => {
    expect(broken(inspect(src))).toEqual(expected);
  });
});

describe('a TDREPORT', () => {
  test.each<[string, Uint8Array, readonly string[]]>([
    ['that was changed', flipped(usual.tdReport, 600), ['A hash that the report states is not that of its part.']],
    ['of a debuggable TD', make({ set: ['tdAttributes.debug=1'] }).tdReport, ['The TD is debuggable: the host can read it.']],
    ['with reserved bytes set', flipped(usual.tdReport, 500), ['reserved495: must be zero']],
  ])('%s says so', (_, src, expected) => {
    expect(broken(inspect(src))).toEqual(expected);
  });
});

describe('an event log', () => {
  const found = inspect(usual.ccel.data);
  test('replays to the registers of the quote beside it', () => {
    expect([0, 1, 2, 3].map((i) => value(found, 'ccel.registers', `rtmr.${i}`))).toEqual(usual.bundle.manifest.rtmrs);
  });

  test('shows events by register and kind, and their data as a person reads them', () => {
    const lines = found.sections.find(({ name }) => name === 'ccel.events')?.lines ?? [];
    const texts = lines.filter(({ path }) => path.endsWith('.data')).map((line) => line.value);
    expect(lines[0]?.value).toBe('RTMR0 EV_EFI_HANDOFF_TABLES2');
    expect(texts).toEqual(expect.arrayContaining(['"SecureBoot" = 01', '"ACPI DATA"', '"Calling EFI Application from Boot Option"', '"grub_cmd: set default=0"']));
    expect(lines.at(-3)?.value).toBe('RTMR3 EV_EVENT_TAG');
  });

  test('says where an event lies', () => {
    const section = found.sections.find(({ name }) => name === 'ccel.events');
    const line = section?.lines.find(({ value: text }) => text === '"ACPI DATA"');
    const start = (section?.at ?? 0) + (line?.at ?? 0);
    expect(Buffer.from(usual.ccel.data.subarray(start, start + (line?.size ?? 0))).toString()).toBe('ACPI DATA');
  });

  test('says of data that were changed that they are not what was measured', () => {
    const log = decodeEventLog(usual.ccel.data);
    const i = log.events.findIndex(({ eventType }) => eventType === 0x8000_0007);
    const event = log.events[i];
    if (!event) throw new Error('no action');
    const changed = encodeEventLog({ ...log, events: log.events.with(i, { ...event, data: flipped(event.data, 0) }) });
    expect(broken(inspect(changed))).toEqual([`event.${i}.digest: is not that of the data`]);
  });

  test('of a table with a wrong checksum says so', () => {
    expect(broken(inspect(flipped(usual.ccel.table, 50)))).toEqual([expect.stringContaining('header.checksum')]);
  });
});

describe('collateral', () => {
  test('says when it is stale, or not valid yet', () => {
    const info = file('collateral/tcb_info.json');
    expect(broken(inspect(info, { at: NOW + 40 * 86_400_000 }))).toEqual([expect.stringMatching(/^nextUpdate: stale at/)]);
    expect(broken(inspect(info, { at: NOW - 86_400_000 }))).toEqual([expect.stringMatching(/^issueDate: not valid yet at/)]);
  });

  test('shows levels with their SVNs in one line', () => {
    const found = inspect(file('collateral/tcb_info.json'));
    expect(value(found, 'pcs.tcbInfo', 'tcbLevels.0.tcb.tdxtcbcomponents')).toMatch(/^5\.0\.\d+\.0/);
    expect(value(found, 'pcs.tcbInfo', 'tcbLevels.0.tcbStatus')).toBe('UpToDate');
  });

  test('says what is missing', () => {
    const { pck_crl: _, ...rest } = quoteCollateral(usual.bundle);
    expect(broken(inspect(Buffer.from(JSON.stringify(rest))))).toEqual(['There is no pck_crl.']);
    expect(broken(inspect(Buffer.from('{"tcbInfo":{},"signature":"00"}')))).toEqual(['The signature is not 128 hexadecimal digits.']);
  });

  test.each(['{"tcbInfo":', '{"tcbInfo":[]}', '["tcbInfo"]', '{"something":1}'])('%s is none', (text) => {
    expect(() => inspect(Buffer.from(text))).toThrow(ConfigError);
  });
});
