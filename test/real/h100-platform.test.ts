/** Genuine reports and manifests beside what an emulated device of the same kind and releases writes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Gpu, type GpuSettings } from '../../emulator/h100/device/gpu.ts';
import { NvSwitch } from '../../emulator/h100/device/nvswitch.ts';
import { driverRim, switchRim, vbiosRim } from '../../emulator/h100/platform/golden.ts';
import { DRIVER_RELEASES, driverReleaseOf, VBIOS_RELEASES, vbiosReleaseOf } from '../../emulator/h100/platform/releases.ts';
import { gpuModelNamed } from '../../emulator/h100/platform/models.ts';
import { decodeGpuReport, type GpuReport, opaqueField } from '../../emulator/h100/report/report.ts';
import { readRim } from '../../emulator/h100/rim/read.ts';
import type { RimContents } from '../../emulator/h100/rim/contents.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';
import { h100World } from '../h100/world.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const genuine = (name: string): GpuReport => decodeGpuReport(realSample(`h100/${name}.report.bin`), { unusual: 'keep' });

/** How the machine of each genuine report of a GPU is set up. */
const MACHINES: Readonly<Record<string, GpuSettings>> = {
  'gh100-sdk-old': { model: 'h100-pcie', driver: '535.86.09', vbios: '96.00.5E.00.01' },
  'gh100-550.90.07': { model: 'h100-pcie', driver: '550.90.07', vbios: '96.00.9F.00.01' },
  'gh100-certhold': { model: 'h100-pcie', driver: '570.86.10', vbios: '96.00.AF.00.01' },
  'gh100-coco': { model: 'h100-pcie', driver: '580.95.05', vbios: '96.00.74.00.1A' },
  'gh100-570.124.06': { model: 'h200', driver: '570.124.06', vbios: '96.00.CF.00.02', mode: 'ppcie', index: 7 },
  'gh100-tinfoil': { model: 'h200', driver: '595.71.05', vbios: '96.00.D9.00.02' },
  'gh100-sdk': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 0 },
  'gh100-590.12': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 7 },
  'gh100-multi0': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 0 },
  'gh100-multi1': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 1 },
  'gh100-multi2': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 2 },
  'gh100-multi3': { model: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01', mode: 'ppcie', index: 3 },
  'blackwell-sdk': { model: 'b200', driver: '575.32', vbios: '97.00.88.00.0F' },
  'blackwell-590.48.01': { model: 'b200', driver: '590.48.01', vbios: '97.00.D9.00.35', decoder: true },
  'blackwell-veraison': { model: 'b200', driver: '590.48.01', vbios: '97.00.E4.00.11' },
};

/** The four switches of a genuine machine by position: which link of GPU 0, 1, 7 leads where is the same on every board. */
const LINK_TO: Readonly<Record<number, readonly number[]>> = { 0: [12, 0, 6, 2], 1: [6, 0, 2, 4], 2: [12, 0, 8, 2], 3: [6, 8, 0, 2], 7: [8, 2, 0, 12] };

function switchesOf(report: GpuReport, gpu: number): Uint8Array[] {
  const links = opaqueField(report, 'SWITCH_PDI') ?? new Uint8Array();
  return (LINK_TO[gpu] ?? []).map((link) => links.slice(link * 8, link * 8 + 8).reverse());
}

/** The emulated GPU that is set up as the genuine one, and its report for the same nonce. */
function twin(name: string): { readonly own: GpuReport; readonly other: GpuReport } {
  const other = genuine(name);
  const settings = MACHINES[name] ?? {};
  const gpu = new Gpu(h100World(), { ...settings, ...(settings.mode === 'ppcie' ? { switchPdis: switchesOf(other, settings.index ?? 0) } : {}) });
  return { own: decodeGpuReport(gpu.attestationReport(other.request.nonce)), other };
}

const names = (end: string): string[] => (REAL_SAMPLES === undefined ? [] : readdirSync(join(REAL_SAMPLES, 'h100')).filter((name) => name.endsWith(end)));

describeReal('an emulated GPU that is set up as a genuine one', () => {
  test('there is one for every genuine report of a GPU', () => {
    expect(
      names('.report.bin')
        .filter((name) => !name.startsWith('ls10'))
        .map((name) => name.replace('.report.bin', ''))
        .sort(),
    ).toEqual(Object.keys(MACHINES).sort());
  });

  test.each(Object.keys(MACHINES))('%s: sends the same request and head', (name) => {
    const { own, other } = twin(name);
    expect(own.request).toEqual(other.request);
    expect(own.response).toEqual(other.response);
  });

  test.each(Object.keys(MACHINES))('%s: writes the same opaque data byte for byte, but for the digest of its firmware', (name) => {
    const { own, other } = twin(name);
    const shown = ({ opaque }: GpuReport): string[] => opaque.map(({ name: field, data }) => `${field} ${field === 'FWID' ? data.length : hex(data)}`);
    expect(shown(own)).toEqual(shown(other));
  });

  test.each(Object.keys(MACHINES))('%s: makes the same measurements, and leaves the same ones zero', (name) => {
    const { own, other } = twin(name);
    const made = ({ measurements }: GpuReport): string[] => measurements.map(({ index, type, value }) => `${index} ${type} ${value.some((byte) => byte !== 0)}`);
    expect(made(own)).toEqual(made(other));
  });

  test('two have equal firmware ids and measurements where the genuine ones have', () => {
    const pairs = Object.keys(MACHINES).flatMap((a, i) =>
      Object.keys(MACHINES)
        .slice(i + 1)
        .map((b) => [twin(a), twin(b)] as const),
    );
    const fwid = (report: GpuReport): string => hex(opaqueField(report, 'FWID') ?? new Uint8Array());
    for (const [a, b] of pairs) expect(fwid(a.own) === fwid(b.own)).toBe(fwid(a.other) === fwid(b.other));
  });
});

describeReal('an emulated switch that is set up as the genuine one', () => {
  const other = (): GpuReport => genuine('ls10-sdk');
  const POSITION = 2;

  test('writes the same opaque data but for the ids of GPUs and their ports, which are those of another board', () => {
    const pdi = opaqueField(other(), 'SWITCH_PDI') ?? new Uint8Array();
    const own = decodeGpuReport(new NvSwitch(h100World(), { position: POSITION, pdi, gpuPdis: Array.from({ length: 8 }, (_, i) => new Uint8Array(8).fill(i + 1)) }).attestationReport(other().request.nonce));
    const shown = ({ opaque }: GpuReport): string[] => opaque.map(({ name, data }) => `${name} ${name === 'GPU_PDIS' ? data.length : hex(data)}`);
    expect(shown(own)).toEqual(shown(other()));
    const zero = ({ measurements }: GpuReport): boolean[] => measurements.map(({ value }) => value.every((byte) => byte === 0));
    expect(zero(own)).toEqual(zero(other()));
    expect(own.response).toEqual(other().response);
    expect(own.measurements.slice(26)).toEqual(other().measurements.slice(26));
  });

  test('shows of each measurement the alternative that the genuine one shows of its manifest', () => {
    const manifest = readRim(realSample('h100/rim/NV_SWITCH_BIOS_5612_0002_890_9610550001.xml'));
    const place = (alternatives: readonly Uint8Array[], value: Uint8Array): number => alternatives.findIndex((golden) => hex(golden) === hex(value));
    const own = decodeGpuReport(new NvSwitch(h100World(), { position: POSITION, pdi: new Uint8Array(8), gpuPdis: new Array<Uint8Array>(8).fill(new Uint8Array(8)) }).attestationReport(new Uint8Array(32)));
    const ours = switchRim();
    for (const { index, value } of other().measurements) {
      const theirs = place(manifest.measurements[index]?.alternatives ?? [], value);
      expect([index, place(ours.measurements[index]?.alternatives ?? [], own.measurements[index]?.value ?? new Uint8Array())]).toEqual([index, theirs]);
    }
  });
});

/** What a manifest says but for the digests: names, activity, and which values are zero or equal. */
function form({ edition, model, product, version, firmwareManufacturerId, measurements }: Omit<RimContents, 'id'>): unknown {
  return {
    edition,
    model,
    product,
    version,
    firmwareManufacturerId,
    rows: measurements.map(({ index, name, active, alternatives }) => {
      const values = alternatives.map(hex);
      return `${index} ${name} ${active} ${values.map((value) => (/^0*$/.test(value) ? '0' : values.indexOf(value))).join(',')}`;
    }),
  };
}

describeReal('genuine manifests', () => {
  const MANIFESTS: readonly (readonly [file: string, own: () => RimContents])[] = [
    ['NV_GPU_DRIVER_GH100_550.90.07.xml', () => driverRim(driverReleaseOf('550.90.07'), 'GH100')],
    ['NV_GPU_DRIVER_GH100_550.144.03.xml', () => driverRim(driverReleaseOf('550.144.03'), 'GH100')],
    ['NV_GPU_VBIOS_1010_0200_882_96009F0001.xml', () => vbiosRim(vbiosReleaseOf('96.00.9F.00.01', gpuModelNamed('h100-pcie')), gpuModelNamed('h100-pcie'))],
    ['1010_0200_882_96005E0001_PROD.swidtag', () => vbiosRim(vbiosReleaseOf('96.00.5E.00.01', gpuModelNamed('h100-pcie')), gpuModelNamed('h100-pcie'))],
    ['NV_SWITCH_BIOS_5612_0002_890_9610550001.xml', () => switchRim()],
  ];
  test.each(MANIFESTS)('%s: the emulated one has the same rows, names, activity and zeros', (file, own) => {
    expect(form(own())).toEqual(form(readRim(realSample(`h100/rim/${file}`))));
  });

  test.each(MANIFESTS.filter(([file]) => file.startsWith('NV_')))('%s: the emulated one has its id', (file, own) => {
    expect(`${own().id}.xml`).toBe(file);
  });
});

describeReal('releases', () => {
  const drivers = new Set(Object.values(MACHINES).map(({ driver }) => driver));
  const firmware = new Set(Object.values(MACHINES).map(({ vbios }) => vbios));
  test('every one without a genuine report is called assumed, or has a genuine manifest', () => {
    const bare = [...DRIVER_RELEASES.values()].flatMap(({ version, chips }) => Object.values(chips).flatMap(({ assumed }) => (drivers.has(version) || assumed ? [] : [version])));
    expect(bare).toEqual([]);
    expect([...VBIOS_RELEASES.values()].filter(({ version, assumed, source }) => !firmware.has(version) && !assumed && !source.includes('manifest')).map(({ version }) => version)).toEqual([]);
  });
});
