/** Our launch digests and ID blocks against sev-snp-measure, which clouds and owners use to predict them. Its install failing is a failure. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ecSigner, scalarFromSeed } from '../../../emulator/crypto/sign.ts';
import { cpuSignature, vcpuSignature } from '../../../emulator/snp/launch/cpu-types.ts';
import { describeLaunch } from '../../../emulator/snp/launch/description.ts';
import { SYNTHETIC_APPEND, syntheticFirmware, syntheticInitrd, syntheticKernel } from '../../../emulator/snp/launch/firmware.ts';
import { encodePublicKey, keyDigest, signIdBlock, verifyIdBlock } from '../../../emulator/snp/launch/id-block.ts';
import { type LaunchConfig, measureLaunch, measureWithOvmfHash, ovmfHash } from '../../../emulator/snp/launch/measure.ts';
import type { Vmm } from '../../../emulator/snp/launch/vmsa.ts';
import { REAL_SAMPLES, realSample } from '../../real-samples.ts';
import { type Python, pythonWith } from '../python.ts';

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

const VMMS: readonly Vmm[] = ['qemu', 'ec2', 'gce'];
const firmware = syntheticFirmware();
const kernel = syntheticKernel();
const initrd = syntheticInitrd();
const base = { ovmf: firmware, vcpuType: 'EPYC-Milan-v2' } satisfies LaunchConfig;
const boots: readonly [string, Partial<LaunchConfig>][] = [
  ['no kernel', {}],
  ['kernel', { kernel }],
  ['kernel and initrd', { kernel, initrd }],
  ['kernel and command line', { kernel, append: SYNTHETIC_APPEND }],
  ['kernel, initrd and command line', { kernel, initrd, append: SYNTHETIC_APPEND }],
];
/** The types that the tool knows, by name; those that only QEMU knows are asked by signature. */
const TYPES_OF_TOOL = [
  'EPYC',
  'EPYC-v1',
  'EPYC-v2',
  'EPYC-IBPB',
  'EPYC-v3',
  'EPYC-v4',
  'EPYC-Rome',
  'EPYC-Rome-v1',
  'EPYC-Rome-v2',
  'EPYC-Rome-v3',
  'EPYC-Milan',
  'EPYC-Milan-v1',
  'EPYC-Milan-v2',
  'EPYC-Genoa',
  'EPYC-Genoa-v1',
  'EPYC-Turin',
];

const firmwares: readonly [string, Uint8Array][] = [
  ['without kernel hashes', syntheticFirmware({ kernelHashes: false })],
  ['without SVSM calling area', syntheticFirmware({ svsmCaa: false })],
  ['of one page', syntheticFirmware({ size: 4096 })],
  ['of 4 MiB', syntheticFirmware({ size: 4 << 20 })],
  ...(REAL_SAMPLES === undefined ? [] : ['AmdSev', 'OvmfX64'].map((build): [string, Uint8Array] => [`genuine ${build}, last page`, realSample(`measure/ovmf_${build}_suffix.bin`)])),
];
const svsm = syntheticFirmware({ size: 64 << 10, svsmEntry: 0x1234 });

/** Launches drawn at random, the same every time. */
const drawn = fc.sample(
  fc.record({
    ovmf: fc.constantFrom(firmware, syntheticFirmware({ size: 8192 }), syntheticFirmware({ svsmCaa: false })),
    vcpus: fc.integer({ min: 1, max: 200 }),
    vcpuSignature: fc.record({ family: fc.integer({ min: 0, max: 270 }), model: fc.nat(255), stepping: fc.nat(15) }).map(cpuSignature),
    guestFeatures: fc.bigInt(0n, (1n << 64n) - 1n),
    vmm: fc.constantFrom(...VMMS),
    kernel: fc.uint8Array({ maxLength: 64 }),
    initrd: fc.option(fc.uint8Array({ maxLength: 64 }), { nil: undefined }),
    append: fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0')),
  }),
  { numRuns: 40, seed: 7 },
);

const cases: readonly (readonly [string, LaunchConfig])[] = [
  ...VMMS.flatMap((vmm) => [1, 2, 4, 8, 64].flatMap((vcpus) => boots.map(([boot, change]): [string, LaunchConfig] => [`${vmm}, ${vcpus} CPUs, ${boot}`, { ...base, ...change, vmm, vcpus }]))),
  ...TYPES_OF_TOOL.map((vcpuType): [string, LaunchConfig] => [`type ${vcpuType}`, { ...base, kernel, vcpuType, vcpus: 2 }]),
  ...[0x0n, 0x1n, 0x21n, 0x221n, 0x8000_0000_0000_0001n].flatMap((guestFeatures) =>
    VMMS.map((vmm): [string, LaunchConfig] => [`features 0x${guestFeatures.toString(16)}, ${vmm}`, { ...base, guestFeatures, vmm, vcpus: 2 }]),
  ),
  ...firmwares.flatMap(([name, ovmf]) => VMMS.flatMap((vmm) => [1, 3].map((vcpus): [string, LaunchConfig] => [`firmware ${name}, ${vmm}, ${vcpus} CPUs`, { ...base, ovmf, vmm, vcpus }]))),
  ...(['', 'quiet', 'root=/dev/vda é 漢', 'x'.repeat(3000)] as const).map((append, i): [string, LaunchConfig] => [`command line ${i}`, { ...base, kernel, append }]),
  ['an empty kernel', { ...base, kernel: new Uint8Array(0), initrd: new Uint8Array(0) }],
  ...[1, 4].flatMap((vcpus) => [0, 0x8_4000].map((varsSize): [string, LaunchConfig] => [`SVSM, ${vcpus} CPUs, ${varsSize} bytes of variables`, { ...base, vcpus, svsm: { image: svsm, varsSize } }])),
  ...drawn.map((launch, i): [string, LaunchConfig] => [`drawn ${i}`, launch]),
];

type Answer = { readonly answer?: unknown; readonly refusal?: string };
let folder = '';
let python: Python | undefined;
let ask: (questions: readonly object[]) => Promise<Answer[]>;
let file: (contents: Uint8Array | undefined) => Promise<string | null>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teemu-sev-snp-measure-'));
  python = await pythonWith('sev-snp-measure', here('requirements.txt'));
  const { program } = python;
  ask = async (questions) => {
    const child = run(program, [here('oracle.py')], { timeout: 300_000, maxBuffer: 64 << 20 });
    child.child.stdin?.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
    const { stdout } = await child;
    return stdout
      .trimEnd()
      .split('\n')
      .map((line): Answer => JSON.parse(line));
  };
  const written = new Map<Uint8Array, Promise<string>>();
  file = async (contents) => {
    if (!contents) return null;
    const path = join(folder, `file-${written.size}`);
    if (!written.has(contents))
      written.set(
        contents,
        writeFile(path, contents).then(() => path),
      );
    return (await written.get(contents)) ?? null;
  };
}, 600_000);

afterAll(async () => {
  await python?.remove();
  await rm(folder, { recursive: true, force: true });
});

async function question(launch: LaunchConfig, hash?: Uint8Array): Promise<object> {
  return {
    ask: 'launch',
    ovmf: await file(launch.ovmf),
    kernel: await file(launch.kernel),
    initrd: await file(launch.initrd),
    append: launch.append ?? null,
    vcpus: launch.vcpus ?? 1,
    vcpuType: launch.vcpuType ?? null,
    vcpuSignature: launch.vcpuSignature ?? 0,
    guestFeatures: `0x${(launch.guestFeatures ?? 1n).toString(16)}`,
    vmm: launch.vmm ?? 'qemu',
    svsm: (await file(launch.svsm?.image)) ?? '',
    varsSize: launch.svsm?.varsSize ?? 0,
    ovmfHash: hash ? hex(hash) : '',
  };
}

describe('launch digests', () => {
  let answers: Answer[] = [];
  beforeAll(async () => {
    const questions: object[] = [];
    for (const [, launch] of cases) questions.push(await question(launch));
    answers = await ask(questions);
  }, 600_000);

  test('there are as many answers as launches, more than 60 of them different', () => {
    expect(answers.length).toBe(cases.length);
    expect(new Set(answers.map(({ answer }) => answer)).size).toBeGreaterThan(60);
  });

  test.each(cases.map(([name, launch], i): [string, LaunchConfig, number] => [name, launch, i]))('%s', (_, launch, i) => {
    expect({ answer: hex(measureLaunch(launch).measurement) }).toEqual(answers[i]);
  });

  test('of the firmware alone, and of a launch that begins with it', async () => {
    const launch = { ...base, kernel, ovmf: firmware };
    const hash = ovmfHash(firmware);
    const [alone, begun] = await ask([{ ask: 'ovmfHash', ovmf: await file(firmware) }, await question({ ...launch, ovmf: firmware.slice(-4096) }, hash)]);
    expect(alone).toEqual({ answer: hex(hash) });
    expect(begun).toEqual({ answer: hex(measureWithOvmfHash({ ...launch, ovmf: firmware.slice(-4096) }, hash)) });
  });

  test('a kernel that the firmware cannot measure is refused on both sides', async () => {
    const launch = { ...base, ovmf: syntheticFirmware({ kernelHashes: false }), kernel };
    const [answer] = await ask([await question(launch)]);
    expect(answer?.refusal).toContain("doesn't include SNP_KERNEL_HASHES section");
    expect(() => measureLaunch(launch)).toThrow(expect.objectContaining({ key: 'kernel' }));
  });

  test('the signature of every type that the tool knows is ours', async () => {
    const [answer] = await ask([{ ask: 'vcpuTypes' }]);
    expect(Object.fromEntries(TYPES_OF_TOOL.map((type) => [type, vcpuSignature(type)]))).toEqual(answer?.answer);
  });

  test('the command that a bundle’s description stands for prints our measurement', async () => {
    const launch = { ...base, kernel, initrd, append: SYNTHETIC_APPEND, vcpus: 4, guestFeatures: 0x21n };
    const { description, files } = describeLaunch(launch);
    for (const [name, contents] of Object.entries(files)) await writeFile(join(folder, name), contents);
    const { ovmf, vcpus, vcpuType, guestFeatures, vmm, append } = description;
    const boot = ['--kernel', `${description.kernel}`, '--initrd', `${description.initrd}`, '--append', `${append}`];
    const options = ['--mode', 'snp', '--vcpus', `${vcpus}`, '--vcpu-type', `${vcpuType}`, '--ovmf', ovmf, ...boot, '--guest-features', guestFeatures, '--vmm-type', vmm === 'qemu' ? 'QEMU' : vmm];
    const { stdout } = await run(join(python?.program ?? '', '..', 'sev-snp-measure'), options, { cwd: folder });
    expect(stdout.trim()).toBe(hex(measureLaunch(launch).measurement));
  });
});

describe('ID blocks', () => {
  const key = (fill: number): ReturnType<typeof ecSigner> => ecSigner('P-384', scalarFromSeed('P-384', new Uint8Array(72).fill(fill)), true);
  const [idKey, authorKey] = [key(11), key(12)];
  const launchDigest = measureLaunch(base).measurement;
  const policy = 0x3_0000n;

  test('ours are read and verified with the tool’s structures', async () => {
    const { idBlock, idAuth } = signIdBlock({ launchDigest, policy }, idKey, authorKey);
    const [answer] = await ask([{ ask: 'readIdBlock', idBlock: Buffer.from(idBlock).toString('base64'), idAuth: Buffer.from(idAuth).toString('base64') }]);
    expect(answer).toEqual({ answer: { launchDigest: hex(launchDigest), version: 1, policy: Number(policy), algorithms: [1, 1], idBlockSigned: true, idKeySigned: true } });
  });

  test('the tool’s are accepted by ours, with the same key digests', async () => {
    for (const [name, { privateKey }] of Object.entries({ 'id.pem': idKey, 'author.pem': authorKey })) await writeFile(join(folder, name), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const [answer] = await ask([{ ask: 'createIdBlock', measurement: hex(launchDigest), idKey: join(folder, 'id.pem'), authorKey: join(folder, 'author.pem') }]);
    if (!answer) throw new Error('the tool gave no answer');
    const { text, idKey: marshalled } = answer.answer as { text: string; idKey: string };
    const part = (name: RegExp): Uint8Array => Uint8Array.from(Buffer.from(name.exec(text)?.[1] ?? '', 'base64'));
    const verdict = verifyIdBlock(part(/id-block=([^,]+)/), part(/id-auth=(\S+)/), { authorKeyEnabled: true, measurement: launchDigest, policy });
    expect(part(/id-block=([^,]+)/)).toEqual(signIdBlock({ launchDigest, policy }, idKey).idBlock);
    expect(verdict).toMatchObject({ ok: true, idKeyDigest: part(/id_key_hash: (\S+)/), authorKeyDigest: part(/author_key: (\S+)/) });
    expect(Buffer.from(marshalled, 'base64').equals(encodePublicKey(idKey.publicPoint))).toBe(true);
    expect(keyDigest(encodePublicKey(idKey.publicPoint))).toEqual(part(/id_key_hash: (\S+)/));
  });
});
