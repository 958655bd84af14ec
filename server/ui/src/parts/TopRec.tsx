import type { Advice } from "../advice";
import { duration, factor } from "../format";
import { format } from "../route";
import { route } from "../state";
import { StateBadge, TypeTag } from "./Badge";
import { SqlText } from "./SqlText";

/** TopRec is the most valuable change that waits for a decision. */
export function TopRec({ data }: { data: Advice }) {
  const open = data.recommendations.filter((r) => r.applicable);
  const rec = open.find((r) => r.state === "proved") ?? open.find((r) => r.state === "proposed");
  if (!rec) return <p class="state"><span class="good">✓</span> No change waits for a decision.</p>;
  const target = rec.evidence?.queries?.find((q) => q.role === "target");
  return (
    <div class="top-rec">
      <p class="row tags"><StateBadge state={rec.state} /> <TypeTag type={rec.type} /> <span class="muted">{rec.code}</span></p>
      <p class="top-title">{rec.title}</p>
      {target?.before && target.after && (
        <p class="gain">
          p95 {duration(target.before.p95_ms)} → <strong>{duration(target.after.p95_ms)}</strong>
          <strong class="good">{factor(target.speedup)}</strong>
          <span class="muted">95 % interval {factor(target.speedup_low)} – {factor(target.speedup_high)}, n = {target.samples}</span>
        </p>
      )}
      {!target && <p>{rec.why}</p>}
      {(rec.statements ?? []).length > 0 && <div class="sql-block">{rec.statements!.map((s) => <SqlText key={s} sql={s} clamp />)}</div>}
      <a class="button primary" href={format({ ...route.value, page: "recommendations", rec: rec.id })}>Evidence and review</a>
    </div>
  );
}
