/** What the attestation service says of one device. */
import { CodecError } from '../../../emulator/errors.ts';
import type { NrasAppraisal } from './reasons.ts';
import type { ReadToken } from './token.ts';

/** What an accepted token of a device states. */
export interface NrasDevice {
  readonly hardwareModel: string;
  /** Serial number of the leaf, in decimal. */
  readonly ueid: string;
  readonly driverVersion?: string;
  readonly vbiosVersion?: string;
  readonly debug: boolean;
}

/** What a relying party wants of a device. */
interface DeviceWishes {
  readonly hardwareModels?: readonly string[];
  readonly allowDebug?: boolean;
  readonly allowHold?: boolean;
}

/** Checks of the service that a relying party can't do without, with the part of the name that says which device it is. */
const CHECKED = ['attestation-report-parsed', 'attestation-report-nonce-match', 'attestation-report-signature-verified', 'arch-check'];
const PREFIX = 'x-nvidia-';

/** Checks a device's token. */
export function checkDeviceClaims(appraisal: NrasAppraisal, { claims, path }: ReadToken, wishes: DeviceWishes): NrasDevice {
  const failed = claims['x-nvidia-error-details'];
  appraisal.check('device-error', failed === undefined || failed === null, () => ({ message: `the service says ${JSON.stringify(failed).slice(0, 200)}`, path }));
  const kind = path.startsWith('GPU') ? 'gpu' : 'switch';
  const missing = [...CHECKED.map((name) => `${PREFIX}${kind}-${name}`), 'measres', 'hwmodel', 'ueid'].find((name) => claims[name] === undefined);
  appraisal.check('claim-missing', missing === undefined, () => ({ message: `there is no ${missing}`, path }));
  const text = (name: string): string | undefined => textClaim(appraisal, claims, path, name);
  const measured = text('measres');
  appraisal.check('measurement-result', measured === 'success', () => ({ message: `is ${measured?.slice(0, 40)}`, path: `${path}.measres` }));
  for (const name of CHECKED.map((check) => `${PREFIX}${kind}-${check}`)) {
    appraisal.check('claim-false', claims[name] === true, () => ({ message: `${name} does not hold`, path: `${path}.${name}` }));
  }
  const wrong = Object.entries(claims).find(([name, value]) => name.startsWith(PREFIX) && value === false);
  appraisal.check('claim-false', wrong === undefined, () => ({ message: `${wrong?.[0].slice(0, 80)} does not hold`, path }));
  checkCertificateChains(appraisal, claims, path, wishes);
  const debug = text('dbgstat');
  appraisal.check('debug-enabled', debug === undefined || debug === 'disabled' || wishes.allowDebug === true, () => ({ message: `is ${debug?.slice(0, 40)}`, path: `${path}.dbgstat` }));
  appraisal.check('secure-boot', claims.secboot === undefined || claims.secboot === null || claims.secboot === true, () => ({ message: 'the device did not boot securely', path: `${path}.secboot` }));
  const [hardwareModel = '', ueid = ''] = [text('hwmodel'), text('ueid')];
  const { hardwareModels } = wishes;
  if (hardwareModels)
    appraisal.check(
      'hardware-model',
      hardwareModels.some((model) => hardwareModel === model || hardwareModel.startsWith(`${model} `)),
      () => ({ message: `is ${hardwareModel.slice(0, 80)}`, path: `${path}.hwmodel` }),
    );
  const [driverVersion, vbiosVersion] = [text(`${PREFIX}${kind}-driver-version`), text(`${PREFIX}${kind}-vbios-version`) ?? text(`${PREFIX}${kind}-bios-version`)];
  return { hardwareModel, ueid, ...(driverVersion === undefined ? {} : { driverVersion }), ...(vbiosVersion === undefined ? {} : { vbiosVersion }), debug: debug !== undefined && debug !== 'disabled' };
}

/** Checks what claims of version 3 say of the certificates that the service looked at. */
function checkCertificateChains(appraisal: NrasAppraisal, claims: ReadToken['claims'], path: string, { allowHold = false }: DeviceWishes): void {
  for (const [name, value] of Object.entries(claims)) {
    if (!name.endsWith('-cert-chain') || typeof value !== 'object' || value === null) continue;
    const { 'x-nvidia-cert-status': status, 'x-nvidia-cert-ocsp-status': ocsp, 'x-nvidia-cert-revocation-reason': reason } = value as Record<string, unknown>;
    const held = allowHold && reason === 'certificateHold';
    appraisal.check('device-certificate-status', held || (status === 'valid' && ocsp === 'good'), () => ({ message: `is ${JSON.stringify(value).slice(0, 200)}`, path: `${path}.${name}` }));
  }
}

/** A claim that is text where it is there at all; null is the same as nothing. */
function textClaim(appraisal: NrasAppraisal, claims: ReadToken['claims'], path: string, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || value === null) return undefined;
  return appraisal.attempt('claims-malformed', () => {
    if (typeof value !== 'string') throw new CodecError('ERR_CODEC_RANGE', `${path}.${name}`, 0, 'must be a text');
    return value;
  });
}
