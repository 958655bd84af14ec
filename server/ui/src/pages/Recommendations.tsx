import type { Advice, Recommendation } from "../advice";
import { ago, clock, count, factor, plural } from "../format";
import { inbox } from "../reduce";
import { format } from "../route";
import { advice, inboxIds, job, now, route } from "../state";
import { LevelBadge, StateBadge } from "../parts/Badge";
import { Boundary } from "../parts/Boundary";
import { Detail } from "../parts/Detail";
import { Panel } from "../parts/Panel";
import { SqlText } from "../parts/SqlText";
import { best } from "../verdict";

const advisorLine = "adv, err := advisor.Open(advisor.Config{})";

export function Recommendations() {
  const { rec: chosen } = route.value;
  return (
    <div class={`split ${chosen ? "chosen" : ""}`}>
      <Panel title="Recommendations" of={advice} class="inbox" empty={nothing} note={<Analysis />}>
        {(data) => <Inbox data={data} />}
      </Panel>
      <div class="detail"><Boundary key={chosen}><Chosen /></Boundary></div>
    </div>
  );
}

function nothing(data: Advice) {
  if (data.recommendations.length > 0) return null;
  if (data.analysis.last) return { text: `Nothing to recommend: ${plural(data.analysis.statements, "statement")} analysed, none would gain.` };
  return { text: "No analysis has run yet. The advisor starts one when it has seen some traffic:", code: advisorLine };
}

function Analysis() {
  const a = advice.data.value?.analysis;
  const j = job.value;
  if (j) return <span role="status">{j.phase} <progress max={1} value={j.done} aria-label={j.detail || j.phase} /></span>;
  if (!a) return null;
  if (a.running) return <span role="status">analysing{a.phase && `: ${a.phase}`}…</span>;
  return <span>{a.last ? `analysed ${ago((now.value - Date.parse(a.last)) / 1000)}` : ""}</span>;
}

function Inbox({ data }: { data: Advice }) {
  const list = inbox(data.recommendations, route.value.filter);
  return (
    <nav aria-label="Recommendations by state">
      {list.length === 0 && <p class="state">Nothing matches “{route.value.filter}”.</p>}
      {list.map((g) => (
        <section key={g.title} class="group">
          <h3>{g.title} <span class="count">{g.recs.length}</span></h3>
          <ul>{g.recs.map((r) => <Entry key={r.id} rec={r} />)}</ul>
        </section>
      ))}
      <Skipped data={data} />
    </nav>
  );
}

function Entry({ rec }: { rec: Recommendation }) {
  const current = shown()?.id === rec.id;
  const gain = best(rec);
  return (
    <li>
      <a class="entry" href={format({ ...route.value, rec: rec.id })} aria-current={current ? "true" : undefined} data-testid={`rec-${rec.id}`}>
        <span class="entry-title">{rec.title}</span>
        <span class="row tags">
          <StateBadge state={rec.state} />
          {rec.level !== "info" && <LevelBadge level={rec.level} />}
          {gain > 1 && <b class="num">{factor(gain)}</b>}
          <span class="muted">{rec.code}{rec.applicable ? "" : " · by hand"}</span>
        </span>
      </a>
    </li>
  );
}

function Skipped({ data }: { data: Advice }) {
  const skipped = data.analysis.skipped ?? [];
  if (skipped.length === 0) return null;
  return (
    <details class="skipped">
      <summary>{plural(skipped.length, "statement")} not analysed</summary>
      <ul>{skipped.map((s) => <li key={s.digest}><SqlText sql={s.fingerprint} clamp /><p class="muted">{s.reason}</p></li>)}</ul>
    </details>
  );
}

/** shown is the chosen recommendation, or the first of the inbox while none is chosen. */
function shown(): Recommendation | undefined {
  const id = route.value.rec || inboxIds.value[0];
  return advice.data.value?.recommendations.find((r) => r.id === id);
}

function Chosen() {
  const rec = shown();
  if (rec) return <Detail key={rec.id} rec={rec} />;
  const data = advice.data.value;
  if (!data || !route.value.rec) return null;
  return (
    <div class="panel state">
      <p>There is no recommendation {route.value.rec} among {count(data.recommendations.length)} as of {clock(data.generated)}.</p>
      <a href={format({ ...route.value, rec: "" })}>All recommendations</a>
    </div>
  );
}
