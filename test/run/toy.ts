/** A suite of cases that any program can judge: the evidence says itself whether it is good. And programs that do it, or something else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import type { Suite } from '../../harness/run/suite.ts';
import type { CaseInfo, Subject } from '../../vectors/subject.ts';

const AT = Date.UTC(2026, 5, 1);

/** Evidence of one word. */
export function subject(word: string, more: Partial<Subject> = {}): Subject {
  return {
    bundle: makeBundle({ tee: 'snp', verifyAt: AT / 1000, services: {} }, new Map([['report.bin', Buffer.from(word)]])),
    roots: new Map([['ark.pem', Buffer.from('root')]]),
    now: AT,
    request: { reportData: '0102' },
    services: {},
    ...more,
  };
}

/** A case as its row says, with what a row must have and tests don't care for. */
export function info(id: string, more: Partial<CaseInfo> = {}): CaseInfo {
  return { id, tee: 'snp', expect: 'must-reject', severity: 'high', bug: 'authentication-bypass', ref: 'test', why: 'test', ...more };
}

/** Cases by id: what the evidence says, and what its twin says. */
export function suite(cases: Readonly<Record<string, { readonly word: string; readonly twin?: string } & Partial<CaseInfo>>>, more: Partial<Subject> = {}): Suite {
  const infos = Object.entries(cases).map(([id, { word: _, twin: __, ...rest }]) => info(id, rest));
  return {
    name: 'toy',
    seed: 'toy',
    cases: infos,
    build: (id) => {
      const found = infos.find((one) => one.id === id);
      const row = cases[id];
      if (!found || !row) throw new RangeError(id);
      return { info: found, subject: subject(row.word, more), twin: subject(row.twin ?? 'good', more) };
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), 'teemu-toy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let programs = 0;

/** A program for Node. @returns what to call */
export function program(source: string): string[] {
  const path = join(folder, `${programs++}.cjs`);
  writeFileSync(path, source);
  return [process.execPath, path];
}

/** A verifier that reads its evidence from the file that it is named, and does what the word says. */
export const HONEST_COMMAND: string = `
const { readFileSync } = require('node:fs');
const word = readFileSync(process.argv[2], 'utf8');
if (word === 'sleep') setInterval(() => {}, 1000);
else if (word === 'crash') process.kill(process.pid, 'SIGSEGV');
else if (word === 'error') process.exit(126);
else if (word === 'flood') { const line = 'x'.repeat(1 << 16); const go = () => { while (process.stdout.write(line)); process.stdout.once('drain', go); }; go(); }
else if (word === 'eat') { const all = []; setInterval(() => all.push(Buffer.alloc(32 << 20, 1)), 5); }
else if (word === 'fork') { require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref(); process.exit(1); }
else if (word === 'fork-loud') { require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'inherit' }).unref(); process.exit(1); }
else { console.error('I say ' + word); process.exit(word === 'good' ? 0 : 3); }
`;

/** The same over JSON lines. */
export const HONEST_LINES: string = `
const lines = require('node:readline').createInterface({ input: process.stdin });
let asked = 0;
lines.on('line', (line) => {
  const q = JSON.parse(line);
  const say = (o) => console.log(JSON.stringify(o));
  if (q.cmd === 'hello') return say({ protocol: 1, name: 'toy', version: '7' });
  if (q.cmd === 'bye') return process.exit(0);
  asked++;
  const word = Buffer.from(q.files['report.bin'], 'base64').toString();
  switch (word) {
    case 'sleep': return;
    case 'crash': return process.kill(process.pid, 'SIGSEGV');
    case 'exit': return process.exit(9);
    case 'garbage': return console.log('{ no json');
    case 'other': return say({ seq: q.seq + 1, verdict: 'accept' });
    case 'odd': return say({ seq: q.seq, verdict: 'perhaps' });
    case 'flood': { const piece = 'x'.repeat(1 << 16); const go = () => { while (process.stdout.write(piece)); process.stdout.once('drain', go); }; return go(); }
    case 'eat': { const all = []; return void setInterval(() => all.push(Buffer.alloc(32 << 20, 1)), 5); }
    case 'close': return process.stdout.end();
    case 'count': return say({ seq: q.seq, verdict: 'reject', detail: String(asked) });
    case 'skip': return say({ seq: q.seq, verdict: 'skip', detail: 'not mine' });
    default: return say({ seq: q.seq, verdict: word === 'good' ? 'accept' : 'reject', stage: 'signature', reason: 'r', detail: 'I say ' + word });
  }
});
`;
