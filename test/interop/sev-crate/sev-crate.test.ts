/** virtee's sev crate, unmodified, over our evidence: a second opinion on signatures, chains and what each field of a report says. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { snpEvidence } from '../../../emulator/snp/evidence/evidence.ts';
import type { SnpOptionsInput } from '../../../emulator/snp/evidence/options.ts';
import { SNP_PRESETS } from '../../../emulator/snp/evidence/presets.ts';
import { PRODUCTS } from '../../../emulator/snp/platform/products.ts';
import { decodeReport, REPORT_V2, REPORT_VERSIONS, type SnpReport } from '../../../emulator/snp/report.ts';
import { readLittleEndian } from '../../../emulator/codec/layout.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { snpCaseBuilder, type SnpSubject } from '../../../vectors/build.ts';
import { SNP_CASES } from '../../../vectors/cases/snp.ts';

const AT = Date.UTC(2026, 5, 1);
const SEED = 'sev-crate';
const base64 = (b: Uint8Array): string => Buffer.from(b).toString('base64');

interface Question {
  readonly id: string;
  readonly report: string;
  readonly table: string;
  readonly root: string;
}
interface Answer {
  readonly id: string;
  readonly verdict: 'accept' | 'reject';
  readonly stage?: string;
  readonly detail?: string;
  readonly report?: unknown;
}

let program = '';
let remove = async (): Promise<void> => undefined;

/** Cargo missing, or the build failing, is a failure: nothing is skipped. */
beforeAll(async () => {
  const cache = process.env.TEEMU_INTEROP_CACHE;
  const target = cache === undefined ? await mkdtemp(join(tmpdir(), 'teemu-sev-crate-')) : join(cache, 'sev-crate');
  if (cache === undefined) remove = () => rm(target, { recursive: true, force: true });
  await promisify(execFile)('cargo', ['build', '--release', '--locked', '--quiet'], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, CARGO_TARGET_DIR: target },
    timeout: 900_000,
    maxBuffer: 16 << 20,
  });
  program = join(target, 'release', 'teemu-sev-crate');
}, 900_000);
afterAll(() => remove());

async function answers(questions: readonly Question[]): Promise<ReadonlyMap<string, Answer>> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = Buffer.concat(output).toString().split('\n').slice(0, -1);
  if (code !== 0 || lines.length !== questions.length) throw new Error(`it ended with ${code} after ${lines.length} of ${questions.length} answers: ${Buffer.concat(complaints).toString()}`);
  return new Map(lines.map((line) => JSON.parse(line) as Answer).map((answer) => [answer.id, answer]));
}

const ACCEPTED: readonly (readonly [name: string, options: SnpOptionsInput])[] = [
  ...Object.values(PRODUCTS).flatMap(({ name, line }) =>
    REPORT_VERSIONS.filter((version) => version > 2 || line !== 'Turin').flatMap((reportVersion) =>
      (['vcek', 'vlek'] as const).map((signer) => [`${name}, version ${reportVersion}, ${signer}`, { product: name, reportVersion, signer }] as const),
    ),
  ),
  ...[...SNP_PRESETS.keys()].map((preset) => [`preset ${preset}`, { preset }] as const),
];

const bits = (report: Uint8Array, path: 'policy' | 'platformInfo' | 'keyInfo'): number => {
  const { at, size } = REPORT_V2.locate(path);
  return Number(readLittleEndian(report, at, size));
};
const list = (b: Uint8Array): number[] => [...b];

/** A report as the crate writes it in JSON; what a version lacks is null. */
function asTheCrateReads(src: Uint8Array): object {
  const r = decodeReport(src);
  const tcb = ({ fmc = null, bootLoader, tee, snp, microcode }: Omit<SnpReport['currentTcb'], 'fmc'> & { fmc?: number | null }): object => ({ fmc, bootloader: bootLoader, tee, snp, microcode });
  return {
    version: r.version,
    guest_svn: r.guestSvn,
    policy: bits(src, 'policy'),
    family_id: list(r.familyId),
    image_id: list(r.imageId),
    vmpl: r.vmpl,
    sig_algo: r.signatureAlgo,
    current_tcb: tcb(r.currentTcb),
    plat_info: bits(src, 'platformInfo'),
    key_info: bits(src, 'keyInfo'),
    report_data: list(r.reportData),
    measurement: list(r.measurement),
    host_data: list(r.hostData),
    id_key_digest: list(r.idKeyDigest),
    author_key_digest: list(r.authorKeyDigest),
    report_id: list(r.reportId),
    report_id_ma: list(r.reportIdMa),
    reported_tcb: tcb(r.reportedTcb),
    cpuid_fam_id: r.cpuidFamId ?? null,
    cpuid_mod_id: r.cpuidModId ?? null,
    cpuid_step: r.cpuidStep ?? null,
    chip_id: list(r.chipId),
    committed_tcb: tcb(r.committedTcb),
    current: { major: r.currentMajor, minor: r.currentMinor, build: r.currentBuild },
    committed: { major: r.committedMajor, minor: r.committedMinor, build: r.committedBuild },
    launch_tcb: tcb(r.launchTcb),
    launch_mit_vector: r.launchMitVector === undefined ? null : Number(r.launchMitVector),
    current_mit_vector: r.currentMitVector === undefined ? null : Number(r.currentMitVector),
    signature: { r: list(r.signature.r), s: list(r.signature.s) },
  };
}

describe('accepts, and reads every field as it was written,', () => {
  const evidence = new Map(ACCEPTED.map(([name, options]) => [name, snpEvidence(seededWorld(SEED, fixedClock(AT)), { ...options, reportData: 'a1b2', hostData: 'c3' })]));
  let got: ReadonlyMap<string, Answer>;
  beforeAll(async () => {
    got = await answers([...evidence].map(([id, { report, certificateTable, ark }]) => ({ id, report: base64(report), table: base64(certificateTable), root: base64(ark.der) })));
  });

  test.each([...evidence])('%s', (name, { report }) => {
    expect(got.get(name)).toEqual({ id: name, verdict: 'accept', report: asTheCrateReads(report) });
  });
});

const NOT_SIGNED = 'VEK does not sign the attestation report';
const NOT_ISSUED = 'Signer certificate does not RSA sign signee certificate';

/** Where the crate notices the bad evidence of a case, and with which words. It checks structure and signatures; everything else is left to its caller. */
const REFUSED: Readonly<Record<string, readonly [stage: string, says: string]>> = {
  'snp/report/truncated': ['parse', 'expected 1184 bytes, got 1183'],
  'snp/report/trailing-byte': ['parse', 'expected 1184 bytes, got 1185'],
  'snp/report/empty': ['parse', 'expected 1184 bytes, got 0'],
  'snp/report/reserved-set': ['parse', 'Skipped bytes were expected to be zeroed'],
  'snp/report/cpu-unknown': ['parse', 'processor is not of know SEV-SNP generation'],
  'snp/chain/foreign-root': ['chain', NOT_ISSUED],
  'snp/chain/ask-not-signed-by-ark': ['chain', NOT_ISSUED],
  'snp/chain/vcek-wrong-ask': ['chain', NOT_ISSUED],
  'snp/signature/r-bit-flipped': ['signature', NOT_SIGNED],
  'snp/signature/s-bit-flipped': ['signature', NOT_SIGNED],
  'snp/signature/r-zero': ['signature', 'failed to deserialize signature from scalars'],
  'snp/signature/s-zero': ['signature', 'failed to deserialize signature from scalars'],
  'snp/signature/all-zero': ['signature', 'failed to deserialize signature from scalars'],
  'snp/signature/halves-swapped': ['signature', NOT_SIGNED],
  'snp/signature/big-endian': ['signature', NOT_SIGNED],
  'snp/signature/wrong-key': ['signature', NOT_SIGNED],
  'snp/signature/measurement-changed': ['signature', NOT_SIGNED],
  'snp/signature/report-data-changed': ['signature', NOT_SIGNED],
  'snp/signature/report-id-changed': ['signature', NOT_SIGNED],
};
const unusual = [
  'genoa',
  'siena',
  'turin',
  'vlek',
  'vlek-masked-vmpl-1',
  'id-block',
  'reported-below-current',
  'version-2',
  'version-4',
  'version-5',
  'product-name-garbled',
  'hwid-wrapped',
  'high-s',
  'low-s',
  'policy-new-bits',
].map((slug) => `snp/ok/${slug}`);

describe('the cases', () => {
  const asked = SNP_CASES.filter(({ id }) => Object.hasOwn(REFUSED, id) || unusual.includes(id));
  let got: ReadonlyMap<string, Answer>;
  beforeAll(async () => {
    const question = (id: string, { report, certificateTable, root }: SnpSubject): Question => ({ id, report: base64(report), table: base64(certificateTable), root: base64(root) });
    got = await answers(asked.map(snpCaseBuilder({ seed: SEED, at: AT })).flatMap(({ row, subject, twin }) => [question(row.id, subject), question(`${row.id} twin`, twin)]));
  });

  test('are cases that there are', () => {
    expect(asked).toHaveLength(Object.keys(REFUSED).length + unusual.length);
  });

  describe.each(Object.entries(REFUSED))('%s', (id, [stage, says]) => {
    test('is refused', () => {
      expect(got.get(id)).toMatchObject({ verdict: 'reject', stage, detail: expect.stringContaining(says) });
    });
    test('has a twin that is accepted', () => {
      expect(got.get(`${id} twin`)).toMatchObject({ verdict: 'accept' });
    });
  });

  test.each(unusual)('%s is accepted', (id) => {
    expect(got.get(id)).toMatchObject({ verdict: 'accept' });
  });
});
