/** SARIF 2.1.0, as code scanning reads it. Source: OASIS SARIF v2.1.0. */
import type { CaseResult, RunReport } from '../run/result.ts';
import { baselineState, type Comparison } from './comparison.ts';
import { visible } from './markup.ts';
import { isAsItShould, VERDICT_VERBS } from './outcomes.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const VERSION = '2.1.0';
/** Cases are no files of the repository that is looked at; this stands for where they are. */
const CASES = 'TEEMU_CASES';

/** How bad a severity is: SARIF's level, and the number that GitHub sorts security findings by. */
const LEVELS: Readonly<Record<CaseResult['severity'], { readonly level: 'error' | 'warning' | 'note'; readonly score: string }>> = {
  critical: { level: 'error', score: '9.5' },
  high: { level: 'error', score: '8.0' },
  medium: { level: 'warning', score: '5.5' },
  low: { level: 'note', score: '2.5' },
};

/** What a report says of one run; runs have the comparison at the same place in the list, if at all. */
export function sarifReport(runs: readonly RunReport[], comparisons: readonly (Comparison | undefined)[] = []): string {
  return `${JSON.stringify({ $schema: SCHEMA, version: VERSION, runs: runs.map((run, i) => sarifRun(run, comparisons[i])) }, undefined, 2)}\n`;
}

function sarifRun(run: RunReport, comparison: Comparison | undefined): object {
  const { tool, verifier, suite, results, interrupted, seed, at } = run;
  const [name = 'teemu', version] = visible(tool).split(' ');
  const told = results.filter((result) => !isAsItShould(result) || result.outcome === 'xfail');
  const title = visible(verifier.version === undefined ? verifier.name : `${verifier.name} ${verifier.version}`);
  return {
    tool: { driver: { name, ...(version === undefined ? {} : { version }), rules: told.map(ruleOf) } },
    automationDetails: { id: `teemu/${visible(suite)}/${visible(verifier.name)}/` },
    invocations: [{ executionSuccessful: !interrupted }],
    originalUriBaseIds: { [CASES]: { description: { text: `Cases of teemu’s corpus; see one with: teemu vectors show ID. The verifier: ${title}` } } },
    results: told.map((result, i) => resultOf(result, i, title, comparison)),
    properties: {
      verifier: title,
      adapter: visible(verifier.adapter),
      cases: results.length,
      ...(seed === undefined ? {} : { seed: visible(seed) }),
      ...(at === undefined ? {} : { corpusTime: new Date(at).toISOString() }),
    },
  };
}

function ruleOf({ id, why, ref, severity, bug, expect, policy }: CaseResult): object {
  const { level, score } = LEVELS[severity];
  return {
    id: visible(id),
    shortDescription: { text: visible(why) },
    fullDescription: { text: visible(`${why} A correct verifier ${expect === 'must-reject' ? 'refuses' : 'accepts'} it${policy === undefined ? '' : ` under this policy: ${policy}`}.`) },
    help: { text: visible(`See: ${ref}`) },
    defaultConfiguration: { level },
    properties: { tags: ['security', visible(bug)], 'security-severity': score, problem: { severity: level === 'note' ? 'recommendation' : level } },
  };
}

function resultOf(result: CaseResult, ruleIndex: number, title: string, comparison: Comparison | undefined): object {
  const { id, severity, outcome, note = '', answer, why } = result;
  const said = [answer.stage, answer.reason, answer.detail].filter((text) => text !== undefined && text !== '').join(': ');
  return {
    ruleId: visible(id),
    ruleIndex,
    kind: 'fail',
    level: LEVELS[severity].level,
    message: { text: visible(`${title} ${VERDICT_VERBS[answer.verdict]} this (${outcome}): ${why}${note === '' ? '' : ` ${note}.`}${said === '' ? '' : ` It says: ${said}`}`) },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: encodeURI(visible(id)), uriBaseId: CASES } },
        logicalLocations: [{ fullyQualifiedName: visible(id), kind: 'case' }],
      },
    ],
    partialFingerprints: { 'teemuCase/v1': visible(id) },
    ...(comparison ? { baselineState: baselineState(comparison, id) } : {}),
    ...(outcome === 'xfail' ? { suppressions: [{ kind: 'external', justification: visible(note) }] } : {}),
    properties: { outcome, verdict: answer.verdict, expect: result.expect, milliseconds: answer.wallMs },
  };
}
