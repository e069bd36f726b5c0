/** JUnit XML, as Jenkins, GitLab and GitHub's actions read it. Its form: Jenkins' junit-10.xsd. */
import type { CaseResult, RunReport } from '../run/result.ts';
import { lines, type Markup, markup } from './markup.ts';
import { byArea, type Group, matrixOf } from './matrix.ts';
import { VERDICT_VERBS } from './outcomes.ts';

/** Longest attribute: what a verifier says can be long, the rest of it stands in the element. */
const LONGEST = 500;

/** One file for all runs: a suite for each verifier and area, a test for each case. */
export function junitReport(runs: readonly RunReport[]): string {
  const matrix = matrixOf(runs);
  const suites = matrix.columns.flatMap(({ title }, i) => byArea(matrix).flatMap((group) => suite(title, group, i, runs.length > 1)));
  const all = runs.flatMap(({ results }) => results);
  const seconds = runs.reduce((sum, { wallMs }) => sum + wallMs, 0);
  return `${
    markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="teemu" tests="${all.length}" failures="${all.filter(isFailure).length}" errors="${all.filter(isError).length}" time="${time(seconds)}">
${suites}</testsuites>`.text
  }\n`;
}

function suite(title: string, { name, rows }: Group, column: number, several: boolean): Markup[] {
  const results = rows.flatMap(({ cells }) => cells[column] ?? []);
  if (results.length === 0) return [];
  const seconds = results.reduce((sum, { answer }) => sum + answer.wallMs, 0);
  const suiteName = several ? `${title}: ${name}` : name;
  return [
    markup`  <testsuite name="${suiteName}" tests="${results.length}" failures="${results.filter(isFailure).length}" errors="${results.filter(isError).length}" skipped="${results.filter(isSkipped).length}" time="${time(seconds)}">
    <properties>
      <property name="verifier" value="${title}"/>
    </properties>
${results.map((result) => testcase(result, several ? title : undefined))}  </testsuite>
`,
  ];
}

function testcase(result: CaseResult, title: string | undefined): Markup {
  const { id, answer } = result;
  const [tee = '', area = '', slug = ''] = id.split('/');
  const name = `${tee}.${area}`;
  return markup`    <testcase name="${slug}" classname="${title === undefined ? name : `${title}.${name}`}" time="${time(answer.wallMs)}">
${verdictOf(result)}${answer.stderr ? markup`      <system-err>${lines(answer.stderr)}</system-err>\n` : undefined}    </testcase>
`;
}

function verdictOf(result: CaseResult): Markup | undefined {
  const { outcome, note = '', expect } = result;
  const message = note.slice(0, LONGEST);
  if (isFailure(result)) return markup`      <failure type="${outcome === 'fail' ? expect : outcome}" message="${message}">${lines(story(result))}</failure>\n`;
  if (isError(result)) return markup`      <error type="error" message="${message}">${lines(story(result))}</error>\n`;
  if (isSkipped(result)) return markup`      <skipped message="${message === '' ? outcome : message}"/>\n`;
  return undefined;
}

/** What whoever fixes the verifier needs to know. */
function story({ id, expect, severity, bug, why, ref, policy, expectedStage, note, answer: { verdict, stage, reason, detail, fetched }, twin }: CaseResult): string {
  const said = [stage, reason, detail].filter((text) => text !== undefined && text !== '').join(': ');
  return [
    `${id}: ${why}`,
    `expected: ${expect}${expectedStage === undefined ? '' : ` at ${expectedStage}`}${policy === undefined ? '' : `, under the policy: ${policy}`}`,
    `the verifier ${VERDICT_VERBS[verdict]}${said === '' ? '' : `: ${said}`}`,
    ...(note === undefined ? [] : [`note: ${note}`]),
    ...(twin ? [`of the good twin it says: ${twin.verdict}${twin.detail === '' ? '' : `: ${twin.detail}`}`] : []),
    ...(fetched ? [`it asked for: ${fetched.length === 0 ? 'nothing' : fetched.join(', ')}`] : []),
    `severity: ${severity}; ${bug}`,
    `see: ${ref}`,
  ].join('\n');
}

function isFailure({ outcome }: CaseResult): boolean {
  return outcome === 'fail' || outcome === 'vacuous' || outcome === 'xpass';
}

function isError({ outcome }: CaseResult): boolean {
  return outcome === 'error';
}

function isSkipped({ outcome }: CaseResult): boolean {
  return outcome === 'skip' || outcome === 'xfail';
}

/** Seconds with three places. */
function time(ms: number): string {
  return (ms / 1000).toFixed(3);
}
