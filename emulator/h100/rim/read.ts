/** Reads reference integrity manifests: what they say, and their signature. Whatever the bytes are, only a {@link CodecError} is thrown. */
import type { KeyObject } from 'node:crypto';
import { CodecError } from '../../errors.ts';
import { childElements, textOf, type XmlElement } from '../../xml/element.ts';
import { readXml } from '../../xml/read.ts';
import { checkXmlSignature, DSIG_NAMESPACE, readXmlSignature, type XmlSignature, type XmlSignatureFault } from '../../xml/signature.ts';
import { MEASUREMENT_LENGTH, type RimMeasurement, type RimStatement } from './contents.ts';
import { HASH_NAMESPACE, RIM_NAMESPACE, SWID_NAMESPACE } from './form.ts';

/** An SPDM measurement's index, which is one more, is one byte of which the last values are no measurements. */
const MAX_INDEX = 0xee;
/** Genuine ones have up to four. */
const MAX_ALTERNATIVES = 16;
/** Longest version, name or identifier. */
const MAX_TEXT = 128;

/** A manifest. */
export interface Rim extends RimStatement {
  /** 96 hex digits in genuine ones. */
  readonly tagId: string;
  readonly signature: XmlSignature;
}

/**
 * Reads a manifest. That its signature is good, and by whom it is, is for {@link checkRimSignature} and the verifier to say.
 * @param src XML in UTF-8, at most 256 KiB
 * @param path how errors name it
 * @throws {CodecError} with the offset of the element or attribute, for what is no manifest in the form of NVIDIA's
 */
export function readRim(src: Uint8Array, path = 'rim'): Rim {
  const root = readXml(src, path);
  const form = new RimForm(path);
  form.named(root, 'SoftwareIdentity', SWID_NAMESPACE);
  if (textOf(root).trim() !== '') throw form.fail(root, 'must hold no text');
  const names = ['Entity', 'Meta', 'Payload'];
  const parts = childElements(root).filter(({ local, namespace }) => !(local === 'Signature' && namespace === DSIG_NAMESPACE));
  const [, meta, payload] = parts;
  if (parts.length !== names.length || !meta || !payload) throw form.fail(root, `must hold ${names.join(', ')} and a signature`);
  for (const [i, part] of parts.entries()) form.named(part, names[i] ?? '', SWID_NAMESPACE);
  const edition = form.text(meta, 'edition');
  if (edition !== 'GPU' && edition !== 'SWITCH') throw form.fail(meta, `edition must be GPU or SWITCH, is '${edition}'`);
  const measurements = childElements(payload).map((resource) => form.measurement(resource));
  measurements.forEach(({ index }, i) => {
    const before = measurements[i - 1]?.index ?? -1;
    if (index <= before) throw form.fail(childElements(payload)[i] ?? payload, `index ${index} after ${before}: they must ascend`);
  });
  if (measurements.length === 0) throw form.fail(payload, 'must hold at least one Resource');
  return {
    tagId: form.text(root, 'tagId'),
    edition,
    model: form.text(root, 'name'),
    product: form.text(meta, 'product'),
    version: form.text(meta, 'colloquialVersion'),
    firmwareManufacturerId: form.text(meta, 'FirmwareManufacturerId', RIM_NAMESPACE),
    measurements,
    signature: readXmlSignature(root, path),
  };
}

/**
 * Checks that a manifest is the one that was signed, and with this key.
 * @param key public key of the certificate that is to have signed it: DER SubjectPublicKeyInfo, or the key itself
 * @returns undefined for a good signature
 */
export function checkRimSignature({ signature }: Rim, key: Uint8Array | KeyObject): XmlSignatureFault | undefined {
  return checkXmlSignature(signature, key);
}

/** What elements and attributes of a manifest must be. */
class RimForm {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  fail({ local, at }: XmlElement, rule: string): CodecError {
    return new CodecError('ERR_CODEC_RANGE', `${this.#path}.${local}`, at, rule);
  }

  named(element: XmlElement, local: string, namespace: string): void {
    if (element.local !== local || element.namespace !== namespace) throw this.fail(element, `must be ${local} of ${namespace}`);
  }

  /** The value of an attribute that must be there and not be empty. */
  text(element: XmlElement, local: string, namespace = ''): string {
    const attribute = element.attributes.find((a) => a.local === local && a.namespace === namespace);
    if (!attribute) throw this.fail(element, `the attribute ${local} is missing`);
    if (attribute.value === '' || attribute.value.length > MAX_TEXT) throw new CodecError('ERR_CODEC_LENGTH', `${this.#path}.${element.local}.${local}`, attribute.at, `must have 1 to ${MAX_TEXT} characters`);
    return attribute.value;
  }

  measurement(resource: XmlElement): RimMeasurement {
    this.named(resource, 'Resource', SWID_NAMESPACE);
    if (resource.children.length > 0) throw this.fail(resource, 'must be empty');
    this.#constant(resource, 'type', 'Measurement');
    this.#constant(resource, 'size', String(MEASUREMENT_LENGTH));
    const active = this.text(resource, 'active');
    if (active !== 'True' && active !== 'False') throw this.fail(resource, `active must be True or False, is '${active}'`);
    const count = this.#number(resource, 'alternatives', 1, MAX_ALTERNATIVES);
    const hashes = resource.attributes.filter(({ namespace }) => namespace === HASH_NAMESPACE);
    if (hashes.length !== count) throw this.fail(resource, `alternatives says ${count}, but there are ${hashes.length}`);
    const alternatives = Array.from({ length: count }, (_, i) => {
      const text = this.text(resource, `Hash${i}`, HASH_NAMESPACE);
      if (text.length !== MEASUREMENT_LENGTH * 2 || !/^[0-9a-fA-F]*$/.test(text)) throw this.fail(resource, `Hash${i} must be ${MEASUREMENT_LENGTH * 2} hexadecimal digits`);
      return new Uint8Array(Buffer.from(text, 'hex'));
    });
    return { index: this.#number(resource, 'index', 0, MAX_INDEX), name: this.text(resource, 'name'), active: active === 'True', alternatives };
  }

  #constant(element: XmlElement, local: string, value: string): void {
    const text = this.text(element, local);
    if (text !== value) throw this.fail(element, `${local} must be ${value}, is '${text}'`);
  }

  #number(element: XmlElement, local: string, least: number, most: number): number {
    const text = this.text(element, local);
    const value = /^(0|[1-9][0-9]{0,3})$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw this.fail(element, `${local} must be a number from ${least} to ${most}, is '${text}'`);
    return value;
  }
}
