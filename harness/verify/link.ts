/** Verifying what happened on a link between a CPU and a GPU: a transcript in which every message must open, in its order, under its key. */
import type { Bundle } from '../../emulator/bundle.ts';
import { LINK_TRANSCRIPT } from '../../emulator/link/transcript.ts';
import { type ChannelFacts, playChannel } from './link/channel.ts';
import { LINK_PASSES, LINK_REASONS, type LinkReason } from './link/reasons.ts';
import { playSpdm, type SpdmFacts } from './link/spdm.ts';
import { Appraisal, judge, type Verdict } from './verdict.ts';

export { LINK_REASONS, type LinkReason } from './link/reasons.ts';

/** What an accepted transcript comes to. */
export type LinkFacts = ChannelFacts | SpdmFacts;
/** What {@link verifyLinkBundle} answers. */
export type LinkVerdict = Verdict<LinkFacts, LinkReason>;

const FILE = 'link.json';
/** Longest transcript that is read, in bytes. */
const MOST = 32 << 20;

/** Verifies a transcript. @param src JSON: see emulator/link/transcript.ts */
export function verifyLink(src: Uint8Array): LinkVerdict {
  return judge(new Appraisal(LINK_REASONS, LINK_PASSES), (appraisal) => {
    const fail = (message: string, path?: string): never => appraisal.fail('transcript-malformed', { message, ...(path === undefined ? {} : { path }) });
    if (src.length > MOST) return fail(`longer than ${MOST} bytes: ${src.length}`);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
    } catch {
      return fail('is no JSON in UTF-8');
    }
    const parsed = LINK_TRANSCRIPT.safeParse(value);
    if (!parsed.success) return fail(parsed.error.issues[0]?.message.slice(0, 200) ?? 'is none', parsed.error.issues[0]?.path.join('.'));
    return parsed.data.kind === 'channel' ? playChannel(appraisal, parsed.data) : playSpdm(appraisal, parsed.data);
  });
}

/** Verifies a bundle with a transcript. */
export function verifyLinkBundle({ files }: Bundle): LinkVerdict {
  return verifyLink(files.get(FILE) ?? new Uint8Array(0));
}
