// Joining the series a request returned with the samples that streamed in since.

import type { Sample, Series } from "./types";

const columns = [
  "t", "queries_per_second", "writes_per_second", "requests_per_second",
  "errors", "busy", "p50_ms", "p95_ms", "p99_ms",
] as const satisfies readonly (keyof Sample)[];

export const emptySeries = (): Series => ({
  t: [], queries_per_second: [], writes_per_second: [], requests_per_second: [],
  errors: [], busy: [], p50_ms: [], p95_ms: [], p99_ms: [],
});

/** keepSample appends to the bounded memory of live samples; repeats and late ones are ignored. */
export function keepSample(live: readonly Sample[], s: Sample, most = 900): readonly Sample[] {
  const last = live[live.length - 1];
  if (last && s.t <= last.t) return live;
  return [...live.slice(live.length >= most ? 1 : 0), s];
}

/**
 * merge extends base by the samples after its end, no denser than its interval, and cuts what has left the
 * range. A fresh answer thus replaces the samples it already contains and loses none of the later ones.
 */
export function merge(base: Series, live: readonly Sample[], interval: number, seconds: number): Series {
  const out = emptySeries();
  for (const c of columns) (out[c] as unknown[]) = base[c].slice();
  let end = out.t[out.t.length - 1] ?? -Infinity;
  const step = Math.max(interval, 0) * 0.9; // tolerance for ticks that come a little early
  for (const s of live) {
    if (s.t <= end || s.t < end + step) continue;
    for (const c of columns) (out[c] as unknown[]).push(s[c]);
    end = s.t;
  }
  let from = 0;
  while (from < out.t.length && out.t[from]! < end - seconds) from++;
  if (from > 0) for (const c of columns) (out[c] as unknown[]) = out[c].slice(from);
  return out;
}

/** spread picks at most n indexes, evenly, the last one always: for the table beside a chart. */
export function spread(length: number, n: number): number[] {
  if (length <= n) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: n }, (_, i) => Math.round((i * (length - 1)) / (n - 1)));
}

/** extent is the least and greatest finite number, or undefined without any. */
export function extent(values: readonly (number | null)[]): [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v === null || !Number.isFinite(v)) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low <= high ? [low, high] : undefined;
}
