/** An HTTP client that believes nobody: bounded in time and bytes, follows nobody elsewhere, and tries what failed once more. */

/** An answer with the status 200. */
export interface Fetched {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** Milliseconds that one request may take. */
const TIMEOUT = 5000;
/** Longest body that is read, in bytes. */
const MOST = 1 << 20;
/** Tries, where a server says that something is wrong on its side. */
const TRIES = 2;

/** What stands at a URL; undefined for any other answer than a good one, or for none. @param post type and contents of the request's body */
export async function fetched(url: string, post?: { readonly type: string; readonly body: Uint8Array | string }): Promise<Fetched | undefined> {
  for (let n = 0; n < TRIES; n++) {
    const answer = await once(url, post);
    if (answer !== 'failed') return answer;
  }
  return undefined;
}

async function once(url: string, post: Parameters<typeof fetched>[1]): Promise<Fetched | 'failed' | undefined> {
  try {
    const request: RequestInit = post ? { method: 'POST', headers: { 'Content-Type': post.type }, body: typeof post.body === 'string' ? post.body : new Uint8Array(post.body) } : {};
    const response = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) });
    if (response.status >= 500) {
      await response.body?.cancel();
      return 'failed';
    }
    const body = response.status === 200 ? await bodyOf(response) : undefined;
    return body && { body, headers: response.headers };
  } catch {
    // No connection, no end, or another place: whatever it was, there is nothing to go on with.
    return undefined;
  }
}

async function bodyOf(response: Response): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > MOST) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
