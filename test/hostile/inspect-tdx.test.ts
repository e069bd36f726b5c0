/** Whatever bytes stand in place of TDX's files, inspecting them answers or throws a typed error. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import { tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { quoteCollateral } from '../../emulator/tdx/evidence/exports.ts';
import { encodeEventLog, decodeEventLog } from '../../emulator/tdx/boot/log/event-log.ts';
import { jsonLine } from '../../harness/cli/session/terminal.ts';
import { tdxWorld } from '../tdx/machine.ts';
import { iterations } from './iterations.ts';

const evidence = tdxEvidence(tdxWorld(), { boot: 'direct' });
const file = (name: string): Uint8Array => evidence.bundle.files.get(name) ?? new Uint8Array(0);
const seeds: readonly (readonly [name: string, src: Uint8Array])[] = [
  ['quote', evidence.quote],
  ['TDREPORT', evidence.tdReport],
  ['table', evidence.ccel.table],
  ['log', encodeEventLog({ ...decodeEventLog(evidence.ccel.data), trailing: new Uint8Array(40).fill(0xff) })],
  ['TCB info', file('collateral/tcb_info.json')],
  ['collateral', new TextEncoder().encode(JSON.stringify(quoteCollateral(evidence.bundle)))],
];

function typedOnly(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof TeemuError) return false;
    throw error;
  }
}

describe('inspecting', { timeout: 10 * 60_000 }, () => {
  test.each(seeds)('a damaged %s throws nothing but typed errors', (_, src) => {
    const edits = fc.array(fc.tuple(fc.oneof(fc.nat(src.length - 1), fc.nat(Math.min(80, src.length - 1))), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x22, 0x5b, 0x7b, 0x7d, 0xff))), { maxLength: 4 });
    let understood = 0;
    fc.assert(
      fc.property(edits, fc.oneof({ weight: 4, arbitrary: fc.constant(src.length) }, { weight: 1, arbitrary: fc.nat(src.length) }), (changes, cut) => {
        const damaged = src.slice(0, cut);
        for (const [at, to] of changes) if (at < damaged.length) damaged[at] = to;
        if (typedOnly(() => jsonLine(inspect(damaged, { at: 0 })))) understood++;
      }),
      { numRuns: Math.ceil(iterations / 20 / seeds.length) },
    );
    // Otherwise the damage is too coarse to get past the first check.
    expect(understood).toBeGreaterThan(0);
  });

  test.each<[string, string]>([
    ['nested deep', `{"tcbInfo":${'['.repeat(200_000)}`],
    ['nested deep and closed', `{"tcbInfo":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)},"signature":""}`],
    ['wide', `{"tcbInfo":{"a":[${'{"b":1},'.repeat(50_000)}{}]},"signature":""}`],
    ['with a prototype in it', '{"tcbInfo":{"__proto__":{"id":1},"constructor":{}},"signature":{}}'],
  ])('JSON that is %s is shown or refused', (_, text) => {
    typedOnly(() => jsonLine(inspect(Buffer.from(text))));
  });
});
