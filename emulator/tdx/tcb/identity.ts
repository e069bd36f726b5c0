/** Enclave identities of version 2 and the list of evaluations, as Intel writes them. Source: Intel PCS v4, appendices B and C, and genuine documents. */
import type { EnclaveName, EnclaveRow } from './enclaves.ts';
import { ENCLAVE_TABLE } from './enclaves.ts';
import type { TcbEvaluation } from './evaluations.ts';
import { levelsAt } from './levels.ts';
import { type Issued, isvJson, type LevelJson, levelJson, type PcsTee } from './tcb-info.ts';

/** The signed part of an identity; all in hex. */
export interface EnclaveIdentity extends Issued {
  readonly id: EnclaveName;
  readonly version: number;
  readonly tcbEvaluationDataNumber: number;
  readonly miscselect: string;
  readonly miscselectMask: string;
  readonly attributes: string;
  readonly attributesMask: string;
  readonly mrsigner: string;
  readonly isvprodid: number;
  readonly tcbLevels: readonly LevelJson<{ readonly isvsvn: number }>[];
}

/** The signed part of the list of evaluations. */
export interface EvaluationNumbers extends Issued {
  readonly id: 'SGX' | 'TDX';
  readonly version: number;
  readonly tcbEvalNumbers: readonly { readonly tcbEvaluationDataNumber: number; readonly tcbRecoveryEventDate: string; readonly tcbDate: string }[];
}

/** The signed part of an enclave's identity. */
export function enclaveIdentity(name: EnclaveName, evaluation: TcbEvaluation, { issueDate, nextUpdate }: Issued): EnclaveIdentity {
  const { id, attributes, mrSigner, isvProdId, history }: EnclaveRow = ENCLAVE_TABLE[name];
  return {
    id,
    version: 2,
    issueDate,
    nextUpdate,
    tcbEvaluationDataNumber: evaluation.number,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes,
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: mrSigner,
    isvprodid: isvProdId,
    tcbLevels: levelsAt(history, evaluation).map((level) => levelJson(level, isvJson)),
  };
}

/** The signed part of the list of evaluations. The specification calls its member `tcbNumbers`; genuine answers call it `tcbEvalNumbers`. */
export function evaluationNumbers(tee: PcsTee, evaluations: readonly TcbEvaluation[], { issueDate, nextUpdate }: Issued): EvaluationNumbers {
  return {
    id: tee === 'tdx' ? 'TDX' : 'SGX',
    version: 1,
    issueDate,
    nextUpdate,
    tcbEvalNumbers: evaluations.map(({ number, recoveryEventDate, tcbDate }) => ({ tcbEvaluationDataNumber: number, tcbRecoveryEventDate: recoveryEventDate, tcbDate })),
  };
}
