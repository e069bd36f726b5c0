/** Documentation of every value that GPU evidence has unless told otherwise, and where it is from. */
import { FAMILIES, GPU_MODELS, type GpuArchitecture, NVSWITCH_MODEL } from '../../emulator/h100/platform/models.ts';
import { DRIVER_RELEASES, type DriverForm, VBIOS_RELEASES } from '../../emulator/h100/platform/releases.ts';
import { DRIVER_SLOTS, type DriverSlots, type Follows, type Slot, VBIOS_SLOTS } from '../../emulator/h100/platform/slots.ts';
import type { OPAQUE_ROWS } from '../../emulator/h100/report/opaque.ts';
import type { GET_MEASUREMENTS_11, MEASUREMENTS_HEAD_11 } from '../../emulator/link/spdm/messages/measurements.ts';

type Sources<Rows> = Readonly<Record<keyof Rows, string>>;

/** Fields without a row do not compile. */
const REQUEST_SOURCES: Sources<typeof GET_MEASUREMENTS_11.rows> = {
  spdmVersion: '1.1, as in every genuine report, also of Blackwell.',
  requestCode: 'GET_MEASUREMENTS.',
  attributes: 'A signature is asked for.',
  operation: '0xff, all measurements, as in every genuine report.',
  nonce: "The caller's; otherwise one of the world's own.",
  slot: 'Zero, as in every genuine report.',
};

const RESPONSE_SOURCES: Sources<typeof MEASUREMENTS_HEAD_11.rows> = {
  spdmVersion: '1.1, as in every genuine report.',
  responseCode: 'MEASUREMENTS.',
  totalCount: 'Zero, as in every genuine report.',
  slot: 'Zero, as in every genuine report.',
  numberOfBlocks: '64 of a GPU, 31 of a switch, as in every genuine report.',
  recordLength: '55 bytes a block: index, specification 1, size 51, type 1 (mutable firmware), size 48, SHA-384.',
};

type OpaqueName = (typeof OPAQUE_ROWS)[number]['name'];
const NEVER = 'Not emitted: no genuine report at hand has it.';
const FROM_BOARD = 'By board; table of boards below.';

const OPAQUE_SOURCES: Readonly<Record<OpaqueName, string>> = {
  CERT_ISSUER_NAME: NEVER,
  CERT_AUTHORITY_KEY_IDENTIFIER: NEVER,
  DRIVER_VERSION: 'The release of the driver, with a zero byte behind it.',
  GPU_INFO: FROM_BOARD,
  SKU: NEVER,
  VBIOS_VERSION: 'The release of the firmware: two little-endian integers of a GPU, text of a switch.',
  MANUFACTURER_ID: NEVER,
  TAMPER_DETECTION: NEVER,
  SMC: NEVER,
  VPR: NEVER,
  NVDEC0_STATUS: 'Off, as in all genuine reports but one of Blackwell.',
  MSRSCNT: 'By measurement; tables of measurements below. Board, driver and firmware change some counts as in genuine reports.',
  CPRINFO: FROM_BOARD,
  BOARD_ID: FROM_BOARD,
  CHIP_SKU: FROM_BOARD,
  CHIP_SKU_MOD: '`0`, as in every genuine report.',
  PROJECT: FROM_BOARD,
  PROJECT_SKU: FROM_BOARD,
  PROJECT_SKU_MOD: 'Empty on Hopper, `0` on Blackwell, as in genuine reports.',
  FWID: 'As in the certificate of the attestation key. The same for all firmware of a generation, as in genuine reports; the digest itself is teemu’s own.',
  PROTECTED_PCIE_STATUS: 'Off, unless the mode is ppcie.',
  SWITCH_PDI: 'In the mode ppcie: which switch is at each of the 18 links is as on genuine boards; the ids are the world’s own. Of a switch: its id.',
  FLOORSWEPT_PORTS: '0x00ec, as of every genuine switch.',
  POSITION_ID: 'The position on the board.',
  LOCK_SWITCH_STATUS: '1, as of every genuine switch.',
  GPU_PDIS: 'The ids of the board’s eight GPUs as the switch finds them port by port; which GPU is at which port is as on genuine boards.',
  GPU_LINK_CONN: NEVER,
  SYS_ENABLE_STATUS: '0707 on Blackwell, as in every genuine report.',
  OPAQUE_DATA_VERSION: 'By driver; table of drivers below.',
  CHIP_INFO: 'The chip, on Blackwell from driver 590 on.',
  FEATURE_FLAG: 'From driver 580 on: 0 for one GPU, 1 for several on Blackwell, 2 in the mode ppcie; each as in genuine reports but 0 on Blackwell, which is assumed.',
  INVALID: NEVER,
};

const FOLLOWS: Readonly<Record<Follows, string>> = {
  chip: 'chip',
  branch: 'branch of the driver',
  release: 'release of the driver',
  generation: 'generation of the firmware',
  project: 'generation and board',
  image: 'release of the firmware and board',
};

function fieldTable(title: string, sources: Readonly<Record<string, string>>): string[] {
  return [`## ${title}`, '', '| Field | Value without being told otherwise |', '| --- | --- |', ...Object.entries(sources).map(([field, source]) => `| \`${field}\` | ${source} |`), ''];
}

function slotTable(title: string, slots: readonly Slot[]): string[] {
  const rows = slots.map(
    (s) => `| ${s.index} | \`${s.name}\` | ${s.alternatives.every((a) => a === 'zero') ? '' : FOLLOWS[s.follows]} | ${s.alternatives.join(', ')} | ${s.alternatives.every((a) => a === 'zero') ? 0 : s.count} |`,
  );
  return [`### ${title}`, '', '| Index | Name | Follows | Values that are right | Count |', '| ---: | --- | --- | --- | ---: |', ...rows, ''];
}

function driverRows(version: string, architecture: GpuArchitecture, form: DriverForm): string {
  const { slots, fwid, protectedPcie, sysEnableStatus, chipInfo, opaqueDataVersion, featureFlag, source } = form;
  const more = Object.entries({
    FWID: fwid,
    PROTECTED_PCIE_STATUS: protectedPcie,
    SYS_ENABLE_STATUS: sysEnableStatus,
    CHIP_INFO: chipInfo,
    OPAQUE_DATA_VERSION: opaqueDataVersion !== undefined,
    FEATURE_FLAG: featureFlag,
  })
    .filter(([, emitted]) => emitted)
    .map(([name]) => (name === 'OPAQUE_DATA_VERSION' ? `${name} ${opaqueDataVersion}` : name));
  return `| \`${version}\` | ${architecture} | ${more.join(', ') || 'none'} | ${slots} | ${source} |`;
}

/** The page `docs/field-values-h100.md`. */
export function h100FieldValuesPage(): string {
  const slotSets: Readonly<Record<DriverSlots, readonly Slot[]>> = DRIVER_SLOTS;
  return `${[
    '# Values of the fields of GPU evidence, and where they are from',
    '',
    "Written by `npm run docs` from the tables of the emulator; don't edit it here.",
    '',
    'Every value that evidence has without being told otherwise was seen in a genuine report, manifest or certificate, or is called assumed here. Tests set up an emulated GPU as each of fifteen genuine ones and compare: the opaque data is the same byte for byte but for the digest of the firmware, and the same measurements are zero. The values of measurements are digests of what they stand for, the same in every world; no genuine one is among them. Any field can be set: `--set opaque.driverVersion=550.90.12`, `--set measurements.9=ff*`.',
    '',
    ...fieldTable('Request', REQUEST_SOURCES),
    ...fieldTable('Response', RESPONSE_SOURCES),
    ...fieldTable('Opaque data', OPAQUE_SOURCES),
    'Order: VBIOS_VERSION, BOARD_ID, CHIP_SKU, CHIP_SKU_MOD, PROJECT, PROJECT_SKU, PROJECT_SKU_MOD, DRIVER_VERSION, GPU_INFO, MSRSCNT, CPRINFO, NVDEC0_STATUS, FWID, PROTECTED_PCIE_STATUS, SWITCH_PDI, SYS_ENABLE_STATUS, CHIP_INFO, OPAQUE_DATA_VERSION, FEATURE_FLAG, as far as each is there.',
    '',
    '## Boards',
    '',
    '| Kind | What it is | Chip | BOARD_ID | PROJECT, SKU | CHIP_SKU | GPU_INFO | CPRINFO | Source |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...[...GPU_MODELS.values()].map(
      ({ name, doc, architecture, board, gpuInfo, cprInfo, source }) =>
        `| \`${name}\` | ${doc} | ${architecture} (${FAMILIES[architecture].arch}) | 0x${board.id.toString(16)} | ${board.project} ${board.projectSku} | ${board.chipSku} | 0x${gpuInfo.toString(16)} | 0x${cprInfo.toString(16)} | ${source} |`,
    ),
    `| NVSwitch | ${NVSWITCH_MODEL.vbios} | LS10 | | ${NVSWITCH_MODEL.project} ${NVSWITCH_MODEL.projectSku} | ${NVSWITCH_MODEL.chipSku} | | | ${NVSWITCH_MODEL.source} |`,
    '',
    '## Drivers',
    '',
    '| Release | Chip | Fields beyond those that every driver emits | Measurements | Source |',
    '| --- | --- | --- | --- | --- |',
    ...[...DRIVER_RELEASES.values()].flatMap(({ version, chips }) => (Object.entries(chips) as [GpuArchitecture, DriverForm][]).map(([architecture, form]) => driverRows(version, architecture, form))),
    '',
    '## Firmware',
    '',
    '| Release | Board | Generation | Source |',
    '| --- | --- | --- | --- |',
    ...[...VBIOS_RELEASES.values()].map(({ version, model, generation, source }) => `| \`${version}\` | ${model} | ${generation} | ${source} |`),
    '',
    '## Measurements',
    '',
    'Indices count from 0, as in manifests; the block of a report counts from 1. What no table names is zero, and no manifest speaks for it. `zero`: 48 zero bytes; `default`: the value that switches have where theirs is not set; `index`: every byte is the index.',
    '',
    'Which of several values a device shows: measurement 12 zero on a PCIe card, the fourth on HGX boards; 35 the fourth on a card, the second on boards; 32 the second and 36 the third in the mode ppcie; 61 of Blackwell zero while the video decoder is off; of a switch, from 10 on, that of its position; the first otherwise. All of it as in genuine reports. In devtools mode measurement 36 differs: that some do is known from users, which is assumed.',
    '',
    ...slotTable('Firmware of GH100', VBIOS_SLOTS.GH100),
    ...slotTable('Firmware of GB100 and GB202', VBIOS_SLOTS.GB100),
    ...Object.entries(slotSets).flatMap(([name, slots]) => slotTable(`Driver, ${name}`, slots)),
    ...slotTable('Firmware of LS10', VBIOS_SLOTS.LS10),
  ]
    .join('\n')
    .trimEnd()}\n`;
}
