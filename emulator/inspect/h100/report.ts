/** Attestation reports of GPUs and switches: request, response, every block and every opaque field. */
import { createHash } from 'node:crypto';
import { dump } from '../../codec/dump.ts';
import { FAMILIES, GPU_MODELS, type GpuModel } from '../../h100/platform/models.ts';
import { DRIVER_RELEASES } from '../../h100/platform/releases.ts';
import { DRIVER_SLOTS, MEASUREMENT_COUNTS, type Slot, VBIOS_SLOTS } from '../../h100/platform/slots.ts';
import { FEATURE_FLAG, OPAQUE_HEAD, opaqueRowOf } from '../../h100/report/opaque.ts';
import { type DecodedGpuReport, decodeGpuReport, type GpuMeasurement, mapGpuReport, opaqueField, REPORT_SPDM_VERSION, type ReportMap } from '../../h100/report/report.ts';
import { countsOf, numberOf, opaqueText, textOf, vbiosVersionText } from '../../h100/report/values.ts';
import { DMTF_MEASUREMENT_HEAD, GET_MEASUREMENTS, GET_MEASUREMENTS_11, MEASUREMENT_BLOCK_HEAD, MEASUREMENTS_HEAD_11 } from '../../link/spdm/messages/measurements.ts';
import { fromDump, type InspectLine, type Note, type Recogniser, type Section } from '../inspection.ts';

export const GPU_REPORT_RECOGNISERS: readonly Recogniser[] = [{ format: 'gpu-report', title: 'attestation report of an NVIDIA GPU or NVSwitch', refuse, inspect: reportSections }];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function refuse(src: Uint8Array): string | undefined {
  if (src.length <= GET_MEASUREMENTS_11.size + MEASUREMENTS_HEAD_11.size) return `is longer than a request of ${GET_MEASUREMENTS_11.size} bytes and the head of a response`;
  return src[0] === REPORT_SPDM_VERSION && src[1] === GET_MEASUREMENTS ? undefined : `begins with 11e0, this with ${hex(src.subarray(0, 2))}`;
}

/** The sections of a report. @throws {CodecError} for one that can't be read even where nothing unusual is refused */
export function reportSections(src: Uint8Array): Section[] {
  const report = decodeGpuReport(src, { unusual: 'keep' });
  const map = mapGpuReport(src);
  const section = (name: string, title: string, at: number, end: number, lines: readonly InspectLine[], notes: readonly Note[] = []): Section => ({ name: `gpu.${name}`, title, at, size: end - at, notes, lines });
  return [
    section('request', 'GET_MEASUREMENTS, as the requester sent it', map.request, map.response, dump(GET_MEASUREMENTS_11, src.subarray(map.request, map.response)).map(fromDump), reportNotes(src, report)),
    section('response', 'MEASUREMENTS, the answer', map.response, map.blocks[0] ?? map.responderNonce, responseLines(src, report, map)),
    section('measurements', `${report.measurements.length} measurements`, map.blocks[0] ?? map.responderNonce, map.responderNonce, measurementLines(report, map), measurementNotes(report)),
    section('opaque', `opaque data, ${report.opaque.length} fields`, map.opaque, map.signature, opaqueLines(report, map), opaqueNotes(report)),
    section('signature', 'signature by the attestation key', map.signature, map.end, [
      { at: 0, size: 48, path: 'r', depth: 0, value: hex(report.signature.subarray(0, 48)), doc: 'r, big-endian' },
      { at: 48, size: 48, path: 's', depth: 0, value: hex(report.signature.subarray(48)), doc: 's, big-endian' },
    ]),
  ];
}

function reportNotes(src: Uint8Array, report: DecodedGpuReport): Note[] {
  const unusual = unusualIn(src);
  return [
    ...(unusual === undefined ? [] : [{ kind: 'broken' as const, text: unusual }]),
    ...(report.trailing.length === 0 ? [] : [{ kind: 'info' as const, text: `${report.trailing.length} bytes follow the signature.` }]),
    { kind: 'info', text: `SHA-384 of the signed bytes, which are all before the signature: ${createHash('sha384').update(report.signed).digest('hex')}` },
  ];
}

/** What a strict reader says against it; undefined when nothing. */
function unusualIn(src: Uint8Array): string | undefined {
  try {
    decodeGpuReport(src);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `No device writes this: ${error.message}` : undefined;
  }
}

function responseLines(src: Uint8Array, report: DecodedGpuReport, map: ReportMap): InspectLine[] {
  const head = dump(MEASUREMENTS_HEAD_11, src.subarray(map.response, map.response + MEASUREMENTS_HEAD_11.size)).map(fromDump);
  return [
    ...head,
    { at: map.responderNonce - map.response, size: report.responderNonce.length, path: 'responderNonce', depth: 0, value: hex(report.responderNonce), doc: 'Nonce: the responder’s; it stands behind the measurements' },
  ];
}

/** The rows of the tables for a report, where its chip and driver are known: what its measurements are called. */
function slotsOf(report: DecodedGpuReport): ReadonlyMap<number, Slot> {
  const model = modelOf(report);
  if (!model) return new Map(report.measurements.length === MEASUREMENT_COUNTS.LS10.blocks ? VBIOS_SLOTS.LS10.map((slot) => [slot.index, slot]) : []);
  const driver = opaqueField(report, 'DRIVER_VERSION');
  const form = DRIVER_RELEASES.get((driver && textOf(driver)) ?? '')?.chips[model.architecture];
  return new Map([...VBIOS_SLOTS[model.architecture], ...(form ? DRIVER_SLOTS[form.slots] : [])].map((slot) => [slot.index, slot]));
}

/** The kind of GPU by its board; undefined for one that the tables lack. */
function modelOf(report: DecodedGpuReport): GpuModel | undefined {
  const board = opaqueField(report, 'BOARD_ID');
  return board && [...GPU_MODELS.values()].find(({ board: { id } }) => BigInt(id) === numberOf(board));
}

function measurementLines(report: DecodedGpuReport, { blocks }: ReportMap): InspectLine[] {
  const slots = slotsOf(report);
  const base = blocks[0] ?? 0;
  return report.measurements.map(({ index, value }, i) => ({
    at: (blocks[i] ?? base) - base + MEASUREMENT_BLOCK_HEAD.size + DMTF_MEASUREMENT_HEAD.size,
    size: value.length,
    path: `${index}`,
    depth: 0,
    value: value.every((byte) => byte === 0) ? `00 × ${value.length}` : hex(value),
    doc: measurementDoc(slots.get(index)),
  }));
}

function measurementDoc(slot: Slot | undefined): string {
  if (!slot) return '';
  return `${slot.name}: ${slot.owner === 'driver' ? 'the driver’s manifest' : 'the firmware’s manifest'} says what it may be`;
}

function measurementNotes({ measurements }: { readonly measurements: readonly GpuMeasurement[] }): Note[] {
  const made = measurements.filter(({ value }) => value.some((byte) => byte !== 0)).length;
  return [{ kind: 'info', text: `${made} are made, the other ${measurements.length - made} are zero; indices count from 0, as in manifests.` }];
}

function opaqueLines(report: DecodedGpuReport, { opaque, fields }: ReportMap): InspectLine[] {
  return fields.map((field) => ({
    at: field.at - opaque + OPAQUE_HEAD.size,
    size: field.data.length,
    path: field.name,
    depth: 0,
    value: opaqueText(field).slice(0, 1024),
    doc: opaqueDoc(report, field.type),
  }));
}

function opaqueDoc(report: DecodedGpuReport, type: number): string {
  const row = opaqueRowOf(type);
  if (!row) return `type ${type}, which is not known`;
  const model = row.name === 'BOARD_ID' ? modelOf(report) : undefined;
  return `${type}: ${row.doc}${model ? `; ${model.name}, ${FAMILIES[model.architecture].arch}` : ''}`;
}

function opaqueNotes(report: DecodedGpuReport): Note[] {
  const notes: Note[] = [];
  const vbios = opaqueField(report, 'VBIOS_VERSION');
  if (vbios && vbiosVersionText(vbios) === undefined) notes.push({ kind: 'broken', text: 'VBIOS_VERSION is no version.' });
  const counts = opaqueField(report, 'MSRSCNT');
  const wrong = counts && countsOf(counts).findIndex((count, i) => count > 0 !== report.measurements[i]?.value.some((byte) => byte !== 0));
  if (wrong !== undefined && wrong >= 0) notes.push({ kind: 'broken', text: `MSRSCNT and measurement ${wrong} disagree about whether that is made.` });
  const flag = opaqueField(report, 'FEATURE_FLAG');
  if (flag && numberOf(flag) === BigInt(FEATURE_FLAG.ppcie)) notes.push({ kind: 'info', text: 'Protected PCIe is on: the machine has to be attested as a whole, switches included.' });
  return notes;
}
