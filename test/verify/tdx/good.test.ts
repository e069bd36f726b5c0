/** Good TDX evidence is accepted: every platform, both versions of the quote, both authorities, every way to name the PCK. */
import { describe, expect, test } from 'vitest';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { type AcceptableStatus, STAGES, TCB_STATUSES, type TdxVerdict, verifyTdx } from '../../../harness/verify/index.ts';
import { authority, evidence, type Machine, NOW, platformOf, REPORT_DATA, TRUST, V4, V5 } from './evidence.ts';
import { fmspcOf } from '../../../emulator/tdx/platform/platform.ts';

const wishes = { trust: TRUST, now: NOW };
const said = (v: TdxVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

const FORMS: readonly (Machine & { readonly form: string })[] = [
  { form: 'version 4', ...V4 },
  { form: 'version 5, TDX 1.0', version: 5, bodyType: 2 },
  { form: 'version 5, TDX 1.5', ...V5 },
  { form: 'certification data of type 1', certificationType: 1 },
  { form: 'certification data of type 2', certificationType: 2 },
  { form: 'certification data of type 3', certificationType: 3 },
  { form: 'certification data of type 4', certificationType: 4 },
  { form: 'the Processor CA', ca: 'processor' },
];

describe.each(Object.keys(PLATFORM_MODELS))('evidence of %s is accepted', (platform) => {
  test.each(FORMS)('with $form', ({ form: _, ...machine }) => {
    const described = { ...machine, platform };
    const verdict = verifyTdx(evidence(described), { ...wishes, reportData: REPORT_DATA, maximumCollateralAge: 1e10 });
    expect(said(verdict)).toBe('accepted');
    if (!verdict.accepted) return;
    const { status, quoteVersion, pckCa, platform: stated, launch, current } = verdict.facts;
    expect({ status, quoteVersion, pckCa, fmspc: hex(stated.fmspc) }).toEqual({ status: 'UpToDate', quoteVersion: machine.version ?? 4, pckCa: machine.ca ?? 'platform', fmspc: fmspcOf(platformOf(described)) });
    expect([launch.status, current.status]).toEqual(['UpToDate', 'UpToDate']);
    expect(verdict.checks.every(({ ok }) => ok)).toBe(true);
    expect(new Set(verdict.checks.map(({ stage }) => stage))).toEqual(new Set(STAGES));
  });
});

describe('checks of accepted evidence', () => {
  test('come in the order of the stages, each once', () => {
    const { checks } = verifyTdx(evidence(V5), { ...wishes, reportData: REPORT_DATA });
    const places = checks.map(({ stage }) => STAGES.indexOf(stage));
    // Parsing certificates and lists waits until they are needed; everything after that is in order.
    const later = places.filter((place) => place > 0);
    expect(later).toEqual(later.toSorted((a, b) => a - b));
    expect(new Set(checks).size).toBe(checks.length);
  });
});

/** Statuses of the module that the TD was started under, and of the one that runs, that each status is made of. */
const MADE_OF: Readonly<Record<AcceptableStatus, readonly [launch: string, current: string]>> = {
  UpToDate: ['UpToDate', 'UpToDate'],
  SWHardeningNeeded: ['SWHardeningNeeded', 'SWHardeningNeeded'],
  ConfigurationNeeded: ['ConfigurationNeeded', 'ConfigurationNeeded'],
  ConfigurationAndSWHardeningNeeded: ['ConfigurationAndSWHardeningNeeded', 'ConfigurationAndSWHardeningNeeded'],
  OutOfDate: ['OutOfDate', 'OutOfDate'],
  OutOfDateConfigurationNeeded: ['OutOfDateConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
  TDRelaunchAdvised: ['OutOfDate', 'UpToDate'],
  TDRelaunchAdvisedConfigurationNeeded: ['OutOfDate', 'ConfigurationNeeded'],
};
const ACCEPTABLE = TCB_STATUSES.filter((s): s is AcceptableStatus => s !== 'Revoked');

describe('a TCB whose status is', () => {
  test.each(ACCEPTABLE)('%s is accepted where that is asked for, and where nothing else is', (status) => {
    const presented = evidence({ status, version: 5 });
    const verdict = verifyTdx(presented, { ...wishes, tcbStatuses: [status] });
    expect(said(verdict)).toBe('accepted');
    if (!verdict.accepted) return;
    const { launch, current, platform } = verdict.facts;
    expect(verdict.facts.status).toBe(status);
    expect(hex(platform.fmspc)).toBe(fmspcOf(platformOf({ status })));
    expect([launch.status, current.status]).toEqual(MADE_OF[status]);
    expect(verifyTdx(presented, { ...wishes, tcbStatuses: ACCEPTABLE.filter((s) => s !== status) })).toMatchObject({ accepted: false, stage: 'tcb', reason: 'tcb-status-refused' });
    expect(verifyTdx(presented, wishes).accepted).toBe(status === 'UpToDate');
  });

  test('Revoked is never accepted', () => {
    expect(verifyTdx(evidence({ status: 'Revoked' }), { ...wishes, tcbStatuses: ACCEPTABLE })).toMatchObject({ accepted: false, stage: 'tcb', reason: 'tcb-revoked' });
  });

  test('TDRelaunchAdvised shows in quotes of version 5 only: in version 4 it is out of date', () => {
    const presented = evidence({ status: 'TDRelaunchAdvised', version: 4 });
    expect(verifyTdx(presented, { ...wishes, tcbStatuses: ['TDRelaunchAdvised'] })).toMatchObject({ accepted: false, reason: 'tcb-status-refused' });
    expect(verifyTdx(presented, { ...wishes, tcbStatuses: ['OutOfDate'] })).toMatchObject({ accepted: true, facts: { status: 'OutOfDate' } });
  });

  test('set for the whole FMSPC of a machine that was up to date', () => {
    const fmspc = fmspcOf(platformOf(V4));
    try {
      authority.setTcbStatus(fmspc, 'SWHardeningNeeded');
      expect(verifyTdx(evidence(V4), wishes)).toMatchObject({ accepted: false, reason: 'tcb-status-refused' });
      expect(verifyTdx(evidence(V4), { ...wishes, tcbStatuses: ['UpToDate', 'SWHardeningNeeded'] })).toMatchObject({ accepted: true, facts: { status: 'SWHardeningNeeded' } });
    } finally {
      authority.reinstate();
    }
    expect(said(verifyTdx(evidence(V4), wishes))).toBe('accepted');
  });
});
