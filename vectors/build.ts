/** Builds the evidence of a case, and of its good twin by the same path. The same seed and time give the same bytes. */
import type { EcSigner } from '../emulator/crypto/sign.ts';
import { bigEndian } from '../emulator/pki/profiles/amd.ts';
import { AmdAuthority, DEFAULT_CSP_ID } from '../emulator/snp/authority.ts';
import { encodeCertificateTable } from '../emulator/snp/certificate-table.ts';
import { hardwareId, vcekKey, vlekKey } from '../emulator/snp/platform/chip.ts';
import { type SnpEdits, type SnpEvidence, snpEvidence } from '../emulator/snp/evidence/evidence.ts';
import type { SnpOptionsInput } from '../emulator/snp/evidence/options.ts';
import { presetNamed } from '../emulator/snp/evidence/presets.ts';
import { type Line, LINE_TABLE, productNamed } from '../emulator/snp/platform/products.ts';
import { REPORT_V2, type SnpReport } from '../emulator/snp/report.ts';
import type { Tcb } from '../emulator/snp/platform/tcb.ts';
import { fixedClock, seededWorld, type World } from '../emulator/world.ts';
import { OF_THE_GOOD_TWIN, type RelyingParty, type SnpCase } from './model.ts';

/** What makes a corpus: two of the same setting are byte for byte alike. */
export interface Setting {
  readonly seed: string;
  /** When the evidence is made, in milliseconds since 1970. */
  readonly at: number;
}

/** What the relying party asks for, ready for a verifier. */
export interface SnpRequest {
  /** GUEST_POLICY: the most that a guest's may allow, and the least that it must demand. */
  readonly maximumPolicy: bigint;
  readonly allowProvisionalFirmware: boolean;
  /** 64 bytes. */
  readonly reportData?: Uint8Array;
  /** 48 bytes. */
  readonly measurement?: Uint8Array;
  /** 32 bytes. */
  readonly hostData?: Uint8Array;
  readonly vmpl?: number;
  readonly minimumTcb?: Tcb;
  /** Milliseconds. */
  readonly maximumCrlAge?: number;
}

/** What a verifier is handed: evidence, whom it trusts, what it asks for, and the time. Certificates and lists are DER. */
export interface SnpSubject {
  readonly line: Line;
  /** The kind of key that the certificates are presented for. */
  readonly signer: 'vcek' | 'vlek';
  readonly report: Uint8Array;
  /** Presented as VCEK or VLEK. */
  readonly leaf: Uint8Array;
  /** Presented as ASK or ASVK. */
  readonly intermediate: Uint8Array;
  readonly ark: Uint8Array;
  readonly crl: Uint8Array;
  /** The certificates as a host hands them to its guest. */
  readonly certificateTable: Uint8Array;
  /** The ARK that the relying party trusts. */
  readonly root: Uint8Array;
  /** When the verifier looks, in milliseconds since 1970. */
  readonly now: number;
  readonly request: SnpRequest;
}

/** A case ready for a verifier. */
export interface BuiltSnpCase {
  readonly row: SnpCase;
  readonly subject: SnpSubject;
  /** Must be accepted whatever the row expects: only then does a verdict on the subject mean something. */
  readonly twin: SnpSubject;
}

/**
 * Builds cases one after the other. What comes out depends on the row and the setting only; twins that several cases share are made once.
 * @throws {TeemuError} from the function returned, for a row whose machine cannot be, or whose edit does not fit: a defect of the row
 */
export function snpCaseBuilder(setting: Setting): (row: SnpCase) => BuiltSnpCase {
  const twins = new Map<string, Made>();
  return (row) => {
    const { options = {}, request = {} } = row;
    const goodOptions = row.goodOptions ?? (row.expect === 'must-accept' ? {} : options);
    const name = JSON.stringify(goodOptions);
    const twin = twins.get(name) ?? make(goodOptions, {}, setting);
    twins.set(name, twin);
    const asked = requestOf(request, twin.evidence);
    return { row, subject: subjectOf(make(options, editsOf(row), setting), row, asked, setting), twin: subjectOf(twin, {}, asked, setting) };
  };
}

interface Made {
  readonly world: World;
  readonly evidence: SnpEvidence;
  /** What signed the report, before anything was changed after signing. */
  readonly key: EcSigner;
}

/** Each piece of evidence comes from a world of its own: what one case draws changes nothing in another. */
function make(options: SnpOptionsInput, edits: SnpEdits, { seed, at }: Setting): Made {
  const world = seededWorld(seed, fixedClock(at));
  let honest: SnpReport | undefined;
  const evidence = snpEvidence(world, options, {
    ...edits,
    report: (report) => {
      honest = report;
      return edits.report ? edits.report(report) : report;
    },
  });
  if (!honest) throw new RangeError('the evidence was made without a report');
  return { world, evidence, key: signingKey(world, evidence, options, honest) };
}

/** The key that belongs to what the machine states, whatever an edit makes of its report. */
function signingKey(world: World, { line, signer }: SnpEvidence, options: SnpOptionsInput, { chipId, reportedTcb }: SnpReport): EcSigner {
  const { fmc, bootLoader, tee, snp, microcode } = reportedTcb;
  const tcb: Tcb = { bootLoader, tee, snp, microcode, ...(fmc === undefined ? {} : { fmc }) };
  if (signer === 'vlek') return vlekKey(world, line, options.cspId ?? DEFAULT_CSP_ID, tcb);
  const stated = chipId.slice(0, LINE_TABLE[line].hwidLength);
  return vcekKey(world, line, stated.some((b) => b !== 0) ? stated : hardwareId(world, line, Number(options.chip ?? 0)), tcb);
}

/** The edit of the list that revokes an intermediate, before the row's own edit of it. */
function editsOf({ revoke, options = {}, edits = {} }: SnpCase): SnpEdits {
  if (!revoke) return edits;
  const { line } = productNamed(options.product ?? presetNamed(options.preset ?? 'qemu').product);
  const serial = bigEndian(LINE_TABLE[line].serials[revoke === 'ASK' ? 'ask' : 'asvk']);
  const own = edits.crl ?? ((list) => list);
  return { ...edits, crl: (list) => own({ ...list, revoked: [...list.revoked, { serial, at: list.thisUpdate }] }) };
}

function subjectOf({ world, evidence, key }: Made, { after, presentAs, foreignRoot, later = 0 }: Partial<SnpCase>, request: SnpRequest, setting: Setting): SnpSubject {
  const { line, leaf, intermediate, ark, crl } = evidence;
  const signer = presentAs ?? evidence.signer;
  return {
    line,
    signer,
    report: after ? after(evidence.report, { world, key }) : evidence.report,
    leaf: leaf.der,
    intermediate: intermediate.der,
    ark: ark.der,
    crl,
    certificateTable: encodeCertificateTable([
      { kind: signer === 'vcek' ? 'VCEK' : 'VLEK', contents: leaf.der },
      { kind: 'ASK', contents: intermediate.der },
      { kind: 'ARK', contents: ark.der },
    ]),
    root: foreignRoot ? strangersRoot(world, line, setting) : ark.der,
    now: setting.at + later,
    request,
  };
}

/** The root of another world, of the same name: the first whose key is another, for worlds draw theirs from one pool. */
function strangersRoot(world: World, line: Line, { seed, at }: Setting): Uint8Array {
  const own = new AmdAuthority(world, line).key('ARK').spki;
  for (let n = 0; ; n++) {
    const stranger = new AmdAuthority(seededWorld(`${seed}/stranger/${n}`, fixedClock(at)), line);
    if (!Buffer.from(own).equals(stranger.key('ARK').spki)) return stranger.certificate('ARK').der;
  }
}

/** SMT allowed, nothing else. */
const USUAL_POLICY = 0x30000n;
const REPORT_DATA = REPORT_V2.locate('reportData').size;
const HOST_DATA = REPORT_V2.locate('hostData').size;
const MEASUREMENT = REPORT_V2.locate('measurement');

function requestOf({ maximumPolicy = USUAL_POLICY, allowProvisionalFirmware = false, reportData, hostData, measurement, ...rest }: RelyingParty, { report }: SnpEvidence): SnpRequest {
  return {
    ...rest,
    maximumPolicy,
    allowProvisionalFirmware,
    ...(reportData === undefined ? {} : { reportData: filled(reportData, REPORT_DATA) }),
    ...(hostData === undefined ? {} : { hostData: filled(hostData, HOST_DATA) }),
    ...(measurement === undefined ? {} : { measurement: measurement === OF_THE_GOOD_TWIN ? report.slice(MEASUREMENT.at, MEASUREMENT.at + MEASUREMENT.size) : filled(measurement, MEASUREMENT.size) }),
  };
}

function filled(hex: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(hex, 'hex'));
  return bytes;
}
