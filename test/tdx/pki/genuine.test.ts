/** Intel's certificates and lists byte for byte against the genuine ones: what may differ is keys, their identifiers, signatures, and the test marker in the root. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { issueCertificate } from '../../../emulator/pki/issue.ts';
import { intelCertificateSpec, intelCrlSpec, intelKeyIdentifier } from '../../../emulator/pki/profiles/intel.ts';
import { readCertificate, readCrl } from '../../../emulator/pki/read.ts';
import { issueCrl } from '../../../emulator/pki/revoke.ts';
import { readSgxExtension } from '../../../emulator/pki/sgx-extension.ts';
import { CA_ROLE, IntelAuthority } from '../../../emulator/tdx/authority.ts';
import { pckKey } from '../../../emulator/tdx/platform/id.ts';
import { platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';
import { withoutMarker } from '../../pki/without-marker.ts';
import { describeReal, realSample } from '../../real-samples.ts';

/** Within the lives of the genuine authorities. */
const AT = Date.parse('2026-06-30T12:00:00Z');
const world = (at = AT, seed = 'intel'): World => seededWorld(seed, fixedClock(at));
const intel = (at = AT): IntelAuthority => new IntelAuthority(world(at));
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const SPKI_POINT = 65;

const spkiOf = (der: Uint8Array): Uint8Array => new Uint8Array(new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' }));
/** The signed part in hex, without what depends on keys: points, their identifiers, and whatever else is named. */
function form(tbs: Uint8Array, keys: readonly Uint8Array[], others: readonly string[] = []): string {
  const blank = [...keys.flatMap((spki) => [hex(spki.subarray(-SPKI_POINT)), hex(intelKeyIdentifier(spki))]), ...others];
  return blank.reduce((text, part) => text.replaceAll(part, '#'.repeat(part.length)), hex(tbs));
}
const utc = (at: number): string => hex(Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`));

/** Certificates in a quote, in DER. */
const chainOf = (quote: Uint8Array): Uint8Array[] =>
  [
    ...Buffer.from(quote)
      .toString('latin1')
      .matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END/g),
  ].map(([, text = '']) => new Uint8Array(Buffer.from(text, 'base64')));

describeReal('byte for byte like the genuine', () => {
  test.each([
    ['ROOT', 'tdx/pki/intel-sgx-root.der'],
    ['PLATFORM', 'tdx/pki/pck-platform-ca.der'],
    ['TCB_SIGNING', 'tdx/pki/tcb-signing.der'],
  ] as const)('%s, with its dates, but for the marker', (role, file) => {
    const authority = intel();
    const genuine = realSample(file);
    const { serial } = readCertificate(genuine);
    const made = authority.editedCertificate(role, { edit: (spec) => ({ ...spec, serial }) }).der;
    const bare = role === 'ROOT' ? withoutMarker(made) : made;
    const blank = [hex(serial).replace(/^00/, '')];
    expect(form(readCertificate(bare).tbs, [authority.key('ROOT').spki, authority.key(role).spki], blank)).toBe(
      form(readCertificate(genuine).tbs, [spkiOf(realSample('tdx/pki/intel-sgx-root.der')), spkiOf(genuine)], blank),
    );
  });

  test.each([
    'tdx/v4-spr-e4',
    'tdx/v5-go',
    'tdx/v4-gcp-cos113',
    'tdx/v4-trustee-4',
    'tdx/v5-trustee-5',
    'tdx/v4-trustee-6',
    'tdx/v5-alibaba',
    'tdx/v4-gcp-2026',
    'tdx/v4-dcap-2025',
    'tdx/lunal-live',
    'tdx/v4-dstack',
    'tdx/v4-phala',
    'tdx/v5-azure-outdated',
    'tdx/v4-near',
    'tdx/v4-tinfoil',
  ])('the PCK certificate of %s, for what it vouches for and its dates', (name) => {
    const [leaf = new Uint8Array(0), issuer = new Uint8Array(0)] = chainOf(realSample(`${name}.quote.bin`));
    const { tbs, serial, notBefore, notAfter, extensions } = readCertificate(leaf);
    const sgx = readSgxExtension(extensions[5]?.value ?? new Uint8Array(0));
    expect(hex(sgx.cpuSvn)).toBe(hex(Uint8Array.from(sgx.components)));
    const authority = intel();
    const key = pckKey(authority.world, tdxPlatform(), platformState(tdxPlatform(), AT).tcb);
    const spec = intelCertificateSpec('PCK', CA_ROLE.platform, AT, { spki: key.spki, issuer: authority.key('PLATFORM') }, { ...sgx, serial, issueOffset: 0 });
    const ours = issueCertificate({ ...spec, notBefore, notAfter }, authority.key('PLATFORM'));
    // A platform that asked by version 3 of the API has its URL; the emulated service has version 4 only.
    const version4 = (text: string): string => text.replace(hex(Buffer.from('/v3/pckcrl')), hex(Buffer.from('/v4/pckcrl')));
    expect(form(readCertificate(ours.der).tbs, [key.spki, authority.key('PLATFORM').spki])).toBe(version4(form(tbs, [spkiOf(leaf), spkiOf(issuer)])));
    expect(utc(notAfter).slice(4)).toBe(utc(notBefore).slice(4));
  });

  test.each([
    ['ROOT', 'tdx/v4-tinfoil.rootcacrl.der', 'tdx/pki/intel-sgx-root.der'],
    ['PLATFORM', 'tdx/v4-tinfoil.pckcrl.der', 'tdx/pki/pck-platform-ca.der'],
    ['PLATFORM', 'tdx/v4-phala.pckcrl.der', 'tdx/pki/pck-platform-ca.der'],
  ] as const)('the list of %s in %s, with all that it revokes', (role, file, issuer) => {
    const { tbs, thisUpdate, nextUpdate = 0, revoked } = readCrl(realSample(file));
    const authority = intel();
    const spec = intelCrlSpec(
      role,
      thisUpdate,
      authority.key(role),
      revoked.map(({ serial }) => ({ serial, at: thisUpdate })),
    );
    expect((spec.nextUpdate ?? 0) - spec.thisUpdate).toBe(nextUpdate - thisUpdate);
    const ours = issueCrl({ ...spec, thisUpdate, nextUpdate, revoked: spec.revoked.map((r) => ({ ...r, at: thisUpdate })) }, authority.key(role));
    expect(form(readCrl(ours).tbs, [authority.key(role).spki])).toBe(form(tbs, [spkiOf(realSample(issuer))]));
  });

  test('the list of the Processor CA, whose genuine certificate is not at hand', () => {
    const { tbs, thisUpdate, nextUpdate = 0, extensions } = readCrl(realSample('tdx/collateral/processor.pckcrl.der'));
    const authority = intel();
    const genuineId = hex(extensions[1]?.value.subarray(-20) ?? new Uint8Array(0));
    const ours = issueCrl({ ...intelCrlSpec('PROCESSOR', thisUpdate, authority.key('PROCESSOR'), []), thisUpdate, nextUpdate }, authority.key('PROCESSOR'));
    expect(form(readCrl(ours).tbs, [authority.key('PROCESSOR').spki])).toBe(form(tbs, [], [genuineId]));
  });
});
