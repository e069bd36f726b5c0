/** Logs and tables that are none. */
import { createHash } from 'node:crypto';
import { withAcpiChecksum } from '../../../emulator/tdx/boot/log/ccel-table.ts';
import { CCEL_TABLE } from '../../../emulator/tdx/boot/log/ccel-table.ts';
import { SHA_384 } from '../../../emulator/tdx/boot/log/event-log.ts';
import { headed, LOG_FILE, LOG_PLACES, logged, overwrittenLog, TABLE_FILE, withoutFill } from '../../edits/event-log.ts';
import { extended, rewritten } from '../../edits/files.ts';
import { refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const TCG = 'TCG PC Client Platform Firmware Profile 1.06, event logging';
const ACPI = 'ACPI 6.5, CC Event Log ACPI Table';
const HUGE = [0xff, 0xff, 0xff, 0xff] as const;

const log = (slug: string, why: string, change: TdxChange, severity: TdxRejectCase['severity'] = 'medium', ref = TCG): TdxRejectCase =>
  refused(`ccel/log/${slug}`, ['parse', 'event-log-malformed'], severity, ref, why, change);
const table = (slug: string, why: string, change: (table: Uint8Array) => Uint8Array, reason = 'ccel-table-malformed'): TdxRejectCase =>
  refused(`ccel/table/${slug}`, ['parse', reason], 'medium', ACPI, why, { files: rewritten(TABLE_FILE, change) });

/** Bytes of a log that make nonsense of it. */
const BYTES: readonly (readonly [slug: string, at: number, bytes: readonly number[], why: string, severity?: TdxRejectCase['severity']])[] = [
  ['first-event-of-another-kind', LOG_PLACES.headType, [4, 0, 0, 0], 'The first event is none that old readers skip.'],
  ['head-4gib', LOG_PLACES.headSize, HUGE, 'The first event claims four gigabytes.', 'high'],
  ['head-short', LOG_PLACES.headSize, [20, 0, 0, 0], 'The first event is said to end within what it says of the log.', 'high'],
  ['no-spec-id', LOG_PLACES.signature, [0x41], 'The first event is none that says how the log is written.'],
  ['no-algorithms', LOG_PLACES.algorithms, [0, 0, 0, 0], 'The log begins with no algorithm.'],
  ['algorithms-4gib', LOG_PLACES.algorithms, HUGE, 'The log begins with four billion algorithms.', 'high'],
  ['algorithm-unknown', LOG_PLACES.algorithmId, [0x0b, 0], 'The log begins with SHA-256, and its digests are of SHA-384.'],
  ['algorithm-of-32-bytes', LOG_PLACES.algorithmSize, [32, 0], 'Digests of SHA-384 are said to have 32 bytes.'],
  ['vendor-information-long', LOG_PLACES.vendorInfoSize, [255], 'What the vendor says is longer than the event that it is in.', 'high'],
  ['register-5', LOG_PLACES.register, [5, 0, 0, 0], 'An event is about a register that there is not.'],
  ['register-4-billion', LOG_PLACES.register, [0xfe, 0xff, 0xff, 0xff], 'An event is about a register that there is not, and no fill.'],
  ['digests-none', LOG_PLACES.digests, [0, 0, 0, 0], 'An event has no digest.'],
  ['digests-two', LOG_PLACES.digests, [2, 0, 0, 0], 'An event has more digests than the log begins with.'],
  ['digests-4gib', LOG_PLACES.digests, HUGE, 'An event has four billion digests.', 'high'],
  ['digest-of-another-algorithm', LOG_PLACES.digestAlgorithm, [4, 0], 'A digest is of an algorithm that the log does not begin with.'],
  ['event-4gib', LOG_PLACES.eventSize, HUGE, 'An event claims four gigabytes.', 'high'],
  ['event-2gib', LOG_PLACES.eventSize, [0xff, 0xff, 0xff, 0x7f], 'An event claims two gigabytes.', 'high'],
];

/** The table with another value, and a checksum that fits. */
const field =
  (path: string, bytes: readonly number[]) =>
  (src: Uint8Array): Uint8Array => {
    const copy = Uint8Array.from(src);
    copy.set(bytes, CCEL_TABLE.locate(path).at);
    return withAcpiChecksum(copy);
  };

export const LOG_CASES: readonly TdxCase[] = [
  ...BYTES.map(([slug, at, bytes, why, severity]) => log(slug, why, { files: overwrittenLog(at, bytes), ...(severity === 'high' ? { bug: 'denial-of-service' } : {}) }, severity)),
  log('empty', 'There is a log, and nothing in it.', { files: rewritten(LOG_FILE, () => new Uint8Array()), bug: 'denial-of-service' }),
  log('nothing-but-fill', 'The log is an area that nobody has written to.', { files: rewritten(LOG_FILE, () => new Uint8Array(512).fill(0xff)) }),
  log('cut-in-the-head', 'The log breaks off within its first event.', { files: rewritten(LOG_FILE, (area) => area.slice(0, 40)), bug: 'denial-of-service' }, 'high'),
  log('cut-in-an-event', 'The last event breaks off.', { files: rewritten(LOG_FILE, (area) => withoutFill(area).slice(0, -9)), bug: 'denial-of-service' }, 'high'),
  log('cut-in-a-digest', 'A digest breaks off.', { files: rewritten(LOG_FILE, (area) => area.slice(0, LOG_PLACES.eventSize - 10)), bug: 'denial-of-service' }, 'high'),
  log('garbage-behind', 'Something that is no fill follows the last event.', { files: extended(LOG_FILE, '\x01') }),
  log('event-behind-the-fill', 'An event hides behind the fill, where some readers stop and others do not.', { files: rewritten(LOG_FILE, (area) => Uint8Array.of(...area, 1, 0, 0, 0, 4, 0, 0, 0)) }),
  log('algorithm-twice', 'The log begins with the same algorithm twice.', {
    edits: headed((all) => ({ ...all, header: { ...all.header, specId: { ...all.header.specId, algorithms: [...all.header.specId.algorithms, ...all.header.specId.algorithms] } } })),
  }),
  log('digest-of-sha-384-missing', 'An event has a digest of SHA-256 only.', {
    edits: headed((all) => ({
      ...all,
      header: { ...all.header, specId: { ...all.header.specId, algorithms: [...all.header.specId.algorithms, { id: 0x0b, size: 32 }] } },
      events: all.events.map((event, i) => (i === 0 ? { ...event, digests: [{ algorithm: 0x0b, value: new Uint8Array(32) }] } : event)),
    })),
  }),
  refused('ccel/log/register-of-mrtd', ['binding', 'event-log-register'], 'medium', 'UEFI 2.10, 38.4', 'An event is about MRTD, which nothing in the TD can extend.', {
    edits: logged((events) => [{ mrIndex: 0, eventType: 4, digests: [{ algorithm: SHA_384, value: new Uint8Array(48) }], data: new Uint8Array(4) }, ...events]),
  }),
  refused('ccel/log/register-of-mrtd-with-its-digest', ['binding', 'event-log-register'], 'medium', 'UEFI 2.10, 38.4', 'An event whose digest is that of its data is about MRTD, which nothing in the TD can extend.', {
    edits: logged((events) => [{ mrIndex: 0, eventType: 4, digests: [{ algorithm: SHA_384, value: Uint8Array.from(createHash('sha384').update(new Uint8Array(4)).digest()) }], data: new Uint8Array(4) }, ...events]),
  }),
  table('checksum', 'The bytes of the table do not add up.', (src) => src.with(9, (src[9] ?? 0) ^ 1)),
  table('cut-short', 'The table breaks off.', (src) => src.slice(0, 40)),
  table('trailing', 'A byte follows the table.', (src) => Uint8Array.of(...src, 0)),
  table('empty', 'The table is an empty file.', () => new Uint8Array()),
  table('of-another-name', 'The table is another one of ACPI’s.', field('header.signature', [0x54, 0x50, 0x4d, 0x32])),
  table('length', 'The table says that it is longer than it is.', field('header.length', [64, 0, 0, 0])),
  table('for-sev', 'The table says that the guest is one of SEV.', field('ccType', [1])),
  table('area-shorter-than-the-log', 'The table says that the log’s area is shorter than the log.', field('logAreaMinimumLength', [0, 1, 0, 0, 0, 0, 0, 0]), 'event-log-malformed'),
];
