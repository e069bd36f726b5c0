/** Hostile NVIDIA evidence: whatever JSON, a report, a chain, a manifest, an OCSP response or a token holds, the answer is a verdict. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mapGpuReport } from '../../emulator/h100/report/report.ts';
import { H100_REASONS, type H100Verdict, NRAS_REASONS, type NrasVerdict, type PresentedH100, verifyH100, verifyNras } from '../../harness/verify/index.ts';
import { h100Appraiser } from '../../harness/verify/h100/appraise.ts';
import { evidence, NOW, ROOTS, TRUST } from '../verify/h100/evidence.ts';
import { nrasAnswer } from '../verify/nras/answer.ts';
import { iterations } from './iterations.ts';

const GOOD = evidence();
const [FIRST] = GOOD.evidence;
if (!FIRST) throw new Error('no device');
const { report: REPORT, certificateChain: CHAIN } = FIRST;
const SWITCHES = evidence({ gpu: 'h100-sxm', mode: 'ppcie', count: 1 });
const WISHES = { trust: TRUST, now: NOW, allowIncompleteMachine: true } as const;

/** A verdict is one of two, a refusal's reason is in the table, and its message is of a sane length. */
function checkVerdict(verdict: H100Verdict | NrasVerdict): void {
  if (verdict.accepted) return;
  const rows: Readonly<Record<string, { readonly stage: string }>> = { ...NRAS_REASONS, ...H100_REASONS };
  expect(rows[verdict.reason]?.stage).toBe(verdict.stage);
  expect(verdict.message.length).toBeLessThan(4000);
}

/** Some bytes changed, mostly at places that matter; or the whole cut, drawn out, or with a part of itself put elsewhere. */
function mangled(src: Uint8Array, places: readonly number[] = [0]): fc.Arbitrary<Uint8Array> {
  const at = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...places) }, { weight: 1, arbitrary: fc.nat(src.length - 1) });
  const edits = fc.array(fc.tuple(at, fc.oneof(fc.constantFrom(0, 1, 0x30, 0x7f, 0x80, 0xff, 0x22, 0x3c, 0x3e, 0x26, 0x5b, 0x7b), fc.nat(255))), { minLength: 1, maxLength: 6 });
  const changed = edits.map((list) => {
    const copy = new Uint8Array(src);
    for (const [place, value] of list) copy[place] = value;
    return copy;
  });
  const cut = fc.tuple(changed, fc.nat(src.length)).map(([bytes, end]) => bytes.slice(0, end));
  const spliced = fc
    .tuple(fc.nat(src.length), fc.nat(src.length), fc.nat(src.length))
    .map(([from, to, into]) => Uint8Array.from([...src.subarray(0, into), ...src.subarray(Math.min(from, to), Math.max(from, to)), ...src.subarray(into)]));
  const longer = fc.tuple(changed, fc.uint8Array({ maxLength: 64 })).map(([bytes, tail]) => Uint8Array.from([...bytes, ...tail]));
  return fc.oneof({ weight: 8, arbitrary: changed }, { weight: 1, arbitrary: cut }, { weight: 1, arbitrary: spliced }, { weight: 1, arbitrary: longer });
}

/** Heads of blocks and of opaque fields, counts and lengths. */
const headsOf = (src: Uint8Array): number[] => {
  const map = mapGpuReport(src);
  const range = (at: number, size: number): number[] => Array.from({ length: size }, (_, i) => at + i);
  return [...range(0, 45), ...map.blocks.flatMap((at) => range(at, 7)), ...range(map.opaque, 2), ...map.fields.flatMap(({ at }) => range(at, 5))];
};
const run = (property: fc.IRawProperty<unknown>, share = 1): void => void fc.assert(property, { numRuns: Math.max(50, Math.floor(iterations * share)) });
const verify = (presented: Partial<PresentedH100>): H100Verdict => verifyH100({ ...GOOD, ...presented }, WISHES);

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as reports: a verdict, and never acceptance of other bytes than were signed', () => {
    run(
      fc.property(fc.oneof(mangled(REPORT, headsOf(REPORT)), fc.uint8Array({ maxLength: 5000 })), fc.boolean(), (report, allowUnknownFields) => {
        const verdict = verifyH100({ ...GOOD, evidence: [{ ...FIRST, report }] }, { ...WISHES, allowUnknownFields });
        checkVerdict(verdict);
        if (verdict.accepted) expect(Buffer.compare(report, REPORT)).toBe(0);
      }),
      0.5,
    );
  });

  test('as reports of switches', () => {
    const device = SWITCHES.evidence.at(-1);
    if (!device) throw new Error('no switch');
    run(
      fc.property(mangled(device.report, headsOf(device.report)), (report) => {
        const verdict = verifyH100({ ...SWITCHES, evidence: [{ ...device, report }] }, WISHES);
        checkVerdict(verdict);
        if (verdict.accepted) expect(Buffer.compare(report, device.report)).toBe(0);
      }),
      0.3,
    );
  });

  test('as chains', () => {
    run(
      fc.property(fc.oneof(mangled(CHAIN), fc.uint8Array({ maxLength: 500 })), (certificateChain) => checkVerdict(verify({ evidence: [{ ...FIRST, certificateChain }] }))),
      0.3,
    );
  });

  test('as manifests', () => {
    const [id = '', xml = new Uint8Array()] = [...GOOD.rims][0] ?? [];
    run(
      fc.property(mangled(xml), (changed) => {
        const verdict = verify({ rim: (kind, other) => (other === id ? changed : GOOD.rim(kind, other, 0)) });
        checkVerdict(verdict);
      }),
      0.3,
    );
  });

  test('as OCSP responses', () => {
    const all = [...GOOD.answers.values()];
    run(
      fc.property(fc.nat(all.length - 1), fc.infiniteStream(fc.nat(255)), fc.nat(1100), (which, values, at) => {
        const value = values.next().value as number;
        const ocsp = all.map((der, i) => (i === which && at < der.length ? der.with(at, value) : der));
        const verdict = verify({ ocsp });
        checkVerdict(verdict);
        const changed = ocsp.some((der, i) => Buffer.compare(der, all[i] ?? der) !== 0);
        if (changed && verdict.accepted) throw new Error(`accepted with byte ${at} of response ${which} changed`);
      }),
      0.1,
    );
  });

  test('as evidence', () => {
    const json = Buffer.from(JSON.stringify([{ arch: 'HOPPER', certificate: Buffer.from(CHAIN).toString('base64'), evidence: Buffer.from(REPORT).toString('base64'), nonce: FIRST.nonce }]));
    run(
      fc.property(
        fc.oneof(
          mangled(new Uint8Array(json)),
          fc.json().map((text) => new Uint8Array(Buffer.from(text))),
        ),
        (src) => checkVerdict(verify({ evidence: src })),
      ),
      0.1,
    );
  });

  test('as requests for an appraisal', () => {
    const appraise = h100Appraiser();
    const answers = [...GOOD.answers.values()];
    const shared = {
      device: 'gpu',
      arch: 'HOPPER',
      nonce: new Uint8Array(REPORT.slice(4, 36)),
      at: NOW,
      allowCertificateHold: false,
      roots: { device: ROOTS[0] ?? new Uint8Array(), rim: ROOTS[1] ?? new Uint8Array() },
    } as const;
    run(
      fc.property(mangled(REPORT, headsOf(REPORT)), mangled(CHAIN), fc.uint8Array({ maxLength: 200 }), fc.boolean(), (report, chain, response, mangle) => {
        const parts = mangle ? { evidence: report, certificateChain: CHAIN } : { evidence: REPORT, certificateChain: chain };
        const appraisal = appraise({ ...shared, ...parts, rim: (id) => GOOD.rims.get(id), ocsp: () => (mangle ? response : (answers[0] ?? response)) });
        expect(appraisal.accepted).toBe(false);
      }),
      0.3,
    );
  });

  test("as the attestation service's answers", () => {
    const { response, keys } = nrasAnswer();
    run(
      fc.property(mangled(response), mangled(keys), fc.boolean(), (changed, others, which) => {
        const verdict = verifyNras(which ? { response: changed, keys } : { response, keys: others }, { now: NOW });
        checkVerdict(verdict);
      }),
      0.1,
    );
  });
});

describe('lengths that lie cost nothing', () => {
  test.each([
    ['the record', 42, [0xff, 0xff, 0xff]],
    ['the opaque data', mapGpuReport(REPORT).opaque, [0xff, 0xff]],
    ['an opaque field', (mapGpuReport(REPORT).fields[0]?.at ?? 0) + 2, [0xff, 0xff]],
    ['a block', (mapGpuReport(REPORT).blocks[0] ?? 0) + 2, [0xff, 0xff]],
  ] as const)('%s', (_, at, bytes) => {
    const report = REPORT.slice();
    report.set(bytes, at);
    expect(verify({ evidence: [{ ...FIRST, report }] })).toMatchObject({ accepted: false, reason: 'report-malformed' });
  });
});
