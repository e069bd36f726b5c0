/** Evidence that only one check refuses, where the other cases of that check are refused by a second one too: so that each is proven alone. */
import { ocspErrorResponse } from '../../../emulator/pki/ocsp/issue.ts';
import { type H100Case, refused } from './row.ts';

export const COMPLETENESS_CASES: readonly H100Case[] = [
  refused('ocsp/try-later-where-none-is-asked-for', ['revocation', 'ocsp-status'], 'medium', 'RFC 6960 §2.3', 'The responder puts off, and the relying party would do without an answer, but not with one that is none.', {
    files: (files) => new Map([...files].map(([name, contents]) => [name, name.startsWith('ocsp/boot-rom-') ? ocspErrorResponse('tryLater') : contents] as const)),
    request: { allowNoOcsp: true },
    policy: 'an answer that is none is refused, also where none need be there',
  }),
];
