import { clock, count, measure } from "../format";
import { contains } from "../reduce";
import { alerts, route } from "../state";
import type { Alert } from "../types";
import { order } from "../parts/AlertFeed";
import { Badge, LevelBadge } from "../parts/Badge";
import { Panel } from "../parts/Panel";
import { SqlText } from "../parts/SqlText";
import { Table, type Column } from "../parts/Table";

const columns: Column<Alert>[] = [
  { head: "State", cell: (a) => (a.state === "firing" ? <Badge tone="bad" text="firing" /> : <Badge tone="good" text={a.state} />) },
  { head: "Level", cell: (a) => <LevelBadge level={a.level} /> },
  { head: "What", class: "wide", cell: (a) => <><strong>{a.title}</strong><div class="muted">{a.detail}</div></> },
  { head: "Subject", class: "mid", cell: (a) => <SqlText sql={a.subject} clamp /> },
  { head: "Value", num: true, cell: (a) => measure(a.value, a.unit) },
  { head: "Threshold", num: true, cell: (a) => measure(a.threshold, a.unit) },
  { head: "Count", num: true, cell: (a) => count(a.count) },
  { head: "First", num: true, cell: (a) => clock(a.first_seen) },
  { head: "Last", num: true, cell: (a) => clock(a.last_seen) },
  { head: "Code", cell: (a) => <code>{a.code}</code> },
];

export function Alerts() {
  return (
    <Panel title="Alerts" of={alerts} testid="alerts" empty={(d) => (d.alerts.length ? null : { text: "No alert so far. Each interval is checked while the advisor runs:", code: "adv, err := advisor.Open(advisor.Config{})" })}>
      {(d) => {
        const rows = d.alerts.filter((a) => contains([a.title, a.detail, a.subject, a.code, a.level, a.state], route.value.filter)).sort(order);
        if (rows.length === 0) return <p class="state">No alert matches “{route.value.filter}”.</p>;
        return <Table caption="Alerts, firing ones first" columns={columns} rows={rows} id={(a) => `${a.code} ${a.subject}`} />;
      }}
    </Panel>
  );
}
