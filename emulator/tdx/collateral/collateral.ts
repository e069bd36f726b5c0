/**
 * Collateral: what a verifier needs besides a quote. Each document is compact JSON, signed over exactly the bytes that are served; it names
 * its FMSPC as the asker wrote it, and is signed for each spelling.
 */
import type { EcSigner } from '../../crypto/sign.ts';
import { ConfigError } from '../../errors.ts';
import { COLLATERAL_LIFETIME, COLLATERAL_PERIOD } from '../../pki/profiles/intel.ts';
import type { IntelAuthority } from '../authority.ts';
import { certifiedTcbs, modelOfFmspc, type PlatformModel } from '../platform/models.ts';
import type { EnclaveName } from '../tcb/enclaves.ts';
import { earlyEvaluation, pcsDate, servedEvaluations, standardEvaluation, TCB_EVALUATIONS, type TcbEvaluation } from '../tcb/evaluations.ts';
import { type EnclaveIdentity, enclaveIdentity, type EvaluationNumbers, evaluationNumbers } from '../tcb/identity.ts';
import { type Level, levelsAt, type PlatformTcb } from '../tcb/levels.ts';
import { levelsFor, recovered, STATUS_TABLE, type TcbStatus } from '../tcb/status.ts';
import { type Issued, type PcsTee, type TcbInfo, tcbInfo } from '../tcb/tcb-info.ts';

/** A document and its signature. */
export interface SignedDocument {
  /** The signed text: compact JSON. */
  readonly inner: string;
  /** r ‖ s in 128 lower-case hex digits: ECDSA over P-256 with SHA-256. */
  readonly signature: string;
  /** The whole body as it is served, with the signed text in it as it is. */
  readonly body: string;
}

/** How a document differs from one that Intel would sign. */
export interface DocumentChange<T> {
  /** Changes it before it is signed. */
  readonly edit?: (document: T) => object;
  /** Writes it; compact JSON unless given. */
  readonly write?: (document: object) => string;
  /** Signs it in place of TCB signing. */
  readonly signedBy?: EcSigner;
}

/** Which evaluation: `update=standard`, `update=early`, or its number. */
export type EvaluationChoice = 'standard' | 'early' | number;

/** Documents that are kept: at most 6 kB each. */
const CACHED = 512;

/** The collateral of a World. */
export class IntelCollateral {
  readonly authority: IntelAuthority;
  readonly #documents = new Map<string, SignedDocument>();
  #period = '';

  constructor(authority: IntelAuthority) {
    this.authority = authority;
  }

  /** The evaluation of a choice, or undefined for a number that there is not. It need not be served any more. */
  evaluation(choice: EvaluationChoice = 'standard'): TcbEvaluation | undefined {
    const now = this.authority.world.now();
    if (choice === 'standard') return standardEvaluation(now);
    if (choice === 'early') return earlyEvaluation(now);
    return TCB_EVALUATIONS.find((e) => e.number === choice);
  }

  /**
   * TCB info of an FMSPC.
   * @param fmspc 12 hex digits, in the case that the document is to name it @throws {ConfigError} for an FMSPC or evaluation that there is not
   */
  tcbInfo(tee: PcsTee, fmspc: string, choice: EvaluationChoice = 'standard', change?: DocumentChange<TcbInfo>): SignedDocument {
    const found = modelOfFmspc(fmspc);
    if (!found) throw new ConfigError('fmspc', `there is no platform of FMSPC ${fmspc}`);
    const evaluation = this.#evaluation(choice);
    return this.#document('tcbInfo', `${tee}/${fmspc}/${evaluation.number}`, change, () => {
      const set = this.authority.tcbStatus(fmspc);
      return tcbInfo(tee, found.model, fmspc, evaluation, this.#issued(set?.at), this.#levels(found.model, evaluation, set?.status, found.status));
    });
  }

  /** The identity of one of Intel's enclaves. @throws {ConfigError} for an evaluation that there is not */
  identity(name: EnclaveName, choice: EvaluationChoice = 'standard', change?: DocumentChange<EnclaveIdentity>): SignedDocument {
    const evaluation = this.#evaluation(choice);
    return this.#document('enclaveIdentity', `${name}/${evaluation.number}`, change, () => enclaveIdentity(name, evaluation, this.#issued()));
  }

  /** The evaluations that are served now. */
  evaluationNumbers(tee: PcsTee, change?: DocumentChange<EvaluationNumbers>): SignedDocument {
    return this.#document('tcbEvaluationDataNumbers', tee, change, () => evaluationNumbers(tee, servedEvaluations(this.authority.world.now()), this.#issued()));
  }

  /** The genuine levels, changed for a status that was set, or else for the one of the FMSPC. */
  #levels(model: PlatformModel, evaluation: TcbEvaluation, set: TcbStatus | undefined, own: TcbStatus): readonly Level<PlatformTcb>[] {
    const genuine = levelsAt(model.history, evaluation);
    if (set === undefined) return levelsFor(own, genuine);
    const [highest] = certifiedTcbs(model, this.authority.world.now());
    return levelsFor(set, STATUS_TABLE[set].behind === 1 && highest ? recovered(genuine, highest, evaluation.tcbDate) : genuine);
  }

  #evaluation(choice: EvaluationChoice): TcbEvaluation {
    const evaluation = this.evaluation(choice);
    if (!evaluation) throw new ConfigError('tcb-evaluation-data-number', `there is no evaluation ${choice}; there are ${TCB_EVALUATIONS.map((e) => e.number).join(', ')}`);
    return evaluation;
  }

  /** @param since milliseconds since 1970 of a change that the document must not be older than */
  #issued(since = 0): Issued {
    const now = this.authority.world.now();
    const at = Math.max(Math.floor(now / COLLATERAL_PERIOD) * COLLATERAL_PERIOD, since);
    return { issueDate: pcsDate(at), nextUpdate: pcsDate(at + COLLATERAL_LIFETIME) };
  }

  #document<T extends object>(member: string, id: string, change: DocumentChange<T> | undefined, make: () => T): SignedDocument {
    if (change) return this.#sign(member, (change.write ?? JSON.stringify)((change.edit ?? ((document) => document))(make())), change.signedBy);
    const { period } = this.authority;
    if (period !== this.#period || this.#documents.size >= CACHED) this.#documents.clear();
    this.#period = period;
    const key = `${member}/${id}`;
    const document = this.#documents.get(key) ?? this.#sign(member, JSON.stringify(make()));
    this.#documents.set(key, document);
    return document;
  }

  #sign(member: string, inner: string, signer: EcSigner = this.authority.key('TCB_SIGNING')): SignedDocument {
    const signature = Buffer.from(signer.sign(Buffer.from(inner, 'utf8'))).toString('hex');
    return { inner, signature, body: `{"${member}":${inner},"signature":"${signature}"}` };
  }
}
