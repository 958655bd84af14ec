import assert from "node:assert/strict";
import test from "node:test";
import type { Advice, Recommendation, State } from "../src/advice";
import { contains, inbox, neighbour, types, withAlert, withMarker, withOutcome, withRecommendation } from "../src/reduce";
import { tidyAdvice, tidyStats } from "../src/tidy";
import type { Alert, Stats } from "../src/types";
import { best, verdict } from "../src/verdict";
import { basisText } from "../src/words";
import { watchShare } from "../src/watch";

const rec = (id: string, state: State, more: Partial<Recommendation> = {}): Recommendation => ({
  id, state, code: "IX01", type: "index", component: "database", database: "app", table: "orders", columns: [], title: `Index ${id}`,
  why: "", risk: "", level: "info", basis: "replay", applicable: true, statements: [], undo: [], manual: "", plan_hash: "h1",
  digests: [], facts: [], rewrite: null, evidence: null, live: null, error: "", created: "", updated: "", ...more,
});

const advice = (...recommendations: Recommendation[]): Advice => ({
  generated: "", analysis: { running: false, phase: "", last: "2026-01-01T00:00:00Z", statements: 1, skipped: [] }, recommendations,
});

const alert = (code: string, state: string, title = code): Alert => ({
  code, level: "warning", subject: "s", title, detail: "", value: 1, threshold: 1, unit: "", state, first_seen: "", last_seen: "", count: 1,
});

test("the inbox groups by state and keeps the order of value", () => {
  const got = inbox([rec("a", "rejected"), rec("b", "proved"), rec("c", "applied"), rec("d", "proved")], "", "");
  assert.deepEqual(got.map((g) => [g.title, g.recs.map((r) => r.id)]), [
    ["Ready to apply", ["b", "d"]], ["Applied", ["c"]], ["Rejected", ["a"]],
  ]);
  assert.deepEqual(inbox([rec("a", "proved")], "no such word", ""), []);
});

test("the inbox is narrowed by type, and types are counted under the filter", () => {
  const list = [rec("a", "proved"), rec("b", "proposed", { type: "drop_index" }), rec("c", "rejected"), rec("d", "proposed", { type: "query", title: "Other" })];
  assert.deepEqual(inbox(list, "", "index").flatMap((g) => g.recs.map((r) => r.id)), ["a", "c"]);
  assert.deepEqual(types(list, ""), [{ type: "index", n: 2 }, { type: "drop_index", n: 1 }, { type: "query", n: 1 }]);
  assert.deepEqual(types(list, "drop index"), [{ type: "drop_index", n: 1 }]);
  assert.deepEqual(types(list, "index a"), [{ type: "index", n: 1 }]);
});

test("a basis is worded by what was found", () => {
  const e = (verdict: string) => ({ verdict }) as Recommendation["evidence"];
  const rewrite = { before: "", after: "", checked: true, speedup: 2 };
  const want: [Partial<Recommendation>, string][] = [
    [{ basis: "rule" }, "by rule"], [{ basis: "experiment", evidence: e("rejected") }, "measured on a copy"], [{ basis: "estimate" }, "estimated on a sample"],
    [{ evidence: e("proved") }, "proved on a copy"], [{ evidence: e("estimated") }, "estimated on a sample"], [{ evidence: e("rejected") }, "tried on a copy"],
    [{ rewrite }, "proved on a copy"], [{ rewrite: { ...rewrite, checked: false } }, "measured on a copy"],
  ];
  for (const [more, text] of want) assert.equal(basisText(rec("a", "proposed", more)), text);
  assert.equal(best(rec("a", "proposed", { rewrite })), 2);
  assert.equal(best(rec("a", "proposed", { rewrite: { ...rewrite, checked: false } })), 0);
});

test("a change that is watched, kept or on its way back has its place", () => {
  const states: State[] = ["kept", "applied", "undoing", "estimated", "applying"];
  const got = inbox(states.map((s) => rec(s, s)), "", "");
  assert.deepEqual(got.map((g) => [g.title, g.recs.map((r) => r.id)]), [
    ["In progress", ["undoing", "applying"]], ["Applied", ["kept", "applied"]], ["Estimated on a sample", ["estimated"]],
  ]);
  const live = { watch: { verdict: "undone" } } as Recommendation["live"];
  const v = verdict(null, advice(rec("a", "undone", { live }), rec("b", "undone"), rec("c", "applied")), []);
  assert.deepEqual(v.fix.map((f) => [f.text, f.rec]), [["1 change undone for doing harm: Index a", "a"]]);
  assert.deepEqual(v.fine[1], { text: "1 applied change watched on live traffic", page: "recommendations" });
});

test("watching goes from when it was applied to when it ends", () => {
  const live = (until?: string) => ({ applied_at: "2026-03-01T12:00:00Z", watch: until ? { until } : null }) as NonNullable<Recommendation["live"]>;
  const at = Date.parse("2026-03-01T18:00:00Z");
  assert.equal(watchShare(live("2026-03-02T12:00:00Z"), at), 0.25);
  assert.equal(watchShare(live("2026-03-01T13:00:00Z"), at), 1);
  assert.equal(watchShare(live(), at), null);
});

test("a filter needs every word somewhere", () => {
  assert.ok(contains(["SELECT total FROM orders", "GET /x"], "orders get"));
  assert.ok(!contains(["orders"], "orders customers"));
  assert.ok(contains([], "  "));
});

test("a streamed recommendation replaces its old self in place", () => {
  const before = advice(rec("a", "proved"), rec("b", "proposed"));
  assert.deepEqual(withRecommendation(before, rec("a", "applied")).recommendations.map((r) => r.state), ["applied", "proposed"]);
  assert.deepEqual(withRecommendation(before, rec("c", "proposed")).recommendations.map((r) => r.id), ["a", "b", "c"]);
  assert.equal(before.recommendations.length, 2);
});

test("an outcome shows at once and an unknown id changes nothing", () => {
  const before = advice(rec("a", "proved"));
  const out = { id: "a", action: "apply", state: "applied" as const, plan_hash: "h2" };
  const after = withOutcome(before, "a", out).recommendations[0]!;
  assert.deepEqual([after.state, after.plan_hash], ["applied", "h2"]);
  assert.equal(withOutcome(before, "z", out), before);
});

test("alerts and markers do not double", () => {
  assert.deepEqual(withAlert([alert("a", "firing"), alert("b", "firing")], alert("b", "resolved")).map((a) => a.state), ["resolved", "firing"]);
  const m = { t: 10, action: "applied", id: "a", title: "" };
  assert.equal(withMarker([m], { ...m, t: 10.4 }).length, 1);
  assert.equal(withMarker([m], { ...m, action: "undone" }).length, 2);
});

test("j and k stop at the ends", () => {
  assert.equal(neighbour(["a", "b"], "a", 1), "b");
  assert.equal(neighbour(["a", "b"], "b", 1), "b");
  assert.equal(neighbour(["a", "b"], "gone", -1), "b");
  assert.equal(neighbour([], "", 1), "");
});

test("the verdict puts a proved change first and says what is fine", () => {
  const v = verdict(null, advice(rec("a", "proved"), rec("b", "proved"), rec("c", "failed")), [alert("slow", "firing"), alert("old", "resolved")]);
  assert.deepEqual(v.fix.map((f) => f.text), ["Apply Index a and 1 more proved change", "1 change failed: Index c", "slow"]);
  assert.deepEqual(v.fix[0]!.rec, "a");
  const calm = verdict(null, advice(), []);
  assert.deepEqual(calm.fix, []);
  assert.deepEqual(calm.fine.map((f) => f.text), ["No proved change is waiting", "No alert is firing"]);
});

test("lists that arrive as null become lists", () => {
  const s = tidyStats({ queries: null, requests: null, databases: null, markers: null, series: { t: null, busy: [1] } } as unknown as Stats);
  assert.deepEqual([s.queries, s.requests, s.databases, s.markers, s.series.t, s.series.busy], [[], [], [], [], [], [1]]);
  assert.deepEqual(tidyAdvice({ recommendations: null } as unknown as Advice).recommendations, []);
});
