import type { Evidence as Proof, Recommendation, Trial, Write } from "../advice";
import { bytes, count, duration, factor, plural } from "../format";
import { VerdictBadge } from "./Badge";
import { Intervals } from "./Interval";
import { basisText } from "../words";
import { Facts } from "./Facts";
import { SqlText } from "./SqlText";

const sources: Record<string, string> = {
  captured: "captured from live traffic", trace: "from a trace file", drawn: "drawn from the table's own values",
};

const unproved: Record<string, string> = {
  rule: "By rule: this follows from documented behaviour and what was observed; nothing was replayed.",
  estimate: "Estimated on a sample of the rows, since there is no copy of the database to replay on.",
};

/** EvidenceCard shows how a recommendation was tried: every number that led to the verdict. */
export function EvidenceCard({ rec }: { rec: Recommendation }) {
  const e = rec.evidence;
  if (!e) {
    return (
      <section class="card" data-testid="evidence" aria-label="Evidence">
        <h3>Evidence</h3>
        <p class="muted">{unproved[rec.basis] ?? (rec.rewrite?.checked ? "Both forms ran on a copy of the database and gave the same rows." : "Measured on a copy of the database.")}</p>
        <Facts facts={rec.facts ?? []} />
      </section>
    );
  }
  const targets = (e.queries ?? []).filter((q) => q.role === "target");
  const others = (e.queries ?? []).filter((q) => q.role !== "target");
  return (
    <section class="card" data-testid="evidence" aria-label="Evidence">
      <div class="row spread"><h3>Evidence</h3><VerdictBadge verdict={e.verdict} /></div>
      {(e.reasons ?? []).length > 0 && <ul class="reasons">{e.reasons!.map((r) => <li key={r}>{r}</li>)}</ul>}
      {targets.map((q) => <Target key={q.digest} q={q} />)}
      <Tally e={e} rec={rec} />
      <Facts facts={rec.facts ?? []} />
      {others.length + e.unchanged > 0 && <Others list={others} unchanged={e.unchanged} />}
    </section>
  );
}

function Target({ q }: { q: Trial }) {
  return (
    <article class="trial">
      <div class="sql-block"><SqlText sql={q.fingerprint} /></div>
      <p class="gain">
        <strong>{factor(q.speedup)}</strong> {q.speedup >= 1 ? "as fast" : "the speed"}{" "}
        <span class="muted">(95 % interval {factor(q.speedup_low)} – {factor(q.speedup_high)})</span>
        <VerdictBadge verdict={q.verdict} />
        <span class={q.same_rows ? "good" : "bad"}>{q.same_rows ? `✓ same ${plural(q.rows, "row")}` : "✕ different rows"}</span>
        <span class="muted">n = {count(q.samples)}</span>
      </p>
      {q.before && q.after && <Intervals before={q.before} after={q.after} />}
      {q.samples < 20 && <p class="few">Only {q.samples} replays: the intervals are wide below 20.</p>}
      <div class="plans">
        <Plan title="Plan before" nodes={q.plan_before ?? []} />
        <Plan title="Plan after" nodes={q.plan_after ?? []} />
      </div>
    </article>
  );
}

function Plan({ title, nodes }: { title: string; nodes: readonly string[] }) {
  return (
    <div>
      <h4>{title}</h4>
      <ul class="plan">
        {nodes.length === 0 && <li class="muted">not known</li>}
        {nodes.map((n, i) => <li key={i} class={node(n)}><b aria-hidden="true">{node(n) === "scan" ? "▲" : "▸"}</b>{n}</li>)}
      </ul>
    </div>
  );
}

/** node singles out what costs: reading a whole table, or sorting beside it. */
const node = (text: string): "scan" | "step" => (/^(SCAN|USE TEMP B-TREE)/.test(text.trim()) ? "scan" : "step");

function Tally({ e, rec }: { e: Proof; rec: Recommendation }) {
  const writes = rec.type.endsWith("index") || (e.write !== null && e.write.source !== "none");
  return (
    <dl class="facts">
      <div><dt>Basis</dt><dd>{basisText(rec)}</dd></div>
      <div><dt>Parameters</dt><dd>{sources[e.parameters] ?? (e.parameters || "none")}</dd></div>
      <div><dt>Replays</dt><dd>{count(e.samples)} in {duration(e.took_ms)}</dd></div>
      {e.bytes !== 0 && <div><dt>Size</dt><dd>{bytes(e.bytes)} <span class="muted">beside {bytes(e.shadow_bytes)}</span></dd></div>}
      {e.build_ms > 0 && <div><dt>Build time</dt><dd>{duration(e.build_ms)}</dd></div>}
      {writes && <div class="span2"><dt>Write cost</dt><dd><WriteCost w={e.write} /></dd></div>}
    </dl>
  );
}

function WriteCost({ w }: { w: Write | null }) {
  if (!w || w.source === "none") return <span class="muted">not measured: no write to this table was seen</span>;
  return (
    <>
      {w.added_us >= 0 ? "+" : "−"}{duration(Math.abs(w.added_us) / 1000)} each{" "}
      <span class="muted">({duration(w.before_us / 1000)} → {duration(w.after_us / 1000)}, {w.source})</span>
      {w.statement && <div class="sql-line"><SqlText sql={w.statement} clamp /></div>}
    </>
  );
}

function Others({ list, unchanged }: { list: Trial[]; unchanged: number }) {
  const slower = list.filter((q) => q.verdict === "slower").length;
  return (
    <details class="others" open={slower > 0}>
      <summary>{plural(list.length + unchanged, "other statement")} checked, {slower === 0 ? "none slower" : `${slower} slower`}</summary>
      <ul>
        {unchanged > 0 && <li class="muted">{plural(unchanged, "plan")} unchanged</li>}
        {list.map((q) => (
          <li key={q.digest}>
            <VerdictBadge verdict={q.verdict} />
            <SqlText sql={q.fingerprint} clamp />
            {q.samples > 0 && q.before && q.after && <span class="muted num">p50 {duration(q.before.p50_ms)} → {duration(q.after.p50_ms)}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}
