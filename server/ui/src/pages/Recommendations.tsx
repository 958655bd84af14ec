import { useEffect, useRef } from "preact/hooks";
import type { Advice, Recommendation } from "../advice";
import { ago, clock, count, factor, plural } from "../format";
import { inbox, types } from "../reduce";
import { format } from "../route";
import { advice, inboxIds, job, now, route } from "../state";
import { LevelBadge, StateBadge, TypeTag } from "../parts/Badge";
import { Boundary } from "../parts/Boundary";
import { Detail } from "../parts/Detail";
import { Panel } from "../parts/Panel";
import { SqlText } from "../parts/SqlText";
import { best } from "../verdict";
import { typeLabel } from "../words";

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
  const { filter, type } = route.value;
  const list = inbox(data.recommendations, filter, type);
  return (
    <nav aria-label="Recommendations by state">
      <Types data={data} />
      {list.length === 0 && <p class="state">Nothing{type && ` of type ${typeLabel(type)}`} matches{filter && ` “${filter}”`}.</p>}
      {list.map((g) => (
        <section key={g.title} class="group">
          <h3>{g.title} <span class="count">{g.recs.length}</span></h3>
          <ul>{g.recs.map((r) => <Entry key={r.id} rec={r} mixed={g.mixed} />)}</ul>
        </section>
      ))}
      <Skipped data={data} />
    </nav>
  );
}

/** Types narrows the list to one kind of advice, where there are several. */
function Types({ data }: { data: Advice }) {
  const { filter, type } = route.value;
  const list = types(data.recommendations, filter);
  if (list.length < 2 && !type) return null;
  const all = list.reduce((sum, t) => sum + t.n, 0);
  return (
    <ul class="types" aria-label="Type" data-testid="types">
      {[{ type: "", n: all }, ...list].map((t) => (
        <li key={t.type}>
          <a class="chip" href={format({ ...route.value, type: t.type === type ? "" : t.type, rec: "" })} aria-current={t.type === type ? "true" : undefined}>
            {typeLabel(t.type) || "all"} <span class="num">{t.n}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function Entry({ rec, mixed }: { rec: Recommendation; mixed: boolean }) {
  const current = shown()?.id === rec.id;
  const gain = best(rec);
  const entry = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (current) entry.current?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <li>
      <a ref={entry} class="entry" href={format({ ...route.value, rec: rec.id })} aria-current={current ? "true" : undefined} data-testid={`rec-${rec.id}`}>
        <span class="entry-title">{rec.title}</span>
        <span class="row tags">
          <TypeTag type={rec.type} />
          {mixed && <StateBadge state={rec.state} />}
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
