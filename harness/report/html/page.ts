/** One page that needs nothing but itself: no network, no script for its tables, no colour to be understood. */
import { createHash } from 'node:crypto';
import type { ScoredRun } from '../../score/result.ts';
import type { Comparison } from '../comparison.ts';
import { type Markup, markup, trusted } from '../markup.ts';
import { matrixOf } from '../matrix.ts';
import { fieldSection } from './fields.ts';
import { findingIds, findingSection } from './findings.ts';
import { latencySection } from './latency.ts';
import { matrixSection } from './matrix-tables.ts';
import { comparisonSection, overviewSection } from './overview.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import { windowSection } from './windows.ts';

/**
 * The page. What verifiers said is in it as text only; should anything of it ever come to stand as markup, the page's own policy lets no script run
 * but the one whose hash it names, and nothing be loaded.
 */
export function htmlReport(runs: readonly ScoredRun[], comparisons: readonly (Comparison | undefined)[] = []): string {
  const matrix = matrixOf(runs);
  const findings = findingIds(matrix);
  const sections = [
    { id: 'overview', name: 'Overview', body: overviewSection(runs, matrix) },
    { id: 'changes', name: 'Changes', body: comparisonSection(matrix, comparisons) },
    { id: 'matrix', name: 'Matrix', body: matrixSection(runs, matrix, findings) },
    { id: 'findings', name: 'Findings', body: findingSection(matrix, findings) },
    { id: 'fields', name: 'Fields', body: fieldSection(runs, matrix) },
    { id: 'windows', name: 'Accept windows', body: windowSection(runs, matrix) },
    { id: 'latency', name: 'Latency', body: latencySection(runs, matrix) },
  ].filter((section): section is typeof section & { body: Markup } => section.body !== undefined);
  const policy = `default-src 'none'; script-src '${hashOf(SCRIPT)}'; style-src '${hashOf(STYLE)}'; base-uri 'none'; form-action 'none'`;
  return `${
    markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policy}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<title>teemu: ${matrix.columns
      .map(({ title }) => title)
      .join(', ')
      .slice(0, 200)}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header>
<h1>What verifiers make of good and bad evidence</h1>
<nav aria-label="Sections">${sections.map(({ id, name }) => markup`<a href="#${id}">${name}</a> `)}</nav>
</header>
<main>
${sections.map(({ id, name, body }) => markup`<section id="${id}" aria-labelledby="${id}-head">\n<h2 id="${id}-head">${name}</h2>\n${body}</section>\n`)}</main>
<footer><p>Made by ${runs[0]?.tool ?? 'teemu'}. The evidence is emulated, from test keys: it proves nothing to anybody.</p></footer>
<script>${trusted(SCRIPT)}</script>
</body>
</html>`.text
  }\n`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}
