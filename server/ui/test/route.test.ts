import assert from "node:assert/strict";
import test from "node:test";
import { format, home, parse, shiftRange, validRange, type Route } from "../src/route";
import { takeToken } from "../src/token";

test("an empty or foreign hash is home", () => {
  for (const hash of ["", "#", "#/", "#nonsense", "#/nowhere?x=1"]) assert.deepEqual(parse(hash), home);
});

test("format and parse are inverse", () => {
  const full: Route = {
    page: "recommendations", range: "1h30m", query: "00ff", rec: "ix01-3f2a", type: "drop_index", filter: "a&b=c # 50% <é>", paused: true, theme: "dark",
  };
  for (const r of [home, full, { ...home, filter: " + " }]) assert.deepEqual(parse(format(r)), r);
  assert.equal(format(home), "#/overview");
});

test("a range that is no Go duration falls back", () => {
  for (const bad of ["5", "m", "-5m", "5m&x", "5d", "1".repeat(40) + "s"]) assert.equal(validRange(bad), false, bad);
  assert.equal(parse("#/overview?range=javascript:1").range, home.range);
  assert.equal(parse("#/overview?range=90s").range, "90s");
});

test("ranges stop at both ends", () => {
  assert.equal(shiftRange("1m", -1), "1m");
  assert.equal(shiftRange("24h", 1), "24h");
  assert.equal(shiftRange("5m", 1), "15m");
  assert.equal(shiftRange("7m", 1), home.range);
});

test("the token is split off and the route stays", () => {
  assert.deepEqual(takeToken("#token=ab%2Bc"), { token: "ab+c", rest: "" });
  assert.deepEqual(takeToken("#/alerts?token=x"), { token: "x", rest: "#/alerts" });
  assert.deepEqual(takeToken("#/alerts?token=x&range=1h"), { token: "x", rest: "#/alerts?range=1h" });
  assert.deepEqual(takeToken("#/alerts?range=1h&token=x"), { token: "x", rest: "#/alerts?range=1h" });
  assert.deepEqual(takeToken("#/alerts?range=1h"), { token: "", rest: "#/alerts?range=1h" });
  assert.equal(takeToken("#token=%E0%A4%A").token, "%E0%A4%A");
});
