/** Forms in which other tools read TDX evidence, made of the files of a bundle. */
import type { Bundle, ExportForm } from '../../bundle.ts';
import { ConfigError, TeemuError } from '../../errors.ts';
import type { QuoteCollateralV3 } from '../collateral/export.ts';
import { chainText } from '../quote/certification.ts';
import { decodeQuote } from '../quote/quote.ts';

/** Every form. */
export const TDX_EXPORTS: readonly ExportForm[] = [
  {
    name: 'dcap-qvl',
    doc: 'quote_collateral.json: the QuoteCollateralV3 that dcap-qvl takes beside the quote',
    files: (bundle) => new Map([['quote_collateral.json', bytes(`${JSON.stringify(quoteCollateral(bundle), undefined, 2)}\n`)]]),
  },
  {
    name: 'intel-qvl',
    doc: "intel-qvl/: the files that the sample application of Intel's Quote Verification Library looks for in its folder",
    files: (bundle) => {
      const chain = certificates(pckChain(bundle));
      return new Map([
        ['intel-qvl/trustedRootCaCert.pem', file(bundle, 'root_ca.pem')],
        ['intel-qvl/pckSignChain.pem', bytes(chain.slice(1).toReversed().join(''))],
        ['intel-qvl/pckCert.pem', bytes(chain[0] ?? '')],
        ['intel-qvl/tcbSignChain.pem', file(bundle, 'collateral/tcb_info_issuer_chain.pem')],
        ['intel-qvl/tcbInfo.json', file(bundle, 'collateral/tcb_info.json')],
        ['intel-qvl/qeIdentity.json', file(bundle, 'collateral/qe_identity.json')],
        ['intel-qvl/rootCaCrl.der', file(bundle, 'collateral/root_ca_crl.der')],
        ['intel-qvl/intermediateCaCrl.der', file(bundle, 'collateral/pck_crl.der')],
        ['intel-qvl/quote.dat', file(bundle, 'quote.bin')],
      ]);
    },
  },
];

const bytes = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));

function file({ files }: Bundle, name: string): Uint8Array {
  const contents = files.get(name);
  if (!contents) throw new ConfigError('export', `the bundle has no ${name}`);
  return contents;
}

const text = (bundle: Bundle, name: string): string => Buffer.from(file(bundle, name)).toString('utf8');
const certificates = (pem: string): string[] => pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g) ?? [];

/** PCK certificate, its issuer and the root: from the quote, or from beside it where the quote does not carry them. @throws {ConfigError} */
function pckChain(bundle: Bundle): string {
  if (bundle.files.has('collateral/pck_chain.pem')) return text(bundle, 'collateral/pck_chain.pem');
  try {
    return chainText(decodeQuote(file(bundle, 'quote.bin'), { reserved: 'keep' }).certification) ?? '';
  } catch (cause) {
    throw cause instanceof TeemuError ? new ConfigError('export', `the quote can't be read: ${cause.message}`, { cause }) : cause;
  }
}

/**
 * What a bundle's collateral is in the form that dcap-qvl reads: the signed texts exactly as they are, without what is around them.
 * @throws {ConfigError} for a bundle without collateral, or whose documents are not as they are served
 */
export function quoteCollateral(bundle: Bundle): QuoteCollateralV3 {
  const hex = (name: string): string => Buffer.from(file(bundle, name)).toString('hex');
  const tcbInfo = signedText(bundle, 'collateral/tcb_info.json', 'tcbInfo');
  const qeIdentity = signedText(bundle, 'collateral/qe_identity.json', 'enclaveIdentity');
  return {
    pck_crl_issuer_chain: text(bundle, 'collateral/pck_crl_issuer_chain.pem'),
    root_ca_crl: hex('collateral/root_ca_crl.der'),
    pck_crl: hex('collateral/pck_crl.der'),
    tcb_info_issuer_chain: text(bundle, 'collateral/tcb_info_issuer_chain.pem'),
    tcb_info: tcbInfo.text,
    tcb_info_signature: tcbInfo.signature,
    qe_identity_issuer_chain: text(bundle, 'collateral/qe_identity_issuer_chain.pem'),
    qe_identity: qeIdentity.text,
    qe_identity_signature: qeIdentity.signature,
    ...(bundle.files.has('collateral/pck_chain.pem') ? { pck_certificate_chain: text(bundle, 'collateral/pck_chain.pem') } : {}),
  };
}

/** Cut out, not parsed and written again: the signature is over these very bytes. */
function signedText(bundle: Bundle, name: string, member: string): { readonly text: string; readonly signature: string } {
  const found = new RegExp(`^\\s*\\{\\s*"${member}"\\s*:\\s*(\\{.*\\})\\s*,\\s*"signature"\\s*:\\s*"([0-9a-fA-F]*)"\\s*\\}\\s*$`, 's').exec(text(bundle, name));
  if (!found) throw new ConfigError('export', `${name} is not ${member} with its signature behind it`);
  return { text: found[1] ?? '', signature: found[2] ?? '' };
}
