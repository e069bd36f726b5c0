/** Reads JSON that somebody sent: valid UTF-8, nested within bounds. */
import { ConfigError } from '../../errors.ts';

/** How deep objects and lists may be nested in a request. */
export const MAX_DEPTH = 32;

/**
 * Parses a request's body; an empty one counts as `{}`.
 * @throws {ConfigError} with the key `body`
 */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new ConfigError('body', 'is no JSON in UTF-8', { cause });
  }
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new ConfigError('body', `is nested deeper than ${MAX_DEPTH} levels`);
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return value;
}
