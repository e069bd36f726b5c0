/** A report as a verifier takes it: read strictly, and what its opaque data say of the device. */
import { CodecError } from '../../../../emulator/errors.ts';
import { FEATURE_FLAG, OPAQUE_ROWS, type OpaqueField, opaqueRowOf, PDI_SIZE, STATUS } from '../../../../emulator/h100/report/opaque.ts';
import { type DecodedGpuReport, decodeGpuReport, encodeGpuReport } from '../../../../emulator/h100/report/report.ts';
import { countsOf, numberOf, textOf, vbiosVersionText } from '../../../../emulator/h100/report/values.ts';
import { ALL_MEASUREMENTS } from '../../../../emulator/link/spdm/messages/measurements.ts';
import type { GpuMode, H100Expectations } from '../expectations.ts';
import type { H100Appraisal, H100Reason } from '../reasons.ts';
import { VERSION_FORM } from './version.ts';

/** How messages call the report. */
const PATH = 'report';

/** What a report says of its device. */
export interface ReportStatement {
  /** `550.90.07`; a switch has none. */
  readonly driverVersion?: string;
  /** `96.00.9F.00.01`. */
  readonly vbiosVersion: string;
  /** `NV_GPU_DRIVER_GH100_550.90.07`; a switch has none. */
  readonly driverRim?: string;
  /** `NV_GPU_VBIOS_1010_0200_882_96009F0001`. */
  readonly vbiosRim: string;
  /** SHA-384 of the firmware, 48 bytes; drivers before 550 and switches do not say. */
  readonly fwid?: Uint8Array;
  /** Of GPUs. */
  readonly mode?: GpuMode;
  /** Whether the video decoder is off. */
  readonly decoderOff: boolean;
  /** How often each measurement was extended. */
  readonly counts: readonly number[];
  /** Of a switch: its own identifier, 8 bytes. */
  readonly pdi?: Uint8Array;
  /** Identifiers, 8 bytes each, of the devices at the other end: of a GPU the switches, of a switch the GPUs; each once. */
  readonly peers: readonly Uint8Array[];
}

/** A report that could be read. */
export interface ReadReport {
  readonly report: DecodedGpuReport;
  readonly statement: ReportStatement;
}

/** Blocks and counts that a device of a kind has, and the opaque fields that none of them lacks. */
const KINDS = {
  gpu: { blocks: 64, counts: [64, 64], required: ['VBIOS_VERSION', 'DRIVER_VERSION', 'CHIP_SKU', 'PROJECT', 'PROJECT_SKU', 'MSRSCNT', 'NVDEC0_STATUS'] },
  // Genuine switches count 26 or 27 of their measurements.
  switch: { blocks: 31, counts: [26, 31], required: ['VBIOS_VERSION', 'SWITCH_PDI', 'MSRSCNT', 'GPU_PDIS'] },
} as const;
/** The switch's manifest, whatever its board: its report does not name one. */
const SWITCH_RIM = 'NV_SWITCH_BIOS_5612_0002_890_';
const LATEST_DATA = 1n;
const MODES: readonly GpuMode[] = ['spt', 'mpt', 'ppcie'];

/** Reads a report. @param isSwitch as the evidence says */
export function readReport(appraisal: H100Appraisal, src: Uint8Array, isSwitch: boolean, blackwell: boolean, { allowUnknownFields = false }: Pick<H100Expectations, 'allowUnknownFields'>): ReadReport {
  const report = appraisal.attempt(
    () => faultOf(src),
    () => (allowUnknownFields ? withoutUnknown(src) : decodeGpuReport(src)),
  );
  for (const reason of ['report-malformed', 'opaque-field-twice', 'opaque-field-unknown'] as const) appraisal.pass(reason);
  const { request, measurements } = report;
  appraisal.check('report-request', request.operation === ALL_MEASUREMENTS && request.slot.slotId === 0, () => ({
    message: `asks for 0x${request.operation.toString(16)} with the key in slot ${request.slot.slotId}`,
    path: `${PATH}.request`,
  }));
  const { blocks, required } = KINDS[isSwitch ? 'switch' : 'gpu'];
  appraisal.check('report-blocks', measurements.length === blocks && measurements.every(({ type }) => type === 1), () => ({
    message: `must be ${blocks} digests of mutable firmware, are ${measurements.length} blocks`,
    path: `${PATH}.measurements`,
  }));
  const missing = required.find((name) => !fieldOf(report.opaque, name));
  appraisal.check('opaque-field-missing', missing === undefined, () => ({ message: `there is no ${missing}`, path: `${PATH}.opaque` }));
  return { report, statement: new Opaque(appraisal, report.opaque).statement(isSwitch, blackwell) };
}

/** Which reason it is that a report cannot be read for. */
function faultOf(src: Uint8Array): H100Reason {
  try {
    const { opaque } = decodeGpuReport(src, { unusual: 'keep' });
    if (new Set(opaque.map(({ type }) => type)).size < opaque.length) return 'opaque-field-twice';
    const rows = opaque.map(({ type, data }) => ({ row: opaqueRowOf(type), size: data.length }));
    if (rows.some(({ row }) => !row || row.name === 'INVALID')) return 'opaque-field-unknown';
    return rows.some(({ row, size }) => row && (size < row.least || size > row.most)) ? 'opaque-field-malformed' : 'report-malformed';
  } catch (error) {
    if (error instanceof CodecError) return 'report-malformed';
    throw error;
  }
}

/** A report with its unknown fields left out, and otherwise read as strictly. */
function withoutUnknown(src: Uint8Array): DecodedGpuReport {
  const lenient = decodeGpuReport(src, { unusual: 'keep' });
  const opaque = lenient.opaque.filter(({ type }) => opaqueRowOf(type));
  if (opaque.length === lenient.opaque.length) return decodeGpuReport(src);
  const strict = decodeGpuReport(Uint8Array.from([...encodeGpuReport({ ...lenient, opaque }), ...lenient.trailing]));
  return { ...strict, signed: lenient.signed };
}

/** Name of an opaque field. */
type FieldName = (typeof OPAQUE_ROWS)[number]['name'];

function fieldOf(opaque: readonly OpaqueField[], name: FieldName): Uint8Array | undefined {
  return opaque.find((field) => field.name === name)?.data;
}

/** The opaque data of a report that is being read. */
class Opaque {
  readonly #appraisal: H100Appraisal;
  readonly #fields: readonly OpaqueField[];

  constructor(appraisal: H100Appraisal, fields: readonly OpaqueField[]) {
    this.#appraisal = appraisal;
    this.#fields = fields;
  }

  statement(isSwitch: boolean, blackwell: boolean): ReportStatement {
    this.#version();
    const vbiosVersion = this.#vbios(isSwitch);
    const counts = this.#counts(KINDS[isSwitch ? 'switch' : 'gpu'].counts);
    const compact = vbiosVersion.replaceAll('.', '');
    if (isSwitch) {
      const [pdi, gpus] = [this.#sized('SWITCH_PDI', PDI_SIZE), this.#sized('GPU_PDIS')];
      // Behind the eight identifiers there is a map of ports.
      return { vbiosVersion, vbiosRim: SWITCH_RIM + compact, decoderOff: false, counts, ...(pdi ? { pdi } : {}), peers: distinct(gpus?.subarray(0, 8 * PDI_SIZE) ?? new Uint8Array(), false) };
    }
    const driverVersion = this.#text('DRIVER_VERSION', VERSION_FORM.driver);
    const [project, variant, chip] = [this.#text('PROJECT', /^[0-9A-Z]{4}$/i), this.#text('PROJECT_SKU', /^[0-9A-Z]{4}$/i), this.#text('CHIP_SKU', /^[0-9A-Z]{3,8}$/i)];
    const fwid = this.#sized('FWID');
    const chipInfo = fieldOf(this.#fields, 'CHIP_INFO') ? this.#text('CHIP_INFO', /^[0-9A-Z]{1,15}$/) : 'GB100';
    return {
      driverVersion,
      vbiosVersion,
      driverRim: blackwell ? `NV_GPU_CC_DRIVER_${chipInfo}_${driverVersion}` : `NV_GPU_DRIVER_GH100_${driverVersion}`,
      vbiosRim: `NV_GPU_VBIOS_${project}_${variant}_${chip}_${compact}`,
      ...(fwid ? { fwid } : {}),
      mode: this.#mode(),
      decoderOff: this.#status('NVDEC0_STATUS', 'nvdec-status') !== true,
      counts,
      peers: distinct(this.#sized('SWITCH_PDI') ?? new Uint8Array(), true),
    };
  }

  #malformed(name: FieldName, rule: string): never {
    return this.#appraisal.fail('opaque-field-malformed', { message: rule, path: `${PATH}.opaque.${name}` });
  }

  #sized(name: FieldName, size?: number): Uint8Array | undefined {
    const data = fieldOf(this.#fields, name);
    if (!data) return undefined;
    const whole = size === undefined ? OPAQUE_ROWS.find((row) => row.name === name)?.kind !== 'ids' || data.length % PDI_SIZE === 0 : data.length === size;
    return whole ? data : this.#malformed(name, `has ${data.length} bytes`);
  }

  #text(name: FieldName, form: RegExp): string {
    const data = fieldOf(this.#fields, name);
    const text = data && textOf(data);
    // The zero byte at the end is part of the field.
    return text !== undefined && data?.at(-1) === 0 && form.test(text) ? text : this.#malformed(name, `is ${JSON.stringify(text)}`);
  }

  #vbios(isSwitch: boolean): string {
    const data = fieldOf(this.#fields, 'VBIOS_VERSION') ?? new Uint8Array();
    const text = data.length === (isSwitch ? 14 : 8) ? vbiosVersionText(data) : undefined;
    return text ?? this.#malformed('VBIOS_VERSION', `is no version: ${Buffer.from(data).toString('hex')}`);
  }

  #counts([least, most]: readonly [number, number]): readonly number[] {
    const data = fieldOf(this.#fields, 'MSRSCNT') ?? new Uint8Array();
    const count = data.length / 4;
    return Number.isInteger(count) && count >= least && count <= most ? countsOf(data) : this.#malformed('MSRSCNT', `must be ${least} to ${most} numbers, is ${data.length} bytes`);
  }

  #version(): void {
    const data = fieldOf(this.#fields, 'OPAQUE_DATA_VERSION');
    if (!data) return;
    const version = numberOf(data);
    this.#appraisal.check('opaque-data-version', version <= LATEST_DATA, () => ({ message: `is ${version}`, path: `${PATH}.opaque.OPAQUE_DATA_VERSION` }));
  }

  /** Whether something is on; undefined where nothing is said. */
  #status(name: FieldName, reason: H100Reason): boolean | undefined {
    const data = fieldOf(this.#fields, name);
    if (!data) return undefined;
    const [value] = data;
    this.#appraisal.check(reason, value === STATUS.on || value === STATUS.off, () => ({ message: `is 0x${value?.toString(16)}`, path: `${PATH}.opaque.${name}` }));
    return value === STATUS.on;
  }

  #mode(): GpuMode {
    const on = this.#status('PROTECTED_PCIE_STATUS', 'protected-pcie-status');
    const data = fieldOf(this.#fields, 'FEATURE_FLAG');
    if (!data) return on === true ? 'ppcie' : 'spt';
    const flag = numberOf(data);
    const mode = MODES[Number(flag)];
    if (mode === undefined) return this.#appraisal.fail('feature-flag', { message: `is ${flag}`, path: `${PATH}.opaque.FEATURE_FLAG` });
    const agrees = on === undefined || on === (FEATURE_FLAG[mode] === FEATURE_FLAG.ppcie);
    this.#appraisal.check('feature-flag', agrees, () => ({ message: `says ${mode}, and protected PCIe is ${on ? 'on' : 'off'}`, path: `${PATH}.opaque.FEATURE_FLAG` }));
    return mode;
  }
}

/** Identifiers one after the other, each once. @param turned whether their bytes stand the other way round, as a GPU writes those of its switches */
function distinct(ids: Uint8Array, turned: boolean): Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  for (let at = 0; at < ids.length; at += PDI_SIZE) {
    const id = ids.slice(at, at + PDI_SIZE);
    if (turned) id.reverse();
    found.set(Buffer.from(id).toString('hex'), id);
  }
  return [...found.values()];
}
