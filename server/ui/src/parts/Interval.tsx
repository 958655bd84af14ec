import type { Timing } from "../advice";
import { duration } from "../format";
import { axis, span, type Axis, type Span } from "../interval";

const pct = (x: number) => `${(x * 100).toFixed(2)}%`;

/** Intervals draws p50 and p95 before and after as bars from the low to the high end of each interval. */
export function Intervals({ before, after }: { before: Timing; after: Timing }) {
  const a = axis([before, after]);
  const rows: [string, string, Timing, "p50" | "p95"][] = [
    ["p50", "before", before, "p50"], ["p50", "after", after, "p50"],
    ["p95", "before", before, "p95"], ["p95", "after", after, "p95"],
  ];
  return (
    <table class="intervals">
      <caption class="visually-hidden">Time before and after with 95 % intervals; bars on a logarithmic axis</caption>
      <thead>
        <tr>
          <th scope="col"><span class="visually-hidden">Percentile</span></th>
          <th scope="col"><span class="visually-hidden">Side</span></th>
          <th scope="col" class="num">Value</th>
          <th scope="col" class="num">95 % interval</th>
          <th scope="col" class="bar-cell"><span class="visually-hidden">Picture</span><Ticks axis={a} /></th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([p, side, t, key]) => (
          <tr key={p + side}>
            <th scope="row">{p}</th>
            <td class="side">{side}</td>
            <td class="num">{duration(t[`${key}_ms`])}</td>
            <td class="num muted">{duration(t[`${key}_low_ms`])} – {duration(t[`${key}_high_ms`])}</td>
            <td class="bar-cell"><Bar axis={a} side={side} of={span(a, t[`${key}_low_ms`], t[`${key}_ms`], t[`${key}_high_ms`])} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Bar({ axis, of, side }: { axis: Axis; of: Span; side: string }) {
  return (
    <svg class={`bar bar-${side}`} aria-hidden="true">
      {axis.ticks.map((t) => <line key={t.ms} class="bar-grid" x1={pct(t.at)} x2={pct(t.at)} y1="0" y2="100%" />)}
      <rect class="bar-span" x={pct(of.low)} width={pct(Math.max(0.006, of.high - of.low))} y="4" height="8" rx="2" />
      <line class="bar-point" x1={pct(of.at)} x2={pct(of.at)} y1="1" y2="15" />
    </svg>
  );
}

function Ticks({ axis }: { axis: Axis }) {
  const every = Math.ceil(axis.ticks.length / 4); // four labels fit
  return (
    <svg class="bar-ticks" aria-hidden="true">
      {axis.ticks.map((t, i) => i % every === 0 && (
        <text key={t.ms} x={pct(t.at)} y="11" text-anchor={i === 0 ? "start" : i === axis.ticks.length - 1 ? "end" : "middle"}>
          {duration(t.ms)}
        </text>
      ))}
    </svg>
  );
}
