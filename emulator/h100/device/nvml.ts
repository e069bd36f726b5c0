/** What the management library says of a GPU, as far as attestation asks it. */

/** Confidential-compute mode of a GPU, which it is reset into. */
export const CC_MODES = ['on', 'devtools', 'off'] as const;
export type CcMode = (typeof CC_MODES)[number];

/** How GPUs of one machine work together: each for itself, several at once (Blackwell), or protected PCIe (Hopper on HGX boards). */
export const GPU_MODES = ['spt', 'mpt', 'ppcie'] as const;
export type GpuMode = (typeof GPU_MODES)[number];

/** `nvmlConfComputeSystemState_t` and `nvmlSystemConfComputeSettings_v1_t`. Source: nvml.h of CUDA 12.8. */
export interface ConfComputeState {
  /** 0 unavailable, 1 simulation, 2 production. */
  readonly environment: 0 | 2;
  /** 1: confidential compute is on. */
  readonly ccFeature: 0 | 1;
  /** 1: it is on, with everything open to debuggers. */
  readonly devToolsMode: 0 | 1;
  /** 0 none, 1 protected PCIe, 2 NVLink encryption. */
  readonly multiGpuMode: 0 | 1 | 2;
}

/** `nvmlReturn_t`. */
export const NVML_STATUS = { invalidArgument: 2, notSupported: 3 } as const;

const STATES: Readonly<Record<CcMode, Omit<ConfComputeState, 'multiGpuMode'>>> = {
  on: { environment: 2, ccFeature: 1, devToolsMode: 0 },
  devtools: { environment: 2, ccFeature: 1, devToolsMode: 1 },
  off: { environment: 0, ccFeature: 0, devToolsMode: 0 },
};
const MULTI_GPU: Readonly<Record<GpuMode, ConfComputeState['multiGpuMode']>> = { spt: 0, ppcie: 1, mpt: 2 };

/** What the library answers for a GPU in these modes. */
export function confComputeState(ccMode: CcMode, mode: GpuMode): ConfComputeState {
  return { ...STATES[ccMode], multiGpuMode: ccMode === 'off' ? 0 : MULTI_GPU[mode] };
}

/** A GPU as the management library shows it. */
export interface NvmlView {
  readonly driverVersion: string;
  readonly vbiosVersion: string;
  /** `GPU-` and a UUID. */
  readonly uuid: string;
  readonly boardId: number;
  /** 9 Hopper, 10 Blackwell. */
  readonly architecture: number;
  readonly confCompute: ConfComputeState;
  /** Whether work is accepted: set by whoever attested the GPUs. */
  readonly ready: boolean;
}
