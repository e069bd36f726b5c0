/** What a report costs beside the signature in it, in a live world: the guest is launched, and asks again and again. */
import { randomBytes, sign } from 'node:crypto';
import { syntheticFirmware } from '../emulator/snp/launch/firmware.ts';
import { launchPages } from '../emulator/snp/launch/measure.ts';
import { productNamed } from '../emulator/snp/platform/products.ts';
import { SIGNED_SIZE } from '../emulator/snp/report.ts';
import { platformOf, reportKey } from '../emulator/snp/secure-processor/platform.ts';
import { SecureProcessor } from '../emulator/snp/secure-processor/secure-processor.ts';
import { freshSecret, systemClock, World } from '../emulator/world.ts';
import { compare, type Ratio, ratio, type Speed } from './ratio.ts';

export async function reportGeneration(): Promise<{ speeds: Speed[]; ratios: Ratio[] }> {
  const world = new World('private', freshSecret(), systemClock(), () => undefined);
  const platform = platformOf(world, productNamed('milan'));
  const processor = new SecureProcessor(world, platform);
  const guest = processor.launch({ policy: 0x30000n, pages: launchPages({ ovmf: syntheticFirmware(), vcpuType: 'EPYC-Milan-v2' }) });
  const key = reportKey(world, platform, 'vcek').privateKey;
  const message = randomBytes(SIGNED_SIZE);
  const reportData = new Uint8Array(64);
  const speeds = await compare([
    { name: 'crypto.sign P-384, 672 bytes', run: () => sign('sha384', message, { key, dsaEncoding: 'ieee-p1363' }) },
    { name: 'SNP report', run: () => processor.attest(guest, { reportData }) },
  ]);
  return { speeds, ratios: [ratio('report generation to crypto.sign P-384 alone', 0.9, speeds, 'SNP report', 'crypto.sign P-384, 672 bytes')] };
}
