/** go-tdx-guest's library, unmodified, over our evidence: only its trusted root, its clock and the place of Intel's service are ours. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TdxOptionsInput } from '../../../emulator/tdx/evidence/options.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { TCB_STATUSES } from '../../../emulator/tdx/tcb/status.ts';
import { type Services, startServices } from '../../../emulator/services/start.ts';
import type { Revocable } from '../../../emulator/services/vendors.ts';
import { chainText } from '../../../emulator/tdx/quote/certification.ts';
import { decodeQuote } from '../../../emulator/tdx/quote/quote.ts';
import { answers, buildModule, type Folder, programFolder } from '../go.ts';
import { fileOf, type Subject, subjectOf, world } from '../tdx/subject.ts';
import { VARIANTS } from '../tdx/variants.ts';
import { type Answer, ask, fetching, type Question, type Step, strict, VERSION } from './wrapper.ts';

let folder: Folder;
let program = '';
let services: Services;

beforeAll(async () => {
  folder = await programFolder(`go-tdx-guest-${VERSION}`);
  program = await buildModule(import.meta.url, folder);
  services = await startServices({ world: world() });
}, 600_000);
afterAll(async () => {
  await services?.stop();
  await folder?.remove();
});

async function answer(question: Question): Promise<Answer | undefined> {
  return (await answers<Answer>(program, [question])).get(question.id);
}
const REPORT_DATA = '7465656d75';
const fmspcOf = (subject: Subject): string => String(subject.bundle.manifest.fmspc);

describe('accepts, with collateral and lists,', () => {
  describe.each(Object.keys(PLATFORM_MODELS))('%s', (platform) => {
    const subject = subjectOf({ platform, reportData: REPORT_DATA, runtimeEvent: ['teemu start'] });
    test('from the bundle', async () => {
      expect(await answer(strict('x', subject))).toMatchObject({ verdict: 'accept' });
    });

    test('fetched from the emulated service', async () => {
      expect(await answer(fetching(strict('x', subject), services.url.pcs))).toMatchObject({
        verdict: 'accept',
        fetched: [`/tdx/certification/v4/tcb?fmspc=${fmspcOf(subject)}`, '/tdx/certification/v4/qe/identity', '/sgx/certification/v4/pckcrl?ca=platform&encoding=der', '/IntelSGXRootCA.der'],
      });
    });
  });

  test.each<[string, TdxOptionsInput]>([
    ['another machine of its kind', { index: 4_000_000_000 }],
    ['PKS and PERFMON allowed', { tdAttributes: '0x8000000050000000' }],
    ['owner and configuration', { mrOwner: '01', mrConfigId: '02', mrOwnerConfig: '03' }],
    ['firmware added in two passes', { addOrder: 'twoPass' }],
    ['a kernel given to QEMU', { boot: 'direct' }],
    ['early collateral', { tcbEvaluation: 'early' }],
  ])('evidence with %s', async (_, options) => {
    expect(await answer(strict('x', subjectOf(options)))).toMatchObject({ verdict: 'accept' });
  });
});

const NO_VERSION_5 = 'quote format not supported';

/** Good evidence that this release does not take, with the reason that it gives. A later release that takes it fails here, and the row goes. */
const NOT_TAKEN: readonly (readonly [name: string, why: string, options: TdxOptionsInput, says: string])[] = [
  ...Object.keys(PLATFORM_MODELS).map((platform) => [`${platform}, version 5`, 'it knows version 4 only; version 5 came after this release', { platform, quoteVersion: 5 }, NO_VERSION_5] as const),
  ['version 5 with a body of TDX 1.0', 'it knows version 4 only', { quoteVersion: 5, bodyType: 'td10' }, NO_VERSION_5],
  ['a PCK of the Processor CA', 'it wants the Platform CA (verify.go, intermediateCertPhrase)', { pckCa: 'processor' }, '"Intel SGX PCK Processor CA" is not expected'],
  ...[1, 2, 3, 4].map(
    (certificationType) => [`certification data of type ${certificationType}`, 'it takes the chain from the quote only', { certificationType }, `data type invalid, got ${certificationType}, expected 5`] as const,
  ),
  ...TCB_STATUSES.filter((status) => !status.startsWith('TDRelaunch') && status !== 'UpToDate').map(
    (tcbStatus) => [tcbStatus, 'it takes machines that are up to date only (google/go-tdx-guest#96)', { tcbStatus }, `TCB Status is not "UpToDate", found "${tcbStatus}"`] as const,
  ),
  ['TDRelaunchAdvised', 'only version 5 can say so', { tcbStatus: 'TDRelaunchAdvised' }, NO_VERSION_5],
];

describe('does not take', () => {
  test.each(NOT_TAKEN)('%s: %s', async (_, __, options, says) => {
    expect(await answer(ask('x', subjectOf(options)))).toMatchObject({ verdict: 'reject', stage: 'verify', detail: expect.stringContaining(says) });
  });
});

const NOT_SIGNED = "unable to verify message digest using quote's signature";
const KEY_NOT_BOUND = 'QE Report Data does not match';
const QE_NOT_SIGNED = "QE report's signature verification using PCK Leaf Certificate failed";
const EXPIRED = 'certificate has expired or is not yet valid';
const BODY_NOT_SIGNED = 'could not verify response body using the signing certificate';
const LIST_NOT_SIGNED = 'CRL signature verification failed using trusted certificate';

/** Where the library notices what is wrong, and with which words. */
const REFUSED: Readonly<Record<string, readonly [step: Step, says: string]>> = {
  'quote/version-3': ['verify', NO_VERSION_5],
  'quote/about-an-sgx-enclave': ['verify', 'TEE type is not TDX'],
  'quote/other-kind-of-key': ['verify', 'attestation key type not supported'],
  'quote/truncated': ['verify', 'Expected minimum size'],
  'quote/empty': ['verify', 'unable to determine quote format'],
  'quote/measurement-changed': ['verify', NOT_SIGNED],
  'quote/report-data-changed': ['verify', NOT_SIGNED],
  'quote/header-changed': ['verify', NOT_SIGNED],
  'quote/signature-changed': ['verify', NOT_SIGNED],
  'quote/signature-zero': ['verify', NOT_SIGNED],
  'quote/other-signer': ['verify', NOT_SIGNED],
  'quote/attestation-key-replaced': ['verify', KEY_NOT_BOUND],
  'quote/other-vendor': ['validate', 'QE_VENDOR_ID'],
  'qe/report-changed': ['verify', QE_NOT_SIGNED],
  'qe/report-signed-by-another-key': ['verify', QE_NOT_SIGNED],
  'qe/authentication-data-changed': ['verify', KEY_NOT_BOUND],
  'qe/other-signer-of-the-enclave': ['verify', 'MRSIGNER value("0101'],
  'qe/other-product': ['verify', 'ISV PRODID value(1) in QE Report is not equal'],
  'qe/debuggable': ['verify', "is not equal to Attributes value({[17 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0]}) in Intel PCS's reported QE Identity"],
  'qe/svn-below-every-level': ['verify', 'QE Identity reported by Intel PCS failed TCB status check'],
  'chain/foreign-root': ['verify', 'certificate signed by unknown authority'],
  'chain/intermediate-signed-by-another-key': ['verify', 'unable to validate Intermediate CA certificate'],
  'chain/pck-signed-by-another-key': ['verify', 'unable to validate PCK leaf certificate'],
  'chain/pck-expired': ['verify', EXPIRED],
  'chain/pck-not-yet-valid': ['verify', EXPIRED],
  'chain/intermediate-expired': ['verify', EXPIRED],
  'chain/root-expired': ['verify', EXPIRED],
  'chain/intermediate-no-authority': ['verify', 'parent certificate cannot sign this kind of certificate'],
  'chain/pck-of-another-name': ['verify', '"Intel SGX PCK" is not expected'],
  'chain/pck-without-sgx-extension': ['verify', 'extensions length found 5. Expected 6'],
  'revocation/pck-revoked': ['verify', 'PCK Leaf certificate in PCK certificate chain was revoked at'],
  'revocation/intermediate-revoked': ['verify', 'intermediate certificate in PCK certificate chain was revoked at'],
  'revocation/tcb-signing-revoked': ['verify', 'signing certificate was revoked at'],
  'revocation/pck-list-stale': ['verify', 'PCK CRL has expired'],
  'revocation/root-list-stale': ['verify', 'root CA CRL has expired'],
  'revocation/pck-list-signed-by-another-key': ['verify', LIST_NOT_SIGNED],
  'revocation/root-list-signed-by-another-key': ['verify', LIST_NOT_SIGNED],
  'tcb-info/changed': ['verify', BODY_NOT_SIGNED],
  'tcb-info/signature-changed': ['verify', BODY_NOT_SIGNED],
  'tcb-info/signed-by-another-key': ['verify', BODY_NOT_SIGNED],
  'tcb-info/stale': ['verify', 'tcbInfo has expired'],
  'tcb-info/of-another-platform': ['verify', 'is not equal to FMSPC value'],
  'tcb-info/of-another-pce': ['verify', 'is not equal to PCEID'],
  'tcb-info/for-sgx': ['verify', 'tcbInfo ID "SGX" does not match'],
  'tcb-info/of-version-2': ['verify', 'tcbInfo version 2 does not match'],
  'tcb-info/without-levels': ['verify', 'tcbInfo contains empty TcbLevels'],
  'tcb-info/signing-certificate-expired': ['verify', 'tcbInfo signing certificate has expired'],
  'tcb-info/signing-certificate-signed-by-another-key': ['verify', 'unable to validate signing certificate in the issuer chain'],
  'tcb-info/signing-certificate-of-another-name': ['verify', '"Intel SGX Signing" is not expected'],
  'qe-identity/changed': ['verify', BODY_NOT_SIGNED],
  'qe-identity/signed-by-another-key': ['verify', BODY_NOT_SIGNED],
  'qe-identity/stale': ['verify', 'QeIdentity has expired'],
  'qe-identity/of-the-sgx-enclave': ['verify', 'QeIdentity ID "QE" does not match'],
  'qe-identity/of-another-signer': ['verify', 'MRSIGNER value("dc9e'],
  'module/unknown': ['verify', 'could not find a TDX Module Identity ("TDX_09")'],
  'module/of-another-signer': ['verify', 'MRSIGNERSEAM value'],
  'module/attributes': ['verify', 'is not equal to TdxModule.Attributes'],
  'module/svn-below-every-level': ['verify', 'could not find a TDX Module Identity TCB Level'],
  'tcb/out-of-date': ['verify', 'found "OutOfDate"'],
  'tcb/out-of-date-configuration-needed': ['verify', 'found "OutOfDateConfigurationNeeded"'],
  'tcb/revoked': ['verify', 'found "Revoked"'],
  'policy/reserved-attribute': ['validate', 'unauthorized tdAttributes 0x10000010'],
  'policy/xfam-without-sse': ['validate', 'unauthorized xfam 0x602e5'],
};

/** Bad evidence that this release takes, with the reason. A later release that refuses it fails here, and the row moves up. */
const LET_PASS: readonly (readonly [id: string, why: string])[] = [
  ['policy/debuggable', 'DEBUG is among the attributes that it allows (validate.go, tdAttributesFixed0); who wants none must say which attributes exactly'],
];

describe('bad evidence', () => {
  const asked = [...Object.keys(REFUSED), ...LET_PASS.map(([id]) => id)];
  let got: ReadonlyMap<string, Answer>;

  beforeAll(async () => {
    const questions = Object.entries(VARIANTS).map(([id, make]) => ask(id, make()));
    got = await answers<Answer>(program, [...questions, ask('good', subjectOf())]);
  }, 120_000);

  test('of every name is asked about; without anything wrong it is accepted', () => {
    expect(asked.toSorted()).toEqual(Object.keys(VARIANTS).toSorted());
    expect(got.get('good')).toMatchObject({ verdict: 'accept' });
  });

  test.each(Object.entries(REFUSED))('%s is refused', (id, [step, says]) => {
    expect(got.get(id)).toMatchObject({ verdict: 'reject', stage: step, detail: expect.stringContaining(says) });
  });

  test.each(LET_PASS)('%s is taken: %s', (id) => {
    expect(got.get(id)).toMatchObject({ verdict: 'accept' });
  });
});

describe('the emulated service', () => {
  const subject = subjectOf();
  const question = (): Question => fetching(ask('x', subject), services.url.pcs);
  const pckPem = chainText(decodeQuote(fileOf(subject, 'quote.bin')).certification) ?? '';
  afterEach(() => services.reset());

  test.each<[string, Revocable]>([
    ['the PCK certificate in the quote', { certificate: pckPem }],
    ['the Platform CA', { role: 'PLATFORM' }],
    ['TCB signing', { role: 'TCB_SIGNING' }],
  ])('has revoked %s: refused, and accepted again when that is taken back', async (_, what) => {
    services.revoke(what);
    expect(await answer(question())).toMatchObject({ verdict: 'reject', stage: 'verify', detail: expect.stringContaining('revoked at') });
    services.reset();
    expect(await answer(question())).toMatchObject({ verdict: 'accept' });
  });

  test.each(['OutOfDate', 'Revoked', 'ConfigurationNeeded'] as const)('says that such machines are %s: refused, and accepted again', async (status) => {
    services.vendors.tdx.authority.setTcbStatus(fmspcOf(subject), status);
    expect(await answer(question())).toMatchObject({ verdict: 'reject', stage: 'verify', detail: expect.stringContaining(`found "${status}"`) });
    services.reset();
    expect(await answer(question())).toMatchObject({ verdict: 'accept' });
  });

  test.each<[string, string, string, string]>([
    ['stale TCB info', 'collateral-stale', 'pcs.tcb.tdx', 'tcbInfo has expired'],
    ['TCB info signed by nobody', 'collateral-unsigned', 'pcs.tcb.tdx', BODY_NOT_SIGNED],
    ['TCB info rewritten after it was signed', 'collateral-rewritten', 'pcs.tcb.tdx', BODY_NOT_SIGNED],
    ['TCB info of another FMSPC', 'tcb-other-fmspc', 'pcs.tcb.tdx', 'is not equal to FMSPC value'],
    ['TCB info for SGX', 'tcb-other-tee', 'pcs.tcb.tdx', 'tcbInfo ID "SGX" does not match'],
    ['the identity of the SGX enclave', 'identity-other-enclave', 'pcs.identity.td-qe', 'QeIdentity ID "QE" does not match'],
    ['a chain root first', 'issuer-chain-order', 'pcs.tcb.tdx', 'is not expected in'],
    ['a chain without its root', 'issuer-chain-incomplete', 'pcs.tcb.tdx', 'could not parse PEM formatted'],
    ['no chain', 'issuer-chain-missing', 'pcs.tcb.tdx', 'is empty'],
    ['a stale list', 'pckcrl-stale', 'pcs.pckcrl', 'PCK CRL has expired'],
    ['the list of the Processor CA', 'pckcrl-other-ca', 'pcs.pckcrl', 'PCK CRL'],
    ['a stale list of the root', 'rootcrl-stale', 'pcs.rootcrl', 'root CA CRL has expired'],
  ])('answers with %s: refused', async (_, fault, match, says) => {
    services.fault({ fault, match });
    expect(await answer(question())).toMatchObject({ verdict: 'reject', stage: 'verify', detail: expect.stringContaining(says) });
  });
});
