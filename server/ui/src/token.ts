// The start-up token: taken from the URL fragment once, then kept for this tab only.

import { signal } from "@preact/signals";

const slot = "sqliteperf.token";

export const token = signal("");

/** takeToken splits `token=…` off a URL fragment; the rest is a route as before. */
export function takeToken(hash: string): { token: string; rest: string } {
  const found = /(^#?|[?&])token=([^&]*)/.exec(hash);
  if (!found) return { token: "", rest: hash };
  let rest = hash.slice(0, found.index) + (found[1] === "?" ? "?" : "") + hash.slice(found.index + found[0].length);
  rest = rest.replace("?&", "?").replace(/^#?&/, "#").replace(/[?#]$/, "");
  return { token: unescape(found[2] ?? ""), rest };
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** rescueToken runs before anything else, so that the token leaves the address bar and the history at once. */
export function rescueToken(): void {
  const taken = takeToken(location.hash);
  if (taken.token) {
    history.replaceState(null, "", location.pathname + location.search + taken.rest);
    keepToken(taken.token);
    return;
  }
  try {
    token.value = sessionStorage.getItem(slot) ?? "";
  } catch {
    // Storage is denied in some private modes; the token then lives as long as the page.
  }
}

export function keepToken(text: string): void {
  token.value = text.trim();
  try {
    if (token.value) sessionStorage.setItem(slot, token.value);
    else sessionStorage.removeItem(slot);
  } catch {
    // As above.
  }
}
