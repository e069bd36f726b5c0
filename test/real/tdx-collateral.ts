/** Genuine collateral, as it lies in the real samples. */
import type { PresentedCollateral } from '../../harness/verify/index.ts';
import { realSample } from '../real-samples.ts';

const text = (name: string): string => Buffer.from(realSample(name)).toString('utf8');

/** The chain in a header of a recorded answer, which is written as part of a URL. */
function headerChain(name: string, header: string): string {
  const { headers } = JSON.parse(text(name)) as { headers: Record<string, readonly string[]> };
  return decodeURIComponent(headers[header]?.[0] ?? '');
}

/** The collateral of a sample, `tdx/NAME`. */
export function genuineCollateral(name: string): PresentedCollateral {
  const file = (end: string): string => `tdx/${name}.${end}`;
  const chains =
    name === 'v4-tinfoil'
      ? {
          tcbInfoIssuerChain: headerChain(file('tcbinfo.http.json'), 'Tcb-Info-Issuer-Chain'),
          qeIdentityIssuerChain: headerChain(file('qeidentity.http.json'), 'Sgx-Enclave-Identity-Issuer-Chain'),
          pckCrlIssuerChain: headerChain(file('pckcrl.http.json'), 'Sgx-Pck-Crl-Issuer-Chain'),
        }
      : { tcbInfoIssuerChain: text(file('tcb-issuer-chain.pem')), qeIdentityIssuerChain: text(file('tcb-issuer-chain.pem')), pckCrlIssuerChain: text(file('pckcrl-issuer-chain.pem')) };
  return { ...chains, tcbInfo: realSample(file('tcbinfo.json')), qeIdentity: realSample(file('qeidentity.json')), pckCrl: realSample(file('pckcrl.der')), rootCaCrl: realSample(file('rootcacrl.der')) };
}
