/** Every reason for which TDX evidence is refused: one row each. A row is also the check that was done when it did not happen. */
import { CERTIFICATE_REASONS } from '../reasons.ts';
import { type Appraisal, AT, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

const QUOTE = 'Intel TDX DCAP Quote Generation Library, quote format';
const PCK = 'Intel SGX PCK Certificate and CRL Profile Specification';
const PCS = 'Intel PCS v4, TCB info and enclave identity';
const QVL = 'Intel DCAP Quote Verification Library';
const ABI = 'Intel TDX Module ABI';
const TCG = 'TCG PC Client Platform Firmware Profile 1.06';
const ASKED = 'the caller asked for it';
const { parse, chain, revocation, signature, tcb, policy, binding, freshness } = AT;

const TDX_ONLY = {
  'evidence-incomplete': parse('there is a quote, and everything of its collateral', 'teemu: the bundle on disk'),
  'quote-version': parse('the quote is of version 4 or 5', QUOTE),
  'quote-key-type': parse('the attestation key is for ECDSA on P-256', QUOTE),
  'quote-tee-type': parse('the quote is that of a TD', QUOTE),
  'quote-body-type': parse("the body of a quote of version 5 is a TD's, of TDX 1.0 or 1.5, and as long as such a body is", QUOTE),
  'quote-length': parse('every length in the quote is that of what follows', QUOTE),
  'quote-reserved': parse('every byte and bit of the quote that must be zero is', QUOTE),
  'quote-trailing': parse('nothing follows the quote', ASKED),
  'qe-vendor': parse("the quoting enclave's vendor is Intel", QUOTE),
  'certification-type': parse("the quote holds its quoting enclave's report, and the PCK certificate, its chain or the platform's id", QUOTE),
  'pck-chain-missing': parse('where the quote does not hold the PCK certificate chain, the collateral does', QUOTE),
  'td-report-malformed': parse('the TDREPORT is 1024 bytes of a known version', ABI),
  'ccel-table-malformed': parse("the CCEL table is 56 bytes, adds up, and is a TD's", 'ACPI 6.5, CC Event Log ACPI Table'),
  'event-log-malformed': parse('the event log is one, with a SHA-384 digest in each event, nothing but fill behind, and no longer than its area', TCG),
  'tcb-info-malformed': parse('the TCB info is JSON of the form that Intel specifies, with nothing twice and within bounds', PCS),
  'tcb-info-version': parse('the TCB info is of version 3', PCS),
  'tcb-info-id': parse('the TCB info is for TDX', `${QVL} 4.1.2.5.10`),
  'tcb-info-ambiguous': parse('no TCB level and no module is in the TCB info twice', QVL),
  'qe-identity-malformed': parse('the identity of the quoting enclave is JSON of the form that Intel specifies, with nothing twice and within bounds', PCS),
  'qe-identity-version': parse('the identity is of version 2', PCS),
  'qe-identity-id': parse('the identity is that of the TD quoting enclave', `${QVL} 4.1.2.5.15`),
  'qe-identity-ambiguous': parse('no TCB level is in the identity twice', QVL),

  'certificate-chain-length': chain('each chain has the certificates that it must have: first the one that it is about, last the root', PCK),
  'root-mixed': chain('every chain ends at the same root', 'teemu: one list says which of its certificates are revoked'),
  'certificate-extension-missing': chain('every certificate has the five extensions that all of Intel have', PCK),
  'certificate-key-identifier': chain("every certificate names the key above it by that key's identifier", 'RFC 5280 §4.2.1.1'),
  'leaf-key': chain('the PCK and the key that signs TCB info are on P-256', PCK),
  'leaf-authority': chain('the certificates of these keys are no authorities', 'RFC 5280 §4.2.1.9'),
  'leaf-key-usage': chain('these keys are for signatures', 'RFC 5280 §4.2.1.3'),
  'leaf-extension': chain('the PCK certificate has six extensions and no others', PCK),
  'sgx-extension-missing': chain('the PCK certificate has the SGX extension', PCK),
  'sgx-extension-malformed': chain('the SGX extension has every item in its place', PCK),
  'sgx-extension-platform': chain('a PCK certificate of the Platform CA names the instance of the platform', PCK),
  'pck-cpu-svn': chain('CPUSVN and the sixteen components in the PCK certificate say the same', PCK),
  'pck-platform-mismatch': chain("the PCK certificate is the quote's, or for the platform's TCB that the quote names", QUOTE),

  'pck-crl-authority': chain("the collateral's list of revoked PCKs is that of the authority above the quote's PCK", 'RFC 5280 §6.3.3 (b)'),

  'crl-issuer': revocation('each list is that of the authority whose certificates it is about', 'RFC 5280 §6.3.3 (b)'),
  'crl-signature': revocation("each list is signed by its authority's key", 'RFC 5280 §6.3.3 (g)'),
  'crl-extension-missing': revocation('each list has its number, and names the key that signed it', PCK),
  'root-revoked': revocation("the root's list does not name the root", 'RFC 5280 §6.3.3 (i)'),
  'intermediate-revoked': revocation("the root's list does not name the authority above the PCK", 'RFC 5280 §6.3.3 (i)'),
  'tcb-signing-revoked': revocation("the root's list does not name the certificate of the key that signs TCB info", `${QVL}, TCBSigningChain`),
  'leaf-revoked': revocation("the list of the authority above the PCK does not name the PCK's certificate", `${QVL} 4.1.2.5.8`),

  'tcb-info-signature': signature('the TCB info is signed, as it lies, by the key for TCB info', PCS),
  'qe-identity-signature': signature('the identity is signed, as it lies, by the key for TCB info', PCS),
  'qe-report-signature': signature("the quoting enclave's report is signed by the PCK", `${QVL} 4.1.2.5.13`),
  'qe-report-data': signature("the quoting enclave's report binds the attestation key and the authentication data", `${QVL} 4.1.2.5.14`),
  'attestation-key': signature('the attestation key is a point on P-256', QUOTE),
  'quote-signature': signature('header and body of the quote are signed by the attestation key', `${QVL} 4.1.2.5.17`),

  'tcb-info-fmspc': tcb("the TCB info is for the PCK certificate's FMSPC", `${QVL} 4.1.2.5.11`),
  'tcb-info-pce-id': tcb("the TCB info is for the PCK certificate's PCE", `${QVL} 4.1.2.5.11`),
  'tcb-evaluation-mismatch': tcb('TCB info and identity are of one evaluation', PCS),
  'tcb-evaluation-below-minimum': tcb('the evaluation is no older than the minimum', ASKED),
  'qe-debug': tcb('the quoting enclave may not be debugged', 'Intel SDM volume 3D, ATTRIBUTES'),
  'qe-misc-select': tcb("the quoting enclave's MISCSELECT is that of the identity, under its mask", `${QVL} 4.1.2.9.5`),
  'qe-attributes': tcb("the quoting enclave's ATTRIBUTES are those of the identity, under its mask", `${QVL} 4.1.2.9.6`),
  'qe-signer': tcb("the quoting enclave's signer is that of the identity", `${QVL} 4.1.2.9.7`),
  'qe-product': tcb("the quoting enclave's product id is that of the identity", `${QVL} 4.1.2.9.8`),
  'qe-tcb-unsupported': tcb("the quoting enclave's SVN is no lower than every level of the identity", `${QVL} 4.1.2.9.9`),
  'module-identity-missing': tcb('the TCB info has the identity of the TDX module', `${QVL} 4.1.2.5.12`),
  'module-signer': tcb("the TDX module's signer is the one that the TCB info names", `${QVL} 4.1.2.5.12.1`),
  'module-attributes': tcb("the TDX module's attributes are zero, as the TCB info says", `${QVL} 4.1.2.5.12.2`),
  'module-tcb-unsupported': tcb("the TDX module's SVN is no lower than every level of its identity", `${QVL} 4.1.2.5.19`),
  'module-rolled-back': tcb('the TDX module that runs is no older than the one that the TD was started under', ABI),
  'platform-tcb-unsupported': tcb("the platform's TCB is no lower than every level of the TCB info", `${QVL} 4.1.2.5.19`),
  'tcb-revoked': tcb('neither the platform, its TDX module nor its quoting enclave is at a revoked level', QVL),
  'tcb-status-refused': tcb('the status of the TCB is one that the caller accepts', ASKED),
  'advisory-refused': tcb('no security advisory applies that the caller refuses', ASKED),

  'td-debug': policy('the host may not debug the TD', `${ABI}, ATTRIBUTES`),
  'td-profiling': policy('the host may not profile the TD', `${ABI}, ATTRIBUTES`),
  'td-sept-ve': policy("the host can't inject exceptions by taking pages away", `${ABI}, ATTRIBUTES, SEPT_VE_DISABLE`),
  'td-migratable': policy('no service TD may migrate the TD', `${ABI}, ATTRIBUTES`),
  'td-attribute': policy('the other attributes of the TD are as asked for', ASKED),
  'xfam-required': policy('XFAM has what every TD must have', `${ABI}, XFAM`),
  'xfam-feature': policy('XFAM has nothing that no TD may have, and otherwise is as asked for', `${ABI}, XFAM`),
  'service-td': policy('the service TDs bound to the TD are those expected; none, unless others are', `${ABI}, SERVTD_HASH`),
  'mr-seam-unexpected': policy('the TDX module is one of those expected', ASKED),
  'fmspc-refused': policy('the platform is of a kind that is expected', ASKED),
  'pck-authority-refused': policy('the authority above the PCK is one of those asked for', ASKED),
  'platform-configuration': policy('the platform is set up as asked for', ASKED),

  'td-report-hashes': binding('the TDREPORT states the hashes of its parts', `${ABI}, REPORTMACSTRUCT`),
  'td-report-mismatch': binding('the quote says what the TDREPORT says', QUOTE),
  'event-log-register': binding('every event is about a register that a TD can extend', 'UEFI 2.10, 38.4'),
  'event-log-type': binding('every event is of a known type; one that extends nothing has no digest', TCG),
  'event-log-data': binding('where the digest of an event is one of its data, it is', TCG),
  'event-log-replay': binding('the events lead to what the runtime measurement registers hold', 'UEFI 2.10, 38.4'),
  'report-data-mismatch': binding('the report data are those expected', ASKED),
  'mr-td-mismatch': binding('the measurement of the TD is an expected one', ASKED),
  'mr-config-id-mismatch': binding('MRCONFIGID is an expected one', ASKED),
  'mr-owner-mismatch': binding('MROWNER is an expected one', ASKED),
  'mr-owner-config-mismatch': binding('MROWNERCONFIG is an expected one', ASKED),
  'rtmr-mismatch': binding('the runtime measurements are expected ones', ASKED),

  'tcb-info-future': freshness('the TCB info has been issued already', PCS),
  'tcb-info-stale': freshness('the TCB info still counts', `${QVL}, TCBInfoVerifier`),
  'qe-identity-future': freshness('the identity has been issued already', PCS),
  'qe-identity-stale': freshness('the identity still counts', `${QVL}, EnclaveIdentityVerifier`),
  'tcb-info-too-old': freshness('the TCB info is no older than the caller allows', ASKED),
  'qe-identity-too-old': freshness('the identity is no older than the caller allows', ASKED),
  'leaf-too-old': freshness('the PCK certificate is no older than the caller allows', ASKED),
  'crl-too-old': freshness('no list is older than the caller allows', ASKED),
} as const satisfies Record<string, ReasonRow>;

/** Lists are part of the collateral: without them, the evidence is incomplete. */
const { 'crl-missing': _, ...SHARED } = CERTIFICATE_REASONS;

/** Code of a reason to refuse TDX evidence. */
export type TdxReason = keyof typeof TDX_ONLY | keyof typeof SHARED;

/** Every reason to refuse TDX evidence, by its code. */
export const TDX_REASONS: ReasonTable<TdxReason> = { ...SHARED, ...TDX_ONLY };
/** The passed check of each. */
export const TDX_PASSES: Map<TdxReason, Check<TdxReason>> = passesOf(TDX_REASONS);

/** Checks over TDX evidence under way. */
export type TdxAppraisal = Appraisal<TdxReason>;
