// Requests to the server. Every URL is relative to the page, so any prefix works.

import type { Outcome } from "./advice";
import { token } from "./token";

/** Problem is a refusal or a failed request, with the server's own words where it sent any. */
export class Problem extends Error {
  constructor(
    readonly status: number, // 0 when no answer came
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  get denied(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** endpoint resolves a name beside the page: PREFIX/dashboard gives PREFIX/name. */
export function endpoint(name: string): string {
  const page = new URL(location.href);
  page.hash = "";
  page.search = "";
  return new URL(name, page).href;
}

export async function get<T>(name: string, signal?: AbortSignal): Promise<T> {
  return answer<T>(await send(name, { headers: authorization(), signal: signal ?? null }));
}

/** change posts one optimise action. Retrying with the same key cannot change anything twice. */
export async function change(body: { action: string; id: string; plan_hash?: string; actor: string }, key?: string): Promise<Outcome> {
  const headers: Record<string, string> = { ...authorization(), "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  return answer<Outcome>(await send("optimize", { method: "POST", headers, body: JSON.stringify(body) }));
}

function authorization(): Record<string, string> {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

async function send(name: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(endpoint(name), { cache: "no-store", credentials: "same-origin", ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Problem(0, "unreachable", "The server does not answer. Is the service running?");
  }
}

async function answer<T>(response: Response): Promise<T> {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = undefined;
  }
  if (response.ok && body !== undefined) return body as T;
  const said = (body ?? {}) as { title?: string; detail?: string; code?: string };
  const wait = response.headers.get("Retry-After");
  let text = said.detail || said.title || (response.ok ? "The answer is not JSON." : `The server answered ${response.status}.`);
  if (response.status === 429) text += wait ? ` Try again in ${wait} s.` : " Try again in a few seconds.";
  throw new Problem(response.status, said.code ?? "", text);
}

/** newKey is a version 4 UUID; randomUUID exists only in secure contexts, getRandomValues everywhere. */
export function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
