/** Reads a request's body within its limit. */
import type { IncomingMessage } from 'node:http';
import { LIMITS } from './limits.ts';
import { BODY_LIMIT } from './message.ts';

/**
 * The whole body, or undefined when it is longer than {@link BODY_LIMIT}. What is too long is read on and thrown away up to a second limit, so
 * that the client is done sending when it gets its answer.
 * @throws {Error} when the client goes away first
 */
export function readBody(incoming: IncomingMessage): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    let parts: Uint8Array[] = [];
    let length = 0;
    incoming.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length <= BODY_LIMIT) parts.push(part);
      else parts = [];
      if (length > LIMITS.discarded) resolve(undefined);
    });
    incoming.once('end', () => resolve(length > BODY_LIMIT ? undefined : new Uint8Array(Buffer.concat(parts))));
    incoming.once('error', reject);
    incoming.once('close', () => reject(new Error('the client went away')));
  });
}
