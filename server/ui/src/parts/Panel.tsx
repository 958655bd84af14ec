import type { ComponentChildren } from "preact";
import { Problem } from "../api";
import { ago, clock } from "../format";
import { active, link, now, type Resource } from "../state";
import { Boundary } from "./Boundary";
import { TokenForm } from "./TokenForm";

const staleAfter = 10_000; // ms; two missed polls

export interface Empty {
  text: string;
  code?: string; // the line of Go that brings data
}

interface Props<T> {
  title: string;
  of: Resource<T>;
  empty?: (data: T) => Empty | null;
  note?: ComponentChildren; // beside the title
  class?: string;
  testid?: string;
  children: (data: T) => ComponentChildren;
}

/** Panel draws one resource in whichever state it is: loading, failed, denied, empty, stale or fresh. */
export function Panel<T>(props: Props<T>) {
  const id = `panel-${props.title.toLowerCase().replace(/\W+/g, "-")}`;
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id} data-testid={props.testid}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        <div class="panel-note">{props.note}<Stale of={props.of} /></div>
      </header>
      <Boundary><Body {...props} /></Boundary>
    </section>
  );
}

function Body<T>({ of, empty, children }: Props<T>) {
  const data = of.data.value;
  const error = of.error.value;
  if (data === null) return error ? <Failed error={error} of={of} /> : <Loading />;
  const nothing = empty?.(data);
  return (
    <>
      {error && <Failed error={error} of={of} since={of.at.value} />}
      {nothing ? <Nothing {...nothing} /> : children(data)}
    </>
  );
}

export function Loading() {
  return (
    <div class="state state-loading" role="status">
      <span class="visually-hidden">Loading</span>
      <i class="bone" /><i class="bone" /><i class="bone" />
    </div>
  );
}

export function Nothing({ text, code }: Empty) {
  return (
    <div class="state state-empty">
      <p>{text}</p>
      {code && <pre class="code" tabIndex={0}><code>{code}</code></pre>}
    </div>
  );
}

function Failed<T>({ error, of, since }: { error: Problem; of: Resource<T>; since?: number }) {
  return (
    <div class="state state-error" role="alert">
      <p>
        <strong>{error.denied ? "Not allowed." : "No answer."}</strong> {error.message}
        {since ? ` Shown: the answer of ${clock(since / 1000)}.` : ""}
      </p>
      {error.denied && <TokenForm onDone={() => void of.load()} />}
      <button type="button" onClick={() => void of.load()}>Retry</button>
    </div>
  );
}

function Stale<T>({ of }: { of: Resource<T> }) {
  const at = of.at.value;
  const kept = of.pushed && link.value === "open";
  if (!active.value || at === 0 || kept || now.value - at <= staleAfter) return null;
  return <span class="badge badge-warn" role="status"><b aria-hidden="true">◷</b> stale, {ago((now.value - at) / 1000)}</span>;
}

/** TooFew warns where percentiles stand on fewer than twenty values. */
export function TooFew({ n, of }: { n: number; of: string }) {
  if (n >= 20 || n === 0) return null;
  return <p class="few">Only {n} {of} in this range: percentiles mean little below 20.</p>;
}
