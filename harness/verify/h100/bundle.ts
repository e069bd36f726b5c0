/** NVIDIA evidence as a bundle holds it: which file is what. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { readOcspResponse } from '../../../emulator/pki/ocsp/response.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { type H100Verdict, type PresentedH100, verifyH100 } from '../h100.ts';
import { Appraisal, judge } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import { H100_WISHES, type H100Expectations } from './expectations.ts';
import { H100Trust, isServiceRoot } from './pki/trust.ts';
import { H100_PASSES, H100_REASONS, type H100Appraisal } from './reasons.ts';
import type { RimKind } from './rim/manifest.ts';

/** What a relying party expects of a bundle. */
export interface H100BundleWishes extends Omit<H100Expectations, 'trust' | 'now'> {
  /** Roots that are trusted, of devices and of manifests, each a certificate in DER or PEM; the bundle's own if left out. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Milliseconds since 1970; the time that the bundle names if left out. */
  readonly now?: number;
}

/** Everything that a relying party can expect of a bundle but whom it trusts and when. */
export const H100_BUNDLE_WISHES: Readonly<Record<Exclude<keyof H100BundleWishes, 'roots' | 'now'>, true>> = H100_WISHES;

const EVIDENCE = 'evidence.json';
const ROOTS = ['root.pem', 'rim_root.pem'];
/** A manifest by its id; without one, the first device's is taken. */
const RIMS = 'rims/';
const FIRST_RIM: Readonly<Record<RimKind, string>> = { driver: 'driver_rim.xml', vbios: 'vbios_rim.xml' };
const OCSP = 'ocsp/';

/** Verifies a bundle of NVIDIA evidence. @throws {ConfigError} for a root that is none, or for wishes that no evidence could meet */
export function verifyH100Bundle(bundle: Bundle, { roots, ...wishes }: H100BundleWishes & { readonly now: number }): H100Verdict {
  // What the caller gives is his to get right; what the bundle holds is evidence, and gets a verdict.
  // All of a world's roots may be given, the one of the attestation service among them.
  const given = roots && new H100Trust(roots.flatMap(rootCertificates).filter((der) => !isServiceRoot(der)));
  const opened = judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => ({ evidence: open(appraisal, bundle), trust: given ?? ownTrust(appraisal, bundle) }));
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

function open(appraisal: H100Appraisal, bundle: Bundle): PresentedH100 {
  const { files } = bundle;
  const evidence = needed(appraisal, bundle, EVIDENCE);
  const ocsp = [...files].filter(([name]) => name.startsWith(OCSP));
  for (const [name, der] of ocsp) appraisal.attempt('ocsp-malformed', () => readOcspResponse(der, name));
  return { evidence, rim: (kind, id) => files.get(`${RIMS}${id}.xml`) ?? files.get(FIRST_RIM[kind]), ocsp: ocsp.map(([, der]) => der) };
}
