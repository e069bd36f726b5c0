/** Genuine reports under NVIDIA's genuine roots, with the manifests and OCSP responses at hand: verdicts, and that every signed byte counts. */
import { describe, expect, test } from 'vitest';
import { mapGpuReport } from '../../emulator/h100/report/report.ts';
import { type H100Expectations, H100Trust, type H100Verdict, type PresentedDevice, verifyH100 } from '../../harness/verify/index.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

type Wishes = Omit<H100Expectations, 'trust' | 'now'>;
const trust = new H100Trust(REAL_SAMPLES === undefined ? [] : [realSample('h100/ca/device-root.der'), realSample('h100/ca/rim-root.der')], { keep: 64 });
const said = (v: H100Verdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason} (${v.path})`);

const RIM_FILES: Readonly<Record<string, string>> = {
  'NV_GPU_DRIVER_GH100_550.90.07': 'NV_GPU_DRIVER_GH100_550.90.07.xml',
  NV_GPU_VBIOS_1010_0200_882_96009F0001: 'NV_GPU_VBIOS_1010_0200_882_96009F0001.xml',
  NV_GPU_VBIOS_1010_0200_882_96005E0001: '1010_0200_882_96005E0001_PROD.swidtag',
  NV_SWITCH_BIOS_5612_0002_890_9610550001: 'NV_SWITCH_BIOS_5612_0002_890_9610550001.xml',
};
const OCSP_FILES = ['gpu-certificate-l2', 'gpu-certificate-l3', 'gpu-certificate-l4', 'gpu-driver-rim-l3', 'gpu-driver-rim-l4', 'gpu-rim-l2', 'gpu-vbios-l4'];
const rim = (_: string, id: string): Uint8Array | undefined => {
  const file = RIM_FILES[id];
  return file === undefined ? undefined : realSample(`h100/rim/${file}`);
};
const ocsp = (): Uint8Array[] => OCSP_FILES.map((name) => realSample(`h100/ocsp/${name}.ocsp.der`));

function device(name: string, edit: (report: Uint8Array) => Uint8Array = (report) => report): PresentedDevice {
  const architecture = name.startsWith('ls10') ? 'LS10' : name.startsWith('blackwell') ? 'BLACKWELL' : 'HOPPER';
  return { architecture, certificateChain: realSample(`h100/${name}.chain.pem`), report: edit(realSample(`h100/${name}.report.bin`)) };
}

/** The responses about the device are two months older than those about the manifests: NVIDIA's were never all valid at one time. */
const COMPLETE = 'gh100-550.90.07';
const OCTOBER = Date.parse('2025-10-24T12:00:00Z');
const DAY = 86_400_000;
const GRACE: Wishes = { ocspGrace: 70 * DAY };
const verify = (evidence: readonly PresentedDevice[], wishes: Wishes = {}, now = OCTOBER, responses = ocsp()): H100Verdict => verifyH100({ evidence, rim, ocsp: responses }, { trust, now, ...wishes });

describeReal('the one genuine GPU with manifests and OCSP responses', () => {
  test('is accepted, with every measurement compared that the manifests speak for', () => {
    const verdict = verify([device(COMPLETE)], GRACE);
    expect(said(verdict)).toBe('accepted');
    if (!verdict.accepted) return;
    // As NVIDIA's service said of the same device: the sample nras/detached-eat-v3claims-2025.json.
    expect(verdict.facts).toMatchObject({
      driverVersion: '550.90.07',
      vbiosVersion: '96.00.9F.00.01',
      hardwareModel: 'GH100 A01 GSP BROM',
      ueid: '478176379286082186618948445787393647364802107249',
      measurementsMatch: true,
    });
    const [first] = verdict.facts.devices;
    // 33 golden values; the video decoder is off.
    expect(first?.measurements.matched).toHaveLength(32);
    expect(first?.measurements.skipped).toEqual([35]);
    expect(first?.unasked).toEqual([]);
  });

  test('with its responses gone stale is refused', () => {
    expect(said(verify([device(COMPLETE)]))).toBe('revocation: ocsp-stale (devices.0.certificate.brom.ocsp)');
  });

  test('before the responses about the manifests is refused', () => {
    expect(said(verify([device(COMPLETE)], {}, Date.parse('2025-08-21T12:00:00Z')))).toBe('revocation: ocsp-future (devices.0.driver_rim.signer.ocsp)');
  });

  test('after the end of the certificate that signed the manifest of its VBIOS is refused', () => {
    expect(said(verify([device(COMPLETE)], GRACE, Date.parse('2026-02-23T12:00:00Z')))).toBe('chain: certificate-expired (devices.0.vbios_rim.signer)');
  });

  test('without one of its responses is refused', () => {
    for (const [i, name] of OCSP_FILES.entries()) {
      const verdict = verifyH100({ evidence: [device(COMPLETE)], rim, ocsp: ocsp().toSpliced(i, 1) }, { trust, now: OCTOBER, ...GRACE });
      expect([name, verdict.accepted ? '' : verdict.reason]).toEqual([name, 'ocsp-missing']);
    }
  });

  test('twice in a machine is refused', () => {
    expect(said(verify([device(COMPLETE), device(COMPLETE)], GRACE))).toBe('binding: device-twice (devices.1)');
  });

  test('answers to its own nonce only', () => {
    const own = device(COMPLETE).report.slice(4, 36);
    expect(said(verify([device(COMPLETE)], { ...GRACE, nonce: own }))).toBe('accepted');
    expect(said(verify([device(COMPLETE)], { ...GRACE, nonce: new Uint8Array(32) }))).toBe('binding: nonce-mismatch (devices.0.report.request.nonce)');
  });

  test('with any byte of its report turned is refused', () => {
    const { length } = device(COMPLETE).report;
    const map = mapGpuReport(device(COMPLETE).report);
    // Every byte of the heads, nonces and opaque data, and one in each measurement and in the signature.
    const within = [
      ...Array(45).keys(),
      ...map.blocks.flatMap((at) => [at, at + 1, at + 2, at + 3, at + 4, at + 5, at + 20]),
      ...Array.from({ length: map.signature - map.responderNonce }, (_, i) => map.responderNonce + i),
      map.signature,
      length - 1,
    ];
    const accepted = within.filter((at) => {
      const turned = (report: Uint8Array): Uint8Array => report.with(at, (report[at] ?? 0) ^ 0x01);
      return verify([device(COMPLETE, turned)], GRACE).accepted;
    });
    expect(accepted).toEqual([]);
  });

  test('with any byte of its certificates turned is refused', () => {
    const { certificateChain } = device(COMPLETE);
    const accepted: number[] = [];
    for (let at = 30; at < certificateChain.length; at += 37) {
      const turned = certificateChain.with(at, (certificateChain[at] ?? 0) ^ 0x01);
      if (verify([{ ...device(COMPLETE), certificateChain: turned }], GRACE).accepted) accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });

  test('with the certificates of another genuine GPU is refused', () => {
    expect(said(verify([{ ...device(COMPLETE), certificateChain: device('gh100-certhold').certificateChain }], { ...GRACE, allowNoOcsp: true }))).toBe('signature: report-signature (devices.0.report.signature)');
  });

  test('with any change in a manifest is refused', () => {
    for (const kind of ['driver', 'vbios'] as const) {
      const id = kind === 'driver' ? 'NV_GPU_DRIVER_GH100_550.90.07' : 'NV_GPU_VBIOS_1010_0200_882_96009F0001';
      const genuine = Buffer.from(rim(kind, id) ?? new Uint8Array()).toString('latin1');
      const changes = [...genuine.matchAll(/Hash0="([0-9a-f])/gi)].filter((_, i) => i % 9 === 0).map((match) => match.index + 7);
      for (const at of changes) {
        const changed = new Uint8Array(Buffer.from(genuine, 'latin1')).with(at, genuine[at] === '1' ? 0x32 : 0x31);
        const verdict = verifyH100({ evidence: [device(COMPLETE)], rim: (k, other) => (k === kind ? changed : rim(k, other)), ocsp: ocsp() }, { trust, now: OCTOBER, ...GRACE });
        expect(verdict.accepted ? 'accepted' : verdict.reason).toBe('rim-signature');
      }
    }
  });

  test('with another genuine manifest in place of its own is refused', () => {
    const other = realSample('h100/rim/NV_GPU_DRIVER_GH100_550.144.03.xml');
    const verdict = verifyH100({ evidence: [device(COMPLETE)], rim: (kind, id) => (kind === 'driver' ? other : rim(kind, id)), ocsp: ocsp() }, { trust, now: OCTOBER, ...GRACE, allowNoOcsp: true });
    expect(said(verdict)).toBe('tcb: rim-version (devices.0.driver_rim)');
  });

  test('under the roots changed round is refused', () => {
    const wrong = new H100Trust([realSample('h100/ca/rim-root.der')]);
    expect(said(verifyH100({ evidence: [device(COMPLETE)], rim, ocsp: ocsp() }, { trust: wrong, now: OCTOBER, ...GRACE }))).toBe('chain: root-untrusted (devices.0.certificate.root)');
  });
});

/** Everything that there is no data for: these devices' manifests and responses are not among the samples. */
const AS_FAR: Wishes = { allowNoRims: true, allowNoOcsp: true, allowNoFwid: true, allowIncompleteMachine: true, ocspGrace: 365 * DAY };
/** What is lacking: the first check that has no data. */
const OTHERS: readonly { readonly name: string; readonly at: string; readonly lacking: string; readonly mode?: string }[] = [
  ...['gh100-570.124.06', 'gh100-590.12', 'gh100-sdk', 'gh100-multi0', 'gh100-multi1', 'gh100-multi2', 'gh100-multi3'].map((name) => ({ name, at: '2026-06-01', lacking: 'rim-missing', mode: 'ppcie' })),
  ...['gh100-certhold', 'gh100-tinfoil'].map((name) => ({ name, at: '2026-06-01', lacking: 'rim-missing', mode: 'spt' })),
  ...['blackwell-590.48.01', 'blackwell-veraison'].map((name) => ({ name, at: '2026-06-01', lacking: 'rim-missing', mode: 'mpt' })),
  { name: 'blackwell-sdk', at: '2026-06-01', lacking: 'rim-missing', mode: 'spt' },
  // There is a manifest for its VBIOS, but not for its driver.
  { name: 'gh100-sdk-old', at: '2025-06-01', lacking: 'rim-missing', mode: 'spt' },
  // There is a manifest for switches, and nothing about its signer.
  ...['ls10-sdk', 'ls10-multi0', 'ls10-multi1', 'ls10-multi2', 'ls10-multi3'].map((name) => ({ name, at: '2026-06-01', lacking: 'ocsp-missing' })),
];

describeReal('genuine devices whose manifests or OCSP responses are not at hand', () => {
  test.each(OTHERS)('$name holds as far as there is data', ({ name, at, mode }) => {
    const verdict = verify([device(name)], AS_FAR, Date.parse(at), []);
    expect(said(verdict)).toBe('accepted');
    if (verdict.accepted) expect(verdict.facts.devices[0]?.mode).toBe(mode);
  });

  test.each(OTHERS)('$name is refused without leave: $lacking', ({ name, at, lacking }) => {
    const verdict = verify([device(name)], {}, Date.parse(at));
    expect(verdict.accepted ? 'accepted' : verdict.reason).toBe(lacking);
  });

  test('a report with a stray byte behind it is refused, and holds without', () => {
    expect(said(verify([device('gh100-coco')], AS_FAR))).toBe('parse: report-malformed (devices.0.h100.report)');
    expect(said(verify([device('gh100-coco', (report) => report.slice(0, -1))], AS_FAR))).toBe('accepted');
  });

  test("switches' measurements are those of the genuine manifest", () => {
    const verdict = verify([device('ls10-sdk')], AS_FAR, Date.parse('2026-06-01'));
    expect(verdict.accepted && verdict.facts.measurementsMatch).toBe(true);
  });

  test('four GPUs of a machine answer to one nonce, and are no whole machine', () => {
    // The first and the fifth are two devices; multi0 is the same as gh100-sdk.
    const four = [0, 1, 2, 3].map((i) => device(`gh100-multi${i}`));
    expect(said(verify(four, AS_FAR, Date.parse('2026-06-01')))).toBe('accepted');
    expect(said(verify(four, { ...AS_FAR, allowIncompleteMachine: false }, Date.parse('2026-06-01')))).toBe('binding: topology (devices)');
    expect(said(verify([...four, device('gh100-sdk')], AS_FAR, Date.parse('2026-06-01')))).toBe('binding: device-twice (devices.4)');
    expect(said(verify([...four.slice(0, 2), device('gh100-570.124.06')], AS_FAR, Date.parse('2026-06-01')))).toBe('binding: nonce-mixed (devices.2)');
  });

  test('GPUs in different modes are refused', () => {
    expect(said(verify([device('gh100-590.12'), device('gh100-tinfoil')], AS_FAR, Date.parse('2026-06-01')))).toBe('policy: mode-mixed (devices.1)');
  });

  test('a report before drivers stated their firmware is refused unless that is allowed', () => {
    expect(said(verify([device('gh100-sdk-old')], { ...AS_FAR, allowNoFwid: false }, Date.parse('2025-06-01'), []))).toBe('binding: fwid-absent (devices.0.report.opaque.FWID)');
  });

  test('an architecture that the chain is not of is refused', () => {
    expect(said(verify([{ ...device('gh100-tinfoil'), architecture: 'BLACKWELL' }], AS_FAR))).toBe('policy: architecture-mismatch (devices.0.arch)');
  });
});

describe('evidence as it is exchanged', () => {
  test.skipIf(REAL_SAMPLES === undefined)('the genuine file reads, and holds as far as there is data', () => {
    expect(said(verifyH100({ evidence: realSample('h100/evidence-serialized.json'), rim, ocsp: [] }, { trust, now: Date.parse('2026-06-01'), ...AS_FAR }))).toBe('accepted');
  });
});
