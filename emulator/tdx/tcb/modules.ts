/** Releases of the TDX module, and their history as TCB info tells it. */
import { createHash } from 'node:crypto';
import type { ModuleRelease } from '../module/release.ts';
import type { TcbEvaluation } from './evaluations.ts';
import { type HistoryRow, type Level, levelsAt } from './levels.ts';

/** What counts for a module or an enclave: its security version. */
export interface IsvTcb {
  readonly isvSvn: number;
}

/** Major versions of the TDX module, byte 1 of TEE_TCB_SVN: 0 for TDX 1.0, 1 for 1.5, 3 for 2.0. */
export const MODULE_VERSIONS = [0, 1, 3] as const;
export type ModuleVersion = (typeof MODULE_VERSIONS)[number];

/** A TDX module that platforms run. */
export interface DatedModule extends ModuleRelease {
  readonly version: ModuleVersion;
  /** The evaluation from which on platforms run it. */
  readonly since: number;
  /** The genuine quote that the measurement is from, or what is assumed. */
  readonly source: string;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

function release(version: ModuleVersion, isvSvn: number, since: number, mrSeam: string, source: string): DatedModule {
  return { version, isvSvn, since, mrSeam: bytes(mrSeam), source };
}

/** A module of which no genuine quote is at hand: its measurement is made up. */
function assumedRelease(version: ModuleVersion, isvSvn: number, since: number): DatedModule {
  const mrSeam = createHash('sha384').update(`teemu TDX module ${version}.${isvSvn}`).digest('hex');
  return release(version, isvSvn, since, mrSeam, 'assumed: no genuine quote of this module is at hand, so its measurement is made up');
}

/** Newest first within a version. */
export const MODULE_RELEASES: readonly DatedModule[] = [
  release(3, 5, 17, '476a2997c62bccc78370913d0a80b956e3721b24272bc66c4d6307ced4be2865c40e26afac75f12df3425b03eb59ea7c', 'genuine quote, Granite Rapids'),
  release(1, 13, 20, '489e585f1c54bc5a02066c8c6ec21619ff0334ec6f21e07e2a35202c59183789c8057e7d97dd591bb08314b185819e72', 'genuine quotes, Google Cloud and Azure, 2026'),
  release(1, 11, 20, '7bf063280e94fb051f5dd7b1fc59ce9aac42bb961df8d44b709c9b0ff87a7b4df648657ba6d1189589feab1d5a3c9a9d', 'genuine quotes, Emerald Rapids'),
  release(1, 10, 19, '27b67e0b20508f0acfb8a99df4283a7c86ae569d85d556a91d4eb20e56b5d42d5e65b31a3a6996e8e461f104f32fdeec', 'genuine quote, Emerald Rapids'),
  release(1, 8, 18, 'bfb360ac8e6233a1bca1433caf7382d95c165b4a77fb00bf1435e5a08f300cdfead5ee68461afd9b6c728dce7534602d', 'genuine quotes, Google Cloud, 2025'),
  release(1, 7, 18, '49b66faa451d19ebbdbe89371b8daf2b65aa3984ec90110343e9e2eec116af08850fa20e3b1aa9a874d77a65380ee7e6', 'genuine quotes, Azure'),
  release(1, 6, 18, '5b38e33a6487958b72c3c12a938eaa5e3fd4510c51aeeab58c7d5ecee41d7c436489d6c8e4f92f160b7cad34207b00c1', 'genuine quotes, Emerald Rapids and Sierra Forest'),
  release(1, 5, 17, '1cc6a17ab799e9a693fac7536be61c12ee1e0fabada82d0c999e08ccee2aa86de77b0870f558c570e7ffe55d6d47fa04', 'genuine quotes of version 5'),
  release(1, 4, 17, 'ffc97a88587660fb04e1f7c851300c96ae0b5a463ac46d035d16c2d9f36d0ed1d23775bcbd27deb219e3a3cc28023895', 'genuine quote, Google Cloud, 2024'),
  release(1, 2, 17, '360304d34a16aace0a18e09ad2d07d2b9fd3c174378e5bf108388079827f89ff62acc5f8c473dd40706324834e202946', 'genuine quote, Azure'),
  assumedRelease(0, 5, 17),
  release(0, 3, 17, '2fd279c16164a93dd5bf373d834328d46008c2b693af9ebb865b08b2ced320c9a89b4869a9fab60fbe9d0c5a5363c656', 'genuine quotes, TDX 1.0'),
];

/** The newest module of a version that platforms run by an evaluation. */
export function newestModule(version: ModuleVersion, evaluation: TcbEvaluation): DatedModule {
  const found = MODULE_RELEASES.find((m) => m.version === version && m.since <= evaluation.number);
  if (!found) throw new RangeError(`there is no TDX module of major version ${version}`);
  return found;
}

/** The module of that version and SVN; one that is in no genuine quote gets a measurement of its own. */
export function moduleRelease(version: ModuleVersion, isvSvn: number): DatedModule {
  return MODULE_RELEASES.find((m) => m.version === version && m.isvSvn === isvSvn) ?? assumedRelease(version, isvSvn, 0);
}

/** Histories of the modules that TCB info judges by an identity of their own, in its order. TDX 1.0 is judged by the first TDX component instead. */
export const MODULE_HISTORIES: readonly { readonly version: ModuleVersion; readonly history: readonly HistoryRow<IsvTcb>[] }[] = [
  {
    version: 3,
    history: [
      { tcb: { isvSvn: 5 }, since: 20, fixes: [1245, 1312] },
      { tcb: { isvSvn: 3 }, since: 17, until: '2025-05-14' },
    ],
  },
  {
    version: 1,
    history: [
      { tcb: { isvSvn: 11 }, since: 20, fixes: [1192, 1245, 1312] },
      { tcb: { isvSvn: 6 }, since: 18, until: '2025-05-14', fixes: [1036, 1099] },
      { tcb: { isvSvn: 4 }, since: 17, until: '2024-03-13' },
      { tcb: { isvSvn: 2 }, since: 17, until: '2023-08-09' },
    ],
  },
];

/** The levels of the modules of a version, newest first; none for TDX 1.0. */
export function moduleLevels(version: ModuleVersion, evaluation: TcbEvaluation): Level<IsvTcb>[] {
  return levelsAt(MODULE_HISTORIES.find((m) => m.version === version)?.history ?? [], evaluation);
}

/** The id of a module's identity in TCB info: `TDX_01`. */
export function moduleId(version: ModuleVersion): string {
  return `TDX_${version.toString(16).padStart(2, '0')}`;
}
