/**
 * The emulated TD quoting enclave: it checks that a TDREPORT is of its own platform, and signs what it says with an attestation key, which the
 * platform's PCK vouches for.
 *
 * Source: intel/SGXDataCenterAttestationPrimitives, quoting_enclave_tdqe.cpp.
 */
import { createHash } from 'node:crypto';
import type { EcSigner } from '../../crypto/sign.ts';
import { FirmwareError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { bitFields } from '../module/attributes.ts';
import { qeRefusal } from '../module/status.ts';
import { tdReportHashesHold } from '../module/tdreport.ts';
import { reportMacKey, type TdxHardware, verifyReportMac } from '../module/tdx-module.ts';
import { encodeCertification, type InnerCertification } from '../quote/certification.ts';
import { bodyOfReport, checkReportFormat, quoteVersionOf } from '../quote/from-report.ts';
import { assembleQuote, bodyLayout, encodePrefix, encodeSigned, type TdBodyType } from '../quote/quote.ts';
import { ATT_KEY_ECDSA_P256, BODY_TYPES, ENCLAVE_REPORT, type EnclaveReport, INTEL_QE_VENDOR, type PpidType, type QuoteHeader, type QuoteVersion, type TdBody, TEE_TYPE_TDX } from '../quote/tables.ts';

/** A release of the quoting enclave. The tables of Intel's enclaves hold those that there are. */
export interface QeRelease {
  readonly isvSvn: number;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
}

/** What the quoting enclave needs of its platform. */
export interface QuotingPlatform extends TdxHardware {
  readonly quotingEnclave: QeRelease;
  /** The id by which the enclave knows the platform, 16 bytes: it begins the header's user data. */
  readonly qeId: Uint8Array;
  /** The provisioning certification key, P-256: signs the QE's report. */
  readonly pckKey: EcSigner;
  /** PCK certificate, its issuer and the root as PEM; undefined where the platform has not fetched its certificate. */
  readonly pckChain?: string | undefined;
  /** CPUSVN for which the PCK was derived, 16 bytes; that of the hardware unless given. */
  readonly pckCpuSvn?: Uint8Array | undefined;
  readonly pceSvn: number;
  readonly pceId: number;
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  /** The PPID as the PCE encrypts it to Intel, 384 bytes. */
  readonly encryptedPpid: Uint8Array;
}

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
/** MRSIGNER of Intel's quoting enclaves. */
export const QE_MRSIGNER: Uint8Array = fromHex('dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5');
/** ISVPRODID of the TD quoting enclave. */
export const TDQE_PROD_ID = 2;
/** ATTRIBUTES and XFRM of the quoting enclave in genuine quotes: initialised, 64-bit, may use the provisioning key. */
const QE_ATTRIBUTES = 0x15n;
const QE_XFRM = 0xe7n;
/** QE authentication data of nearly every genuine quote: 00 to 1f. */
export const USUAL_QE_AUTH_DATA: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);

/** Everything in a quote but its signatures. */
export interface QuoteParts {
  readonly header: QuoteHeader;
  readonly bodyType: TdBodyType;
  readonly body: TdBody;
  readonly qeReport: EnclaveReport;
  readonly qeAuthData: Uint8Array;
  readonly certification: InnerCertification;
}

/** Certification data by which a quote names its PCK: platform id (1 to 3), certificate (4), certificate chain (5). */
export type PckType = PpidType | 4 | 5;

/** What a quote is asked for with. What is left out is as the genuine enclave decides. */
export interface QuoteOptions {
  /** Genuine: 5 where service TDs are bound or the module was updated under the TD, else 4. */
  readonly version?: QuoteVersion | undefined;
  /** In version 5 only; genuine: 3, TDX 1.5. */
  readonly bodyType?: TdBodyType | undefined;
  /** Genuine: 5 where the platform has its PCK certificate, else 3. */
  readonly certificationType?: PckType | undefined;
  /** Changes the quote before anything is signed, to make one that no enclave would. The attestation key stays as the QE's report was made for it. */
  readonly edit?: ((parts: QuoteParts) => QuoteParts) | undefined;
  /** Signs in place of the attestation key, which the quote goes on to state. */
  readonly signedBy?: EcSigner | undefined;
}

const LENGTHS = [
  ['cpuSvn', 16],
  ['qeId', 16],
  ['ppid', 16],
  ['encryptedPpid', 384],
] as const;

/** One platform's quoting enclave. */
export class QuotingEnclave {
  readonly platform: QuotingPlatform;
  /** The attestation key, P-256. Another release or CPUSVN has another key. */
  readonly attestationKey: EcSigner;
  readonly #world: World;
  readonly #qeAuthData: Uint8Array;
  readonly #macKey: Uint8Array;
  readonly #prefixes = new Map<string, Uint8Array>();
  readonly #rests = new Map<PckType, Uint8Array>();

  /**
   * @param qeAuthData at most 65535 bytes that the attestation key is bound to
   * @throws {RangeError} for values of the platform that have the wrong length, or a PCK that is not P-256
   */
  constructor(world: World, platform: QuotingPlatform, qeAuthData: Uint8Array = USUAL_QE_AUTH_DATA) {
    const { id, cpuSvn, pckKey, quotingEnclave } = platform;
    for (const [name, length] of LENGTHS) if (platform[name].length !== length) throw new RangeError(`${name} is ${length} bytes, not ${platform[name].length}`);
    if (pckKey.curve !== 'P-256') throw new RangeError(`a PCK is a P-256 key, not ${pckKey.curve}`);
    if (qeAuthData.length > 0xffff) throw new RangeError(`QE authentication data are at most 65535 bytes, not ${qeAuthData.length}`);
    this.platform = platform;
    this.attestationKey = world.ecKey(`intel/attestation-key/${id}/${Buffer.from(cpuSvn).toString('hex')}/${quotingEnclave.isvSvn}`, 'P-256');
    this.#world = world;
    this.#qeAuthData = qeAuthData.slice();
    this.#macKey = reportMacKey(world, platform);
  }

  /** The report of the enclave itself, in which it binds its attestation key: SHA-256 over the key and the authentication data. */
  qeReport(): EnclaveReport {
    const { cpuSvn, quotingEnclave } = this.platform;
    const bound = createHash('sha256').update(this.attestationKey.publicPoint.subarray(1)).update(this.#qeAuthData).digest();
    const reportData = new Uint8Array(64);
    reportData.set(bound);
    return {
      cpuSvn,
      miscSelect: 0,
      attributes: bitFields(ENCLAVE_REPORT.rows.attributes.fields, QE_ATTRIBUTES),
      xfrm: QE_XFRM,
      mrEnclave: quotingEnclave.mrEnclave,
      mrSigner: QE_MRSIGNER,
      isvProdId: TDQE_PROD_ID,
      isvSvn: quotingEnclave.isvSvn,
      reportData,
    };
  }

  /**
   * A quote over a report.
   * @param report a TDREPORT of this platform, 1024 bytes
   * @throws {FirmwareError} TDQE_ERROR_INVALID_PARAMETER, TDQE_REPORT_FORMAT_NOT_SUPPORTED, TDQE_ERROR_INVALID_REPORT for a MAC of another platform or TCB, TDQE_ERROR_INVALID_HASH
   * @throws {CodecError} when `edit` puts a value where it does not fit
   */
  quote(report: Uint8Array, { version, bodyType, certificationType, edit, signedBy = this.attestationKey }: QuoteOptions = {}): Uint8Array {
    this.#check(report);
    const chosen = version ?? quoteVersionOf(report);
    const type = chosen === 5 ? (bodyType ?? BODY_TYPES.td15) : BODY_TYPES.td10;
    const body = bodyOfReport(report, type);
    const pckType = certificationType ?? (this.platform.pckChain === undefined ? 3 : 5);
    // A copy: an edit may change what it is handed, which must not reach the platform's own values.
    if (edit) return this.#editedQuote(edit(structuredClone(this.#parts(chosen, type, body, pckType))), signedBy);
    const signed = Buffer.concat([this.#prefix(chosen, type), body]);
    return assembleQuote(signed, signedBy.sign(signed), this.#usualRest(pckType));
  }

  /** Refuses what the genuine enclave refuses. */
  #check(report: Uint8Array): void {
    checkReportFormat(report);
    try {
      verifyReportMac(report, this.platform, this.#macKey);
    } catch (cause) {
      throw cause instanceof FirmwareError ? qeRefusal('TDQE_ERROR_INVALID_REPORT', cause.message) : cause;
    }
    if (!tdReportHashesHold(report)) throw qeRefusal('TDQE_ERROR_INVALID_HASH', 'the report does not state the hashes of its parts');
  }

  #header(version: QuoteVersion): QuoteHeader {
    const userData = new Uint8Array(20);
    userData.set(this.platform.qeId);
    return { version, attestationKeyType: ATT_KEY_ECDSA_P256, teeType: TEE_TYPE_TDX, qeVendorId: INTEL_QE_VENDOR, userData };
  }

  #parts(version: QuoteVersion, bodyType: TdBodyType, body: Uint8Array, pckType: PckType): QuoteParts {
    return {
      header: this.#header(version),
      bodyType,
      body: bodyLayout(bodyType).decode(body, { reserved: 'keep' }) as unknown as TdBody,
      qeReport: this.qeReport(),
      qeAuthData: this.#qeAuthData,
      certification: this.#certification(pckType),
    };
  }

  #editedQuote({ header, bodyType, body, qeReport, qeAuthData, certification }: QuoteParts, signer: EcSigner): Uint8Array {
    const signed = encodeSigned(header, bodyType, body);
    return assembleQuote(signed, signer.sign(signed), this.#encodeRest(qeReport, qeAuthData, certification));
  }

  /** What stands before the body is the same in every quote of a version and kind of body. */
  #prefix(version: QuoteVersion, bodyType: TdBodyType): Uint8Array {
    return remembered(this.#prefixes, `${version}/${bodyType}`, () => encodePrefix(this.#header(version), bodyType));
  }

  /** What follows the signature is the same in every quote with one type of certification data, the QE's report and its signature included. */
  #usualRest(pckType: PckType): Uint8Array {
    return remembered(this.#rests, pckType, () => this.#encodeRest(this.qeReport(), this.#qeAuthData, this.#certification(pckType)));
  }

  #encodeRest(qeReport: EnclaveReport, qeAuthData: Uint8Array, certification: InnerCertification): Uint8Array {
    const qeReportSignature = this.platform.pckKey.sign(ENCLAVE_REPORT.encode(qeReport));
    return Buffer.concat([this.attestationKey.publicPoint.subarray(1), encodeCertification({ kind: 'qe', type: 6, qeReport, qeReportSignature, qeAuthData, certification })]);
  }

  #certification(type: PckType): InnerCertification {
    const { id, pckChain, ppid, encryptedPpid, cpuSvn, pckCpuSvn = cpuSvn, pceSvn, pceId } = this.platform;
    const tcb = { cpuSvn: pckCpuSvn, pceSvn, pceId };
    switch (type) {
      case 1:
        return { kind: 'ppid', type, ppid, ...tcb };
      case 2:
        // To a key of Intel's that is out of use: nobody can open it, here either.
        return { kind: 'ppid', type, ppid: this.#world.derive(`intel/ppid-rsa2048/${id}`, 256), ...tcb };
      case 3:
        return { kind: 'ppid', type, ppid: encryptedPpid, ...tcb };
      case 4:
      case 5: {
        if (pckChain === undefined) throw qeRefusal('TDQE_ERROR_INVALID_PARAMETER', 'the platform has no PCK certificate');
        // A genuine chain is a C string, and its NUL is part of the data.
        return { kind: 'raw', type, data: Uint8Array.from(Buffer.from(`${type === 4 ? firstCertificate(pckChain) : pckChain}\0`, 'latin1')) };
      }
    }
  }
}

const PEM_END = '-----END CERTIFICATE-----\n';
const firstCertificate = (chain: string): string => chain.slice(0, chain.indexOf(PEM_END) + PEM_END.length);

function remembered<K>(known: Map<K, Uint8Array>, key: K, make: () => Uint8Array): Uint8Array {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
