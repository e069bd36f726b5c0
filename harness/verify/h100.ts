/**
 * The strict reference verifier of evidence of NVIDIA's GPUs and NVSwitches. With what makes evidence it shares the tables of the structures and
 * the readers of DER, XML and manifests, which are held against genuine samples and other people's tools; no value and no verdict comes from there.
 */
import { ConfigError } from '../../emulator/errors.ts';
import { type DeviceFacts, type DeviceSources, type SystemState, verifyOne } from './h100/device.ts';
import { MAX_DEVICES, type PresentedDevice, readEvidence } from './h100/evidence/json.ts';
import { checkExpectations, type H100Expectations } from './h100/expectations.ts';
import { checkMachine } from './h100/machine.ts';
import { type OcspSource, storedOcsp } from './h100/pki/ocsp.ts';
import { H100_PASSES, H100_REASONS, type H100Appraisal, type H100Reason } from './h100/reasons.ts';
import { keyOf } from './kept.ts';
import { Appraisal, type Check, judge, type Verdict } from './verdict.ts';

export { h100Appraiser } from './h100/appraise.ts';
export type { DeviceFacts, RimSource, SystemState } from './h100/device.ts';
export type { PresentedDevice } from './h100/evidence/json.ts';
export { GPU_MODES, type GpuMode, type H100Expectations } from './h100/expectations.ts';
export { type OcspAnswer, type OcspQuestion, type OcspSource, storedOcsp } from './h100/pki/ocsp.ts';
export { H100Trust } from './h100/pki/trust.ts';
export { H100_REASONS, type H100Reason } from './h100/reasons.ts';
export type { RimKind } from './h100/rim/manifest.ts';

/** Evidence to be verified. */
export interface PresentedH100 {
  /** JSON, as NVIDIA's tools exchange it, or its devices one by one. */
  readonly evidence: Uint8Array | readonly PresentedDevice[];
  /** Where manifests come from, by their ids. */
  readonly rim: DeviceSources['rim'];
  /** OCSP responses that are at hand, in DER, or where they come from. */
  readonly ocsp: OcspSource | readonly Uint8Array[];
  /** What the system says of itself. Without it, nothing is missing. */
  readonly system?: SystemState;
}

/** What accepted evidence states. */
export interface H100Facts {
  /** Of the GPUs, where all have the same. */
  readonly driverVersion?: string;
  readonly vbiosVersion?: string;
  /** Of the first device. */
  readonly hardwareModel: string;
  readonly ueid: string;
  /** Hexadecimal: all devices have the same. */
  readonly nonce: string;
  /** Whether every measurement was compared that a manifest speaks for. */
  readonly measurementsMatch: boolean;
  /** In the order of the evidence. */
  readonly devices: readonly DeviceFacts[];
  /** Milliseconds since 1970: when the first of the certificates and responses expires. */
  readonly validUntil: number;
}

/** The verdict on one device. */
export type DeviceVerdict = Verdict<DeviceFacts, H100Reason>;

/** What {@link verifyH100} answers: the verdict on all, which is the first device's that is refused, and that on each. */
export type H100Verdict = Verdict<H100Facts, H100Reason> & {
  /** One for each device, in the order of the evidence: none where the evidence could not be read. */
  readonly devices: readonly DeviceVerdict[];
};

/**
 * Verifies evidence of one or several devices. Each is judged by itself, stage by stage, up to the first thing that is wrong with it; if
 * nothing is, then what ties them together. One device that is refused, and all are.
 * @throws {ConfigError} for expectations that no evidence could meet; whatever the evidence is, that is a verdict
 */
export function verifyH100(presented: PresentedH100, expectations: H100Expectations): H100Verdict {
  checkExpectations(expectations);
  const { evidence, rim, system } = presented;
  const sources: DeviceSources = { rim, ocsp: sourceOf(presented, expectations), ...(system ? { system } : {}) };
  const opened = judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => openList(appraisal, evidence));
  if (!opened.accepted) return { ...opened, devices: [] };
  const devices = opened.facts.map((device, i) => judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => verifyOne(appraisal, device, i, sources, expectations)));
  const refused = devices.findIndex(({ accepted }) => !accepted);
  const verdict = judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => {
    for (const { checks } of [opened, ...devices]) appraisal.adopt(checks as readonly Check<H100Reason>[]);
    const first = devices[refused];
    if (first && !first.accepted) return appraisal.fail(first.reason, { ...first, path: `devices.${refused}${first.path === undefined ? '' : `.${first.path}`}` });
    const facts = devices.flatMap((device) => (device.accepted ? [device.facts] : []));
    checkMachine(appraisal, facts, expectations);
    return factsOf(facts);
  });
  return { ...verdict, devices };
}

/** Responses that are at hand are read once, where things are kept. */
function sourceOf({ ocsp }: PresentedH100, { trust }: H100Expectations): OcspSource {
  if (typeof ocsp === 'function') return ocsp;
  const read = (): OcspSource => storedOcsp(ocsp);
  return trust.keep(new Appraisal(H100_REASONS, H100_PASSES), 'stored-ocsp', () => keyOf(ocsp), read);
}

function openList(appraisal: H100Appraisal, evidence: PresentedH100['evidence']): readonly PresentedDevice[] {
  const devices = evidence instanceof Uint8Array ? readEvidence(appraisal, evidence) : evidence;
  const wrong = { message: `holds evidence of ${devices.length} devices, must be 1 to ${MAX_DEVICES}`, path: 'devices' };
  // There is nothing to go on with.
  if (devices.length === 0) return appraisal.fail('evidence-incomplete', wrong);
  appraisal.check('evidence-incomplete', devices.length <= MAX_DEVICES, () => wrong);
  return devices;
}

/** What all devices state together. */
function factsOf(devices: readonly DeviceFacts[]): H100Facts {
  const [first] = devices;
  if (!first) throw new ConfigError('evidence', 'holds no device');
  const gpus = devices.filter(({ architecture }) => architecture !== 'LS10');
  const common = (key: 'driverVersion' | 'vbiosVersion'): string | undefined => {
    const values = new Set((gpus.length > 0 ? gpus : devices).map((device) => device[key]));
    return values.size === 1 ? [...values][0] : undefined;
  };
  const [driverVersion, vbiosVersion] = [common('driverVersion'), common('vbiosVersion')];
  return {
    ...(driverVersion === undefined ? {} : { driverVersion }),
    ...(vbiosVersion === undefined ? {} : { vbiosVersion }),
    hardwareModel: first.hardwareModel,
    ueid: first.ueid,
    nonce: first.nonce,
    measurementsMatch: devices.every(({ measurementsMatch }) => measurementsMatch),
    devices,
    validUntil: Math.min(...devices.map(({ validUntil }) => validUntil)),
  };
}
