import type { ComponentChildren } from "preact";
import { extent } from "../series";

interface Props {
  label: string;
  value: string;
  sub?: ComponentChildren;
  spark?: readonly (number | null)[];
  tone?: "bad" | "warn";
  testid?: string;
}

/** Tile is one number with its recent course. */
export function Tile({ label, value, sub, spark, tone, testid }: Props) {
  return (
    <div class={`tile ${tone ? `tile-${tone}` : ""}`} data-testid={testid}>
      <div class="tile-label">{label}{tone && <b class="tile-sign" aria-label="needs attention" role="img">!</b>}</div>
      <div class="tile-value">{value}</div>
      <div class="tile-sub">{sub}</div>
      {spark && <Spark values={spark} />}
    </div>
  );
}

const width = 120;
const height = 26;

/** Spark is decoration beside a number that is read out; it hides from assistive technology. */
function Spark({ values }: { values: readonly (number | null)[] }) {
  const range = extent(values);
  if (!range || values.length < 2) return <svg class="spark" aria-hidden="true" />;
  const low = Math.min(0, range[0]);
  const span = range[1] - low || 1;
  const points: string[] = [];
  values.forEach((v, i) => {
    if (v === null) return;
    const x = (i / (values.length - 1)) * width;
    const y = height - 2 - ((v - low) / span) * (height - 4);
    points.push(`${x.toFixed(1)},${y.toFixed(1)}`);
  });
  const ends = [points[0]!.split(",")[0], points[points.length - 1]!.split(",")[0]];
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon class="spark-area" points={`${ends[0]},${height} ${points.join(" ")} ${ends[1]},${height}`} />
      <polyline class="spark-line" points={points.join(" ")} />
    </svg>
  );
}
