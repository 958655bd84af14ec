// How a streamed event changes what is already here. Pure.

import type { Advice, Outcome, Recommendation, State } from "./advice";
import type { Alert, Marker } from "./types";
import { typeLabel } from "./words";

/** groups is the order of the inbox: what asks for a decision first. */
export const groups: { title: string; states: State[] }[] = [
  { title: "Ready to apply", states: ["proved"] },
  { title: "In progress", states: ["applying", "undoing"] },
  { title: "Failed", states: ["failed"] },
  { title: "Applied", states: ["applied", "kept"] },
  { title: "Estimated on a sample", states: ["estimated"] },
  { title: "Proposed", states: ["proposed"] },
  { title: "Inconclusive", states: ["inconclusive"] },
  { title: "Undone", states: ["undone"] },
  { title: "Rejected", states: ["rejected"] },
];

export interface Group {
  title: string;
  recs: Recommendation[];
  mixed: boolean; // the title does not say the state of each
}

/** inbox groups recommendations by state, keeping the server's order of value within each group. */
export function inbox(recs: readonly Recommendation[], filter: string, type: string): Group[] {
  const shown = matching(recs, filter).filter((r) => !type || r.type === type);
  return groups
    .map((g) => ({ title: g.title, mixed: g.states.length > 1, recs: shown.filter((r) => g.states.includes(r.state)) }))
    .filter((g) => g.recs.length > 0);
}

function matching(recs: readonly Recommendation[], filter: string): Recommendation[] {
  return recs.filter((r) => contains([r.title, r.why, r.code, typeLabel(r.type), r.table, r.state, ...(r.statements ?? [])], filter));
}

/** types counts what matches the filter by type, the most common first. */
export function types(recs: readonly Recommendation[], filter: string): { type: string; n: number }[] {
  const counts = new Map<string, number>();
  for (const r of matching(recs, filter)) counts.set(r.type, (counts.get(r.type) ?? 0) + 1);
  return [...counts].map(([type, n]) => ({ type, n })).sort((a, b) => b.n - a.n || a.type.localeCompare(b.type));
}

/** contains reports whether every word of the filter occurs somewhere, whatever its case. */
export function contains(texts: readonly string[], filter: string): boolean {
  const hay = texts.join("\n").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

/** withRecommendation replaces the one of the same id in place; a new one joins at the end. */
export function withRecommendation(advice: Advice, rec: Recommendation): Advice {
  const known = advice.recommendations.some((r) => r.id === rec.id);
  const recommendations = known
    ? advice.recommendations.map((r) => (r.id === rec.id ? rec : r))
    : [...advice.recommendations, rec];
  return { ...advice, recommendations };
}

/** withOutcome shows the state a change answered with, before the list is fetched anew. */
export function withOutcome(advice: Advice, id: string, out: Outcome): Advice {
  const rec = advice.recommendations.find((r) => r.id === id);
  return rec ? withRecommendation(advice, { ...rec, state: out.state, plan_hash: out.plan_hash || rec.plan_hash }) : advice;
}

/** withAlert puts the newest word on an alert first; code and subject identify it. */
export function withAlert(alerts: readonly Alert[], alert: Alert): Alert[] {
  return [alert, ...alerts.filter((a) => a.code !== alert.code || a.subject !== alert.subject)];
}

/** withMarker adds a streamed change to the charts unless the last answer already had it. */
export function withMarker(markers: readonly Marker[], m: Marker): Marker[] {
  const same = (a: Marker) => a.id === m.id && a.action === m.action && Math.abs(a.t - m.t) < 1;
  return markers.some(same) ? [...markers] : [...markers, m];
}

/** neighbour is the id by entries after (or before) the current one, in the order of the inbox. */
export function neighbour(ids: readonly string[], current: string, by: 1 | -1): string {
  const at = ids.indexOf(current);
  if (at < 0) return (by === 1 ? ids[0] : ids[ids.length - 1]) ?? "";
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))]!;
}
