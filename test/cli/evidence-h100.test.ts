/** `teemu evidence h100`: the bundle on disk, and what is wrong said of the option as it was written. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeGpuReport } from '../../emulator/h100/report/report.ts';
import { call, scratch } from './call.ts';

const AT = '1782864000';
const cwd = scratch();
let folders = 0;
/** Makes evidence of the seed `x` in a folder of its own. */
async function make(...args: string[]): Promise<Awaited<ReturnType<typeof call>> & { dir: string }> {
  const dir = `out${folders++}`;
  return { ...(await call(['evidence', 'h100', '--seed', 'x', '--at', AT, '--out', dir, ...args], { cwd })), dir: join(cwd, dir) };
}
const manifest = (dir: string): Record<string, unknown> => JSON.parse(readFileSync(join(dir, 'bundle.json'), 'utf8')) as Record<string, unknown>;

describe('teemu evidence h100', () => {
  test('writes the bundle that the contract describes', async () => {
    const { code, dir, stdout } = await make('--nonce', '0102');
    expect(code).toBe(0);
    expect(manifest(dir)).toMatchObject({ tee: 'h100', gpu: 'h100-pcie', nonce: `0102${'00'.repeat(30)}`, driverVersion: '550.90.07', vbiosVersion: '96.00.9F.00.01', verifyAt: Number(AT), services: {} });
    expect(readdirSync(dir).toSorted()).toEqual(['bundle.json', 'cert_chain.pem', 'driver_rim.xml', 'evidence.json', 'ocsp', 'report.bin', 'rim_root.pem', 'root.pem', 'vbios_rim.xml']);
    // Three certificates of the device and three of each manifest, of which two are the same.
    expect(readdirSync(join(dir, 'ocsp'))).toHaveLength(7);
    const report = readFileSync(join(dir, 'report.bin'));
    expect(Buffer.from(decodeGpuReport(new Uint8Array(report)).request.nonce).toString('hex')).toBe(`0102${'00'.repeat(30)}`);
    const [device] = JSON.parse(readFileSync(join(dir, 'evidence.json'), 'utf8')) as Record<string, string>[];
    expect(Object.keys(device ?? {})).toEqual(['arch', 'certificate', 'evidence', 'nonce']);
    expect(Buffer.from(device?.evidence ?? '', 'base64').equals(report)).toBe(true);
    expect(Buffer.from(device?.certificate ?? '', 'base64').toString()).toBe(readFileSync(join(dir, 'cert_chain.pem'), 'utf8'));
    expect(stdout).toContain('devices.gpu.0.uuid');
  });

  test('takes every option and export', async () => {
    const options = [
      '--gpu',
      'h200',
      '--driver',
      '570.124.06',
      '--vbios',
      '96.00.CF.00.02',
      '--count',
      '2',
      '--switches',
      '1',
      '--machine',
      '3',
      '--cc-mode',
      'devtools',
      '--mode',
      'ppcie',
      '--decoder',
      'on',
      '--set',
      'gpu.1.opaque.boardId=7',
    ];
    const { code, dir } = await make(...options, '--export', 'nvattest', '--export', 'rim-store');
    expect(code).toBe(0);
    expect(manifest(dir)).toMatchObject({ gpu: 'h200', driverVersion: '570.124.06', ccMode: 'devtools', mode: 'ppcie' });
    expect(readdirSync(join(dir, 'nvattest')).toSorted()).toEqual(['gpu_evidence.json', 'switch_evidence.json']);
    expect(readdirSync(join(dir, 'rim-store'))).toHaveLength(3);
  });

  test.each([
    [['--gpu', 'a100'], '--gpu'],
    [['--driver', '1.2'], '--driver'],
    [['--gpu', 'b200', '--driver', '550.90.07'], '--driver'],
    [['--vbios', '96.00.A5.00.01'], '--vbios'],
    [['--cc-mode', 'off'], '--cc-mode'],
    [['--mode', 'ppcie'], '--mode'],
    [['--nonce', 'xyz'], '--nonce'],
    [['--count', '9'], '--count'],
  ])('%s is refused by the name of the option', async (args, flag) => {
    const { code, stderr } = await make(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(flag);
  });
});
