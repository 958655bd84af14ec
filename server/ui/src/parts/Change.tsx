import { useMemo } from "preact/hooks";
import type { Outcome, Recommendation } from "../advice";
import { duration } from "../format";
import { applyLabel, createFlow, made, reviewable, type Flow } from "../optimize";
import { job } from "../state";
import { Statements } from "./SqlText";
import { TokenForm } from "./TokenForm";

/** Change is the way from reading to doing: statements, review, apply, undo. */
export function Change({ rec }: { rec: Recommendation }) {
  const flow = useMemo(() => createFlow(rec.id), [rec.id]);
  const review = flow.reviewed.value;
  const statements = review?.statements ?? rec.statements ?? [];
  const undo = review?.undo ?? rec.undo ?? [];
  return (
    <section class="card" aria-label="Change">
      <div class="row spread">
        <h3>{review ? "Review" : "Change"}</h3>
        {rec.applicable && <Buttons rec={rec} flow={flow} />}
      </div>
      {flow.refused.value && <p class="refused" role="alert"><b aria-hidden="true">✕</b> {flow.refused.value}</p>}
      {flow.wantsToken.value && (
        <TokenForm onDone={() => void flow.run(flow.wantsToken.value!, rec)} onSkip={() => void flow.run(flow.wantsToken.value!, rec, true)} />
      )}
      <Progress rec={rec} />
      {rec.error && <p class="refused"><b aria-hidden="true">✕</b> {rec.error}</p>}
      {rec.manual && <Manual rec={rec} />}
      <Statements sql={statements} label={review ? "Exactly these statements will run" : "Statements"} testid="statements" />
      <Statements sql={undo} label="To undo" testid="undo-statements" />
      {review && <Terms review={review} risk={rec.risk} count={statements.length} flow={flow} rec={rec} />}
      {!review && rec.risk && <p class="muted"><strong>Risk:</strong> {rec.risk}</p>}
    </section>
  );
}

function Buttons({ rec, flow }: { rec: Recommendation; flow: Flow }) {
  const busy = flow.busy.value;
  if (made.includes(rec.state)) {
    return (
      <button type="button" data-testid="undo" disabled={busy !== null} onClick={() => void flow.run("undo", rec)}>
        {busy === "undo" ? "Undoing…" : "Undo"}
      </button>
    );
  }
  if (!reviewable.includes(rec.state)) return null;
  return (
    <button type="button" data-testid="review" class={flow.reviewed.value ? "" : "primary"} disabled={busy !== null} onClick={() => void flow.run("review", rec)}>
      {busy === "review" ? "Reviewing…" : flow.reviewed.value ? "Review again" : "Review…"}
    </button>
  );
}

/** Terms is what a reader agrees to by pressing Apply. */
function Terms({ review, risk, count, flow, rec }: { review: Outcome; risk: string; count: number; flow: Flow; rec: Recommendation }) {
  const busy = flow.busy.value;
  return (
    <div class="terms">
      <dl class="facts">
        <div><dt>Locks</dt><dd>{review.locks || "not known"}</dd></div>
        <div><dt>Expected duration</dt><dd>{duration(review.expected_ms)}</dd></div>
        <div><dt>Risk</dt><dd>{risk || "none known"}</dd></div>
        <div><dt>Plan hash</dt><dd><code class="hash">{review.plan_hash}</code></dd></div>
      </dl>
      {rec.basis === "replay" && rec.evidence?.verdict !== "proved" && <p class="few">This change is not proved on a shadow copy.</p>}
      <div class="row">
        <button type="button" class="primary" data-testid="apply" disabled={busy !== null} onClick={() => void flow.run("apply", rec)}>
          {busy === "apply" ? "Applying…" : applyLabel(count)}
        </button>
        <button type="button" disabled={busy !== null} onClick={() => (flow.reviewed.value = null)}>Not now</button>
      </div>
    </div>
  );
}

function Manual({ rec }: { rec: Recommendation }) {
  return (
    <div class="manual">
      <h4>{rec.applicable ? "By hand" : "This one is done by hand"}</h4>
      <pre class="code" tabIndex={0} role="region" aria-label="What to do by hand"><code>{rec.manual}</code></pre>
    </div>
  );
}

function Progress({ rec }: { rec: Recommendation }) {
  const j = job.value;
  const mine = j !== null && j.id === rec.id;
  if (!mine && rec.state !== "applying" && rec.state !== "undoing") return null;
  return (
    <p class="progress" role="status">
      <label>{mine ? `${j.phase}: ${j.detail}` : rec.state === "undoing" ? "Undoing" : "Applying"} <progress max={1} {...(mine ? { value: j.done } : {})} /></label>
    </p>
  );
}
