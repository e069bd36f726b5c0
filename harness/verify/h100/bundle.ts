/** NVIDIA evidence as a bundle holds it: which file is what. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { CodecError } from '../../../emulator/errors.ts';
import { readOcspResponse } from '../../../emulator/pki/ocsp/response.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { type H100Verdict, type PresentedH100, verifyH100 } from '../h100.ts';
import { Appraisal, judge } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import { H100_WISHES, type H100Expectations } from './expectations.ts';
import { type OcspSource, storedOcsp } from './pki/ocsp.ts';
import { H100Trust, isServiceRoot } from './pki/trust.ts';
import { H100_PASSES, H100_REASONS, type H100Appraisal } from './reasons.ts';
import type { SystemState } from './device.ts';
import type { RimKind } from './rim/manifest.ts';

/** What a relying party expects of a bundle. */
export interface H100BundleWishes extends Omit<H100Expectations, 'trust' | 'now'> {
  /** The nonce that the OCSP responses of the bundle were asked with. */
  readonly ocspNonce?: Uint8Array;
  /** Roots that are trusted, of devices and of manifests, each a certificate in DER or PEM; the bundle's own if left out. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Milliseconds since 1970; the time that the bundle names if left out. */
  readonly now?: number;
}

/** Everything that a relying party can expect of a bundle but whom it trusts and when. */
export const H100_BUNDLE_WISHES: Readonly<Record<Exclude<keyof H100BundleWishes, 'roots' | 'now'>, true>> = { ...H100_WISHES, ocspNonce: true };

const EVIDENCE = 'evidence.json';
const ROOTS = ['root.pem', 'rim_root.pem'];
/** A manifest by its id; without one, the first device's is taken. */
const RIMS = 'rims/';
const FIRST_RIM: Readonly<Record<RimKind, string>> = { driver: 'driver_rim.xml', vbios: 'vbios_rim.xml' };
const OCSP = 'ocsp/';
/** What the system says of itself, where whoever collected the evidence wrote it down. */
const SYSTEM = 'system.json';
const MAX_SYSTEM = 4096;

/** Verifies a bundle of NVIDIA evidence. @throws {ConfigError} for a root that is none, or for wishes that no evidence could meet */
export function verifyH100Bundle(bundle: Bundle, { roots, ocspNonce, ...wishes }: H100BundleWishes & { readonly now: number }): H100Verdict {
  // What the caller gives is his to get right; what the bundle holds is evidence, and gets a verdict.
  // All of a world's roots may be given, the one of the attestation service among them.
  const given = roots && new H100Trust(roots.flatMap(rootCertificates).filter((der) => !isServiceRoot(der)));
  const opened = judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => ({ evidence: open(appraisal, bundle, ocspNonce), trust: given ?? ownTrust(appraisal, bundle) }));
  if (!opened.accepted) return { ...opened, devices: [] };
  const { evidence, trust } = opened.facts;
  return verifyH100(evidence, { ...wishes, trust });
}

function needed(appraisal: H100Appraisal, { files }: Bundle, name: string): Uint8Array {
  return files.get(name) ?? appraisal.fail('evidence-incomplete', { message: `the bundle has no ${name}`, path: name });
}

function ownTrust(appraisal: H100Appraisal, bundle: Bundle): H100Trust {
  const files = ROOTS.map((name) => [name, needed(appraisal, bundle, name)] as const);
  return appraisal.attempt('certificate-malformed', () => new H100Trust(files.flatMap(([name, file]) => pemBlocks(file, 'CERTIFICATE', name))));
}

function open(appraisal: H100Appraisal, bundle: Bundle, nonce: Uint8Array | undefined): PresentedH100 {
  const { files } = bundle;
  const evidence = needed(appraisal, bundle, EVIDENCE);
  const ocsp = [...files].filter(([name]) => name.startsWith(OCSP)).map(([name, der]) => ({ name, der }));
  for (const { name, der } of ocsp) {
    const { status } = appraisal.attempt('ocsp-malformed', () => readOcspResponse(der, name));
    appraisal.check('ocsp-status', status === 'successful', () => ({ message: `the responder answered ${status}`, path: name }));
  }
  const system = systemOf(appraisal, files.get(SYSTEM));
  const stored = ocsp.map(({ der }) => der);
  return {
    evidence,
    rim: (kind, id) => files.get(`${RIMS}${id}.xml`) ?? files.get(FIRST_RIM[kind]),
    ocsp: nonce ? askedWith(storedOcsp(stored), nonce) : stored,
    ...(system ? { system } : {}),
  };
}

/** Responses that were asked for with a nonce. */
function askedWith(source: OcspSource, nonce: Uint8Array): OcspSource {
  return (question) => {
    const answer = source(question);
    return answer && { ...answer, nonce };
  };
}

/** What a system says of itself: an object of truth values. */
function systemOf(appraisal: H100Appraisal, src: Uint8Array | undefined): SystemState | undefined {
  if (!src) return undefined;
  return appraisal.attempt('evidence-json', () => {
    const fail = (rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', SYSTEM, 0, rule);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src.subarray(0, MAX_SYSTEM)));
    } catch {
      throw fail('is no JSON in UTF-8');
    }
    if (typeof value !== 'object' || value === null) throw fail('must be an object');
    const { confidentialComputing, developerTools, protectedPcie, ...others } = value as Record<string, unknown>;
    if (Object.keys(others).length > 0) throw fail('has an unknown member');
    if (typeof confidentialComputing !== 'boolean' || typeof developerTools !== 'boolean') throw fail('must say of confidentialComputing and developerTools whether they are on');
    if (protectedPcie !== undefined && typeof protectedPcie !== 'boolean') throw fail('protectedPcie must be true or false');
    return { confidentialComputing, developerTools, ...(protectedPcie === undefined ? {} : { protectedPcie }) };
  });
}
