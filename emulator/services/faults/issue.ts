/** What is wrong with something that a schema refused, as one rule and one place. */
import type { z } from 'zod';

/** The first thing that is wrong. `path` is the member, with dots; empty when it is the whole. */
export function firstIssue(error: z.ZodError): { path: string; message: string } {
  const issue = error.issues[0];
  const member = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return { path: [...(issue?.path ?? []), ...member].join('.'), message: issue?.message ?? 'cannot be' };
}
