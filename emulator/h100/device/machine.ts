/** A machine with GPUs: one or several of a kind, and the switches between them. */
import { ConfigError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { DEFAULT_GPU, gpuModelNamed } from '../platform/models.ts';
import { BOARD_GPUS, BOARD_SWITCHES } from '../platform/wiring.ts';
import { PDI_SIZE } from '../report/opaque.ts';
import { Gpu, type GpuSettings } from './gpu.ts';
import { NvSwitch } from './nvswitch.ts';

/** What a machine has. */
export interface GpuMachineSettings extends Omit<GpuSettings, 'index' | 'switchPdis' | 'vbios'> {
  /** GPUs that attest, 1 to 8. */
  readonly count?: number | undefined;
  /** Switches that attest, 0 to 4; HGX boards with Hopper GPUs have some. */
  readonly switches?: number | undefined;
  /** Firmware of each GPU; of the last one for all that follow. */
  readonly vbios?: readonly string[] | undefined;
}

/** The devices of one machine. */
export interface GpuMachine {
  readonly gpus: readonly Gpu[];
  readonly switches: readonly NvSwitch[];
}

/** @throws {ConfigError} for a machine that there is not */
export function gpuMachine(world: World, { count = 1, switches = 0, vbios = [], ...settings }: GpuMachineSettings = {}): GpuMachine {
  const model = gpuModelNamed(settings.model ?? DEFAULT_GPU);
  const pdi = (position: number): Uint8Array => world.derive(`nvidia/pdi/switch/${model.name}/${settings.machine ?? 0}/${position}`, PDI_SIZE);
  const switchPdis = Array.from({ length: BOARD_SWITCHES }, (_, position) => pdi(position));
  // A switch names every GPU of its board, also those that do not attest.
  const board = Array.from({ length: switches > 0 ? BOARD_GPUS : count }, (_, index) => new Gpu(world, { ...settings, index, vbios: vbios[index] ?? vbios.at(-1), switchPdis }));
  // Asked last: where the mode can't be either, that says more.
  if (switches > 0 && !(model.hgx && model.architecture === 'GH100')) throw new ConfigError('switches', `${model.name} has no NVSwitch of the kind LS10; h100-sxm and h200 have`);
  const gpuPdis = board.map(({ identity }) => identity.pdi);
  return {
    gpus: board.slice(0, count),
    switches: Array.from({ length: switches }, (_, position) => new NvSwitch(world, { position, pdi: switchPdis[position] ?? pdi(position), gpuPdis })),
  };
}
