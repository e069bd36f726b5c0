/** Every reason for which SEV-SNP evidence is refused: one row each. A row is also the check that was done when it did not happen. */
import { CERTIFICATE_REASONS } from '../reasons.ts';
import { type Appraisal, AT, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

const ABI = 'AMD 56860, ATTESTATION_REPORT';
const GUEST_POLICY = 'AMD 56860, GUEST_POLICY';
const KDS = 'AMD 57230, VCEK and VLEK certificates';
const ASKED = 'the caller asked for it';
const { parse, chain, signature, tcb, policy, binding } = AT;

const SNP_ONLY = {
  'evidence-incomplete': parse('there is a report, and a VCEK with its ASK or a VLEK with its ASVK', 'teemu: the bundle on disk'),
  'endorsement-malformed': parse("what the host's cache says of the VCEK's TCB can be read", 'Azure THIM, tcbm'),
  'report-size': parse('the report is 1184 bytes', ABI),
  'report-version': parse('the report is of version 2, 3, 4 or 5', ABI),
  'report-reserved': parse('every byte and bit of the report that must be zero is', ABI),
  'vmpl-range': parse('the VMPL is 0 to 3, or all ones for the host', ABI),
  'cpu-unknown': parse('the CPU that the report names is of a line whose keys are known', 'AMD 57230; CPUID Fn00000001_EAX'),

  'leaf-kind': chain("the signing key's certificate is a VCEK under an ASK or a VLEK under an ASVK, as it is presented", KDS),
  'leaf-key': chain('the signing key is on P-384', KDS),
  'leaf-authority': chain("the signing key's certificate is no authority's", 'RFC 5280 §4.2.1.9'),
  'leaf-extension': chain("the signing key's certificate has AMD's extensions and no others", KDS),
  'leaf-identity': chain('a VCEK names a chip and no provider, a VLEK a provider and no chip', KDS),
  'leaf-hwid': chain("the chip's id in a VCEK is 64 bytes on Milan and Genoa, 8 on Turin", KDS),
  'product-line': chain('the CPU that the report names is of the line whose authorities vouch for the key', 'AMD 57230'),
  'product-name': chain("for a report of version 2, which names no CPU: the certificate's product is of the line", KDS),

  'signing-key': signature('the report says that the kind of key signed it whose certificate is presented', `${ABI}, KEY_INFO`),
  'signature-algorithm': signature('the signature algorithm is ECDSA on P-384 with SHA-384', ABI),
  'signature-padding': signature('both numbers of the signature are padded with zeros', ABI),
  'signature-range': signature("both numbers of the signature are above 0 and below the curve's order", 'FIPS 186-5 §6.4.2'),
  'report-signature': signature('the report is signed by the certified key', ABI),

  'leaf-tcb-missing': tcb("the signing key's certificate states every component of the TCB", KDS),
  'leaf-tcb-malformed': tcb('each is a number of 0 to 255 in DER', KDS),
  'leaf-tcb-mismatch': tcb('the key was derived for the TCB that the report states', `${ABI}, REPORTED_TCB`),
  'endorsed-tcb-mismatch': tcb("the TCB that the host's cache vouches for is the reported one", 'Azure THIM, tcbm'),
  'tcb-reported-above-current': tcb('no component of the reported TCB is above the current one', `${ABI}, REPORTED_TCB`),
  'tcb-committed-above-current': tcb('no component of the committed TCB is above the current one', `${ABI}, COMMITTED_TCB`),
  'firmware-committed-above-current': tcb('the committed firmware is no newer than the current one', ABI),
  'firmware-provisional': tcb('the running firmware is committed: it cannot be rolled back', 'AMD 56860, SNP_COMMIT'),
  'tcb-below-minimum': tcb('no component of any of the four TCBs is below the minimum', ASKED),
  'firmware-below-minimum': tcb('the committed firmware is no older than the minimum', ASKED),

  'vmpl-host': policy('the guest asked for the report, not the host, which could choose REPORT_DATA', `${ABI}, VMPL`),
  'vmpl-refused': policy('the VMPL is one of those asked for', ASKED),
  'policy-bit-17': policy('bit 17 of the guest policy is one', GUEST_POLICY),
  'policy-debug': policy('the host may not debug the guest', GUEST_POLICY),
  'policy-migrate-ma': policy('no migration agent may move the guest', GUEST_POLICY),
  'policy-smt': policy('SMT is as asked for', GUEST_POLICY),
  'policy-single-socket': policy('the guest is bound to one socket as asked for', GUEST_POLICY),
  'policy-cxl': policy('CXL memory is as asked for', GUEST_POLICY),
  'policy-aes-256-xts': policy('AES-256-XTS is as asked for', GUEST_POLICY),
  'policy-rapl': policy('RAPL is as asked for', GUEST_POLICY),
  'policy-ciphertext-hiding': policy('ciphertext hiding is as asked for', GUEST_POLICY),
  'policy-page-swap': policy('page swapping is as asked for', GUEST_POLICY),
  'policy-abi-below-minimum': policy('the ABI that the guest policy asks for is no older than the minimum', ASKED),
  'platform-info': policy('the platform is set up as asked for', `${ABI}, PLATFORM_INFO`),
  'mitigation-missing': policy('the mitigations asked for were on at launch and are on', `${ABI}, LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR`),
  'chip-key-masked': policy('the chip key is not masked', `${ABI}, KEY_INFO`),
  'signer-refused': policy('the kind of signing key is one of those asked for', ASKED),
  'csp-id': policy("the VLEK is the expected provider's", ASKED),
  'id-key-digest': policy("the guest's ID block was signed by an expected key", ASKED),
  'author-key-digest': policy('the ID key was signed by an expected author key', ASKED),
  'family-id': policy('the family id is the expected one', ASKED),
  'image-id': policy('the image id is the expected one', ASKED),
  'guest-svn-below-minimum': policy("the guest's security version is no lower than the minimum", ASKED),

  'chip-id-tail': binding('on Turin, the 56 bytes after the chip id are zero', `${ABI}, CHIP_ID`),
  'chip-id-masked': binding('the report states the chip id, where a VCEK signed it', `${ABI}, CHIP_ID`),
  'chip-id-mismatch': binding("the report's chip is the one whose VCEK signed", `${ABI}, CHIP_ID`),
  'chip-id-unexpected': binding('the chip is the expected one', ASKED),
  'report-data-mismatch': binding('the report data are those expected', ASKED),
  'measurement-mismatch': binding('the measurement is an expected one', ASKED),
  'host-data-mismatch': binding('the host data are those expected', ASKED),
} as const satisfies Record<string, ReasonRow>;

/** Code of a reason to refuse SEV-SNP evidence. */
export type SnpReason = keyof typeof SNP_ONLY | keyof typeof CERTIFICATE_REASONS;

/** Every reason to refuse SEV-SNP evidence, by its code. */
export const SNP_REASONS: ReasonTable<SnpReason> = { ...CERTIFICATE_REASONS, ...SNP_ONLY };
/** The passed check of each. */
export const SNP_PASSES: Map<SnpReason, Check<SnpReason>> = passesOf(SNP_REASONS);

/** Checks over SNP evidence under way. */
export type SnpAppraisal = Appraisal<SnpReason>;
