/**
 * A long transfer under attack, the GPU in a thread of its own. `TEEMU_TRANSFER_BYTES` says how many bytes go each way: a few by default; 4294967296 is the
 * full run, with keys rotated every 64 MiB.
 */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type SoakReport, soak } from './soak.ts';

const SCRIPT = new URL('../../../dist/emulator/link/path/device/gpu-thread.js', import.meta.url);
const BYTES = Number(process.env.TEEMU_TRANSFER_BYTES ?? 96 << 20);
const LONG = 1 << 30;
const rotateEvery = BYTES >= LONG ? 64 << 20 : 16 << 20;
/** Memory that a run may take beyond what the test runner has, however long it is. */
const MOST_MEMORY = 900 << 20;

function tell(report: SoakReport, before: number): string {
  const attacks = [...report.attacks].map(([name, outcomes]) => `${name}: ${[...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', ')}`);
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  return [
    `${mib(report.equal)} equal, ${mib(report.lost)} reported lost; ${report.rotations} rotations, ${report.sessions} sessions, ${report.channels} channels`,
    `${report.mostSlots} bounce buffers, ${mib(report.mostMemory - before)} of memory`,
    ...attacks,
  ].join('\n');
}

test(`${Math.round(BYTES / 2 ** 20)} MiB to the GPU and back under attack: every byte equal or reported lost`, async () => {
  if (!existsSync(SCRIPT)) throw new Error('run npm run build first: the thread of the GPU is started from what it writes');
  const before = process.memoryUsage().rss;
  const report = await soak({ seed: process.env.TEEMU_TRANSFER_SEED ?? 'soak', bytes: BYTES, rotateEvery, attackOneIn: BYTES >= LONG ? 6 : 2, script: SCRIPT });
  process.stderr.write(`${tell(report, before)}\n`);
  expect(report.equal + report.lost).toBeGreaterThanOrEqual(BYTES);
  expect(report.attacks.size).toBeGreaterThan(0);
  expect(report.leaks).toBe(0);
  expect(report.mostSlots).toBeLessThanOrEqual(32);
  expect(report.mostMemory - before).toBeLessThan(MOST_MEMORY);
  // Every session begins to count anew, so a little less than one rotation for each so many bytes.
  expect(report.rotations).toBeGreaterThanOrEqual(Math.floor(report.equal / rotateEvery) - report.sessions - report.channels);
}, 3_600_000);
