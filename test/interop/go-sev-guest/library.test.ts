/** go-sev-guest's library, unmodified, over our evidence: only its trusted roots, its clock and the place of the key distribution service are ours. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AmdAuthority } from '../../../emulator/snp/authority.ts';
import { type CertificateTableEntry, encodeCertificateTable, googlePlatformInfo } from '../../../emulator/snp/certificate-table.ts';
import { type SnpEvidence, snpEvidence } from '../../../emulator/snp/evidence/evidence.ts';
import { exportBundle } from '../../../emulator/bundle.ts';
import { SNP_EXPORTS } from '../../../emulator/snp/evidence/export/index.ts';
import type { SnpOptionsInput } from '../../../emulator/snp/evidence/options.ts';
import { decodeReport } from '../../../emulator/snp/report.ts';
import { type Services, startServices } from '../../../emulator/services/start.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type BuiltSnpCase, snpCaseBuilder, type SnpSubject } from '../../../vectors/build.ts';
import { SNP_CASES } from '../../../vectors/cases/snp.ts';
import { buildWrapper, type Folder, programFolder } from './toolchain.ts';
import { type Answer, answers, ask, chainPem, type Question, type Step, tcbVersion } from './wrapper.ts';

const AT = Date.UTC(2026, 5, 1);
const SEED = 'go-sev-guest';
const world = (): ReturnType<typeof seededWorld> => seededWorld(SEED, fixedClock(AT));
const base64 = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('base64');
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

let folder: Folder;
let program = '';
/** As AMD's service is today, and as it was when product names had a stepping, which reports of version 2 need. */
let kds: { readonly today: Services; readonly stepping: Services };

beforeAll(async () => {
  folder = await programFolder();
  program = await buildWrapper(folder);
  kds = { today: await startServices({ world: world() }), stepping: await startServices({ world: world(), productNames: 'stepping' }) };
}, 600_000);
afterAll(async () => {
  await Promise.all([kds?.today.stop(), kds?.stepping.stop(), folder?.remove()]);
});

async function answer(question: Question): Promise<Answer> {
  const one = (await answers(program, [question])).get(question.id);
  if (!one) throw new Error('the wrapper answered something else');
  return one;
}

const REPORT_DATA = '7465656d75';
const HOST_DATA = 'a5'.repeat(32);

/** What a relying party has to allow for good but unusual evidence. */
interface Allowance {
  readonly guestPolicy?: number;
  readonly provisional?: boolean;
}

/** Everything that the library can be asked of honest evidence: the chain and list, and values that only this report has. */
function strict(evidence: SnpEvidence, allow: Allowance = {}): Question {
  const { line, intermediate, ark, report } = evidence;
  const { reportData, hostData, measurement, vmpl, reportedTcb } = decodeReport(report);
  return {
    id: 'accept',
    line,
    chain: chainPem(intermediate.der, ark.der),
    askChain: evidence.signer === 'vlek' ? new AmdAuthority(world(), line).chainPem('vcek') : '',
    now: AT / 1000,
    checkCrl: true,
    guestPolicy: allow.guestPolicy ?? 0x30000,
    provisional: allow.provisional ?? false,
    reportData: hex(reportData),
    hostData: hex(hostData),
    measurement: hex(measurement),
    vmpl,
    minimumTcb: tcbVersion(reportedTcb),
  };
}

/** CPUID Fn0000_0001_EAX as Google states it beside a report of version 2, with the stepping of the product name. */
const CPUID: Readonly<Record<string, number>> = { Milan: 0x00a00f10, Genoa: 0x00a10f11 };

/** The certificates that a guest may have got: nothing, or only what AMD's service does not give to it. */
function fewCertificates({ line, signer, leaf }: SnpEvidence, version: number): Uint8Array {
  const entries: CertificateTableEntry[] = [
    ...(signer === 'vlek' ? [{ kind: 'VLEK', contents: leaf.der } as const] : []),
    ...(version === 2 ? [{ kind: 'GOOGLE_PLATFORM_INFO', contents: googlePlatformInfo(CPUID[line] ?? 0) } as const] : []),
  ];
  return entries.length === 0 ? new Uint8Array() : encodeCertificateTable(entries);
}

const ACCEPTED: readonly { readonly name: string; readonly options: SnpOptionsInput; readonly allow?: Allowance }[] = [
  ...(['milan', 'genoa'] as const).flatMap((product) =>
    [2, 3, 4, 5].flatMap((reportVersion) => (['vcek', 'vlek'] as const).map((signer) => ({ name: `${product}, version ${reportVersion}, ${signer}`, options: { product, reportVersion, signer } }))),
  ),
  { name: 'preset aws', options: { preset: 'aws' }, allow: { provisional: true } },
  { name: 'preset azure-cvm', options: { preset: 'azure-cvm' }, allow: { guestPolicy: 0x3001f } },
  { name: 'preset gce', options: { preset: 'gce' } },
];

describe('accepts, with the revocation list checked,', () => {
  describe.each(ACCEPTED)('$name', ({ options, allow = {} }) => {
    const evidence = snpEvidence(world(), { ...options, reportData: REPORT_DATA, hostData: HOST_DATA });
    const { version } = decodeReport(evidence.report);
    const service = (): Services => (version === 2 ? kds.stepping : kds.today);
    const question = (): Question => ({ ...strict(evidence, allow), kds: service().url.kds });
    const listPath = `/vcek/v1/${evidence.line}/crl`;

    test('as report and certificate table', async () => {
      expect(await answer({ ...question(), report: base64(evidence.report), certs: base64(evidence.certificateTable) })).toMatchObject({ verdict: 'accept', fetched: [listPath] });
    });

    test('as its own protobuf message', async () => {
      const proto = base64(exportBundle(SNP_EXPORTS, evidence.bundle, 'go-sev-guest').files.get('attestation.pb'));
      expect(await answer({ ...question(), proto })).toMatchObject({ verdict: 'accept', fetched: [listPath] });
    });

    test('with the missing certificates fetched', async () => {
      const { signer, line } = evidence;
      const certs = base64(fewCertificates(evidence, version));
      const got = await answer({ ...question(), report: base64(evidence.report), certs, fetch: true });
      const leaf = signer === 'vcek' ? [expect.stringMatching(new RegExp(`^/vcek/v1/${line}/[0-9a-f]{128}\\?blSPL=\\d+&teeSPL=\\d+&snpSPL=\\d+&ucodeSPL=\\d+$`))] : [];
      expect(got).toMatchObject({ verdict: 'accept', fetched: [`/${signer}/v1/${line}/cert_chain`, ...leaf, listPath] });
      expect(
        service()
          .requests()
          .map(({ status }) => status),
      ).not.toContain(404);
    });
  });
});

/** Good evidence that this release does not take, with the reason that it gives. A later release that takes it fails here, and the row goes. */
const NOT_TAKEN: readonly (readonly [name: string, why: string, options: SnpOptionsInput, step: Step, says: string])[] = [
  ...[3, 4, 5].map(
    (reportVersion) =>
      [
        `turin, version ${reportVersion}`,
        'google/go-sev-guest#165: it does not know the FMC level in the certificate, nor a hardware id of 8 bytes',
        { product: 'turin', reportVersion },
        'verify',
        'not an AMD KDS OID: 1.3.6.1.4.1.3704.1.3.9',
      ] as const,
  ),
  ['siena', 'google/go-sev-guest#184: it knows no model A0h, and so no line whose roots to look at', { product: 'siena' }, 'verify', 'could not be verified by any trusted roots'],
  ['bergamo', 'google/go-sev-guest#184: it knows no model A0h, and so no line whose roots to look at', { product: 'bergamo' }, 'verify', 'could not be verified by any trusted roots'],
  [
    'genoa, version 2, with today’s product name',
    'google/go-sev-guest#103: version 2 names no CPU, and "Genoa" has no stepping',
    { product: 'genoa', reportVersion: 2, productName: 'Genoa' },
    'verify',
    'unknown product name (new stepping published?): "Genoa"',
  ],
];

describe('does not know', () => {
  test.each(NOT_TAKEN)('%s: %s', async (_, __, options, step, says) => {
    const evidence = snpEvidence(world(), options);
    const got = await answer({ ...strict(evidence), kds: kds.today.url.kds, report: base64(evidence.report), certs: base64(evidence.certificateTable) });
    expect(got).toMatchObject({ verdict: 'reject', stage: step, detail: expect.stringContaining(says) });
  });

  test('provisional firmware, unless it is told to', async () => {
    const evidence = snpEvidence(world(), { preset: 'aws' });
    const got = await answer({ ...strict(evidence), kds: kds.today.url.kds, report: base64(evidence.report), certs: base64(evidence.certificateTable) });
    expect(got).toMatchObject({ verdict: 'reject', stage: 'validate', detail: expect.stringContaining("COMMITTED_TCB 0xdb18000000000004 does not match the report's CURRENT_TCB 0xdc18000000000004") });
  });
});

const NOT_UNDER_ROOT = 'certificate signed by unknown authority';
const EXPIRED = 'certificate has expired or is not yet valid';
const NOT_SIGNED = 'report signature verification error';
const NO_LINE = 'could not be verified by any trusted roots';

/** Where the library notices the bad evidence of a case, and with which words. */
const REFUSED: Readonly<Record<string, readonly [step: Step, says: string]>> = {
  'snp/report/version-unknown': ['verify', 'report version is: 99'],
  'snp/report/truncated': ['parse', 'array size is 0x49f'],
  'snp/report/empty': ['parse', 'array size is 0x0'],
  'snp/report/reserved-set': ['parse', 'mbz range [0x4c:0x50] not all zero'],
  'snp/report/policy-reserved-bit': ['parse', 'malformed guest policy'],
  'snp/report/key-info-reserved-bit': ['parse', 'mbz range data[0x48:0x4C]'],
  'snp/report/tail-after-signature': ['parse', 'mbz range [0x330:0x4a0] not all zero'],
  'snp/report/cpu-unknown': ['verify', NO_LINE],
  'snp/chain/foreign-root': ['verify', NOT_UNDER_ROOT],
  'snp/chain/ask-not-signed-by-ark': ['verify', NOT_UNDER_ROOT],
  'snp/chain/vcek-wrong-ask': ['verify', NOT_UNDER_ROOT],
  'snp/chain/vlek-as-vcek': ['verify', 'subject common name SEV-VLEK not expected'],
  'snp/chain/ask-not-a-ca': ['verify', NOT_UNDER_ROOT],
  'snp/chain/ask-may-not-sign': ['verify', NOT_UNDER_ROOT],
  'snp/chain/ark-expired': ['verify', EXPIRED],
  'snp/chain/ask-expired': ['verify', EXPIRED],
  'snp/chain/vcek-expired': ['verify', EXPIRED],
  'snp/chain/vlek-expired': ['verify', EXPIRED],
  'snp/chain/vcek-not-yet-valid': ['verify', EXPIRED],
  'snp/chain/vcek-other-name': ['verify', 'subject common name SEV-VLEK not expected'],
  'snp/chain/vcek-extension-twice': ['verify', 'could not interpret VCEK DER bytes'],
  'snp/chain/vcek-with-csp-id': ['verify', 'certificate has both HWID'],
  'snp/chain/vcek-short-hwid': ['verify', 'could not parse extension as an octet string'],
  'snp/chain/vcek-key-usage': ['verify', 'not an AMD KDS OID: 2.5.29.15'],
  'snp/chain/cpu-of-another-line': ['verify', NO_LINE],
  'snp/revocation/ask-revoked': ['verify', 'ASK was revoked at'],
  'snp/signature/algorithm': ['verify', 'unknown signature algorithm: 2'],
  'snp/signature/vcek-claims-vlek': ['verify', 'missing VLEK certificate'],
  'snp/signature/vlek-claims-vcek': ['verify', 'missing VCEK certificate'],
  'snp/signature/claims-no-key': ['verify', 'missing None certificate'],
  'snp/signature/r-bit-flipped': ['verify', NOT_SIGNED],
  'snp/signature/s-bit-flipped': ['verify', NOT_SIGNED],
  'snp/signature/r-zero': ['verify', NOT_SIGNED],
  'snp/signature/s-zero': ['verify', NOT_SIGNED],
  'snp/signature/all-zero': ['verify', NOT_SIGNED],
  'snp/signature/s-above-the-order': ['verify', NOT_SIGNED],
  'snp/signature/halves-swapped': ['verify', NOT_SIGNED],
  'snp/signature/big-endian': ['verify', NOT_SIGNED],
  'snp/signature/padding-set': ['verify', NOT_SIGNED],
  'snp/signature/wrong-key': ['verify', NOT_SIGNED],
  'snp/signature/measurement-changed': ['verify', NOT_SIGNED],
  'snp/signature/report-data-changed': ['verify', NOT_SIGNED],
  'snp/signature/report-id-changed': ['verify', NOT_SIGNED],
  'snp/tcb/certificate-for-other-boot-loader': ['validate', 'does not match the TCB of the V[CL]EK certificate 0xd517000000000001'],
  'snp/tcb/certificate-for-other-tee': ['validate', 'does not match the TCB of the V[CL]EK certificate 0xd517000000000104'],
  'snp/tcb/certificate-for-other-snp': ['validate', 'does not match the TCB of the V[CL]EK certificate 0xd501000000000004'],
  'snp/tcb/certificate-for-other-microcode': ['validate', 'does not match the TCB of the V[CL]EK certificate 0x117000000000004'],
  'snp/tcb/extension-missing': ['verify', 'no extension for field SnpSpl'],
  'snp/tcb/extension-no-integer': ['verify', 'could not parse extension as an integer'],
  'snp/tcb/extension-above-255': ['verify', "int value for field SnpSpl isn't a uint8"],
  'snp/tcb/reported-above-current': ['validate', 'is lower than the TCB of the V[CL]EK certificate'],
  'snp/tcb/committed-above-current': ['validate', "is lower than the report's COMMITTED_TCB"],
  'snp/tcb/committed-build-above-current': ['validate', 'committed build number 30 is greater than the current build number 29'],
  'snp/tcb/below-minimum': ['validate', 'is lower than the policy minimum TCB'],
  'snp/tcb/provisional-tcb': ['validate', "does not match the report's CURRENT_TCB"],
  'snp/tcb/provisional-build': ['validate', 'committed build number 28 does not match the current build number 29'],
  'snp/policy/debug-allowed': ['validate', 'found unauthorized debug capability'],
  'snp/policy/migration-agent-allowed': ['validate', 'found unauthorized migration agent capability'],
  'snp/policy/cxl-allowed': ['validate', 'found unauthorized CXL capability'],
  'snp/policy/smt-allowed': ['validate', 'found unauthorized symmetric multithreading (SMT) capability'],
  'snp/policy/more-sockets': ['validate', 'required single socket restriction not present'],
  'snp/policy/page-swap-possible': ['validate', 'found unauthorized page swap capability'],
  'snp/policy/abi-below-minimum': ['validate', "required policy ABI version (1.55) is greater than the report's ABI version (0.0)"],
  'snp/policy/bit-17-zero': ['parse', 'policy[17] is reserved, must be 1, got 0'],
  'snp/policy/vmpl-1-where-0-is-asked': ['validate', 'report VMPL 1 is not 0'],
  'snp/policy/host-asked': ['validate', 'report VMPL 4294967295 is not 0'],
  'snp/binding/chip-id-differs': ['validate', "is not the same as the VCEK certificate's HWID"],
  'snp/binding/report-data': ['validate', 'report field REPORT_DATA is 11'],
  'snp/binding/host-data': ['validate', 'report field HOST_DATA is 11'],
  'snp/binding/measurement': ['validate', 'report field MEASUREMENT is'],
};

/** Bad evidence that this release takes, by what is known of it in public. A later release that refuses it fails here, and the row moves up. */
const LET_PASS: readonly (readonly [id: string, why: string])[] = [
  ['snp/revocation/list-stale', 'google/go-sev-guest#191: the times of a list are not looked at'],
  ['snp/revocation/list-of-the-future', 'google/go-sev-guest#191: the times of a list are not looked at'],
  ['snp/binding/chip-id-zero', 'validate.go says so: a host may mask its chip id, so a report without one is taken'],
];

/** Unusual but good evidence, without the parts that this release does not know. */
const UNUSUAL = ['genoa', 'vlek', 'vlek-masked-vmpl-1', 'id-block', 'reported-below-current', 'version-2', 'version-4', 'version-5', 'product-name-garbled', 'hwid-wrapped', 'high-s', 'low-s', 'policy-new-bits'].map(
  (slug) => `snp/ok/${slug}`,
);

describe('bad evidence beside its good twin, and unusual evidence', () => {
  const asked = new Set([...Object.keys(REFUSED), ...LET_PASS.map(([id]) => id), ...UNUSUAL]);
  let built: ReadonlyMap<string, BuiltSnpCase>;
  let got: ReadonlyMap<string, Answer>;

  /** The list is the subject's own; a VLEK's relying party trusts the whole of AMD's line. */
  const question = (id: string, subject: SnpSubject): Question =>
    ask(id, subject, { checkCrl: true, crl: base64(subject.crl), askChain: subject.signer === 'vlek' ? new AmdAuthority(world(), subject.line).chainPem('vcek') : '' });

  beforeAll(async () => {
    const build = snpCaseBuilder({ seed: SEED, at: AT });
    built = new Map(SNP_CASES.filter(({ id }) => asked.has(id)).map((row) => [row.id, build(row)]));
    got = await answers(
      program,
      [...built].flatMap(([id, { subject, twin }]) => [question(id, subject), question(`${id} twin`, twin)]),
    );
  });

  test('is of a case that there is', () => {
    expect([...asked].filter((id) => !built.has(id))).toEqual([]);
  });

  describe.each(Object.entries(REFUSED))('%s', (id, [step, says]) => {
    test('is refused', () => {
      expect(got.get(id)).toMatchObject({ verdict: 'reject', stage: step, detail: expect.stringContaining(says) });
    });
    test('has a twin that is accepted', () => {
      expect(got.get(`${id} twin`)).toMatchObject({ verdict: 'accept' });
    });
  });

  test.each(UNUSUAL)('%s is accepted', (id) => {
    expect(got.get(id)).toMatchObject({ verdict: 'accept' });
  });

  describe.each(LET_PASS)('%s', (id, why) => {
    test(`is taken: ${why}`, () => {
      expect(got.get(id)).toMatchObject({ verdict: 'accept' });
    });
  });
});

describe('the key distribution service', () => {
  const evidence = snpEvidence(world(), {});
  const question = (): Question => ({ ...strict(evidence), kds: kds.today.url.kds, report: base64(evidence.report), fetch: true });
  afterAll(() => kds.today.reset());

  test('has revoked the ASK: refused, and accepted again when that is taken back', async () => {
    kds.today.revoke({ line: 'Milan' });
    expect(await answer(question())).toMatchObject({ verdict: 'reject', stage: 'verify', detail: expect.stringContaining('ASK was revoked at 2026-06-01 00:00:00') });
    kds.today.reset();
    expect(await answer(question())).toMatchObject({ verdict: 'accept' });
  });

  test.each([
    ['another TCB', 'vcek-wrong-tcb', 'kds.vcek', 'verify', NOT_SIGNED],
    ['another chip', 'vcek-wrong-chip', 'kds.vcek', 'verify', NOT_SIGNED],
    ['an expired certificate', 'vcek-expired', 'kds.vcek', 'verify', EXPIRED],
    ['a VLEK', 'vlek-for-vcek', 'kds.vcek', 'verify', 'subject common name SEV-VLEK not expected'],
    ['a chain without ARK', 'chain-incomplete', 'kds.chain', 'verify', 'could not parse root cert_chain'],
    ['a chain with something behind it', 'chain-trailing', 'kds.chain', 'verify', 'could not parse root cert_chain'],
    ['the list of another line', 'crl-wrong-line', 'kds.crl', 'verify', 'CRL is not signed by ARK'],
  ] as const)('answers with %s: refused', async (_, fault, operation, step, says) => {
    kds.today.fault({ fault, match: operation });
    const got = await answer(question());
    kds.today.clearFaults();
    expect(got).toMatchObject({ verdict: 'reject', stage: step, detail: expect.stringContaining(says) });
  });
});
