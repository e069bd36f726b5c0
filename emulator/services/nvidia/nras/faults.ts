/** The table of faults that only NRAS can have: well-formed answers that are not the ones asked for. */
import { z } from 'zod';
import { readJws, signJws } from '../../../crypto/jws.ts';
import type { TokenFrame } from '../../../h100/eat/claims.ts';
import { type Exchange, type FaultRow, faultRow } from '../../faults/row.ts';
import type { DetachedEat, EatChange } from './tokens.ts';
import type { Nras } from './service.ts';

const ON = ['nras.attest.*'];
const KEYS = ['nras.jwks'];
const OVERALL = 'x-nvidia-overall-att-result';

/** A fault without parameters in the tokens. */
function told(name: string, doc: string, change: (exchange: Exchange<Nras>) => EatChange): FaultRow<Nras> {
  return faultRow({ name, doc, on: ON, parameters: {}, disturb: (exchange: Exchange<Nras>) => exchange.service.attest(exchange.request, change(exchange)) });
}

const hours = (fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(1).max(10_000).default(fallback).describe(`${doc} (hours)`);

/** Every token issued so many seconds later. */
const issuedLater =
  (seconds: number) =>
  (frame: TokenFrame): TokenFrame => ({ ...frame, nbf: frame.nbf + seconds, iat: frame.iat + seconds, exp: frame.exp + seconds });

const without = (claims: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
const otherNonce = (claims: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ ...claims, ...('eat_nonce' in claims ? { eat_nonce: '00'.repeat(32) } : {}) });
/** A signature that is not the token's. */
const resigned = (token: string): string => `${token.slice(0, token.lastIndexOf('.') + 1)}${Buffer.alloc(96, 1).toString('base64url')}`;
const ends = (exchange: Exchange<Nras>): { readonly kid: string; readonly signer: ReturnType<Nras['authority']['nras']>['signer'] } => exchange.service.authority.nras();
/** A token for nobody to check: `alg` none, and no signature. */
const unsigned = (token: string): string => `${Buffer.from(JSON.stringify({ ...readJws(token).header, alg: 'none' })).toString('base64url')}.${token.split('.')[1] ?? ''}.`;

/** Every fault of NRAS's own. */
export const NRAS_FAULTS: readonly FaultRow<Nras>[] = [
  faultRow({
    name: 'nras-expired',
    doc: 'Tokens whose time is over.',
    on: ON,
    parameters: { hours: hours(1, 'how long ago') },
    disturb: (exchange: Exchange<Nras>, { hours: ago }) => exchange.service.attest(exchange.request, { frame: issuedLater(-3600 * (ago + 1)) }),
  }),
  faultRow({
    name: 'nras-future',
    doc: 'Tokens whose time has not come.',
    on: ON,
    parameters: { hours: hours(1, 'how far ahead') },
    disturb: (exchange: Exchange<Nras>, { hours: ahead }) => exchange.service.attest(exchange.request, { frame: issuedLater(3600 * ahead) }),
  }),
  told('nras-other-issuer', 'Tokens of another service.', () => ({ frame: (frame) => ({ ...frame, iss: 'https://nras.example.org' }) })),
  told('nras-other-nonce', 'Tokens for another nonce.', () => ({ overall: otherNonce, device: otherNonce })),
  told('nras-other-overall-nonce', 'The token over all is for another nonce, those of the devices are not.', () => ({ overall: otherNonce })),
  told('nras-no-nonce', 'Tokens that name no nonce.', () => ({ overall: (claims) => without(claims, 'eat_nonce'), device: (claims) => without(claims, 'eat_nonce') })),
  told('nras-signed-by-stranger', 'Tokens signed by a key that is not in the key set, under the name of one that is.', (exchange) => ({
    key: { kid: ends(exchange).kid, signer: exchange.service.world.ecKey('nvidia/fault/stranger', 'P-384') },
  })),
  told('nras-unknown-key', 'Tokens signed by a key whose name is not in the key set.', (exchange) => ({ key: { kid: `${ends(exchange).kid}0`, signer: exchange.service.world.ecKey('nvidia/fault/stranger', 'P-384') } })),
  told('nras-unsigned', 'Tokens of the algorithm none.', () => ({
    answer: ([[, overall], devices]: DetachedEat) => [['JWT', unsigned(overall)], Object.fromEntries(Object.entries(devices).map(([name, token]) => [name, unsigned(token)]))],
  })),
  told('nras-device-signature', "The signature of a device's token is not that of the token.", () => ({ token: resigned })),
  told('nras-device-digest', 'The tokens of the devices are not those that the token over all has digests of.', (exchange) => ({
    token: (token) => signJws({ kid: ends(exchange).kid }, { ...readJws(token).payload, jti: 'another' }, ends(exchange).signer),
  })),
  told('nras-device-missing', 'The token of a device is missing.', () => ({ answer: ([overall, devices]: DetachedEat) => [overall, Object.fromEntries(Object.entries(devices).slice(1))] })),
  told('nras-device-extra', 'There is a token for a device that the token over all does not name.', () => ({
    answer: ([overall, devices]: DetachedEat) => [overall, { ...devices, 'GPU-99': Object.values(devices)[0] }],
  })),
  told('nras-overall-alone', 'There is only the token over all.', () => ({ answer: ([overall]: DetachedEat) => [overall] })),
  told('nras-measurements-fail', 'The measurements of the devices are not those of the manifests, and yet all is well.', () => ({
    device: (claims) => ({ ...claims, measres: 'fail' }),
    overall: (claims) => ({ ...claims, [OVERALL]: true }),
  })),
  told('nras-debug', 'The devices can be debugged, and yet all is well.', () => ({ device: (claims) => ({ ...claims, dbgstat: 'enabled' }), overall: (claims) => ({ ...claims, [OVERALL]: true }) })),
  told('nras-overall-false', 'The devices are good, and the result over all is false.', () => ({ overall: (claims) => ({ ...claims, [OVERALL]: false }) })),
  told('nras-overall-text', 'The result over all is the text "true".', () => ({ overall: (claims) => ({ ...claims, [OVERALL]: 'true' }) })),
  faultRow({ name: 'nras-keys-empty', doc: 'There are no keys in the key set.', on: KEYS, parameters: {}, disturb: ({ service }: Exchange<Nras>) => service.reply(200, { keys: [] }) }),
  faultRow({
    name: 'nras-keys-without-certificates',
    doc: 'The keys have no certificates.',
    on: KEYS,
    parameters: {},
    disturb: ({ service }: Exchange<Nras>) => service.reply(200, { keys: service.keySet().map((key) => without(key, 'x5c')) }),
  }),
  faultRow({
    name: 'nras-keys-other',
    doc: 'The key set of somebody else, under the right names.',
    on: KEYS,
    parameters: {},
    disturb: ({ service }: Exchange<Nras>) => {
      const { x, y } = service.world.ecKey('nvidia/fault/stranger', 'P-384').publicKey.export({ format: 'jwk' });
      return service.reply(200, { keys: service.keySet().map((key) => ({ ...key, x, y })) });
    },
  }),
];
