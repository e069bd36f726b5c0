/** What is published about the speed of confidential transfers, and what has to be assumed: one row per kind of GPU, one source per number. */

/** How far a number can be trusted: somebody published it, it follows from what somebody published, or nobody did. */
export type Confidence = 'published' | 'derived' | 'assumption';

/** One number with where it is from. */
export interface Figure {
  readonly value: number;
  readonly unit: 'bytes/s' | 's';
  /** Smallest and largest value that is plausible, where that is known better than the value. */
  readonly range?: readonly [least: number, most: number];
  readonly source: string;
  readonly confidence: Confidence;
}

/** Numbers of one kind of GPU. */
export interface TimingPreset {
  readonly doc: string;
  /** Through the bounce buffer, encryption included; the same in both directions. */
  readonly confidential: Figure;
  /** Without confidential computing. */
  readonly plainToDevice: Figure;
  readonly plainFromDevice: Figure;
  /** What every confidential copy costs beside its bytes: a bounce buffer, encrypting the push, the round trip. */
  readonly toll: Figure;
  /** The same without confidential computing. */
  readonly plainToll: Figure;
}

const GIB = 2 ** 30;

const BOUNCE: Figure = { value: 4.9 * GIB, unit: 'bytes/s', source: 'vllm-project/vllm#55428: about 4.9 GiB/s, H200, TDX, cudaHostAlloc', confidence: 'published' };
const PLAIN_TO: Figure = { value: 35.2e9, unit: 'bytes/s', source: 'NVIDIA/nvbandwidth#24: host to device, H100 on PCIe 5, copied by SMs', confidence: 'published' };
const PLAIN_FROM: Figure = { value: 52.8e9, unit: 'bytes/s', source: 'NVIDIA/nvbandwidth#24: device to host, H100 on PCIe 5, copied by SMs', confidence: 'published' };
const TOLL: Figure = { value: 50e-6, unit: 's', range: [5e-6, 1e-3], source: 'no figure is published; a parameter', confidence: 'assumption' };
const PLAIN_TOLL: Figure = { value: 5e-6, unit: 's', range: [2e-6, 20e-6], source: 'no figure is published for these machines; a parameter', confidence: 'assumption' };

/** The presets by name. */
export const TIMING_PRESETS: ReadonlyMap<string, TimingPreset> = new Map<string, TimingPreset>([
  [
    'h100',
    {
      doc: 'H100 in a confidential VM',
      confidential: { ...BOUNCE, source: 'taken from the H200, whose link and driver are the same; no figure of an H100 could be checked', confidence: 'assumption', range: [4e9, 6e9] },
      plainToDevice: PLAIN_TO,
      plainFromDevice: PLAIN_FROM,
      toll: TOLL,
      plainToll: PLAIN_TOLL,
    },
  ],
  [
    'h200',
    {
      doc: 'H200 in a TDX guest',
      confidential: BOUNCE,
      plainToDevice: { ...PLAIN_TO, source: `${PLAIN_TO.source}; the H200 has the same link`, confidence: 'derived' },
      plainFromDevice: { ...PLAIN_FROM, source: `${PLAIN_FROM.source}; the H200 has the same link`, confidence: 'derived' },
      toll: TOLL,
      plainToll: PLAIN_TOLL,
    },
  ],
  [
    'blackwell',
    {
      doc: 'B300 or RTX Pro 6000 in a confidential VM',
      confidential: { ...BOUNCE, range: [1e9, 10e9], source: 'taken from the H200; arXiv 2606.23969 gives ratios only (model load 34 times slower)', confidence: 'assumption' },
      plainToDevice: { ...PLAIN_TO, range: [35e9, 60e9], source: 'taken from the H100 on PCIe 5', confidence: 'assumption' },
      plainFromDevice: { ...PLAIN_FROM, range: [50e9, 60e9], source: 'taken from the H100 on PCIe 5', confidence: 'assumption' },
      toll: { ...TOLL, value: 44 * PLAIN_TOLL.value, source: 'arXiv 2606.23969: allocating and copying a little is 44 times slower; the toll without is assumed', confidence: 'derived' },
      plainToll: PLAIN_TOLL,
    },
  ],
]);
