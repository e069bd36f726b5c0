/**
 * The little of the protocol buffers wire format that exports need (https://protobuf.dev/programming-guides/encoding): messages of integers,
 * bytes and messages, in binary and in the text format. As in proto3, members with their default value are left out.
 */

/** One member of a message: its number and name in the `.proto` file, and its value. */
export type Member =
  | { readonly number: number; readonly name: string; readonly uint: number | bigint }
  | { readonly number: number; readonly name: string; readonly enum: number; readonly symbol: string }
  | { readonly number: number; readonly name: string; readonly bytes: Uint8Array }
  | { readonly number: number; readonly name: string; readonly text: string }
  /** A message that is present even when it is empty. */
  | { readonly number: number; readonly name: string; readonly message: Message };

/** A message: its members in the order in which they are written. */
export type Message = readonly Member[];

const WIRE_VARINT = 0;
const WIRE_LENGTH = 2;

/** The binary form. */
export function encodeMessage(message: Message): Uint8Array {
  return new Uint8Array(Buffer.concat(message.map(encodeMember)));
}

function encodeMember(member: Member): Uint8Array {
  if ('uint' in member) return encodeInteger(member.number, BigInt(member.uint));
  if ('enum' in member) return encodeInteger(member.number, BigInt(member.enum));
  if ('message' in member) return encodeBlock(member.number, encodeMessage(member.message));
  const contents = 'bytes' in member ? member.bytes : Buffer.from(member.text, 'utf8');
  return contents.length === 0 ? new Uint8Array() : encodeBlock(member.number, contents);
}

function encodeInteger(number: number, value: bigint): Uint8Array {
  return value === 0n ? new Uint8Array() : Uint8Array.of(...varint(BigInt((number << 3) | WIRE_VARINT)), ...varint(value));
}

function encodeBlock(number: number, contents: Uint8Array): Uint8Array {
  return Buffer.concat([varint(BigInt((number << 3) | WIRE_LENGTH)), varint(BigInt(contents.length)), contents]);
}

/** Seven bits a byte, lowest first; all but the last have the high bit set. @throws {RangeError} for a value that is no unsigned 64-bit integer */
function varint(value: bigint): Uint8Array {
  if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} is no unsigned integer of 64 bits`);
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.of(...out, Number(rest));
    out.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** The text format (https://protobuf.dev/reference/protobuf/textformat-spec), one member a line. */
export function messageText(message: Message, indent = ''): string {
  return message.map((member) => memberText(member, indent)).join('');
}

function memberText(member: Member, indent: string): string {
  if ('message' in member) return `${indent}${member.name} {\n${messageText(member.message, `${indent}  `)}${indent}}\n`;
  const value = valueText(member);
  return value === undefined ? '' : `${indent}${member.name}: ${value}\n`;
}

function valueText(member: Exclude<Member, { readonly message: Message }>): string | undefined {
  if ('uint' in member) return BigInt(member.uint) === 0n ? undefined : member.uint.toString();
  if ('enum' in member) return member.enum === 0 ? undefined : member.symbol;
  const contents = 'bytes' in member ? member.bytes : Buffer.from(member.text, 'utf8');
  return contents.length === 0 ? undefined : `"${[...contents].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('')}"`;
}
