/** Every root that a world can make says in words that it is a test root, whichever vendor's it stands for. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import { TEST_MARKER } from '../../emulator/pki/issue.ts';
import { TlsAuthority } from '../../emulator/services/proxy/tls-authority.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { LINES } from '../../emulator/snp/products.ts';
import { IntelAuthority } from '../../emulator/tdx/authority.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { isNode, nodes, type Source, sources } from '../structure/source.ts';

const clock = fixedClock(Date.UTC(2026, 0, 2));
const world = seededWorld('x', clock);
/** Each file that issues certificates, with the roots it makes. */
const ROOTS: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
  'emulator/snp/authority.ts': Object.fromEntries(LINES.map((line) => [`ARK-${line}`, new AmdAuthority(world, line).certificate('ARK').der])),
  'emulator/tdx/authority.ts': { 'Intel SGX Root CA': new IntelAuthority(world).certificate('ROOT').der },
  'emulator/services/proxy/tls-authority.ts': { 'the proxy': new TlsAuthority(world, ['kdsintf.amd.com'], clock).root.der },
};
const roots = Object.values(ROOTS).flatMap((made) => Object.entries(made));

const calls = (source: Source, name: string): boolean => [...nodes(source.ast)].some((node) => isNode(node, 'CallExpression') && isNode(node.callee, 'Identifier') && node.callee.name === name);

describe('the roots of a world', () => {
  test('are looked at wherever certificates are issued', () => {
    const issuers = sources('emulator', 'vectors', 'harness').filter((source) => calls(source, 'issueCertificate'));
    expect(issuers.map(({ path }) => path).sort()).toEqual(Object.keys(ROOTS).sort());
  });

  test.each(roots)('%s signs itself, so it is one', (_, der) => {
    const root = new X509Certificate(der);
    expect(root.subject).toBe(root.issuer);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  test.each(roots)('%s carries the marker, not critical', (_, der) => {
    const comment = AsnConvert.parse(Buffer.from(der), Certificate).tbsCertificate.extensions?.find((e) => e.extnID === '2.16.840.1.113730.1.13');
    expect(comment?.critical).toBe(false);
    expect(
      Buffer.from(comment?.extnValue.buffer ?? new ArrayBuffer(0))
        .subarray(2)
        .toString('ascii'),
    ).toBe(TEST_MARKER);
  });
});
