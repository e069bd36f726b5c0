import { expect, test } from 'vitest';
import { PRODUCTS, type Product } from '../../../emulator/snp/platform/products.ts';
import { decodeReport, type ReportVersion, SIGNED_SIZE, type SnpReport } from '../../../emulator/snp/report.ts';
import type { ReportSigner } from '../../../emulator/snp/secure-processor/platform.ts';
import type { Tcb } from '../../../emulator/snp/platform/tcb.ts';
import { describeReal, realSample } from '../../real-samples.ts';
import { processor } from './guests.ts';

/** Genuine reports, and the product that each is of: reports of version 2 do not say. */
const SAMPLES: readonly { readonly sample: string; readonly product: string }[] = [
  { sample: 'milan-v2-a', product: 'milan' },
  { sample: 'milan-v2-aci', product: 'milan' },
  { sample: 'milan-v2-b', product: 'milan' },
  { sample: 'milan-v2-c', product: 'milan' },
  { sample: 'milan-v3-dstack', product: 'milan' },
  { sample: 'milan-v3-ms', product: 'milan' },
  { sample: 'milan-v3-vlek', product: 'milan' },
  { sample: 'milan-v4-gce', product: 'milan' },
  { sample: 'genoa-v3-ms', product: 'genoa' },
  { sample: 'genoa-v3-tinfoil', product: 'genoa' },
  { sample: 'genoa-v5-live', product: 'siena' },
  { sample: 'turin-v5-ms', product: 'turin' },
];

const tcbOf = ({ fmc, bootLoader, tee, snp, microcode }: SnpReport['currentTcb']): Tcb => ({ ...(fmc === undefined ? {} : { fmc }), bootLoader, tee, snp, microcode });

describeReal('a genuine report', () => {
  test.each(SAMPLES)('$sample is what a processor writes that is set up as its machine was', ({ sample, product: name }) => {
    const genuine = realSample(`snp/${sample}.report.bin`);
    const report = decodeReport(genuine);
    const product = PRODUCTS[name] as Product;
    const view = new DataView(genuine.buffer, genuine.byteOffset);
    const chipIdMasked = report.chipId.every((byte) => byte === 0);
    const signer: ReportSigner = report.keyInfo.signingKey === 1 ? { kind: 'vlek', cspId: 'CN=somebody' } : { kind: 'vcek' };
    const on = processor({
      product,
      reportVersion: report.version as ReportVersion,
      ...(chipIdMasked ? {} : { hwid: report.chipId.slice(0, product.line === 'Turin' ? 8 : 64) }),
      currentTcb: tcbOf(report.currentTcb),
      committedTcb: tcbOf(report.committedTcb),
      reportedTcb: tcbOf(report.reportedTcb),
      launchTcb: tcbOf(report.launchTcb),
      firmware: { major: report.currentMajor, minor: report.currentMinor, build: report.currentBuild },
      committedFirmware: { major: report.committedMajor, minor: report.committedMinor, build: report.committedBuild },
      platformInfo: view.getBigUint64(0x40, true),
      mitigationVector: report.currentMitVector ?? 0n,
      signer,
      chipIdMasked,
    });
    const guest = on.launch({ policy: view.getBigUint64(0x08, true), pages: [], hostData: report.hostData });
    // What belongs to that one guest is taken over; everything else must come out by itself.
    const { guestSvn, familyId, imageId, measurement, idKeyDigest, authorKeyDigest, reportId } = report;
    const written = on.attest(guest, { reportData: report.reportData, vmpl: report.vmpl }, (r) => ({
      ...r,
      guestSvn,
      familyId,
      imageId,
      measurement,
      idKeyDigest,
      authorKeyDigest,
      reportId,
      keyInfo: { ...r.keyInfo, authorKeyEn: report.keyInfo.authorKeyEn },
    }));
    expect(written.subarray(0, SIGNED_SIZE)).toEqual(genuine.subarray(0, SIGNED_SIZE));
  });
});
