/**
 * What NVIDIA evidence costs: a full verification with nothing kept, and one where chain, manifests and OCSP responses are kept, beside the one
 * signature check that it can't avoid, with its key imported; and what it costs to make a report.
 */
import { createPublicKey, verify } from 'node:crypto';
import { h100Evidence } from '../emulator/h100/evidence/evidence.ts';
import { decodeGpuReport } from '../emulator/h100/report/report.ts';
import { readCertificate } from '../emulator/pki/read.ts';
import { seededWorld, systemClock } from '../emulator/world.ts';
import { H100Trust, type PresentedH100, verifyH100 } from '../harness/verify/h100.ts';
import { nvSpeed } from './nv-local-gpu-verifier.ts';
import { compare, type Ratio, ratio, type Speed, type Task, warmUp } from './ratio.ts';

const FULL = 'H100 reference verifier, nothing kept';
const KEPT = 'H100 reference verifier, collateral kept';
const ALONE = 'crypto.verify P-384, one of them';
const REPORTS = 'H100 reports, emulated';
const NVIDIA = 'nv-local-gpu-verifier 2.7.3';
const MACHINE = 'H100 reference verifier, 8 GPUs and 4 switches, kept';

/** The JSON that NVIDIA's tools exchange, with manifests and OCSP responses at hand. */
function presented(evidence: ReturnType<typeof h100Evidence>): PresentedH100 {
  const rims = new Map([...evidence.rims].map(([id, { xml }]) => [id, xml] as const));
  return { evidence: evidence.bundle.files.get('evidence.json') ?? new Uint8Array(), rim: (_, id) => rims.get(id), ocsp: [...evidence.ocsp.values()] };
}

export async function h100Verification(): Promise<{ speeds: Speed[]; ratios: Ratio[]; notes: string[] }> {
  const world = seededWorld('bench', systemClock());
  const one = h100Evidence(world);
  const all = h100Evidence(world, { gpu: 'h100-sxm', mode: 'ppcie', count: 8 });
  const { nonce, devices, machine } = one;
  const [device] = devices;
  const [gpu] = machine.gpus;
  if (!device || !gpu) throw new Error('the evidence holds no GPU');
  const now = world.now();
  const roots = [one, all].flatMap(({ bundle }) => ['root.pem', 'rim_root.pem'].map((name) => bundle.files.get(name) ?? new Uint8Array())).slice(0, 2);
  const der = roots.map(
    (pem) =>
      new Uint8Array(
        Buffer.from(
          Buffer.from(pem)
            .toString('latin1')
            .replace(/-----[^-]+-----|\s/g, ''),
          'base64',
        ),
      ),
  );
  const [fresh, kept] = [new H100Trust(der), new H100Trust(der, { keep: 64 })];
  const accept = (evidence: PresentedH100, trust: H100Trust): void => {
    const verdict = verifyH100(evidence, { trust, now, nonce });
    if (!verdict.accepted) throw new Error(`the evidence was refused: ${verdict.reason}`);
  };
  const [ofOne, ofAll] = [presented(one), presented(all)];
  const report = decodeGpuReport(device.report);
  const [leaf] = device.certificates;
  const key = createPublicKey({ key: Buffer.from(readCertificate(leaf?.der ?? new Uint8Array()).spki), format: 'der', type: 'spki' });
  const tasks: Task[] = [
    { name: FULL, run: () => accept(ofOne, fresh) },
    { name: KEPT, run: () => accept(ofOne, kept) },
    { name: MACHINE, run: () => accept(ofAll, kept) },
    {
      name: ALONE,
      run: () => {
        if (!verify('sha384', report.signed, { key, dsaEncoding: 'ieee-p1363' }, report.signature)) throw new Error('the signature does not hold');
      },
    },
    { name: REPORTS, run: () => gpu.attestationReport(nonce) },
  ];
  for (const task of tasks) warmUp(task, 1500);
  const theirs = await nvSpeed(NVIDIA, world);
  const speeds = [...(await compare(tasks)), ...(theirs ? [theirs] : [])];
  const ratios = [ratio('H100 reference verification with collateral kept to one crypto.verify P-384 alone', 0.5, speeds, KEPT, ALONE)];
  if (!theirs) return { speeds, ratios, notes: ['Python or its packages are not at hand: no comparison with nv-local-gpu-verifier'] };
  return { speeds, ratios: [...ratios, ratio('H100 reference verification with collateral kept to nv-local-gpu-verifier, which fetches it', 10, speeds, KEPT, NVIDIA)], notes: [] };
}
