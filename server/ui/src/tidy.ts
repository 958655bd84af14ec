// An empty list may arrive as null; from here on it is a list.

import type { Advice } from "./advice";
import { emptySeries } from "./series";
import type { Alerts, Audit, Stats } from "./types";

export function tidyStats(s: Stats): Stats {
  const series = { ...emptySeries(), ...withoutNulls(s.series) };
  return {
    ...s, series, queries: s.queries ?? [], requests: s.requests ?? [], databases: s.databases ?? [], markers: s.markers ?? [],
  };
}

export const tidyAdvice = (a: Advice): Advice => ({ ...a, recommendations: a.recommendations ?? [] });
export const tidyAlerts = (a: Alerts): Alerts => ({ ...a, alerts: a.alerts ?? [] });
export const tidyAudit = (a: Audit): Audit => ({ ...a, entries: a.entries ?? [] });

function withoutNulls<T extends object>(of: T | null | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(of ?? {}).filter(([, v]) => v !== null)) as Partial<T>;
}
