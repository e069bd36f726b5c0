/** Unusual logs that must be accepted. */
import { LOG_AREA } from '../../../emulator/tdx/boot/measured-boot.ts';
import { EVENT } from '../../../emulator/tdx/boot/log/event-types.ts';
import { SHA_384 } from '../../../emulator/tdx/boot/log/event-log.ts';
import { grubCommand, measuredEvent } from '../../../emulator/tdx/boot/events.ts';
import { headed, LOG_FILE, logged, measured, TABLE_FILE, withoutFill } from '../../edits/event-log.ts';
import { rewritten, without } from '../../edits/files.ts';
import { accepted, type TdxCase } from '../../tdx/case.ts';

const TCG = 'TCG PC Client Platform Firmware Profile 1.06, event logging';
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));

export const OK_CASES: readonly TdxCase[] = [
  accepted('ccel/ok/base', 'high', TCG, 'A log of a boot from disk that leads to the registers, for a relying party that knows all of them.', {
    options: { runtimeEvent: ['app start one'] },
    goodOptions: { runtimeEvent: ['app start one'], reportData: '01' },
    request: ({ rtmrs = [] }) => (Array.isArray(rtmrs) ? { rtmr0: String(rtmrs[0]), rtmr1: String(rtmrs[1]), rtmr2: String(rtmrs[2]), rtmr3: String(rtmrs[3]) } : {}),
  }),
  accepted('ccel/ok/direct-boot', 'medium', TCG, 'The log of a kernel given to QEMU.', { options: { boot: 'direct' } }),
  accepted('ccel/ok/runtime-events', 'medium', 'UEFI 2.10, 38 Confidential Computing', 'Things that happened while the TD ran, each in the log.', {
    options: { runtimeEvent: ['app start one', 'app start two', 'app stop one'] },
  }),
  accepted('ccel/ok/whole-area', 'medium', TCG, 'The whole area of the log, nearly all of it fill of 0xff.', { files: rewritten(LOG_FILE, (log) => Uint8Array.from({ length: LOG_AREA }, (_, i) => log[i] ?? 0xff)) }),
  accepted('ccel/ok/zeros-behind', 'low', TCG, 'The fill behind the last event is zeros.', { files: rewritten(LOG_FILE, (log) => Uint8Array.of(...withoutFill(log), ...new Uint8Array(64))) }),
  accepted('ccel/ok/nothing-behind', 'low', TCG, 'The log ends with its last event.', { files: rewritten(LOG_FILE, withoutFill) }),
  accepted('ccel/ok/without-table', 'low', 'ACPI 6.5, CC Event Log ACPI Table', 'Nobody has to bring the table that says where the log lies.', { files: without(TABLE_FILE) }),
  accepted('ccel/ok/command-line-without-nul', 'medium', 'confidential-containers/trustee@2486de17', 'The event of a command line ends without a NUL.', {
    edits: measured((events) => events.map((event) => (event.eventType === EVENT.ipl && Buffer.from(event.data).toString('latin1').startsWith('kernel_cmdline: ') ? { ...event, data: event.data.slice(0, -1) } : event))),
  }),
  accepted('ccel/ok/empty-data', 'medium', 'google/go-tpm-tools#540', 'A boot loader’s event has no data; its digest is over what it read.', {
    edits: measured((events) => [...events, measuredEvent(2, EVENT.ipl, new Uint8Array(), text('something'))]),
  }),
  accepted('ccel/ok/empty-command', 'medium', 'google/go-tpm-tools#540', 'A command of the boot loader is empty behind the words before it.', { edits: measured((events) => [...events, grubCommand('')]) }),
  accepted('ccel/ok/no-action', 'medium', 'agentrust-io/cmcp#443', 'An event that extends nothing says from where the boot was started.', {
    edits: logged((events) => [{ mrIndex: 1, eventType: EVENT.noAction, digests: [{ algorithm: SHA_384, value: new Uint8Array(48) }], data: Uint8Array.of(...text('StartupLocality\0'), 3) }, ...events]),
  }),
  accepted('ccel/ok/two-algorithms', 'medium', TCG, 'Every event has a digest of SHA-256 beside that of SHA-384.', {
    edits: headed((log) => ({
      ...log,
      header: { ...log.header, specId: { ...log.header.specId, algorithms: [{ id: 0x0b, size: 32 }, ...log.header.specId.algorithms] } },
      events: log.events.map((event) => ({ ...event, digests: [{ algorithm: 0x0b, value: new Uint8Array(32).fill(9) }, ...event.digests] })),
    })),
  }),
  accepted('ccel/ok/vendor-information', 'low', TCG, 'The head of the log has information of the vendor’s.', {
    edits: headed((log) => ({ ...log, header: { ...log.header, specId: { ...log.header.specId, vendorInfo: text('teemu') } } })),
  }),
  accepted('ccel/ok/long-event', 'low', TCG, 'An event has eight thousand bytes.', { edits: measured((events) => [...events, measuredEvent(2, EVENT.ipl, new Uint8Array(8000).fill(0x41))]) }),
  accepted('ccel/ok/many-events', 'low', TCG, 'The log has a hundred events more than usual.', {
    edits: measured((events) => [...events, ...Array.from({ length: 100 }, (_, i) => measuredEvent(3, EVENT.eventTag, text(`event ${i}`)))]),
  }),
];
