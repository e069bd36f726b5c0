/** The log of the World, as the control port gives it out. */
import { describe, expect, test } from 'vitest';
import { control, type EvidenceHandler } from '../../emulator/services/control/control.ts';
import { answerFetch } from '../../emulator/services/http/fetch.ts';
import { ask, assembled, NOW } from './world.ts';

function controlled(snp: EvidenceHandler = () => expect.fail()) {
  const services = assembled();
  const answer = control({ ...services, evidence: { snp } });
  const call = async (method: string, path: string, body?: string): Promise<unknown> => {
    const init = body === undefined ? { method } : { method, body, headers: { 'content-type': 'application/json' } };
    return (await answerFetch(answer, new Request(`http://127.0.0.1:4711${path}`, init), () => NOW)).json();
  };
  return { ...services, call };
}

describe('the log', () => {
  test('is empty as long as nothing went wrong but requests', async () => {
    const { call } = controlled();
    await call('POST', '/evidence/none');
    await call('DELETE', '/log');
    expect(await call('GET', '/log')).toEqual({ entries: [] });
  });

  test('says what went wrong inside, and when, oldest first', async () => {
    const { call, clock } = controlled(({ n }) => {
      throw new RangeError(`defect ${String(n)}`);
    });
    await call('POST', '/evidence/snp', '{"n":1}');
    clock.advance(1000);
    await call('POST', '/evidence/snp', '{"n":2}');
    expect(await call('GET', '/log')).toEqual({
      entries: [1, 2].map((n) => ({ at: NOW + (n - 1) * 1000, message: expect.stringContaining(`RangeError: defect ${n}`) as unknown })),
    });
  });

  test('has the defects of the services too, whose answers point to it', async () => {
    const { call, app, vendors } = controlled();
    vendors.snp.kds.routes.find = () => {
      throw new RangeError('no way');
    };
    expect(await (await ask(app, '/vcek/v1/Milan/crl')).text()).toContain('GET /log of the control port');
    expect(await call('GET', '/log')).toEqual({ entries: [{ at: NOW, message: expect.stringMatching(/^kds: RangeError: no way/) as unknown }] });
  });
});
