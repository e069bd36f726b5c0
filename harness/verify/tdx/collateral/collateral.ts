/** Collateral: what a verifier needs besides a quote. Read and verified once, however many quotes it is for. */
import { authorityKeyId, EXTENSION, subjectKeyId } from '../../x509.ts';
import { type ReadCrl, pemBlocks, sameBytes } from '../../../../emulator/pki/read.ts';
import { type CrlForm, verifyCrlOf } from '../../crl.ts';
import { Appraisal, judge, type Verdict } from '../../verdict.ts';
import type { Issuer } from '../pki/certificate.ts';
import { type PckAuthority, type TcbSigner, verifyPckAuthority, verifyTcbSigner } from '../pki/chains.ts';
import { isEcdsaSha256, verifyDer, verifyRaw } from '../pki/p256.ts';
import type { TdxTrust } from '../pki/trust.ts';
import { TDX_PASSES, TDX_REASONS, type TdxAppraisal, type TdxReason } from '../reasons.ts';
import { type OpenedDocument, openQeIdentity, openTcbInfo, type QeIdentity, type TcbInfo } from './documents.ts';

/** Collateral as it is presented. Texts may be given as strings or as bytes. */
export interface PresentedCollateral {
  /** TCB info as it is served: JSON with its signature. */
  readonly tcbInfo: Uint8Array | string;
  /** The quoting enclave's identity as it is served: JSON with its signature. */
  readonly qeIdentity: Uint8Array | string;
  /** PEM: the certificate of the key that signs TCB info, then the root. */
  readonly tcbInfoIssuerChain: Uint8Array | string;
  /** PEM, as above. */
  readonly qeIdentityIssuerChain: Uint8Array | string;
  /** PEM: the certificate of the authority above the PCK, then the root. */
  readonly pckCrlIssuerChain: Uint8Array | string;
  /** The list of that authority, DER. */
  readonly pckCrl: Uint8Array;
  /** The root's list, DER. */
  readonly rootCaCrl: Uint8Array;
  /** PEM: the PCK certificate, its authority and the root, where the quote only names its platform. */
  readonly pckChain?: Uint8Array | string;
}

/** Files of a bundle's collateral, by what they hold. They are also how messages call it. */
export const COLLATERAL_FILES = {
  tcbInfo: 'tcb_info.json',
  qeIdentity: 'qe_identity.json',
  tcbInfoIssuerChain: 'tcb_info_issuer_chain.pem',
  qeIdentityIssuerChain: 'qe_identity_issuer_chain.pem',
  pckCrlIssuerChain: 'pck_crl_issuer_chain.pem',
  pckCrl: 'pck_crl.der',
  rootCaCrl: 'root_ca_crl.der',
  pckChain: 'pck_chain.pem',
} as const satisfies Record<keyof PresentedCollateral, string>;

/** Every part taken apart. Nothing of it is verified. */
interface Opened {
  readonly tcbInfo: OpenedDocument<TcbInfo>;
  readonly qeIdentity: OpenedDocument<QeIdentity>;
  readonly tcbInfoIssuerChain: readonly Uint8Array[];
  readonly qeIdentityIssuerChain: readonly Uint8Array[];
  readonly pckCrlIssuerChain: readonly Uint8Array[];
  readonly tcb: TcbInfo;
  readonly qe: QeIdentity;
}

/** Keys that the collateral is signed with. */
export interface CollateralKeys {
  readonly tcbInfoSigner: TcbSigner;
  readonly qeIdentitySigner: TcbSigner;
  readonly pckAuthority: PckAuthority;
  readonly root: Issuer;
}

/** Lists whose signatures hold. */
export interface CollateralLists {
  readonly rootCaCrl: ReadCrl;
  readonly pckCrl: ReadCrl;
}

/** Documents whose signatures hold. */
export interface CollateralDocuments {
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: QeIdentity;
}

const ECDSA: CrlForm = { algorithm: 'ECDSA and SHA-256', isAlgorithm: isEcdsaSha256, verify: verifyDer };
/** The slice of a Buffer would be no copy. */
const copyOf = (part: Uint8Array | string): Uint8Array | string => (typeof part === 'string' ? part : new Uint8Array(part));
const bytesOf = (part: Uint8Array | string): Uint8Array => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part);

/** Something that is found out once: what it gives, or what is wrong. */
class Step<T> {
  readonly #work: (appraisal: TdxAppraisal) => T;
  #outcome: Verdict<T, TdxReason> | undefined;

  constructor(work: (appraisal: TdxAppraisal) => T) {
    this.#work = work;
  }

  /** Does the checks in an appraisal, or says again how they ended. */
  in(appraisal: TdxAppraisal): T {
    this.#outcome ??= judge(new Appraisal(TDX_REASONS, TDX_PASSES), this.#work);
    for (const { reason, ok } of this.#outcome.checks) if (ok) appraisal.pass(reason as TdxReason);
    return this.#outcome.accepted ? this.#outcome.facts : appraisal.fail(this.#outcome.reason, this.#outcome);
  }
}

/** Collateral that is read and verified at its first use, and then no more; made by {@link TdxTrust.prepare}. What depends on the time is for the caller to check. */
export class PreparedCollateral {
  /** Whose roots it was verified with. */
  readonly trust: TdxTrust;
  /** PEM of the PCK chain, where there is one. */
  readonly pckChain: Uint8Array | string | undefined;
  /** Stage by stage; each needs the one before. */
  readonly #opened: Step<Opened>;
  readonly #keys: Step<CollateralKeys>;
  readonly #lists: Step<CollateralLists>;
  readonly #documents: Step<CollateralDocuments>;

  constructor(trust: TdxTrust, presented: PresentedCollateral) {
    const { pckChain, rootCaCrl, pckCrl } = presented;
    const lists = { rootCaCrl: new Uint8Array(rootCaCrl), pckCrl: new Uint8Array(pckCrl) };
    this.trust = trust;
    this.pckChain = pckChain === undefined ? undefined : copyOf(pckChain);
    const opened = open(presented);
    this.#opened = new Step(opened);
    this.#keys = new Step((appraisal) => keysOf(appraisal, trust, this.#opened.in(appraisal)));
    this.#lists = new Step((appraisal) => listsOf(appraisal, lists, this.keys(appraisal)));
    this.#documents = new Step((appraisal) => documentsOf(appraisal, this.#opened.in(appraisal), this.keys(appraisal)));
  }

  /** Checks that every part can be read. */
  open(appraisal: TdxAppraisal): void {
    this.#opened.in(appraisal);
  }

  /** The keys that sign it, verified up to a trusted root but for their dates. */
  keys(appraisal: TdxAppraisal): CollateralKeys {
    return this.#keys.in(appraisal);
  }

  /** The revocation lists, verified but for their dates. */
  lists(appraisal: TdxAppraisal): CollateralLists {
    return this.#lists.in(appraisal);
  }

  /** TCB info and identity, verified but for their dates. */
  documents(appraisal: TdxAppraisal): CollateralDocuments {
    return this.#documents.in(appraisal);
  }
}

/** Takes the parts over now, so that nobody can change them, and reads them later. */
function open(presented: PresentedCollateral): (appraisal: TdxAppraisal) => Opened {
  const { tcbInfo, qeIdentity, tcbInfoIssuerChain, qeIdentityIssuerChain, pckCrlIssuerChain } = presented;
  const own = {
    tcbInfo: copyOf(tcbInfo),
    qeIdentity: copyOf(qeIdentity),
    tcbInfoIssuerChain: copyOf(tcbInfoIssuerChain),
    qeIdentityIssuerChain: copyOf(qeIdentityIssuerChain),
    pckCrlIssuerChain: copyOf(pckCrlIssuerChain),
  };
  return (appraisal) => {
    const chain = (name: 'tcbInfoIssuerChain' | 'qeIdentityIssuerChain' | 'pckCrlIssuerChain'): readonly Uint8Array[] =>
      appraisal.attempt('certificate-malformed', () => pemBlocks(own[name], 'CERTIFICATE', COLLATERAL_FILES[name]));
    const tcb = openDocument(appraisal, () => openTcbInfo(bytesOf(own.tcbInfo), COLLATERAL_FILES.tcbInfo), TCB_INFO);
    const qe = openDocument(appraisal, () => openQeIdentity(bytesOf(own.qeIdentity), COLLATERAL_FILES.qeIdentity), QE_IDENTITY);
    checkUnambiguous(appraisal, tcb.content, qe.content);
    const chains = { tcbInfoIssuerChain: chain('tcbInfoIssuerChain'), qeIdentityIssuerChain: chain('qeIdentityIssuerChain'), pckCrlIssuerChain: chain('pckCrlIssuerChain') };
    return { tcbInfo: tcb.document, tcb: tcb.content, qeIdentity: qe.document, qe: qe.content, ...chains };
  };
}

/** What a document must say that it is. */
interface Kind {
  readonly path: string;
  readonly malformed: TdxReason;
  readonly version: readonly [TdxReason, number];
  readonly id: readonly [TdxReason, string];
}
const TCB_INFO: Kind = { path: COLLATERAL_FILES.tcbInfo, malformed: 'tcb-info-malformed', version: ['tcb-info-version', 3], id: ['tcb-info-id', 'TDX'] };
const QE_IDENTITY: Kind = { path: COLLATERAL_FILES.qeIdentity, malformed: 'qe-identity-malformed', version: ['qe-identity-version', 2], id: ['qe-identity-id', 'TD_QE'] };

function openDocument<T>(appraisal: TdxAppraisal, opened: () => OpenedDocument<T>, { path, malformed, version: [versionReason, version], id: [idReason, id] }: Kind): { document: OpenedDocument<T>; content: T } {
  const document = appraisal.attempt(malformed, opened);
  appraisal.check(versionReason, document.version === version, () => ({ message: `is of version ${document.version}, must be of ${version}`, path }));
  appraisal.check(idReason, document.id === id, () => ({ message: `is of '${document.id ?? ''}', must be of '${id}'`, path }));
  return { document, content: appraisal.attempt(malformed, document.read) };
}

/** Which of two equal levels counts, nobody could say. */
function checkUnambiguous(appraisal: TdxAppraisal, tcb: TcbInfo, qe: QeIdentity): void {
  const once = (reason: TdxReason, path: string, what: string, keys: readonly string[]): void => {
    const twice = keys.find((key, i) => keys.indexOf(key) < i);
    appraisal.check(reason, twice === undefined, () => ({ message: `${what} ${twice} stands there twice`, path }));
  };
  const svns = (levels: readonly { readonly tcb: { readonly isvsvn: number } }[]): string[] => levels.map((l) => String(l.tcb.isvsvn));
  once(
    'tcb-info-ambiguous',
    COLLATERAL_FILES.tcbInfo,
    'the level',
    tcb.tcbLevels.map((l) => [...l.tcb.sgxtcbcomponents, { svn: l.tcb.pcesvn }, ...l.tcb.tdxtcbcomponents].map(({ svn }) => svn).join('.')),
  );
  once(
    'tcb-info-ambiguous',
    COLLATERAL_FILES.tcbInfo,
    'the module',
    tcb.tdxModuleIdentities.map(({ id }) => id.toUpperCase()),
  );
  for (const { id, tcbLevels } of tcb.tdxModuleIdentities) once('tcb-info-ambiguous', COLLATERAL_FILES.tcbInfo, `the level of ${id} with the SVN`, svns(tcbLevels));
  once('qe-identity-ambiguous', COLLATERAL_FILES.qeIdentity, 'the level with the SVN', svns(qe.tcbLevels));
}

const sameChain = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean => a.length === b.length && a.every((der, i) => sameBytes(der, b[i] ?? new Uint8Array()));

function keysOf(appraisal: TdxAppraisal, trust: TdxTrust, { tcbInfoIssuerChain, qeIdentityIssuerChain, pckCrlIssuerChain }: Opened): CollateralKeys {
  const pckAuthority = verifyPckAuthority(appraisal, trust, pckCrlIssuerChain, COLLATERAL_FILES.pckCrlIssuerChain);
  const tcbInfoSigner = verifyTcbSigner(appraisal, trust, tcbInfoIssuerChain, COLLATERAL_FILES.tcbInfoIssuerChain);
  // Both documents come from one signer: its chain is looked at once.
  const qeIdentitySigner = sameChain(tcbInfoIssuerChain, qeIdentityIssuerChain) ? tcbInfoSigner : verifyTcbSigner(appraisal, trust, qeIdentityIssuerChain, COLLATERAL_FILES.qeIdentityIssuerChain);
  const { root } = tcbInfoSigner;
  for (const other of [qeIdentitySigner.root.certificate, pckAuthority.root])
    appraisal.check('root-mixed', sameBytes(other.der, root.certificate.der), () => ({ message: 'the chains of the collateral end at two trusted roots' }));
  return { pckAuthority, tcbInfoSigner, qeIdentitySigner, root };
}

function listsOf(appraisal: TdxAppraisal, { rootCaCrl, pckCrl }: Pick<PresentedCollateral, 'rootCaCrl' | 'pckCrl'>, { root, pckAuthority }: CollateralKeys): CollateralLists {
  const list = (src: Uint8Array, path: string, { certificate, key }: Issuer, authorityName: string): ReadCrl => {
    const crl = verifyCrlOf(appraisal, { src, path, authority: certificate, key, authorityName }, ECDSA);
    const keyId = appraisal.attempt('crl-malformed', () => authorityKeyId(crl, path));
    const own = appraisal.attempt('certificate-extension-malformed', () => subjectKeyId(certificate, authorityName));
    const numbered = crl.extensions.some(({ oid }) => oid === EXTENSION.crlNumber);
    appraisal.check('crl-extension-missing', numbered && keyId !== undefined && own !== undefined && sameBytes(keyId, own), () => ({
      message: numbered ? `does not name the key of ${authorityName}` : 'has no number',
      path,
    }));
    return crl;
  };
  return { rootCaCrl: list(rootCaCrl, COLLATERAL_FILES.rootCaCrl, root, 'the root'), pckCrl: list(pckCrl, COLLATERAL_FILES.pckCrl, pckAuthority, 'the authority above the PCK') };
}

function documentsOf(appraisal: TdxAppraisal, opened: Opened, { tcbInfoSigner, qeIdentitySigner }: CollateralKeys): CollateralDocuments {
  for (const [reason, name, { key }, { signed, signature }] of [
    ['tcb-info-signature', 'tcbInfo', tcbInfoSigner, opened.tcbInfo],
    ['qe-identity-signature', 'qeIdentity', qeIdentitySigner, opened.qeIdentity],
  ] as const) {
    appraisal.check(reason, verifyRaw(key, signed, signature), () => ({ message: 'its signature does not verify with the key for TCB info', path: COLLATERAL_FILES[name] }));
  }
  return { tcbInfo: opened.tcb, qeIdentity: opened.qe };
}
