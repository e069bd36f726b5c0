/** What one check of `teemu doctor` is. */
import type { Session } from '../session/session.ts';

/** `ok`; `info`: nothing needed, good to know; `warning`: something does not work fully; `problem`: teemu can't be used so. */
export type Status = 'ok' | 'info' | 'warning' | 'problem';

/** What a check found. */
export interface Finding {
  readonly status: Status;
  readonly text: string;
}

/** One check. */
export interface Check {
  readonly name: string;
  readonly run: (session: Session) => Promise<Finding> | Finding;
}

/** A finding. */
export function finding(status: Status, text: string): Finding {
  return { status, text };
}
