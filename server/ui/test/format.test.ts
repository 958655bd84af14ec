import assert from "node:assert/strict";
import test from "node:test";
import { ago, bytes, clock, count, cut, duration, factor, figure, measure, percent } from "../src/format";

const plain = (s: string) => s.replaceAll("\u202f", " ");

test("durations pick their unit", () => {
  const want: [number | null, string][] = [
    [null, "–"], [NaN, "–"], [0, "0 ms"], [0.0004, "400 ns"], [0.0937, "93.7 µs"], [1.5, "1.5 ms"],
    [12.34, "12.3 ms"], [999, "999 ms"], [1500, "1.5 s"], [90_000, "1.5 min"], [7_200_000, "2 h"],
  ];
  for (const [ms, text] of want) assert.equal(plain(duration(ms)), text);
});

test("counts are exact while small", () => {
  assert.equal(plain(count(9999)), "9 999");
  assert.equal(plain(count(12_345)), "12.3 k");
  assert.equal(plain(count(4_200_000)), "4.2 M");
  assert.equal(plain(count(0.25)), "0.25");
  assert.equal(count(undefined), "–");
});

test("bytes, percent, factor, measure", () => {
  assert.equal(plain(bytes(0)), "0 B");
  assert.equal(plain(bytes(48_234_496)), "46 MiB");
  assert.equal(plain(percent(0.415)), "42 %");
  assert.equal(plain(percent(0.0004)), "< 0.1 %");
  assert.equal(factor(118.4), "118×");
  assert.equal(plain(measure(0.0184, "s")), "18.4 ms");
  assert.equal(plain(measure(13.2, "")), "13.2");
});

test("figures speak in the unit of a fact", () => {
  const want: [number, string, string][] = [
    [12_345, "bytes", "12.1 KiB"], [1 << 20, "bytes a day", "1 MiB a day"], [0.42, "of all calls", "42 % of all calls"], [7, "of 20", "7 of 20"],
    [3.14159, "times", "3.14×"], [2, "times those at present", "2× those at present"], [41.5, "µs", "41.5 µs"], [1500, "ms", "1.5 s"],
    [1, "rows", "1 row"], [2, "rows", "2 rows"], [12.5, "a second", "12.5 a second"], [3.25, "per call", "3.25 per call"], [1, "s", "1 s"], [0, "calls", "0 calls"],
  ];
  for (const [x, unit, text] of want) assert.equal(plain(figure(x, unit)), text);
});

test("the date joins the time of another day", () => {
  const now = new Date(2026, 0, 2, 12);
  assert.equal(clock(new Date(2026, 0, 2, 9, 5, 7).getTime() / 1000, now), "09:05:07");
  assert.equal(clock(new Date(2025, 11, 31, 9, 5, 7).getTime() / 1000, now), "2025-12-31 09:05:07");
  assert.equal(clock(null), "–");
  assert.equal(clock("never"), "–");
  assert.equal(plain(ago(-3)), "0 s ago");
  assert.equal(plain(ago(7200)), "2 h ago");
});

test("long SQL is cut at 2 KB and never inside a character", () => {
  assert.deepEqual(cut("short"), { text: "short", rest: 0 });
  const long = cut("x".repeat(5000));
  assert.equal(long.text.length, 2048);
  assert.equal(long.rest, 5000 - 2048);
  assert.equal(cut("ab😀cd", 3).text, "ab");
});
