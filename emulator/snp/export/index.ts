/** The table of forms in which other tools read SNP evidence. Each adds files to a bundle. */
import { type Bundle, withFiles } from '../../bundle.ts';
import { ConfigError } from '../../errors.ts';
import { LINE_TABLE } from '../products.ts';
import { decodeReport } from '../report.ts';
import { type EvidenceParts, evidenceParts } from './evidence-parts.ts';
import { attestationMessage } from './go-sev-guest.ts';
import { encodeMessage, messageText } from './protobuf.ts';

/** One form: what it adds, by file name. */
export interface ExportForm {
  /** The TEE whose evidence it holds. */
  readonly tee: string;
  readonly name: string;
  readonly doc: string;
  readonly files: (parts: EvidenceParts) => ReadonlyMap<string, Uint8Array>;
}

const FORMS: readonly ExportForm[] = [
  {
    tee: 'snp',
    name: 'go-sev-guest',
    doc: 'attestation.pb and attestation.textproto: sevsnp.Attestation for `check -inform proto|textproto`',
    files: (parts) => {
      const message = attestationMessage(parts);
      return new Map<string, Uint8Array>([
        ['attestation.pb', encodeMessage(message)],
        ['attestation.textproto', Uint8Array.from(Buffer.from(messageText(message)))],
      ]);
    },
  },
  {
    tee: 'snp',
    name: 'certs',
    doc: 'extended_report.bin: the report with the certificate table behind it, for `check -inform bin`',
    files: ({ report, certificateTable }) => new Map([['extended_report.bin', Uint8Array.of(...report, ...certificateTable)]]),
  },
  {
    tee: 'snp',
    name: 'trustee',
    doc: "trustee/: the folder that Trustee's OfflineStore takes as its path; holds the VCEK by chip and TCB",
    files: trusteeStore,
  },
];

/** Form → what it adds. */
export const EXPORT_FORMS: ReadonlyMap<string, ExportForm> = new Map(FORMS.map((form) => [form.name, form]));

/**
 * A bundle with the files of a form added.
 * @throws {ConfigError} for a name of no form, or evidence that the form can't hold
 */
export function exportBundle(bundle: Bundle, formName: string): Bundle {
  const form = EXPORT_FORMS.get(formName);
  if (!form) throw new ConfigError('export', `'${formName}' is none of ${[...EXPORT_FORMS.keys()].join(', ')}`);
  return withFiles(bundle, form.files(evidenceParts(bundle)));
}

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
