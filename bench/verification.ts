/** What a full verification costs: beside go-sev-guest with the same checks, and, with a warm chain, beside the one signature check it can't avoid. */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { snpEvidence } from '../emulator/snp/evidence/evidence.ts';
import { SIGNED_SIZE } from '../emulator/snp/report.ts';
import { seededWorld, systemClock } from '../emulator/world.ts';
import { maximumPolicy, type PresentedSnp, SnpTrust, verifySnp } from '../harness/verify/index.ts';
import { buildGo, goSpeed } from './go.ts';
import { compareWith, type Ratio, ratio, type Speed, warmUp } from './ratio.ts';

const GUEST_POLICY = 0x30000n;
const GO = 'go-sev-guest 0.15.0, full verification';
const FULL = 'reference verifier, full verification';
const WARM = 'reference verifier, warm chain';
const ALONE = 'crypto.verify P-384, 672 bytes';
const REPEAT = 400;

export async function verification(): Promise<{ speeds: Speed[]; ratios: Ratio[]; notes: string[] }> {
  const world = seededWorld('bench', systemClock());
  const { report, leaf, intermediate, ark, certificateTable } = snpEvidence(world, { preset: 'qemu' });
  const evidence: PresentedSnp = { report, vcek: leaf.der, ask: intermediate.der, ark: ark.der };
  const wishes = { now: world.now(), ...maximumPolicy(GUEST_POLICY), reportData: new Uint8Array(64) };
  const cold = new SnpTrust([ark.der]);
  const kept = new SnpTrust([ark.der], { keep: 16 });
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
    { name: WARM, run: () => accept(kept) },
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
  const go = buildGo('go-sev-guest');
  try {
    const speeds = await compareWith(ours, go ? [{ name: GO, measure: () => goSpeed(go, request, REPEAT) }] : []);
    const warm = ratio('reference verification with a warm chain to crypto.verify P-384 alone', 0.85, speeds, WARM, ALONE);
    if (!go) return { speeds, ratios: [warm], notes: ['Go is not on this machine: no comparison with go-sev-guest'] };
    return { speeds, ratios: [ratio('full reference verification to go-sev-guest, same checks', 1.2, speeds, FULL, GO), warm], notes: [] };
  } finally {
    go?.remove();
  }
}
