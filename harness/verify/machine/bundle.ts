/** The evidence of a confidential VM with GPUs as one bundle, and one verdict: each part must hold by itself, and both must belong together. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { decodeGpuReport } from '../../../emulator/h100/report/report.ts';
import { BINDINGS, CHALLENGE_SIZE, USUAL_BINDING } from '../../../emulator/machine/binding.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { readCertificate, readRsaKey, sameBytes } from '../../../emulator/pki/read.ts';
import { REPORT_V2 } from '../../../emulator/snp/report.ts';
import { H100_BUNDLE_WISHES, type H100BundleWishes, verifyH100Bundle } from '../h100/bundle.ts';
import { readEvidence } from '../h100/evidence/json.ts';
import { anyOf } from '../h100/expectations.ts';
import { H100_PASSES, H100_REASONS } from '../h100/reasons.ts';
import { type BundleWishes as SnpBundleWishes, verifySnpBundle } from '../snp/bundle.ts';
import { SNP_WISHES } from '../snp/expectations.ts';
import { Appraisal, judge, type Verdict } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import { MACHINE_PASSES, MACHINE_REASONS, type MachineAppraisal, type Part } from './reasons.ts';

/** What a relying party expects: of the guest, of the GPUs, and of what binds them. */
export interface MachineWishes extends Omit<SnpBundleWishes, 'reportData'>, Omit<H100BundleWishes, 'nonce'> {
  /** The challenge, 32 bytes. Without it, the one in the guest's report data is taken: the parts then belong together, but may be old. */
  readonly nonce?: Uint8Array | readonly Uint8Array[];
  /** The scheme that the guest follows; `evidence` unless said here. */
  readonly binding?: string;
}

/** Everything that a relying party can expect of a bundle but whom it trusts and when. */
export const MACHINE_WISHES: Readonly<Record<Exclude<keyof MachineWishes, 'roots' | 'now'>, true>> = (() => {
  const { reportData: _, ...snp } = SNP_WISHES;
  return { ...snp, ...H100_BUNDLE_WISHES, nonce: true, binding: true } as const;
})();

/** What accepted evidence states. */
export interface MachineFacts {
  /** Hexadecimal. */
  readonly nonce: string;
  readonly binding: string;
  readonly snp: object;
  readonly gpu: object;
  /** Milliseconds since 1970: when the first certificate, list or response of either part expires. */
  readonly validUntil: number;
}

const REPORT_DATA = REPORT_V2.locate('reportData');

/** Verifies a bundle of both parts. @throws {ConfigError} for a root that is none, a scheme that there is not, or wishes that no evidence could meet */
export function verifyMachineBundle(bundle: Bundle, { roots, nonce, binding: name = USUAL_BINDING.name, now, ...wishes }: MachineWishes & { readonly now: number }): Verdict<MachineFacts> {
  const binding = BINDINGS.get(name);
  if (!binding) throw new ConfigError('binding', `'${name.slice(0, 40)}' is none of ${[...BINDINGS.keys()].join(', ')}`);
  for (const challenge of nonce === undefined ? [] : anyOf(nonce)) if (challenge.length !== CHALLENGE_SIZE) throw new ConfigError('nonce', `must be ${CHALLENGE_SIZE} bytes, is ${challenge.length}`);
  const trusted = roots && byVendor(roots);
  return judge(new Appraisal(MACHINE_REASONS, MACHINE_PASSES), (appraisal) => {
    const parts = { snp: partOf(appraisal, bundle, 'snp'), gpu: partOf(appraisal, bundle, 'gpu') };
    const snp = adopted(appraisal, 'snp', verifySnpBundle(parts.snp, { ...only<SnpBundleWishes>(wishes, SNP_WISHES), ...(trusted && { roots: trusted.snp }), now }));
    const reportData = (parts.snp.files.get('report.bin') ?? new Uint8Array(0)).slice(REPORT_DATA.at, REPORT_DATA.at + REPORT_DATA.size);
    const challenge = reportData.slice(0, CHALLENGE_SIZE);
    const gpu = adopted(appraisal, 'gpu', verifyH100Bundle(parts.gpu, { ...only<H100BundleWishes>(wishes, H100_BUNDLE_WISHES), ...(trusted && { roots: trusted.gpu }), now }));
    if (nonce !== undefined)
      appraisal.check(
        'challenge-mismatch',
        anyOf(nonce).some((one) => sameBytes(one, challenge)),
        () => ({ message: 'the report data begins with another challenge', path: 'snp.report.reportData', at: REPORT_DATA.at }),
      );
    const reports = reportsOf(parts.gpu);
    const wanted = binding.gpuNonce(challenge);
    const other = reports.findIndex((report) => !sameBytes(decodeGpuReport(report).request.nonce, wanted));
    appraisal.check('gpu-nonce-mismatch', other === -1, () => ({ message: `device ${other} was asked with a nonce that is not made from the challenge in the guest's report data`, path: `gpu.${other}.nonce` }));
    appraisal.check('gpu-evidence-mismatch', sameBytes(binding.reportData(challenge, reports), reportData), () => ({
      message: "the guest's report data does not commit to these GPUs' reports",
      path: 'snp.report.reportData',
      at: REPORT_DATA.at + CHALLENGE_SIZE,
    }));
    return { nonce: Buffer.from(challenge).toString('hex'), binding: name, snp, gpu, validUntil: Math.min(snp.validUntil, gpu.validUntil) };
  });
}

/** A part as a bundle of its own. */
function partOf(appraisal: MachineAppraisal, { manifest, files }: Bundle, part: Part): Bundle {
  const own = [...files].flatMap(([name, contents]): [string, Uint8Array][] => (name.startsWith(`${part}/`) ? [[name.slice(part.length + 1), contents]] : []));
  appraisal.check('part-missing', own.length > 0, () => ({ message: `the bundle has nothing in ${part}/`, path: part }));
  return { manifest: { tee: part, verifyAt: manifest.verifyAt, services: {}, files: own.map(([name]) => name) }, files: new Map(own) };
}

/** The facts of a part that holds; one that does not ends the verification with its own reason. */
function adopted<F>(appraisal: MachineAppraisal, part: Part, verdict: Verdict<F>): F {
  for (const { ok, reason } of verdict.checks) if (ok) appraisal.pass(`${part}-${reason}`);
  if (verdict.accepted) return verdict.facts;
  const { reason, message, path, at } = verdict;
  return appraisal.fail(`${part}-${reason}`, { message, path: path === undefined ? part : `${part}: ${path}`, ...(at === undefined ? {} : { at }) });
}

/** The reports in evidence that was verified. */
function reportsOf({ files }: Bundle): Uint8Array[] {
  const read = judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => readEvidence(appraisal, files.get('evidence.json') ?? new Uint8Array(0)));
  return read.accepted ? read.facts.map(({ report }) => report) : [];
}

/** Those wishes that a part's verifier knows. */
function only<W>(wishes: object, known: Readonly<Record<string, true>>): W {
  return Object.fromEntries(Object.entries(wishes).filter(([name]) => Object.hasOwn(known, name))) as W;
}

/** Roots by the part that they vouch for: AMD's keys are RSA, NVIDIA's elliptic. @throws {ConfigError} for a root that is none */
function byVendor(roots: readonly (Uint8Array | string)[]): Readonly<Record<Part, Uint8Array[]>> {
  const all = roots.flatMap(rootCertificates).map((der) => ({ der, rsa: readRsaKey(readCertificate(der).spki) !== undefined }));
  return { snp: all.filter(({ rsa }) => rsa).map(({ der }) => der), gpu: all.filter(({ rsa }) => !rsa).map(({ der }) => der) };
}
