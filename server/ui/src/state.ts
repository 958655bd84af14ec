// Everything the page knows, as signals. The URL hash is the only writer of `route`.

import { batch, computed, signal, type Signal } from "@preact/signals";
import type { Advice } from "./advice";
import { get, Problem } from "./api";
import { inbox } from "./reduce";
import { format, parse, type Route } from "./route";
import { emptySeries, merge } from "./series";
import { tidyAdvice, tidyAlerts, tidyAudit, tidyStats } from "./tidy";
import type { Alerts, Audit, Job, Marker, Sample, Stats } from "./types";

export const route = signal<Route>(parse(location.hash));
export const now = signal(Date.now()); // ticks each second, for "stale" and "ago"
export const visible = signal(!document.hidden);
export const active = computed(() => visible.value && !route.value.paused);

/** go changes the route by way of the URL. Typing and stepping replace the entry, pages push one. */
export function go(change: Partial<Route>, push = false): void {
  const hash = format({ ...route.peek(), ...change });
  if (hash === location.hash) return;
  if (push) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
  route.value = parse(hash);
}

/** Resource is one endpoint's last answer; it keeps the answer when a later request fails. */
export interface Resource<T> {
  data: Signal<T | null>;
  error: Signal<Problem | null>;
  at: Signal<number>; // when data was last known to be fresh, ms since 1970; 0 before the first answer
  pushed: boolean; // the stream brings every change, so an open stream keeps it fresh
  load(): Promise<void>;
}

function resource<T>(path: () => string, tidy: (body: T) => T, pushed = false): Resource<T> {
  const data = signal<T | null>(null);
  const error = signal<Problem | null>(null);
  const at = signal(0);
  let flight: AbortController | undefined;
  async function load(): Promise<void> {
    flight?.abort();
    const mine = (flight = new AbortController());
    try {
      const body = await get<T>(path(), mine.signal);
      if (!mine.signal.aborted) batch(() => ((data.value = tidy(body)), (error.value = null), (at.value = Date.now())));
    } catch (e) {
      if (mine.signal.aborted) return;
      error.value = e instanceof Problem ? e : new Problem(0, "", "The answer could not be read.");
    } finally {
      if (flight === mine) flight = undefined;
    }
  }
  aborts.push(() => flight?.abort());
  return { data, error, at, pushed, load };
}

const aborts: (() => void)[] = [];

/** abortAll ends every request under way: paused means no network at all. */
export const abortAll = (): void => aborts.forEach((abort) => abort());

export const stats = resource<Stats>(() => `stats?range=${encodeURIComponent(route.peek().range)}`, tidyStats);
export const advice = resource<Advice>(() => "recommendations", tidyAdvice, true);
export const alerts = resource<Alerts>(() => "alerts", tidyAlerts, true);
export const audit = resource<Audit>(() => "audit", tidyAudit);

export type Link = "closed" | "connecting" | "open" | "lost";
export const link = signal<Link>("closed");
export const live = signal<readonly Sample[]>([]);
export const lateMarkers = signal<readonly Marker[]>([]);
export const job = signal<Job | null>(null);
export const notice = signal(""); // a short sentence, read out and shown for a few seconds

export const series = computed(() => {
  const s = stats.data.value;
  return s ? merge(s.series, live.value, s.range.interval_seconds, s.range.seconds) : emptySeries();
});

export const markers = computed(() => {
  const from = series.value.t[0] ?? 0;
  const known = stats.data.value?.markers ?? [];
  const late = lateMarkers.value.filter((m) => !known.some((k) => k.id === m.id && k.action === m.action && Math.abs(k.t - m.t) < 1));
  return [...known, ...late].filter((m) => m.t >= from);
});

/** inboxIds is the order in which j and k walk. */
export const inboxIds = computed(() =>
  inbox(advice.data.value?.recommendations ?? [], route.value.filter, route.value.type).flatMap((g) => g.recs.map((r) => r.id)));

export const waiting = computed(() => advice.data.value?.recommendations.filter((r) => r.state === "proved" && r.applicable).length ?? 0);
export const firing = computed(() => alerts.data.value?.alerts.filter((a) => a.state === "firing").length ?? 0);

let clearing: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string): void {
  clearTimeout(clearing);
  notice.value = text;
  clearing = setTimeout(() => (notice.value = ""), 5000);
}
