/** NVIDIA's `nv-local-gpu-verifier` and `nv-attestation-sdk` from PyPI, unmodified but for the two root certificates that they come with. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineProgram, pythonWith } from '../python.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** One GPU as the driver's library shows it. */
export interface NvmlGpu {
  /** Hexadecimal. */
  readonly report: string;
  /** PEM, leaf first. */
  readonly certificate: string;
  readonly vbiosVersion: string;
  readonly uuid: string;
  readonly boardId: number;
  /** NVML's number: 9 Hopper, 10 Blackwell. */
  readonly architecture: number;
}

/** What the driver's library answers. */
export interface NvmlMachine {
  readonly driverVersion: string;
  readonly gpus: readonly NvmlGpu[];
  /** 1 on, 0 off; on unless given. */
  readonly ccFeature?: number;
  readonly devToolsMode?: number;
  /** 1 for protected PCIe. */
  readonly multiGpuMode?: number;
}

/** What to do: the local verifier's command, or the SDK's remote flow, or the SDK's look at a token. */
export type Question =
  | { readonly mode: 'local'; readonly machine: NvmlMachine; readonly nonce: string; readonly rim: string; readonly ocsp: string; readonly arguments?: readonly string[] }
  | { readonly mode: 'remote'; readonly machine: NvmlMachine; readonly nonce: string; readonly nras: string; readonly claimsVersion?: string; readonly policy?: object; readonly token?: string }
  | { readonly mode: 'validate'; readonly machine: NvmlMachine; readonly nonce: string; readonly nras: string; readonly policy: object; readonly token: string };

/** What came of it. */
export interface Answer {
  readonly accepted: boolean;
  /** Seconds. */
  readonly cpu: number;
  readonly log: string;
  /** What the SDK was given by NRAS. */
  readonly token?: string;
  readonly attested?: boolean;
  readonly validated?: boolean;
  /** NVML's ready state afterwards. */
  readonly ready?: number;
  readonly crashed?: number;
}

/** The verifiers, ready to be asked. */
export interface NvVerifier {
  ask(question: Question): Promise<Answer>;
  close(): Promise<void>;
}

/** @param roots PEM, in place of NVIDIA's @throws {Error} when Python or a package can't be had */
export async function nvVerifier(roots: { readonly device: string; readonly rim: string }): Promise<NvVerifier> {
  // Its roots are files of the package: two sets of roots are two installations, also where they are kept.
  const python = await pythonWith(`nv-verifier-${createHash('sha256').update(roots.device).digest('hex').slice(0, 12)}`, here('requirements.txt'));
  await writeFile(join(python.packages, 'verifier', 'certs', 'verifier_device_root.pem'), roots.device);
  await writeFile(join(python.packages, 'verifier', 'certs', 'verifier_RIM_root.pem'), roots.rim);
  const program = new LineProgram(python.program, [here('driver.py')], { env: { PYTHONWARNINGS: 'ignore' }, cwd: python.packages });
  return {
    ask: (question) => program.ask(question),
    close: () => {
      program.close();
      return python.remove();
    },
  };
}
