/** Checks that no case can catch alone: what they refuse, another check refuses by its nature. They say better what is wrong, or say it before anything is believed. */
export const BACKED_UP: Readonly<Record<string, string>> = {
  'snp/cpu-unknown': 'a CPU of no line is not of the line of its authorities either',
  'snp/leaf-kind': 'a certificate of the other kind bears the other kind’s name',
  'snp/signature-range': 'the platform’s own ECDSA refuses such numbers, too',
  'snp/crl-no-next-update': 'a list without an end is taken for one that has ended',
  'tdx/crl-no-next-update': 'a list without an end is taken for one that has ended',
  'tdx/tcb-info-version': 'what is read is the form of version 3',
  'tdx/tcb-info-id': 'what is read is the form of TDX',
  'tdx/qe-identity-version': 'what is read is the form of version 2',
  'tdx/qe-identity-id': 'what is read is the identity of a TD quoting enclave',
  'tdx/tcb-revoked': 'no relying party can accept the status Revoked',
  'h100/ocsp-no-next-update': 'a response without an end is taken for one that has ended',
  'ncc-h100-v5/part-missing': 'a part that is not there has no evidence either',
  'nras/certificate-algorithm': 'a signature of an unknown algorithm verifies with nothing',
  'nras/nonce-missing': 'no nonce is not the one that was asked with',
  'nras/submodule-unlisted': 'a device that is not listed has no digest to agree with',
};
