// Numbers and times as text: three significant digits, a narrow no-break space before the unit.

const gap = "\u202f";
export const none = "–";

function digits(x: number): string {
  const a = Math.abs(x);
  if (a >= 1000) return group(Math.round(x));
  if (a >= 100) return x.toFixed(0);
  if (a >= 10) return trim(x.toFixed(1));
  if (a >= 1 || a === 0) return trim(x.toFixed(2));
  return trim(x.toPrecision(2));
}

const trim = (s: string): string => (s.includes(".") && !s.includes("e") ? s.replace(/\.?0+$/, "") : s);
const group = (x: number): string => String(x).replace(/\B(?=(\d{3})+$)/g, gap);
const known = (x: number | null | undefined): x is number => typeof x === "number" && Number.isFinite(x);

export function duration(ms: number | null | undefined): string {
  if (!known(ms)) return none;
  const a = Math.abs(ms);
  if (a === 0) return `0${gap}ms`;
  if (a < 0.001) return `${digits(ms * 1e6)}${gap}ns`;
  if (a < 1) return `${digits(ms * 1000)}${gap}µs`;
  if (a < 1000) return `${digits(ms)}${gap}ms`;
  if (a < 60_000) return `${digits(ms / 1000)}${gap}s`;
  if (a < 3_600_000) return `${digits(ms / 60_000)}${gap}min`;
  return `${digits(ms / 3_600_000)}${gap}h`;
}

/** count is exact below ten thousand and then 12.3 k, 4.5 M, 6 G. */
export function count(x: number | null | undefined): string {
  if (!known(x)) return none;
  const a = Math.abs(x);
  if (a < 10_000) return Number.isInteger(x) ? group(x) : digits(x);
  if (a < 1e6) return `${digits(x / 1e3)}${gap}k`;
  if (a < 1e9) return `${digits(x / 1e6)}${gap}M`;
  return `${digits(x / 1e9)}${gap}G`;
}

export function bytes(x: number | null | undefined): string {
  if (!known(x)) return none;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; Math.abs(x) >= 1024 && at < units.length - 1; at++) x /= 1024;
  return `${digits(x)}${gap}${units[at]}`;
}

export function percent(fraction: number | null | undefined): string {
  if (!known(fraction)) return none;
  const p = fraction * 100;
  if (p > 0 && p < 0.1) return `<${gap}0.1${gap}%`;
  return `${p >= 10 ? p.toFixed(0) : trim(p.toFixed(1))}${gap}%`;
}

export function factor(x: number | null | undefined): string {
  return known(x) ? `${digits(x)}×` : none;
}

/** measure prints a value in the unit an alert names. */
export function measure(x: number, unit: string): string {
  if (unit === "s") return duration(x * 1000);
  if (unit === "ms") return duration(x);
  if (unit === "bytes" || unit === "B") return bytes(x);
  if (unit === "ratio") return percent(x);
  if (unit === "%") return percent(x / 100);
  return unit ? `${count(x)}${gap}${unit}` : count(x);
}

/** figure prints the value of a fact: its unit may be a share, a rate or a factor in words. */
export function figure(x: number, unit: string): string {
  if (/^of \d/.test(unit)) return `${count(x)} ${unit}`;
  if (unit.startsWith("of ")) return `${percent(x)} ${unit}`;
  if (unit === "times" || unit.startsWith("times ")) return factor(x) + unit.slice(5);
  if (unit === "µs") return duration(x / 1000);
  if (unit.startsWith("bytes ")) return bytes(x) + unit.slice(5);
  return measure(x, x === 1 ? unit.replace(/^([a-z]+[^s])s$/, "$1") : unit);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** clock is local time of day; the date joins it when it is not today's. */
export function clock(time: string | number | null | undefined, now = new Date()): string {
  const d = typeof time === "number" ? new Date(time * 1000) : new Date(time ?? NaN);
  if (Number.isNaN(d.getTime())) return none;
  const day = d.toDateString() === now.toDateString() ? "" : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `;
  return `${day}${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function ago(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))}${gap}s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}${gap}min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)}${gap}h ago`;
  return `${Math.round(seconds / 86_400)}${gap}d ago`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** cut keeps the first 2 KB, whole characters only, and says whether anything is missing. */
export function cut(text: string, most = 2048): { text: string; rest: number } {
  if (text.length <= most) return { text, rest: 0 };
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most;
  return { text: text.slice(0, end), rest: text.length - end };
}
