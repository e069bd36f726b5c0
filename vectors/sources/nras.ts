/** The cases of tokens of NVIDIA's attestation service: each as its answer and its key set. */
import { type Bundle, makeBundle } from '../../emulator/bundle.ts';
import type { DeviceFindings } from '../../emulator/h100/eat/findings.ts';
import { nvidiaAuthorityOf, type NrasKey } from '../../emulator/h100/pki/authority.ts';
import type { DeviceAppraisal } from '../../emulator/services/nvidia/nras/appraise.ts';
import { type DetachedEat, detachedEat } from '../../emulator/services/nvidia/nras/tokens.ts';
import { caseWorld, type Setting, SharedWorld } from '../case-world.ts';
import { NRAS_CASES } from '../cases/nras.ts';
import type { Jwk, NrasAnswer, NrasCase, NrasChange, NrasMaker } from '../cases/nras/row.ts';
import { caseInfo } from '../model.ts';
import type { BuiltCase, CaseSource, Subject } from '../subject.ts';

const TEE = 'nras';
const ISSUER = 'https://nras.attestation.nvidia.com';
const NONCE = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => 0xa0 ^ (3 * i))).toString('hex');
const YEAR = 365 * 86_400_000;
/** Serial number of the first device's leaf; each next one is one more. */
const FIRST_SERIAL = 0x1234;
const MOST_MAKERS = 4;
const rows = new Map(NRAS_CASES.map((row) => [row.id, row]));

/** The corpus of tokens of NVIDIA's attestation service. */
export const NRAS_SOURCE: CaseSource = {
  tee: TEE,
  cases: NRAS_CASES.map((row) => caseInfo(TEE, row)),
  build: (id, setting) => {
    const row = rows.get(id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return builtOf(row, setting);
  },
};

function builtOf(row: NrasCase, setting: Setting): BuiltCase {
  const { answer = {}, goodAnswer, later = 0, trusted, request = {}, faults = [] } = row;
  const maker = makerOf(setting);
  const { authority, foreign, at } = maker;
  const twin = bundleOf(maker, goodAnswer ?? (row.expect === 'must-accept' ? {} : answer), {});
  const bundle = bundleOf(maker, answer, row);
  const roots = (from: typeof authority): Subject['roots'] => new Map([['nras_root.pem', utf8(from.root('nras').pem)]]);
  const asked = { nonce: NONCE, ...request };
  return {
    info: caseInfo(TEE, row),
    subject: { bundle, roots: roots(trusted === 'foreign' ? foreign : authority), now: at + later, request: asked, services: faults.length > 0 ? { faults } : {} },
    twin: { bundle: twin, roots: roots(authority), now: at, request: asked, services: {} },
  };
}

/** Makers, by their setting. */
const makers = new Map<string, NrasMaker & { readonly world: SharedWorld }>();

function makerOf({ seed, at }: Setting): NrasMaker & { readonly world: SharedWorld } {
  const name = `${at}/${seed}`;
  const known = makers.get(name);
  if (known) return known;
  const world = new SharedWorld({ seed, at });
  const authority = nvidiaAuthorityOf(world);
  const maker = {
    world,
    authority,
    key: authority.nras(),
    foreign: nvidiaAuthorityOf(caseWorld({ seed: `${seed}/stranger`, at })),
    stranger: world.ecKey('vectors/stranger', 'P-384'),
    at: Math.floor(at / 1000) * 1000,
  };
  if (makers.size >= MOST_MAKERS) makers.clear();
  makers.set(name, maker);
  return maker;
}

const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));
const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

function bundleOf(maker: NrasMaker & { readonly world: SharedWorld }, answer: NrasAnswer, change: NrasChange): Bundle {
  const { world, authority, key, at } = maker;
  const { edits = {}, eat = (whole: DetachedEat) => whole, keys = (list: readonly Jwk[]) => list, token = (src: Uint8Array) => src, jwks = (src: Uint8Array) => src } = change;
  const { version = '3.0', device = 'gpu' } = answer;
  world.restart();
  const made = detachedEat({ world, device, version, issuer: ISSUER, nonce: NONCE, appraisals: appraisalsOf(answer, at), key }, typeof edits === 'function' ? edits(maker) : edits) as DetachedEat;
  return makeBundle(
    { tee: TEE, verifyAt: Math.floor(at / 1000), services: {}, nonce: NONCE, issuer: ISSUER },
    new Map([
      ['token.json', token(json(eat(made, maker)))],
      ['jwks.json', jwks(json({ keys: keys(authority.nrasKeys().map(jwkOf), maker) }))],
      ['nras_root.pem', utf8(authority.root('nras').pem)],
    ]),
  );
}

/** A key as the service publishes it. */
function jwkOf({ kid, signer, chain }: NrasKey): Jwk {
  const { x, y } = signer.publicKey.export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-384', kid, x5c: chain.map(({ der }) => Buffer.from(der).toString('base64')), x, y };
}

function appraisalsOf({ device = 'gpu', count = 1, findings = {}, failure }: NrasAnswer, at: number): readonly DeviceAppraisal[] {
  const found = typeof findings === 'function' ? findings(at) : findings;
  return Array.from({ length: count }, (_, i): DeviceAppraisal => {
    if (failure) return { accepted: false, reason: failure, failure };
    const all: DeviceFindings = { ...findingsOf(device, i, at), ...found };
    return all.measurementsMatch ? { accepted: true, findings: all } : { accepted: false, reason: 'measurement-mismatch', findings: all };
  });
}

/** What the service finds of a good device. */
function findingsOf(device: 'gpu' | 'switch', index: number, at: number): DeviceFindings {
  const chain = { status: 'valid', ocsp: 'good', expires: at + YEAR } as const;
  const rim = { fetched: true, schemaValidated: true, signatureVerified: true, versionMatch: true, measurementsAvailable: true, chain };
  const serial = FIRST_SERIAL + index;
  const shared = { serial: Uint8Array.of(serial >> 8, serial & 0xff), archMatch: true, fwidMatch: true, chain, vbiosRim: rim, indexNoConflict: true, measurementsMatch: true, secureBoot: true, debug: false };
  if (device === 'switch') return { ...shared, hardwareModel: 'LS_10 A01 FSP BROM', vbiosVersion: '96.10.55.00.01' };
  return { ...shared, hardwareModel: 'GH100 A01 GSP BROM', driverVersion: '550.90.07', vbiosVersion: '96.00.9F.00.01', firmwareManufacturerId: '5703', driverRim: rim };
}
