/** GPU evidence as a whole: what the strict verifier says of it, what is in the bundle, and what can be set. */
import { describe, expect, test } from 'vitest';
import { exportBundle } from '../../emulator/bundle.ts';
import { h100Evidence } from '../../emulator/h100/evidence/evidence.ts';
import { H100_EXPORTS } from '../../emulator/h100/evidence/exports.ts';
import type { H100OptionsInput } from '../../emulator/h100/evidence/options.ts';
import { GPU_MODELS } from '../../emulator/h100/platform/models.ts';
import { DRIVER_RELEASES, VBIOS_RELEASES } from '../../emulator/h100/platform/releases.ts';
import { decodeGpuReport, opaqueField } from '../../emulator/h100/report/report.ts';
import { textOf } from '../../emulator/h100/report/values.ts';
import { verifyBundle } from '../../harness/verify/index.ts';
import { h100World } from './world.ts';

/** Every driver on every kind of GPU that it runs on, and every firmware. */
const RELEASES: readonly H100OptionsInput[] = [
  ...[...GPU_MODELS.values()].flatMap(({ name, architecture }) => [...DRIVER_RELEASES.values()].filter(({ chips }) => chips[architecture]).map(({ version }): H100OptionsInput => ({ gpu: name, driver: version }))),
  ...[...VBIOS_RELEASES.values()].map(({ version, model }): H100OptionsInput => ({ gpu: model, vbios: version })),
];
const shown = (options: H100OptionsInput): string => JSON.stringify(options);

describe('the strict verifier', () => {
  const world = h100World();
  test.each(RELEASES.map((options) => [shown(options), options] as const))('accepts %s', (_, options) => {
    const { bundle } = h100Evidence(world, options);
    const noFwid = options.driver?.startsWith('535') ? { allowNoFwid: true } : {};
    expect(verifyBundle(bundle, noFwid)).toMatchObject({ accepted: true });
  });

  test.each([
    ['eight GPUs and four switches in protected PCIe mode', { gpu: 'h100-sxm', mode: 'ppcie' }],
    ['the same with H200', { gpu: 'h200', mode: 'ppcie', count: 8, driver: '570.124.06', vbios: '96.00.CF.00.02' }],
    ['four GPUs with one nonce', { gpu: 'b200', count: 4 }],
    ['GPUs with firmware of their own', { count: 3, vbios: '96.00.9F.00.01,96.00.AF.00.01' }],
  ] satisfies readonly (readonly [string, H100OptionsInput])[])('accepts %s', (_, options) => {
    expect(verifyBundle(h100Evidence(world, options).bundle)).toMatchObject({ accepted: true });
  });

  test.each([
    ['a measurement', ['measurements.9=ff*'], 'measurement-mismatch'],
    ['the signature', ['signature=01*'], 'report-signature'],
    ['the nonce', ['request.nonce=00*'], undefined],
    ['the driver’s version', ['opaque.driverVersion=550.90.08'], undefined],
    ['the firmware’s version', ['opaque.vbiosVersion=96.00.9F.00.02'], undefined],
    ['the FWID', ['opaque.fwid=00*'], undefined],
    ['the number of blocks', ['response.numberOfBlocks=63'], undefined],
    ['the length of the opaque data', ['response.opaqueLength=400'], undefined],
  ])('refuses evidence in which %s is set otherwise', (_, set, reason) => {
    const verdict = verifyBundle(h100Evidence(world, { set: [...set] }).bundle);
    expect(verdict).toMatchObject({ accepted: false, ...(reason === undefined ? {} : { reason }) });
  });

  test('refuses all of several GPUs when one of them is bad', () => {
    expect(verifyBundle(h100Evidence(world, { count: 3, set: ['gpu.1.measurements.22=ff*'] }).bundle)).toMatchObject({ accepted: false, reason: 'measurement-mismatch' });
  });

  test.each(['gpu.3.opaque.fwid=none', 'gpu.10.opaque.fwid=none', 'switch.0.signature=01*'])('there is none with %s where there are three GPUs and no switch', (set) => {
    expect(() => h100Evidence(world, { count: 3, set: [set] })).toThrow(/no such device; there are: gpu\.0, gpu\.1, gpu\.2$/);
  });

  test('refuses a GPU in devtools mode', () => {
    expect(verifyBundle(h100Evidence(world, { ccMode: 'devtools' }).bundle)).toMatchObject({ accepted: false, reason: 'measurement-mismatch' });
  });
});

describe('a bundle', () => {
  const { bundle, devices, nonce } = h100Evidence(h100World(), { gpu: 'h100-sxm', mode: 'ppcie', nonce: 'c0ffee' });
  const devicesOf = (name: string): readonly Record<string, string>[] => JSON.parse(Buffer.from(bundle.files.get(name) ?? []).toString()) as readonly Record<string, string>[];

  test('holds every device, GPUs first, all asked with the same nonce', () => {
    expect(devices.map(({ place }) => `${place.kind}${place.index}`)).toEqual([...Array.from({ length: 8 }, (_, i) => `gpu${i}`), ...Array.from({ length: 4 }, (_, i) => `switch${i}`)]);
    const listed = devicesOf('evidence.json');
    expect(listed.map(({ arch }) => arch)).toEqual([...new Array<string>(8).fill('HOPPER'), ...new Array<string>(4).fill('LS10')]);
    for (const device of listed) {
      expect(Object.keys(device)).toEqual(['arch', 'certificate', 'evidence', 'nonce']);
      const report = decodeGpuReport(Buffer.from(device.evidence ?? '', 'base64'));
      expect(Buffer.from(report.request.nonce).toString('hex')).toBe(device.nonce);
    }
    expect(Buffer.from(nonce).toString('hex')).toBe(`c0ffee${'00'.repeat(29)}`);
  });

  test('no two devices have a key, a chain or a nonce of their own in common', () => {
    const reports = devices.map(({ report }) => decodeGpuReport(report));
    expect(new Set(devices.map(({ certificates }) => certificates[0]?.pem)).size).toBe(12);
    expect(new Set(devices.map(({ uuid }) => uuid)).size).toBe(12);
    expect(new Set(reports.map(({ responderNonce }) => Buffer.from(responderNonce).toString('hex'))).size).toBe(12);
  });

  test('GPUs and switches name one another', () => {
    const pdiOf = (i: number): string => Buffer.from(devices[i]?.certificates[1]?.spec.serial.subarray(1) ?? []).toString('hex');
    const ids = (bytes: Uint8Array | undefined): string[] =>
      Buffer.from(bytes ?? [])
        .toString('hex')
        .match(/.{16}/g) ?? [];
    const gpus = Array.from({ length: 8 }, (_, i) => pdiOf(i)).sort();
    const switches = Array.from({ length: 4 }, (_, i) => pdiOf(8 + i));
    for (const { report, place } of devices) {
      const decoded = decodeGpuReport(report);
      if (place.kind === 'switch') {
        expect(ids(opaqueField(decoded, 'SWITCH_PDI'))).toEqual([switches[place.index]]);
        expect(ids(opaqueField(decoded, 'GPU_PDIS')?.subarray(0, 64)).sort()).toEqual(gpus);
      } else {
        const turned = ids(opaqueField(decoded, 'SWITCH_PDI')).map((id) => Buffer.from(id, 'hex').reverse().toString('hex'));
        expect([...new Set(turned)].sort()).toEqual([...switches].sort());
      }
    }
  });

  test('its manifest says where each RIM lies, and which device needs which', () => {
    const rims = bundle.manifest.rims as Record<string, string>;
    expect(rims).toEqual({
      'NV_GPU_DRIVER_GH100_590.12': 'driver_rim.xml',
      NV_GPU_VBIOS_G520_0200_885_9600A50001: 'vbios_rim.xml',
      NV_SWITCH_BIOS_5612_0002_890_9610550001: 'rims/NV_SWITCH_BIOS_5612_0002_890_9610550001.xml',
    });
    for (const { rims: needed } of Object.values(bundle.manifest.devices as Record<string, { rims: string[] }>)) for (const id of needed) expect(bundle.files.has(rims[id] ?? '')).toBe(true);
  });

  test.each([
    ['nvattest', 12],
    ['nvattest-collected', 12],
    ['trustee', 12],
    // Its switches are asked with another nonce.
    ['attestation-rs', 8],
  ])('is exported as %s with its devices', (form, devicesIn) => {
    const exported = exportBundle(H100_EXPORTS, bundle, form);
    const added = [...exported.files].filter(([name]) => !bundle.files.has(name)).map(([, contents]) => Buffer.from(contents).toString());
    expect(added.join('').match(/"(certificate|cert_chain_b64)"/g)).toHaveLength(devicesIn);
  });

  test('is exported as a store of manifests by id', () => {
    const { files } = exportBundle(H100_EXPORTS, bundle, 'rim-store');
    for (const [id, name] of Object.entries(bundle.manifest.rims as Record<string, string>)) expect(files.get(`rim-store/${id}.xml`)).toBe(bundle.files.get(name));
  });

  test('is exported for attestation-rs sorted by UUID', () => {
    const { files } = exportBundle(H100_EXPORTS, bundle, 'attestation-rs');
    const { devices: listed } = JSON.parse(Buffer.from(files.get('attestation-rs/gpu_bundle.json') ?? []).toString()) as { devices: { uuid: string }[] };
    const uuids = listed.map(({ uuid }) => uuid);
    expect(uuids).toEqual(uuids.toSorted());
  });
});

describe('options', () => {
  test.each([
    ['a driver that is not for the chip', { gpu: 'b200', driver: '550.90.07' }, 'driver'],
    ['another board’s firmware', { gpu: 'h100-pcie', vbios: '96.00.A5.00.01' }, 'vbios'],
    ['switches beside PCIe cards', { switches: 1 }, 'switches'],
    ['protected PCIe on a card', { mode: 'ppcie' }, 'mode'],
    ['protected PCIe under an old driver', { gpu: 'h100-sxm', mode: 'ppcie', driver: '550.90.07' }, 'mode'],
    ['several GPUs as Blackwell has them, on Hopper', { mode: 'mpt' }, 'mode'],
    ['a GPU without confidential compute', { ccMode: 'off' }, 'ccMode'],
    ['a nonce that is too long', { nonce: '00'.repeat(33) }, 'nonce'],
    ['nine GPUs', { count: 9 }, 'count'],
  ] satisfies readonly (readonly [string, H100OptionsInput, string])[])('%s is refused by the name of the option', (_, options, key) => {
    expect(() => h100Evidence(h100World(), options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }));
  });

  test.each([
    ['a field that there is not', 'opaque.nonsense=1', 'ERR_CODEC_FIELD'],
    ['a part that there is not', 'nonsense=1', 'ERR_CODEC_FIELD'],
    ['a measurement that there is not', 'measurements.64=ff*', 'ERR_CODEC_FIELD'],
    ['a measurement of the wrong length', 'measurements.1=ffff', 'ERR_CODEC_RANGE'],
    ['a number that does not fit', 'opaque.featureFlag=65536', 'ERR_CODEC_RANGE'],
    ['a nonce that is none', 'request.nonce=xyz', 'ERR_CODEC_RANGE'],
  ])('%s can’t be set', (_, setting, code) => {
    expect(() => h100Evidence(h100World(), { set: [setting] })).toThrow(expect.objectContaining({ code }));
  });

  test('a field is set, replaced, added or left out', () => {
    const report = decodeGpuReport(h100Evidence(h100World(), { set: ['opaque.driverVersion=550.90.12', 'opaque.featureFlag=2', 'opaque.fwid=none', 'opaque.nvdec0Status=on'] }).devices[0]?.report ?? new Uint8Array());
    expect(textOf(opaqueField(report, 'DRIVER_VERSION') ?? new Uint8Array())).toBe('550.90.12');
    expect(report.opaque.at(-1)).toEqual({ type: 36, name: 'FEATURE_FLAG', data: Uint8Array.of(2, 0) });
    expect(opaqueField(report, 'FWID')).toBeUndefined();
    expect(opaqueField(report, 'NVDEC0_STATUS')).toEqual(Uint8Array.of(0xaa));
  });

  test('the same world and options give the same bundle, another world another', () => {
    const options: H100OptionsInput = { count: 2, gpu: 'h200' };
    expect(h100Evidence(h100World(), options).bundle.files).toEqual(h100Evidence(h100World(), options).bundle.files);
    expect(h100Evidence(h100World('other'), options).bundle.files.get('report.bin')).not.toEqual(h100Evidence(h100World(), options).bundle.files.get('report.bin'));
  });
});
