// The strip at the top: what to fix first, and what is fine. Pure, so that a test can hold it to its words.

import type { Advice, Recommendation } from "./advice";
import { count, factor, percent, plural } from "./format";
import type { Alert, Stats } from "./types";

export interface Finding {
  text: string;
  rec?: string; // the recommendation to open
  page?: "alerts" | "recommendations";
}

export interface Verdict {
  fix: Finding[];
  fine: Finding[];
}

/** best is the greatest speed-up among the statements a recommendation is for, or of the form it proposes. */
export function best(rec: Recommendation): number {
  const targets = (rec.evidence?.queries ?? []).filter((q) => q.role === "target");
  return targets.reduce((most, q) => Math.max(most, q.speedup || 0), rec.rewrite?.checked ? rec.rewrite.speedup : 0);
}

export function verdict(stats: Stats | null, advice: Advice | null, alerts: Alert[] | null): Verdict {
  const fix: Finding[] = [];
  const fine: Finding[] = [];
  const recs = advice?.recommendations ?? [];
  const proved = recs.filter((r) => r.state === "proved" && r.applicable);
  const top = proved[0];
  if (top) {
    const more = proved.length > 1 ? ` and ${plural(proved.length - 1, "more proved change")}` : "";
    const gain = best(top) > 1 ? ` (${factor(best(top))} faster)` : "";
    fix.push({ text: `Apply ${top.title}${gain}${more}`, rec: top.id });
  } else if (advice?.analysis.last) {
    fine.push({ text: "No proved change is waiting", page: "recommendations" });
  }
  const failed = recs.filter((r) => r.state === "failed");
  if (failed[0]) fix.push({ text: `${plural(failed.length, "change")} failed: ${failed[0].title}`, rec: failed[0].id });
  watchFindings(recs, fix, fine);
  alertFindings(alerts, fix, fine);
  if (stats) statFindings(stats, fix, fine);
  return { fix, fine };
}

/** watchFindings says what became of applied changes on live traffic. */
function watchFindings(recs: readonly Recommendation[], fix: Finding[], fine: Finding[]): void {
  const undone = recs.filter((r) => r.state === "undone" && r.live?.watch?.verdict === "undone");
  if (undone[0]) fix.push({ text: `${plural(undone.length, "change")} undone for doing harm: ${undone[0].title}`, rec: undone[0].id });
  const watched = recs.filter((r) => r.state === "applied");
  if (watched[0]) fine.push({ text: `${plural(watched.length, "applied change")} watched on live traffic`, page: "recommendations" });
}

function alertFindings(alerts: Alert[] | null, fix: Finding[], fine: Finding[]): void {
  if (!alerts) return;
  const firing = alerts.filter((a) => a.state === "firing" && a.level !== "info");
  if (firing.length === 0) fine.push({ text: "No alert is firing", page: "alerts" });
  for (const a of firing.slice(0, 2)) fix.push({ text: a.title, page: "alerts" });
  if (firing.length > 2) fix.push({ text: plural(firing.length - 2, "more alert"), page: "alerts" });
}

function statFindings(stats: Stats, fix: Finding[], fine: Finding[]): void {
  const { totals, capture } = stats;
  if (totals.queries === 0) return;
  if (totals.busy > 0) fix.push({ text: `${plural(totals.busy, "statement")} found the database busy` });
  else fine.push({ text: "No lock was contended" });
  if (totals.errors > 0) fix.push({ text: plural(totals.errors, "statement error") });
  else fine.push({ text: "No statement failed" });
  if (capture.dropped > 0) fix.push({ text: `${count(capture.dropped)} of ${count(capture.recorded)} events were dropped: numbers are low` });
  else fine.push({ text: "Every statement was recorded" });
  for (const db of stats.databases ?? []) {
    const mode = db.pragmas?.find((p) => p.name === "journal_mode")?.value;
    if (mode === "wal") fine.push({ text: `${db.name} uses WAL` });
  }
  if (totals.requests > 0) fine.push({ text: `${percent(totals.attributed)} of statements carry their route` });
}
