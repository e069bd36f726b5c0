/** The table of faults that only NVIDIA's RIM service can have: well-formed answers that are not the ones asked for. */
import { z } from 'zod';
import type { RimEntry } from '../../../h100/platform/golden.ts';
import type { RimContents } from '../../../h100/rim/contents.ts';
import type { PublishedRim, RimChange } from '../../../h100/rim/library.ts';
import { type Exchange, type FaultRow, faultRow } from '../../faults/row.ts';
import type { Reply } from '../../http/message.ts';
import type { RimAnswerChange, RimService } from './service.ts';

const DAY = 86_400_000;
const ON = ['rim.get'];

/** The answer about the manifest that was asked for, changed; what is not there is answered as ever. */
function answer(exchange: Exchange<RimService>, change: (entry: RimEntry, service: RimService) => { rim: PublishedRim; answer?: RimAnswerChange }): Reply | Promise<Reply> {
  const { service, params } = exchange;
  const entry = service.library.entry(params.id ?? '');
  if (!entry) return exchange.honest();
  const changed = change(entry, service);
  return service.reply(changed.rim, changed.answer);
}

/** A fault without parameters in how the manifest is made and signed. */
function made(name: string, doc: string, change: (exchange: Exchange<RimService>) => RimChange): FaultRow<RimService> {
  return faultRow({ name, doc, on: ON, parameters: {}, disturb: (exchange: Exchange<RimService>) => answer(exchange, (entry, { library }) => ({ rim: library.publish(entry, change(exchange)) })) });
}

/** A fault without parameters in the document after it was signed; the digest beside it is that of the changed one. */
function altered(name: string, doc: string, change: (document: string) => string): FaultRow<RimService> {
  return faultRow({
    name,
    doc,
    on: ON,
    parameters: {},
    disturb: (exchange: Exchange<RimService>) =>
      answer(exchange, (entry, { library }) => {
        const rim = library.publish(entry);
        return { rim: { ...rim, document: new Uint8Array(Buffer.from(change(Buffer.from(rim.document).toString('utf8')), 'utf8')) } };
      }),
  });
}

/** A fault without parameters in what stands beside the manifest. */
function told(name: string, doc: string, members: (entry: RimEntry) => NonNullable<RimAnswerChange['members']>): FaultRow<RimService> {
  return faultRow({
    name,
    doc,
    on: ON,
    parameters: {},
    disturb: (exchange: Exchange<RimService>) => answer(exchange, (entry, { library }) => ({ rim: library.find(entry.id) ?? library.publish(entry), answer: { members: members(entry) } })),
  });
}

/** Another manifest of the same kind and chip, so that only its id and contents differ. */
function another({ id, kind, architecture }: RimEntry, { library }: RimService): RimEntry | undefined {
  const alike = library.ids.flatMap((other) => library.entry(other) ?? []).filter((entry) => entry.kind === kind && entry.architecture === architecture);
  return alike[(alike.findIndex((entry) => entry.id === id) + 1) % alike.length];
}

/** The first active value that is not zero, with a bit changed. */
function otherValue(contents: RimContents): RimContents {
  const place = contents.measurements.findIndex(({ active, alternatives }) => active && alternatives.length === 1 && alternatives[0]?.some((byte) => byte !== 0));
  const measurements = contents.measurements.map((m, i) => (i === place ? { ...m, alternatives: m.alternatives.map((value) => value.with(0, (value[0] ?? 0) ^ 1)) } : m));
  return { ...contents, measurements };
}

/** Every fault of the service's own. */
export const RIM_FAULTS: readonly FaultRow<RimService>[] = [
  faultRow({
    name: 'rim-not-found',
    doc: 'There is no such manifest.',
    on: ON,
    parameters: {},
    disturb: ({ service, params }: Exchange<RimService>) => service.refuse(404, `there is no RIM with the id ${(params.id ?? '').slice(0, 200)}`),
  }),
  told('rim-wrong-sha256', 'The digest beside the manifest is another one.', () => ({ sha256: '0'.repeat(64) })),
  told('rim-other-id', 'The answer names another id than the one that was asked for.', ({ id }) => ({ id: `${id}0` })),
  told('rim-other-format', 'The answer says that the manifest is a CoRIM.', () => ({ rim_format: 'CORIM' })),
  told('rim-no-base64', 'The manifest is no base64.', () => ({ rim: '<SoftwareIdentity/>' })),
  faultRow({
    name: 'rim-other-manifest',
    doc: 'The manifest of another release, under the id and with the digest of that which was asked for.',
    on: ON,
    parameters: {},
    disturb: (exchange: Exchange<RimService>) =>
      answer(exchange, (entry, service) => {
        const other = another(entry, service) ?? entry;
        return { rim: { ...service.library.publish(other), id: entry.id } };
      }),
  }),
  made('rim-other-version', 'The manifest says that it is of another version.', () => ({ edit: (contents) => ({ ...contents, version: `${contents.version}.1` }) })),
  made('rim-other-value', 'One measurement that the manifest allows is another one.', () => ({ edit: otherValue })),
  made('rim-inactive', 'The manifest speaks for no measurement.', () => ({ edit: (contents) => ({ ...contents, measurements: contents.measurements.map((m) => ({ ...m, active: false })) }) })),
  made('rim-signed-by-stranger', 'The signature is by a key that no certificate vouches for.', ({ service }) => ({ signedBy: service.world.ecKey('nvidia/fault/stranger', 'P-384') })),
  made('rim-rogue-chain', "The signer's certificate is signed by a stranger in the authority's name.", ({ service }) => ({ certificates: { l4: { signedBy: service.world.ecKey('nvidia/fault/rogue', 'P-384') } } })),
  made('rim-leaf-alone', 'Only the certificate of the signer is there, without those above it.', () => ({ carries: 1 })),
  faultRow({
    name: 'rim-expired',
    doc: "The signer's certificate has ended.",
    on: ON,
    parameters: { days: z.number().int().min(1).max(10_000).default(1).describe('how long ago (days)') },
    disturb: (exchange: Exchange<RimService>, { days }) =>
      answer(exchange, (entry, { library }) => ({
        rim: library.publish(entry, { certificates: { l4: { edit: (spec) => ({ ...spec, notBefore: exchange.now() - (days + 365) * DAY, notAfter: exchange.now() - days * DAY }) } } }),
      })),
  }),
  altered('rim-altered', 'A measurement was changed after signing.', (document) =>
    document.replace(/(active="True" alternatives="\d+" ns2:Hash0=")(.)/, (_, before: string, digit: string) => `${before}${digit === '0' ? '1' : '0'}`),
  ),
  altered('rim-unsigned', 'The signature is missing.', (document) => document.replace(/<ds:Signature .*<\/ds:Signature>/s, '')),
  altered('rim-truncated', 'The manifest ends in the middle.', (document) => document.slice(0, document.length / 2)),
  altered(
    'rim-entities',
    'The manifest declares entities that grow when they are read.',
    (document) => `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${document.replace('revision="r1"', 'revision="&b;"')}`,
  ),
];
