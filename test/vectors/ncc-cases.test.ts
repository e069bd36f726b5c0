/** Every case of confidential VMs with GPUs against the reference verifier. */
import { NCC_SOURCE } from '../../vectors/sources/ncc.ts';
import { describeCorpus } from './reach.ts';

describeCorpus(NCC_SOURCE, [20, 3, 40, 11, 0]);
