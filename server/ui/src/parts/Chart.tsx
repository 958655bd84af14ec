import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { clock } from "../format";
import { extent, spread } from "../series";
import { theme } from "../theme";
import type { Marker } from "../types";
import { columns, options, type Line, type Shape } from "./plot";

interface Props {
  name: string;
  t: readonly number[];
  lines: Line[];
  seconds: number;
  unit: (v: number) => string;
  log?: boolean;
  markers?: readonly Marker[];
  height?: number;
}

/** Chart is a time series with a shared cursor, and the same as words and as a table. */
export function Chart(props: Props) {
  const { name, t, lines, markers = [], height = 190, log = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const cursor = useSignal<number | null>(null);
  const latest = useRef<Props>(props); // uPlot's callbacks outlive a render
  latest.current = props;
  const scheme = theme.value;

  useEffect(() => {
    const el = box.current!;
    const shape = (): Shape => ({ log, seconds: latest.current.seconds, unit: latest.current.unit });
    const opts = options(el.clientWidth, height, lines, shape, () => latest.current.markers ?? [], (at) => (cursor.value = at));
    plot.current = new uPlot(opts, columns(latest.current.t, latest.current.lines, log), el);
    const watch = new ResizeObserver(() => plot.current?.setSize({ width: el.clientWidth, height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [scheme, log, height]); // canvas colours are fixed when a plot is made

  useEffect(() => plot.current?.setData(columns(t, lines, log)), [t, markers.length]);

  return (
    <figure class="chart">
      <Legend {...props} cursor={cursor} />
      <div ref={box} class="plot" role="img" aria-label={describe(props)} />
      {markers.length > 0 && <Changes markers={markers} />}
      <Numbers {...props} name={name} />
    </figure>
  );
}

function Legend({ t, lines, unit, cursor }: Props & { cursor: Signal<number | null> }) {
  const at = cursor.value ?? t.length - 1;
  return (
    <ul class="legend">
      {lines.map((l) => (
        <li key={l.label}>
          <svg width="18" height="8" aria-hidden="true" class={l.color.slice(2)}>
            <line x1="0" x2="18" y1="4" y2="4" stroke-width={l.width ?? 1.5} stroke-dasharray={l.dash?.join(" ")} />
          </svg>
          {l.label} <b>{l.values[at] == null ? "–" : unit(l.values[at]!)}</b>
        </li>
      ))}
      <li class="legend-time">{t[at] === undefined ? "" : clock(t[at])}</li>
    </ul>
  );
}

function Changes({ markers }: { markers: readonly Marker[] }) {
  return (
    <ul class="changes">
      {markers.slice(-4).map((m) => (
        <li key={`${m.id}${m.action}${m.t}`}>
          <b class={m.action === "applied" ? "good" : "warn"} aria-hidden="true">{m.action === "applied" ? "▼" : "▽"}</b>{" "}
          {m.action} {clock(m.t)} {m.title}
        </li>
      ))}
    </ul>
  );
}

function Numbers({ name, t, lines, unit }: Props) {
  const open = useSignal(false);
  return (
    <details class="numbers" onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{name} as numbers</summary>
      {open.value && (
        <div class="table-scroll" role="region" aria-label={`${name} as numbers`} tabIndex={0}>
          <table>
            <thead><tr><th scope="col">Time</th>{lines.map((l) => <th key={l.label} scope="col" class="num">{l.label}</th>)}</tr></thead>
            <tbody>
              {spread(t.length, 16).map((i) => (
                <tr key={t[i]}>
                  <th scope="row">{clock(t[i])}</th>
                  {lines.map((l) => <td key={l.label} class="num">{l.values[i] == null ? "–" : unit(l.values[i]!)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function describe({ name, lines, unit, t }: Props): string {
  const parts = lines.map((l) => {
    const range = extent(l.values);
    if (!range) return `${l.label}: no values`;
    const last = l.values[l.values.length - 1];
    return `${l.label} from ${unit(range[0])} to ${unit(range[1])}${last == null ? "" : `, now ${unit(last)}`}`;
  });
  return `${name} from ${clock(t[0])} to ${clock(t[t.length - 1])}. ${parts.join("; ")}.`;
}
