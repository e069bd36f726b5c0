/** SEV-SNP evidence as a bundle holds it: which file is what. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { readCachedTcb } from './endorsement.ts';
import { type PresentedSnp, type SnpVerdict, verifySnp } from '../snp.ts';
import { Appraisal, judge } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import type { SnpExpectations } from './expectations.ts';
import { SNP_PASSES, SNP_REASONS, type SnpAppraisal } from './reasons.ts';
import { SnpTrust } from './trust.ts';

/** What a relying party expects of a bundle. */
export interface BundleWishes extends Omit<SnpExpectations, 'trust' | 'now'> {
  /** Roots that are trusted, each a certificate in DER or PEM; the bundle's own if left out. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Milliseconds since 1970; the time that the bundle names if left out. */
  readonly now?: number;
}

/** What the host's certificate cache says with the VCEK, where whoever collected the evidence kept it. */
const CACHED = 'thim.json';

/** Verifies a bundle of SEV-SNP evidence. @throws {ConfigError} for a root that is none, or for wishes that no evidence could meet */
export function verifySnpBundle(bundle: Bundle, { roots, ...wishes }: BundleWishes & { readonly now: number }): SnpVerdict {
  // What the caller gives is his to get right; what the bundle holds is evidence, and gets a verdict.
  const given = roots && new SnpTrust(roots.flatMap(rootCertificates));
  const opened = judge(new Appraisal(SNP_REASONS, SNP_PASSES), (appraisal) => open(appraisal, bundle));
  if (!opened.accepted) return opened;
  const { ark, ...evidence } = opened.facts;
  if (given) return verifySnp({ ...evidence, ...(ark ? { ark } : {}) }, { ...wishes, trust: given });
  const own = judge(new Appraisal(SNP_REASONS, SNP_PASSES), (appraisal) => {
    if (!ark) return appraisal.fail('evidence-incomplete', { message: 'the bundle has no ark.pem, and no root was given', path: 'ark.pem' });
    return appraisal.attempt('certificate-malformed', () => new SnpTrust([ark]));
  });
  return own.accepted ? verifySnp({ ...evidence, ...(ark ? { ark } : {}) }, { ...wishes, trust: own.facts }) : own;
}

function open(appraisal: SnpAppraisal, { files }: Bundle): PresentedSnp {
  const report = files.get('report.bin') ?? appraisal.fail('evidence-incomplete', { message: 'the bundle has no report.bin', path: 'report.bin' });
  const certificate = (name: 'ark' | 'ask' | 'asvk' | 'vcek' | 'vlek'): { readonly [key in typeof name]?: Uint8Array } => {
    const file = files.get(`${name}.pem`);
    if (!file) return {};
    const [der, ...more] = appraisal.attempt('certificate-malformed', () => pemBlocks(file, 'CERTIFICATE', `${name}.pem`));
    if (!der || more.length > 0) return appraisal.fail('certificate-malformed', { message: `holds ${more.length + (der ? 1 : 0)} certificates, must hold one`, path: `${name}.pem` });
    return { [name]: der };
  };
  const crl = files.get('crl.der');
  const cached = files.get(CACHED);
  const endorsedTcb = cached && appraisal.attempt('endorsement-malformed', () => readCachedTcb(cached, CACHED));
  return { report, ...certificate('vcek'), ...certificate('vlek'), ...certificate('ask'), ...certificate('asvk'), ...certificate('ark'), ...(crl ? { crl } : {}), ...(endorsedTcb ? { endorsedTcb } : {}) };
}
