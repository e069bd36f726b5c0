/** The blocks of a document, by language: what it shows is what is run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The only block of a language. @param document below `docs/` @throws {Error} when there is none, or there are several */
export function blockOf(document: string, language: string): string {
  const text = readFileSync(fileURLToPath(new URL(`../../../docs/${document}`, import.meta.url)), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))];
  const [block] = blocks;
  if (!block?.[1] || blocks.length > 1) throw new Error(`docs/${document} has ${blocks.length} blocks of ${language}, must have one`);
  return block[1];
}
