// Light or dark: the URL first (a link shows what its sender saw), then this browser, then the system.

import { computed, effect, signal } from "@preact/signals";
import type { Theme } from "./route";
import { go, route } from "./state";

const slot = "sqliteperf.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const prefersDark = signal(system.matches);
const remembered = signal<Theme>(recall());

export const theme = computed<"light" | "dark">(() =>
  route.value.theme || remembered.value || (prefersDark.value ? "dark" : "light"));

export function applyTheme(): void {
  system.addEventListener("change", (e) => (prefersDark.value = e.matches));
  effect(() => document.documentElement.setAttribute("data-theme", theme.value));
}

export function toggleTheme(): void {
  const next = theme.peek() === "dark" ? "light" : "dark";
  remembered.value = next;
  try {
    localStorage.setItem(slot, next);
  } catch {
    // Without storage the URL alone carries the choice.
  }
  go({ theme: next });
}

function recall(): Theme {
  try {
    const kept = localStorage.getItem(slot);
    return kept === "light" || kept === "dark" ? kept : "";
  } catch {
    return "";
  }
}
