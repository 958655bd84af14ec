import { ago } from "../format";
import { now } from "../state";
import type { Alert, Alerts } from "../types";
import { Badge, LevelBadge } from "./Badge";

/** AlertFeed is the newest alerts in short; the page of alerts has them all. */
export function AlertFeed({ data }: { data: Alerts }) {
  const list = [...data.alerts].sort(order).slice(0, 5);
  return (
    <ul class="feed">
      {list.map((a) => (
        <li key={`${a.code} ${a.subject}`}>
          {a.state === "firing" ? <LevelBadge level={a.level} /> : <Badge tone="good" text="resolved" />}
          <span class="feed-text">{a.title}</span>
          <span class="muted num">{ago((now.value - Date.parse(a.last_seen)) / 1000)}</span>
        </li>
      ))}
    </ul>
  );
}

/** order puts what fires before what is over, and the latest first. */
export function order(a: Alert, b: Alert): number {
  if (a.state !== b.state) return a.state === "firing" ? -1 : 1;
  return b.last_seen.localeCompare(a.last_seen);
}
