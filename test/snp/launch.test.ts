import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuSignature, VCPU_TYPES, vcpuSignature } from '../../emulator/snp/launch/cpu-types.ts';
import { describeLaunch, readLaunch } from '../../emulator/snp/launch/description.ts';
import { SYNTHETIC_APPEND, syntheticFirmware, syntheticInitrd, syntheticKernel } from '../../emulator/snp/launch/firmware.ts';
import { guidBytes } from '../../emulator/codec/guid.ts';
import { KERNEL_HASH_GUIDS, KERNEL_HASHES, kernelHashes } from '../../emulator/snp/launch/kernel-hashes.ts';
import { type LaunchConfig, launchPages, measureLaunch, measureWithOvmfHash, ovmfHash } from '../../emulator/snp/launch/measure.ts';
import { parseOvmf, SEV_METADATA, SEV_SECTION } from '../../emulator/snp/launch/ovmf.ts';
import { LaunchDigest, type LaunchPage, PAGE_TYPES, type PageType, VMSA_GPA } from '../../emulator/snp/launch/page-info.ts';
import { BSP_EIP, SEGMENT, VMSA, vmsaPage } from '../../emulator/snp/launch/vmsa.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(createHash('sha384').update(Buffer.concat(parts)).digest());
const ZERO = new Uint8Array(48);
const firmware = syntheticFirmware();
const config = { ovmf: firmware, vcpus: 2, vcpuType: 'EPYC-Milan', kernel: syntheticKernel(), initrd: syntheticInitrd(), append: SYNTHETIC_APPEND } satisfies LaunchConfig;

/** PAGE_INFO written by hand from the specification, so that the table is not checked against itself. */
function pageInfo(digest: Uint8Array, contents: Uint8Array, type: number, gpa: bigint): Uint8Array {
  const tail = Buffer.alloc(16);
  tail.writeUInt16LE(0x70, 0);
  tail.writeUInt8(type, 2);
  tail.writeBigUInt64LE(gpa, 8);
  return Buffer.concat([digest, contents, tail]);
}

describe('the launch digest', () => {
  test('starts at 48 zero bytes', () => {
    expect(new LaunchDigest().value).toEqual(ZERO);
  });

  const pages = fc.array(fc.record({ type: fc.constantFrom(...(Object.keys(PAGE_TYPES) as PageType[])), page: fc.bigInt(0n, 0xf_ffff_ffffn), fill: fc.integer({ min: 0, max: 255 }) }), { minLength: 1, maxLength: 6 });
  test('is the SHA-384 chain over PAGE_INFO, contents hashed for normal and VMSA pages only', () => {
    fc.assert(
      fc.property(pages, (list) => {
        const digest = new LaunchDigest();
        let expected: Uint8Array = ZERO;
        for (const { type, page, fill } of list) {
          const measured = type === 'normal' || type === 'vmsa';
          const contents = measured ? new Uint8Array(4096).fill(fill) : undefined;
          expected = sha384(pageInfo(expected, contents ? sha384(contents) : ZERO, PAGE_TYPES[type], page << 12n));
          expect(digest.update(type, page << 12n, contents)).toEqual(expected);
        }
        expect(digest.value).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('covers VMPL permissions and the migration image flag', () => {
    const plain = new LaunchDigest().update('zero', 0n);
    const variants = [{ vmpl1: 1 }, { vmpl2: 1 }, { vmpl3: 1 }, { imi: true }].map((attributes) => hex(new LaunchDigest().update('zero', 0n, undefined, attributes)));
    expect(new Set([hex(plain), ...variants]).size).toBe(5);
  });

  test('goes on from a digest measured elsewhere', () => {
    const first = new LaunchDigest().update('zero', 0n);
    expect(new LaunchDigest(first).update('cpuid', 0x1000n)).toEqual(sha384(pageInfo(first, ZERO, 6, 0x1000n)));
  });

  test.each<[string, () => unknown]>([
    ['an address within a page', () => new LaunchDigest().update('zero', 1n)],
    ['contents that are not measured', () => new LaunchDigest().update('secrets', 0n, new Uint8Array(4096))],
    ['a normal page without contents', () => new LaunchDigest().update('normal', 0n)],
    ['a short page', () => new LaunchDigest().update('normal', 0n, new Uint8Array(4095))],
    ['a start of another length', () => new LaunchDigest(new Uint8Array(32))],
  ])('refuses %s as the caller’s mistake', (_, call) => {
    expect(call).toThrow(RangeError);
  });
});

describe('virtual CPU types', () => {
  test.each<[string, number]>([
    ['EPYC', 0x800f12],
    ['EPYC-v4', 0x800f12],
    ['EPYC-IBPB', 0x800f12],
    ['EPYC-Rome-v5', 0x830f10],
    ['EPYC-Milan', 0xa00f11],
    ['EPYC-Milan-v3', 0xa00f11],
    ['EPYC-Genoa-v2', 0xa10f10],
    ['EPYC-Turin', 0xb00f00],
  ])('%s shows the signature of its family, model and stepping', (type, signature) => {
    expect(vcpuSignature(type)).toBe(signature);
  });

  test('the signature gives back family, model and stepping by the rule of CPUID Fn0000_0001_EAX', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 270 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 15 }), (family, model, stepping) => {
        const eax = cpuSignature({ family, model, stepping });
        const base = (eax >> 8) & 0xf;
        expect(base + (base === 0xf ? (eax >> 20) & 0xff : 0)).toBe(family);
        expect((((eax >> 16) & 0xf) << 4) | ((eax >> 4) & 0xf)).toBe(model);
        expect(eax & 0xf).toBe(stepping);
      }),
    );
  });

  test.each<[string, () => unknown]>([
    ['vcpuType', () => vcpuSignature('EPYC-Milan-v9')],
    ['vcpuType', () => vcpuSignature('constructor')],
    ['family', () => cpuSignature({ family: 271, model: 0, stepping: 0 })],
    ['model', () => cpuSignature({ family: 25, model: 256, stepping: 0 })],
    ['stepping', () => cpuSignature({ family: 25, model: 1, stepping: 16 })],
  ])('refuses a %s that does not exist', (key, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }));
  });
});

describe('save areas', () => {
  // Offsets found independently of our table: launch digests of the published cases were recomputed with them.
  test.each<[string, number]>([
    ['cr0', 0x158],
    ['rip', 0x178],
    ['gPat', 0x268],
    ['rdx', 0x310],
    ['sevFeatures', 0x3b0],
    ['xcr0', 0x3e8],
    ['mxcsr', 0x408],
    ['x87Fcw', 0x410],
  ])('%s lies where it was found', (path, at) => {
    expect(VMSA.locate(path).at).toBe(at);
  });

  test('keep every value that their page can hold', () => {
    const page = fc.uint8Array({ minLength: 0x670, maxLength: 0x670 }).map((head) => Uint8Array.from([...head, ...new Uint8Array(4096 - 0x670)]));
    fc.assert(
      fc.property(page, (bytes) => {
        expect(VMSA.encode(VMSA.decode(bytes, { reserved: 'keep' }))).toEqual(bytes);
      }),
      { numRuns: 50 },
    );
  });

  const state = { sevFeatures: 0x21n, signature: 0xa00f11 };
  test('the boot processor starts at the reset vector, the others at the address of the firmware', () => {
    const bsp = VMSA.decode(vmsaPage({ ...state, eip: BSP_EIP, vmm: 'qemu' }));
    const ap = VMSA.decode(vmsaPage({ ...state, eip: 0x80_b004, vmm: 'qemu' }));
    expect([bsp.cs.base, bsp.rip]).toEqual([0xffff_0000n, 0xfff0n]);
    expect([ap.cs.base, ap.rip]).toEqual([0x80_0000n, 0xb004n]);
    expect(SEGMENT.size * 10).toBe(VMSA.locate('pl0Ssp').at);
  });

  test('only QEMU shows the processor’s signature at reset', () => {
    const rdx = (['qemu', 'ec2', 'gce'] as const).map((vmm) => VMSA.decode(vmsaPage({ ...state, eip: BSP_EIP, vmm })).rdx);
    expect(rdx).toEqual([0xa00f11n, 0x600n, 0x600n]);
  });
});

describe('kernel hashes', () => {
  const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');
  test('hash the kernel, the initrd, and the command line with its final zero byte', () => {
    const table = KERNEL_HASHES.decode(kernelHashes({ kernel: Uint8Array.of(1), initrd: Uint8Array.of(2), append: 'é' }));
    expect([table.kernel.hash, table.initrd.hash, table.cmdline.hash].map(hex)).toEqual([sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2)), sha256('é\0')]);
  });

  test('take nothing for an initrd and a command line that are not there', () => {
    const table = KERNEL_HASHES.decode(kernelHashes({ kernel: Uint8Array.of(1) }));
    expect([table.initrd.hash, table.cmdline.hash].map(hex)).toEqual([sha256(''), sha256('\0')]);
  });

  test('name each entry by its GUID and length, command line first', () => {
    const table = KERNEL_HASHES.decode(kernelHashes({ kernel: new Uint8Array(0) }));
    expect([table.guid, table.cmdline.guid, table.initrd.guid, table.kernel.guid]).toEqual(
      [KERNEL_HASH_GUIDS.table, KERNEL_HASH_GUIDS.cmdline, KERNEL_HASH_GUIDS.initrd, KERNEL_HASH_GUIDS.kernel].map((guid) => guidBytes(guid)),
    );
    expect([table.length, table.cmdline.length, table.initrd.length, table.kernel.length]).toEqual([168, 50, 50, 50]);
  });
});

describe('the pages of a launch', () => {
  const types = (pages: Iterable<LaunchPage>): string[] => [...pages].map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
  const { gpa } = parseOvmf(firmware);
  const noKernel = { kernel: undefined, initrd: undefined, append: undefined };
  /** An SVSM image whose first section begins at `at`. */
  const highSections = (at: number): Uint8Array => {
    const image = syntheticFirmware({ size: 8192, svsmEntry: 0 });
    const metadata = Buffer.from(image).lastIndexOf('ASEV');
    new DataView(image.buffer).setUint32(metadata + SEV_METADATA.size + SEV_SECTION.locate('gpa').at, at, true);
    return image;
  };

  test.each<[string, Partial<LaunchConfig>, string[]]>([
    ['QEMU: sections in their order', {}, ['normal', 'zero', 'secrets', 'cpuid', 'zero', 'normal', 'zero', 'vmsa']],
    ['QEMU without a kernel: the page for hashes is zero', { kernel: undefined, initrd: undefined, append: undefined }, ['normal', 'zero', 'secrets', 'cpuid', 'zero', 'vmsa']],
    ['EC2: CPUID after all other sections', { vmm: 'ec2' }, ['normal', 'zero', 'secrets', 'zero', 'normal', 'zero', 'cpuid', 'vmsa']],
    ['GCE: memory is not measured', { vmm: 'gce' }, ['normal', 'unmeasured', 'secrets', 'cpuid', 'zero', 'normal', 'unmeasured', 'vmsa']],
  ])('%s', (_, change, expected) => {
    expect(types(launchPages({ ...config, ...change }))).toEqual(expected);
  });

  test('begin with the firmware, page by page up to 4 GiB', () => {
    const pages = [...launchPages(config)].slice(0, firmware.length / 4096);
    expect(Buffer.concat(pages.map(({ contents = new Uint8Array(0) }) => contents)).equals(firmware)).toBe(true);
    expect([pages[0]?.gpa, pages.at(-1)?.gpa]).toEqual([BigInt(gpa), 0xffff_f000n]);
  });

  test.each([1, 2, 64])('end with one save area for each of %i virtual CPUs, all but the first alike', (vcpus) => {
    const areas = [...launchPages({ ...config, vcpus })].filter(({ type }) => type === 'vmsa');
    expect(areas.length).toBe(vcpus);
    expect(areas.every((area) => area.gpa === VMSA_GPA)).toBe(true);
    expect(areas.map(({ contents = new Uint8Array(0) }) => VMSA.decode(contents).rip)).toEqual([0xfff0n, ...Array.from({ length: vcpus - 1 }, () => 0xb004n)]);
  });

  test('put the table of hashes where the firmware wants it', () => {
    const page = [...launchPages(config)].find(({ gpa: at }) => at === 0x81_0000n);
    expect(page?.contents?.subarray(0xc00, 0xc00 + KERNEL_HASHES.size)).toEqual(kernelHashes(config));
    expect(page?.contents?.filter((byte) => byte !== 0).length).toBe(kernelHashes(config).filter((byte) => byte !== 0).length);
  });

  test('are each launched once', () => {
    const memory = [...launchPages(config)].filter(({ type }) => type !== 'vmsa').map((page) => page.gpa);
    expect(new Set(memory).size).toBe(memory.length);
  });

  test('feed another digest to the same measurement, one by one', () => {
    const digest = new LaunchDigest();
    for (const page of launchPages(config)) digest.update(page.type, page.gpa, page.contents);
    expect(digest.value).toEqual(measureLaunch(config).measurement);
  });

  test('depend on everything that the owner measures', () => {
    const changed = firmware.slice();
    changed[5000] = 0;
    const variants: Partial<LaunchConfig>[] = [
      {},
      { ovmf: changed },
      { vcpus: 3 },
      { vcpuType: 'EPYC-Genoa' },
      { guestFeatures: 0x21n },
      { kernel: new Uint8Array(1) },
      { initrd: new Uint8Array(1) },
      { append: 'quiet' },
      { vmm: 'ec2' },
      { vmm: 'gce' },
    ];
    expect(new Set(variants.map((change) => hex(measureLaunch({ ...config, ...change }).measurement))).size).toBe(variants.length);
  });

  test('give the same measurement from the firmware’s digest and its last page', () => {
    const { hashTable } = parseOvmf(firmware);
    expect(hashTable).toBeDefined();
    expect(measureWithOvmfHash({ ...config, ovmf: firmware.slice(-4096) }, ovmfHash(firmware))).toEqual(measureLaunch(config).measurement);
  });

  test.each<[string, string, Partial<LaunchConfig>]>([
    ['no virtual CPU', 'vcpus', { vcpus: 0 }],
    ['more virtual CPUs than KVM has', 'vcpus', { vcpus: 4097 }],
    ['QEMU without the type of CPU', 'vcpuType', { vcpuType: undefined }],
    ['both a type and a signature', 'vcpuSignature', { vcpuSignature: 1 }],
    ['features of more than 64 bits', 'guestFeatures', { guestFeatures: 1n << 64n }],
    ['an initrd without a kernel', 'initrd', { kernel: undefined, append: undefined }],
    ['a command line without a kernel', 'append', { kernel: undefined, initrd: undefined }],
    ['a kernel where the firmware has no room for hashes', 'kernel', { ovmf: syntheticFirmware({ kernelHashes: false }) }],
    ['an unknown hypervisor', 'vmm', { vmm: 'toString' as 'qemu' }],
    ['an SVSM on EC2', 'svsm', { vmm: 'ec2', svsm: { image: syntheticFirmware({ size: 4096, svsmEntry: 0 }), varsSize: 0 } }],
    ['an SVSM whose areas lie in the firmware', 'svsm', { ...noKernel, ovmf: syntheticFirmware({ size: 16 << 20 }), svsm: { image: highSections(0xff00_0000), varsSize: 0 } }],
    ['an SVSM that does not say where it starts', 'svsm', { kernel: undefined, initrd: undefined, append: undefined, svsm: { image: syntheticFirmware({ size: 4096 }), varsSize: 0 } }],
  ])('%s is refused', (_, key, change) => {
    expect(() => launchPages({ ...config, ...change })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }));
  });
});

describe('the description of a launch', () => {
  const cases: [string, LaunchConfig][] = [
    ['with a kernel', config],
    ['of the firmware alone', { ovmf: firmware, vcpuType: 'EPYC-Genoa-v2' }],
    ['on EC2', { ovmf: firmware, vmm: 'ec2', vcpus: 4, guestFeatures: 0x21n }],
    ['with a signature', { ovmf: firmware, vcpuSignature: 0xa00f12 }],
    ['with an SVSM', { ovmf: firmware, vcpuType: 'EPYC', svsm: { image: syntheticFirmware({ size: 8192, svsmEntry: 0x100 }), varsSize: 0x8_4000 } }],
  ];
  test.each(cases)('%s goes through JSON to the same measurement', (_, launch) => {
    const { description, files } = describeLaunch(launch);
    const read = (name: string): Uint8Array => files[name] ?? expect.fail(`no file ${name}`);
    expect(measureLaunch(readLaunch(JSON.parse(JSON.stringify(description)), read)).measurement).toEqual(measureLaunch(launch).measurement);
  });

  test.each<[string, string, object]>([
    ['a path', 'launch.ovmf', { ovmf: '../ovmf.fd' }],
    ['a hidden file', 'launch.kernel', { kernel: '.profile' }],
    ['a number of features', 'launch.guestFeatures', { guestFeatures: 1 }],
    ['half a CPU', 'launch.vcpus', { vcpus: 0.5 }],
    ['an unknown member', 'launch.bios', { bios: 'x' }],
  ])('with %s is refused', (_, key, change) => {
    expect(() => readLaunch({ ...describeLaunch(config).description, ...change }, () => firmware)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }));
  });

  test('of any other shape gives a typed error', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => readLaunch(value, () => firmware)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
      }),
      { numRuns: 500 },
    );
  });
});

describeReal('published digests', () => {
  interface PublishedCase {
    readonly case: string;
    readonly kind: 'launchDigest' | 'ovmfHash';
    readonly mode?: string;
    readonly ovmf: string;
    readonly vcpus: number;
    readonly vcpuType: string | null;
    readonly kernel: string | null;
    readonly initrd: string | null;
    readonly append: string | null;
    readonly guestFeatures: string;
    readonly vmmType?: 'ec2' | 'gce';
    readonly ovmfHash?: string;
    readonly expected?: string;
    readonly expectedError?: string;
  }
  // A skipped block is still collected, so the list of its cases must not need the files.
  const { cases }: { cases: PublishedCase[] } = REAL_SAMPLES === undefined ? { cases: [] } : JSON.parse(new TextDecoder().decode(realSample('measure/launch-digests.json')));
  const file = (name: string | null): Uint8Array | undefined => (name === null ? undefined : name === 'empty file' ? new Uint8Array(0) : realSample(`measure/${name}`));
  const launchOf = (c: PublishedCase): LaunchConfig => ({
    ovmf: file(c.ovmf) ?? firmware,
    vcpus: c.vcpus,
    vcpuType: c.vcpuType ?? undefined,
    kernel: file(c.kernel),
    initrd: file(c.initrd),
    append: c.append ?? undefined,
    guestFeatures: BigInt(c.guestFeatures),
    vmm: c.vmmType ?? 'qemu',
  });

  const digests = cases.filter((c) => c.kind === 'launchDigest' && c.mode === 'SEV_SNP');
  test.each(digests.map((c, i): [string, PublishedCase] => [`${i} ${c.case}`, c]))('%s', (_, c) => {
    if (c.expectedError) {
      expect(() => measureLaunch(launchOf(c))).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'kernel' }));
      return;
    }
    const measurement = c.ovmfHash ? measureWithOvmfHash(launchOf(c), Uint8Array.from(Buffer.from(c.ovmfHash, 'hex'))) : measureLaunch(launchOf(c)).measurement;
    expect(hex(measurement)).toBe(c.expected);
  });

  test.each(cases.filter((c) => c.kind === 'ovmfHash').map((c): [string, PublishedCase] => [c.case, c]))('%s: the firmware’s own digest', (_, c) => {
    expect(hex(ovmfHash(file(c.ovmf) ?? firmware))).toBe(c.expected);
  });

  test.each(['AmdSev', 'OvmfX64'])('the synthetic firmware has the entries and sections of a genuine %s build', (build) => {
    const genuine = parseOvmf(file(`ovmf_${build}_suffix.bin`) ?? firmware);
    const ours = parseOvmf(syntheticFirmware({ kernelHashes: build === 'AmdSev' }));
    const facts = ({ sections, resetEip, hashTable, table }: typeof ours): unknown => ({ sections, resetEip, hashTable, guids: [...table.keys()], sizes: [...table.values()].map((data) => data.length) });
    expect(facts(ours)).toEqual(facts(genuine));
  });

  test('every SEV-SNP case of the file was run', () => {
    expect(digests.length).toBe(17);
  });

  test('every virtual CPU type named in the published cases is known', () => {
    expect(digests.every(({ vcpuType }) => vcpuType === null || VCPU_TYPES.has(vcpuType))).toBe(true);
  });
});
