/** The reference verifier, rule by rule: each bad piece of evidence beside the good one that lacks only what is wrong with it. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../emulator/errors.ts';
import { maximumPolicy, SNP_REASONS, type SnpExpectations, SnpTrust, type SnpVerdict, STAGES, verifySnp } from '../../harness/verify/index.ts';
import { CHAIN_REJECTIONS, type Rejection, REVOCATION_REJECTIONS, ROOT_REJECTIONS } from './chain-rejections.ts';
import { REPORT_REJECTIONS, UNUSUAL } from './report-rejections.ts';
import { AUTHORITIES, evidence, goodReport, type Machine, MILAN, NOW, reportedTcb, worldTrust } from './snp-evidence.ts';

const TRUST = worldTrust();
const said = (v: SnpVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

/** The verdicts on the bad evidence and on its good twin. */
function verdicts({ machine = MILAN, edits, both = {}, wishes = { now: NOW } }: Rejection): { bad: SnpVerdict; good: SnpVerdict } {
  const expectations = { ...wishes, trust: TRUST };
  return { bad: verifySnp(evidence(machine, { ...both, ...edits }), expectations), good: verifySnp(evidence(machine, both), expectations) };
}

function refuses(row: Rejection): void {
  const { bad, good } = verdicts(row);
  expect(said(good)).toBe('accepted');
  expect(bad.accepted ? said(bad) : { reason: bad.reason, stage: bad.stage }, said(bad)).toEqual({ reason: row.reason, stage: SNP_REASONS[row.reason].stage });
  if (row.path !== undefined) expect(bad).toHaveProperty('path', row.path);
  expect(bad.checks.at(-1)).toEqual({ reason: row.reason, stage: SNP_REASONS[row.reason].stage, ok: false });
}

const MACHINES: readonly Machine[] = (['vcek', 'vlek'] as const).flatMap((signer) => [
  ...([2, 3, 4, 5] as const).flatMap((version) => (['Milan', 'Genoa'] as const).map((line) => ({ line, version, signer }))),
  ...([3, 4, 5] as const).map((version) => ({ line: 'Turin', version, signer }) as const),
]);

describe('good evidence is accepted', () => {
  test.each(MACHINES)('$line, version $version, signed by a $signer', (machine) => {
    const verdict = verifySnp(evidence(machine, { crl: (spec) => spec }), { trust: TRUST, now: NOW, requireCrl: true });
    expect(said(verdict)).toBe('accepted');
    expect(verdict).toMatchObject({ facts: { line: machine.line, signer: machine.signer, report: { version: machine.version }, revocationChecked: true } });
    expect(verdict.checks.every(({ ok }) => ok)).toBe(true);
  });
  test.each(UNUSUAL)('$name', ({ machine = MILAN, edits, wishes = { now: NOW } }) => {
    expect(said(verifySnp(evidence(machine, edits), { ...wishes, trust: TRUST }))).toBe('accepted');
  });
});

describe('roots: evidence is refused when', () => {
  test.each(ROOT_REJECTIONS)('$name', ({ edits, trust, reason, path }) => {
    const verdict = verifySnp(evidence(MILAN, edits), { trust, now: NOW });
    expect(verdict).toMatchObject({ accepted: false, reason, ...(path === undefined ? {} : { path }) });
    expect(said(verifySnp(evidence(MILAN), { trust: TRUST, now: NOW }))).toBe('accepted');
  });
});

describe('chain: evidence is refused when', () => {
  test.each(CHAIN_REJECTIONS)('$name', refuses);
});

describe('revocation: evidence is refused when', () => {
  test.each(REVOCATION_REJECTIONS)('$name', refuses);
});

describe('report: evidence is refused when', () => {
  test.each(REPORT_REJECTIONS.filter(({ reason }) => reason !== 'signer-refused'))('$name', refuses);

  test('a VCEK signs, and it must be a VLEK', () => {
    const wishes = { trust: TRUST, now: NOW, signer: 'vlek' } as const;
    expect(verifySnp(evidence(MILAN), wishes)).toMatchObject({ accepted: false, reason: 'signer-refused' });
    expect(said(verifySnp(evidence({ ...MILAN, signer: 'vlek' }), wishes))).toBe('accepted');
  });
});

describe('the table of reasons', () => {
  test('has a test for each', () => {
    // What a cache says comes with a bundle only: test/verify/bundle.test.ts.
    const tested = new Set([...[...ROOT_REJECTIONS, ...CHAIN_REJECTIONS, ...REVOCATION_REJECTIONS, ...REPORT_REJECTIONS].map(({ reason }) => reason), 'endorsement-malformed']);
    expect(Object.keys(SNP_REASONS).filter((reason) => !tested.has(reason as keyof typeof SNP_REASONS))).toEqual([]);
  });
  test('gives each a stage, a rule and a reference', () => {
    for (const { stage, rule, ref } of Object.values(SNP_REASONS)) {
      expect(STAGES).toContain(stage);
      expect(rule.length).toBeGreaterThan(10);
      expect(ref.length).toBeGreaterThan(5);
    }
  });
  test('every reason but those of what the caller asks for shows as a check of accepted evidence', () => {
    const everything: SnpExpectations = { trust: TRUST, now: NOW, requireCrl: true };
    const shown = new Set(MACHINES.flatMap((machine) => verifySnp(evidence(machine, { crl: (spec) => spec }), everything).checks.map(({ reason }) => reason)));
    const hidden = Object.entries(SNP_REASONS).filter(([reason, { ref }]) => !shown.has(reason) && ref !== 'the caller asked for it');
    expect(hidden.map(([reason]) => reason)).toEqual([
      'endorsement-malformed',
      'endorsed-tcb-mismatch',
      'policy-smt',
      'policy-single-socket',
      'policy-aes-256-xts',
      'policy-rapl',
      'policy-ciphertext-hiding',
      'policy-page-swap',
      'platform-info',
      'mitigation-missing',
    ]);
  });
});

describe('checks', () => {
  test('come in the order of the stages', () => {
    const { checks } = verifySnp(evidence(MILAN, { crl: (spec) => spec }), { trust: TRUST, now: NOW, reportData: goodReport(MILAN).reportData, maximumLeafAge: 1e12 });
    const places = checks.map(({ stage }) => STAGES.indexOf(stage));
    // Parsing certificates and lists waits until they are needed; everything after that is in order.
    const later = places.filter((place) => place > 0);
    expect(later).toEqual(later.toSorted((a, b) => a - b));
    expect(new Set(checks.map(({ stage }) => stage)).size).toBe(STAGES.length);
  });
  test('of a refusal end with the one that failed', () => {
    const { checks } = verifySnp(evidence(MILAN, { report: (r) => ({ ...r, vmpl: 0xffffffff }) }), { trust: TRUST, now: NOW });
    expect(checks.filter(({ ok }) => !ok)).toEqual([{ stage: 'policy', reason: 'vmpl-host', ok: false }]);
    expect(checks.at(-1)?.ok).toBe(false);
  });
});

describe('a trust that keeps chains', () => {
  test.each(MACHINES)('gives the same verdict the second time: $line, version $version, $signer', (machine) => {
    const trust = worldTrust(8);
    const presented = evidence(machine, { crl: (spec) => spec });
    const first = verifySnp(presented, { trust, now: NOW });
    expect(verifySnp(presented, { trust, now: NOW })).toEqual(first);
    expect(first).toEqual(verifySnp(presented, { trust: TRUST, now: NOW }));
  });
  test.each([...CHAIN_REJECTIONS, ...REVOCATION_REJECTIONS])('refuses all the same after it saw the good one: $name', ({ machine = MILAN, edits, both = {}, wishes = { now: NOW }, reason }) => {
    const expectations = { ...wishes, trust: worldTrust(8) };
    expect(said(verifySnp(evidence(machine, both), expectations))).toBe('accepted');
    expect(verifySnp(evidence(machine, { ...both, ...edits }), expectations)).toMatchObject({ accepted: false, reason });
  });
  test('looks at the dates each time', () => {
    const trust = worldTrust(8);
    const presented = evidence(MILAN);
    expect(said(verifySnp(presented, { trust, now: NOW }))).toBe('accepted');
    expect(verifySnp(presented, { trust, now: NOW + 8 * 366 * 86_400_000 })).toMatchObject({ accepted: false, reason: 'certificate-expired', path: 'vcek' });
  });
  test('keeps its own copy of what it saw', () => {
    const trust = worldTrust(8);
    const presented = evidence(MILAN);
    expect(said(verifySnp(presented, { trust, now: NOW }))).toBe('accepted');
    presented.vcek?.fill(0);
    expect(verifySnp(presented, { trust, now: NOW })).toMatchObject({ accepted: false, reason: 'certificate-malformed' });
    expect(said(verifySnp(evidence(MILAN), { trust, now: NOW }))).toBe('accepted');
  });
  test('forgets the oldest when it is full, and verifies it again', () => {
    const trust = worldTrust(1);
    const [milan, genoa] = [evidence(MILAN), evidence({ ...MILAN, line: 'Genoa' })];
    for (const presented of [milan, genoa, milan, genoa]) expect(said(verifySnp(presented, { trust, now: NOW }))).toBe('accepted');
  });
});

describe('the edges of time', () => {
  const leaf = { notBefore: NOW - 1000 * 1000, notAfter: NOW + 1000 * 1000 };
  const presented = evidence(MILAN, { leaf: (spec) => ({ ...spec, ...leaf }) });
  test.each([
    [leaf.notBefore - 1000, 'certificate-not-yet-valid'],
    [leaf.notBefore, undefined],
    [leaf.notAfter, undefined],
    [leaf.notAfter + 1000, 'certificate-expired'],
  ])('at %d: %s', (now, reason) => {
    const verdict = verifySnp(presented, { trust: TRUST, now });
    expect(verdict.accepted ? undefined : verdict.reason).toBe(reason);
  });
});

describe('facts of accepted evidence', () => {
  test('name the chip of a VCEK and the provider of a VLEK', () => {
    const vcek = verifySnp(evidence(MILAN), { trust: TRUST, now: NOW });
    expect(vcek.accepted && vcek.facts.hwid).toEqual(goodReport(MILAN).chipId);
    const vlek = verifySnp(evidence({ ...MILAN, signer: 'vlek' }), { trust: TRUST, now: NOW });
    expect(vlek.accepted && [vlek.facts.cspId, vlek.facts.hwid]).toEqual(['CN=cc-us-east-2.amazonaws.com', undefined]);
  });
  test('say until when they hold: the first of the certificates and the list to run out', () => {
    const until = NOW + 5 * 86_400_000;
    const byList = verifySnp(evidence(MILAN, { crl: (spec) => ({ ...spec, nextUpdate: until }) }), { trust: TRUST, now: NOW });
    const byLeaf = verifySnp(evidence(MILAN, { leaf: (spec) => ({ ...spec, notAfter: until }), crl: (spec) => spec }), { trust: TRUST, now: NOW });
    for (const verdict of [byList, byLeaf]) expect(verdict.accepted && verdict.facts.validUntil).toBe(until);
  });
});

describe('what a caller may ask for', () => {
  test.each([
    ['reportData', 63],
    ['measurement', 32],
    ['hostData', 64],
    ['chipId', 16],
    ['idKeyDigest', 64],
    ['authorKeyDigest', 0],
    ['familyId', 15],
    ['imageId', 17],
  ] as const)('%s of %d bytes is refused: no evidence could meet it', (key, size) => {
    expect(() => verifySnp(evidence(MILAN), { trust: TRUST, now: NOW, [key]: new Uint8Array(size) })).toThrow(ConfigError);
  });
  test('a time that is none is a mistake of the caller', () => {
    expect(() => verifySnp(evidence(MILAN), { trust: TRUST, now: Number.NaN })).toThrow(RangeError);
  });
  test('a root that is no ARK is refused', () => {
    expect(() => new SnpTrust([AUTHORITIES.Milan.certificate('ASK').der])).toThrow(ConfigError);
    expect(() => new SnpTrust([Uint8Array.of(1, 2, 3)])).toThrow(ConfigError);
    expect(worldTrust().lines).toEqual(['Milan', 'Genoa', 'Turin']);
  });
  test('a guest policy as the most that is allowed', () => {
    expect(maximumPolicy(0x3001fn)).toMatchObject({ minimumAbi: { major: 0, minor: 31 }, policy: { smt: 'allowed', debug: 'refused', migrateMa: 'refused', cxlAllow: 'refused', singleSocket: 'allowed' } });
    expect(maximumPolicy(0x13e0000n)).toMatchObject({ policy: { smt: 'refused', debug: 'allowed', migrateMa: 'allowed', singleSocket: 'required', cxlAllow: 'allowed', ciphertextHidingDram: 'required' } });
  });
  test('a chip by its 8 bytes on Turin, or by all 64', () => {
    const machine: Machine = { line: 'Turin', version: 5, signer: 'vcek' };
    const { chipId } = goodReport(machine);
    for (const wanted of [chipId, chipId.subarray(0, 8)]) expect(said(verifySnp(evidence(machine), { trust: TRUST, now: NOW, chipId: wanted }))).toBe('accepted');
    expect(verifySnp(evidence(MILAN), { trust: TRUST, now: NOW, chipId: goodReport(MILAN).chipId.subarray(0, 8) })).toMatchObject({ accepted: false, reason: 'chip-id-unexpected' });
  });
  test('the TCB that the host vouches for', () => {
    expect(said(verifySnp({ ...evidence(MILAN), endorsedTcb: reportedTcb('Milan') }, { trust: TRUST, now: NOW }))).toBe('accepted');
  });
});
