/** Keys of Secure Boot in a World: they decide what an emulated guest's firmware would start, and nothing else. */
import { createHash } from 'node:crypto';
import { ecdsaWith, OID } from '../../pki/der.ts';
import { basicConstraintsCa, keyUsage, subjectKeyIdentifier, testMarker } from '../../pki/extensions.ts';
import { issueCertificate } from '../../pki/issue.ts';
import type { World } from '../../world.ts';
import { signatureList, VARIABLE_GUIDS, type Variable } from './uefi/variables.ts';

const MARKER = Uint8Array.from(Buffer.from('TEEMU', 'ascii'));
// Fixed, so that a World's registers do not depend on its clock.
const NOT_BEFORE = Date.UTC(2020, 0, 1);
const NOT_AFTER = Date.UTC(2049, 11, 31);

const KEYS = { platform: 'PK', exchange: 'KEK', image: 'db' } as const;

/** A certificate of the World for one of the roles, in DER, signed with its own key. */
function certificate(world: World, role: keyof typeof KEYS): Uint8Array {
  const key = world.ecKey(`uefi/${role}-key`, 'P-256');
  const name = [
    [OID.organization, 'teemu'],
    [OID.commonName, `teemu test ${role} key - do not trust`],
  ] as const;
  const extensions = [basicConstraintsCa(), keyUsage('digitalSignature', 'keyCertSign'), subjectKeyIdentifier(key.spki), testMarker()];
  const serial = Uint8Array.of(...MARKER, ...world.derive(`uefi/serial/${role}`, 11));
  return issueCertificate({ serial, issuer: name, subject: name, notBefore: NOT_BEFORE, notAfter: NOT_AFTER, spki: key.spki, signatureAlgorithm: ecdsaWith('P-256'), extensions }, key).der;
}

const NOTHING = new Uint8Array(0);

/** The variables of Secure Boot in the order in which firmware measures them. @param enabled with keys, as in Google's guests; without any, as in QEMU's */
export function secureBootVariables(world: World, enabled: boolean): Variable[] {
  const list = (role: keyof typeof KEYS): Uint8Array => (enabled ? signatureList('x509', [certificate(world, role)]) : NOTHING);
  const forbidden = createHash('sha256').update('teemu: an image that nobody may start').digest();
  return [
    { vendor: VARIABLE_GUIDS.global, name: 'SecureBoot', contents: enabled ? Uint8Array.of(1) : NOTHING },
    { vendor: VARIABLE_GUIDS.global, name: KEYS.platform, contents: list('platform') },
    { vendor: VARIABLE_GUIDS.global, name: KEYS.exchange, contents: list('exchange') },
    { vendor: VARIABLE_GUIDS.imageSecurityDatabase, name: KEYS.image, contents: list('image') },
    { vendor: VARIABLE_GUIDS.imageSecurityDatabase, name: 'dbx', contents: enabled ? signatureList('sha256', [forbidden]) : NOTHING },
  ];
}
