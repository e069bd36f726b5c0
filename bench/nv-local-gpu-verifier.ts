/** NVIDIA's own verifier in Python: the program of the interoperability tests, with manifests and OCSP answers from our services, in a process that says how much CPU time it took. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { h100Evidence } from '../emulator/h100/evidence/evidence.ts';
import { FAMILIES } from '../emulator/h100/platform/models.ts';
import { startServices } from '../emulator/services/start.ts';
import type { World } from '../emulator/world.ts';
import { type Speed, summary } from './ratio.ts';

const REPEAT = 7;
const here = (name: string): string => fileURLToPath(new URL(`../../test/interop/nv-verifier/${name}`, import.meta.url));

/** Verifications of one GPU per CPU second; undefined where there is no Python, or its packages can't be had. @throws {Error} when the evidence is refused */
export async function nvSpeed(name: string, world: World): Promise<Speed | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  try {
    const packages = install(folder);
    if (packages === undefined) return undefined;
    await using services = await startServices({ world });
    const { device, rim } = services.vendors.h100.roots;
    writeFileSync(join(packages, 'verifier', 'certs', 'verifier_device_root.pem'), device);
    writeFileSync(join(packages, 'verifier', 'certs', 'verifier_RIM_root.pem'), rim);
    const { nonce, devices } = h100Evidence(world);
    const gpus = devices.map(({ architecture, uuid, report, certificates, vbiosVersion }) => ({
      report: Buffer.from(report).toString('hex'),
      certificate: certificates.map(({ pem }) => pem).join(''),
      vbiosVersion,
      uuid,
      boardId: 0,
      architecture: FAMILIES[architecture].nvml ?? 0,
    }));
    const question = { mode: 'local', nonce: Buffer.from(nonce).toString('hex'), rim: `${services.url.rim}/v1/rim/`, ocsp: `${services.url.ocsp}/`, machine: { driverVersion: devices[0]?.driverVersion, gpus } };
    const answers = await asked(
      folder,
      Array.from({ length: REPEAT }, () => question),
    );
    const refused = answers.find(({ accepted }) => !accepted);
    if (refused) throw new Error(`the evidence was refused: ${refused.log}`);
    return summary(
      name,
      answers.map(({ cpu }) => 1 / cpu),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns where the packages are */
function install(folder: string): string | undefined {
  try {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' });
    execFileSync(join(folder, 'bin', 'pip'), ['install', '--quiet', '--no-deps', '--requirement', here('requirements.txt')], { stdio: 'ignore' });
    return execFileSync(join(folder, 'bin', 'python'), ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

async function asked(folder: string, questions: readonly object[]): Promise<{ accepted: boolean; cpu: number; log: string }[]> {
  const child = spawn(join(folder, 'bin', 'python'), [here('driver.py')], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  await once(child, 'close');
  return Buffer.concat(output)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { accepted: boolean; cpu: number; log: string });
}
