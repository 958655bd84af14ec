import { count, duration, percent } from "../format";
import { contains } from "../reduce";
import { route } from "../state";
import type { Route, Stats } from "../types";
import { Badge } from "./Badge";
import { Percentile, Share, Table, type Column } from "./Table";

const manyStatements = 10; // per request: above this a loop over single-row statements is the usual cause

const columns: Column<Route>[] = [
  { head: "Route", class: "wide", cell: (r) => <code class="sql">{r.route}</code> },
  { head: "Requests/s", num: true, cell: (r) => count(r.calls_per_second) },
  { head: "Requests", num: true, cell: (r) => count(r.calls) },
  { head: "Mean", num: true, cell: (r) => duration(r.mean_ms) },
  { head: "p50", num: true, cell: (r) => <Percentile text={duration(r.p50_ms)} calls={r.calls} /> },
  { head: "p95", num: true, cell: (r) => <Percentile text={duration(r.p95_ms)} calls={r.calls} /> },
  { head: "p99", num: true, cell: (r) => <Percentile text={duration(r.p99_ms)} calls={r.calls} /> },
  { head: "Statements/request", num: true, cell: (r) => <PerRequest n={r.statements_per_request} /> },
  { head: "SQL share", hint: "of the request's time", cell: (r) => <Share of={r.sql_share} text={percent(r.sql_share)} /> },
  { head: "Errors", num: true, cell: (r) => (r.errors ? <span class="bad">! {count(r.errors)}</span> : <span class="muted">0</span>) },
];

/** Routes shows where requests spend their time, and which ask the database too often. */
export function Routes({ data }: { data: Stats }) {
  const rows = (data.requests ?? []).filter((r) => contains([r.route], route.value.filter));
  if (rows.length === 0) return <p class="state">No route matches “{route.value.filter}”.</p>;
  return <Table caption="Routes by time" columns={columns} rows={rows} id={(r) => r.route} />;
}

function PerRequest({ n }: { n: number }) {
  const text = count(Math.round(n * 10) / 10);
  return n >= manyStatements ? <Badge tone="warn" text={text} /> : <>{text}</>;
}
