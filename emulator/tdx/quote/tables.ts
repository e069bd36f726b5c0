/**
 * The tables of a TD quote. Two lengths and everything behind them vary; `quote.ts` reads those. All integers are little-endian, all
 * signatures and public keys are two big-endian numbers.
 */
import { Layout } from '../../codec/layout.ts';
import { array, bit, bits, bytes, reserved, reservedBits, struct, u16, u32, u64, type ValueOf } from '../../codec/rows.ts';
import { TD_ATTRIBUTE_FIELDS, XFAM_FIELDS } from '../module/attributes.ts';

const QUOTE_4 = 'Intel TDX DCAP Quote Generation Library; sgx_quote_4.h';
const QUOTE_5 = 'Intel TDX DCAP Quote Generation Library; sgx_quote_5.h';

/** Versions of the quote that carry a TD's report. */
export const QUOTE_VERSIONS = [4, 5] as const;
export type QuoteVersion = (typeof QUOTE_VERSIONS)[number];
/** TEE type of a TD. */
export const TEE_TYPE_TDX = 0x81;
/** Attestation key type of the only algorithm in use: ECDSA over P-256 with SHA-256. */
export const ATT_KEY_ECDSA_P256 = 2;
/** What a quote of version 5 says its body is. */
export const BODY_TYPES = { sgxEnclave: 1, td10: 2, td15: 3 } as const;
/** Vendor of the quoting enclave: Intel, 939a7233-f79c-4ca9-940a-0db3957f0607. */
export const INTEL_QE_VENDOR: Uint8Array = Uint8Array.from(Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex'));

const names = (values: Readonly<Record<string, number>>): Record<number, string> => Object.fromEntries(Object.entries(values).map(([name, value]) => [value, name]));

/** The first 48 bytes, the same in versions 4 and 5. */
export const QUOTE_HEADER = new Layout('tdx.quote.header', 48, QUOTE_4, {
  version: u16(0, 'version of the quote', { initial: 4 }),
  attestationKeyType: u16(2, 'kind of attestation key', { initial: ATT_KEY_ECDSA_P256, names: { 2: 'ECDSA P-256', 3: 'ECDSA P-384' } }),
  teeType: u32(4, 'kind of TEE', { initial: TEE_TYPE_TDX, names: { 0: 'SGX', [TEE_TYPE_TDX]: 'TDX' } }),
  reserved8: reserved(8, 4),
  qeVendorId: bytes(12, 16, 'vendor of the quoting enclave'),
  userData: bytes(28, 20, "the quoting enclave's id of this platform in the first 16 bytes"),
});

const MEASUREMENT = 48;

/** Body of version 4, and of version 5 with body type 2: the report of a TD of TDX 1.0. */
export const TD10_BODY = new Layout('tdx.quote.body.1.0', 584, QUOTE_4, {
  teeTcbSvn: bytes(0, 16, 'SVNs of the TDX module (0: ISVSVN, 1: its generation) and of the microcode that loaded it (2)'),
  mrSeam: bytes(16, MEASUREMENT, 'measurement of the TDX module that the TD was started with'),
  mrSignerSeam: bytes(64, MEASUREMENT, "signer of the TDX module; zero for Intel's"),
  seamAttributes: u64(112, "attributes of the TDX module; zero for Intel's"),
  tdAttributes: bits(120, 8, 'ATTRIBUTES of the TD', TD_ATTRIBUTE_FIELDS),
  xfam: bits(128, 8, 'extended CPU state that the TD may use', XFAM_FIELDS),
  mrTd: bytes(136, MEASUREMENT, 'measurement of the initial contents of the TD'),
  mrConfigId: bytes(184, MEASUREMENT, 'configuration of the TD, set by the host before launch'),
  mrOwner: bytes(232, MEASUREMENT, 'owner of the TD, set by the host before launch'),
  mrOwnerConfig: bytes(280, MEASUREMENT, "owner's configuration, set by the host before launch"),
  rtmr: array(328, 4, bytes(0, MEASUREMENT, 'runtime measurement'), 'runtime measurement registers'),
  reportData: bytes(520, 64, 'data given by the guest'),
});

/** Body of version 5 with body type 3: TDX 1.5 adds two fields. */
export const TD15_BODY = new Layout('tdx.quote.body.1.5', 648, QUOTE_5, {
  ...TD10_BODY.rows,
  teeTcbSvn2: bytes(584, 16, 'SVNs of the TDX module that runs now; it may have been updated under the TD'),
  mrServiceTd: bytes(600, MEASUREMENT, 'hash over the service TDs bound to the TD; zero without any'),
});

/** What stands before the body in version 5. */
export const BODY_DESCRIPTOR = new Layout('tdx.quote.body-descriptor', 6, QUOTE_5, {
  bodyType: u16(0, 'what the body is', { names: names(BODY_TYPES) }),
  bodySize: u32(2, 'length of the body'),
});

/** The fixed head of the signature data; certification data follow. */
export const SIGNATURE_HEAD = new Layout('tdx.quote.signature', 128, QUOTE_4, {
  signature: bytes(0, 64, 'signature of header and body by the attestation key: r and s'),
  attestationKey: bytes(64, 64, 'public attestation key: x and y'),
});

/** SGX REPORTBODY: of the quoting enclave. */
export const ENCLAVE_REPORT = new Layout('sgx.report-body', 384, 'Intel SDM volume 3D, REPORT; sgx_report.h', {
  cpuSvn: bytes(0, 16, 'SVNs of the CPU'),
  miscSelect: u32(16, 'MISCSELECT'),
  reserved20: reserved(20, 28),
  attributes: bits(48, 8, 'ATTRIBUTES.FLAGS of the enclave', {
    init: bit(0, 'initialised'),
    debug: bit(1, 'debuggable'),
    mode64Bit: bit(2, '64-bit'),
    reserved3: reservedBits(3, 1),
    provisionKey: bit(4, 'may use the provisioning key'),
    einitTokenKey: bit(5, 'may use the EINIT token key'),
    cet: bit(6, 'control-flow enforcement'),
    kss: bit(7, 'key separation and sharing'),
    reserved8: reservedBits(8, 2),
    aexNotify: bit(10, 'told of asynchronous exits'),
    reserved11: reservedBits(11, 53),
  }),
  xfrm: u64(56, 'ATTRIBUTES.XFRM of the enclave'),
  mrEnclave: bytes(64, 32, 'measurement of the enclave'),
  reserved96: reserved(96, 32),
  mrSigner: bytes(128, 32, "hash of the enclave signer's key"),
  reserved160: reserved(160, 96),
  isvProdId: u16(256, 'product id of the enclave'),
  isvSvn: u16(258, 'SVN of the enclave'),
  reserved260: reserved(260, 60),
  reportData: bytes(320, 64, 'SHA-256 over attestation key and QE authentication data, then 32 zero bytes'),
});

/** The fixed head of certification data type 6; QE authentication data and further certification data follow. */
export const QE_CERTIFICATION_HEAD = new Layout('tdx.quote.qe-certification', 448, QUOTE_4, {
  qeReport: struct(0, ENCLAVE_REPORT, 'report of the quoting enclave, made when the attestation key was'),
  qeReportSignature: bytes(384, 64, 'signature of that report by the PCK: r and s'),
});

/** What stands before every kind of certification data. */
export const CERTIFICATION_HEAD = new Layout('tdx.quote.certification', 6, QUOTE_4, {
  type: u16(0, 'kind of certification data', {
    names: { 1: 'PPID', 2: 'PPID encrypted, RSA-2048', 3: 'PPID encrypted, RSA-3072', 4: 'PCK certificate', 5: 'PCK certificate chain', 6: 'QE report certification data' },
  }),
  size: u32(2, 'length of what follows'),
});

const ppidTable = (name: string, length: number) =>
  new Layout(`tdx.quote.certification.${name}`, length + 20, 'Intel SGX ECDSA Quote Library Reference, QE certification data; sgx_quote_3.h', {
    ppid: bytes(0, length, 'id of the platform, in clear or encrypted to Intel'),
    cpuSvn: bytes(length, 16, 'SVNs of the CPU for which the PCK was derived'),
    pceSvn: u16(length + 16, 'SVN of the provisioning certification enclave'),
    pceId: u16(length + 18, 'id of the provisioning certification enclave'),
  });

/** Certification data of a platform that has not fetched its PCK certificate, by type. */
export const PPID_CERTIFICATION = { 1: ppidTable('ppid', 16), 2: ppidTable('ppid-rsa2048', 256), 3: ppidTable('ppid-rsa3072', 384) } as const;
export type PpidType = keyof typeof PPID_CERTIFICATION;

export type QuoteHeader = ValueOf<typeof QUOTE_HEADER.rows>;
export type Td10Body = ValueOf<typeof TD10_BODY.rows>;
export type Td15Body = ValueOf<typeof TD15_BODY.rows>;
/** A TD's body of either kind: what only TDX 1.5 has is optional. */
export type TdBody = Td10Body & Partial<Pick<Td15Body, 'teeTcbSvn2' | 'mrServiceTd'>>;
export type EnclaveReport = ValueOf<typeof ENCLAVE_REPORT.rows>;
