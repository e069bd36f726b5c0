/** Intel's enclaves, as their identities tell: who signed them, what they may be, and the history of their security versions. */
import type { HistoryRow } from './levels.ts';
import type { IsvTcb } from './modules.ts';

/** Which enclave: quoting enclaves of SGX and TDX, the quote verification enclave, and the one that appraises. */
export const ENCLAVES = ['QE', 'TD_QE', 'QVE', 'QAE'] as const;
export type EnclaveName = (typeof ENCLAVES)[number];

/** What an identity says of an enclave, in hex as it is written there. */
export interface EnclaveRow {
  readonly id: EnclaveName;
  readonly attributes: string;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly history: readonly HistoryRow<IsvTcb>[];
}

const SGX_SIGNER = '8C4F5775D796503E96137F77C68A829A0056AC8DED70140B081B094490C57BFF';
const TDX_SIGNER = 'DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5';
/** A production enclave that may use the provisioning key. */
const PROVISIONING = '11000000000000000000000000000000';
const PLAIN = '01000000000000000000000000000000';
const only = (isvSvn: number): HistoryRow<IsvTcb>[] => [{ tcb: { isvSvn }, since: 17 }];

/** Sources: genuine identities of evaluation 17 (all four), 18 to 20 (TD_QE). */
export const ENCLAVE_TABLE: Readonly<Record<EnclaveName, EnclaveRow>> = {
  QE: {
    id: 'QE',
    attributes: PROVISIONING,
    mrSigner: SGX_SIGNER,
    isvProdId: 1,
    history: [
      { tcb: { isvSvn: 8 }, since: 17, fixes: [615] },
      { tcb: { isvSvn: 6 }, since: 17, until: '2021-11-10', fixes: [477] },
      { tcb: { isvSvn: 5 }, since: 17, until: '2020-11-11', fixes: [334] },
      { tcb: { isvSvn: 4 }, since: 17, until: '2019-11-13', fixes: [219, 293] },
      { tcb: { isvSvn: 2 }, since: 17, until: '2019-05-15', fixes: [202] },
      { tcb: { isvSvn: 1 }, since: 17, until: '2018-08-15' },
    ],
  },
  TD_QE: { id: 'TD_QE', attributes: PROVISIONING, mrSigner: TDX_SIGNER, isvProdId: 2, history: only(4) },
  QVE: { id: 'QVE', attributes: PLAIN, mrSigner: SGX_SIGNER, isvProdId: 2, history: only(3) },
  QAE: { id: 'QAE', attributes: PLAIN, mrSigner: SGX_SIGNER, isvProdId: 3, history: only(3) },
};

/** A TD quoting enclave that platforms run. */
export interface QuotingEnclaveRelease {
  readonly isvSvn: number;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
}

const release = (isvSvn: number, mrEnclave: string): QuotingEnclaveRelease => ({ isvSvn, mrEnclave: Uint8Array.from(Buffer.from(mrEnclave, 'hex')) });

/** Newest first; each from genuine quotes. */
export const QUOTING_ENCLAVE_RELEASES: readonly [QuotingEnclaveRelease, ...QuotingEnclaveRelease[]] = [
  release(7, 'b7ae9ab69e76f7794a56b0db1915281d435d488c91d406ed33a7939caf8730f8'),
  release(6, 'e5a3a7b5d830c2953b98534c6c59a3a34fdc34e933f7f5898f0a85cf08846bca'),
  release(5, '86fc4e0ec2c5ddcebac97062c0a0142a97c18a7a755147bcbc3fe17d6529781d'),
  release(4, '853e298f3b7cde28b06493d06fb2ad6f9566a97fea6d3de66236b2af1a35150f'),
];
