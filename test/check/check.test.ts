/** The corpus in test suites of users: the whole of a selection at once, one case alone, and one test a case. */
import { describe, expect, test } from 'vitest';
import { checkCase, checkVerifier, commandAdapter, failuresOf, isClean, selectCases, type VerifierFunction } from '../../harness/check.ts';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import { checkCases } from '../../harness/vitest.ts';
import { CORPUS } from '../../vectors/corpus.ts';

const strict: VerifierFunction = (subject) => builtinVerdict(subject).accepted;
/** Looks at the policy's debug bit (byte 10 of the report, bit 3), and at nothing else. */
const careless: VerifierFunction = ({ bundle }) => ((bundle.files.get('report.bin')?.[10] ?? 0) & 8) === 0;
const throwing: VerifierFunction = (subject) => {
  if (!builtinVerdict(subject).accepted) throw new Error('refused');
  return true;
};
const DEBUG = 'snp/policy/debug-allowed';
const SIGNATURE = 'snp/signature/host-data-changed';

describe('a selection', () => {
  test('is everything unless said otherwise', () => {
    expect(selectCases()).toHaveLength(CORPUS.length);
  });
  test('is a TEE, globs, or a list of them, in the order of the corpus', () => {
    expect(new Set(selectCases({ suite: 'snp' }).map(({ tee }) => tee))).toEqual(new Set(['snp']));
    const ids = selectCases({ suite: [SIGNATURE, 'snp/ok/*'] }).map(({ id }) => id);
    expect(ids).toContain(SIGNATURE);
    expect(ids).toEqual(selectCases({ suite: `snp/ok/*,${SIGNATURE}` }).map(({ id }) => id));
  });
  test('is one part of several, which together are all', () => {
    const parts = ['1/3', '2/3', '3/3'].flatMap((shard) => selectCases({ suite: 'snp/policy/*', shard }));
    expect(parts.map(({ id }) => id).toSorted()).toEqual(
      selectCases({ suite: 'snp/policy/*' })
        .map(({ id }) => id)
        .toSorted(),
    );
  });
  test.each([
    ['of nothing', { suite: 'sgx' }],
    ['of a part that there is not', { suite: 'snp', shard: '4/3' }],
  ])('%s is refused', (_, options) => {
    expect(() => selectCases(options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });
});

describe('a verifier as a function', () => {
  test('that is right has no failures', async () => {
    const report = await checkVerifier(strict, { suite: `${DEBUG},${SIGNATURE},snp/ok/base` });
    expect(failuresOf(report)).toEqual([]);
    expect(isClean(report.results)).toBe(true);
    expect(report.verifier).toEqual({ name: 'strict', adapter: 'function' });
  });

  test('that is careless is told what it missed', async () => {
    const report = await checkVerifier(careless, { suite: [DEBUG, SIGNATURE] });
    expect(failuresOf(report)).toEqual([expect.stringMatching(/^fail \((critical|high)\) snp\/signature\/host-data-changed: accepted: \S/)]);
  });

  test('may refuse by throwing', async () => {
    expect(await checkCase(DEBUG, throwing)).toMatchObject({ outcome: 'pass', answer: { verdict: 'reject', detail: 'refused' } });
  });

  test('that refuses everything gets no credit', async () => {
    expect(await checkCase(DEBUG, () => false)).toMatchObject({ outcome: 'vacuous' });
  });

  test('may be known to fail, with a reason, until it does not any more', async () => {
    const expectedFailures = { [SIGNATURE]: 'signatures come next' };
    expect(await checkCase(SIGNATURE, careless, { expectedFailures })).toMatchObject({ outcome: 'xfail' });
    expect(await checkCase(SIGNATURE, strict, { expectedFailures })).toMatchObject({ outcome: 'xpass' });
    await expect(checkCase(SIGNATURE, strict, { expectedFailures: { [SIGNATURE]: '' } })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  });

  test('can ask the services of the case', async () => {
    const fetching: VerifierFunction = async (subject, { services }) => {
      const { kds = '' } = await services();
      const { ok } = await fetch(`${kds}/vcek/v1/Milan/crl`);
      return ok && builtinVerdict(subject).accepted;
    };
    expect(await checkCase(DEBUG, fetching)).toMatchObject({ outcome: 'pass', answer: { fetched: ['kds.crl'] } });
  });
});

describe('one case', () => {
  test('is made at the time and with the keys that are asked for', async () => {
    const seen: { now: number; leaf: string }[] = [];
    const looking: VerifierFunction = ({ now, bundle }) => seen.push({ now, leaf: Buffer.from(bundle.files.get('vcek.pem') ?? []).toString() }) > 0;
    for (const options of [{}, { at: '2031-01-01T00:00:00Z' }, { at: Date.UTC(2031, 0, 1), seed: 'another' }]) await checkCase('snp/ok/base', looking, options);
    expect(seen.map(({ now }) => now)).toEqual([Date.UTC(2026, 5, 1), Date.UTC(2031, 0, 1), Date.UTC(2031, 0, 1)]);
    expect(new Set(seen.map(({ leaf }) => leaf)).size).toBe(3);
  });

  test('must be one', async () => {
    await expect(checkCase('snp/ok/*', strict)).rejects.toMatchObject({ code: 'ERR_CONFIG' });
    await expect(checkCase(DEBUG, strict, { at: 'tomorrow' })).rejects.toMatchObject({ code: 'ERR_CONFIG', key: 'at' });
  });
});

test('a verifier may be a command', async () => {
  const report = await checkVerifier(commandAdapter({ command: [process.execPath, '-e', "process.exit(require('node:fs').readFileSync(process.argv[1])[10] & 8 ? 1 : 0)", '{evidence}'] }), { suite: [DEBUG] });
  expect(failuresOf(report)).toEqual([]);
});

// One test a case, as users write it.
checkCases('the reference verifier, case by case', strict, { suite: 'snp/freshness/*' });
