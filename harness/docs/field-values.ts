/** Documentation of every value that SNP evidence has unless told otherwise, and where it is from. */
import { SNP_PRESETS } from '../../emulator/snp/evidence/presets.ts';
import { LINE_TABLE, PRODUCTS } from '../../emulator/snp/platform/products.ts';
import { type FirmwareRelease, releaseOf, usualVersion } from '../../emulator/snp/platform/releases.ts';
import { type REPORT_V5, REPORT_VERSIONS } from '../../emulator/snp/report.ts';
import { TCB_COMPONENTS, type Tcb } from '../../emulator/snp/platform/tcb.ts';

/** What stands in each field of a report by default, and why that. A field without a row does not compile. */
const FIELD_SOURCES: Readonly<Record<keyof typeof REPORT_V5.rows, string>> = {
  version: 'The version that the product’s firmware writes (table of releases below), or the one asked for.',
  guestSvn: '0 without an ID block, as in genuine reports of QEMU guests; from the ID block with one (preset `azure-cvm`: 10, as in a genuine Azure report).',
  policy: '`0x30000` (SMT allowed, bit 17), as in genuine reports of QEMU and AWS guests; preset `azure-cvm`: `0x3001f`, as in genuine Azure reports. Whatever it is, the guest is launched with it.',
  familyId: 'Zero without an ID block, as in genuine reports of QEMU guests; preset `azure-cvm`: the value of genuine Azure reports.',
  imageId: 'As `familyId`.',
  vmpl: '0, as in genuine reports of guests without a paravisor; preset `aws`: 1, as in a genuine AWS report.',
  signatureAlgo: '1, the only algorithm there is.',
  currentTcb: 'Table of releases below.',
  platformInfo: 'Table of releases below.',
  keyInfo: 'Signing key 0 (VCEK) or 1 (VLEK); AUTHOR_KEY_EN follows from the ID block.',
  reserved0x4c: 'Zero, as specified.',
  reportData: 'What the caller gives; zero otherwise, because the guest decides it.',
  measurement:
    'The launch digest of teemu’s own synthetic firmware, whose file lies in the bundle with everything else that was measured: anybody can compute it again. No genuine value would have a firmware to go with it.',
  hostData: 'What the caller gives; zero otherwise, as in genuine reports of guests whose host gave nothing.',
  idKeyDigest: 'Zero without an ID block, as in genuine reports; SHA-384 of the world’s own ID key with one, because the genuine key is its owner’s.',
  authorKeyDigest: 'Zero: no preset has an author key, and genuine reports without one have zero.',
  reportId: 'Drawn by the emulated firmware at launch; random in genuine reports too.',
  reportIdMa: 'All ones: no migration agent, as in all genuine reports seen.',
  reportedTcb: 'Table of releases below.',
  cpuidFamId: 'Table of products below.',
  cpuidModId: 'Table of products below.',
  cpuidStep: 'Table of products below.',
  reserved0x18b: 'Zero, as specified.',
  chipId:
    'The hardware id of the emulated chip. It begins with `TEEMU` in ASCII, which no genuine one does; the rest is from the seed, as genuine ones look random. Turin: 8 bytes and zeros, as in genuine Turin reports. Preset `aws`: zero, as in a genuine AWS report.',
  committedTcb: 'Table of releases below.',
  currentBuild: 'Table of releases below.',
  currentMinor: 'Table of releases below.',
  currentMajor: 'Table of releases below.',
  reserved0x1eb: 'Zero, as specified.',
  committedBuild: 'As the running firmware: committed, as in most genuine reports and as strict verifiers demand.',
  committedMinor: 'As `committedBuild`.',
  committedMajor: 'As `committedBuild`.',
  reserved0x1ef: 'Zero, as specified.',
  launchTcb: 'Table of releases below.',
  launchMitVector: 'Version 5 only: table of releases below.',
  currentMitVector: 'Version 5 only: table of releases below.',
  reserved0x208: 'Zero, as specified.',
  signature: 'ECDSA P-384 by the VCEK or VLEK of the world; little-endian and zero-padded as the hardware does.',
};

/** The page `docs/field-values.md`. */
export function fieldValuesPage(): string {
  const versions = Object.values(PRODUCTS).flatMap((product) => REPORT_VERSIONS.map((version) => ({ product, version, release: releaseOf(product, version) })));
  const possible = versions.filter(({ release }) => !release.source.startsWith('does not exist'));
  return `${[
    '# Values of the fields, and where they are from',
    '',
    "Written by `npm run docs` from the tables of the emulator; don't edit it here.",
    '',
    'Every value that evidence has without being told otherwise was seen in a report or certificate of real hardware, or has a reason here. Any of them can be set: `--set currentTcb.snp=27`.',
    '',
    '## Report',
    '',
    '| Field | Value without being told otherwise |',
    '| --- | --- |',
    ...Object.entries(FIELD_SOURCES).map(([field, source]) => `| \`${field}\` | ${source} |`),
    '',
    '## Products',
    '',
    'Each CPUID is that of a genuine report.',
    '',
    '| Product | Line | Part | Family | Model | Stepping | Usual report version |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: |',
    ...Object.values(PRODUCTS).map((p) => `| ${p.name} | ${p.line} | ${p.doc} | ${hex(p.cpuid.family)} | ${hex(p.cpuid.model)} | ${p.cpuid.stepping} | ${usualVersion(p)} |`),
    '',
    '## Releases',
    '',
    `TCBs are ${TCB_COMPONENTS.join('.')} (no fmc but on Turin), in decimal.`,
    '',
    '| Product | Report version | Firmware | Current TCB | Committed | Reported | Launch | PLATFORM_INFO | Mitigations | Source |',
    '| --- | ---: | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...possible.map(({ product, version, release }) => `| ${product.name} | ${version} | ${releaseCells(release)} |`),
    '',
    '## Presets',
    '',
    '| Preset | What it is | Product | Report version | Signer | VMPL | Policy | Launched by | Virtual processors | Firmware from |',
    '| --- | --- | --- | ---: | --- | ---: | --- | --- | ---: | --- |',
    ...[...SNP_PRESETS.values()].map(
      (p) =>
        `| \`${p.name}\` | ${p.doc} | ${p.product} | ${p.reportVersion ?? usualVersion(PRODUCTS[p.product] ?? missing(p.product))} | ${p.signer.toUpperCase()} | ${p.vmpl} | ${hex(p.policy)} | ${p.vmm} | ${p.vcpus} | ${p.release?.source ?? 'the product’s release'} |`,
    ),
    '',
    '## Certificates',
    '',
    'Names, serials, extensions and their order, PSS parameters and lifetimes are those of AMD’s genuine certificates, compared byte for byte in `test/pki/genuine.test.ts`.',
    '',
    '| Line | Serial of ARK, ASK, ASVK | Issued (UTC) | productName | Newest TCB that the KDS knows |',
    '| --- | --- | --- | --- | --- |',
    ...Object.values(LINE_TABLE).map(
      ({ line, serials, issued, productName, newestTcb }) =>
        `| ${line} | ${[serials.ark, serials.ask, serials.asvk].map(hex).join(', ')} | ${[issued.ark, issued.ask, issued.asvk].map((at) => new Date(at).toISOString().slice(0, 10)).join(', ')} | ${productName} | ${tcbText(newestTcb)} |`,
    ),
  ].join('\n')}\n`;
}

function releaseCells(r: FirmwareRelease): string {
  const { major, minor, build } = r.firmware;
  return [`${major}.${minor}.${build}`, ...[r.currentTcb, r.committedTcb, r.reportedTcb, r.launchTcb].map(tcbText), hex(r.platformInfo), r.mitigationVector === 0n ? 'none' : hex(r.mitigationVector), r.source].join(
    ' | ',
  );
}

function tcbText(tcb: Tcb): string {
  return TCB_COMPONENTS.flatMap((component) => tcb[component] ?? []).join('.');
}

const hex = (n: number | bigint): string => `0x${n.toString(16).padStart(2, '0')}`;

function missing(name: string): never {
  throw new RangeError(`no product ${name}`);
}
