/** Unusual evidence that must be accepted. */
import { without } from '../../edits/files.ts';
import { tcbInfo } from '../../edits/intel.ts';
import { authData } from '../../edits/quote.ts';
import { accepted, type TdxCase, type TdxChange } from '../../tdx/case.ts';

const QUOTE = 'Intel TDX DCAP Quote Generation Library, quote format';
const PCS = 'Intel PCS v4, TCB info and enclave identity';

/** Machines, TDs and quotes that there are. */
const FORMS: readonly (readonly [slug: string, why: string, options: NonNullable<TdxChange['options']>, ref?: string])[] = [
  ['version-5', 'A quote of version 5 with a body of TDX 1.5.', { quoteVersion: 5 }, 'google/go-tdx-guest#57'],
  ['version-5-td10', 'A quote of version 5 with a body of TDX 1.0.', { quoteVersion: 5, bodyType: 'td10' }, 'google/go-tdx-guest#86'],
  ['processor-ca', 'A PCK of the Processor CA, which names no instance of a platform.', { pckCa: 'processor' }, 'Phala-Network/dcap-qvl@e5cd678'],
  ['processor-ca-version-5', 'The same in version 5.', { pckCa: 'processor', quoteVersion: 5 }, 'tinfoilsh/tinfoil-python#122'],
  ...[1, 2, 3, 4].map(
    (type) =>
      [
        `certification-type-${type}`,
        type === 4 ? 'The quote has the PCK certificate alone; the chain is in the collateral.' : 'The quote only names its platform; the chain is in the collateral.',
        { certificationType: type },
        'Phala-Network/dcap-qvl@371247b',
      ] as const,
  ),
  ['emerald-rapids-2s', 'A machine of two packages.', { platform: 'emerald-rapids-2s' }],
  ['sapphire-rapids', 'A machine of the generation before.', { platform: 'sapphire-rapids' }],
  ['sierra-forest', 'A machine with efficient cores.', { platform: 'sierra-forest' }],
  ['granite-rapids', 'A module of TDX 2.0, with an identity of its own.', { platform: 'granite-rapids', quoteVersion: 5 }, 'tinfoilsh/verifier#109'],
  ['module-00', 'A module of TDX 1.0, which has no identity.', { platform: 'sapphire-rapids-tdx10' }, 'google/go-tdx-guest#38'],
  ['pks', 'A TD with protection keys of the supervisor.', { tdAttributes: '0x50000000' }, 'Phala-Network/dcap-qvl@374dabb'],
  ['perfmon', 'A TD that may count its own performance.', { tdAttributes: '0x8000000010000000' }, 'Phala-Network/dcap-qvl@374dabb'],
  ['xfam-least', 'A TD with nothing but x87 and SSE.', { xfam: '0x3' }],
  ['early-evaluation', 'The newest collateral, before its grace is over.', { tcbEvaluation: 'early' }],
  ['another-machine', 'Another machine of its kind.', { index: 4_000_000_000 }],
  ['direct-boot', 'A kernel given to QEMU, without Secure Boot.', { boot: 'direct' }],
  ['two-passes', 'Firmware measured in two passes, as by older QEMUs.', { addOrder: 'twoPass' }],
  ['owner-and-configuration', 'A TD with an owner and a configuration, for nobody who asks.', { mrOwner: '01', mrConfigId: '02', mrOwnerConfig: '03' }],
];

export const OK_CASES: readonly TdxCase[] = [
  accepted('tdx/ok/base', 'high', QUOTE, 'Nothing unusual: everything that is asked for is as asked.', {
    options: { reportData: '5a'.repeat(64), mrConfigId: '01', mrOwner: '02', mrOwnerConfig: '03' },
    request: ({ mrTd = '', mrSeam = '', rtmrs = [] }) => ({
      ...{ mrTd, mrSeam, fmspc: '90c06f000000', pckCa: 'platform', tcbStatuses: ['UpToDate'] },
      ...(Array.isArray(rtmrs) ? { rtmr0: String(rtmrs[0]), rtmr1: String(rtmrs[1]), rtmr2: String(rtmrs[2]), rtmr3: String(rtmrs[3]) } : {}),
    }),
  }),
  ...FORMS.map(([slug, why, options, ref = QUOTE]) => accepted(`tdx/ok/${slug}`, 'medium', ref, why, { options })),
  ...[0, 1, 31, 33, 64, 1000].map((length) =>
    accepted(`tdx/ok/authentication-data-of-${length}`, 'low', 'Phala-Network/dcap-qvl@dc51565', `The authentication data have ${length} bytes: the specification does not ask for 32.`, {
      edits: authData(new Uint8Array(length).fill(0x42)),
      policy: 'as the specification allows',
    }),
  ),
  accepted('tdx/ok/fmspc-in-capitals', 'medium', 'google/go-tdx-guest#60', 'The TCB info names its platform in capitals.', { edits: tcbInfo((info) => ({ ...info, fmspc: info.fmspc.toUpperCase() })) }),
  accepted('tdx/ok/module-components-low', 'medium', 'google/go-tdx-guest#37', 'The components for the module are above those of the quote; a module with an identity of its own is judged by that.', {
    edits: tcbInfo((info) => ({
      ...info,
      tcbLevels: info.tcbLevels.map((level) => ({ ...level, tcb: { ...level.tcb, tdxtcbcomponents: (level.tcb.tdxtcbcomponents ?? []).map((one, i) => (i === 0 ? { ...one, svn: 200 } : one)) } })),
    })),
  }),
  accepted('tdx/ok/levels-unsorted', 'medium', 'Phala-Network/dcap-qvl#126', 'The levels stand in ascending order; the highest that is reached counts, and is up to date.', {
    edits: tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.toReversed() })),
  }),
  accepted('tdx/ok/newer-than-every-level', 'medium', PCS, 'The platform runs newer microcode than the newest level asks for.', {
    edits: tcbInfo((info) => ({
      ...info,
      tcbLevels: info.tcbLevels.map((level) => ({ ...level, tcb: { ...level.tcb, sgxtcbcomponents: level.tcb.sgxtcbcomponents.map((one, i) => (i < 2 ? { ...one, svn: Math.max(0, one.svn - 1) } : one)) } })),
    })),
  }),
  accepted('tdx/ok/without-td-report', 'medium', QUOTE, 'Nobody has to bring the TDREPORT that the quote was made from.', { files: without('tdreport.bin') }),
  accepted('tdx/ok/without-event-log', 'medium', QUOTE, 'Nobody has to bring an event log for a quote to hold.', { files: (files) => without('ccel_table.bin')(without('ccel.bin')(files)) }),
];
