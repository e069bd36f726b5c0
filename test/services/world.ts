/** The World that the tests of services run in, and what they read answers with. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { CertificateList } from '@peculiar/asn1-x509';
import type { App } from '../../emulator/services/app.ts';
import { assembleServices, type ServicesOptions } from '../../emulator/services/start.ts';
import { hardwareId } from '../../emulator/snp/platform/chip.ts';
import type { Line } from '../../emulator/snp/platform/products.ts';
import { AdjustableClock, fixedClock, seededWorld, type World } from '../../emulator/world.ts';

/** When the tests take place (milliseconds since 1970). */
export const NOW = Date.parse('2026-01-15T12:00:00Z');

/** A World of its own whose clock stands still at {@link NOW}. */
export function testWorld(seed = 'services'): { world: World; clock: AdjustableClock } {
  const clock = new AdjustableClock(fixedClock(NOW));
  return { world: seededWorld(seed, clock), clock };
}

/** Services without sockets, in a World of their own. */
export function assembled(options: Partial<Omit<ServicesOptions, 'world'>> = {}, seed?: string): ReturnType<typeof assembleServices> & { world: World; clock: AdjustableClock } {
  const { world, clock } = testWorld(seed);
  return { ...assembleServices({ ...options, world }), world, clock };
}

/** The hardware id of a chip of a World, as requests name it. */
export function hwidHex(world: World, line: Line, index = 0): string {
  return Buffer.from(hardwareId(world, line, index)).toString('hex');
}

/** Levels that each line has released. */
export const LEVELS: Readonly<Record<Line, string>> = {
  Milan: 'blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115',
  Genoa: 'blSPL=9&teeSPL=0&snpSPL=23&ucodeSPL=72',
  Turin: 'fmcSPL=0&blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=80',
};

/** Asks the genuine service's host, without a socket. */
export function ask(app: App, path: string, init?: RequestInit): Promise<Response> {
  return app.fetch(new Request(`https://kdsintf.amd.com${path}`, init));
}

/** The body as bytes. */
export async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** Certificates of a PEM text, in order. */
export function pemCertificates(text: string): X509Certificate[] {
  return (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block));
}

/** The common name of a certificate's subject. */
export function commonName(certificate: X509Certificate): string {
  return /CN=(.*)/.exec(certificate.subject)?.[1] ?? '';
}

/** What a revocation list says: whose it is, when it holds, and which serials (hex) it lists. */
export function readCrl(der: Uint8Array): { issuer: string; thisUpdate: number; nextUpdate: number; serials: string[] } {
  const { tbsCertList } = AsnConvert.parse(Uint8Array.from(der).buffer, CertificateList);
  return {
    issuer: tbsCertList.issuer.flatMap((rdn) => rdn.filter((a) => a.type === '2.5.4.3').map((a) => a.value.toString())).join(),
    thisUpdate: tbsCertList.thisUpdate.getTime().getTime(),
    nextUpdate: tbsCertList.nextUpdate?.getTime().getTime() ?? Number.NaN,
    serials: (tbsCertList.revokedCertificates ?? []).map((r) => Buffer.from(r.userCertificate).toString('hex')),
  };
}
