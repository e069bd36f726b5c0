/** TCB info, identities and evaluations: their text, their signatures, the statuses that follow from them, and the forms that they are exported in. */
import { verify, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { pemBlocks, readCrl } from '../../emulator/pki/read.ts';
import { CA_ROLE, IntelAuthority } from '../../emulator/tdx/authority.ts';
import { IntelCollateral, type SignedDocument } from '../../emulator/tdx/collateral/collateral.ts';
import { collateralFiles, platformCollateral, qgsCollateral, quoteCollateralV3, rootCaPem } from '../../emulator/tdx/collateral/export.ts';
import { platformCollaterals } from '../../emulator/tdx/collateral/platform-collaterals.ts';
import { PLATFORM_MODELS } from '../../emulator/tdx/platform/models.ts';
import { fmspcOf, type Platform, platformState, tdxPlatform } from '../../emulator/tdx/platform/platform.ts';
import { ENCLAVES } from '../../emulator/tdx/tcb/enclaves.ts';
import { earlyEvaluation, servedEvaluations, standardEvaluation, TCB_EVALUATIONS } from '../../emulator/tdx/tcb/evaluations.ts';
import { LEVEL_STATUSES } from '../../emulator/tdx/tcb/levels.ts';
import { STATUS_TABLE, statusNamed, TCB_STATUSES, type TcbStatus } from '../../emulator/tdx/tcb/status.ts';
import type { TcbInfo } from '../../emulator/tdx/tcb/tcb-info.ts';
import { AdjustableClock, fixedClock, seededWorld, type World } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';
import { tcbStatusOf } from './tcb-status.ts';

const AT = Date.parse('2026-06-30T12:00:00Z');
const EMERALD = '90c06f000000';
const world = (at = AT, seed = 'intel'): World => seededWorld(seed, fixedClock(at));
const intel = (at = AT): IntelCollateral => new IntelCollateral(new IntelAuthority(world(at)));
const parsed = (document: SignedDocument): TcbInfo => JSON.parse(document.inner) as TcbInfo;
const MODELS = Object.keys(PLATFORM_MODELS);
/** One clock within each evaluation's time as the standard one. */
const CLOCKS = { 17: '2025-09-02', 18: '2026-03-16', 19: '2026-06-30', 20: '2026-11-23' } as const;

/** Every document that there is. */
function documents(collateral: IntelCollateral): [name: string, member: string, document: SignedDocument][] {
  return [
    ...MODELS.flatMap((name) => (['tdx', 'sgx'] as const).map((tee): [string, string, SignedDocument] => [`${tee} TCB info of ${name}`, 'tcbInfo', collateral.tcbInfo(tee, PLATFORM_MODELS[name]?.fmspc ?? '')])),
    ...ENCLAVES.map((name): [string, string, SignedDocument] => [`identity of ${name}`, 'enclaveIdentity', collateral.identity(name)]),
    ...(['tdx', 'sgx'] as const).map((tee): [string, string, SignedDocument] => [`evaluations of ${tee}`, 'tcbEvaluationDataNumbers', collateral.evaluationNumbers(tee)]),
  ];
}

describe.each(documents(intel()))('the %s', (_, member, { inner, body, signature }) => {
  test('is compact JSON, and holds the signed text as it is', () => {
    expect(body).toBe(JSON.stringify(JSON.parse(body)));
    expect(body).toBe(`{"${member}":${inner},"signature":"${signature}"}`);
  });

  test('is signed by TCB signing over exactly that text: r and s in hex', () => {
    expect(signature).toMatch(/^[0-9a-f]{128}$/);
    const [signer = new Uint8Array(0)] = pemBlocks(intel().authority.tcbSigningChain(), 'CERTIFICATE');
    const key = new X509Certificate(signer).publicKey;
    const check = (text: string): boolean => verify('sha256', Buffer.from(text, 'utf8'), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'hex'));
    expect([check(inner), check(`${inner} `), check(inner.replace('"', ' "'))]).toEqual([true, false, false]);
  });

  test('was issued before now, lives thirty days, and writes dates without milliseconds', () => {
    const { issueDate, nextUpdate } = JSON.parse(inner) as { issueDate: string; nextUpdate: string };
    for (const date of inner.match(/"\d{4}-[^"]*"/g) ?? []) expect(date).toMatch(/^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"$/);
    expect(Date.parse(issueDate)).toBeLessThanOrEqual(AT);
    expect((Date.parse(nextUpdate) - Date.parse(issueDate)) / 86_400_000).toBe(30);
  });
});

describe('an evaluation', () => {
  test.each([
    ['2025-06-04', 17, 19],
    ['2025-09-02', 17, 20],
    ['2025-11-12', 18, 20],
    ['2026-03-16', 18, 20],
    ['2026-06-29', 19, 20],
    ['2026-10-08', 20, 20],
    ['2020-01-01', 17, 17],
  ])('on %s is %i as standard and %i as early', (day, standard, early) => {
    const now = Date.parse(`${day}T00:00:01Z`);
    expect([standardEvaluation(now).number, earlyEvaluation(now).number]).toEqual([standard, early]);
  });

  test('is served from early back to standard', () => {
    expect(servedEvaluations(Date.parse('2025-05-27')).map(({ number }) => number)).toEqual([19, 18, 17]);
    expect(servedEvaluations(Date.parse('2026-11-23')).map(({ number }) => number)).toEqual([20]);
  });

  test('counts the same in TCB info and identities', () => {
    for (const choice of ['standard', 'early', ...TCB_EVALUATIONS.map(({ number }) => number)] as const) {
      const numbers = [intel().tcbInfo('tdx', EMERALD, choice), intel().identity('TD_QE', choice)].map((d) => parsed(d).tcbEvaluationDataNumber);
      expect(new Set(numbers).size).toBe(1);
    }
  });

  test('that there is not is refused', () => {
    expect(() => intel().tcbInfo('tdx', EMERALD, 99)).toThrow(/there is no evaluation 99; there are 17, 18, 19, 20/);
    expect(() => intel().tcbInfo('tdx', '00906ed50000')).toThrow(TeemuError);
  });
});

describe('TCB info', () => {
  test.each(['90c06f000000', '90C06F000000', '90c06F000000'])('names the FMSPC as it was asked for: %s', (fmspc) => {
    expect(parsed(intel().tcbInfo('tdx', fmspc)).fmspc).toBe(fmspc);
  });

  test('is the same text each time, and in another world of the same seed and clock', () => {
    const one = intel();
    expect(one.tcbInfo('tdx', EMERALD).body).toBe(one.tcbInfo('tdx', EMERALD).body);
    expect(intel().tcbInfo('tdx', EMERALD).body).toBe(one.tcbInfo('tdx', EMERALD).body);
  });

  test('for SGX says nothing of TDX', () => {
    const { body } = intel().tcbInfo('sgx', EMERALD);
    expect(body).toContain('"id":"SGX"');
    expect(body).not.toMatch(/tdx/i);
  });

  const choices = fc.record({ model: fc.constantFrom(...MODELS), status: fc.constantFrom(...TCB_STATUSES), evaluation: fc.constantFrom(...TCB_EVALUATIONS.map(({ number }) => number)), override: fc.boolean() });

  test('lists levels from the highest down, none twice, each at least as bad as the one above and with its advisories', () => {
    fc.assert(
      fc.property(choices, ({ model, status, evaluation, override }) => {
        const collateral = intel();
        const platform = tdxPlatform(model, { status: override ? 'UpToDate' : status });
        if (override && !STATUS_TABLE[status].relaunch) collateral.authority.setTcbStatus(fmspcOf(platform), status);
        const { tcbLevels, tdxModuleIdentities = [] } = parsed(collateral.tcbInfo('tdx', fmspcOf(platform), evaluation));
        const svns = ({ tcb }: TcbInfo['tcbLevels'][number]): number[] => [...tcb.sgxtcbcomponents.map((c) => c.svn), tcb.pcesvn, ...(tcb.tdxtcbcomponents ?? []).map((c) => c.svn)];
        for (const [i, level] of tcbLevels.entries()) {
          expect([level.tcb.sgxtcbcomponents.length, level.tcb.tdxtcbcomponents?.length]).toEqual([16, 16]);
          const above = tcbLevels[i - 1];
          if (!above) continue;
          expect(svns(above).every((svn, at) => svn >= (svns(level)[at] ?? 0))).toBe(true);
          expect(svns(above)).not.toEqual(svns(level));
          expect(LEVEL_STATUSES.indexOf(level.tcbStatus)).toBeGreaterThanOrEqual(LEVEL_STATUSES.indexOf(above.tcbStatus));
          if (above.tcbStatus !== 'SWHardeningNeeded' && !above.tcbStatus.startsWith('Configuration')) expect(level.advisoryIDs ?? []).toEqual(expect.arrayContaining([...(above.advisoryIDs ?? [])]));
        }
        for (const { tcbLevels: levels } of tdxModuleIdentities) {
          const modules = levels.map(({ tcb }) => tcb.isvsvn);
          expect(modules).toEqual([...new Set(modules)].sort((a, b) => b - a));
          expect(levels.map((l) => l.tcbStatus)).toEqual(levels.map((_, i) => (i === 0 ? 'UpToDate' : 'OutOfDate')));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('leaves advisories out where there are none, and sorts them', () => {
    for (const [, , { inner }] of documents(intel())) {
      expect(inner).not.toContain('"advisoryIDs":[]');
      for (const list of inner.match(/"advisoryIDs":\[[^\]]*\]/g) ?? []) {
        const ids = (JSON.parse(`{${list}}`) as { advisoryIDs: string[] }).advisoryIDs;
        expect(ids).toEqual([...new Set(ids)].sort());
      }
    }
  });
});

/** What Intel's algorithm makes of a machine by the collateral of its world. */
function statusFor(collateral: IntelCollateral, platform: Platform, choice: 'standard' | 'early'): string {
  return tcbStatusOf(parsed(collateral.tcbInfo('tdx', fmspcOf(platform), choice)), platformState(platform, collateral.authority.world.now()));
}

describe('a status', () => {
  test.each(Object.entries(CLOCKS).flatMap(([number, day]) => MODELS.map((name) => [name, number, day] as const)))('is reached by %s under evaluation %s, whichever it is', (name, _, day) => {
    const at = Date.parse(day);
    for (const status of TCB_STATUSES) {
      const platform = tdxPlatform(name, { status });
      const impossible = STATUS_TABLE[status].relaunch && (name === 'sapphire-rapids-tdx10' || (name === 'granite-rapids' && at < Date.parse(CLOCKS[20])));
      if (impossible) expect(() => platformState(platform, at)).toThrow(/no TDX module is out of date/);
      else expect([status, statusFor(intel(at), platform, 'standard')]).toEqual([status, status]);
    }
  });

  test.each(MODELS)('of %s that is up to date is so under early collateral too', (name) => {
    for (const day of Object.values(CLOCKS)) expect(statusFor(intel(Date.parse(day)), tdxPlatform(name), 'early')).toBe('UpToDate');
  });

  test('that Intel would have to publish has an FMSPC of its own; the genuine ones keep genuine levels', () => {
    const fmspcs = TCB_STATUSES.map((status) => fmspcOf(tdxPlatform('emerald-rapids', { status })));
    const genuine = TCB_STATUSES.filter((_, i) => fmspcs[i] === EMERALD);
    expect(genuine).toEqual(['UpToDate', 'OutOfDate', 'TDRelaunchAdvised']);
    expect(new Set(fmspcs).size).toBe(TCB_STATUSES.length - genuine.length + 1);
  });

  const settable = TCB_STATUSES.filter((status) => !STATUS_TABLE[status].relaunch);
  test.each(settable)('%s can be set for an FMSPC while its services run, and be taken back', (status) => {
    const clock = new AdjustableClock(fixedClock(AT));
    const authority = new IntelAuthority(seededWorld('intel', clock));
    const collateral = new IntelCollateral(authority);
    const platform = tdxPlatform();
    const before = collateral.tcbInfo('tdx', EMERALD).body;
    clock.advance(5000);
    authority.setTcbStatus(EMERALD.toUpperCase(), status);
    expect(statusFor(collateral, platform, 'standard')).toBe(status);
    const { issueDate } = parsed(collateral.tcbInfo('tdx', EMERALD));
    expect(Date.parse(issueDate)).toBe(AT + 5000);
    authority.setTcbStatus(EMERALD, undefined);
    expect(collateral.tcbInfo('tdx', EMERALD).body).toBe(before);
  });

  test.each(['TDRelaunchAdvised', 'TDRelaunchAdvisedConfigurationNeeded'] as const)('%s cannot be set for an FMSPC', (status: TcbStatus) => {
    expect(() => intel().authority.setTcbStatus(EMERALD, status)).toThrow(TeemuError);
  });

  test('is named exactly', () => {
    expect(statusNamed('OutOfDate')).toBe('OutOfDate');
    expect(() => statusNamed('outofdate')).toThrow(/UpToDate, SWHardeningNeeded/);
  });
});

describe('a document that Intel would not sign', () => {
  test('is changed before it is signed', () => {
    const collateral = intel();
    const document = collateral.tcbInfo('tdx', EMERALD, 'standard', { edit: (info) => ({ ...info, tcbType: 1 }) });
    expect(parsed(document).tcbType).toBe(1);
    expect(verify('sha256', Buffer.from(document.inner), { key: collateral.authority.key('TCB_SIGNING').publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(document.signature, 'hex'))).toBe(true);
    expect(parsed(collateral.tcbInfo('tdx', EMERALD)).tcbType).toBe(0);
  });

  test('is written another way', () => {
    const { body, inner } = intel().identity('TD_QE', 'standard', { write: (d) => JSON.stringify(d, undefined, 1) });
    expect(inner).toContain('\n "id": "TD_QE"');
    expect(body).toContain(inner);
  });

  test('is signed by another key', () => {
    const collateral = intel();
    const { inner, signature } = collateral.identity('TD_QE', 'standard', { signedBy: collateral.authority.key('ROOT') });
    const signedBy = (role: 'ROOT' | 'TCB_SIGNING'): boolean => verify('sha256', Buffer.from(inner), { key: collateral.authority.key(role).publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'hex'));
    expect([signedBy('ROOT'), signedBy('TCB_SIGNING')]).toEqual([true, false]);
  });
});

describe('collateral of a machine', () => {
  const platform = tdxPlatform('emerald-rapids', { index: 5 });

  test('as files has the names that tools read', () => {
    const files = collateralFiles(platformCollateral(intel(), platform));
    expect([...files.keys()]).toEqual(
      ['tcb_info.json', 'qe_identity.json', 'tcb_info_issuer_chain.pem', 'qe_identity_issuer_chain.pem', 'pck_crl.der', 'pck_crl_issuer_chain.pem', 'root_ca_crl.der'].map((name) => `collateral/${name}`),
    );
    expect(Buffer.from(files.get('collateral/tcb_info.json') ?? []).toString('utf8')).toBe(intel().tcbInfo('tdx', EMERALD).body);
    expect(pemBlocks(files.get('collateral/pck_crl_issuer_chain.pem') ?? new Uint8Array(0), 'CERTIFICATE').map((der) => new X509Certificate(der).subject.split('\n')[0])).toEqual([
      'CN=Intel SGX PCK Platform CA',
      'CN=Intel SGX Root CA',
    ]);
    expect(pemBlocks(rootCaPem(intel().authority), 'CERTIFICATE')).toHaveLength(1);
  });

  test('as dcap-qvl reads it has documents without their wrapping, and the rest in hex', () => {
    const c = quoteCollateralV3(intel(), platform, { withPckChain: true });
    expect(`{"tcbInfo":${c.tcb_info},"signature":"${c.tcb_info_signature}"}`).toBe(intel().tcbInfo('tdx', EMERALD).body);
    expect(`{"enclaveIdentity":${c.qe_identity},"signature":"${c.qe_identity_signature}"}`).toBe(intel().identity('TD_QE').body);
    expect(readCrl(new Uint8Array(Buffer.from(c.pck_crl, 'hex'))).revoked).toEqual([]);
    expect(c.root_ca_crl).toMatch(/^30[0-9a-f]+$/);
    expect(pemBlocks(c.pck_certificate_chain ?? '', 'CERTIFICATE')).toHaveLength(3);
    expect(quoteCollateralV3(intel(), platform)).not.toHaveProperty('pck_certificate_chain');
  });

  test('of the Processor CA has the list of that authority', () => {
    const c = platformCollateral(intel(), tdxPlatform('emerald-rapids', { ca: 'processor' }));
    const { tbs, signature } = readCrl(c.pckCrl);
    expect(verify('sha256', tbs, intel().authority.key(CA_ROLE.processor).publicKey, signature)).toBe(true);
  });

  test('through the quote generation service is the same, each text with the NUL that ends it', () => {
    const answer = qgsCollateral(intel());
    const c = platformCollateral(intel(), platform);
    for (const fmspc of [Buffer.from(EMERALD, 'hex'), Buffer.from(EMERALD), Buffer.from(`${EMERALD}\0`)]) {
      const given = answer(new Uint8Array(fmspc), 'platform');
      expect(Buffer.from(given?.tcbInfo ?? []).toString('utf8')).toBe(`${c.tcbInfo}\0`);
      expect([given?.majorVersion, given?.pckCrl, given?.rootCaCrl]).toEqual([4, c.pckCrl, c.rootCaCrl]);
    }
    expect([answer(new Uint8Array(6), 'platform'), answer(new Uint8Array(Buffer.from(EMERALD)), 'root')]).toEqual([undefined, undefined]);
  });

  test('of several machines in one JSON has each TCB info once, and is signed text after it was written again', () => {
    const all = platformCollaterals(intel(), [platform, tdxPlatform('emerald-rapids'), tdxPlatform('sapphire-rapids-2s')]) as { collaterals: { tcbinfos: { fmspc: string; tdx_tcbinfo: object }[]; pck_certs: object[] } };
    const { tcbinfos, pck_certs } = all.collaterals;
    expect(tcbinfos.map(({ fmspc }) => fmspc)).toEqual(['90C06F000000', '50806F000000']);
    expect(pck_certs).toHaveLength(3);
    expect(JSON.stringify(tcbinfos[0]?.tdx_tcbinfo)).toBe(intel().tcbInfo('tdx', '90C06F000000').body);
  });
});

describeReal('byte for byte like the genuine', () => {
  const inner = (body: string): string => body.slice(body.indexOf(':') + 1, body.lastIndexOf(',"signature"'));
  const text = (file: string): string => Buffer.from(realSample(file)).toString('utf8').trim();

  test.each(['tdx/v4-phala', 'tdx/v4-near', 'tdx/v4-tinfoil', 'tdx/v5-azure-outdated'])('TCB info and identity of %s at their time, but for the second', (name) => {
    const [genuineInfo, genuineIdentity] = [inner(text(`${name}.tcbinfo.json`)), inner(text(`${name}.qeidentity.json`))];
    const { issueDate, nextUpdate, fmspc } = JSON.parse(genuineInfo) as TcbInfo;
    const identity = JSON.parse(genuineIdentity) as TcbInfo;
    const collateral = intel(Date.parse(issueDate));
    expect(collateral.tcbInfo('tdx', fmspc, 'standard', { edit: (info) => ({ ...info, issueDate, nextUpdate }) }).inner).toBe(genuineInfo);
    expect(collateral.identity('TD_QE', 'standard', { edit: (d) => ({ ...d, issueDate: identity.issueDate, nextUpdate: identity.nextUpdate }) }).inner).toBe(genuineIdentity);
  });

  test.each(['50806f000000', '90c06f000000', 'v3-00806f050000'])('TCB info %s at its time, but for the second', (name) => {
    const genuine = inner(text(`tdx/collateral/tcbinfo-${name}.json`));
    const { issueDate, nextUpdate, fmspc } = JSON.parse(genuine) as TcbInfo;
    expect(intel(Date.parse(issueDate)).tcbInfo('tdx', fmspc, 'standard', { edit: (info) => ({ ...info, issueDate, nextUpdate }) }).inner).toBe(genuine);
  });
});
