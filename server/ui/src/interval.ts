// Where the bars of a before/after picture lie. Pure.

import type { Timing } from "./advice";

export interface Span {
  low: number; // all three as fractions of the axis, 0 to 1
  at: number;
  high: number;
}

export interface Axis {
  place(ms: number): number;
  ticks: { at: number; ms: number }[];
}

/** axis is logarithmic, from the decade below the least value to the decade above the greatest. */
export function axis(timings: readonly Timing[]): Axis {
  const values = timings.flatMap((t) => [t.p50_ms, t.p50_low_ms, t.p50_high_ms, t.p95_ms, t.p95_low_ms, t.p95_high_ms]);
  const positive = values.filter((v) => v > 0 && Number.isFinite(v));
  const from = Math.floor(Math.log10(positive.length ? Math.min(...positive) : 0.001));
  const to = Math.max(from + 1, Math.ceil(Math.log10(positive.length ? Math.max(...positive) : 1)));
  const place = (ms: number) => (ms > 0 ? Math.min(1, Math.max(0, (Math.log10(ms) - from) / (to - from))) : 0);
  // One or two decades alone would show too few lines to read a value from.
  const steps = to - from <= 2 ? [1, 2, 5] : [1];
  const ticks: Axis["ticks"] = [];
  for (let d = from; d < to; d++) for (const s of steps) ticks.push({ at: (d - from + Math.log10(s)) / (to - from), ms: s * 10 ** d });
  ticks.push({ at: 1, ms: 10 ** to });
  return { place, ticks };
}

export function span(a: Axis, low: number, at: number, high: number): Span {
  return { low: a.place(Math.min(low || at, at)), at: a.place(at), high: a.place(Math.max(high || at, at)) };
}
