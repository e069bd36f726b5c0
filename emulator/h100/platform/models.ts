/** The table of NVIDIA devices that are emulated: everything that distinguishes one kind from another. */
import { ConfigError } from '../../errors.ts';

/** Chips, as NVIDIA names them in certificates and manifests: Hopper and Blackwell GPUs, and the NVSwitch. */
export type Architecture = 'GH100' | 'GB100' | 'GB202' | 'LS10';
/** Chips of GPUs. */
export type GpuArchitecture = Exclude<Architecture, 'LS10'>;

/** What NVIDIA's clients call a family of chips, and NVML its number. */
export const FAMILIES = { GH100: { arch: 'HOPPER', nvml: 9 }, GB100: { arch: 'BLACKWELL', nvml: 10 }, GB202: { arch: 'BLACKWELL', nvml: 10 }, LS10: { arch: 'LS10', nvml: undefined } } as const satisfies Readonly<
  Record<Architecture, { readonly arch: string; readonly nvml: number | undefined }>
>;

/** What a board says of itself. */
export interface Board {
  /** BOARD_ID. */
  readonly id: number;
  readonly chipSku: string;
  readonly chipSkuMod: string;
  readonly project: string;
  readonly projectSku: string;
  readonly projectSkuMod: string;
}

/** Everything that distinguishes one kind of GPU. */
export interface GpuModel {
  readonly name: string;
  readonly architecture: GpuArchitecture;
  readonly board: Board;
  /** GPU_INFO. */
  readonly gpuInfo: number;
  /** CPRINFO. */
  readonly cprInfo: number;
  /** Sits with seven others and four NVSwitches on one board: protected PCIe is for these. */
  readonly hgx: boolean;
  /** Measurements that are extended another number of times on this board, by index. */
  readonly counts: Readonly<Record<number, number>>;
  /** Which alternative of a measurement the board shows, where it is not the first, by index. */
  readonly shows: Readonly<Record<number, number>>;
  /** Releases unless told otherwise. */
  readonly driver: string;
  readonly vbios: string;
  readonly doc: string;
  /** Set where no genuine report of the kind is at hand. */
  readonly assumed: boolean;
  /** The genuine report that the row is from, or what is assumed. */
  readonly source: string;
}

const board = (id: number, chipSku: string, project: string, projectSku: string, projectSkuMod = ''): Board => ({ id, chipSku, chipSkuMod: '0', project, projectSku, projectSkuMod });

const MODELS: readonly GpuModel[] = [
  {
    name: 'h100-pcie',
    architecture: 'GH100',
    board: board(0x3b1, '882', '1010', '0200'),
    gpuInfo: 0x180,
    cprInfo: 0x1c000,
    hgx: false,
    counts: { 2: 4 },
    shows: { 35: 3 },
    driver: '550.90.07',
    vbios: '96.00.9F.00.01',
    doc: 'H100 on a PCIe card',
    assumed: false,
    source: 'genuine reports of drivers 535.86.09, 550.90.07, 570.86.10 and 580.95.05',
  },
  {
    name: 'h100-sxm',
    architecture: 'GH100',
    board: board(0x437, '885', 'G520', '0200'),
    gpuInfo: 0x180,
    cprInfo: 0x1c000,
    hgx: true,
    counts: { 2: 5, 12: 3 },
    shows: { 12: 3, 35: 1 },
    driver: '590.12',
    vbios: '96.00.A5.00.01',
    doc: 'H100 on an HGX board',
    assumed: false,
    source: 'genuine reports of driver 590.12, all of them in protected PCIe mode',
  },
  {
    name: 'h200',
    architecture: 'GH100',
    board: board(0x53c, '895', 'G520', '0280'),
    gpuInfo: 0x180,
    cprInfo: 0x38000,
    hgx: true,
    counts: { 2: 5, 12: 3 },
    shows: { 12: 3, 35: 1 },
    driver: '595.71.05',
    vbios: '96.00.D9.00.02',
    doc: 'H200 on an HGX board',
    assumed: false,
    source: 'genuine reports of board G520/0280, drivers 570.124.06 and 595.71.05; that this board is the H200 is assumed from its protected region, twice that of the H100',
  },
  {
    name: 'b200',
    architecture: 'GB100',
    board: board(0x66f, '886', 'G525', '0220', '0'),
    gpuInfo: 0x1a0,
    cprInfo: 0x40000,
    hgx: true,
    counts: {},
    shows: {},
    driver: '590.48.01',
    vbios: '97.00.D9.00.35',
    doc: 'B200 on an HGX board',
    assumed: false,
    source: 'genuine reports of board G525/0220, drivers 575.32 and 590.48.01; that this board is the B200 is assumed',
  },
  {
    name: 'rtx-pro-6000',
    architecture: 'GB202',
    board: board(0x70c, '895', 'G153', '0200', '0'),
    gpuInfo: 0x1b2,
    cprInfo: 0x18000,
    hgx: false,
    counts: {},
    shows: {},
    driver: '590.48.01',
    vbios: '98.02.6E.00.01',
    doc: 'RTX PRO 6000 Blackwell, server edition',
    assumed: true,
    source: 'assumed throughout: no genuine report of a GB202 is at hand; form and measurements are those of the GB100, numbers of board and chip are made up',
  },
];

/** Every kind of GPU, by name. */
export const GPU_MODELS: ReadonlyMap<string, GpuModel> = new Map(MODELS.map((model) => [model.name, model]));
/** The kind of GPU unless told otherwise. */
export const DEFAULT_GPU = 'h100-pcie';

/** @throws {ConfigError} naming the kinds there are */
export function gpuModelNamed(name: string): GpuModel {
  const model = GPU_MODELS.get(name);
  if (!model) throw new ConfigError('gpu', `'${name}' is none of ${[...GPU_MODELS.keys()].join(', ')}`);
  return model;
}

/** The NVSwitch of HGX boards with Hopper GPUs. */
export const NVSWITCH_MODEL = {
  architecture: 'LS10',
  /** As its manifest is named. */
  project: '5612',
  projectSku: '0002',
  chipSku: '890',
  /** FLOORSWEPT_PORTS, as on all genuine ones. */
  floorsweptPorts: 0x00ec,
  vbios: '96.10.55.00.01',
  source: 'genuine report and manifest of firmware 96.10.55.00.01',
} as const;
