import type { ComponentChildren } from "preact";

export interface Column<T> {
  head: string;
  hint?: string; // what the numbers mean, where the heading is too short to say
  num?: boolean;
  class?: string;
  cell: (row: T) => ComponentChildren;
}

interface Props<T> {
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  id: (row: T, at: number) => string;
  selected?: string;
  detail?: (row: T) => ComponentChildren; // a full-width row under the selected one
}

/** Table scrolls sideways by itself on narrow screens, reachable by keyboard. */
export function Table<T>({ caption, columns, rows, id, selected, detail }: Props<T>) {
  return (
    <div class="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>{columns.map((c) => <th key={c.head} scope="col" class={kind(c)} title={c.hint}>{c.head}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row, at) => {
            const key = id(row, at);
            const open = key !== "" && key === selected;
            return [
              <tr key={key} class={open ? "open" : undefined}>
                {columns.map((c) => <td key={c.head} class={kind(c)}>{c.cell(row)}</td>)}
              </tr>,
              open && detail && <tr key={`${key}+`} class="detail-row"><td colSpan={columns.length}>{detail(row)}</td></tr>,
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}

const kind = <T,>(c: Column<T>): string | undefined => [c.num && "num", c.class].filter(Boolean).join(" ") || undefined;

/** Share is a fraction as a bar and a number. */
export function Share({ of, text }: { of: number; text: string }) {
  const width = `${Math.min(100, Math.max(0, (of || 0) * 100))}%`;
  return (
    <span class="share">
      <svg class="share-bar" aria-hidden="true"><rect class="track" width="100%" height="100%" rx="2" /><rect class="fill" width={width} height="100%" rx="2" /></svg>
      <span>{text}</span>
    </span>
  );
}

/** Percentile marks values that stand on fewer than twenty calls. */
export function Percentile({ text, calls }: { text: string; calls: number }) {
  if (calls >= 20) return <>{text}</>;
  return <span class="few-value" title={`${calls} calls: too few for a percentile`}>~{text}</span>;
}
