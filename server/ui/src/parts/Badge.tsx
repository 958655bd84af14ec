// Small words with a sign each, so that colour never says anything alone.

import type { State } from "../advice";
import type { Level } from "../types";
import { typeLabel } from "../words";

type Tone = "good" | "warn" | "bad" | "info" | "plain";

const signs: Record<Tone, string> = { good: "✓", warn: "!", bad: "✕", info: "i", plain: "·" };

export function Badge({ tone, text, testid }: { tone: Tone; text: string; testid?: string }) {
  return <span class={`badge badge-${tone}`} data-testid={testid}><b aria-hidden="true">{signs[tone]}</b> {text}</span>;
}

/** TypeTag says what kind of advice it is: index, query, pool and so on. */
export function TypeTag({ type }: { type: string }) {
  return <span class="tag">{typeLabel(type)}</span>;
}

const levels: Record<string, Tone> = { info: "info", warning: "warn", critical: "bad", emergency: "bad" };

export function LevelBadge({ level }: { level: Level }) {
  return <Badge tone={levels[level] ?? "plain"} text={level} />;
}

const states: Record<State, Tone> = {
  proposed: "info", proved: "good", estimated: "info", rejected: "bad", inconclusive: "warn",
  applying: "info", applied: "good", kept: "good", undoing: "info", undone: "plain", failed: "bad",
};

export function StateBadge({ state, testid }: { state: State; testid?: string }) {
  return <Badge tone={states[state] ?? "plain"} text={state} {...(testid ? { testid } : {})} />;
}

const verdicts: Record<string, Tone> = {
  proved: "good", estimated: "info", faster: "good", "too little traffic": "plain", same: "plain", slower: "bad", rejected: "bad", inconclusive: "warn", "unchanged plan": "plain",
};

export function VerdictBadge({ verdict }: { verdict: string }) {
  return <Badge tone={verdicts[verdict] ?? "plain"} text={verdict} />;
}
