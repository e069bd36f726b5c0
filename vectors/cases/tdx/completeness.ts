/** Evidence that only one check refuses, where the other cases of that check are refused by a second one too: so that each is proven alone. */
import { ecdsaWith, OID } from '../../../emulator/pki/der.ts';
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { IntelCollateral } from '../../../emulator/tdx/collateral/collateral.ts';
import { TD_REPORT_10 } from '../../../emulator/tdx/module/tdreport.ts';
import { fmspcOf } from '../../../emulator/tdx/platform/platform.ts';
import { rewritten, without } from '../../edits/files.ts';
import { certificate, extensionChanged, list, qeIdentity } from '../../edits/intel.ts';
import { chainText, overwritten } from '../../edits/quote.ts';
import { refused, type TdxCase, type TdxChange } from '../../tdx/case.ts';

const PCK = 'Intel SGX PCK Certificate and CRL Profile Specification';
const RFC = 'RFC 5280';
const QVL = 'Intel DCAP Quote Verification Library';
const MODULES = 'Phala-Network/dcap-qvl#124';
const TD_REPORT = 'tdreport.bin';
const HASH = TD_REPORT_10.locate('reportMac.teeTcbInfoHash');
/** The last certificate of a chain in PEM, and the zero byte that ends the text. */
const LAST = /(-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?)(?=\0?$)/;
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'latin1'));

/** Everything that Intel signs of TCBs, and the list of who may, from another world whose root is trusted too. */
const foreignDocuments: NonNullable<TdxChange['files']> = (files, { stranger, platform }) => {
  const authority = intelAuthorityOf(stranger());
  const collateral = new IntelCollateral(authority);
  const chain = text(authority.tcbSigningChain());
  const other: Readonly<Record<string, Uint8Array>> = {
    'collateral/tcb_info.json': text(collateral.tcbInfo('tdx', fmspcOf(platform), 'standard').body),
    'collateral/qe_identity.json': text(collateral.identity('TD_QE', 'standard').body),
    'collateral/tcb_info_issuer_chain.pem': chain,
    'collateral/qe_identity_issuer_chain.pem': chain,
    'collateral/root_ca_crl.der': authority.crl('ROOT'),
  };
  return new Map([...files].map(([name, contents]) => [name, other[name] ?? contents] as const));
};

export const COMPLETENESS_CASES: readonly TdxCase[] = [
  refused('tdx/chain/pck-of-version-2', ['chain', 'certificate-version'], 'low', `${RFC} §4.1.2.1`, 'The PCK certificate says that it is of version 2, which has no extensions, and has them.', {
    edits: certificate('pck', (spec) => ({ ...spec, version: 2 })),
  }),
  refused(
    'tdx/chain/intermediate-of-version-1',
    ['chain', 'certificate-version'],
    'medium',
    `${RFC} §4.1.2.1`,
    'The authority above the PCK says that it is of version 1, which knows no authorities, and has extensions.',
    {
      edits: certificate('intermediate', (spec) => ({ ...spec, version: 1 })),
    },
  ),
  refused('tdx/chain/pck-other-algorithm-named', ['chain', 'certificate-algorithm'], 'medium', `${RFC} §4.1.1.2`, 'The PCK certificate names SHA-384 as its hash, where Intel signs with SHA-256, as it did.', {
    edits: certificate('pck', (spec) => ({ ...spec, signatureAlgorithm: ecdsaWith('P-384') })),
  }),
  refused(
    'tdx/chain/intermediate-constraints-unreadable',
    ['chain', 'certificate-extension-malformed'],
    'medium',
    `${RFC} §4.2.1.9`,
    'What says that the key above the PCK is an authority is a BOOLEAN of neither value.',
    {
      edits: certificate(
        'intermediate',
        extensionChanged(OID.basicConstraints, (old) => ({ ...old, value: Uint8Array.of(0x30, 3, 1, 1, 1) })),
      ),
    },
  ),
  refused(
    'tdx/chain/intermediate-no-ca-but-a-path-length',
    ['chain', 'authority-not-ca'],
    'high',
    `${RFC} §6.1.4 (k)`,
    'The certificate above the PCK says how many authorities may stand below it, but not that it is one.',
    {
      edits: certificate(
        'intermediate',
        extensionChanged(OID.basicConstraints, (old) => ({ ...old, value: Uint8Array.of(0x30, 3, 2, 1, 0) })),
      ),
    },
  ),
  refused('tdx/chain/intermediate-without-list', ['chain', 'certificate-extension-missing'], 'low', PCK, 'The authority above the PCK does not say where the list is that it would stand on.', {
    edits: certificate(
      'intermediate',
      extensionChanged(OID.crlDistributionPoints, () => undefined),
    ),
  }),
  refused('tdx/chain/pck-other-key-named', ['chain', 'certificate-key-identifier'], 'medium', `${RFC} §4.2.1.1`, 'The PCK certificate names another key above it than the one that signed it.', {
    edits: certificate(
      'pck',
      extensionChanged(OID.authorityKeyIdentifier, (old) => ({ ...old, value: Uint8Array.of(...old.value.subarray(0, 4), ...new Uint8Array(20).fill(7)) })),
    ),
  }),
  refused('tdx/chain/root-twice', ['chain', 'certificate-chain-length'], 'low', PCK, 'The chain in the quote has the root twice.', { edits: chainText((pem) => pem.replace(LAST, '$1$1')) }),
  refused('tdx/chain/other-tcb-named', ['chain', 'pck-platform-mismatch'], 'high', PCK, 'The quote names a TCB of its platform for which the PCK certificate is not.', {
    options: { certificationType: 1 },
    // Behind the platform's id, 16 bytes, is the CPUSVN.
    after: overwritten(({ chain }) => chain + 16, [0xee]),
  }),
  refused('tdx/chain/documents-under-another-root', ['chain', 'root-mixed'], 'high', `${QVL} 4.1.2`, 'Two roots are trusted: the PCK hangs on one, and what Intel says of its TCB and whom it has revoked on the other.', {
    files: foreignDocuments,
    trusted: 'both',
  }),
  refused('tdx/revocation/root-list-of-version-1', ['revocation', 'crl-version'], 'low', `${RFC} §5.1.2.1`, 'The root’s list says that it is of version 1, which has no extensions, and has them.', {
    edits: list('rootCaCrl', (spec) => ({ ...spec, version: 1 })),
  }),
  refused('tdx/tcb/enclave-debug-outside-the-mask', ['tcb', 'qe-debug'], 'critical', `${QVL} 4.1.2.9.6`, 'The quoting enclave may be debugged, and its identity does not look at that bit.', {
    base: qeIdentity((identity) => ({ ...identity, attributesMask: `F9${identity.attributesMask.slice(2)}` })),
    options: { set: ['qeReport.attributes.debug=1'] },
    goodOptions: {},
  }),
  refused('tdx/tcb/module-of-another-signer-alone', ['tcb', 'module-signer'], 'high', `${QVL} 4.1.2.5.12.1`, 'Somebody else than Intel signed the TDX module, and there is no TDREPORT to compare with.', {
    options: { set: ['mrSignerSeam=01*'] },
    goodOptions: {},
    files: without(TD_REPORT),
  }),
  refused('tdx/tcb/module-attributes-alone', ['tcb', 'module-attributes'], 'high', MODULES, 'The TDX module has an attribute that Intel’s never has, and there is no TDREPORT to compare with.', {
    options: { set: ['seamAttributes=1'] },
    goodOptions: {},
    files: without(TD_REPORT),
  }),
  refused('tdx/tcb/second-module-older-alone', ['tcb', 'module-rolled-back'], 'high', 'Intel TDX Module ABI', 'The TD runs under an older module than it was started under, and there is no TDREPORT to compare with.', {
    options: { quoteVersion: 5, set: [`teeTcbSvn2=0801${'04'.padEnd(28, '0')}`] },
    goodOptions: { quoteVersion: 5 },
    request: { tcbStatuses: ['UpToDate', 'TDRelaunchAdvised', 'OutOfDate'] },
    files: without(TD_REPORT),
  }),
  refused(
    'tdx/binding/td-report-hash-changed',
    ['binding', 'td-report-hashes'],
    'medium',
    'Intel TDX Module ABI',
    'The TDREPORT beside the quote says what the quote says, but its hash of the module’s part is another.',
    {
      files: rewritten(TD_REPORT, (report) => report.with(HASH.at, (report[HASH.at] ?? 0) ^ 1)),
    },
  ),
];
