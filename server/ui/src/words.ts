// Words for what the server names by a key.

import type { Recommendation } from "./advice";

export const typeLabel = (type: string): string => type.replaceAll("_", " ");

/** basisText says what a recommendation rests on, and no more than that: a trial may also have failed. */
export function basisText(rec: Recommendation): string {
  if (rec.basis === "experiment") return "measured on a copy";
  if (rec.basis === "estimate" || rec.evidence?.verdict === "estimated") return "estimated on a sample";
  if (rec.basis === "rule") return "by rule";
  if (rec.evidence) return rec.evidence.verdict === "proved" ? "proved on a copy" : "tried on a copy";
  return rec.rewrite && !rec.rewrite.checked ? "measured on a copy" : "proved on a copy";
}
