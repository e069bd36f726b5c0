/**
 * `npm run bench`: every ratio that teemu promises, measured side by side in one run. Figures are for this machine and this hour;
 * only the ratios mean something elsewhere. `--json` prints them as data; a word measures only what has it in its name. Nothing here fails: tests never assert a time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCertId } from '../emulator/pki/ocsp/cert-id.ts';
import { writeOcspRequest } from '../emulator/pki/ocsp/request.ts';
import { pemBlocks, readCertificate } from '../emulator/pki/read.ts';
import { startTeemu } from '../emulator/teemu.ts';
import { engines } from './engines.ts';
import { median, type Ratio, type Speed } from './ratio.ts';
import { harness } from './harness.ts';
import { h100Verification } from './h100-verification.ts';
import { reportGeneration } from './report-generation.ts';
import { serving } from './serving.ts';
import { spdmSession } from './spdm-session.ts';
import { tdxQuotes } from './tdx-quotes.ts';
import { tdxVerification } from './tdx-verification.ts';
import { transfers } from './transfer.ts';
import { verification } from './verification.ts';

interface Result {
  readonly speeds: readonly Speed[];
  readonly ratios: readonly Ratio[];
  readonly notes?: readonly string[];
}

async function served(): Promise<Result> {
  await using teemu = await startTeemu({ seed: 'bench' });
  const { chipId } = teemu.evidence('snp').manifest;
  const [, bootRom, provisioner] = pemBlocks(teemu.evidence('h100').files.get('cert_chain.pem') ?? '', 'CERTIFICATE', 'chain').map((der) => readCertificate(der));
  if (!bootRom || !provisioner) throw new Error('a GPU without a chain');
  return await serving(teemu.url, {
    certificate: `vcek/v1/Milan/${String(chipId)}?blSPL=4&teeSPL=0&snpSPL=23&ucodeSPL=213`,
    ocspRequest: writeOcspRequest([writeCertId('sha384', provisioner, bootRom.serial)]),
  });
}

/** Wall-clock milliseconds of the whole process, start to end: median of seven. */
function wholeProcess(): string {
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  const cli = fileURLToPath(new URL('../harness/cli.js', import.meta.url));
  try {
    const times = Array.from({ length: 7 }, (_, i) => {
      const start = performance.now();
      const { status } = spawnSync(process.execPath, [cli, 'evidence', 'snp', '--seed', 'x', '--out', join(folder, String(i))], { stdio: 'ignore' });
      if (status !== 0) throw new Error(`teemu evidence ended with ${status}`);
      return performance.now() - start;
    });
    return `whole process, teemu evidence snp --seed x: ${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)})`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const json = process.argv.includes('--json');
const say = (text: string): void => void process.stderr.write(`${text}\n`);
/** Only those whose name holds the word, where one is given: `npm run bench -- h100`. */
const [wanted = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const results: Result[] = [];
for (const [name, run] of [
  ['report generation', reportGeneration],
  ['verification', verification],
  ['TDX quotes', tdxQuotes],
  ['TDX verification', tdxVerification],
  ['SPDM sessions', spdmSession],
  ['H100 verification', h100Verification],
  ['link engines', engines],
  ['transfers over the link', transfers],
  ['harness', harness],
  ['serving', served],
] as const) {
  if (!name.toLowerCase().includes(wanted.toLowerCase())) continue;
  say(`measuring ${name} ...`);
  results.push(await run());
}
const notes = [...results.flatMap((r) => r.notes ?? []), ...(wanted === '' ? [wholeProcess()] : [])];
const speeds = results.flatMap((r) => r.speeds);
const ratios = results.flatMap((r) => r.ratios);
if (json) process.stdout.write(`${JSON.stringify({ node: process.version, speeds, ratios, notes })}\n`);
else {
  const lines = [
    'per CPU second (median, smallest and largest round)',
    ...speeds.map((s) => `  ${s.name.padEnd(44)} ${s.perSecond.toFixed(0).padStart(8)}   ${s.range.map((v) => v.toFixed(0)).join(' to ')}`),
    'ratios',
    ...ratios.map((r) => `  ${r.value.toFixed(2)}  (goal ${r.goal})  ${r.name}`),
    ...notes,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
