/** Evidence that only one check refuses, where the other cases of that check are refused by a second one too: so that each is proven alone. */
import { OID } from '../../../emulator/pki/der.ts';
import { basicConstraintsCa } from '../../../emulator/pki/extensions.ts';
import { AMD_OID, added, extension, PKCS1_SHA384, replaced } from '../../edits/certificate.ts';
import { fields } from '../../edits/report.ts';
import type { Files, SnpCase, SnpRejectCase } from '../../model.ts';

const PATH = 'RFC 5280 §6.1';
const THIM = 'Azure THIM, tcbm';
const CACHE = 'what the host’s certificate cache says is compared with the report';
const refused = (id: string, [stage, reason]: readonly [SnpRejectCase['stage'], string], severity: SnpRejectCase['severity'], ref: string, why: string, change: Partial<SnpRejectCase>): SnpRejectCase => ({
  ...{ id, expect: 'must-reject', stage, reason, severity, ref, why },
  ...change,
});

/** What the cache of a host would say with the VCEK. @param write the number that `tcbm` is, from the report's bytes of REPORTED_TCB */
const cached =
  (write: (tcb: Uint8Array) => unknown) =>
  (files: Files): Files => {
    const tcb = (files.get('report.bin') ?? new Uint8Array()).slice(0x180, 0x188).toReversed();
    return new Map([...files, ['thim.json', Uint8Array.from(Buffer.from(JSON.stringify({ vcekCert: '', tcbm: write(tcb), certificateChain: '', cacheControl: '86400' })))]]);
  };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const COMPLETENESS_CASES: readonly SnpCase[] = [
  refused('snp/chain/vcek-of-version-2', ['chain', 'certificate-version'], 'low', 'RFC 5280 §4.1.2.1', 'The VCEK says that it is of version 2, which has no extensions, and has them.', {
    edits: { leaf: (spec) => ({ ...spec, version: 2 }) },
  }),
  refused('snp/chain/ask-of-version-1', ['chain', 'certificate-version'], 'medium', 'RFC 5280 §4.1.2.1', 'The intermediate says that it is of version 1, which knows no authorities, and has extensions.', {
    edits: { intermediate: (spec) => ({ ...spec, version: 1 }) },
  }),
  refused('snp/chain/vcek-other-algorithm-named', ['chain', 'certificate-algorithm'], 'medium', 'RFC 5280 §4.1.1.2', 'The VCEK says that PKCS #1 v1.5 signed it; PSS did.', {
    edits: { leaf: (spec) => ({ ...spec, signatureAlgorithm: PKCS1_SHA384 }) },
  }),
  refused('snp/chain/ask-no-ca-but-a-path-length', ['chain', 'authority-not-ca'], 'high', `${PATH}.4 (k)`, 'The intermediate says how many authorities may stand below it, but not that it is one.', {
    edits: { intermediate: replaced(OID.basicConstraints, (old) => [{ ...old, value: Uint8Array.of(0x30, 3, 2, 1, 0) }]) },
  }),
  refused(
    'snp/chain/vcek-is-an-authority-among-other-extensions',
    ['chain', 'leaf-authority'],
    'high',
    'RFC 5280 §4.2.1.9',
    'The VCEK says that it may sign certificates, to a relying party that accepts more extensions than AMD’s.',
    {
      edits: { leaf: added(basicConstraintsCa()) },
      request: { more: { allowOtherExtensions: true } },
      policy: 'a signing key is no authority, whatever extensions are accepted',
    },
  ),
  refused(
    'snp/chain/vcek-unknown-critical-among-other-extensions',
    ['chain', 'certificate-extension-critical'],
    'high',
    'RFC 5280 §4.2',
    'An extension that nobody knows says that it must be understood, to a relying party that accepts more extensions than AMD’s.',
    {
      edits: { leaf: added({ oid: '1.3.6.1.4.1.3704.1.99', critical: true, value: Uint8Array.of(5, 0) }) },
      request: { more: { allowOtherExtensions: true } },
      policy: 'a critical extension must be understood, whatever others are accepted',
    },
  ),
  refused('snp/revocation/list-of-version-1', ['revocation', 'crl-version'], 'low', 'RFC 5280 §5.1.2.1', 'The list says that it is of version 1, which has no extensions, and has them.', {
    edits: { crl: (spec) => ({ ...spec, version: 1 }) },
  }),
  refused('snp/revocation/list-in-another-name', ['revocation', 'crl-issuer'], 'medium', 'RFC 5280 §6.3.3', 'The root signed a list that is in another authority’s name.', {
    edits: { crl: (spec) => ({ ...spec, issuer: spec.issuer.map(([type, text], i, all) => [type, i === all.length - 1 ? 'SEV-Milan' : text] as const) }) },
  }),
  refused('snp/binding/chip-of-no-id', ['binding', 'chip-id-masked'], 'high', 'AMD 56860 SEV-SNP Firmware ABI, CHIP_ID', 'Report and VCEK agree on a chip whose id is all zero: that names none.', {
    edits: { leaf: extension(AMD_OID.hwid, (value) => new Uint8Array(value.length)), report: fields({ chipId: new Uint8Array(64) }) },
  }),
  refused('snp/tcb/cache-for-another-tcb', ['tcb', 'endorsed-tcb-mismatch'], 'medium', THIM, 'The host’s cache says that its VCEK is for a lower TCB than the report states.', {
    files: cached((tcb) => hex(tcb.with(1, (tcb[1] ?? 0) - 1))),
    policy: CACHE,
  }),
  refused('snp/tcb/cache-without-tcb', ['parse', 'endorsement-malformed'], 'low', THIM, 'The host’s cache gives a number of four bytes where the TCB of its VCEK should be.', {
    files: cached((tcb) => hex(tcb.subarray(4))),
    policy: CACHE,
  }),
  refused('snp/tcb/cache-reserved-set', ['parse', 'endorsement-malformed'], 'low', THIM, 'A byte that no component has is set in the TCB of the host’s cache.', {
    files: cached((tcb) => hex(tcb.with(3, 1))),
    policy: CACHE,
  }),
  {
    id: 'snp/ok/cache-for-the-tcb',
    expect: 'must-accept',
    severity: 'medium',
    ref: THIM,
    why: 'The host’s cache says that its VCEK is for the TCB that the report states.',
    files: cached(hex),
  },
];
