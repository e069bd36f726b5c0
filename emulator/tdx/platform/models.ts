/** The table of TDX platforms: everything that distinguishes one kind from another. */
import { ConfigError } from '../../errors.ts';
import { earlyEvaluation } from '../tcb/evaluations.ts';
import { type HistoryRow, levelsAt, type PlatformTcb, platformTcb } from '../tcb/levels.ts';
import type { ModuleVersion } from '../tcb/modules.ts';
import { STATUS_TABLE, TCB_STATUSES, type TcbStatus } from '../tcb/status.ts';

/** Everything that distinguishes one kind of platform. */
export interface PlatformModel {
  readonly name: string;
  /** Stands in the ids of its machines. */
  readonly code: number;
  /** 12 hex digits, lower case: CPU family, model and stepping with the platform's type. */
  readonly fmspc: string;
  /** SGX type in the PCK certificate: 1 scalable, 2 scalable with integrity. */
  readonly sgxType: 1 | 2;
  /** Processor packages that make up one platform. */
  readonly packages: number;
  /** Flags of the PCK certificate: packages can be added; Intel keeps the platform's root keys; hyper-threading is on. */
  readonly configuration: { readonly dynamicPlatform: boolean; readonly cachedKeys: boolean; readonly smtEnabled: boolean };
  readonly module: ModuleVersion;
  /** The first bytes of CPUSVN as the hardware states it, with newer firmware than any level asks for; 16 hex digits. */
  readonly cpuSvn: string;
  readonly history: readonly HistoryRow<PlatformTcb>[];
  readonly doc: string;
  /** The genuine TCB info, PCK certificate and quote that the row is from, or what is assumed. */
  readonly source: string;
}

/** Advisories that every platform's first firmware with PCE SVN 5 lacks. */
const FIRST = [106, 115, 135, 203, 220, 233, 270, 293, 320, 329, 381, 389, 477];
const row = (sgx: readonly number[], pceSvn: number, tdx: readonly number[], since: number, until?: string, fixes?: readonly number[]): HistoryRow<PlatformTcb> => ({
  tcb: platformTcb(sgx, pceSvn, tdx),
  since,
  ...(until === undefined ? {} : { until }),
  ...(fixes === undefined ? {} : { fixes }),
});

const SAPPHIRE_RAPIDS = [
  row([8, 8, 2, 2, 4, 1, 0, 6], 11, [5, 0, 8], 18, undefined, [1010, 1036, 1076, 1079, 1099, 1103, 1111]),
  row([7, 7, 2, 2, 3, 1, 0, 3], 11, [5, 0, 7], 17, '2024-03-13', [960, 982, 986]),
  row([6, 6, 2, 2, 3, 1, 0, 3], 11, [3, 0, 6], 17, '2023-08-09', [837]),
  row([5, 5, 2, 2, 3, 1, 0, 3], 11, [3, 0, 5], 17, '2023-02-15', FIRST),
  row([5, 5, 2, 2, 3, 1, 0, 3], 5, [3, 0, 5], 17, '2018-01-04'),
];

function emeraldRapids(pceSvn: number): HistoryRow<PlatformTcb>[] {
  return [
    row([3, 3, 2, 2, 4, 1, 0, 5], pceSvn, [5, 0, 3], 18, '2025-05-14', [1036, 1079, 1099, 1103, 1111]),
    row([2, 2, 2, 2, 3, 1, 0, 5], pceSvn, [5, 0, 2], 17, '2024-03-13', [...FIRST, 837]),
    row([2, 2, 2, 2, 3, 1, 0, 5], 5, [5, 0, 2], 17, '2018-01-04'),
  ];
}

const cached = { dynamicPlatform: true, cachedKeys: true, smtEnabled: true } as const;
const notCached = { dynamicPlatform: true, cachedKeys: false, smtEnabled: true } as const;

const MODELS: readonly PlatformModel[] = [
  {
    name: 'emerald-rapids',
    code: 1,
    fmspc: '90c06f000000',
    sgxType: 1,
    packages: 1,
    configuration: notCached,
    module: 1,
    cpuSvn: '0404191b04ff0006',
    history: [row([4, 4, 2, 2, 4, 1, 0, 5], 13, [5, 0, 4], 20, undefined, [1192, 1245, 1312, 1313]), ...emeraldRapids(13)],
    doc: 'Xeon of the fifth generation, as in Azure',
    source: 'genuine TCB info of evaluations 18, 19 and 20, PCK certificates and quotes',
  },
  {
    name: 'emerald-rapids-2s',
    code: 2,
    fmspc: 'b0c06f000000',
    sgxType: 1,
    packages: 2,
    configuration: cached,
    module: 1,
    cpuSvn: '0303191b04ff0006',
    history: emeraldRapids(11),
    doc: 'Xeon of the fifth generation, two packages registered with Intel',
    source: 'genuine TCB info of evaluation 17, PCK certificates and quotes; the level of evaluation 18 is assumed to fix what it fixes for 90c06f000000, and to be the newest since',
  },
  {
    name: 'sapphire-rapids',
    code: 3,
    fmspc: '00806f050000',
    sgxType: 1,
    packages: 1,
    configuration: notCached,
    module: 1,
    cpuSvn: '0808ff1b04ff0006',
    history: SAPPHIRE_RAPIDS,
    doc: 'Xeon of the fourth generation, as in Google Cloud',
    source: 'genuine TCB info of evaluation 17, PCK certificates and quotes; the level of evaluation 18 is that of 50806f000000, and assumed to be the newest since',
  },
  {
    name: 'sapphire-rapids-2s',
    code: 4,
    fmspc: '50806f000000',
    sgxType: 1,
    packages: 2,
    configuration: cached,
    module: 1,
    cpuSvn: '08080d0f04ff0006',
    history: SAPPHIRE_RAPIDS,
    doc: 'Xeon of the fourth generation, two packages registered with Intel',
    source: 'genuine TCB info of evaluation 18, PCK certificates and quotes; its newest level is assumed to be the newest since',
  },
  {
    name: 'sapphire-rapids-tdx10',
    code: 5,
    fmspc: '50806f000000',
    sgxType: 1,
    packages: 2,
    configuration: cached,
    module: 0,
    cpuSvn: '08080d0f04ff0006',
    history: SAPPHIRE_RAPIDS,
    doc: 'the same with the TDX module of TDX 1.0, which TCB info judges by the first TDX component',
    source: 'genuine quotes with TDX modules of TDX 1.0, SVN 3; SVN 5, which TCB info asks for, is assumed',
  },
  {
    name: 'sierra-forest',
    code: 6,
    fmspc: '20a06f000000',
    sgxType: 1,
    packages: 2,
    configuration: cached,
    module: 1,
    cpuSvn: '0404090905ff0002',
    history: [row([4, 4, 2, 2, 5, 255, 0, 2], 13, [5, 0, 4], 19), row([2, 2, 2, 2, 2, 255, 0, 2], 13, [5, 0, 2], 17, '2024-11-13'), row([2, 2, 2, 2, 2, 255, 0, 2], 5, [5, 0, 2], 17, '2018-01-04')],
    doc: 'Xeon 6 with efficient cores',
    source: 'genuine TCB info of evaluation 17, PCK certificate and quote; the newest level is that of the PCK certificate, its evaluation and date are assumed',
  },
  {
    name: 'granite-rapids',
    code: 7,
    fmspc: '00a06d080000',
    sgxType: 2,
    packages: 1,
    configuration: notCached,
    module: 3,
    cpuSvn: '0202090905ff0002',
    history: [row([2, 2, 7, 7, 4, 1, 0, 2], 11, [3, 0, 2], 17, undefined, FIRST), row([2, 2, 7, 7, 4, 1, 0, 2], 5, [3, 0, 2], 17, '2018-01-04')],
    doc: 'Xeon 6 with performance cores and a TDX module of TDX 2.0',
    source: 'genuine PCK certificate and quote; the levels are assumed, with a first TDX component that every module of TDX 2.0 has',
  },
];

/** Every kind of platform, by name. */
export const PLATFORM_MODELS: Readonly<Record<string, PlatformModel>> = Object.fromEntries(MODELS.map((model) => [model.name, model]));
/** What a platform is unless it is named. */
export const DEFAULT_MODEL = 'emerald-rapids';
/** PCE-ID of every platform, 4 hex digits. */
export const PCE_ID = '0000';

/** @throws {ConfigError} naming the kinds there are */
export function modelNamed(name: string): PlatformModel {
  const model = Object.hasOwn(PLATFORM_MODELS, name) ? PLATFORM_MODELS[name] : undefined;
  if (!model) throw new ConfigError('platform', `'${name}' is none of ${Object.keys(PLATFORM_MODELS).join(', ')}`);
  return model;
}
/** The FMSPC of a kind of platform for a status: another one where TCB info must say something else. 12 hex digits, lower case. */
export function fmspcFor(model: PlatformModel, status: TcbStatus): string {
  const { code, level } = STATUS_TABLE[status];
  return level ? `${model.fmspc.slice(0, 10)}${code.toString(16).padStart(2, '0')}` : model.fmspc;
}

const BY_FMSPC: ReadonlyMap<string, { readonly model: PlatformModel; readonly status: TcbStatus }> = new Map(
  // The first kind and status of an FMSPC wins, so what is said of it is entered last.
  [...MODELS].reverse().flatMap((model) => [...TCB_STATUSES].reverse().map((status) => [fmspcFor(model, status), { model, status }] as const)),
);

/** Of what kind and status an FMSPC is, or undefined. @param fmspc 12 hex digits in any case */
export function modelOfFmspc(fmspc: string): { readonly model: PlatformModel; readonly status: TcbStatus } | undefined {
  return BY_FMSPC.get(fmspc.toLowerCase());
}

/** The levels for which Intel certifies PCKs of a kind of platform, newest first. @param now milliseconds since 1970 */
export function certifiedTcbs(model: PlatformModel, now: number): PlatformTcb[] {
  return levelsAt(model.history, earlyEvaluation(now)).map((level) => level.tcb);
}
