/** Builds the evidence of a case, and of its good twin by the same path. The same seed and time give the same bytes. */
import type { Json } from '../emulator/bundle.ts';
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
import type { World } from '../emulator/world.ts';
import { caseWorld, type Setting } from './case-world.ts';
import { type Files, type Maker, OF_THE_GOOD_TWIN, type RelyingParty, type SnpCase } from './model.ts';

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
  /** The rest, in the words of a subject's request. */
  readonly more?: Readonly<Record<string, Json>>;
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
  /** Changes of the files of its bundle. */
  readonly files?: (files: Files) => Files;
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
    const twin = twins.get(name) ?? make(goodOptions, () => ({}), setting);
    twins.set(name, twin);
    const asked = requestOf(request, twin.evidence);
    const place = { setting, asked, twin };
    return {
      row,
      subject: subjectOf(
        make(options, (world) => editsOf(row, world), setting),
        row,
        place,
      ),
      twin: subjectOf(twin, {}, place),
    };
  };
}

interface Made {
  readonly world: World;
  readonly evidence: SnpEvidence;
  /** What signed the report, before anything was changed after signing. */
  readonly key: EcSigner;
}

/** Each piece of evidence comes from a world of its own: what one case draws changes nothing in another. */
function make(options: SnpOptionsInput, editsIn: (world: World) => SnpEdits, setting: Setting): Made {
  const world = caseWorld(setting);
  const edits = editsIn(world);
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
function editsOf({ revoke, options = {}, edits: given = {} }: SnpCase, world: World): SnpEdits {
  const edits = typeof given === 'function' ? given(world) : given;
  if (!revoke) return edits;
  const { line } = productNamed(options.product ?? presetNamed(options.preset ?? 'qemu').product);
  const serial = bigEndian(LINE_TABLE[line].serials[revoke === 'ASK' ? 'ask' : 'asvk']);
  const own = edits.crl ?? ((list) => list);
  return { ...edits, crl: (list) => own({ ...list, revoked: [...list.revoked, { serial, at: list.thisUpdate }] }) };
}

/** What a subject is put into: what is asked for, and the good twin. */
interface Place {
  readonly setting: Setting;
  readonly asked: SnpRequest;
  readonly twin: Made;
}

function subjectOf(made: Made, { after, signed = {}, files, presentAs, trusted, later = 0 }: Partial<SnpCase>, { setting, asked, twin }: Place): SnpSubject {
  const { world, key } = made;
  const { line, ...issued } = made.evidence;
  const maker: Maker = { world, key };
  const signer = presentAs ?? issued.signer;
  const leaf = signed.leaf ? signed.leaf(issued.leaf, maker) : issued.leaf.der;
  const intermediate = signed.intermediate ? signed.intermediate(issued.intermediate, maker) : issued.intermediate.der;
  const ark = signed.ark ? signed.ark(issued.ark, maker) : issued.ark.der;
  return {
    line,
    signer,
    report: after ? after(issued.report, maker) : issued.report,
    leaf,
    intermediate,
    ark,
    crl: signed.crl ? signed.crl(issued.crl, maker) : issued.crl,
    certificateTable: encodeCertificateTable([
      { kind: signer === 'vcek' ? 'VCEK' : 'VLEK', contents: leaf },
      { kind: 'ASK', contents: intermediate },
      { kind: 'ARK', contents: ark },
    ]),
    root: trusted === 'foreign' ? strangersRoot(world, line, setting) : trusted === 'twin' ? twin.evidence.ark.der : ark,
    now: setting.at + later,
    request: asked,
    ...(files ? { files } : {}),
  };
}

/** The root of another world, of the same name: the first whose key is another, for worlds draw theirs from one pool. */
function strangersRoot(world: World, line: Line, { seed, at }: Setting): Uint8Array {
  const own = new AmdAuthority(world, line).key('ARK').spki;
  for (let n = 0; ; n++) {
    const stranger = new AmdAuthority(caseWorld({ seed: `${seed}/stranger/${n}`, at }), line);
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
