import { count, duration } from "../format";
import { format } from "../route";
import { advice, alerts, markers, route, series, stats } from "../state";
import type { Series, Stats } from "../types";
import { AlertFeed } from "../parts/AlertFeed";
import { Chart } from "../parts/Chart";
import { Tiles, VerdictStrip } from "../parts/Overviews";
import { Panel, TooFew } from "../parts/Panel";
import type { Line } from "../parts/plot";
import { Routes } from "../parts/Routes";
import { TopQueries } from "../parts/TopQueries";
import { TopRec } from "../parts/TopRec";

const openLine = 'db, err := sql.Open("sqlite-perf", "file:app.db") // was "sqlite"';
const echoLine = "e.Use(middleware.Echo()) // or middleware.HTTP(handler)";
const advisorLine = "adv, err := advisor.Open(advisor.Config{})";

const quiet = (s: Stats) => (s.totals.queries === 0 && s.capture.recorded === 0
  ? { text: "No statement has been captured. Open the database with the capturing driver:", code: openLine }
  : null);
const idle = (s: Stats) => quiet(s) ?? (s.totals.queries === 0 ? { text: "No statement in this range. Choose a longer one with ]." } : null);

export function Overview() {
  return (
    <>
      <VerdictStrip />
      <Panel title="Now" of={stats} class="bare">{(s) => <Tiles data={s} />}</Panel>
      <div class="grid">
        <Panel title="Latency" of={stats} class="col-8" empty={idle} note="logarithmic">
          {(s) => <><Latency seconds={s.range.seconds} /><TooFew n={s.totals.queries} of="statements" /></>}
        </Panel>
        <Panel title="Top recommendation" of={advice} class="col-4"
          empty={(d) => (d.recommendations.length || d.analysis.last ? null : { text: "No analysis yet.", code: advisorLine })}>
          {(d) => <TopRec data={d} />}
        </Panel>
        <Panel title="Throughput" of={stats} class="col-8" empty={idle} note="per second">
          {(s) => <Throughput seconds={s.range.seconds} />}
        </Panel>
        <Panel title="Alert feed" of={alerts} class="col-4" note={<a href={format({ ...route.value, page: "alerts" })}>all</a>}
          empty={(d) => (d.alerts.length ? null : { text: "No alert so far." })}>
          {(d) => <AlertFeed data={d} />}
        </Panel>
        <Panel title="Top queries" of={stats} class="col-12" testid="top-queries" empty={idle} note="by total time">
          {(s) => <TopQueries data={s} />}
        </Panel>
        <Panel title="Routes" of={stats} class="col-12" note="by time"
          empty={(s) => (s.requests?.length ? null : { text: "No request in this range. Statements find their route when the middleware runs:", code: echoLine })}>
          {(s) => <Routes data={s} />}
        </Panel>
      </div>
    </>
  );
}

const latencyLines = (s: Series): Line[] => [
  { label: "p50", values: s.p50_ms, color: "--series-1", width: 1.5 },
  { label: "p95", values: s.p95_ms, color: "--series-2", width: 2.2 },
  { label: "p99", values: s.p99_ms, color: "--series-3", width: 1.5, dash: [5, 3] },
];

function Latency({ seconds }: { seconds: number }) {
  const s = series.value;
  return <Chart name="Latency" t={s.t} lines={latencyLines(s)} seconds={seconds} unit={duration} log markers={markers.value} />;
}

const throughputLines = (s: Series): Line[] => [
  { label: "queries/s", values: s.queries_per_second, color: "--series-2", width: 2 },
  { label: "writes/s", values: s.writes_per_second, color: "--series-3", width: 1.5, dash: [5, 3] },
  { label: "requests/s", values: s.requests_per_second, color: "--series-1", width: 1.5 },
];

function Throughput({ seconds }: { seconds: number }) {
  const s = series.value;
  return <Chart name="Throughput" t={s.t} lines={throughputLines(s)} seconds={seconds} unit={count} height={150} markers={markers.value} />;
}
