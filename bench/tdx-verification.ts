/**
 * What a full verification of a quote costs: with fresh collateral beside go-tdx-guest and @phala/dcap-qvl, and with collateral that is kept
 * beside the three signature checks it can't avoid (quote, QE report, PCK certificate), with their keys imported.
 */
import { createPublicKey, verify, type VerifyKeyObjectInput } from 'node:crypto';
import { readCertificate } from '../emulator/pki/read.ts';
import { tdxEvidence } from '../emulator/tdx/evidence/evidence.ts';
import { quoteCollateral } from '../emulator/tdx/evidence/exports.ts';
import { decodeQuote, signedSize } from '../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT, INTEL_QE_VENDOR } from '../emulator/tdx/quote/tables.ts';
import { seededWorld, systemClock } from '../emulator/world.ts';
import { type PresentedTdx, TdxTrust, verifyTdx } from '../harness/verify/tdx.ts';
import { installDcapQvl } from './dcap-qvl.ts';
import { buildGo, goSpeed } from './go.ts';
import { compareWith, type Ratio, ratio, type Speed, type Task, warmUp } from './ratio.ts';

const GO = 'go-tdx-guest 0.3.1, full verification';
const QVL_VERSION = '0.3.9';
const QVL = `@phala/dcap-qvl ${QVL_VERSION}, full verification`;
const FULL = 'TDX reference verifier, fresh collateral';
const KEPT = 'TDX reference verifier, collateral kept';
const ALONE = 'crypto.verify P-256, three of them';
const REPEAT = 200;

type Evidence = ReturnType<typeof tdxEvidence>;

export async function tdxVerification(): Promise<{ speeds: Speed[]; ratios: Ratio[]; notes: string[] }> {
  const world = seededWorld('bench', systemClock());
  const evidence = tdxEvidence(world);
  const { quote, collateral, certificates } = evidence;
  const now = world.now();
  const trust = new TdxTrust([certificates.root.der]);
  const accept = (presented: PresentedTdx): void => {
    const verdict = verifyTdx(presented, { trust, now, reportData: new Uint8Array(64) });
    if (!verdict.accepted) throw new Error(`the evidence was refused: ${verdict.reason}`);
  };
  const prepared = trust.prepare(collateral);
  const qvl = dcapQvl(evidence, now);
  const tasks: Task[] = [
    // The trusted root is read once on all sides; what comes with the quote is parsed and checked each time.
    { name: FULL, run: () => accept({ quote, collateral }) },
    { name: KEPT, run: () => accept({ quote, collateral: prepared }) },
    { name: ALONE, run: threeChecks(evidence) },
  ];
  for (const task of tasks) warmUp(task, 3000);
  const go = buildGo('go-tdx-guest');
  try {
    const speeds = await compareWith(qvl ? [...tasks, qvl] : tasks, go ? [{ name: GO, measure: () => goSpeed(go, goRequest(evidence, now), REPEAT) }] : []);
    const ratios = [
      ...(go ? [ratio('full TDX reference verification with fresh collateral to go-tdx-guest', 1.2, speeds, FULL, GO)] : []),
      ...(qvl ? [ratio('full TDX reference verification with fresh collateral to @phala/dcap-qvl', 1.2, speeds, FULL, QVL)] : []),
      ratio('TDX reference verification with collateral kept to three crypto.verify P-256 alone', 0.5, speeds, KEPT, ALONE),
    ];
    const notes = [...(go ? [] : ['Go is not on this machine: no comparison with go-tdx-guest']), ...(qvl ? [] : ['npm could not get @phala/dcap-qvl: no comparison with it'])];
    return { speeds, ratios, notes };
  } finally {
    go?.remove();
  }
}

/** The signature checks that no verifier of a quote can do without, ready to run. */
function threeChecks({ quote, certificates }: Evidence): () => void {
  const { header, bodyType, signature, attestationKey, certification } = decodeQuote(quote);
  if (certification.kind !== 'qe') throw new Error('the quote has no report of its quoting enclave');
  const jwk = { kty: 'EC', crv: 'P-256', x: Buffer.from(attestationKey.subarray(0, 32)).toString('base64url'), y: Buffer.from(attestationKey.subarray(32)).toString('base64url') };
  const raw = (key: VerifyKeyObjectInput['key']): VerifyKeyObjectInput => ({ key, dsaEncoding: 'ieee-p1363' });
  const spkiOf = (der: Uint8Array): VerifyKeyObjectInput['key'] => createPublicKey({ key: Buffer.from(readCertificate(der).spki), format: 'der', type: 'spki' });
  const pck = readCertificate(certificates.pck.der);
  const checks: readonly (readonly [message: Uint8Array, key: VerifyKeyObjectInput, signature: Uint8Array])[] = [
    [quote.subarray(0, signedSize(header.version === 5 ? 5 : 4, bodyType)), raw(createPublicKey({ key: jwk, format: 'jwk' })), signature],
    [ENCLAVE_REPORT.encode(certification.qeReport), raw(spkiOf(certificates.pck.der)), certification.qeReportSignature],
    [pck.tbs, { key: spkiOf(certificates.intermediate.der) }, pck.signature],
  ];
  return () => {
    for (const [message, key, made] of checks) if (!verify('sha256', message, key, made)) throw new Error('a signature does not hold');
  };
}

/** What the Go program is asked: full verification, with the answers of Intel's service at hand. */
function goRequest({ quote, collateral: c, certificates }: Evidence, now: number): object {
  const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
  return {
    id: 'bench',
    quote: base64(quote),
    root: certificates.root.pem,
    now: Math.floor(now / 1000),
    full: true,
    reportData: base64(new Uint8Array(64)),
    qeVendorId: base64(INTEL_QE_VENDOR),
    collateral: {
      tcbInfo: base64(c.tcbInfo),
      tcbInfoIssuerChain: c.tcbInfoIssuerChain,
      qeIdentity: base64(c.qeIdentity),
      qeIdentityIssuerChain: c.qeIdentityIssuerChain,
      pckCrl: base64(c.pckCrl),
      pckCrlIssuerChain: c.pckCrlIssuerChain,
      rootCaCrl: base64(c.rootCaCrl),
    },
  };
}

/** The verification of npm's library, ready to run; undefined where the library can't be had. */
function dcapQvl({ quote, certificates, bundle }: Evidence, now: number): Task | undefined {
  const library = installDcapQvl(QVL_VERSION);
  if (!library) return undefined;
  const verifier = new library.QuoteVerifier(Buffer.from(certificates.root.der));
  const [src, collateral, nowSecs] = [Buffer.from(quote), quoteCollateral(bundle), Math.floor(now / 1000)];
  return { name: QVL, run: () => verifier.verify(src, collateral, nowSecs) };
}
