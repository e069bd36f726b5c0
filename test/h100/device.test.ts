/** The emulated GPU: what it answers, what it refuses, and what the management library shows. */
import { verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Gpu, type GpuSettings } from '../../emulator/h100/device/gpu.ts';
import { gpuMachine } from '../../emulator/h100/device/machine.ts';
import { NvSwitch } from '../../emulator/h100/device/nvswitch.ts';
import { portsOf } from '../../emulator/h100/platform/wiring.ts';
import { decodeGpuReport, opaqueField } from '../../emulator/h100/report/report.ts';
import { DMTF_MEASUREMENT_HEAD, GET_MEASUREMENTS_11, GET_MEASUREMENTS_HEAD_11, GET_MEASUREMENTS_HEAD_12, MEASUREMENT_BLOCK_HEAD, MEASUREMENTS_HEAD_11 } from '../../emulator/link/spdm/messages/measurements.ts';
import { h100World } from './world.ts';

const NONCE = Uint8Array.from({ length: 32 }, (_, i) => i);
const signedRequest = (operation: number): Uint8Array => GET_MEASUREMENTS_11.encode({ attributes: { signatureRequested: 1, reserved: 0 }, operation, nonce: NONCE });
const plainRequest = (operation: number): Uint8Array => GET_MEASUREMENTS_HEAD_11.encode({ operation });
const headOf = (response: Uint8Array): ReturnType<typeof MEASUREMENTS_HEAD_11.decode> => MEASUREMENTS_HEAD_11.decode(response.subarray(0, 8));
const gpu = new Gpu(h100World());
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

describe('GET_MEASUREMENTS', () => {
  test('for all of them is answered with what the report holds, signed over request and response', () => {
    const request = signedRequest(0xff);
    const response = gpu.getMeasurements(request);
    const report = decodeGpuReport(Uint8Array.from([...request, ...response]));
    expect(headOf(response)).toMatchObject({ spdmVersion: 0x11, responseCode: 0x60, totalCount: 0, numberOfBlocks: 64, recordLength: 64 * 55 });
    expect(report.request.nonce).toEqual(NONCE);
    expect(verify('sha384', report.signed, { key: gpu.attestationKey.publicKey, dsaEncoding: 'ieee-p1363' }, report.signature)).toBe(true);
  });

  test('for one of them is answered with that one, and signed', () => {
    const request = signedRequest(2);
    const response = gpu.getMeasurements(request);
    const all = decodeGpuReport(gpu.attestationReport(NONCE));
    expect(headOf(response)).toMatchObject({ numberOfBlocks: 1, recordLength: 55 });
    const value = 8 + MEASUREMENT_BLOCK_HEAD.size + DMTF_MEASUREMENT_HEAD.size;
    expect(hex(response.subarray(value, value + 48))).toBe(hex(all.measurements[1]?.value ?? new Uint8Array()));
    expect(verify('sha384', Buffer.concat([request, response.subarray(0, -96)]), { key: gpu.attestationKey.publicKey, dsaEncoding: 'ieee-p1363' }, response.subarray(-96))).toBe(true);
  });

  test('for their number is answered with the number, without a signature', () => {
    const response = gpu.getMeasurements(plainRequest(0));
    expect(headOf(response)).toMatchObject({ totalCount: 64, numberOfBlocks: 0, recordLength: 0 });
    expect(response).toHaveLength(8 + 32 + 2);
  });

  test('without a signature holds every block, a nonce and no opaque data', () => {
    expect(gpu.getMeasurements(plainRequest(0xff))).toHaveLength(8 + 64 * 55 + 32 + 2);
  });

  test('draws another nonce each time', () => {
    const nonce = (): string => hex(decodeGpuReport(gpu.attestationReport(NONCE)).responderNonce);
    expect(nonce()).not.toBe(nonce());
  });

  const ERRORS: readonly (readonly [what: string, request: Uint8Array, code: number, data?: number])[] = [
    ['nothing', new Uint8Array(), 0x01],
    ['a cut head', plainRequest(0).subarray(0, 3), 0x01],
    ['another version of SPDM', GET_MEASUREMENTS_HEAD_12.encode({ spdmVersion: 0x12, operation: 0 }), 0x41],
    ['another request', Uint8Array.of(0x11, 0x81, 0, 0), 0x07, 0x81],
    ['a measurement that there is not', plainRequest(65), 0x01],
    ['reserved attributes', Uint8Array.of(0x11, 0xe0, 0x80, 0), 0x01],
    ['a signature without a nonce', Uint8Array.of(0x11, 0xe0, 1, 0xff), 0x01],
    ['a nonce that is cut', signedRequest(0xff).subarray(0, 20), 0x01],
    ['more than there is', Uint8Array.from([...signedRequest(0xff), 0]), 0x01],
    ['another slot', signedRequest(0xff).with(36, 1), 0x01],
    ['a nonce nobody asked for', Uint8Array.from([...plainRequest(0), 0]), 0x01],
  ];
  test.each(ERRORS.map(([what, request, code, data = 0]) => [what, { request, code, data }] as const))('%s is answered with ERROR', (_, { request, code, data }) => {
    expect(hex(gpu.getMeasurements(request))).toBe(hex(Uint8Array.of(0x11, 0x7f, code, data)));
  });
});

describe('modes', () => {
  const view = (settings: GpuSettings): unknown => new Gpu(h100World(), settings).nvml.confCompute;
  const switchPdis = Array.from({ length: 4 }, (_, i) => new Uint8Array(8).fill(i + 1));
  test.each<[string, GpuSettings, unknown]>([
    ['on', {}, { environment: 2, ccFeature: 1, devToolsMode: 0, multiGpuMode: 0 }],
    ['devtools', { ccMode: 'devtools' }, { environment: 2, ccFeature: 1, devToolsMode: 1, multiGpuMode: 0 }],
    ['off', { ccMode: 'off' }, { environment: 0, ccFeature: 0, devToolsMode: 0, multiGpuMode: 0 }],
    ['protected PCIe', { model: 'h200', mode: 'ppcie', switchPdis }, { environment: 2, ccFeature: 1, devToolsMode: 0, multiGpuMode: 1 }],
  ])('%s is what the management library shows', (_, settings, shown) => {
    expect(view(settings)).toEqual(shown);
  });

  test('off: no reports, no work, and no answer but ERROR', () => {
    const off = new Gpu(h100World(), { ccMode: 'off' });
    expect(() => off.attestationReport(NONCE)).toThrow(expect.objectContaining({ code: 'ERR_FIRMWARE_STATUS', statusName: 'NVML_ERROR_NOT_SUPPORTED', status: 3 }));
    expect(() => off.setReady(true)).toThrow(expect.objectContaining({ statusName: 'NVML_ERROR_NOT_SUPPORTED' }));
    expect(hex(off.getMeasurements(signedRequest(0xff)))).toBe('117f0400');
  });

  test('devtools: one measurement is not as it would be', () => {
    const values = (ccMode: 'on' | 'devtools'): string[] => decodeGpuReport(new Gpu(h100World(), { ccMode }).attestationReport(NONCE)).measurements.map(({ value }) => hex(value));
    const [on, devtools] = [values('on'), values('devtools')];
    expect(on.filter((value, i) => value !== devtools[i])).toHaveLength(1);
  });

  test('protected PCIe: the report names the switch at every link', () => {
    const report = decodeGpuReport(new Gpu(h100World(), { model: 'h100-sxm', mode: 'ppcie', switchPdis }).attestationReport(NONCE));
    expect(opaqueField(report, 'PROTECTED_PCIE_STATUS')).toEqual(Uint8Array.of(0xaa));
    const ids = hex(opaqueField(report, 'SWITCH_PDI') ?? new Uint8Array()).match(/.{16}/g) ?? [];
    expect(ids).toHaveLength(18);
    expect(new Set(ids)).toEqual(new Set(switchPdis.map(hex)));
  });

  test('a GPU takes work when it was said to, and says so', () => {
    const own = new Gpu(h100World());
    expect(own.nvml.ready).toBe(false);
    own.setReady(true);
    expect(own.nvml.ready).toBe(true);
  });

  test('a nonce of another length is refused as the library does', () => {
    expect(() => gpu.attestationReport(new Uint8Array(31))).toThrow(expect.objectContaining({ statusName: 'NVML_ERROR_INVALID_ARGUMENT' }));
  });
});

describe('a machine', () => {
  const { gpus, switches } = gpuMachine(h100World(), { model: 'h100-sxm', mode: 'ppcie', count: 3, switches: 2 });
  test('has GPUs and switches that differ in id, key and UUID', () => {
    const all = [...gpus, ...switches];
    for (const of of [(d: Gpu | NvSwitch) => hex(d.identity.pdi), (d: Gpu | NvSwitch) => hex(d.attestationKey.spki), (d: Gpu | NvSwitch) => d.uuid]) expect(new Set(all.map(of)).size).toBe(5);
  });

  test('another machine of the world has others', () => {
    const other = gpuMachine(h100World(), { model: 'h100-sxm', machine: 1 });
    expect(hex(other.gpus[0]?.identity.pdi ?? new Uint8Array())).not.toBe(hex(gpus[0]?.identity.pdi ?? new Uint8Array()));
  });

  test.each([0, 1, 2, 3])('the switch at position %i finds all eight GPUs, in the order of its ports', (position) => {
    const { found, ports } = portsOf(position);
    expect([...found].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const firsts = [...new Set([...ports].filter((place) => place !== 0xff))];
    expect(firsts).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...ports].filter((place) => place === 7)).toHaveLength(1);
  });

  test('a switch can’t sit beside the board, nor know other GPUs than eight', () => {
    const pdi = new Uint8Array(8);
    expect(() => new NvSwitch(h100World(), { position: 4, pdi, gpuPdis: new Array<Uint8Array>(8).fill(pdi) })).toThrow(RangeError);
    expect(() => new NvSwitch(h100World(), { position: 0, pdi, gpuPdis: [pdi] })).toThrow(RangeError);
  });
});
