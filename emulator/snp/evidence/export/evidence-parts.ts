/** What the exports take out of an SNP bundle. */
import type { Bundle } from '../../../bundle.ts';
import { ConfigError } from '../../../errors.ts';
import { pemBlocks } from '../../../pki/read.ts';

/** One guest's evidence in binary; certificates in DER. */
export interface EvidenceParts {
  /** 1184 bytes. */
  readonly report: Uint8Array;
  readonly signer: 'vcek' | 'vlek';
  readonly leaf: Uint8Array;
  /** ASK or ASVK. */
  readonly intermediate: Uint8Array;
  readonly ark: Uint8Array;
  /** The certificate table as an extended guest request returns it. */
  readonly certificateTable: Uint8Array;
}

/** @throws {ConfigError} when the bundle is not of the TEE `snp` or lacks a file @throws {TeemuError} ERR_PKI_PARSE for a file that is no certificate */
export function evidenceParts({ manifest, files }: Bundle): EvidenceParts {
  if (manifest.tee !== 'snp') throw new ConfigError('export', `the bundle holds evidence of ${manifest.tee}, these forms are for snp`);
  const file = (name: string): Uint8Array => {
    const contents = files.get(name);
    if (!contents) throw new ConfigError('export', `the bundle has no ${name}`);
    return contents;
  };
  const certificate = (name: string): Uint8Array => {
    const [der] = pemBlocks(file(name), 'CERTIFICATE', name);
    if (!der) throw new ConfigError('export', `${name} holds no certificate`);
    return der;
  };
  const signer = files.has('vlek.pem') ? 'vlek' : 'vcek';
  return {
    report: file('report.bin'),
    signer,
    leaf: certificate(`${signer}.pem`),
    intermediate: certificate(signer === 'vcek' ? 'ask.pem' : 'asvk.pem'),
    ark: certificate('ark.pem'),
    certificateTable: file('certs.bin'),
  };
}
