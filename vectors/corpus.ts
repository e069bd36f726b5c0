/** The corpus: every source of cases, by what it is about. A new one is one row. */
import { ConfigError } from '../emulator/errors.ts';
import { CORPUS_SETTING, type Setting } from './case-world.ts';
import { CCEL_SOURCE } from './sources/ccel.ts';
import { H100_SOURCE } from './sources/h100.ts';
import { LINK_SOURCE } from './sources/link.ts';
import { NCC_SOURCE } from './sources/ncc.ts';
import { NRAS_SOURCE } from './sources/nras.ts';
import { SERVICE_SOURCE } from './sources/service.ts';
import { SNP_SOURCE } from './sources/snp.ts';
import { TDX_SOURCE } from './sources/tdx.ts';
import type { BuiltCase, CaseInfo, CaseSource } from './subject.ts';

export { CORPUS_SETTING } from './case-world.ts';

/** One line a source. */
const SOURCES: readonly CaseSource[] = [
  SNP_SOURCE, //
  TDX_SOURCE,
  CCEL_SOURCE,
  H100_SOURCE,
  NCC_SOURCE,
  NRAS_SOURCE,
  SERVICE_SOURCE,
  LINK_SOURCE,
];

/** Every case, in order. */
export const CORPUS: readonly CaseInfo[] = SOURCES.flatMap(({ cases }) => cases);

const byId = new Map(SOURCES.flatMap((source) => source.cases.map((info) => [info.id, source] as const)));

/** Builds a case. The same id and setting give the same bytes. @throws {ConfigError} for an id of no case */
export function buildCase(id: string, setting: Setting = CORPUS_SETTING): BuiltCase {
  const source = byId.get(id);
  if (!source) throw new ConfigError('id', `there is no case '${id.slice(0, 100)}'; see: teemu vectors list`);
  return source.build(id, setting);
}
