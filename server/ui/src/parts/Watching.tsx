import type { Live, Recommendation, Watch, Watched } from "../advice";
import { clock, count, duration, factor, plural } from "../format";
import { now } from "../state";
import { watchShare } from "../watch";
import { Badge, VerdictBadge } from "./Badge";
import { SqlText } from "./SqlText";
import { Table, type Column } from "./Table";

/** WatchCard shows what live traffic says about an applied change: how far, what was decided, and why. */
export function WatchCard({ rec, live }: { rec: Recommendation; live: Live }) {
  const w = live.watch;
  return (
    <section class="card" data-testid="watch" aria-label="Watched on live traffic">
      <div class="row spread"><h3>Watched on live traffic</h3>{w && <Decision w={w} />}</div>
      {rec.state === "applied" && <Progress live={live} />}
      <p>{w ? w.reason : "waiting for the first look"}</p>
      {w && w.baseline && <Basis w={w} />}
      {w && (w.statements ?? []).length > 0 && (
        <Table caption="Statements that the change touches" columns={columns} rows={w.statements!} id={(s) => s.digest} />
      )}
    </section>
  );
}

function Decision({ w }: { w: Watch }) {
  if (w.verdict === "kept") return <Badge tone="good" text="kept" />;
  if (w.verdict === "undone") return <Badge tone="bad" text="undone by itself" />;
  return <Badge tone={w.suspect ? "warn" : "info"} text={w.suspect ? "suspected of harm" : "watching"} />;
}

function Progress({ live }: { live: Live }) {
  const share = watchShare(live, now.value);
  return (
    <p class="progress" role="status">
      <label>
        Applied {clock(live.applied_at)}{live.watch && `, next look ${clock(live.watch.next)}, kept at the latest ${clock(live.watch.until)}`}{" "}
        {share !== null && <progress max={1} value={share} />}
      </label>
    </p>
  );
}

function Basis({ w }: { w: Watch }) {
  return (
    <p class="muted">
      {plural(w.looks, "look")}; compared with the traffic {w.baseline} in slots of {duration(w.slot_seconds * 1000)},{" "}
      {w.controls > 0 ? `and with ${plural(w.controls, "statement")} that the change does not touch` : "with no untouched statement beside: only a doubling counts"}.
    </p>
  );
}

const columns: Column<Watched>[] = [
  { head: "Verdict", cell: (s) => <VerdictBadge verdict={s.verdict} /> },
  { head: "Role", cell: (s) => s.role },
  { head: "Statement", class: "wide", cell: (s) => <SqlText sql={s.fingerprint} clamp /> },
  { head: "Ratio", num: true, hint: "time after by time before, what happened to untouched statements divided out", cell: (s) => (s.ratio > 0 ? factor(s.ratio) : "–") },
  { head: "p50", num: true, hint: "median over the slots", cell: (s) => `${duration(s.p50_before_ms)} → ${duration(s.p50_after_ms)}` },
  { head: "Calls", num: true, cell: (s) => `${count(s.calls_before)} → ${count(s.calls_after)}` },
];
