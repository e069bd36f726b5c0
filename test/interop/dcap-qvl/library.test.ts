/** npm's @phala/dcap-qvl, unmodified, over our evidence: only its trusted root and its clock are ours. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { type Services, startServices } from '../../../emulator/services/start.ts';
import { quoteCollateral } from '../../../emulator/tdx/evidence/exports.ts';
import type { TdxOptionsInput } from '../../../emulator/tdx/evidence/options.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { TCB_STATUSES } from '../../../emulator/tdx/tcb/status.ts';
import { type Folder, programFolder } from '../go.ts';
import { fileOf, type Subject, subjectOf, world } from '../tdx/subject.ts';
import { VARIANTS } from '../tdx/variants.ts';
import { type DcapQvl, loadDcapQvl, type Verified, VERSION } from './package.ts';

let folder: Folder;
let qvl: DcapQvl;
let services: Services;

beforeAll(async () => {
  folder = await programFolder(`dcap-qvl-${VERSION}`);
  qvl = await loadDcapQvl(folder);
  services = await startServices({ world: world() });
}, 600_000);
afterAll(async () => {
  await services?.stop();
  await folder?.remove();
});

const rootDer = (subject: Subject): Buffer => {
  const [root] = pemBlocks(Buffer.from(fileOf(subject, 'root_ca.pem')).toString('utf8'), 'CERTIFICATE', 'root_ca.pem');
  if (!root) throw new Error('no root');
  return Buffer.from(root);
};

/** What it makes of a subject with the collateral of its bundle. @throws {Error} its own, when it refuses */
function verified(subject: Subject): Verified {
  return new qvl.QuoteVerifier(rootDer(subject)).verify(Buffer.from(fileOf(subject, 'quote.bin')), quoteCollateral(subject.bundle), subject.now);
}

const FORMS: readonly (readonly [string, TdxOptionsInput])[] = [
  ['version 4', {}],
  ['version 5', { quoteVersion: 5 }],
  ['version 5 with a body of TDX 1.0', { quoteVersion: 5, bodyType: 'td10' }],
  ['version 4, Processor CA', { pckCa: 'processor' }],
  ['version 5, Processor CA', { quoteVersion: 5, pckCa: 'processor' }],
];

describe('accepts as up to date', () => {
  describe.each(Object.keys(PLATFORM_MODELS))('%s', (platform) => {
    test.each(FORMS)('%s', (_, options) => {
      expect(verified(subjectOf({ ...options, platform, reportData: '7465656d75' }))).toMatchObject({ status: 'UpToDate', advisory_ids: [] });
    });
  });

  test.each([1, 2, 3, 4])('a quote with certification data of type %i, and the PCK chain beside it', (certificationType) => {
    expect(verified(subjectOf({ certificationType }))).toMatchObject({ status: 'UpToDate' });
  });

  test('a machine of the Processor CA with collateral that it fetched itself from the emulated caching service', async () => {
    const subject = subjectOf({ pckCa: 'processor' });
    const quote = Buffer.from(fileOf(subject, 'quote.bin'));
    const collateral = await qvl.getCollateral(services.url.pccs, quote);
    expect(new qvl.QuoteVerifier(rootDer(subject)).verify(quote, collateral, subject.now)).toMatchObject({ status: 'UpToDate' });
  });
});

describe('names the status', () => {
  const statuses = TCB_STATUSES.filter((status) => status !== 'Revoked' && !status.startsWith('TDRelaunch'));
  test.each(statuses.flatMap((status) => [4, 5].map((version) => [status, version] as const)))('%s, version %i', (tcbStatus, quoteVersion) => {
    const { status, advisory_ids: advisories } = verified(subjectOf({ tcbStatus, quoteVersion }));
    expect(status).toBe(tcbStatus);
    expect(advisories.length > 0).toBe(tcbStatus !== 'UpToDate');
  });

  // It compares TEE_TCB_SVN with all TDX components, and knows neither module identities nor TEE_TCB_SVN2.
  test.each(['TDRelaunchAdvised', 'TDRelaunchAdvisedConfigurationNeeded'] as const)('%s it cannot: it knows nothing of modules that were updated', (tcbStatus) => {
    expect(() => verified(subjectOf({ tcbStatus }))).toThrow('No matching TCB level found');
  });
});

const NOT_DECODED = 'Failed to decode quote';
const NOT_SIGNED = 'ISV enclave report signature is invalid';
const NOT_VALID = 'Certificate is expired or not yet valid';
const REVOKED = 'Certificate is revoked';

/** What it says of what is wrong. */
const REFUSED: Readonly<Record<string, string>> = {
  'quote/version-3': NOT_DECODED,
  'quote/about-an-sgx-enclave': NOT_DECODED,
  'quote/other-kind-of-key': 'Unsupported DCAP attestation key type',
  'quote/truncated': NOT_DECODED,
  'quote/empty': NOT_DECODED,
  'quote/measurement-changed': NOT_SIGNED,
  'quote/report-data-changed': NOT_SIGNED,
  'quote/header-changed': NOT_SIGNED,
  'quote/signature-changed': NOT_SIGNED,
  'quote/signature-zero': NOT_SIGNED,
  'quote/other-signer': NOT_SIGNED,
  'quote/attestation-key-replaced': 'QE report hash mismatch',
  'qe/report-changed': 'Signature is invalid for qe_report in quote',
  'qe/report-signed-by-another-key': 'Signature is invalid for qe_report in quote',
  'qe/authentication-data-changed': 'QE report hash mismatch',
  'qe/other-signer-of-the-enclave': 'QE MRSIGNER mismatch',
  'qe/other-product': 'QE ISVPRODID mismatch',
  'qe/debuggable': 'Debug mode is enabled',
  'qe/svn-below-every-level': 'QE ISVSVN 1 is below minimum required 4',
  'chain/foreign-root': 'Failed to verify certificate chain',
  'chain/intermediate-signed-by-another-key': 'intermediate signature invalid',
  'chain/pck-signed-by-another-key': 'leaf signature invalid',
  'chain/pck-expired': NOT_VALID,
  'chain/pck-not-yet-valid': NOT_VALID,
  'chain/intermediate-expired': NOT_VALID,
  'chain/root-expired': NOT_VALID,
  'chain/pck-without-sgx-extension': 'Intel extension not found',
  'revocation/pck-revoked': REVOKED,
  'revocation/intermediate-revoked': REVOKED,
  'revocation/tcb-signing-revoked': REVOKED,
  'tcb-info/changed': 'Signature is invalid for tcb_info',
  'tcb-info/signature-changed': 'Signature is invalid for tcb_info',
  'tcb-info/signed-by-another-key': 'Signature is invalid for tcb_info',
  'tcb-info/stale': 'TCBInfo expired',
  'tcb-info/of-another-platform': 'Fmspc mismatch',
  'tcb-info/for-sgx': 'TDX quote with non-TDX TCB info',
  'tcb-info/of-version-2': 'TDX quote with non-TDX TCB info',
  'tcb-info/without-levels': 'No matching TCB level found',
  'tcb-info/signing-certificate-expired': NOT_VALID,
  'tcb-info/signing-certificate-signed-by-another-key': 'leaf signature invalid',
  'qe-identity/changed': 'Signature is invalid for qe_identity',
  'qe-identity/signed-by-another-key': 'Signature is invalid for qe_identity',
  'qe-identity/stale': 'QE Identity expired',
  'qe-identity/of-the-sgx-enclave': 'Unsupported QE Identity id/version',
  'qe-identity/of-another-signer': 'QE MRSIGNER mismatch',
  'module/svn-below-every-level': 'No matching TCB level found',
  'tcb/revoked': 'TCB status is invalid: Revoked',
  'policy/debuggable': 'Debug mode is enabled',
  'policy/reserved-attribute': 'Debug mode is enabled',
};

const LISTS_NOT_CHECKED = 'it reads serials out of lists, and looks at neither their times nor their signatures (utils.js, checkCrlRevocation; Phala-Network/dcap-qvl#206 speaks of a later verifier that does)';
const NO_MODULES = 'it reads no module identities, nor what signed the module (tcb_info.js)';
const STATED = 'it names the status and leaves it to the caller';

/** Bad evidence that this release takes, with the reason. A later release that refuses it fails here, and the row moves up. */
const LET_PASS: Readonly<Record<string, readonly [status: string, why: string]>> = {
  'quote/other-vendor': ['UpToDate', 'it does not look at the vendor of the quoting enclave'],
  'chain/intermediate-no-authority': ['UpToDate', 'it does not look at basic constraints (utils.js, verifyCertificateChain)'],
  'chain/pck-of-another-name': ['UpToDate', 'it does not look at names'],
  'tcb-info/signing-certificate-of-another-name': ['UpToDate', 'it does not look at names'],
  'tcb-info/of-another-pce': ['UpToDate', 'it compares the FMSPC only'],
  'revocation/pck-list-stale': ['UpToDate', LISTS_NOT_CHECKED],
  'revocation/root-list-stale': ['UpToDate', LISTS_NOT_CHECKED],
  'revocation/pck-list-signed-by-another-key': ['UpToDate', LISTS_NOT_CHECKED],
  'revocation/root-list-signed-by-another-key': ['UpToDate', LISTS_NOT_CHECKED],
  'module/unknown': ['UpToDate', NO_MODULES],
  'module/of-another-signer': ['UpToDate', NO_MODULES],
  'module/attributes': ['UpToDate', NO_MODULES],
  'tcb/out-of-date': ['OutOfDate', STATED],
  'tcb/out-of-date-configuration-needed': ['OutOfDateConfigurationNeeded', STATED],
  'policy/xfam-without-sse': ['UpToDate', 'it does not look at XFAM'],
};

describe('bad evidence', () => {
  test('of every name is asked about; without anything wrong it is accepted', () => {
    expect([...Object.keys(REFUSED), ...Object.keys(LET_PASS)].toSorted()).toEqual(Object.keys(VARIANTS).toSorted());
    expect(verified(subjectOf())).toMatchObject({ status: 'UpToDate' });
  });

  test.each(Object.entries(REFUSED))('%s is refused: %s', (id, says) => {
    const make = VARIANTS[id] ?? subjectOf;
    expect(() => verified(make())).toThrow(says);
  });

  test.each(Object.entries(LET_PASS))('%s is taken', (id, [status, why]) => {
    const make = VARIANTS[id] ?? subjectOf;
    expect(verified(make()).status, why).toBe(status);
  });
});
