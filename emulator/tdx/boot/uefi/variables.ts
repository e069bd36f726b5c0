/** UEFI variables as firmware measures them, and the signature lists of Secure Boot. Source: UEFI 2.10, 32.4.1; TCG PC Client Platform Firmware Profile 1.06. */
import { Layout } from '../../../codec/layout.ts';
import { bytes, u32, u64 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { guidBytes } from '../../../codec/guid.ts';

/** Vendors of variables. */
export const VARIABLE_GUIDS = {
  global: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
  imageSecurityDatabase: 'd719b2cb-3d3a-4596-a3bc-dad00e67656f',
  shim: '605dab50-e046-4300-abb6-3dd810dd8b23',
} as const;

/** The fixed head of a measured variable; name and contents follow. */
export const VARIABLE_HEAD = new Layout('uefi.variable-data', 32, 'TCG PC Client Platform Firmware Profile 1.06, UEFI_VARIABLE_DATA', {
  vendor: bytes(0, 16, 'whose variable it is: a GUID'),
  nameLength: u64(16, 'characters in the name'),
  dataLength: u64(24, 'bytes in the contents'),
});

/** A variable. */
export interface Variable {
  /** GUID as text. */
  readonly vendor: string;
  readonly name: string;
  readonly contents: Uint8Array;
}

/** Text in UTF-16, little-endian, without a NUL. */
export function utf16(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'utf16le'));
}

/** A variable as it stands in an event. */
export function encodeVariable({ vendor, name, contents }: Variable): Uint8Array {
  const head = VARIABLE_HEAD.encode({ vendor: guidBytes(vendor), nameLength: BigInt(name.length), dataLength: BigInt(contents.length) });
  return new Uint8Array(Buffer.concat([head, utf16(name), contents]));
}

/**
 * The name and length of a measured variable.
 * @param src the data of an event
 * @throws {CodecError} when the lengths do not fit together
 */
export function decodeVariable(src: Uint8Array): { readonly vendor: Uint8Array; readonly name: string; readonly contents: Uint8Array } {
  const reader = new ByteReader(src, 'uefi.variable-data');
  const { vendor, nameLength, dataLength } = reader.layout(VARIABLE_HEAD);
  if (nameLength > BigInt(src.length) || dataLength > BigInt(src.length))
    throw new CodecError('ERR_CODEC_TRUNCATED', 'uefi.variable-data.nameLength', VARIABLE_HEAD.rows.nameLength.at, `name and contents do not fit into ${src.length} bytes`);
  const name = Buffer.from(reader.bytes(Number(nameLength) * 2, 'name')).toString('utf16le');
  const contents = reader.bytes(Number(dataLength), 'contents');
  reader.end();
  return { vendor, name, contents };
}

/** The fixed head of a signature list; signatures of equal length follow. */
export const SIGNATURE_LIST = new Layout('uefi.signature-list', 28, 'UEFI 2.10, 32.4.1 EFI_SIGNATURE_LIST', {
  type: bytes(0, 16, 'kind of signature: a GUID'),
  listSize: u32(16, 'length of the whole list'),
  headerSize: u32(20, 'length of a head of the signatures: 0'),
  signatureSize: u32(24, 'length of each signature with its owner'),
});

const SIGNATURE_TYPES = { x509: 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072', sha256: 'c1c41626-504c-4092-aca9-41f936934328' } as const;
/** Owner of the signatures that teemu puts in. */
const OWNER = '7465656d-7565-7374-8000-74656d757374';

/** Signatures of one kind and length. @param kind DER certificates, or SHA-256 hashes of images */
export function signatureList(kind: keyof typeof SIGNATURE_TYPES, signatures: readonly Uint8Array[]): Uint8Array {
  const signatureSize = 16 + (signatures[0]?.length ?? 0);
  if (signatures.some(({ length }) => 16 + length !== signatureSize)) throw new RangeError('signatures of one list have the same length');
  const owner = guidBytes(OWNER);
  const head = SIGNATURE_LIST.encode({ type: guidBytes(SIGNATURE_TYPES[kind]), listSize: SIGNATURE_LIST.size + signatures.length * signatureSize, headerSize: 0, signatureSize });
  return new Uint8Array(Buffer.concat([head, ...signatures.flatMap((signature) => [owner, signature])]));
}
