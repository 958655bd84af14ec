import type { Live, Recommendation } from "../advice";
import { clock, count, duration, factor, plural } from "../format";
import { format } from "../route";
import { route, stats } from "../state";
import { basisText } from "../words";
import { LevelBadge, StateBadge, TypeTag } from "./Badge";
import { Change } from "./Change";
import { EvidenceCard } from "./Evidence";
import { RewriteCard } from "./Rewrite";
import { WatchCard } from "./Watching";

/** Detail is one recommendation: why, what it would do, how it was tried. */
export function Detail({ rec }: { rec: Recommendation }) {
  return (
    <article class="rec" data-testid="rec-detail" aria-labelledby="rec-title">
      <a class="back" href={format({ ...route.value, rec: "" })}>← All recommendations</a>
      <header>
        <h2 id="rec-title">{rec.title}</h2>
        <p class="row tags">
          <StateBadge state={rec.state} testid="state" />
          <LevelBadge level={rec.level} />
          <TypeTag type={rec.type} />
          <span data-testid="basis">{basisText(rec)}</span>
          <span class="muted">{rec.code} · {rec.component}{rec.database && ` · ${rec.database}`}{rec.table && ` · ${rec.table}`} · updated {clock(rec.updated)}</span>
        </p>
        <p>{rec.why}</p>
        <Affected digests={rec.digests ?? []} />
      </header>
      {rec.live && rec.live.before_calls + rec.live.after_calls > 0 && <LiveCard live={rec.live} />}
      {rec.live && (rec.live.watch || rec.state === "applied") && <WatchCard rec={rec} live={rec.live} />}
      {rec.rewrite && <RewriteCard rewrite={rec.rewrite} />}
      <Change rec={rec} />
      <EvidenceCard rec={rec} />
    </article>
  );
}

/** Affected links to the statements the change is for, as far as they are among the top ones now. */
function Affected({ digests }: { digests: readonly string[] }) {
  const known = (stats.data.value?.queries ?? []).filter((q) => q.digest && digests.includes(q.digest));
  if (known.length === 0) return null;
  return (
    <p class="muted">
      For {known.map((q, i) => (
        <>{i > 0 && ", "}<a key={q.digest} href={format({ ...route.value, page: "overview", query: q.digest })}>{q.summary || q.digest}</a></>
      ))}
    </p>
  );
}

function LiveCard({ live }: { live: Live }) {
  const { before_p95_ms: before, after_p95_ms: after } = live;
  const gain = before && after ? before / after : null;
  return (
    <section class="card live-card" aria-label="On live traffic">
      <h3>On live traffic</h3>
      <p class="gain">
        p95 {duration(before)} → <strong>{live.after_calls > 0 ? duration(after) : "–"}</strong>
        {gain !== null && <span class={gain >= 1 ? "good" : "bad"}>{gain >= 1 ? `✓ ${factor(gain)} as fast` : `✕ slower, ${factor(1 / gain)} the time`}</span>}
        <span class="muted">n = {count(live.before_calls)} before, {count(live.after_calls)} after; applied {clock(live.applied_at)}</span>
      </p>
      {live.after_calls < 20 && <p class="few">{plural(live.after_calls, "call")} since: too few for a percentile.</p>}
    </section>
  );
}
