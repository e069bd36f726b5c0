/** The table of forms in which other tools read SNP evidence. Each adds files to a bundle. */
import type { ExportForm } from '../../../bundle.ts';
import { ConfigError } from '../../../errors.ts';
import { LINE_TABLE } from '../../platform/products.ts';
import { decodeReport } from '../../report.ts';
import { type EvidenceParts, evidenceParts } from './evidence-parts.ts';
import { attestationMessage } from './go-sev-guest.ts';
import { encodeMessage, messageText } from './protobuf.ts';

/** Every form. */
export const SNP_EXPORTS: readonly ExportForm[] = [
  {
    name: 'go-sev-guest',
    doc: 'attestation.pb and attestation.textproto: sevsnp.Attestation for `check -inform proto|textproto`',
    files: (bundle) => {
      const message = attestationMessage(evidenceParts(bundle));
      return new Map<string, Uint8Array>([
        ['attestation.pb', encodeMessage(message)],
        ['attestation.textproto', Uint8Array.from(Buffer.from(messageText(message)))],
      ]);
    },
  },
  {
    name: 'certs',
    doc: 'extended_report.bin: the report with the certificate table behind it, for `check -inform bin`',
    files: (bundle) => {
      const { report, certificateTable } = evidenceParts(bundle);
      return new Map([['extended_report.bin', Uint8Array.of(...report, ...certificateTable)]]);
    },
  },
  {
    name: 'trustee',
    doc: "trustee/: the folder that Trustee's OfflineStore takes as its path; holds the VCEK by chip and TCB",
    files: (bundle) => trusteeStore(evidenceParts(bundle)),
  },
];

/** Trustee asks for `vcek/{hwid}/bl04_tee00_snp24_ucode219[_fmc01]_vcek.der`, decimal, of the reported TCB (deps/verifier/src/snp/mod.rs). */
function trusteeStore({ report, signer, leaf }: EvidenceParts): ReadonlyMap<string, Uint8Array> {
  if (signer === 'vlek') throw new ConfigError('export', 'trustee: its store holds VCEKs; evidence signed by a VLEK carries the VLEK in its certificate table');
  const { reportedTcb, chipId } = decodeReport(report, 'keep');
  const turin = reportedTcb.fmc !== undefined;
  const hwid = turin ? chipId.subarray(0, LINE_TABLE.Turin.hwidLength) : chipId;
  const level = (component: number | undefined): string => String(component ?? 0).padStart(2, '0');
  const { bootLoader, tee, snp, microcode, fmc } = reportedTcb;
  const tcb = `bl${level(bootLoader)}_tee${level(tee)}_snp${level(snp)}_ucode${level(microcode)}${turin ? `_fmc${level(fmc)}` : ''}`;
  return new Map([[`trustee/vcek/${Buffer.from(hwid).toString('hex')}/${tcb}_vcek.der`, leaf]]);
}
