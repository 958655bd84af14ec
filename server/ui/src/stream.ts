// The one event stream of this tab, and the polling that stands in where events do not reach.

import { effect, untracked } from "@preact/signals";
import type { Recommendation } from "./advice";
import { endpoint } from "./api";
import { withAlert, withMarker, withRecommendation } from "./reduce";
import { keepSample } from "./series";
import { abortAll, active, advice, alerts, audit, job, lateMarkers, link, live, now, route, stats, tell, type Resource } from "./state";
import type { Alert, Job, Marker, Sample } from "./types";

const pollEvery = 5000; // ms; the tables' rhythm, well below the server's 20 reads a second
const idleEvery = 6; // polls between reloads of what the stream keeps fresh
const reopenAfter = 10_000; // ms; after an HTTP refusal (such as 503, too many streams) EventSource gives up for good

let source: EventSource | undefined;
let reopening: ReturnType<typeof setTimeout> | undefined;

/** follow ties the network to the page's visibility and its pause button; it runs for the page's life. */
export function follow(): void {
  let beats = 0;
  setInterval(() => (now.value = Date.now()), 1000);
  setInterval(() => active.peek() && poll(++beats), pollEvery);
  effect(() => {
    if (active.value) untracked(resume);
    else untracked(suspend);
  });
  effect(() => {
    void route.value.range;
    untracked(() => {
      if (stats.at.peek() === 0) return;
      if (active.peek()) void stats.load();
      else if (route.peek().paused) tell("Paused: the new range is loaded when you resume");
    });
  });
  effect(() => {
    if (route.value.page === "audit") untracked(() => active.peek() && void audit.load());
  });
}

function poll(beat: number): void {
  void stats.load();
  if (route.peek().page === "audit") void audit.load();
  if (link.peek() === "open" && beat % idleEvery !== 0) return;
  void advice.load();
  void alerts.load();
}

/** refetch is for the times when events were missed: at the start, after a pause and on `gap`. */
export function refetch(): void {
  for (const r of [stats, advice, alerts]) void r.load();
  if (route.peek().page === "audit") void audit.load();
}

function resume(): void {
  refetch();
  open();
}

function suspend(): void {
  close();
  abortAll();
  job.value = null; // its end would be missed
  link.value = "closed";
}

function close(): void {
  clearTimeout(reopening);
  source?.close();
  source = undefined;
}

function open(): void {
  close();
  link.value = "connecting";
  const es = (source = new EventSource(endpoint("stream")));
  es.onopen = () => {
    if (link.peek() === "lost") {
      job.value = null;
      refetch();
    }
    link.value = "open";
  };
  es.onerror = () => {
    link.value = "lost";
    if (es.readyState === EventSource.CLOSED) reopening = setTimeout(open, reopenAfter);
  };
  // The event `queries` is left to others: shares need the whole range, which polling brings.
  on<Sample>(es, "sample", (s) => (live.value = keepSample(live.peek(), s)));
  on<Recommendation>(es, "recommendation", (r) => {
    if (advice.data.peek()) advice.data.value = withRecommendation(advice.data.peek()!, r);
    else void advice.load();
    touch(advice);
  });
  on<Alert>(es, "alert", (a) => {
    const have = alerts.data.peek();
    if (have) alerts.data.value = { ...have, alerts: withAlert(have.alerts, a) };
    touch(alerts);
  });
  on<Job>(es, "job", (j) => {
    job.value = j.phase === "done" ? null : j;
    if (j.phase === "done") void advice.load();
  });
  on<Marker>(es, "applied", (m) => {
    lateMarkers.value = withMarker(lateMarkers.peek(), m);
    void advice.load();
  });
  on(es, "gap", refetch);
}

function touch<T>(r: Resource<T>): void {
  if (r.data.peek()) r.at.value = Date.now();
}

function on<T>(es: EventSource, name: string, then: (body: T) => void): void {
  es.addEventListener(name, (event) => {
    if (es !== source) return;
    try {
      then(JSON.parse((event as MessageEvent<string>).data) as T);
    } catch {
      refetch(); // an event that cannot be read is an event missed
    }
  });
}
