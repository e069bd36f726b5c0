/** `npm run docs`: writes the documents that come from tables into `docs/`, and removes pages whose table is gone. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fieldValuesPage } from './field-values.ts';
import { h100FieldValuesPage } from './h100-field-values.ts';
import { selfProofPage } from './self-proof.ts';
import { tdxFieldValuesPage } from './tdx-field-values.ts';
import { wirePages } from './wire.ts';

const pages = new Map([...(await wirePages()), ['field-values.md', fieldValuesPage()], ['field-values-tdx.md', tdxFieldValuesPage()], ['field-values-h100.md', h100FieldValuesPage()], ['self-proof.md', selfProofPage()]]);
await rm('docs/wire', { recursive: true, force: true });
await mkdir('docs/wire', { recursive: true });
for (const [name, text] of pages) await writeFile(join('docs', name), text);
process.stdout.write(`${pages.size} documents written\n`);
