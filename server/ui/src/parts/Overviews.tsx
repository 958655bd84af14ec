import { bytes, count, duration, percent, plural } from "../format";
import { format } from "../route";
import { advice, alerts, route, series, stats } from "../state";
import type { Stats } from "../types";
import { verdict, type Finding } from "../verdict";
import { Tile } from "./Tile";

/** VerdictStrip says in one line what to fix and what is fine. */
export function VerdictStrip() {
  const v = verdict(stats.data.value, advice.data.value, alerts.data.value?.alerts ?? null);
  // Without a single statement nothing is known to be fine.
  if (v.fix.length === 0 && !stats.data.value?.totals.queries) return null;
  return (
    <section class="verdict" aria-label="Verdict">
      <div class={v.fix.length ? "verdict-fix" : "verdict-none"}>
        <h2>{v.fix.length ? <><b aria-hidden="true">!</b> To fix</> : <><b aria-hidden="true">✓</b> Nothing to fix</>}</h2>
        {v.fix.length > 0 && <List of={v.fix} />}
      </div>
      {v.fine.length > 0 && (
        <div class="verdict-fine"><h2><b aria-hidden="true">✓</b> Fine</h2><List of={v.fine} /></div>
      )}
    </section>
  );
}

function List({ of }: { of: Finding[] }) {
  return (
    <ul>
      {of.map((f) => {
        const page = f.rec ? "recommendations" : f.page;
        const href = page && format({ ...route.value, page, rec: f.rec ?? "" });
        return <li key={f.text}>{href ? <a href={href}>{f.text}</a> : f.text}</li>;
      })}
    </ul>
  );
}

/** Tiles are the numbers to glance at; totals follow the chosen range, sparklines go on live. */
export function Tiles({ data }: { data: Stats }) {
  const s = series.value;
  const { totals } = data;
  const wal = (data.databases ?? []).reduce((sum, db) => sum + db.wal_bytes, 0);
  const size = (data.databases ?? []).reduce((sum, db) => sum + db.size_bytes, 0);
  return (
    <div class="tiles">
      <Tile label="p95 latency" testid="tile-p95" value={totals.queries ? duration(totals.p95_ms) : "–"} spark={s.p95_ms}
        sub={<>p50 {duration(totals.p50_ms)} · p99 {duration(totals.p99_ms)}</>} />
      <Tile label="Queries/s" value={count(round(totals.queries_per_second))} spark={s.queries_per_second} sub={<>{count(totals.queries)} in range</>} />
      <Tile label="Writes/s" value={count(round(totals.writes_per_second))} spark={s.writes_per_second} sub={<>{count(totals.transactions)} transactions</>} />
      <Tile label="Requests/s" value={count(round(totals.requests_per_second))} spark={s.requests_per_second} sub={<>{percent(totals.attributed)} attributed</>} />
      <Tile label="Busy" value={count(totals.busy)} spark={s.busy} {...(totals.busy > 0 ? { tone: "warn" as const } : {})}
        sub={<>{count(totals.errors)} errors</>} />
      <Tile label="WAL" value={bytes(wal)} sub={<>{bytes(size)} database<br /><Pool data={data} /></>} />
    </div>
  );
}

const round = (x: number) => Math.round(x * 100) / 100;

function Pool({ data }: { data: Stats }) {
  const pool = data.databases?.[0]?.pool;
  if (!pool) return null;
  const waits = pool.wait_count > 0 ? `${count(pool.wait_count)} pool waits took ${duration(pool.wait_ms)}` : undefined;
  return <span title={waits}>pool {pool.in_use}/{pool.max_open || pool.open}{waits && `, ${plural(pool.wait_count, "wait")}`}</span>;
}
