/** Changes of a certificate before it is signed, for rows of cases. */
import type { Edit } from '../../emulator/snp/authority.ts';
import type { CertificateSpec, ExtensionSpec } from '../../emulator/pki/issue.ts';

/** OIDs of AMD's extensions. Source: AMD 57230. */
export const AMD_OID = {
  bootLoader: '1.3.6.1.4.1.3704.1.3.1',
  tee: '1.3.6.1.4.1.3704.1.3.2',
  snp: '1.3.6.1.4.1.3704.1.3.3',
  microcode: '1.3.6.1.4.1.3704.1.3.8',
  productName: '1.3.6.1.4.1.3704.1.2',
  hwid: '1.3.6.1.4.1.3704.1.4',
  cspId: '1.3.6.1.4.1.3704.1.5',
} as const;

/** Another value for an extension, or none: then it is left out. */
export function extension(oid: string, change: (value: Uint8Array) => Uint8Array | undefined): Edit<CertificateSpec> {
  return replaced(oid, (old) => {
    const value = change(old.value);
    return value ? [{ ...old, value }] : [];
  });
}

/** Other extensions in the place of one. */
export function replaced(oid: string, by: (old: ExtensionSpec) => readonly ExtensionSpec[]): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, extensions: spec.extensions.flatMap((e) => (e.oid === oid ? by(e) : [e])) });
}

/** One more extension, at the end. */
export function added(more: Omit<ExtensionSpec, 'critical'> & Partial<ExtensionSpec>): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, extensions: [...spec.extensions, { critical: false, ...more }] });
}

/** Another lifetime. @param shift milliseconds by which it is moved, back if negative */
export function shifted(shift: number): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, notBefore: spec.notBefore + shift, notAfter: spec.notAfter + shift });
}

/** Another common name. */
export function named(commonName: string): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, subject: spec.subject.map(([type, text], i, all) => [type, i === all.length - 1 ? commonName : text] as const) });
}
