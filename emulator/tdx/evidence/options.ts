/** What a caller may say about TDX evidence: one row an option, from which the command line, the control port and the library take theirs. */
import { z } from 'zod';
import { fieldSettings, hexUpTo, mask, wholeNumber, words } from '../../option-values.ts';
import { BOOTS } from '../boot/boots.ts';
import { ADD_ORDERS } from '../module/tdvf.ts';
import { PLATFORM_MODELS } from '../platform/models.ts';
import { PCK_CAS, PLATFORMS_PER_MODEL } from '../platform/platform.ts';
import { QUOTE_VERSIONS } from '../quote/tables.ts';
import { STATUS_TABLE, TCB_STATUSES } from '../tcb/status.ts';

const [OLDEST, NEWEST] = [QUOTE_VERSIONS[0], QUOTE_VERSIONS[QUOTE_VERSIONS.length - 1] ?? 5];
const listed = (rows: Iterable<{ readonly name: string; readonly doc: string }>): string => [...rows].map(({ name, doc }) => `${name} (${doc})`).join('; ');

/** Options of `teemu evidence tdx`, of `POST /evidence/tdx` and of the library; the command line writes them with hyphens. */
export const TDX_OPTIONS = z.strictObject({
  platform: z
    .enum(words(Object.keys(PLATFORM_MODELS)))
    .optional()
    .describe(`kind of machine: ${listed(Object.values(PLATFORM_MODELS))}`),
  index: wholeNumber(0, PLATFORMS_PER_MODEL - 1)
    .optional()
    .describe(`which machine of its kind, 0 to ${PLATFORMS_PER_MODEL - 1}`),
  tcbStatus: z
    .enum(TCB_STATUSES)
    .optional()
    .describe(`what a verifier is to make of the machine: ${listed(TCB_STATUSES.map((name) => ({ name, doc: STATUS_TABLE[name].doc })))}`),
  pckCa: z.enum(PCK_CAS).optional().describe('which authority certifies the machine’s PCK: platform (the default) or processor'),
  quoteVersion: wholeNumber(OLDEST, NEWEST).optional().describe('version of the quote: 4, or 5, which a TD that should be relaunched gets'),
  bodyType: z.enum(['td10', 'td15']).optional().describe('what the body of a quote of version 5 says: td15 (the default), or td10, which is what version 4 has'),
  certificationType: wholeNumber(1, 5).optional().describe('how the quote names its PCK: 5 certificate chain, 4 certificate, 3 or 2 encrypted platform id, 1 platform id'),
  reportData: hexUpTo(64).optional().describe('REPORTDATA: up to 64 bytes in hexadecimal, filled up with zeros'),
  tdAttributes: mask().optional().describe('ATTRIBUTES in hexadecimal, as the TD is launched with (0x10000000: SEPT_VE_DISABLE)'),
  xfam: mask().optional().describe('XFAM in hexadecimal, as the TD is launched with (0x602e7)'),
  mrConfigId: hexUpTo(48).optional().describe('MRCONFIGID: up to 48 bytes in hexadecimal, filled up with zeros'),
  mrOwner: hexUpTo(48).optional().describe('MROWNER: up to 48 bytes in hexadecimal, filled up with zeros'),
  mrOwnerConfig: hexUpTo(48).optional().describe('MROWNERCONFIG: up to 48 bytes in hexadecimal, filled up with zeros'),
  addOrder: z.enum(ADD_ORDERS).optional().describe('order in which the firmware is measured into MRTD: singlePass (QEMU since 9.0) or twoPass (before)'),
  boot: z
    .enum(words(Object.keys(BOOTS)))
    .optional()
    .describe(`how the TD boots: ${listed(Object.values(BOOTS))}`),
  append: z.string().max(2048).optional().describe('kernel command line, measured into RTMR2'),
  runtimeEvent: z.array(z.string().min(1).max(1024)).max(256).optional().describe('measures a text into RTMR3, as the Confidential Containers attestation agent does: "domain operation content"; repeat for more'),
  tcbEvaluation: z
    .union([z.enum(['standard', 'early']), wholeNumber(0, 999)])
    .optional()
    .describe('which TCB evaluation the collateral is of: standard (the default), early, or its number'),
  set: fieldSettings().optional().describe('sets any field of the quote’s body before it is signed (header.*, qeReport.* likewise; signature.* after it): tdAttributes.debug=1; repeat for more'),
});

/** Options as a caller writes them: texts and numbers. */
export type TdxOptionsInput = z.input<typeof TDX_OPTIONS>;
/** Options after checking. */
export type TdxOptions = z.output<typeof TDX_OPTIONS>;
