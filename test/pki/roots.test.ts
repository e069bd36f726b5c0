/** Every root that a world can make says in words that it is a test root, whichever vendor's it stands for. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import { NvidiaAuthority } from '../../emulator/h100/pki/authority.ts';
import { type CertificateSpec, TEST_MARKER } from '../../emulator/pki/issue.ts';
import { TlsAuthority } from '../../emulator/services/proxy/tls-authority.ts';
import { publicIdentity } from '../../emulator/link/spdm/requester/identity.ts';
import { standaloneIdentity } from '../../emulator/link/spdm/responder/identity.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { LINES } from '../../emulator/snp/platform/products.ts';
import { IntelAuthority } from '../../emulator/tdx/authority.ts';
import { secureBootVariables } from '../../emulator/tdx/boot/secure-boot.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { isNode, nodes, type Source, sources } from '../structure/source.ts';

/** Netscape Comment. */
const MARKER = '2.16.840.1.113730.1.13';
/** Where the certificate begins in an EFI_SIGNATURE_LIST of one: after a header of 28 bytes and its owner's GUID (UEFI 2.10 §32.4.1). */
const CERTIFICATE_IN_LIST = 28 + 16;
const clock = fixedClock(Date.UTC(2026, 0, 2));
const world = seededWorld('x', clock);
/** Each file that issues certificates, with the roots it makes. */
const ROOTS: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
  'emulator/h100/pki/authority.ts': Object.fromEntries((['device', 'rim', 'nras'] as const).map((which) => [`NVIDIA, ${which}`, new NvidiaAuthority(world).root(which).der])),
  'emulator/link/spdm/requester/identity.ts': { 'an SPDM requester': publicIdentity(world).certificates[0] ?? new Uint8Array() },
  'emulator/link/spdm/responder/identity.ts': { 'an SPDM responder': standaloneIdentity(world).slots.get(0)?.certificates[0] ?? new Uint8Array() },
  'emulator/snp/authority.ts': Object.fromEntries(LINES.map((line) => [`ARK-${line}`, new AmdAuthority(world, line).certificate('ARK').der])),
  'emulator/tdx/authority.ts': { 'Intel SGX Root CA': new IntelAuthority(world).certificate('ROOT').der },
  'emulator/tdx/boot/secure-boot.ts': Object.fromEntries(secureBootVariables(world, true).flatMap(({ name, contents }) => (['PK', 'KEK', 'db'].includes(name) ? [[name, contents.subarray(CERTIFICATE_IN_LIST)]] : []))),
  'emulator/services/proxy/tls-authority.ts': { 'the proxy': new TlsAuthority(world, ['kdsintf.amd.com'], clock).root.der },
};
/** Files that only issue again, with a change, what an authority has issued: what comes of it is in cases, and never without the marker where it signs itself. */
const EDITORS = ['vectors/cases/h100/chain.ts', 'vectors/cases/nras/header.ts', 'vectors/edits/certificate.ts'];
const roots = Object.values(ROOTS).flatMap((made) => Object.entries(made));

const calls = (source: Source, name: string): boolean => [...nodes(source.ast)].some((node) => isNode(node, 'CallExpression') && isNode(node.callee, 'Identifier') && node.callee.name === name);

describe('the roots of a world', () => {
  test('are looked at wherever certificates are issued', () => {
    const issuers = sources('emulator', 'vectors', 'harness').filter((source) => calls(source, 'issueCertificate'));
    expect(issuers.map(({ path }) => path).sort()).toEqual([...Object.keys(ROOTS), ...EDITORS].sort());
  });

  test.each(roots)('%s signs itself, so it is one', (_, der) => {
    const root = new X509Certificate(der);
    expect(root.subject).toBe(root.issuer);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  test('are refused without the marker, whoever edits them, and whatever they are called', () => {
    const without = (spec: CertificateSpec): CertificateSpec => ({ ...spec, extensions: spec.extensions.filter(({ oid }) => oid !== MARKER) });
    const other = (spec: CertificateSpec): CertificateSpec => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === MARKER ? { ...e, value: Uint8Array.of(0x16, 1, 0x78) } : e)) });
    const ark = new AmdAuthority(world, 'Milan');
    const refusal = expect.objectContaining({ code: 'ERR_KEY_NOT_TEST' }) as Error;
    expect(() => snpEvidence(world, {}, { ark: without })).toThrow(refusal);
    expect(() => snpEvidence(world, {}, { ark: other })).toThrow(refusal);
    expect(() => ark.editedCertificate('ASK', (spec) => ({ ...spec, spki: ark.key('ARK').spki }))).toThrow(refusal);
    // The good twins: the same ways, with the marker kept, and a certificate that is no root.
    expect(() => snpEvidence(world, {}, { ark: (spec) => ({ ...spec, notAfter: spec.notAfter + 1000 }) })).not.toThrow();
    expect(() => ark.editedCertificate('ASK', without)).not.toThrow();
  });

  test.each(roots)('%s carries the marker, not critical', (_, der) => {
    const comment = AsnConvert.parse(Buffer.from(der), Certificate).tbsCertificate.extensions?.find((e) => e.extnID === MARKER);
    expect(comment?.critical).toBe(false);
    expect(
      Buffer.from(comment?.extnValue.buffer ?? new ArrayBuffer(0))
        .subarray(2)
        .toString('ascii'),
    ).toBe(TEST_MARKER);
  });
});
