import assert from "node:assert/strict";
import test from "node:test";
import { axis, span } from "../src/interval";
import { emptySeries, extent, keepSample, merge, spread } from "../src/series";
import type { Sample, Series } from "../src/types";

const sample = (t: number, p95: number | null = 1): Sample => ({
  t, queries_per_second: t, writes_per_second: 0, requests_per_second: 0, errors: 0, busy: 0, p50_ms: 0.5, p95_ms: p95, p99_ms: 2,
});

const series = (...ts: number[]): Series => merge(emptySeries(), ts.map((t) => sample(t)), 0, Infinity);

test("live samples continue a series at its own interval", () => {
  const got = merge(series(10, 12, 14), [11, 13, 14, 15, 16, 17, 18].map((t) => sample(t)), 2, 300);
  assert.deepEqual(got.t, [10, 12, 14, 16, 18]);
  assert.deepEqual(got.queries_per_second, [10, 12, 14, 16, 18]);
});

test("what left the range is cut from every column", () => {
  const got = merge(series(10, 12, 14), [sample(16, null)], 2, 3);
  assert.deepEqual(got.t, [14, 16]);
  assert.deepEqual(got.p95_ms, [1, null]);
});

test("merging leaves its input alone", () => {
  const base = series(1, 2);
  merge(base, [sample(9)], 1, 2);
  assert.deepEqual(base.t, [1, 2]);
});

test("repeats and late samples are ignored and memory is bounded", () => {
  let live: readonly Sample[] = [];
  for (const t of [1, 2, 2, 1, 3, 4]) live = keepSample(live, sample(t), 3);
  assert.deepEqual(live.map((s) => s.t), [2, 3, 4]);
});

test("spread keeps both ends", () => {
  assert.deepEqual(spread(3, 16), [0, 1, 2]);
  assert.deepEqual(spread(101, 5), [0, 25, 50, 75, 100]);
});

test("extent skips gaps", () => {
  assert.deepEqual(extent([null, 3, 1, NaN]), [1, 3]);
  assert.equal(extent([null]), undefined);
});

test("interval bars lie in order on a logarithmic axis", () => {
  const t = (x: number) => ({ p50_ms: x, p50_low_ms: x * 0.9, p50_high_ms: x * 1.1, p95_ms: 2 * x, p95_low_ms: x, p95_high_ms: 3 * x });
  const a = axis([t(10), t(0.1)]);
  assert.deepEqual(a.ticks.map((k) => k.ms), [0.01, 0.1, 1, 10, 100]);
  const s = span(a, 9, 10, 11);
  assert.ok(s.low < s.at && s.at < s.high);
  assert.equal(s.at, 0.75);
  assert.deepEqual(axis([t(2)]).ticks.map((k) => k.ms), [1, 2, 5, 10]);
  assert.deepEqual(span(a, 0, 0, 0), { low: 0, at: 0, high: 0 });
});
