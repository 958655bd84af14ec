import { clock } from "../format";
import { contains } from "../reduce";
import { format } from "../route";
import { advice, audit, route } from "../state";
import type { AuditEntry } from "../types";
import { Panel } from "../parts/Panel";
import { Table, type Column } from "../parts/Table";

const columns: Column<AuditEntry>[] = [
  { head: "#", num: true, cell: (e) => e.seq },
  { head: "When", num: true, cell: (e) => clock(e.at) },
  { head: "Who", cell: (e) => e.actor },
  { head: "Action", cell: (e) => <strong>{e.action}</strong> },
  { head: "Subject", cell: (e) => <Subject id={e.subject} /> },
  { head: "Detail", class: "wide", cell: (e) => e.detail },
];

export function Audit() {
  return (
    <Panel title="Audit" of={audit} testid="audit" note="append-only" empty={(d) => (d.entries.length ? null : { text: "Nothing has been proved, applied or undone yet." })}>
      {(d) => {
        const rows = d.entries.filter((e) => contains([e.actor, e.action, e.subject, e.detail], route.value.filter)).sort((a, b) => b.seq - a.seq);
        if (rows.length === 0) return <p class="state">No entry matches “{route.value.filter}”.</p>;
        return <Table caption="Audit, newest first" columns={columns} rows={rows} id={(e) => String(e.seq)} />;
      }}
    </Panel>
  );
}

function Subject({ id }: { id: string }) {
  const known = advice.data.value?.recommendations.some((r) => r.id === id);
  if (!known) return <code>{id}</code>;
  return <a href={format({ ...route.value, page: "recommendations", rec: id })}><code>{id}</code></a>;
}
