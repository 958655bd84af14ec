// The keyboard. Single keys can be switched off in the help, as WCAG 2.1.4 asks.

import { signal } from "@preact/signals";
import { neighbour } from "./reduce";
import { shiftRange, type Page } from "./route";
import { go, inboxIds, route, tell } from "./state";

export const helpOpen = signal(false);
export const keysOn = signal(recall());

export const help: [keys: string, does: string][] = [
  ["g o", "Overview"],
  ["g r", "Recommendations"],
  ["g a", "Alerts"],
  ["g u", "Audit"],
  ["j  k", "Next, previous recommendation"],
  ["/", "Filter"],
  ["Space", "Pause and resume (paused: no requests at all)"],
  ["[  ]", "Shorter, longer range"],
  ["y", "Copy a link to this view"],
  ["Esc", "Leave the filter, close what is open"],
  ["?", "This help"],
];

const goTo: Record<string, Page> = { o: "overview", r: "recommendations", a: "alerts", u: "audit" };
const slot = "sqliteperf.keys";
let gAt = -Infinity; // when g was pressed, ms of the page's clock

export function listen(): void {
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const el = e.target instanceof Element ? e.target : document.body;
    if (el.closest("input, textarea, select")) {
      if (e.key === "Escape") (el as HTMLElement).blur();
      return;
    }
    if (e.key === "Escape" && !helpOpen.peek()) return go({ query: "", rec: "" });
    if (!keysOn.peek() || helpOpen.peek()) return;
    // Space belongs to whatever control has the focus.
    if (e.key === " " && el.closest("button, summary, [role=region]")) return;
    if (press(e.key, e.timeStamp)) e.preventDefault();
  });
}

/** press does what a key means and says whether it means anything. */
function press(key: string, at: number): boolean {
  const page = at - gAt < 1500 ? goTo[key] : undefined;
  gAt = key === "g" ? at : -Infinity;
  if (page) return go({ page }, true), true;
  switch (key) {
    case "?": return (helpOpen.value = true);
    case "/": return focusFilter();
    case " ": return togglePause(), true;
    case "[": return go({ range: shiftRange(route.peek().range, -1) }), true;
    case "]": return go({ range: shiftRange(route.peek().range, 1) }), true;
    case "y": return void copyLink(), true;
    case "j": return step(1);
    case "k": return step(-1);
    default: return key === "g";
  }
}

function step(by: 1 | -1): boolean {
  const ids = inboxIds.peek();
  const { page, rec } = route.peek();
  // The page shows the first one while none is chosen, so a step starts from there.
  const next = page === "recommendations" ? neighbour(ids, rec || (ids[0] ?? ""), by) : rec || ids[0];
  if (next) go({ page: "recommendations", rec: next }, page !== "recommendations");
  return true;
}

function focusFilter(): boolean {
  const field = document.getElementById("filter");
  if (field instanceof HTMLInputElement) field.focus(), field.select();
  return true;
}

export function togglePause(): void {
  go({ paused: !route.peek().paused });
  tell(route.peek().paused ? "Paused: no requests until you resume" : "Live again");
}

export async function copyLink(): Promise<void> {
  tell((await copy(location.href)) ? "Link copied" : "The browser did not allow copying; the address bar has the link");
}

/** copy reports whether the clipboard took the text; it exists only in secure contexts. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function setKeys(on: boolean): void {
  keysOn.value = on;
  try {
    localStorage.setItem(slot, on ? "on" : "off");
  } catch {
    // The choice then lasts as long as the page.
  }
}

function recall(): boolean {
  try {
    return localStorage.getItem(slot) !== "off";
  } catch {
    return true;
  }
}
