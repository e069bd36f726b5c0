/** Intel's algorithm for the TCB status of a TD, written anew from the documentation of the PCS, to judge what the tables lead to. */
import type { TcbInfo } from '../../emulator/tdx/tcb/tcb-info.ts';

/** What a quote and the PCK certificate say of a platform. */
export interface Claimed {
  readonly tcb: { readonly sgx: readonly number[]; readonly pceSvn: number };
  readonly teeTcbSvn: Uint8Array;
  readonly teeTcbSvn2?: Uint8Array;
}

/** Status of the platform with one of its TEE_TCB_SVNs. */
function statusWith({ tcbLevels, tdxModuleIdentities = [] }: TcbInfo, { tcb }: Claimed, svn: Uint8Array): string {
  const first = (svn[1] ?? 0) > 0 ? 2 : 0;
  const level = tcbLevels.find(
    (l) => l.tcb.sgxtcbcomponents.every((c, i) => (tcb.sgx[i] ?? 0) >= c.svn) && tcb.pceSvn >= l.tcb.pcesvn && (l.tcb.tdxtcbcomponents ?? []).every((c, i) => i < first || (svn[i] ?? 0) >= c.svn),
  );
  if (!level) return 'unsupported TCB';
  if ((svn[1] ?? 0) === 0) return level.tcbStatus;
  const identity = tdxModuleIdentities.find(({ id }) => id === `TDX_${Buffer.from([svn[1] ?? 0]).toString('hex')}`);
  const module = identity?.tcbLevels.find((l) => (svn[0] ?? 0) >= l.tcb.isvsvn)?.tcbStatus;
  if (module === undefined || module === 'UpToDate') return module === undefined ? 'unsupported module' : level.tcbStatus;
  if (module === 'OutOfDate' && ['UpToDate', 'SWHardeningNeeded'].includes(level.tcbStatus)) return 'OutOfDate';
  if (module === 'OutOfDate' && level.tcbStatus.startsWith('Configuration')) return 'OutOfDateConfigurationNeeded';
  return level.tcbStatus;
}

/** The status of a platform; a TD that was started under a module which has been updated since is to be started again. */
export function tcbStatusOf(info: TcbInfo, claimed: Claimed): string {
  const launched = statusWith(info, claimed, claimed.teeTcbSvn);
  if (!claimed.teeTcbSvn2 || !launched.startsWith('OutOfDate')) return launched;
  const running = statusWith(info, claimed, claimed.teeTcbSvn2);
  if (running.startsWith('OutOfDate') || running === 'Revoked' || running.startsWith('unsupported')) return launched;
  return launched.includes('Configuration') || running.startsWith('Configuration') ? 'TDRelaunchAdvisedConfigurationNeeded' : 'TDRelaunchAdvised';
}
