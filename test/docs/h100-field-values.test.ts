/** Every value that GPU evidence has without being told otherwise is in docs/field-values-h100.md, with where it is from. */
import { describe, expect, test } from 'vitest';
import { GPU_MODELS } from '../../emulator/h100/platform/models.ts';
import { DRIVER_RELEASES, VBIOS_RELEASES } from '../../emulator/h100/platform/releases.ts';
import { DRIVER_SLOTS, VBIOS_SLOTS } from '../../emulator/h100/platform/slots.ts';
import { OPAQUE_ROWS } from '../../emulator/h100/report/opaque.ts';
import { GET_MEASUREMENTS_11, MEASUREMENTS_HEAD_11 } from '../../emulator/link/spdm/messages/measurements.ts';
import { h100FieldValuesPage } from '../../harness/docs/h100-field-values.ts';

describe('docs/field-values-h100.md', () => {
  const page = h100FieldValuesPage();
  const fields = [...Object.keys(GET_MEASUREMENTS_11.rows), ...Object.keys(MEASUREMENTS_HEAD_11.rows), ...OPAQUE_ROWS.map(({ name }) => name)];
  test.each([...fields, ...GPU_MODELS.keys(), ...DRIVER_RELEASES.keys(), ...VBIOS_RELEASES.keys()])('has a row for %s', (name) => {
    expect(page).toContain(`| \`${name}\` |`);
  });
  test('names every measurement', () => {
    for (const slots of [...Object.values(VBIOS_SLOTS), ...Object.values(DRIVER_SLOTS)]) for (const { index, name } of slots) expect(page).toContain(`| ${index} | \`${name}\` |`);
  });
  test('says of every board, driver and firmware where it is from, or that it is assumed', () => {
    const rows = [...GPU_MODELS.values(), ...VBIOS_RELEASES.values(), ...[...DRIVER_RELEASES.values()].flatMap(({ chips }) => Object.values(chips))];
    for (const { source, assumed } of rows) expect(source).toMatch(assumed ? /^assumed/ : /^genuine /);
  });
});
