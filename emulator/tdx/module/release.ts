/** What a release of Intel's TDX module says of itself in reports. */

/** One release. The table of platforms holds those that there are. */
export interface ModuleRelease {
  /** Generation: TEE_TCB_SVN[1], which names the module's identity in TCB info (`TDX_01`). 0 is TDX 1.0, whose reports have no TEE_TCB_SVN2. */
  readonly version: number;
  /** TEE_TCB_SVN[0]. */
  readonly isvSvn: number;
  /** Measurement of the module, 48 bytes. */
  readonly mrSeam: Uint8Array;
  /** TEE_TCB_SVN[2]: SVN of the microcode that loaded it; as CPUSVN begins unless given, which is so on every genuine platform seen. */
  readonly patchSvn?: number | undefined;
}

/** Whether a module of this release can be updated under running TDs, and then tells which one runs now. */
export function preservesTds({ version }: ModuleRelease): boolean {
  return version > 0;
}
