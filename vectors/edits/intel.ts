/** Changes of Intel's certificates, lists and documents before they are signed, for rows of cases. */
import { OID } from '../../emulator/pki/der.ts';
import type { CertificateSpec, ExtensionSpec } from '../../emulator/pki/issue.ts';
import { type PckSubject, sgxExtension } from '../../emulator/pki/profiles/intel.ts';
import type { CrlSpec } from '../../emulator/pki/revoke.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../emulator/pki/sgx-extension.ts';
import type { DocumentChange } from '../../emulator/tdx/collateral/collateral.ts';
import type { Edit } from '../../emulator/tdx/authority.ts';
import type { EnclaveIdentity } from '../../emulator/tdx/tcb/identity.ts';
import type { TcbInfo } from '../../emulator/tdx/tcb/tcb-info.ts';
import type { EditsIn } from '../tdx/case.ts';

/** A certificate of some place, with its specification changed. */
export function certificate(place: 'pck' | 'intermediate' | 'root' | 'tcbSigning', edit: Edit<CertificateSpec>): EditsIn {
  return { [place]: { edit } };
}

/** A certificate or list that a key signed which has nothing to do with it. */
export function signedByStranger(place: 'pck' | 'intermediate' | 'tcbSigning' | 'pckCrl' | 'rootCaCrl' | 'tcbInfo' | 'qeIdentity'): EditsIn {
  return ({ world }) => ({ [place]: { signedBy: world.ecKey('vectors/stranger', 'P-256') } });
}

/** A list, with its specification changed. */
export function list(place: 'pckCrl' | 'rootCaCrl', edit: (list: CrlSpec, now: number) => CrlSpec): EditsIn {
  return ({ world }) => ({ [place]: { edit: (spec: CrlSpec) => edit(spec, world.now()) } });
}

/** Signed TCB info that says something else. */
export function tcbInfo(edit: (info: TcbInfo, now: number) => object): EditsIn {
  return ({ world }) => ({ tcbInfo: { edit: (info: TcbInfo) => edit(info, world.now()) } });
}

/** A signed identity of the quoting enclave that says something else. */
export function qeIdentity(edit: (identity: EnclaveIdentity, now: number) => object): EditsIn {
  return ({ world }) => ({ qeIdentity: { edit: (identity: EnclaveIdentity) => edit(identity, world.now()) } });
}

/** A signed document whose text is another than its members give. */
export function documentText(place: 'tcbInfo' | 'qeIdentity', write: (text: string) => string): EditsIn {
  return { [place]: { write: (document: object) => write(JSON.stringify(document)) } satisfies DocumentChange<never> };
}

/** Another common name in a subject. */
export function subjectNamed(commonName: string): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, subject: spec.subject.map(([type, text]) => [type, type === OID.commonName ? commonName : text] as const) });
}

/** Another common name in an issuer. */
export function issuerNamed(commonName: string): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, issuer: spec.issuer.map(([type, text]) => [type, type === OID.commonName ? commonName : text] as const) });
}

/** Another extension in the place of one, or none. */
export function extensionChanged(oid: string, change: (old: ExtensionSpec) => ExtensionSpec | undefined): Edit<CertificateSpec> {
  return (spec) => ({
    ...spec,
    extensions: spec.extensions.flatMap((extension) => {
      if (extension.oid !== oid) return [extension];
      const changed = change(extension);
      return changed ? [changed] : [];
    }),
  });
}

/** What the SGX extension of a PCK certificate vouches for, changed. */
export function platformStated(change: Partial<PckSubject>): Edit<CertificateSpec> {
  return extensionChanged(SGX_EXTENSION_OID, (old) => {
    const { components, pceSvn, ppid, pceId, fmspc, sgxType, platform } = readSgxExtension(old.value);
    const { platform: other, ...rest } = change;
    const own = 'platform' in change ? other : platform;
    // Whoever signs asks for neither serial nor date here.
    const subject: PckSubject = { ppid, components, pceSvn, pceId, fmspc, sgxType, serial: new Uint8Array(1), issueOffset: 0, ...(own ? { platform: own } : {}), ...rest };
    return { ...old, value: sgxExtension(subject).value };
  });
}

/** Bytes of the SGX extension, changed as they lie. */
export function sgxBytes(change: (value: Uint8Array) => Uint8Array): Edit<CertificateSpec> {
  return extensionChanged(SGX_EXTENSION_OID, (old) => ({ ...old, value: change(old.value) }));
}

/** SEQUENCEs in one another, so many of them. */
export function nestedSequences(depth: number): Uint8Array {
  // Written from the inside out into one buffer: each length is that of all behind it.
  const heads: Uint8Array[] = [];
  let length = 0;
  for (let i = 0; i < depth; i++) {
    const head = length < 0x80 ? Uint8Array.of(0x30, length) : length < 0x1_0000 ? Uint8Array.of(0x30, 0x82, length >> 8, length & 0xff) : Uint8Array.of(0x30, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
    heads.push(head);
    length += head.length;
  }
  return new Uint8Array(Buffer.concat(heads.toReversed()));
}
