/** What a caching service is sent: registrations of platforms, and collateral put by its administrator. Source: PCCS, pccs_schemas.js. */
import { z } from 'zod';

const hex = (digits: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-fA-F]{${digits}}$`));
const hexOrNone = (digits: number): z.ZodString => z.string().regex(new RegExp(`^([0-9a-fA-F]{${digits}})?$`));
/** Longest text in a document that is put: a platform manifest in hex. */
const LONGEST_TEXT = 200_000;
const text = z.string().max(LONGEST_TEXT);

/** Names a platform: the quoting enclave's id and the PCE's. */
const PLATFORM = {
  qe_id: z.string().min(1).max(260),
  pce_id: hex(4),
  cpu_svn: hexOrNone(32).optional(),
  pce_svn: hexOrNone(4).optional(),
  enc_ppid: hexOrNone(768).optional(),
  platform_manifest: text.nullish(),
};

/** Body of `POST platforms`. */
export const PLATFORM_REGISTRATION = z.object(PLATFORM);
export type PlatformRegistration = z.output<typeof PLATFORM_REGISTRATION>;

const CHAINS = z.object({
  'SGX-PCK-Certificate-Issuer-Chain': z.object({ PROCESSOR: text.optional(), PLATFORM: text.optional() }),
  'TCB-Info-Issuer-Chain': text.optional(),
  'SGX-Enclave-Identity-Issuer-Chain': text.optional(),
});

const signed = (member: string): z.ZodType<Readonly<Record<string, unknown>>> => z.looseObject({ [member]: z.looseObject({}), signature: z.string() });
const TCB_INFO = signed('tcbInfo');

/** Body of `PUT platformcollateral`, version 4. */
export const PLATFORM_COLLATERAL = z.object({
  platforms: z.array(PLATFORM_REGISTRATION).max(10_000),
  collaterals: z.object({
    version: z.literal(4),
    pck_certs: z
      .array(
        z.object({
          qe_id: PLATFORM.qe_id,
          pce_id: PLATFORM.pce_id,
          enc_ppid: hexOrNone(768),
          platform_manifest: text.nullish(),
          certs: z.array(z.object({ tcb: z.record(z.string(), z.number().int().min(0).max(65_535)), tcbm: hex(36), cert: text })).max(1000),
        }),
      )
      .max(10_000),
    tcbinfos: z.array(z.object({ fmspc: hex(12), sgx_tcbinfo: TCB_INFO.optional(), sgx_tcbinfo_early: TCB_INFO.optional(), tdx_tcbinfo: TCB_INFO.optional(), tdx_tcbinfo_early: TCB_INFO.optional() })).max(1000),
    pckcacrl: z.object({ processorCrl: text.optional(), platformCrl: text.optional() }).optional(),
    qeidentity: text.optional(),
    qeidentity_early: text.optional(),
    tdqeidentity: text.optional(),
    tdqeidentity_early: text.optional(),
    qveidentity: text.optional(),
    qveidentity_early: text.optional(),
    certificates: CHAINS,
    rootcacrl: text.optional(),
    rootcacrl_cdp: text.optional(),
  }),
});
export type PlatformCollateralPut = z.output<typeof PLATFORM_COLLATERAL>;
