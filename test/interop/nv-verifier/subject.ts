/** Emulated machines as NVML shows them to NVIDIA's verifiers. */
import { h100Evidence, type H100Edits, type H100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { FAMILIES } from '../../../emulator/h100/platform/models.ts';
import { seededWorld, systemClock, type World } from '../../../emulator/world.ts';
import type { NvmlMachine } from './verifier.ts';

/** The verifiers have no clock of their own. */
export function world(seed = 'nv-verifier'): World {
  return seededWorld(seed, systemClock());
}

/** A machine and what it was asked with. */
export interface Subject {
  readonly evidence: H100Evidence;
  readonly machine: NvmlMachine;
  /** Hexadecimal. */
  readonly nonce: string;
}

/** @param reports changes the bytes of a report after it was signed */
export function subjectOf(options: H100OptionsInput = {}, edits: H100Edits = {}, of: World = world()): Subject {
  const evidence = h100Evidence(of, options, edits);
  const gpus = evidence.devices.filter(({ place }) => place.kind === 'gpu');
  return {
    evidence,
    nonce: Buffer.from(evidence.nonce).toString('hex'),
    machine: {
      driverVersion: gpus[0]?.driverVersion ?? '',
      gpus: gpus.map(({ architecture, uuid, report, certificates, vbiosVersion }) => ({
        report: Buffer.from(report).toString('hex'),
        certificate: certificates.map(({ pem }) => pem).join(''),
        vbiosVersion,
        uuid,
        boardId: 0,
        architecture: FAMILIES[architecture].nvml ?? 0,
      })),
    },
  };
}
