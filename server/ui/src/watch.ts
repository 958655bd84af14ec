// How far watching an applied change has come. Pure.

import type { Live } from "./advice";

/** watchShare is the part of the longest watch that is over, 0 to 1, or null before the first look. */
export function watchShare(live: Live, now: number): number | null {
  const from = Date.parse(live.applied_at);
  const until = Date.parse(live.watch?.until ?? "");
  if (!(until > from)) return null;
  return Math.min(1, Math.max(0, (now - from) / (until - from)));
}
