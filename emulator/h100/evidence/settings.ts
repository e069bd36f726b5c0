/** `--set path=value` for GPU evidence: which fields there are, and where on the way to the report each is set. */
import { setField } from '../../codec/path.ts';
import { CodecError } from '../../errors.ts';
import { GET_MEASUREMENTS_11, MEASUREMENTS_HEAD_11, MEASUREMENTS_NONCE_SIZE } from '../../link/spdm/messages/measurements.ts';
import { splitSetting } from '../../option-values.ts';
import { OPAQUE_ROWS, type OpaqueRow, opaqueRowNamed } from '../report/opaque.ts';
import { type GpuReport, MEASUREMENT_SIZE, REPORT_SIGNATURE_SIZE, type StatedLengths } from '../report/report.ts';
import { numberBytes, textBytes, vbiosVersionBytes } from '../report/values.ts';

type Setting = readonly [path: string, value: string];

/** A device of the evidence. */
export interface Place {
  readonly kind: 'gpu' | 'switch';
  readonly index: number;
}

const SIGNATURE = 'signature';
/** Lengths that follow from the parts, and can be made to lie. */
const STATED: ReadonlyMap<string, keyof StatedLengths> = new Map([
  ['response.numberOfBlocks', 'numberOfBlocks'],
  ['response.recordLength', 'recordLength'],
  ['response.opaqueLength', 'opaqueLength'],
]);
const FIRST_WORDS = ['request', 'response', 'measurements', 'responderNonce', 'opaque', SIGNATURE];

/** Settings of one evidence. */
export class Settings {
  readonly #all: readonly { readonly place: Place | undefined; readonly setting: Setting }[];

  /** @param places of all devices @throws {CodecError} for a setting of a device that there is not */
  constructor(texts: readonly string[], places: readonly Place[]) {
    this.#all = texts.map(splitSetting).map(([path, value]) => {
      const [, kind, number, field = ''] = /^(gpu|switch)\.(\d{1,3})\.(.+)$/.exec(path) ?? [];
      if (kind === undefined) return { place: undefined, setting: [path, value] };
      const place = places.find((one) => one.kind === kind && one.index === Number(number));
      if (!place) throw fail(path, `no such device; there are: ${places.map((one) => `${one.kind}.${one.index}`).join(', ')}`);
      return { place, setting: [field, value] };
    });
  }

  /** Whether there are settings for a device that are made before its report is signed. */
  concerns(place: Place): boolean {
    return this.#of(place).some(([path]) => path !== SIGNATURE);
  }

  /** A device's report with its settings, before it is signed. @throws {CodecError} for a field that there is not, or a value that does not fit */
  report(report: GpuReport, place: Place): GpuReport {
    return this.#of(place)
      .filter(([path]) => path !== SIGNATURE)
      .reduce(set, report);
  }

  /** The report with the setting that is made after it was signed. @throws {CodecError} for a value that is no signature */
  signed(report: Uint8Array, place: Place): Uint8Array {
    const last = this.#of(place).findLast(([path]) => path === SIGNATURE);
    if (!last) return report;
    const copy = report.slice();
    copy.set(hexBytes(last[1], REPORT_SIGNATURE_SIZE, SIGNATURE), report.length - REPORT_SIGNATURE_SIZE);
    return copy;
  }

  #of({ kind, index }: Place): Setting[] {
    return this.#all.flatMap(({ place, setting }) => (place === undefined || (place.kind === kind && place.index === index) ? [setting] : []));
  }
}

const fail = (path: string, rule: string): CodecError => new CodecError('ERR_CODEC_FIELD', `h100.report.${path}`, 0, rule);

function set(report: GpuReport, [path, value]: Setting): GpuReport {
  const [first = '', ...rest] = path.split('.');
  const below = rest.join('.');
  const stated = STATED.get(path);
  if (stated) return { ...report, stated: { ...report.stated, [stated]: Number(numberText(value, path)) } };
  switch (first) {
    case 'request':
      return { ...report, request: setField(GET_MEASUREMENTS_11, report.request, below, value) as GpuReport['request'] };
    case 'response':
      return { ...report, response: setField(MEASUREMENTS_HEAD_11, report.response, below, value) as GpuReport['response'] };
    case 'responderNonce':
      return { ...report, responderNonce: hexBytes(value, MEASUREMENTS_NONCE_SIZE, path) };
    case 'measurements':
      return { ...report, measurements: setMeasurement(report.measurements, below, value, path) };
    case 'opaque':
      return { ...report, opaque: setOpaque(report.opaque, below, value, path) };
    default:
      throw fail(path, `no such field; there are: ${FIRST_WORDS.join(', ')}`);
  }
}

function setMeasurement(measurements: GpuReport['measurements'], below: string, value: string, path: string): GpuReport['measurements'] {
  const index = /^\d{1,2}$/.test(below) ? Number(below) : measurements.length;
  if (index >= measurements.length) throw fail(path, `no such measurement; there are 0 to ${measurements.length - 1}`);
  return measurements.map((m) => (m.index === index ? { ...m, value: hexBytes(value, MEASUREMENT_SIZE, path) } : m));
}

/** Sets a field where it stands, or adds it at the end; `none` leaves it out. */
function setOpaque(opaque: GpuReport['opaque'], below: string, value: string, path: string): GpuReport['opaque'] {
  const row = opaqueRowNamed(below);
  if (!row) throw fail(path, `no such field; there are: ${OPAQUE_ROWS.map(({ name }) => name).join(', ')}`);
  if (value === 'none') return opaque.filter(({ type }) => type !== row.type);
  const field = { type: row.type, name: row.name, data: contents(row, value, opaque.find(({ type }) => type === row.type)?.data.length, path) };
  return opaque.some(({ type }) => type === row.type) ? opaque.map((other) => (other.type === row.type ? field : other)) : [...opaque, field];
}

/** Bytes in hexadecimal behind 0x; else what the field is about: a text, a version, a number, on or off. */
function contents(row: OpaqueRow, value: string, length: number | undefined, path: string): Uint8Array {
  const { kind, least } = row;
  if (/^0x([0-9a-f]{2})*$/i.test(value) && kind !== 'number') return Uint8Array.from(Buffer.from(value.slice(2), 'hex'));
  switch (kind) {
    case 'text':
      if (!/^[\x20-\x7e]*$/.test(value) || value.length > row.most) throw fail(path, `must be printable ASCII of at most ${row.most} characters`);
      return textBytes(value, row.name === 'DRIVER_VERSION' ? undefined : Math.max(length ?? least, value.length));
    case 'version':
      if (!/^[0-9A-F]{2}(\.[0-9A-F]{2}){4}$/i.test(value)) throw new CodecError('ERR_CODEC_RANGE', `h100.report.${path}`, 0, `must look like 96.00.9F.00.01, is '${value.slice(0, 40)}'`);
      return length === 14 ? Uint8Array.from(Buffer.from(value, 'latin1')) : vbiosVersionBytes(value);
    case 'number':
      return numberBytes(numberText(value, path, row.most * 8), length ?? least);
    case 'status':
      if (value === 'on' || value === 'off') return Uint8Array.of(value === 'on' ? 0xaa : 0x55);
      break;
    default:
  }
  return hexBytes(value, length ?? least, path, kind === 'bytes' && row.unseen === true);
}

function numberText(value: string, path: string, bits = 24): bigint {
  if (!/^(0x[0-9a-fA-F]{1,16}|[0-9]{1,19})$/.test(value)) throw new CodecError('ERR_CODEC_RANGE', `h100.report.${path}`, 0, `must be a number, decimal or 0x hexadecimal, is '${value.slice(0, 40)}'`);
  const number = BigInt(value);
  if (number >> BigInt(bits) !== 0n) throw new CodecError('ERR_CODEC_RANGE', `h100.report.${path}`, 0, `must fit into ${bits} bits, is ${value.slice(0, 40)}`);
  return number;
}

/** Hexadecimal of exactly `size` bytes unless `any`, or one byte repeated: `ff*`. */
function hexBytes(value: string, size: number, path: string, any = false): Uint8Array {
  const plain = value.replace(/^0x/, '');
  if (/^[0-9a-fA-F]{2}\*$/.test(plain)) return new Uint8Array(size).fill(Number.parseInt(plain, 16));
  if (!/^([0-9a-fA-F]{2})*$/.test(plain) || (!any && plain.length !== size * 2))
    throw new CodecError('ERR_CODEC_RANGE', `h100.report.${path}`, 0, `must be ${size} bytes as ${size * 2} hexadecimal digits (or one byte and *), is ${plain.length} characters`);
  return Uint8Array.from(Buffer.from(plain, 'hex'));
}
