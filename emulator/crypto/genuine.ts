/**
 * The genuine vendor keys that teemu knows, by the SHA-256 of their DER SubjectPublicKeyInfo. teemu never signs with one of them and never
 * issues a certificate over one of them: test evidence must never chain to a real root.
 */
import { createHash } from 'node:crypto';
import { TeemuError } from '../errors.ts';

/** SHA-256 of the SubjectPublicKeyInfo (hex) → whose key it is. */
export const GENUINE_KEYS: Readonly<Record<string, string>> = {
  '9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9': 'AMD ARK-Milan',
  '42491669ccb851d627ea9846cd24eccbeb7de7c2a62740120fff88001d38ebb6': 'AMD SEV-Milan (ASK)',
  '66450a123ea5876206df67f2514a4fea224c0f63b18313423078b0edc4535e33': 'AMD SEV-VLEK-Milan (ASVK)',
  '429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831': 'AMD ARK-Genoa',
  '0324d55bcd48ba877a8fd87c0e1b4934dec8448e3807a24384a34dc6a6c9ebb8': 'AMD SEV-Genoa (ASK)',
  '7d1633252ebbadaa75f96e9b4e6f7d43a90ceb3f843937482630f8da2459264e': 'AMD SEV-VLEK-Genoa (ASVK)',
  '4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08': 'AMD ARK-Turin',
  '0000ead352025f208bf55297c4192c34cd1b878002107366d8f2065a9ae7d3a9': 'AMD SEV-Turin (ASK)',
  bfc441408b2f806c5dbf180bd8920e6e60dd404d82141780d85dbf962954d386: 'AMD SEV-VLEK-Turin (ASVK)',
  a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e: 'Intel SGX Root CA',
  '5af8709d23989004d46b7c02b1f88d0e65f100ce860eec10e94104a1f4d15594': 'Intel SGX PCK Platform CA',
  cd7c95bd6ea4c67253a57b1de6ed47bd839ba5af102c5bbedf3fc414cd1a9cbc: 'Intel SGX PCK Processor CA',
  bd7d4b9c805d92607dee34683a104abfa7b2a487e06af2edf0740a8666cbc22f: 'Intel SGX TCB Signing',
  a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4: 'NVIDIA Device Identity CA',
  dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3: 'NVIDIA CoRIM signing Root CA',
  db66d6fc812b850178b23c06b9d4b90277c7dfbfff08e6451166659771cf1fac: 'NVIDIA GB100 Provisioner ICA 00000',
  db6580fe0f72e9aad74696938b5129308b1807e7fedb9bca2c4e96ee7a910073: 'NVIDIA GB100 Identity',
  '89d6450ddd9dd0c3e3101e76aefa084dc800e1985232a375904b103396722441': 'NVIDIA GH100 Provisioner ICA 1',
  b2fdbd0955122d8cc5cc38d0a2f8856fa10d6a98ab6f16eb0d38929b0bdde96d: 'NVIDIA GH100 Identity',
  '07ce225b5c9feba9be4f4cbae76f268d6d797a28cfac12ba2b69f5eded6e554e': 'NVIDIA LS_10 Provisioner ICA 1',
  '47277eed6a87671def0ec16c31bcf36e97893f4a492e87a321b1e13d46f91302': 'NVIDIA Attestation Service GPU Intermediate 002',
  bb2df2da5accb4c424c9ba3c968daefa4838f77b2d278bc1aa305d051df0c122: 'NVIDIA Attestation Service GPU Intermediate 003',
  fd32837f954e2c45db073105166dfe6985ae0480bb113fba63b091a75affe896: 'NVIDIA Attestation Service GPU Intermediate 004',
  c27f61eb698634661003e7da4636c82e7f9c7fa6cf3dadb198e4c57f9fbd8ed7: 'NVIDIA Reference Value L3 GH100 001',
  ae5234dda5bebcd964feab9a416d09c562c5a99a780173faddf42c39cccd4392: 'NVIDIA Reference Value GH100 CA',
  '8588f48bac99e3513b11bfbb604e46e096f1898a169930b9316cab73b94bb3d0': 'NVIDIA Reference Value L3 GH100 002',
  '50c9dad5c9596f28010dddc1c845b3b99a2f7be3bf886f3b64602dec3536ea3f': 'NVIDIA Reference Value L3 LS10 001',
  '712b2490e5487cfcf873c12cadda033517fdc811811640b1dce988122e935934': 'NVIDIA Reference Value LS10 CA',
  '5cbc52672ae101263c2976736044a964c1182ce9412c39937183baddcccb8cdf': 'Azure Virtual TPM Root CA 2023',
};

/** @param spki DER SubjectPublicKeyInfo @returns whose genuine key this is, or undefined */
export function genuineOwner(spki: Uint8Array): string | undefined {
  return GENUINE_KEYS[createHash('sha256').update(spki).digest('hex')];
}

/**
 * Refuses a genuine vendor's key.
 * @param spki DER SubjectPublicKeyInfo of the key that is about to sign, or to be certified
 * @throws {TeemuError} ERR_KEY_NOT_TEST
 */
export function refuseGenuine(spki: Uint8Array): void {
  const owner = genuineOwner(spki);
  if (owner !== undefined) throw new TeemuError('ERR_KEY_NOT_TEST', `this is the genuine key of ${owner}; teemu signs with test keys only`);
}
