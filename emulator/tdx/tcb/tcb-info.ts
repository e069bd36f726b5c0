/** TCB info of version 3, with its members in the order in which Intel writes them. Source: Intel PCS v4, appendix A, and genuine documents. */
import { PCE_ID, type PlatformModel } from '../platform/models.ts';
import type { TcbEvaluation } from './evaluations.ts';
import { type Level, type LevelStatus, levelsAt, type PlatformTcb } from './levels.ts';
import { type IsvTcb, MODULE_HISTORIES, moduleId, moduleLevels } from './modules.ts';

/** For which of the two TEEs a document is. */
export const PCS_TEES = ['sgx', 'tdx'] as const;
export type PcsTee = (typeof PCS_TEES)[number];

/** When a document was made, and when it must be asked for again; without milliseconds, in UTC. */
export interface Issued {
  readonly issueDate: string;
  readonly nextUpdate: string;
}

/** A level as documents write it. */
export interface LevelJson<T> {
  readonly tcb: T;
  readonly tcbDate: string;
  readonly tcbStatus: LevelStatus;
  readonly advisoryIDs?: readonly string[];
}

/** One of 16 components; category and type are missing for those that the platform does not use. */
export interface ComponentJson {
  readonly svn: number;
  readonly category?: string;
  readonly type?: string;
}

/** What a level asks of a platform. */
export interface PlatformTcbJson {
  readonly sgxtcbcomponents: readonly ComponentJson[];
  readonly pcesvn: number;
  readonly tdxtcbcomponents?: readonly ComponentJson[];
}

/** What a TDX module must be; all in hex. */
export interface ModuleJson {
  readonly mrsigner: string;
  readonly attributes: string;
  readonly attributesMask: string;
}

/** The signed part of a TCB info. */
export interface TcbInfo extends Issued {
  readonly id: 'SGX' | 'TDX';
  readonly version: number;
  readonly fmspc: string;
  readonly pceId: string;
  readonly tcbType: number;
  readonly tcbEvaluationDataNumber: number;
  readonly tdxModule?: ModuleJson;
  readonly tdxModuleIdentities?: readonly ({ readonly id: string } & ModuleJson & { readonly tcbLevels: readonly LevelJson<{ readonly isvsvn: number }>[] })[];
  readonly tcbLevels: readonly LevelJson<PlatformTcbJson>[];
}

type Labels = Readonly<Record<number, Omit<ComponentJson, 'svn'>>>;
/** What the components are, by index. */
const SGX_LABELS: Labels = {
  0: { category: 'BIOS', type: 'Early Microcode Update' },
  1: { category: 'OS/VMM', type: 'SGX Late Microcode Update' },
  2: { category: 'OS/VMM', type: 'TXT SINIT' },
  3: { category: 'BIOS' },
  4: { category: 'BIOS' },
  5: { category: 'BIOS' },
  7: { category: 'OS/VMM', type: 'SEAMLDR ACM' },
};
const TDX_LABELS: Labels = {
  0: { category: 'OS/VMM', type: 'TDX Module' },
  1: { category: 'OS/VMM', type: 'TDX Module' },
  2: { category: 'OS/VMM', type: 'TDX Late Microcode Update' },
};
/** A module signed by Intel: the measurement of its signer is zero. */
const INTEL_MODULE: ModuleJson = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) };

const components = (svns: readonly number[], labels: Labels): ComponentJson[] => svns.map((svn, i) => ({ svn, ...labels[i] }));

/** A level as documents write it; no list of advisories when there is none. */
export function levelJson<T, J>({ tcb, tcbDate, status, advisoryIds }: Level<T>, write: (tcb: T) => J): LevelJson<J> {
  return { tcb: write(tcb), tcbDate, tcbStatus: status, ...(advisoryIds.length === 0 ? {} : { advisoryIDs: advisoryIds }) };
}

/** Security version of a module or enclave, as documents write it. */
export function isvJson({ isvSvn }: IsvTcb): { readonly isvsvn: number } {
  return { isvsvn: isvSvn };
}

/** The signed part for a kind of platform. @param fmspc written as given @param levels of the platform, newest first; the genuine ones unless given */
export function tcbInfo(tee: PcsTee, model: PlatformModel, fmspc: string, evaluation: TcbEvaluation, issued: Issued, levels: readonly Level<PlatformTcb>[] = levelsAt(model.history, evaluation)): TcbInfo {
  const tdx = tee === 'tdx';
  return {
    id: tdx ? 'TDX' : 'SGX',
    version: 3,
    ...issued,
    fmspc,
    pceId: PCE_ID,
    tcbType: 0,
    tcbEvaluationDataNumber: evaluation.number,
    ...(tdx
      ? {
          tdxModule: INTEL_MODULE,
          tdxModuleIdentities: MODULE_HISTORIES.map(({ version }) => ({ id: moduleId(version), ...INTEL_MODULE, tcbLevels: moduleLevels(version, evaluation).map((l) => levelJson(l, isvJson)) })),
        }
      : {}),
    tcbLevels: levels.map((level) =>
      levelJson(level, ({ sgx, pceSvn, tdx: svns }) => ({ sgxtcbcomponents: components(sgx, SGX_LABELS), pcesvn: pceSvn, ...(tdx ? { tdxtcbcomponents: components(svns, TDX_LABELS) } : {}) })),
    ),
  };
}
