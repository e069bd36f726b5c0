/** A table of TDX rows as a source of cases. */
import { caseInfo } from '../model.ts';
import type { CaseSource } from '../subject.ts';
import { tdxCaseBuilder } from './build.ts';
import type { TdxCase } from './case.ts';

/** The source of a table. @param tee what its ids begin with */
export function tdxSource(tee: string, table: readonly TdxCase[]): CaseSource {
  const rows = new Map(table.map((row) => [row.id, row]));
  /** One builder a setting: the good twins that cases share are made once. */
  const builders = new Map<string, ReturnType<typeof tdxCaseBuilder>>();
  return {
    tee,
    cases: table.map((row) => caseInfo(tee, row)),
    build: (id, setting) => {
      const row = rows.get(id);
      if (!row) throw new RangeError(`there is no case ${id}`);
      const name = `${setting.at}/${setting.seed}`;
      const build = builders.get(name) ?? tdxCaseBuilder(tee, setting);
      builders.set(name, build);
      return build(row);
    },
  };
}
