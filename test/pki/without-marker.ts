/** Roots as they would be without the test marker. None is ever signed so; here it is cut out, which leaves a signature that does not verify. */
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { OID } from '../../emulator/pki/der.ts';

/** @param der a root of a world, DER @throws {Error} when it has no marker */
export function withoutMarker(der: Uint8Array): Uint8Array {
  const certificate = AsnConvert.parse(Buffer.from(der), Certificate);
  const { extensions } = certificate.tbsCertificate;
  const at = extensions?.findIndex(({ extnID }) => extnID === OID.netscapeComment) ?? -1;
  if (at < 0) throw new Error('the root has no marker');
  extensions?.splice(at, 1);
  return new Uint8Array(AsnConvert.serialize(certificate));
}
