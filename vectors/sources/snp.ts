/** The SNP cases for verifiers of any kind: each as a bundle with what the relying party trusts and asks for. */
import { type Bundle, type Json, makeBundle } from '../../emulator/bundle.ts';
import { pem } from '../../emulator/pki/der.ts';
import { snpCaseBuilder, type SnpSubject } from '../build.ts';
import type { Setting } from '../case-world.ts';
import { SNP_CASES } from '../cases/snp.ts';
import { caseInfo, type Files, type SnpCase } from '../model.ts';
import type { BuiltCase, CaseInfo, CaseSource, Subject } from '../subject.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');
const certificate = (der: Uint8Array): Uint8Array => text(pem('CERTIFICATE', der));

/** The corpus of SNP. */
export const SNP_SOURCE: CaseSource = {
  tee: 'snp',
  cases: SNP_CASES.map(infoOf),
  build: (id, setting) => {
    const row = SNP_CASES.find((one) => one.id === id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return builtOf(row, setting);
  },
};

/** One builder a setting: the good twins that cases share are made once. */
const builders = new Map<string, ReturnType<typeof snpCaseBuilder>>();

function builtOf(row: SnpCase, setting: Setting): BuiltCase {
  const name = `${setting.at}/${setting.seed}`;
  const build = builders.get(name) ?? snpCaseBuilder(setting);
  builders.set(name, build);
  const { subject, twin } = build(row);
  return { info: infoOf(row), subject: snpSubject(subject, setting), twin: snpSubject(twin, setting) };
}

function infoOf(row: SnpCase): CaseInfo {
  return caseInfo('snp', row);
}

/** A subject of SNP as adapters know it. */
export function snpSubject(subject: SnpSubject, setting: Setting): Subject {
  return { bundle: bundleOf(subject, setting), roots: new Map([['ark.pem', certificate(subject.root)]]), now: subject.now, request: requestOf(subject), services: {} };
}

function bundleOf({ line, signer, report, leaf, intermediate, ark, crl, certificateTable, files }: SnpSubject, { at }: Setting): Bundle {
  const chain = [intermediate, ark].map((der) => pem('CERTIFICATE', der)).join('');
  const contents: Files = new Map([
    ['report.bin', report],
    ['ark.pem', certificate(ark)],
    [signer === 'vcek' ? 'ask.pem' : 'asvk.pem', certificate(intermediate)],
    [`${signer}.pem`, certificate(leaf)],
    ['cert_chain.pem', text(chain)],
    ['certs.bin', certificateTable],
    ['crl.der', crl],
  ]);
  return makeBundle({ tee: 'snp', line, signer, verifyAt: Math.floor(at / 1000), services: {} }, files ? files(contents) : contents);
}

function requestOf({ request: { reportData, measurement, hostData, maximumPolicy, minimumTcb, more, ...rest } }: SnpSubject): Readonly<Record<string, Json>> {
  return {
    ...rest,
    requireCrl: true,
    policy: `0x${maximumPolicy.toString(16)}`,
    ...(reportData && { reportData: hex(reportData) }),
    ...(measurement && { measurement: hex(measurement) }),
    ...(hostData && { hostData: hex(hostData) }),
    ...(minimumTcb && { minimumTcb: { ...minimumTcb } }),
    ...more,
  };
}
