/** What `inspect` makes of reports and evidence of NVIDIA's devices. */
import { describe, expect, test } from 'vitest';
import { h100Evidence } from '../../emulator/h100/evidence/evidence.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import type { Inspection, Note } from '../../emulator/inspect/inspection.ts';
import { listing } from '../../harness/cli/view/listing.ts';
import { H100_TIME, h100World } from '../h100/world.ts';

const usual = h100Evidence(h100World());
const machine = h100Evidence(h100World(), { gpu: 'h100-sxm', mode: 'ppcie', count: 2, switches: 1 });
const [gpu, , nvSwitch] = machine.devices;
const notes = (found: Inspection, kind: Note['kind']): string[] => found.sections.flatMap((section) => section.notes.filter((note) => note.kind === kind).map(({ text }) => text));
const line = (found: Inspection, section: string, path: string): { value: string; doc: string; at?: number } | undefined => found.sections.find(({ name }) => name === section)?.lines.find((l) => l.path === path);
const PARTS = ['gpu.request', 'gpu.response', 'gpu.measurements', 'gpu.opaque', 'gpu.signature'];
const CHAIN = new Array<string>(5).fill('certificate');
const file = (name: string): Uint8Array => machine.bundle.files.get(name) ?? new Uint8Array();
const reportOf = (set: readonly string[]): Uint8Array => h100Evidence(h100World(), { set: [...set] }).devices[0]?.report ?? new Uint8Array();

describe('a file is recognised by its contents', () => {
  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['a GPU’s report', usual.devices[0]?.report ?? new Uint8Array(), 'gpu-report', PARTS],
    ['a report with protected PCIe', gpu?.report ?? new Uint8Array(), 'gpu-report', PARTS],
    ['a switch’s report', nvSwitch?.report ?? new Uint8Array(), 'gpu-report', PARTS],
    ['evidence of three devices', file('evidence.json'), 'gpu-evidence', ['gpu.evidence', ...[1, 2, 3].flatMap(() => [...PARTS, ...CHAIN])]],
    ['a chain', file('cert_chain.pem'), 'pem', CHAIN],
  ])('%s', (_, src, format, sections) => {
    const found = inspect(src, { at: H100_TIME });
    expect([found.format, found.sections.map(({ name }) => name)]).toEqual([format, sections]);
    expect(notes(found, 'broken')).toEqual([]);
    expect(found.sections.flatMap(({ lines }) => lines.filter(({ broken }) => broken !== undefined))).toEqual([]);
    expect(listing(found, (__, text) => text).length).toBeGreaterThan(100);
  });
});

describe('a report', () => {
  const src = gpu?.report ?? new Uint8Array();
  const found = inspect(src);
  test('says what each measurement is called and which manifest speaks for it', () => {
    expect(line(found, 'gpu.measurements', '1')?.doc).toMatch(/^HashedMeasurement_1_FSP: the firmware’s manifest/);
    expect(line(found, 'gpu.measurements', '21')?.doc).toMatch(/^MixedMeasurement_21: the driver’s manifest/);
    expect(line(found, 'gpu.measurements', '0')?.value).toBe('00 × 48');
  });

  test('says what each opaque field means', () => {
    expect(line(found, 'gpu.opaque', 'DRIVER_VERSION')?.value).toBe('590.12');
    expect(line(found, 'gpu.opaque', 'VBIOS_VERSION')?.value).toBe('96.00.A5.00.01');
    expect(line(found, 'gpu.opaque', 'PROTECTED_PCIE_STATUS')?.value).toBe('on');
    expect(line(found, 'gpu.opaque', 'BOARD_ID')?.doc).toContain('h100-sxm');
    expect(line(found, 'gpu.opaque', 'SWITCH_PDI')?.value.split(' ')).toHaveLength(18);
  });

  test('gives offsets at which the bytes are', () => {
    for (const { name, at = 0, lines } of found.sections) {
      if (name !== 'gpu.measurements') continue;
      for (const { at: place = 0, size = 0, value } of lines) {
        const raw = Buffer.from(src.subarray(at + place, at + place + size)).toString('hex');
        expect(value === '00 × 48' ? '00'.repeat(48) : value).toBe(raw);
      }
    }
    const opaque = found.sections.find(({ name }) => name === 'gpu.opaque');
    const fwid = opaque?.lines.find(({ path }) => path === 'FWID');
    const from = (opaque?.at ?? 0) + (fwid?.at ?? 0);
    expect(Buffer.from(src.subarray(from, from + 48)).toString('hex')).toBe(fwid?.value);
  });

  test.each([
    ['a field that comes with another length', reportOf(['opaque.driverVersion=0x00']), /No device writes this/],
    ['a count that disagrees with its measurement', reportOf(['measurements.1=00*']), /MSRSCNT and measurement 1 disagree/],
    ['bytes behind the signature', Uint8Array.from([...src, 0]), /No device writes this/],
  ])('says of %s that it is broken', (_, bytes, message) => {
    expect(notes(inspect(bytes), 'broken')).toEqual([expect.stringMatching(message)]);
  });
});

describe('evidence', () => {
  test('says whether each report is signed by its chain', () => {
    const [first, second] = JSON.parse(Buffer.from(file('evidence.json')).toString()) as Record<string, string>[];
    const swapped = inspect(Buffer.from(JSON.stringify([{ ...first, certificate: second?.certificate }])));
    expect(notes(swapped, 'broken')).toEqual(['Device 0: the signature of its report is not that of the first of its certificates.']);
  });

  test('is read as the command line of NVIDIA’s tool prints it', () => {
    const wrapped = JSON.stringify({ evidences: JSON.parse(Buffer.from(file('evidence.json')).toString()) as unknown, result_code: 0 });
    expect(inspect(Buffer.from(wrapped)).format).toBe('gpu-evidence');
  });
});
