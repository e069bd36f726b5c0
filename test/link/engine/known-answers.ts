/** AES-256-GCM as others have computed it; everything in hexadecimal. */

export interface KnownAnswer {
  /** Where it is published. */
  readonly source: string;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

const ZERO_KEY = '00'.repeat(32);
const KEY = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308';
const TEXT = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const CIPHERTEXT = '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662';

export const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  { source: 'McGrew and Viega, test case 13', key: ZERO_KEY, iv: '00'.repeat(12), aad: '', plaintext: '', ciphertext: '', tag: '530f8afbc74536b9a963b4f1c4cb738b' },
  {
    source: 'McGrew and Viega, test case 14',
    key: ZERO_KEY,
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    source: 'McGrew and Viega, test case 15',
    key: KEY,
    iv: 'cafebabefacedbaddecaf888',
    aad: '',
    plaintext: `${TEXT}1aafd255`,
    ciphertext: `${CIPHERTEXT}898015ad`,
    tag: 'b094dac5d93471bdec1a502270e3cc6c',
  },
  {
    source: 'McGrew and Viega, test case 16',
    key: KEY,
    iv: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: TEXT,
    ciphertext: CIPHERTEXT,
    tag: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    source: 'RFC 7714, section 16.2.1',
    key: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    iv: '51753c6580c2726f20718414',
    aad: '8040f17b8041f8d35501a0b2',
    plaintext: '47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573',
    ciphertext: '32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b',
    tag: '7aa3db36dfffd6b0f9bb7878d7a76c13',
  },
];
