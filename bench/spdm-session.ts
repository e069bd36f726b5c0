/** What an SPDM session costs beside the public-key operations in it: driver and GPU in one process, with mutual authentication, from GET_VERSION to FINISH_RSP. */
import { constants, createECDH, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { ResponderEndpoint } from '../emulator/link/spdm/responder/endpoint.ts';
import { standaloneIdentity } from '../emulator/link/spdm/responder/identity.ts';
import { H100_PROFILE } from '../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../emulator/link/spdm/responder/responder.ts';
import { publicIdentity } from '../emulator/link/spdm/requester/identity.ts';
import { directLink } from '../emulator/link/spdm/requester/link.ts';
import { Requester } from '../emulator/link/spdm/requester/requester.ts';
import { MAILBOX } from '../emulator/link/spdm/transport/mailbox.ts';
import { freshSecret, systemClock, World } from '../emulator/world.ts';
import { compare, type Ratio, ratio, type Speed } from './ratio.ts';

const ALONE = 'public-key operations of an SPDM session';
const SESSION = 'SPDM session set-up, driver and GPU';

/** The eight operations: an ECDH key and a shared secret on either side, a signature and its verification with ECDSA and with RSA-PSS. */
function operations(): () => void {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const message = randomBytes(148);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return () => {
    const [a, b] = [createECDH('secp384r1'), createECDH('secp384r1')];
    const [ours, theirs] = [a.generateKeys(), b.generateKeys()];
    a.computeSecret(theirs);
    b.computeSecret(ours);
    const one = sign('sha384', message, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
    const other = sign('sha384', message, { key: rsa.privateKey, ...pss });
    if (!verify('sha384', message, { key: ec.publicKey, dsaEncoding: 'ieee-p1363' }, one) || !verify('sha384', message, { key: rsa.publicKey, ...pss }, other)) throw new Error('a signature that does not verify');
  };
}

export async function spdmSession(): Promise<{ speeds: Speed[]; ratios: Ratio[] }> {
  const world = new World('private', freshSecret(), systemClock(), () => undefined);
  const link = directLink(new ResponderEndpoint(new Responder(world, standaloneIdentity(world), H100_PROFILE), MAILBOX));
  const identity = publicIdentity(world);
  const speeds = await compare([
    { name: ALONE, run: operations() },
    {
      name: SESSION,
      run: () => {
        const requester = new Requester(world, link, { identity });
        requester.connect();
        requester.startSession();
      },
    },
  ]);
  return { speeds, ratios: [ratio('SPDM session set-ups to the public-key operations in them', 0.6, speeds, SESSION, ALONE)] };
}
