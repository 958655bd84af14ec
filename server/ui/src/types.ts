// The answers of the HTTP interface, field by field. Times are RFC 3339, *_ms are milliseconds.

export interface Stats {
  schema: string;
  generated: string;
  range: { from: string; to: string; seconds: number; interval_seconds: number };
  capture: { recorded: number; drained: number; dropped: number; pending: number };
  totals: Totals;
  series: Series;
  queries: Query[];
  requests: Route[];
  transactions: Transactions;
  coverage: { attributed: number; late: number; unattributed: Caller[] };
  databases: Database[];
  markers: Marker[];
}

export interface Totals {
  queries: number;
  writes: number;
  transactions: number;
  requests: number;
  errors: number;
  busy: number;
  rows: number;
  queries_per_second: number;
  writes_per_second: number;
  requests_per_second: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  attributed: number;
}

/** Sample is one tick of the stream; a Series is the same by column. */
export interface Sample {
  t: number; // unix seconds
  queries_per_second: number;
  writes_per_second: number;
  requests_per_second: number;
  errors: number;
  busy: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export type Series = { [K in keyof Sample]: Sample[K][] };

export interface Query {
  digest: string; // "" for all statements that did not fit
  database: string;
  fingerprint: string;
  summary: string;
  calls: number;
  calls_per_second: number;
  total_ms: number;
  share: number; // of the time of all statements, 0 to 1
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  rows: number;
  affected: number;
  errors: number;
  busy: number;
  read_only: boolean;
  routes: { route: string; calls: number }[] | null;
  recommendations: string[] | null;
  work: Work;
  errors_by_class: Record<string, number>;
  late: number;
  parameters: string[]; // classes of the values bound, by place
  callers: Caller[];
}

/** Work is what SQLite itself counted. */
export interface Work {
  counted_calls: number;
  cached_calls: number;
  vm_steps: number;
  full_scan_rows: number;
  auto_index_rows: number;
  sorts: number;
  reprepares: number;
  lock_retries: number;
  lock_wait_ms: number;
}

/** Caller is a line of the application. */
export interface Caller {
  function: string;
  file: string;
  line: number;
  calls: number;
  unattributed_calls: number;
}

export interface Transactions {
  commits: number;
  rollbacks: Record<string, number>; // by reason
  upgraded: number;
  lock_wait_ms: number;
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
}

export interface Route {
  route: string;
  calls: number;
  calls_per_second: number;
  errors: number;
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  statements_per_request: number;
  sql_share: number;
}

export interface Database {
  name: string;
  path: string;
  size_bytes: number;
  wal_bytes: number;
  pragmas: { name: string; value: string }[] | null;
  pool: { max_open: number; open: number; in_use: number; idle: number; wait_count: number; wait_ms: number } | null;
  connections: {
    open: number; in_use: number; opened: number; checkouts: number; hand_offs: number; held_ms: number;
    cache_hits: number; cache_misses: number; cache_hit_ratio: number | null;
  };
  open_rows: { statement: string; connection: number; age_ms: number; route: string; caller: string }[];
}

export interface Marker {
  t: number;
  action: string; // applied | undone
  id: string;
  title: string;
}

export type Level = "info" | "warning" | "critical" | "emergency";

export interface Alert {
  code: string;
  level: Level;
  subject: string;
  title: string;
  detail: string;
  value: number;
  threshold: number;
  unit: string;
  state: string; // firing | resolved
  first_seen: string;
  last_seen: string;
  count: number;
}

export interface Alerts {
  generated: string;
  alerts: Alert[];
}

export interface AuditEntry {
  seq: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  detail: string;
}

export interface Audit {
  entries: AuditEntry[];
}

export interface Job {
  id: string;
  phase: string; // analyze | shadow | replay | apply | undo | done
  detail: string;
  done: number; // 0 to 1
}
