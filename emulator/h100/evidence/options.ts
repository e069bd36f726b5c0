/** What a caller may say about GPU evidence: one row an option, from which the command line, the control port and the library take theirs. */
import { z } from 'zod';
import { hexUpTo, wholeNumber, words } from '../../option-values.ts';
import { CC_MODES, GPU_MODES } from '../device/nvml.ts';
import { GPU_MODELS } from '../platform/models.ts';
import { DRIVER_RELEASES, VBIOS_RELEASES } from '../platform/releases.ts';
import { BOARD_GPUS, BOARD_SWITCHES } from '../platform/wiring.ts';

const listed = (rows: Iterable<{ readonly name: string; readonly doc: string }>): string => [...rows].map(({ name, doc }) => `${name} (${doc})`).join('; ');
const MACHINES = 1 << 16;

/** Options of `teemu evidence h100`, of `POST /evidence/h100` and of the library; the command line writes them with hyphens. */
export const H100_OPTIONS = z.strictObject({
  gpu: z
    .enum(words(GPU_MODELS.keys()))
    .optional()
    .describe(`kind of GPU: ${listed(GPU_MODELS.values())}`),
  driver: z
    .enum(words(DRIVER_RELEASES.keys()))
    .optional()
    .describe(`release of the driver: ${[...DRIVER_RELEASES.keys()].join(', ')}`),
  vbios: z
    .string()
    .regex(/^[0-9A-Fa-f.]{14}(,[0-9A-Fa-f.]{14}){0,7}$/, 'must be firmware versions, separated by commas')
    .transform((text) => text.toUpperCase().split(','))
    .optional()
    .describe(`release of the firmware: ${[...VBIOS_RELEASES.values()].map(({ version, model }) => `${version} (${model})`).join(', ')}; a list gives each GPU its own`) as unknown as z.ZodOptional<
    z.ZodType<string[], string>
  >,
  count: wholeNumber(1, BOARD_GPUS).optional().describe(`GPUs that attest, 1 to ${BOARD_GPUS}; they share a nonce; unless given, 1, or all in the mode ppcie`),
  switches: wholeNumber(0, BOARD_SWITCHES).optional().describe(`NVSwitches that attest, 0 to ${BOARD_SWITCHES}: of boards with h100-sxm or h200; unless given, none, or all in the mode ppcie`),
  machine: wholeNumber(0, MACHINES - 1)
    .optional()
    .describe(`which of the world’s machines, 0 to ${MACHINES - 1}`),
  nonce: hexUpTo(32).optional().describe('nonce: up to 32 bytes in hexadecimal, filled up with zeros; unless given, one of the world’s own'),
  ccMode: z.enum(CC_MODES).optional().describe('confidential-compute mode: on (the default) or devtools, which measures otherwise; off gives no evidence'),
  mode: z
    .enum(GPU_MODES)
    .optional()
    .describe('how the GPUs work together: spt (each alone, the default but on b200), mpt (several, the default on b200, of Blackwell only), ppcie (protected PCIe, of Hopper on HGX boards)'),
  decoder: z.enum(['on', 'off']).optional().describe('video decoder, which NVDEC0_STATUS tells: off unless given, as in nearly all genuine reports'),
  set: z
    .array(z.string().regex(/^[A-Za-z0-9._]+=.+$/, 'must be path=value'))
    .max(256)
    .optional()
    .describe(
      'sets any field of the reports before they are signed (after, for signature): measurements.9=ff*, opaque.driverVersion=550.90.12, opaque.fwid=none; gpu.1. or switch.0. before it means one device only; repeat for more',
    ),
});

/** Options as a caller writes them: texts and numbers. */
export type H100OptionsInput = z.input<typeof H100_OPTIONS>;
/** Options after checking. */
export type H100Options = z.output<typeof H100_OPTIONS>;
