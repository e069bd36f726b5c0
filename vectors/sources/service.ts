/** The cases of services: sound evidence without its collateral, and services that are not well. */
import { type Bundle, type Json, makeBundle } from '../../emulator/bundle.ts';
import { h100Evidence } from '../../emulator/h100/evidence/evidence.ts';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { caseWorld, type Setting } from '../case-world.ts';
import { SERVICE_CASES, type ServiceCase, type ServiceKind } from '../cases/service.ts';
import { caseInfo } from '../model.ts';
import type { BuiltCase, CaseInfo, CaseSource, Subject } from '../subject.ts';
import { NRAS_SOURCE } from './nras.ts';

const rows = new Map(SERVICE_CASES.map((row) => [row.id, row]));

/** The corpus of services. Each case says itself whose evidence it is. */
export const SERVICE_SOURCE: CaseSource = {
  tee: 'service',
  cases: SERVICE_CASES.map(infoOf),
  build: (id, setting) => {
    const row = rows.get(id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return builtOf(row, setting);
  },
};

/** The TEE that verifiers of its evidence know. */
function infoOf(row: ServiceCase): CaseInfo {
  return caseInfo(row.kind === 'tokens' || row.kind === 'judged' ? 'nras' : row.kind, row);
}

function builtOf(row: ServiceCase, setting: Setting): BuiltCase {
  const { faults, revoke, request } = row;
  const base = baseOf(row.kind, setting);
  const twin: Subject = { ...base, request: { ...base.request, ...request } };
  return { info: infoOf(row), subject: { ...twin, services: { ...(faults.length > 0 && { faults }), ...(revoke && { revoke }) } }, twin };
}

const MOST_BASES = 16;
/** Sound evidence, by kind and setting: every case of a kind begins with the same. */
const bases = new Map<string, Subject>();

function baseOf(kind: ServiceKind, setting: Setting): Subject {
  const name = `${kind}/${setting.at}/${setting.seed}`;
  const base = bases.get(name) ?? BASES[kind](setting);
  if (bases.size >= MOST_BASES && !bases.has(name)) bases.clear();
  bases.set(name, base);
  return base;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));

/** The bundle with some of its files: the others are at the services, as its manifest says. */
function stripped({ manifest: { files: _, emulated: __, ...claims }, files }: Bundle, keep: (name: string) => boolean): Bundle {
  return makeBundle({ ...claims, tee: claims.tee, verifyAt: claims.verifyAt, services: {}, collateral: 'services' }, new Map([...files].filter(([name]) => keep(name))));
}

function subjectOf(bundle: Bundle, setting: Setting, roots: Readonly<Record<string, string>>, request: Readonly<Record<string, Json>>): Subject {
  return { bundle, roots: new Map(Object.entries(roots).map(([name, pem]) => [name, utf8(pem)])), now: Math.floor(setting.at / 1000) * 1000, request, services: {} };
}

const NVIDIA = (setting: Setting): Readonly<Record<string, string>> => {
  const authority = nvidiaAuthorityOf(caseWorld(setting));
  return { 'root.pem': authority.root('device').pem, 'rim_root.pem': authority.root('rim').pem };
};

const BASES: Readonly<Record<ServiceKind, (setting: Setting) => Subject>> = {
  snp: (setting) => {
    const { bundle, ark } = snpEvidence(caseWorld(setting));
    return subjectOf(
      stripped(bundle, (name) => name === 'report.bin'),
      setting,
      { 'ark.pem': ark.pem },
      { policy: '0x30000', requireCrl: true },
    );
  },
  tdx: (setting) => {
    const { bundle, certificates } = tdxEvidence(caseWorld(setting));
    return subjectOf(
      stripped(bundle, (name) => name === 'quote.bin'),
      setting,
      { 'root_ca.pem': certificates.root.pem },
      { reportData: bundle.manifest.reportData ?? '' },
    );
  },
  h100: (setting) => {
    const { bundle, nonce } = h100Evidence(caseWorld(setting));
    return subjectOf(
      stripped(bundle, (name) => ['evidence.json', 'report.bin', 'cert_chain.pem'].includes(name)),
      setting,
      NVIDIA(setting),
      { nonce: hex(nonce) },
    );
  },
  tokens: (setting) => {
    const { twin } = NRAS_SOURCE.build('nras/ok/claims-2', setting);
    return { ...twin, bundle: stripped(twin.bundle, (name) => name === 'token.json') };
  },
  judged: (setting) => {
    const { bundle, nonce } = h100Evidence(caseWorld(setting));
    const evidence = bundle.files.get('evidence.json') ?? new Uint8Array();
    const manifest = { tee: 'nras', verifyAt: bundle.manifest.verifyAt, services: {}, nonce: hex(nonce), collateral: 'services' };
    return subjectOf(makeBundle(manifest, new Map([['evidence.json', evidence]])), setting, { 'nras_root.pem': nvidiaAuthorityOf(caseWorld(setting)).root('nras').pem }, { nonce: hex(nonce) });
  },
};
