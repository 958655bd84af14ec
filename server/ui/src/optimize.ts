// One change under way: review, apply, undo, and what stands in between.

import { signal } from "@preact/signals";
import type { Outcome, Recommendation, State } from "./advice";
import { change, newKey, Problem } from "./api";
import { plural } from "./format";
import { withOutcome } from "./reduce";
import { advice, tell } from "./state";
import { token } from "./token";

export type Action = "review" | "apply" | "undo";

/** made are the states in which the change is in the database. */
export const made: State[] = ["applied", "kept"];

export const reviewable: State[] = ["proposed", "proved", "estimated", "undone", "failed"];

/** createFlow holds the steps for one recommendation; the component that shows it makes it anew per id. */
export function createFlow(id: string) {
  const reviewed = signal<Outcome | null>(null);
  const busy = signal<Action | null>(null);
  const refused = signal("");
  const wantsToken = signal<Action | null>(null);
  const keys = new Map<string, string>();

  // A repeat after a lost answer carries the same key, so the server can tell it from a second wish.
  const keyFor = (action: Action, hash: string): string => {
    const slot = `${action} ${hash}`;
    if (!keys.has(slot)) keys.set(slot, newKey());
    return keys.get(slot)!;
  };

  async function run(action: Action, rec: Recommendation, bare = false): Promise<void> {
    if (busy.peek()) return;
    refused.value = "";
    if (!token.peek() && !bare && action !== "review") return void (wantsToken.value = action);
    wantsToken.value = null;
    busy.value = action;
    const hash = action === "apply" ? (reviewed.peek()?.plan_hash ?? rec.plan_hash) : rec.plan_hash;
    try {
      const out = await (action === "review"
        ? change({ action, id, actor: "dashboard" })
        : change({ action, id, plan_hash: hash, actor: "dashboard" }, keyFor(action, hash)));
      settle(action, hash, out);
    } catch (e) {
      fail(action, hash, e instanceof Problem ? e : new Problem(0, "", String(e)));
    } finally {
      busy.value = null;
    }
  }

  function settle(action: Action, hash: string, out: Outcome): void {
    keys.delete(`${action} ${hash}`);
    reviewed.value = action === "review" ? out : null;
    if (advice.data.peek()) advice.data.value = withOutcome(advice.data.peek()!, id, out);
    if (action === "review") return;
    tell(action === "apply" ? `Change ${out.state}` : "Change undone");
    void advice.load();
  }

  function fail(action: Action, hash: string, problem: Problem): void {
    if (problem.status !== 0) keys.delete(`${action} ${hash}`);
    refused.value = problem.message;
    if (problem.denied) wantsToken.value = action;
    if (problem.status === 409) {
      if (problem.code === "stale_plan") reviewed.value = null;
      void advice.load();
    }
  }

  return { reviewed, busy, refused, wantsToken, run };
}

export type Flow = ReturnType<typeof createFlow>;

/** applyLabel says what the button will do, in words. */
export function applyLabel(statements: number): string {
  return `Apply ${plural(statements, "statement")}`;
}
