/** Changes of the files of a bundle, last of all: what is delivered, not what was signed. */
import { pem } from '../../emulator/pki/der.ts';
import { pemBlocks } from '../../emulator/pki/read.ts';
import type { Files } from '../model.ts';

type Edit = (files: Files) => Files;

/** A file that is not delivered. */
export function without(name: string): Edit {
  return (files) => new Map([...files].filter(([file]) => file !== name));
}

/** Other contents of a file. @param change nothing stands for no such file */
export function rewritten(name: string, change: (contents: Uint8Array, files: Files) => Uint8Array): Edit {
  return (files) => new Map([...files].map(([file, contents]) => [file, file === name ? change(contents, files) : contents]));
}

/** Bytes behind a file. */
export function extended(name: string, more: string): Edit {
  return rewritten(name, (contents) => Buffer.concat([contents, Buffer.from(more, 'latin1')]));
}

/** Another certificate in a file of PEM that holds one. */
export function reencoded(name: string, change: (der: Uint8Array) => Uint8Array): Edit {
  return rewritten(name, (contents) =>
    Buffer.from(
      pemBlocks(contents, 'CERTIFICATE', name)
        .map((der) => pem('CERTIFICATE', change(der)))
        .join(''),
      'latin1',
    ),
  );
}

/** One more file, the copy of another. */
export function copied(from: string, to: string): Edit {
  return (files) => new Map([...files, [to, files.get(from) ?? new Uint8Array()]]);
}

/** One change of the files after the other. */
export function inTurn(...edits: readonly Edit[]): Edit {
  return (files) => edits.reduce((all, edit) => edit(all), files);
}
