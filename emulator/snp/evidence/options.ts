/** What a caller may say about SNP evidence: one row an option, from which the command line, the control port and the library take theirs. */
import { z } from 'zod';
import { asciiUpTo, hexUpTo, wholeNumber, words } from '../../option-values.ts';
import { SNP_PRESETS } from './presets.ts';
import { PRODUCTS } from '../platform/products.ts';
import { REPORT_VERSIONS } from '../report.ts';

/** Options of `teemu evidence snp`, of `POST /evidence/snp` and of the library; the command line writes them with hyphens. */
export const SNP_OPTIONS = z.strictObject({
  preset: z
    .enum(words(SNP_PRESETS.keys()))
    .optional()
    .describe(`named machine: ${[...SNP_PRESETS.values()].map((p) => `${p.name} (${p.doc})`).join('; ')}`),
  product: z
    .enum(words(Object.keys(PRODUCTS)))
    .optional()
    .describe(
      `processor: ${Object.values(PRODUCTS)
        .map((p) => `${p.name} (${p.doc})`)
        .join('; ')}`,
    ),
  reportVersion: wholeNumber(REPORT_VERSIONS[0], REPORT_VERSIONS[REPORT_VERSIONS.length - 1] ?? 5)
    .optional()
    .describe('version of the report structure, 2 to 5'),
  signer: z.enum(['vcek', 'vlek']).optional().describe('which key signs: the chip’s VCEK or a cloud provider’s VLEK'),
  reportData: hexUpTo(64).optional().describe('REPORT_DATA: up to 64 bytes in hexadecimal, filled up with zeros'),
  hostData: hexUpTo(32).optional().describe('HOST_DATA: up to 32 bytes in hexadecimal, filled up with zeros'),
  policy: z
    .string()
    .regex(/^(0x)?[0-9a-fA-F]{1,16}$/, 'must be hexadecimal, at most 8 bytes')
    .optional()
    .describe('GUEST_POLICY in hexadecimal, as the guest is launched with (0x30000)'),
  vmpl: wholeNumber(0, 3).optional().describe('virtual machine privilege level that asks for the report, 0 to 3'),
  chip: wholeNumber(0, (1 << 24) - 1)
    .optional()
    .describe('which of the world’s chips, 0 to 16777215'),
  cspId: asciiUpTo(128).optional().describe('CSP_ID in the VLEK certificate'),
  productName: asciiUpTo(64).optional().describe('productName in the VCEK certificate (Genoa-B1); reports of version 2 get one with a stepping'),
  vcpus: wholeNumber(1, 512).optional().describe('number of virtual processors at launch'),
  vcpuType: z.string().max(64).optional().describe('QEMU’s name of the virtual processor type'),
  guestFeatures: z
    .string()
    .regex(/^(0x)?[0-9a-fA-F]{1,16}$/, 'must be hexadecimal')
    .optional()
    .describe('SEV_FEATURES at launch in hexadecimal (0x1)'),
  vmm: z.enum(['qemu', 'ec2', 'gce']).optional().describe('virtual machine monitor whose order of launch is followed'),
  append: z.string().max(2048).optional().describe('kernel command line, measured at launch'),
  set: z
    .array(z.string().regex(/^[A-Za-z0-9.]+=.+$/, 'must be path=value'))
    .max(256)
    .optional()
    .describe('sets any field of the report before it is signed (after, for signature.*): policy.debug=1; repeat for more'),
});

/** Options as a caller writes them: texts and numbers. */
export type SnpOptionsInput = z.input<typeof SNP_OPTIONS>;
/** Options after checking. */
export type SnpOptions = z.output<typeof SNP_OPTIONS>;
