/** What anybody can send in place of a report, evidence in JSON or a request for measurements: only typed errors come out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gpuMachine } from '../../emulator/h100/device/machine.ts';
import { h100Evidence } from '../../emulator/h100/evidence/evidence.ts';
import { decodeGpuReport, encodeGpuReport, mapGpuReport } from '../../emulator/h100/report/report.ts';
import { opaqueText } from '../../emulator/h100/report/values.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import { GET_MEASUREMENTS_11 } from '../../emulator/link/spdm/messages/measurements.ts';
import { h100World } from '../h100/world.ts';
import { bombard, damaged, flipped, PATIENCE } from './damage.ts';
import { iterations } from './iterations.ts';

const { gpus, switches } = gpuMachine(h100World(), { model: 'h100-sxm', mode: 'ppcie', switches: 1 });
const REPORTS = [...gpus, ...switches].map((device) => device.attestationReport(new Uint8Array(32)));
/** Where lengths, counts and types are. */
const PLACES = REPORTS.map((src) => {
  const { response, blocks, opaque, fields } = mapGpuReport(src);
  const range = (at: number, size: number): number[] => Array.from({ length: size }, (_, i) => at + i);
  return [...range(0, 4), ...range(response, 8), ...blocks.flatMap((at) => range(at, 7)), ...range(opaque, 2), ...fields.flatMap(({ at }) => range(at, 4))];
});
/** Bytes at such places changed. */
const aimed = fc.nat(REPORTS.length - 1).chain((which) =>
  fc.array(fc.tuple(fc.constantFrom(...(PLACES[which] ?? [0])), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))), { minLength: 1, maxLength: 6 }).map((edits) => {
    const copy = (REPORTS[which] ?? new Uint8Array()).slice();
    for (const [at, to] of edits) copy[at] = to;
    return copy;
  }),
);
const inputs = fc.oneof({ weight: 4, arbitrary: aimed }, { weight: 2, arbitrary: damaged(...REPORTS) }, { weight: 1, arbitrary: flipped(...REPORTS) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) });

describe('reports', () => {
  test('are read strictly, or refused; what is read comes back byte for byte', PATIENCE, () => {
    const read = bombard(inputs, (src) => {
      const report = decodeGpuReport(src);
      expect(Buffer.compare(encodeGpuReport(report), src)).toBe(0);
    });
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(iterations);
  });

  test('are read with whatever is unusual, or refused; every field can be shown', PATIENCE, () => {
    const read = bombard(inputs, (src) => {
      const report = decodeGpuReport(src, { unusual: 'keep' });
      for (const field of report.opaque) opaqueText(field);
      expect(report.measurements.length).toBeLessThanOrEqual(255);
      expect(mapGpuReport(src).end).toBe(src.length - report.trailing.length);
    });
    expect(read).toBeGreaterThan(0);
  });

  test('are inspected, or not recognised', PATIENCE, () => {
    expect(bombard(inputs, (src) => inspect(src), Math.ceil(iterations / 20))).toBeGreaterThan(0);
  });
});

describe('evidence in JSON', () => {
  const evidence = JSON.parse(Buffer.from(h100Evidence(h100World(), { count: 2 }).bundle.files.get('evidence.json') ?? []).toString()) as Record<string, unknown>[];
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('', 'AA==', null, 0, [], {}, evidence[0]?.evidence, evidence[1]?.certificate));
  const changed = fc.array(fc.tuple(fc.nat(1), fc.constantFrom('arch', 'certificate', 'evidence', 'nonce', 'version', '__proto__'), value), { minLength: 1, maxLength: 3 }).map((edits) => {
    const copy = evidence.map((device) => ({ ...device }));
    for (const [i, member, to] of edits) Object.defineProperty(copy[i] ?? {}, member, { value: to, enumerable: true, configurable: true, writable: true });
    return Buffer.from(JSON.stringify(copy));
  });
  test('is inspected, or not recognised', PATIENCE, () => {
    expect(bombard(fc.oneof(changed, damaged(Buffer.from(JSON.stringify(evidence)))), (src) => inspect(new Uint8Array(src)), Math.ceil(iterations / 100))).toBeGreaterThan(0);
  });
});

describe('requests for measurements', () => {
  const [gpu] = gpus;
  const request = GET_MEASUREMENTS_11.encode({ attributes: { signatureRequested: 1, reserved: 0 }, operation: 0xff });
  test('are always answered: with MEASUREMENTS or with ERROR', PATIENCE, () => {
    // A signature is a millisecond.
    bombard(
      fc.oneof({ weight: 1, arbitrary: damaged(request) }, { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }) }),
      (src) => {
        const answer = gpu?.getMeasurements(src) ?? new Uint8Array();
        expect([0x60, 0x7f]).toContain(answer[1]);
        if (answer[1] === 0x7f) expect(answer).toHaveLength(4);
      },
      Math.ceil(iterations / 10),
    );
  });
});

describe('settings', () => {
  const word = fc.constantFrom(
    'request',
    'response',
    'measurements',
    'responderNonce',
    'opaque',
    'signature',
    'gpu.0',
    'switch.0',
    'nonce',
    'slot',
    'slotId',
    'recordLength',
    'opaqueLength',
    'vbiosVersion',
    'boardId',
    'driverVersion',
    'fwid',
    'msrscnt',
    '0',
    '63',
    '64',
    '__proto__',
    'constructor',
  );
  const value = fc.oneof(
    fc.constantFrom('none', 'on', 'ff*', '0x', '0x00', '00', '96.00.9F.00.01', '18446744073709551616', '-1', '16777216'),
    fc.string({ minLength: 1, maxLength: 80 }),
    fc.stringMatching(/^[0-9a-f]{64}$/),
  );
  const setting = fc.tuple(fc.array(word, { minLength: 1, maxLength: 4 }), value).map(([path, text]) => `${path.join('.')}=${text}`);
  const world = h100World();
  test('are made, or refused', PATIENCE, () => {
    expect(bombard(fc.array(setting, { minLength: 1, maxLength: 3 }), (set) => h100Evidence(world, { set }), Math.ceil(iterations / 20))).toBeGreaterThan(0);
  });
});
