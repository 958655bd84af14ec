// What the page shows is its URL hash: #/page?range=15m&q=digest&rec=id&type=index&filter=text&paused=1.

export const pages = ["overview", "recommendations", "alerts", "audit"] as const;
export type Page = (typeof pages)[number];

export const ranges = ["1m", "5m", "15m", "1h", "6h", "24h"] as const;
export type Theme = "" | "light" | "dark"; // "" follows the system

export interface Route {
  page: Page;
  range: string;
  query: string;
  rec: string;
  type: string; // of the recommendations listed, "" for all
  filter: string;
  paused: boolean;
  theme: Theme;
}

export const home: Route = { page: "overview", range: "5m", query: "", rec: "", type: "", filter: "", paused: false, theme: "" };

/** parse never fails: what it does not know falls back to home. */
export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const params = new URLSearchParams(search);
  const page = pages.find((p) => p === path) ?? home.page;
  const range = params.get("range") ?? "";
  const theme = params.get("theme");
  return {
    page,
    range: validRange(range) ? range : home.range,
    query: params.get("q") ?? "",
    rec: params.get("rec") ?? "",
    type: params.get("type") ?? "",
    filter: params.get("filter") ?? "",
    paused: params.get("paused") === "1",
    theme: theme === "light" || theme === "dark" ? theme : "",
  };
}

/** format is the inverse of parse and leaves out what is as at home. */
export function format(r: Route): string {
  const params = new URLSearchParams();
  if (r.range !== home.range) params.set("range", r.range);
  if (r.query) params.set("q", r.query);
  if (r.rec) params.set("rec", r.rec);
  if (r.type) params.set("type", r.type);
  if (r.filter) params.set("filter", r.filter);
  if (r.paused) params.set("paused", "1");
  if (r.theme) params.set("theme", r.theme);
  const search = params.toString();
  return `#/${r.page}${search ? `?${search}` : ""}`;
}

/** validRange takes Go durations of seconds, minutes and hours, such as 90s or 1h30m. */
export function validRange(text: string): boolean {
  return text.length <= 16 && /^(\d+(\.\d+)?[smh])+$/.test(text);
}

/** shiftRange moves to the next shorter (-1) or longer (+1) range and stops at the ends. */
export function shiftRange(range: string, by: -1 | 1): string {
  const at = ranges.findIndex((r) => r === range);
  if (at < 0) return home.range;
  return ranges[Math.min(ranges.length - 1, Math.max(0, at + by))]!;
}
