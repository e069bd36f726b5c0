/** The guest of TDX evidence: a TD of the synthetic firmware, booted and measured. */
import type { World } from '../../world.ts';
import { BOOTS, type BootName } from '../boot/boots.ts';
import { runtimeEvent } from '../boot/events.ts';
import { syntheticTdvf, VARIABLES_NAME } from '../boot/firmware.ts';
import { ccelOf, MeasuredBoot } from '../boot/measured-boot.ts';
import { secureBootVariables } from '../boot/secure-boot.ts';
import { syntheticAcpi } from '../boot/uefi/acpi.ts';
import { tdHob } from '../boot/uefi/hob.ts';
import { syntheticApplication } from '../boot/uefi/pe.ts';
import { SYNTHETIC_APPEND, syntheticInitrd } from '../../snp/launch/firmware.ts';
import type { TdxModule } from '../module/tdx-module.ts';
import { type AddOrder, parseTdvf, type TdvfSection, type TdvfSectionType } from '../module/tdvf.ts';
import type { TrustDomain } from '../module/trust-domain.ts';
import type { TdxEdits } from './edits.ts';
import type { TdxOptions } from './options.ts';

/** Memory of the TD. */
const MEMORY = 2n << 30n;
const FILES = { tdvf: 'tdvf.fd', kernel: 'vmlinuz', initrd: 'initrd.img' } as const;

/** The member `launch` of `bundle.json`: what the TD was started from, by names of files in the bundle. A type, so that it is plain JSON. */
export type LaunchDescription = {
  readonly tdvf: string;
  readonly addOrder: AddOrder;
  /** Bytes of memory. */
  readonly memory: number;
  readonly boot: BootName;
  readonly kernel: string;
  readonly initrd: string;
  readonly append: string;
};

/** A TD that has booted. */
export interface MeasuredGuest {
  readonly td: TrustDomain;
  readonly ccel: { readonly table: Uint8Array; readonly data: Uint8Array };
  readonly launch: LaunchDescription;
  readonly contents: Readonly<Record<keyof typeof FILES, Uint8Array>>;
}

/**
 * Launches a TD and boots it: every event is measured into its registers and logged.
 * @throws {FirmwareError} for parameters that the module does not take
 */
export function bootGuest(world: World, module: TdxModule, options: TdxOptions, edits: TdxEdits): MeasuredGuest {
  const tdvf = syntheticTdvf();
  const addOrder = options.addOrder ?? 'singlePass';
  const { tdAttributes: attributes, xfam, mrConfigId, mrOwner, mrOwnerConfig } = options;
  const td = module.launch({ image: tdvf, order: addOrder, attributes, xfam, mrConfigId, mrOwner, mrOwnerConfig });

  const name = (options.boot ?? 'grub') as BootName;
  const boot = BOOTS[name];
  const sections = parseTdvf(tdvf);
  const hob = section(sections, 'tdHob');
  const variables = section(sections, 'cfv');
  const kernel = syntheticApplication('teemu synthetic test kernel: it is measured, never run.\n');
  const initrd = syntheticInitrd();
  const append = options.append ?? SYNTHETIC_APPEND;
  const honest = [
    ...boot.events({
      hob: { address: hob.gpa, contents: tdHob(hob.gpa, MEMORY, inMemory(sections)) },
      variables: { name: VARIABLES_NAME, address: variables.gpa, contents: variables.contents },
      secureBoot: secureBootVariables(world, boot.secureBoot),
      acpi: syntheticAcpi(),
      kernel,
      initrd,
      commandLine: append,
    }),
    ...(options.runtimeEvent ?? []).map(runtimeEvent),
  ];
  const measured = new MeasuredBoot(td);
  for (const event of edits.events ? edits.events(honest) : honest) measured.measure(event);
  return {
    td,
    ccel: ccelOf(edits.log ? edits.log(measured.log) : measured.log),
    launch: { ...FILES, addOrder, memory: Number(MEMORY), boot: name, append },
    contents: { tdvf, kernel, initrd },
  };
}

/** Files of a bundle from which the measurements can be computed again. */
export function launchFiles({ contents }: MeasuredGuest): (readonly [name: string, contents: Uint8Array])[] {
  return (Object.keys(FILES) as (keyof typeof FILES)[]).map((key) => [FILES[key], contents[key]]);
}

function section(sections: readonly TdvfSection[], type: TdvfSectionType): TdvfSection {
  const found = sections.find((s) => s.type === type);
  if (!found) throw new RangeError(`the synthetic firmware has no ${type}`);
  return found;
}

/** What is added below the end of memory: the firmware itself lies above. */
function inMemory(sections: readonly TdvfSection[]): TdvfSection[] {
  return sections.filter(({ gpa }) => gpa < MEMORY);
}
