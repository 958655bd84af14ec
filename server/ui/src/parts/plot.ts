// The set-up of uPlot: axes, lines and change markers in the colours of the theme.

import uPlot from "uplot";
import type { Marker } from "../types";

export interface Line {
  label: string;
  values: readonly (number | null)[];
  color: string; // name of a CSS custom property
  dash?: number[]; // so that lines differ without colour
  width?: number;
}

export interface Shape {
  log: boolean;
  seconds: number; // width of the time axis
  unit: (v: number) => string;
}

/** columns is uPlot's form of the data. A log scale has no place for zero, so zero becomes a gap. */
export function columns(t: readonly number[], lines: readonly Line[], log: boolean): uPlot.AlignedData {
  const ys = lines.map((l) => (log ? l.values.map((v) => (v !== null && v > 0 ? v : null)) : [...l.values]));
  return [[...t], ...ys] as uPlot.AlignedData;
}

export function options(
  width: number, height: number, lines: readonly Line[], shape: () => Shape,
  markers: () => readonly Marker[], onCursor: (at: number | null) => void,
): uPlot.Options {
  const css = getComputedStyle(document.documentElement);
  const color = (name: string) => css.getPropertyValue(name).trim();
  const font = `11px ${color("--font")}`;
  const axis: uPlot.Axis = {
    stroke: color("--muted"), font, gap: 4,
    grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--grid"), width: 1, size: 4 },
  };
  return {
    width, height, padding: [10, 26, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "time" }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: (_u, _min, max) => [max - shape().seconds, max] },
      y: shape().log ? { distr: 3, log: 10 } : { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: 28, space: 66, incrs: steps, values: (_u, splits, _a, _s, step) => splits.map((t) => timeLabel(t, step)) },
      { ...axis, size: 60, values: (_u, splits) => splits.map((v) => (v === null ? "" : shape().unit(v))) },
    ],
    series: [
      {},
      ...lines.map((l): uPlot.Series => ({
        label: l.label, stroke: color(l.color), width: l.width ?? 1.5, ...(l.dash ? { dash: l.dash } : {}),
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
      draw: [(u) => drawMarkers(u, markers(), color)],
    },
  };
}

// Finer than uPlot's own between a minute and an hour, so that narrow screens keep a few labels.
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

function timeLabel(t: number, step: number): string {
  const d = new Date(t * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}${step < 60 ? `:${two(d.getSeconds())}` : ""}`;
}

/** drawMarkers puts a line where a change was applied (▼) or undone (△), filled or hollow beside its colour. */
function drawMarkers(u: uPlot, markers: readonly Marker[], color: (name: string) => string): void {
  const { ctx, bbox } = u;
  const r = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = r;
  for (const m of markers) {
    const x = Math.round(u.valToPos(m.t, "x", true));
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
    const applied = m.action === "applied";
    ctx.strokeStyle = ctx.fillStyle = color(applied ? "--good" : "--warn");
    ctx.setLineDash(applied ? [] : [4 * r, 3 * r]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x - 5 * r, bbox.top - 2 * r);
    ctx.lineTo(x + 5 * r, bbox.top - 2 * r);
    ctx.lineTo(x, bbox.top + 6 * r);
    ctx.closePath();
    if (applied) ctx.fill();
    else ctx.stroke();
  }
  ctx.restore();
}
