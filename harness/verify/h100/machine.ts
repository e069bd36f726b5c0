/** Several devices as one machine: each judged by itself, and then what ties them together. */
import type { DeviceFacts } from './device.ts';
import type { H100Expectations } from './expectations.ts';
import type { H100Appraisal } from './reasons.ts';

/** A machine in protected PCIe mode has so many. */
const GPUS = 8;
const SWITCHES = 4;

const sameSet = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((item) => b.includes(item));

/** Checks what no device shows by itself. */
export function checkMachine(appraisal: H100Appraisal, devices: readonly DeviceFacts[], { deviceCount, ueids, allowIncompleteMachine = false }: H100Expectations): void {
  const gpus = devices.filter(({ mode }) => mode !== undefined);
  const [first] = gpus;
  const other = gpus.findIndex(({ mode }) => mode !== first?.mode);
  appraisal.check('mode-mixed', other < 0, () => ({ message: `a GPU is ${first?.mode}, and another ${gpus[other]?.mode}`, path: `devices.${devices.indexOf(gpus[other] as DeviceFacts)}` }));

  const nonce = devices.findIndex((device) => device.nonce !== devices[0]?.nonce);
  appraisal.check('nonce-mixed', nonce < 0, () => ({ message: 'answers to another nonce than the first device', path: `devices.${nonce}` }));
  for (const key of ['pdi', 'ueid'] as const) {
    const twice = devices.findIndex((device, i) => devices.findIndex((d) => d[key] === device[key]) < i);
    appraisal.check('device-twice', twice < 0, () => ({ message: `the device ${devices[twice]?.[key]} is there already`, path: `devices.${twice}` }));
  }
  if (deviceCount !== undefined) appraisal.check('device-count', devices.length === deviceCount, () => ({ message: `are ${devices.length}, must be ${deviceCount}`, path: 'devices' }));
  if (ueids) {
    const stated = devices.map(({ ueid }) => ueid);
    appraisal.check('device-unexpected', sameSet(stated, ueids), () => ({ message: `are ${stated.join(', ')}`, path: 'devices' }));
  }
  if (first?.mode === 'ppcie' && !allowIncompleteMachine) checkTopology(appraisal, devices);
}

/** Checks that eight GPUs and four switches name one another, and nobody else. */
function checkTopology(appraisal: H100Appraisal, devices: readonly DeviceFacts[]): void {
  const switches = devices.filter(({ architecture }) => architecture === 'LS10');
  const gpus = devices.filter((device) => !switches.includes(device));
  appraisal.check('topology', gpus.length === GPUS && switches.length === SWITCHES, () => ({ message: `must be ${GPUS} GPUs and ${SWITCHES} switches, are ${gpus.length} and ${switches.length}`, path: 'devices' }));
  for (const [own, others] of [
    [gpus, switches],
    [switches, gpus],
  ] as const) {
    const wanted = others.map(({ pdi }) => pdi);
    const wrong = own.find(({ peers }) => !sameSet(peers, wanted));
    appraisal.check('topology', wrong === undefined, () => ({ message: `names ${wrong?.peers.join(', ')}, must name ${wanted.join(', ')}`, path: `devices.${wrong ? devices.indexOf(wrong) : 0}` }));
  }
}
