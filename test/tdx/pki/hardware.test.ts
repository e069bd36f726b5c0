/** A machine of the table with Intel's keys: its quotes say what its PCK certificate and the services say. */
import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pemBlocks, readCertificate } from '../../../emulator/pki/read.ts';
import { readSgxExtension } from '../../../emulator/pki/sgx-extension.ts';
import { Pcs } from '../../../emulator/services/intel/pcs.ts';
import { syntheticFirmware } from '../../../emulator/snp/launch/firmware.ts';
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { TdxModule } from '../../../emulator/tdx/module/tdx-module.ts';
import { quotingPlatform } from '../../../emulator/tdx/platform/hardware.ts';
import { platformOfEncryptedPpid, qeId } from '../../../emulator/tdx/platform/id.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { type Platform, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { chainText, type QeCertification } from '../../../emulator/tdx/quote/certification.ts';
import { decodeQuote, type TdxQuote } from '../../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT } from '../../../emulator/tdx/quote/tables.ts';
import { QuotingEnclave } from '../../../emulator/tdx/quoting/quoting-enclave.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

const AT = Date.parse('2026-11-23T12:00:00Z');
const IMAGE = syntheticFirmware({ size: 16 << 10 });
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const world = (): World => seededWorld('intel', fixedClock(AT));

function quoted(here: World, platform: Platform, withPckChain = true): TdxQuote {
  const hardware = quotingPlatform(intelAuthorityOf(here), platform, { withPckChain });
  const { launchedModule, runningModule } = platformState(platform, AT);
  const module = new TdxModule(here, hardware, launchedModule);
  const td = module.launch({ image: IMAGE });
  if (runningModule !== launchedModule) module.update(runningModule);
  return decodeQuote(new QuotingEnclave(here, hardware).quote(td.report(new Uint8Array(64))));
}
/** The certification data of a quote, which are those of a quoting enclave. */
function ofEnclave({ certification }: TdxQuote): QeCertification {
  if (certification.kind !== 'qe') throw new Error(`certification data of type ${certification.type}`);
  return certification;
}
/** Whether a PCK certificate vouches for the quoting enclave's report. @param pem the certificate comes first */
function vouches(pem: string, { qeReport, qeReportSignature }: QeCertification): boolean {
  const [leaf = new Uint8Array(0)] = pemBlocks(pem, 'CERTIFICATE');
  const key = createPublicKey({ key: Buffer.from(readCertificate(leaf).spki), format: 'der', type: 'spki' });
  return verify('sha256', ENCLAVE_REPORT.encode(qeReport), { key, dsaEncoding: 'ieee-p1363' }, qeReportSignature);
}

describe.each(Object.keys(PLATFORM_MODELS))('a quote of %s', (name) => {
  const platform = tdxPlatform(name, { index: 11 });

  test('states module, CPUSVN and id of its machine, and its PCK certificate vouches for it', () => {
    const quote = quoted(world(), platform);
    const { teeTcbSvn, launchedModule, tcb, cpuSvn, quotingEnclave } = platformState(platform, AT);
    const certification = ofEnclave(quote);
    expect([hex(quote.body.teeTcbSvn), hex(quote.body.mrSeam)]).toEqual([hex(teeTcbSvn), hex(launchedModule.mrSeam)]);
    expect([hex(certification.qeReport.cpuSvn), certification.qeReport.isvSvn, hex(certification.qeReport.mrEnclave)]).toEqual([hex(cpuSvn), quotingEnclave.isvSvn, hex(quotingEnclave.mrEnclave)]);
    expect(hex(quote.header.userData.subarray(0, 16))).toBe(hex(qeId(world(), platform)));
    const chain = (chainText(certification) ?? '').replace(/\0$/, '');
    expect(vouches(chain, certification)).toBe(true);
    const [leaf = new Uint8Array(0)] = pemBlocks(chain, 'CERTIFICATE');
    expect(readSgxExtension(readCertificate(leaf).extensions[5]?.value ?? new Uint8Array(0)).components).toEqual(tcb.sgx);
  });

  test('without its chain names the machine by its encrypted PPID, for which the PCS has the certificate', () => {
    const here = world();
    const certification = ofEnclave(quoted(here, platform, false));
    const inner = certification.certification;
    if (inner.kind !== 'ppid') throw new Error(`inner certification data of type ${inner.type}`);
    const found = platformOfEncryptedPpid(here, inner.ppid);
    expect([inner.type, found]).toEqual([3, platform]);
    const { body } = new Pcs({ world: here }).pckCert(platform, inner.cpuSvn, inner.pceSvn);
    expect(vouches(Buffer.from(body).toString('utf8'), certification)).toBe(true);
  });
});

test('a TD that is advised to relaunch states two modules, in a quote of version 5', () => {
  const { header, body } = quoted(world(), tdxPlatform('emerald-rapids', { status: 'TDRelaunchAdvised' }));
  expect(header.version).toBe(5);
  const { teeTcbSvn, teeTcbSvn2 } = body as { teeTcbSvn: Uint8Array; teeTcbSvn2?: Uint8Array };
  expect([hex(teeTcbSvn.subarray(0, 3)), hex(teeTcbSvn2?.subarray(0, 3) ?? new Uint8Array(0))]).toEqual(['060103', '0d0104']);
});
