/** Every case of services against the reference verifiers, which fetch what the evidence comes without. */
import { expect, test } from 'vitest';
import { builtinAdapter, builtinVerdict } from '../../harness/run/builtin.ts';
import { functionAdapter } from '../../harness/run/adapters/function.ts';
import { runSuite, type Suite } from '../../harness/run/suite.ts';
import { h100Appraiser } from '../../harness/verify/index.ts';
import { SERVICE_SOURCE } from '../../vectors/sources/service.ts';
import { SETTING } from './reach.ts';

const suite = (ids?: readonly string[]): Suite => ({
  name: 'services',
  seed: SETTING.seed,
  cases: SERVICE_SOURCE.cases.filter(({ id }) => ids?.includes(id) ?? true),
  build: (id) => SERVICE_SOURCE.build(id, SETTING),
});
const vendors = { nras: { appraise: h100Appraiser() } };

test('the reference verifiers reach every verdict, and for its reason', { timeout: 300_000 }, async () => {
  const { results } = await runSuite(suite(), builtinAdapter(), { vendors, jobs: 4 });
  const wanted = new Map(SERVICE_SOURCE.cases.map(({ id, expect: verdict, stage, reason }) => [id, verdict === 'must-accept' ? 'pass: accept' : `pass: ${stage}: ${reason}`]));
  const reached = results.map(
    ({ id, outcome, note, answer: { verdict, stage, reason } }) => [id, `${outcome}: ${verdict === 'accept' ? 'accept' : `${stage}: ${reason}`}${note === undefined ? '' : ` (${note})`}`] as const,
  );
  expect(reached.filter(([id, said]) => said !== wanted.get(id)).map(([id, said]) => `${id}: ${said}, not ${wanted.get(id)}`)).toEqual([]);
  expect(results).toHaveLength(SERVICE_SOURCE.cases.length);
});

const SOME = ['service/kds/vcek-hang', 'service/kds/ok', 'service/ocsp/revoked', 'service/nras/keys-none'];

test('a verifier that asks no services skips them all', async () => {
  const offline = functionAdapter('offline', (subject) => builtinVerdict(subject).accepted);
  const { results } = await runSuite(suite(SOME), offline, { vendors });
  expect(results.map(({ outcome, note }) => [outcome, note])).toEqual(SOME.map(() => ['skip', 'asks no services']));
});

test('a verifier that has the services and accepts without asking fails', async () => {
  const blind = functionAdapter('blind', async (_, { services }) => {
    await services();
    return true;
  });
  const { results } = await runSuite(suite(SOME), blind, { vendors });
  expect(results.map(({ outcome, note }) => [outcome, note])).toEqual(['kds/vcek', 'kds/vcek', 'ocsp', 'nras/jwks'].map((name) => ['fail', `accepted without ever asking for ${name}`]));
});
