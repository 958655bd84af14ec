import type { Fact } from "../advice";
import { figure } from "../format";
import { SqlText, isSql } from "./SqlText";

/** Facts are the figures and observations that advice rests on besides a proof. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <dl class="figures" data-testid="facts">
      {facts.map((f, i) => (
        <div key={i} class={f.text ? "said" : undefined}>
          <dt>{f.name}</dt>
          <dd>
            {f.text && (isSql(f.text) ? <SqlText sql={f.text} /> : f.text)}
            {f.text && f.value !== 0 && " · "}
            {(!f.text || f.value !== 0) && <span class="figure">{figure(f.value, f.unit === f.name ? "" : f.unit)}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
