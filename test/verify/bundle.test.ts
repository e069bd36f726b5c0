/** Verifying bundles: which file is what, where the root comes from, and what is not even read as evidence. */
import { describe, expect, test } from 'vitest';
import { type Bundle, makeBundle, withFiles } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import { pem } from '../../emulator/pki/der.ts';
import { VERIFIERS, verifierOf, verifyBundle } from '../../harness/verify/index.ts';
import { AUTHORITIES, evidence, goodReport, type Machine, MILAN, NOW } from './snp-evidence.ts';

const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s, 'utf8'));
const { Milan, Genoa } = AUTHORITIES;
const ARK = Milan.certificate('ARK');

function bundleOf(machine: Machine = MILAN): Bundle {
  const { report, crl, endorsedTcb: _, ...certificates } = evidence(machine, { crl: (spec) => spec });
  const files = new Map([['report.bin', report], ...Object.entries(certificates).map(([name, der]): [string, Uint8Array] => [`${name}.pem`, text(pem('CERTIFICATE', der))])]);
  if (crl) files.set('crl.der', crl);
  return makeBundle({ tee: 'snp', verifyAt: NOW / 1000, services: {} }, files);
}

function without(name: string, { manifest, files }: Bundle = bundleOf()): Bundle {
  return { manifest, files: new Map([...files].filter(([key]) => key !== name)) };
}

describe('a bundle', () => {
  test.each([
    ['VCEK', MILAN],
    ['VLEK', { ...MILAN, signer: 'vlek' }],
  ] as const)('with a %s is accepted at its own time, and says that the root is its own', (_, machine) => {
    expect(verifyBundle(bundleOf(machine))).toMatchObject({ accepted: true, tee: 'snp', rootSource: 'bundle', now: NOW, facts: { revocationChecked: true } });
  });
  test.each([
    ['DER', ARK.der],
    ['PEM', ARK.pem],
    ['PEM in bytes', text(ARK.pem)],
    ['several in one PEM', Genoa.certificate('ARK').pem + ARK.pem],
  ])('is verified with a given root, as %s', (_, root) => {
    expect(verifyBundle(bundleOf(), { roots: [root] })).toMatchObject({ accepted: true, rootSource: 'given' });
  });
  test('is refused under a root that is not its own, though it agrees with itself', () => {
    expect(verifyBundle(bundleOf(), { roots: [Genoa.certificate('ARK').der] })).toMatchObject({ accepted: false, reason: 'root-untrusted', rootSource: 'given' });
  });
  test('needs no root of its own under a given one', () => {
    expect(verifyBundle(without('ark.pem'), { roots: [ARK.der] })).toMatchObject({ accepted: true });
  });
  test('is held against what the relying party expects, at the time that it says', () => {
    expect(verifyBundle(bundleOf(), { reportData: goodReport(MILAN).reportData, measurement: goodReport(MILAN).measurement })).toMatchObject({ accepted: true });
    expect(verifyBundle(bundleOf(), { measurement: new Uint8Array(48) })).toMatchObject({ accepted: false, reason: 'measurement-mismatch' });
    expect(verifyBundle(bundleOf(), { now: NOW + 400 * 86_400_000 })).toMatchObject({ accepted: false, reason: 'crl-stale', now: NOW + 400 * 86_400_000 });
  });
  test.each([
    ['report.bin', 'evidence-incomplete'],
    ['vcek.pem', 'evidence-incomplete'],
    ['ask.pem', 'evidence-incomplete'],
    ['ark.pem', 'evidence-incomplete'],
  ])('without %s is refused', (name, reason) => {
    expect(verifyBundle(without(name))).toMatchObject({ accepted: false, stage: 'parse', reason });
  });
  test('without a list is accepted, unless one is required', () => {
    expect(verifyBundle(without('crl.der'))).toMatchObject({ accepted: true, facts: { revocationChecked: false } });
    expect(verifyBundle(without('crl.der'), { requireCrl: true })).toMatchObject({ accepted: false, reason: 'crl-missing' });
  });
  test.each([
    ['vcek.pem', text(ARK.pem + ARK.pem)],
    ['vcek.pem', new Uint8Array()],
    ['ask.pem', text(`${Milan.certificate('ASK').pem}trailing`)],
    ['ark.pem', text('-----BEGIN')],
    ['ark.pem', Milan.certificate('ASK').der],
    ['ark.pem', text(Milan.certificate('ASK').pem)],
  ])('with something else in %s is refused', (name, contents) => {
    expect(verifyBundle(withFiles(bundleOf(), new Map([[name, contents]])))).toMatchObject({ accepted: false, stage: 'parse', reason: 'certificate-malformed' });
  });
  describe("with what the host's cache says of the VCEK", () => {
    const cached = (contents: string): Bundle => withFiles(bundleOf(), new Map([['thim.json', text(contents)]]));
    const { bootLoader, tee, snp, microcode } = goodReport(MILAN).reportedTcb;
    const level = (n: number): string => n.toString(16).padStart(2, '0');
    const tcbm = (snpLevel: number): string => `${level(microcode)}${level(snpLevel)}00000000${level(tee)}${level(bootLoader)}`;
    test.each([
      ['the reported TCB is accepted', JSON.stringify({ tcbm: tcbm(snp), cacheControl: '86400' }), 'accepted'],
      ['the same in capitals is accepted', JSON.stringify({ tcbm: tcbm(snp).toUpperCase() }), 'accepted'],
      ['another TCB is refused', JSON.stringify({ tcbm: tcbm(snp - 1) }), 'endorsed-tcb-mismatch'],
      ['a TCB of another form is refused', JSON.stringify({ tcbm: tcbm(snp).replace('00000000', '00000100') }), 'endorsement-malformed'],
      ['a TCB that is too short is refused', JSON.stringify({ tcbm: tcbm(snp).slice(2) }), 'endorsement-malformed'],
      ['no TCB is refused', '{"vcekCert":""}', 'endorsement-malformed'],
      ['a number is refused', '{"tcbm":1}', 'endorsement-malformed'],
      ['null is refused', 'null', 'endorsement-malformed'],
      ['no JSON is refused', '<html>', 'endorsement-malformed'],
      ['64 KiB and more are refused', JSON.stringify({ tcbm: tcbm(snp), more: 'x'.repeat(1 << 16) }), 'endorsement-malformed'],
    ])('%s', (_, contents, verdict) => {
      const said = verifyBundle(cached(contents));
      expect(said.accepted ? 'accepted' : said.reason).toBe(verdict);
    });
  });
  test("of a TEE without a verifier is the caller's mistake", () => {
    const bundle = makeBundle({ tee: 'sgx', verifyAt: 0, services: {} }, new Map());
    expect(() => verifyBundle(bundle)).toThrow(ConfigError);
  });
  test.each([['no certificate'], [''], [Milan.certificate('ASK').pem]])('with a given root that is none, neither: %j', (root) => {
    expect(() => verifyBundle(bundleOf(), { roots: [root] })).toThrow(ConfigError);
  });
});

test('the registry knows each verifier by its TEE', () => {
  for (const [tee, verifier] of VERIFIERS) expect(verifierOf(tee)).toBe(verifier);
  expect([...VERIFIERS.keys()]).toContain('snp');
});
