import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exportBundle, makeBundle } from '../../emulator/bundle.ts';
import { decodeCertificateTable } from '../../emulator/snp/certificate-table.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { SNP_EXPORTS } from '../../emulator/snp/evidence/export/index.ts';
import { encodeMessage, type Message, messageText } from '../../emulator/snp/evidence/export/protobuf.ts';
import { decodeReport, encodeReport, type SnpReport } from '../../emulator/snp/report.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

const world = seededWorld('export', fixedClock(Date.UTC(2026, 2, 1)));

/** One member of a decoded message: its number, and a number or bytes. */
type Raw = readonly [number: number, value: bigint | Uint8Array];

/** Takes a message apart, written from the wire format's description alone. */
function decode(src: Uint8Array): Raw[] {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = src[at++];
      if (byte === undefined || shift > 63n) throw new Error('bad varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const members: Raw[] = [];
  while (at < src.length) {
    const tag = Number(varint());
    const [number, wire] = [tag >> 3, tag & 7];
    if (wire === 0) members.push([number, varint()]);
    else if (wire === 2) {
      const length = Number(varint());
      if (at + length > src.length) throw new Error('runs past the end');
      members.push([number, src.slice(at, at + length)]);
      at += length;
    } else throw new Error(`wire type ${wire}`);
  }
  return members;
}

const number = fc.integer({ min: 1, max: 1000 });
const leaf = fc.oneof(
  fc.record({ number, name: fc.constant('u'), uint: fc.bigInt(1n, (1n << 64n) - 1n) }),
  fc.record({ number, name: fc.constant('b'), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  fc.record({ number, name: fc.constant('t'), text: fc.string({ minLength: 1, maxLength: 20 }) }),
);
const value = (member: Message[number]): bigint | Uint8Array => {
  if ('uint' in member) return BigInt(member.uint);
  if ('bytes' in member) return member.bytes;
  return 'text' in member ? Uint8Array.from(Buffer.from(member.text)) : 0n;
};

describe('protocol buffers', () => {
  test('read back as they were written, nested too', () => {
    fc.assert(
      fc.property(fc.array(leaf, { maxLength: 8 }), number, (members, outer) => {
        const expected = members.map((member): Raw => [member.number, value(member)]);
        expect(decode(encodeMessage(members))).toEqual(expected);
        const [[read, inner] = [0, 0n]] = decode(encodeMessage([{ number: outer, name: 'm', message: members }]));
        expect([read, decode(inner as Uint8Array)]).toEqual([outer, expected]);
      }),
    );
  });

  test('leave out what has its default value, but not an empty message', () => {
    const empty: Message = [
      { number: 1, name: 'a', uint: 0 },
      { number: 2, name: 'b', bytes: new Uint8Array() },
      { number: 3, name: 'c', text: '' },
      { number: 4, name: 'd', enum: 0, symbol: 'D' },
      { number: 5, name: 'e', message: [] },
    ];
    expect(decode(encodeMessage(empty))).toEqual([[5, new Uint8Array()]]);
    expect(messageText(empty)).toBe('e {\n}\n');
  });

  // The examples in the description of the wire format.
  test.each<[string, Message, string]>([
    ['150 as member 1', [{ number: 1, name: 'a', uint: 150 }], '089601'],
    ['"testing" as member 2', [{ number: 2, name: 'b', text: 'testing' }], '120774657374696e67'],
    ['150 in a message that is member 3', [{ number: 3, name: 'c', message: [{ number: 1, name: 'a', uint: 150 }] }], '1a03089601'],
    ['the largest number', [{ number: 1, name: 'a', uint: (1n << 64n) - 1n }], '08ffffffffffffffffff01'],
  ])('%s is written as described', (_, message, hex) => {
    expect(Buffer.from(encodeMessage(message)).toString('hex')).toBe(hex);
  });

  test.each([-1n, 1n << 64n])('%s is no integer of 64 bits', (uint) => {
    expect(() => encodeMessage([{ number: 1, name: 'a', uint }])).toThrow(RangeError);
  });
});

/** Member of sevsnp.Report → what it must hold, said of the decoded report. */
const le = (src: Uint8Array, at: number, size: number): bigint => src.slice(at, at + size).reduceRight((sum, b) => (sum << 8n) | BigInt(b), 0n);
function reportExpectation(src: Uint8Array, { version, cpuidFamId = 0, cpuidModId = 0, cpuidStep = 0 }: SnpReport): Raw[] {
  // Offsets of AMD 56860, written out so that the layout table is not checked against itself.
  const all: Raw[] = [
    [1, le(src, 0x00, 4)],
    [2, le(src, 0x04, 4)],
    [3, le(src, 0x08, 8)],
    [4, src.slice(0x10, 0x20)],
    [5, src.slice(0x20, 0x30)],
    [6, le(src, 0x30, 4)],
    [7, le(src, 0x34, 4)],
    [8, le(src, 0x38, 8)],
    [9, le(src, 0x40, 8)],
    [10, le(src, 0x48, 4)],
    [11, src.slice(0x50, 0x90)],
    [12, src.slice(0x90, 0xc0)],
    [13, src.slice(0xc0, 0xe0)],
    [14, src.slice(0xe0, 0x110)],
    [15, src.slice(0x110, 0x140)],
    [16, src.slice(0x140, 0x160)],
    [17, src.slice(0x160, 0x180)],
    [18, le(src, 0x180, 8)],
    [19, src.slice(0x1a0, 0x1e0)],
    [20, le(src, 0x1e0, 8)],
    [21, le(src, 0x1e8, 1)],
    [22, le(src, 0x1e9, 1)],
    [23, le(src, 0x1ea, 1)],
    [24, le(src, 0x1ec, 1)],
    [25, le(src, 0x1ed, 1)],
    [26, le(src, 0x1ee, 1)],
    [27, le(src, 0x1f0, 8)],
    [28, src.slice(0x2a0, 0x4a0)],
    [29, version < 3 ? 0n : BigInt(((cpuidFamId - 0xf) << 20) | ((cpuidModId >> 4) << 16) | (0xf << 8) | ((cpuidModId & 0xf) << 4) | cpuidStep)],
    [30, version < 5 ? 0n : le(src, 0x1f8, 8)],
    [31, version < 5 ? 0n : le(src, 0x200, 8)],
  ];
  return all.filter(([, value]) => value !== 0n);
}

describe('sevsnp.Attestation', () => {
  test.each([
    { product: 'milan', reportVersion: 2 },
    { product: 'milan', reportVersion: 3, set: ['policy=0x2bb001f', 'guestSvn=9', 'vmpl=0xffffffff'] },
    { product: 'genoa', reportVersion: 5, signer: 'vlek' as const },
    { product: 'turin', reportVersion: 5 },
    { preset: 'azure-cvm' },
  ])('holds the report and the chain of %j', (options) => {
    const { bundle, report, signer, leaf, intermediate, ark, line } = snpEvidence(world, options);
    const message = decode(exportBundle(SNP_EXPORTS, bundle, 'go-sev-guest').files.get('attestation.pb') ?? new Uint8Array());
    const member = (n: number): Uint8Array => (message.find(([number]) => number === n)?.[1] ?? new Uint8Array()) as Uint8Array;
    const decoded = decodeReport(report, 'keep');
    expect(decode(member(1))).toEqual(reportExpectation(report, decoded));
    expect(decode(member(2))).toEqual([[1, leaf.der] as const, [2, intermediate.der] as const, [3, ark.der] as const, [6, leaf.der] as const].filter(([number]) => number !== (signer === 'vcek' ? 6 : 1)));
    if (decoded.version === 2) expect(message).toHaveLength(2);
    else expect(decode(member(3))[0]).toEqual([1, { Milan: 1n, Genoa: 2n, Turin: 3n }[line]]);
  });

  test('in text says the same as in binary', () => {
    const { files } = exportBundle(SNP_EXPORTS, snpEvidence(world, { product: 'genoa', reportVersion: 5 }).bundle, 'go-sev-guest');
    const text = Buffer.from(files.get('attestation.textproto') ?? []).toString();
    expect(text).toMatch(/^report \{\n {2}version: 5\n {2}policy: 196608\n/);
    expect(text).toMatch(/\n {2}signature_algo: 1\n/);
    expect(text).toContain(`\n  cpuid1eax_fms: ${0xa10f11}\n  launch_mit_vector: 11\n  current_mit_vector: 11\n}\n`);
    expect(text).toMatch(/\nproduct \{\n {2}name: SEV_PRODUCT_GENOA\n {2}machine_stepping \{\n {4}value: 1\n {2}\}\n\}\n$/);
    expect(text).toContain(`vcek_cert: "\\x30\\x82`);
  });
});

test('the extended report is the report with its certificate table behind it', () => {
  const { bundle, report, leaf } = snpEvidence(world, {});
  const extended = exportBundle(SNP_EXPORTS, bundle, 'certs').files.get('extended_report.bin') ?? new Uint8Array();
  expect(Uint8Array.from(extended.subarray(0, 1184))).toEqual(Uint8Array.from(report));
  expect(decodeCertificateTable(extended.subarray(1184))[0]).toEqual({ kind: 'VCEK', contents: leaf.der });
});

describe('Trustee’s store', () => {
  const paths = (options: Parameters<typeof snpEvidence>[1]): string[] => [...exportBundle(SNP_EXPORTS, snpEvidence(world, options).bundle, 'trustee').files.keys()].filter((name) => name.startsWith('trustee/'));
  test.each([
    [{ product: 'milan', reportVersion: 4 }, 128, 'bl04_tee00_snp25_ucode219_vcek.der'],
    [{ product: 'genoa', reportVersion: 3 }, 128, 'bl10_tee00_snp23_ucode84_vcek.der'],
    [{ product: 'turin' }, 16, 'bl01_tee01_snp04_ucode81_fmc01_vcek.der'],
    [{ product: 'milan', set: ['reportedTcb.bootLoader=7', 'reportedTcb.microcode=9'] }, 128, 'bl07_tee00_snp23_ucode09_vcek.der'],
  ])('names the VCEK of %j by chip and reported TCB', (options, digits, name) => {
    expect(paths(options)).toEqual([expect.stringMatching(new RegExp(`^trustee/vcek/[0-9a-f]{${digits}}/${name}$`))]);
  });

  test('names the chip as the report does', () => {
    const { chipId } = decodeReport(snpEvidence(world, { product: 'turin', chip: 3 }).report);
    expect(paths({ product: 'turin', chip: 3 })[0]).toContain(`/${Buffer.from(chipId.subarray(0, 8)).toString('hex')}/`);
  });
});

describe('an export refuses', () => {
  const { bundle } = snpEvidence(world, {});
  test.each(SNP_EXPORTS.map(({ name }) => name))('%s of evidence of another TEE, or with files missing', (form) => {
    expect(() => exportBundle(SNP_EXPORTS, makeBundle({ ...bundle.manifest, tee: 'tdx' }, bundle.files), form)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'export' }) as Error);
    expect(() => exportBundle(SNP_EXPORTS, { ...bundle, files: new Map() }, form)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }) as Error);
  });
  test('a form that is none', () => {
    expect(() => exportBundle(SNP_EXPORTS, bundle, 'x')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'export' }) as Error);
  });
  test('a report of a version that there is not', () => {
    const report = Uint8Array.from(encodeReport(decodeReport(bundle.files.get('report.bin') ?? new Uint8Array())));
    report[0] = 9;
    expect(() => exportBundle(SNP_EXPORTS, { ...bundle, files: new Map([...bundle.files, ['report.bin', report]]) }, 'go-sev-guest')).toThrow(expect.objectContaining({ code: 'ERR_CODEC_RANGE' }) as Error);
  });
});
