/** Reading a file that somebody else may have put there: bounded, regular files only, links followed only where the user named the path. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { TeemuError } from '../errors.ts';

/** How {@link readBounded} reads. */
export interface ReadOptions {
  /** Most bytes the file may have. */
  readonly max: number;
  /** Follow a symbolic link as the last part of the path. */
  readonly followLink: boolean;
}

/**
 * The whole of a regular file.
 * @throws {TeemuError} ERR_FILE when it is missing, can't be read, is no regular file, is a link that is not followed, or is longer than `max`
 */
export async function readBounded(path: string, { max, followLink }: ReadOptions): Promise<Uint8Array> {
  // Not blocking: opening a FIFO would otherwise wait for somebody to write into it.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followLink ? 0 : (constants.O_NOFOLLOW ?? 0));
  const file = await open(path, flags).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new TeemuError('ERR_FILE', `${path}: is no regular file`);
    if (stats.size > max) throw new TeemuError('ERR_FILE', `${path}: is ${stats.size} bytes long, more than the ${max} that are read`);
    // One byte more than allowed: the file may have grown since.
    const buffer = new Uint8Array(Math.min(stats.size, max) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) return buffer.slice(0, length);
      length += bytesRead;
    }
    throw new TeemuError('ERR_FILE', `${path}: grows while it is read`);
  } catch (cause) {
    throw fileError(path, cause);
  } finally {
    await file.close();
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'part of the path is no folder',
  EISDIR: 'is a folder',
  ELOOP: 'is a symbolic link, which is not followed',
  EACCES: 'access denied',
  EPERM: 'not permitted',
  ENOSPC: 'no space is left on the disk',
  EROFS: 'the disk is read-only',
};

/** What went wrong with a path, in words. A TeemuError is handed back as it is. */
export function fileError(path: string, cause: unknown): TeemuError {
  if (cause instanceof TeemuError) return cause;
  const code = errorCode(cause);
  return new TeemuError('ERR_FILE', `${path}: ${(code && REASONS[code]) ?? (cause instanceof Error ? cause.message : String(cause))}`, { cause });
}

/** The code of an error of the operating system, such as `ENOENT`. */
export function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
