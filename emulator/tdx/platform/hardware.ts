/** A machine as its TDX module and its quoting enclave see it. */
import type { QuotingPlatform } from '../quoting/quoting-enclave.ts';
import type { IntelAuthority } from '../authority.ts';
import { encryptedPpid, pckKey, ppid, qeId } from './id.ts';
import { PCE_ID } from './models.ts';
import { type Platform, platformState } from './platform.ts';

/** The hardware of a machine at the World's present time. @param withPckChain whether it has fetched its PCK certificate */
export function quotingPlatform(authority: IntelAuthority, platform: Platform, { withPckChain = true }: { withPckChain?: boolean } = {}): QuotingPlatform {
  const { world } = authority;
  const { tcb, cpuSvn, quotingEnclave } = platformState(platform, world.now());
  const id = ppid(world, platform);
  return {
    id: Buffer.from(id).toString('hex'),
    cpuSvn,
    quotingEnclave,
    qeId: qeId(world, platform),
    pckKey: pckKey(world, platform, tcb),
    ...(withPckChain ? { pckChain: authority.pckChain(platform, tcb) } : {}),
    pckCpuSvn: Uint8Array.from(tcb.sgx),
    pceSvn: tcb.pceSvn,
    pceId: Number.parseInt(PCE_ID, 16),
    ppid: id,
    encryptedPpid: encryptedPpid(world, platform),
  };
}
