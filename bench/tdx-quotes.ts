/** What a quote costs beside the signature in it, in a live world: the machine runs, the TD was launched, and asks again and again. */
import { randomBytes, sign } from 'node:crypto';
import { intelAuthorityOf } from '../emulator/tdx/authority.ts';
import { syntheticTdvf } from '../emulator/tdx/boot/firmware.ts';
import { TdxModule } from '../emulator/tdx/module/tdx-module.ts';
import { quotingPlatform } from '../emulator/tdx/platform/hardware.ts';
import { platformState, tdxPlatform } from '../emulator/tdx/platform/platform.ts';
import { signedSize } from '../emulator/tdx/quote/quote.ts';
import { BODY_TYPES } from '../emulator/tdx/quote/tables.ts';
import { QuotingEnclave } from '../emulator/tdx/quoting/quoting-enclave.ts';
import { freshSecret, systemClock, World } from '../emulator/world.ts';
import { compare, type Ratio, ratio, type Speed } from './ratio.ts';

const ALONE = 'crypto.sign P-256, 632 bytes';
const QUOTE = 'TDX quote over a TDREPORT';
const BOTH = 'TDREPORT and TDX quote';

export async function tdxQuotes(): Promise<{ speeds: Speed[]; ratios: Ratio[] }> {
  const world = new World('private', freshSecret(), systemClock(), () => undefined);
  const platform = tdxPlatform();
  const hardware = quotingPlatform(intelAuthorityOf(world), platform);
  const td = new TdxModule(world, hardware, platformState(platform, world.now()).launchedModule).launch({ image: syntheticTdvf() });
  const enclave = new QuotingEnclave(world, hardware);
  const reportData = new Uint8Array(64);
  const report = td.report(reportData);
  const key = enclave.attestationKey.privateKey;
  const message = randomBytes(signedSize(4, BODY_TYPES.td10));
  const speeds = await compare([
    { name: ALONE, run: () => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }) },
    { name: QUOTE, run: () => enclave.quote(report) },
    { name: BOTH, run: () => enclave.quote(td.report(reportData)) },
  ]);
  return { speeds, ratios: [ratio('TDX quotes to crypto.sign P-256 alone', 0.5, speeds, QUOTE, ALONE)] };
}
