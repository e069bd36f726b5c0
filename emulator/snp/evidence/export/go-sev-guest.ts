/** The message `sevsnp.Attestation` of google/go-sev-guest (proto/sevsnp.proto), which its `check` tool and library read. */
import { readLittleEndian } from '../../../codec/layout.ts';
import { lineOfCpu } from '../../platform/products.ts';
import { type REPORT_V2, REPORT_V3, type REPORT_V5, reportLayoutOf } from '../../report.ts';
import type { EvidenceParts } from './evidence-parts.ts';
import type { Member, Message } from './protobuf.ts';

type Field = keyof typeof REPORT_V2.rows | keyof typeof REPORT_V5.rows;

/** Members of `sevsnp.Report` that are a field of the report as it lies, a little-endian integer or bytes: number, name, kind, field. */
const REPORT_MEMBERS: readonly (readonly [number: number, name: string, kind: 'uint' | 'bytes', field: Field])[] = [
  [1, 'version', 'uint', 'version'],
  [2, 'guest_svn', 'uint', 'guestSvn'],
  [3, 'policy', 'uint', 'policy'],
  [4, 'family_id', 'bytes', 'familyId'],
  [5, 'image_id', 'bytes', 'imageId'],
  [6, 'vmpl', 'uint', 'vmpl'],
  [7, 'signature_algo', 'uint', 'signatureAlgo'],
  [8, 'current_tcb', 'uint', 'currentTcb'],
  [9, 'platform_info', 'uint', 'platformInfo'],
  [10, 'signer_info', 'uint', 'keyInfo'],
  [11, 'report_data', 'bytes', 'reportData'],
  [12, 'measurement', 'bytes', 'measurement'],
  [13, 'host_data', 'bytes', 'hostData'],
  [14, 'id_key_digest', 'bytes', 'idKeyDigest'],
  [15, 'author_key_digest', 'bytes', 'authorKeyDigest'],
  [16, 'report_id', 'bytes', 'reportId'],
  [17, 'report_id_ma', 'bytes', 'reportIdMa'],
  [18, 'reported_tcb', 'uint', 'reportedTcb'],
  [19, 'chip_id', 'bytes', 'chipId'],
  [20, 'committed_tcb', 'uint', 'committedTcb'],
  [21, 'current_build', 'uint', 'currentBuild'],
  [22, 'current_minor', 'uint', 'currentMinor'],
  [23, 'current_major', 'uint', 'currentMajor'],
  [24, 'committed_build', 'uint', 'committedBuild'],
  [25, 'committed_minor', 'uint', 'committedMinor'],
  [26, 'committed_major', 'uint', 'committedMajor'],
  [27, 'launch_tcb', 'uint', 'launchTcb'],
  [28, 'signature', 'bytes', 'signature'],
  [30, 'launch_mit_vector', 'uint', 'launchMitVector'],
  [31, 'current_mit_vector', 'uint', 'currentMitVector'],
];
/** Member 29 is the one that is not a field as it lies. */
const CPUID_MEMBER = { number: 29, name: 'cpuid1eax_fms' } as const;
const PRODUCTS = { Milan: { enum: 1, symbol: 'SEV_PRODUCT_MILAN' }, Genoa: { enum: 2, symbol: 'SEV_PRODUCT_GENOA' }, Turin: { enum: 3, symbol: 'SEV_PRODUCT_TURIN' } } as const;

/**
 * The whole message: report, chain, and the product where the report states a CPU.
 * @throws {CodecError} when `report` is none
 */
export function attestationMessage({ report, signer, leaf, intermediate, ark }: EvidenceParts): Message {
  const cpu = cpuOf(report);
  const line = cpu && lineOfCpu(cpu);
  return [
    { number: 1, name: 'report', message: reportMessage(report) },
    {
      number: 2,
      name: 'certificate_chain',
      message: [
        ...(signer === 'vcek' ? [{ number: 1, name: 'vcek_cert', bytes: leaf }] : []),
        { number: 2, name: 'ask_cert', bytes: intermediate },
        { number: 3, name: 'ark_cert', bytes: ark },
        ...(signer === 'vlek' ? [{ number: 6, name: 'vlek_cert', bytes: leaf }] : []),
      ],
    },
    ...(cpu && line
      ? [
          {
            number: 3,
            name: 'product',
            message: [
              { number: 1, name: 'name', ...PRODUCTS[line] },
              { number: 3, name: 'machine_stepping', message: [{ number: 1, name: 'value', uint: cpu.stepping }] },
            ],
          },
        ]
      : []),
  ];
}

function reportMessage(report: Uint8Array): Message {
  const { rows } = reportLayoutOf(report);
  const members = REPORT_MEMBERS.flatMap(([number, name, kind, field]): Member[] => {
    const row = rows[field];
    // The mitigation vectors are not in every version.
    if (!row) return [];
    return [kind === 'uint' ? { number, name, uint: readLittleEndian(report, row.at, row.size) } : { number, name, bytes: report.subarray(row.at, row.at + row.size) }];
  });
  const cpu = cpuOf(report);
  return [...members, ...(cpu ? [{ ...CPUID_MEMBER, uint: cpuid1Eax(cpu) }] : [])].toSorted((a, b) => a.number - b.number);
}

/** Family, model and stepping of a report of version 3 or later. */
function cpuOf(report: Uint8Array): { family: number; model: number; stepping: number } | undefined {
  if (!('cpuidFamId' in reportLayoutOf(report).rows)) return undefined;
  const byte = (field: 'cpuidFamId' | 'cpuidModId' | 'cpuidStep'): number => report[REPORT_V3.rows[field].at] ?? 0;
  return { family: byte('cpuidFamId'), model: byte('cpuidModId'), stepping: byte('cpuidStep') };
}

/** CPUID Fn0000_0001_EAX without its reserved bits: extended family 27:20, extended model 19:16, family 11:8, model 7:4, stepping 3:0. */
function cpuid1Eax({ family, model, stepping }: { family: number; model: number; stepping: number }): number {
  const base = Math.min(family, 0xf);
  return ((family - base) << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | (stepping & 0xf);
}
