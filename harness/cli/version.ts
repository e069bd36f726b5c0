/** Which version of teemu this is. */
import { readFileSync } from 'node:fs';

/** The version in package.json, which lies above both the sources and what is built from them. */
export function packageVersion(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(`${up}/package.json`, import.meta.url), 'utf8')) as { name: string; version: string };
      if (name === 'teemu') return version;
    } catch {
      // Not there: look one higher.
    }
  }
  return '0.0.0';
}
