/**
 * The emulated TD quoting enclave: it checks that a TDREPORT is of its own platform, and signs what it says with an attestation key, which the
 * platform's PCK vouches for.
 *
 * Source: intel/SGXDataCenterAttestationPrimitives, quoting_enclave_tdqe.cpp.
 */
import { createHash } from 'node:crypto';
import type { EcSigner } from '../crypto/sign.ts';
import { FirmwareError } from '../errors.ts';
import type { World } from '../world.ts';
import { qeRefusal } from './module/status.ts';
import { tdReportHashesHold } from './module/tdreport.ts';
import { reportMacKey, type TdxHardware, verifyReportMac } from './module/tdx-module.ts';
import { encodeCertification, type InnerCertification } from './quote/certification.ts';
import { bodyOfReport, checkReportFormat, quoteVersionOf } from './quote/from-report.ts';
import { encryptPpid } from './quote/ppid.ts';
import { assembleQuote, bodyLayout, encodePrefix, encodeSigned, type TdBodyType } from './quote/quote.ts';
import { ATT_KEY_ECDSA_P256, BODY_TYPES, ENCLAVE_REPORT, type EnclaveReport, INTEL_QE_VENDOR, type PpidType, type QuoteHeader, type QuoteVersion, type TdBody, TEE_TYPE_TDX } from './quote/tables.ts';

/** What the quoting enclave needs of its platform. */
export interface QuotingPlatform extends TdxHardware {
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  readonly pceSvn: number;
  readonly pceId: number;
  /** The provisioning certification key, P-256: signs the QE's report. */
  readonly pckKey: EcSigner;
  /** PCK certificate, its issuer and the root as PEM; undefined where the platform has not fetched its certificate. */
  readonly pckChain?: string | undefined;
}

/** A release of the quoting enclave. */
export interface QeRelease {
  readonly isvSvn: number;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
}

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const release = (isvSvn: number, mrEnclave: string): QeRelease => ({ isvSvn, mrEnclave: fromHex(mrEnclave) });

/** Intel's releases, oldest first. Source: genuine quotes of each. */
export const QE_RELEASES: readonly QeRelease[] = [
  release(4, '853e298f3b7cde28b06493d06fb2ad6f9566a97fea6d3de66236b2af1a35150f'),
  release(5, '86fc4e0ec2c5ddcebac97062c0a0142a97c18a7a755147bcbc3fe17d6529781d'),
  release(6, 'e5a3a7b5d830c2953b98534c6c59a3a34fdc34e933f7f5898f0a85cf08846bca'),
  release(7, 'b7ae9ab69e76f7794a56b0db1915281d435d488c91d406ed33a7939caf8730f8'),
];
/** MRSIGNER of Intel's quoting enclaves. */
export const QE_MRSIGNER: Uint8Array = fromHex('dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5');
/** ISVPRODID of the TD quoting enclave. */
export const TDQE_PROD_ID = 2;
/** XFRM of the quoting enclave in genuine quotes. */
const QE_XFRM = 0xe7n;
/** QE authentication data of nearly every genuine quote: 00 to 1f. */
export const USUAL_QE_AUTH_DATA: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);

/** How a quoting enclave is set up. */
export interface QeOptions {
  /** The newest release unless given. */
  readonly release?: QeRelease | undefined;
  /** At most 65535 bytes; 00 to 1f unless given. */
  readonly qeAuthData?: Uint8Array | undefined;
}

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
}

/** One platform's quoting enclave. */
export class QuotingEnclave {
  readonly platform: QuotingPlatform;
  readonly release: QeRelease;
  /** The attestation key, P-256. Another release or CPUSVN has another key. */
  readonly attestationKey: EcSigner;
  /** The id by which the enclave knows its platform, 16 bytes: it begins the header's user data. */
  readonly qeId: Uint8Array;
  readonly #world: World;
  readonly #qeAuthData: Uint8Array;
  readonly #macKey: Uint8Array;
  readonly #prefixes = new Map<string, Uint8Array>();
  readonly #rests = new Map<PckType, Uint8Array>();

  /** @throws {RangeError} for a CPUSVN, PPID or authentication data of the wrong length, or a PCK that is not P-256 */
  constructor(world: World, platform: QuotingPlatform, { release: given = QE_RELEASES.at(-1), qeAuthData = USUAL_QE_AUTH_DATA }: QeOptions = {}) {
    if (!given) throw new RangeError('there is no release of the quoting enclave');
    if (platform.cpuSvn.length !== 16 || platform.ppid.length !== 16) throw new RangeError(`CPUSVN and PPID are 16 bytes each, not ${platform.cpuSvn.length} and ${platform.ppid.length}`);
    if (platform.pckKey.curve !== 'P-256') throw new RangeError(`a PCK is a P-256 key, not ${platform.pckKey.curve}`);
    if (qeAuthData.length > 0xffff) throw new RangeError(`QE authentication data are at most 65535 bytes, not ${qeAuthData.length}`);
    this.#world = world;
    this.platform = platform;
    this.release = given;
    this.#qeAuthData = qeAuthData.slice();
    this.qeId = world.derive(`intel/qe-id/${platform.id}`, 16);
    this.attestationKey = world.ecKey(`intel/attestation-key/${platform.id}/${Buffer.from(platform.cpuSvn).toString('hex')}/${given.isvSvn}`, 'P-256');
    this.#macKey = reportMacKey(world, platform);
  }

  /** The report of the enclave itself, in which it binds its attestation key: SHA-256 over the key and the authentication data. */
  qeReport(): EnclaveReport {
    const { cpuSvn } = this.platform;
    const bound = createHash('sha256').update(this.attestationKey.publicPoint.subarray(1)).update(this.#qeAuthData).digest();
    const reportData = new Uint8Array(64);
    reportData.set(bound);
    const attributes = { init: 1, debug: 0, mode64Bit: 1, reserved3: 0, provisionKey: 1, einitTokenKey: 0, cet: 0, kss: 0, reserved8: 0, aexNotify: 0, reserved11: 0 };
    return { cpuSvn, miscSelect: 0, attributes, xfrm: QE_XFRM, mrEnclave: this.release.mrEnclave, mrSigner: QE_MRSIGNER, isvProdId: TDQE_PROD_ID, isvSvn: this.release.isvSvn, reportData };
  }

  /**
   * A quote over a report.
   * @param report a TDREPORT of this platform, 1024 bytes
   * @throws {FirmwareError} TDQE_ERROR_INVALID_PARAMETER, TDQE_REPORT_FORMAT_NOT_SUPPORTED, TDQE_ERROR_INVALID_REPORT for a MAC of another platform or TCB, TDQE_ERROR_INVALID_HASH
   * @throws {CodecError} when `edit` puts a value where it does not fit
   */
  quote(report: Uint8Array, { version, bodyType, certificationType, edit }: QuoteOptions = {}): Uint8Array {
    this.#check(report);
    const chosen = version ?? quoteVersionOf(report);
    const type = chosen === 5 ? (bodyType ?? BODY_TYPES.td15) : BODY_TYPES.td10;
    const body = bodyOfReport(report, type);
    const pckType = certificationType ?? (this.platform.pckChain === undefined ? 3 : 5);
    if (edit) return this.#editedQuote(edit(this.#parts(chosen, type, body, pckType)));
    const signed = Buffer.concat([this.#prefix(chosen, type), body]);
    return assembleQuote(signed, this.attestationKey.sign(signed), this.#usualRest(pckType));
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
    userData.set(this.qeId);
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

  #editedQuote({ header, bodyType, body, qeReport, qeAuthData, certification }: QuoteParts): Uint8Array {
    const signed = encodeSigned(header, bodyType, body);
    return assembleQuote(signed, this.attestationKey.sign(signed), this.#encodeRest(qeReport, qeAuthData, certification));
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
    const { pckChain, ppid, cpuSvn, pceSvn, pceId, id } = this.platform;
    switch (type) {
      case 4:
      case 5: {
        if (pckChain === undefined) throw qeRefusal('TDQE_ERROR_INVALID_PARAMETER', 'the platform has no PCK certificate');
        // A genuine chain is a C string, and its NUL is part of the data.
        return { kind: 'raw', type, data: Uint8Array.from(Buffer.from(`${type === 4 ? firstCertificate(pckChain) : pckChain}\0`, 'latin1')) };
      }
      case 1:
        return { kind: 'ppid', type, ppid, cpuSvn, pceSvn, pceId };
      case 2:
      case 3:
        return { kind: 'ppid', type, ppid: encryptPpid(type, ppid, this.#world.derive(`intel/ppid-seed/${id}/${type}`, 32)), cpuSvn, pceSvn, pceId };
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
