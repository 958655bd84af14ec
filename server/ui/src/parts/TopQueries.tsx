import { count, duration, percent, plural } from "../format";
import { contains } from "../reduce";
import { format } from "../route";
import { go, route } from "../state";
import type { Query, Stats } from "../types";
import { Badge } from "./Badge";
import { SqlText } from "./SqlText";
import { Percentile, Share, Table, type Column } from "./Table";

const columns: Column<Query>[] = [
  { head: "Statement", class: "wide", cell: (q) => <Statement q={q} /> },
  { head: "Share", hint: "of the time of all statements", cell: (q) => <Share of={q.share} text={percent(q.share)} /> },
  { head: "Calls/s", num: true, cell: (q) => count(q.calls_per_second) },
  { head: "Calls", num: true, cell: (q) => count(q.calls) },
  { head: "Total", num: true, cell: (q) => duration(q.total_ms) },
  { head: "Mean", num: true, cell: (q) => duration(q.mean_ms) },
  { head: "p50", num: true, cell: (q) => <Percentile text={duration(q.p50_ms)} calls={q.calls} /> },
  { head: "p95", num: true, cell: (q) => <Percentile text={duration(q.p95_ms)} calls={q.calls} /> },
  { head: "p99", num: true, cell: (q) => <Percentile text={duration(q.p99_ms)} calls={q.calls} /> },
  { head: "Rows", num: true, hint: "returned, or affected by a write", cell: (q) => count(q.read_only ? q.rows : q.affected) },
  { head: "Errors", num: true, hint: "of which busy", cell: (q) => <Errors q={q} /> },
  { head: "Advice", cell: (q) => <AdviceLink q={q} /> },
];

/** TopQueries lists statements by total time; a chosen one opens beneath its row. */
export function TopQueries({ data }: { data: Stats }) {
  const { filter, query } = route.value;
  const rows = data.queries.filter((q) => contains([q.fingerprint, q.summary, q.database, ...(q.routes ?? []).map((r) => r.route)], filter));
  if (rows.length === 0) return <p class="state">No statement matches “{filter}”.</p>;
  return <Table caption="Statements by total time" columns={columns} rows={rows} id={(q) => q.digest} selected={query} detail={(q) => <QueryDetail q={q} />} />;
}

function Statement({ q }: { q: Query }) {
  if (!q.digest) return <span class="muted">{q.fingerprint}</span>;
  const open = route.value.query === q.digest;
  return (
    <button type="button" class="rowlink" aria-expanded={open} onClick={() => go({ query: open ? "" : q.digest })}>
      <span class="twist" aria-hidden="true">{open ? "▾" : "▸"}</span>
      <span class="rowlink-text">
        <span class="summary-line">{q.summary} {!q.read_only && <span class="tag">write</span>}</span>
        <SqlText sql={q.fingerprint.slice(0, 300)} clamp />
      </span>
    </button>
  );
}

function Errors({ q }: { q: Query }) {
  if (q.errors === 0 && q.busy === 0) return <span class="muted">0</span>;
  return <span class="bad">! {count(q.errors)}{q.busy > 0 && ` (${count(q.busy)} busy)`}</span>;
}

function AdviceLink({ q }: { q: Query }) {
  const ids = q.recommendations ?? [];
  if (!ids[0]) return null;
  return (
    <a href={format({ ...route.value, page: "recommendations", rec: ids[0] })}>
      <Badge tone="info" text={ids.length > 1 ? plural(ids.length, "change") : "advice"} />
      <span class="visually-hidden"> for {q.summary}</span>
    </a>
  );
}

function QueryDetail({ q }: { q: Query }) {
  return (
    <div class="query-detail">
      <div class="sql-block"><SqlText sql={q.fingerprint} /></div>
      <dl class="facts">
        <div><dt>Database</dt><dd>{q.database}</dd></div>
        <div><dt>Digest</dt><dd><code class="hash">{q.digest}</code></dd></div>
        <div><dt>Kind</dt><dd>{q.read_only ? "reads" : "writes"}</dd></div>
        <div><dt>Rows per call</dt><dd>{perCall(q.read_only ? q.rows : q.affected, q.calls)}</dd></div>
        <Work q={q} />
        {q.late > 0 && <div><dt>After its request</dt><dd class="bad">{plural(q.late, "call")}</dd></div>}
        {(q.parameters ?? []).length > 0 && <div><dt>Values bound</dt><dd>{q.parameters.join(", ")}</dd></div>}
      </dl>
      {(q.callers ?? []).length > 0 && (
        <div><h3>Lines that run it</h3><ul class="callers">{q.callers.map((c) => <li key={`${c.file}:${c.line}`}><code title={c.function}>{c.file}:{c.line}</code> <span class="muted">{plural(c.calls, "call")}</span></li>)}</ul></div>
      )}
      {(q.routes ?? []).length > 0 && (
        <div><h3>Called by</h3><ul class="callers">{q.routes!.map((r) => <li key={r.route}><code>{r.route}</code> <span class="muted">{plural(r.calls, "call")}</span></li>)}</ul></div>
      )}
    </div>
  );
}

/** Work is what SQLite counted, per call that it was read for. What did not happen is left out. */
function Work({ q }: { q: Query }) {
  const w = q.work;
  if (!w?.counted_calls) return null;
  const facts: [string, number][] = [
    ["Rows of full scans", w.full_scan_rows], ["Sorts", w.sorts], ["Rows into automatic indexes", w.auto_index_rows],
    ["Compiled anew", w.reprepares], ["Virtual machine steps", w.vm_steps],
  ];
  return (
    <>
      {facts.map(([name, n]) => n > 0 && <div key={name}><dt>{name}</dt><dd>{perCall(n, w.counted_calls)} per call</dd></div>)}
      {w.lock_wait_ms > 0 && <div><dt>Lock wait</dt><dd>{duration(w.lock_wait_ms)}, {plural(w.lock_retries, "retry", "retries")}</dd></div>}
      {w.cached_calls > 0 && <div><dt>From the statement cache</dt><dd>{percent(w.cached_calls / q.calls)}</dd></div>}
    </>
  );
}

const perCall = (n: number, calls: number) => count(calls ? Math.round((n / calls) * 10) / 10 : 0);
