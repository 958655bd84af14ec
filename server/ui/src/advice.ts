// A recommendation, its evidence, and what a change answers.

import type { Level } from "./types";

export type State =
  | "proposed" | "proved" | "estimated" | "rejected" | "inconclusive"
  | "applying" | "applied" | "kept" | "undoing" | "undone" | "failed";

export interface Recommendation {
  id: string;
  code: string;
  type: string;
  component: string;
  database: string;
  table: string;
  columns: string[] | null;
  title: string;
  why: string;
  risk: string;
  level: Level;
  state: State;
  basis: string; // replay | experiment | estimate | rule
  applicable: boolean;
  statements: string[] | null;
  undo: string[] | null;
  manual: string;
  plan_hash: string;
  digests: string[] | null;
  facts: Fact[] | null;
  rewrite: Rewrite | null;
  evidence: Evidence | null;
  live: Live | null;
  error: string;
  created: string;
  updated: string;
}

/** Fact is one figure or observation that advice rests on. */
export interface Fact {
  name: string;
  value: number; // 0 if the text says it all
  unit: string;
  text: string;
}

/** Rewrite is what to write instead. */
export interface Rewrite {
  before: string;
  after: string;
  checked: boolean; // both gave the same rows
  speedup: number;
}

export interface Evidence {
  verdict: string; // proved | estimated | rejected | inconclusive
  reasons: string[] | null;
  parameters: string; // captured | trace | drawn
  samples: number;
  shadow_bytes: number;
  took_ms: number;
  queries: Trial[] | null;
  unchanged: number; // other statements whose plans stay as they are
  build_ms: number;
  bytes: number;
  write: Write | null;
}

/** Trial is one statement replayed with and without the change. */
export interface Trial {
  digest: string;
  fingerprint: string;
  role: string; // target | other
  samples: number;
  before: Timing | null;
  after: Timing | null;
  speedup: number;
  speedup_low: number;
  speedup_high: number;
  same_rows: boolean;
  rows: number;
  plan_before: string[] | null;
  plan_after: string[] | null;
  verdict: string;
}

export interface Timing {
  p50_ms: number;
  p50_low_ms: number;
  p50_high_ms: number;
  p95_ms: number;
  p95_low_ms: number;
  p95_high_ms: number;
}

export interface Write {
  source: string; // captured | synthetic | none
  statement: string;
  before_us: number;
  after_us: number;
  added_us: number;
}

export interface Live {
  applied_at: string;
  before_p95_ms: number | null;
  after_p95_ms: number | null;
  before_calls: number;
  after_calls: number;
  watch: Watch | null; // null before the first look
}

/** Watch is how far watching an applied change has come, and in the end what was decided. */
export interface Watch {
  verdict: string; // watching | kept | undone
  reason: string;
  baseline: string;
  looks: number;
  next: string;
  until: string;
  slot_seconds: number;
  controls: number;
  suspect: boolean;
  statements: Watched[] | null;
}

/** Watched is one statement that a change touches, before and after it. */
export interface Watched {
  digest: string;
  fingerprint: string;
  role: string; // target | other | write
  calls_before: number;
  calls_after: number;
  p50_before_ms: number;
  p50_after_ms: number;
  p95_before_ms: number;
  p95_after_ms: number;
  ratio: number; // 0 if unknown
  p: number;
  verdict: string; // faster | same | slower | too little traffic
}

export interface Advice {
  generated: string;
  analysis: {
    running: boolean;
    phase: string;
    last: string | null;
    statements: number;
    skipped: { digest: string; fingerprint: string; reason: string }[] | null;
  };
  recommendations: Recommendation[];
}

/** Outcome is the answer to review, apply and undo. */
export interface Outcome {
  id: string;
  action: string;
  state: State;
  plan_hash: string;
  statements?: string[] | null;
  undo?: string[] | null;
  locks?: string;
  expected_ms?: number;
  took_ms?: number;
}
