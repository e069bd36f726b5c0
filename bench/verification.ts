/** What a full verification costs: beside go-sev-guest with the same checks, and, with a warm chain, beside the one signature check it can't avoid. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { snpEvidence } from '../emulator/snp/evidence.ts';
import { SIGNED_SIZE } from '../emulator/snp/report.ts';
import { seededWorld, systemClock } from '../emulator/world.ts';
import { maximumPolicy, type PresentedSnp, SnpTrust, verifySnp } from '../harness/verify/index.ts';
import { compare, median, type Ratio, ratio, type Speed, warmUp } from './ratio.ts';

const GUEST_POLICY = 0x30000n;
const GO = 'go-sev-guest 0.15.0, full verification';
const FULL = 'reference verifier, full verification';
const WARM = 'reference verifier, warm chain';
const ALONE = 'crypto.verify P-384, 672 bytes';

export async function verification(): Promise<{ speeds: Speed[]; ratios: Ratio[]; notes: string[] }> {
  const world = seededWorld('bench', systemClock());
  const { report, leaf, intermediate, ark, certificateTable } = snpEvidence(world, { preset: 'qemu' });
  const evidence: PresentedSnp = { report, vcek: leaf.der, ask: intermediate.der, ark: ark.der };
  const wishes = { now: world.now(), ...maximumPolicy(GUEST_POLICY), reportData: new Uint8Array(64) };
  const cold = new SnpTrust([ark.der]);
  const warm = new SnpTrust([ark.der], { keep: 16 });
  const accept = (trust: SnpTrust): void => {
    const verdict = verifySnp(evidence, { ...wishes, trust });
    if (!verdict.accepted) throw new Error(`the evidence was refused: ${verdict.reason}`);
  };
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const message = randomBytes(SIGNED_SIZE);
  const signature = sign('sha384', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  const ours = [
    // The trusted root is read once on both sides; what the evidence brings is parsed and checked each time.
    { name: FULL, run: () => accept(cold) },
    { name: WARM, run: () => accept(warm) },
    { name: ALONE, run: () => verify('sha384', message, { key: pair.publicKey, dsaEncoding: 'ieee-p1363' }, signature) },
  ];
  const request = {
    id: 'bench',
    report: Buffer.from(report).toString('base64'),
    certs: Buffer.from(certificateTable).toString('base64'),
    chain: intermediate.pem + ark.pem,
    line: 'Milan',
    now: Math.floor(wishes.now / 1000),
    guestPolicy: Number(GUEST_POLICY),
    reportData: '00'.repeat(64),
    minimumTcb: '0',
    provisional: false,
  };
  for (const task of ours) warmUp(task, 3000);
  const go = buildGo();
  if (!go) {
    const speeds = await compare(ours);
    return { speeds, ratios: [warmRatio(speeds)], notes: ['Go is not on this machine: no comparison with go-sev-guest'] };
  }
  try {
    // Rounds of both in turn: Go runs in a process of its own and says how much CPU time it took.
    const rounds: Speed[][] = [];
    const goRounds: number[] = [];
    for (let round = 0; round < 5; round++) {
      goRounds.push(goSpeed(go.program, request));
      rounds.push(await compare(ours, { rounds: 1 }));
    }
    const speeds: Speed[] = [
      ...ours.map(({ name }) =>
        summary(
          name,
          rounds.map((r) => r.find((s) => s.name === name)?.perSecond ?? Number.NaN),
        ),
      ),
      summary(GO, goRounds),
    ];
    return { speeds, ratios: [ratio('full reference verification to go-sev-guest, same checks', 1.2, speeds, FULL, GO), warmRatio(speeds)], notes: [] };
  } finally {
    go.remove();
  }
}

function warmRatio(speeds: readonly Speed[]): Ratio {
  return ratio('reference verification with a warm chain to crypto.verify P-384 alone', 0.85, speeds, WARM, ALONE);
}

function summary(name: string, values: readonly number[]): Speed {
  return { name, perSecond: median(values), range: [Math.min(...values), Math.max(...values)] };
}

const REPEAT = 400;

/** Verifications per CPU second. */
function goSpeed(program: string, request: object): number {
  const answer = JSON.parse(execFileSync(program, { input: `${JSON.stringify({ ...request, repeat: REPEAT })}\n`, encoding: 'utf8', env: { ...process.env, GOMAXPROCS: '1' } })) as {
    verdict: string;
    detail?: string;
    cpuNanoseconds: number;
  };
  if (answer.verdict !== 'accept') throw new Error(`go-sev-guest refused the evidence: ${answer.detail}`);
  return (REPEAT * 1e9) / answer.cpuNanoseconds;
}

/** The program that the interoperability tests run, or undefined without Go. */
function buildGo(): { program: string; remove: () => void } | undefined {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  const program = join(folder, 'wrapper');
  execFileSync('go', ['build', '-trimpath', '-o', program, '.'], { cwd: fileURLToPath(new URL('../../test/interop/go-sev-guest', import.meta.url)), stdio: ['ignore', 'ignore', 'inherit'] });
  return { program, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
