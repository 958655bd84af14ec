import { helpOpen, togglePause } from "../keys";
import { format, pages, ranges, type Page } from "../route";
import { firing, go, link, route, waiting } from "../state";
import { theme, toggleTheme } from "../theme";

const titles: Record<Page, string> = { overview: "Overview", recommendations: "Recommendations", alerts: "Alerts", audit: "Audit" };

export function Header() {
  return (
    <header class="top">
      <div class="brand"><i class="mark" aria-hidden="true" /><h1>sqliteperf</h1></div>
      <Nav />
      <div class="tools">
        <Filter />
        <Ranges />
        <Status />
        <div class="row tight">
          <button type="button" class="icon" aria-pressed={route.value.paused} aria-label="Pause" title="Pause (Space)" onClick={togglePause}>
            <span aria-hidden="true">{route.value.paused ? "▶" : "❚❚"}</span>
          </button>
          <button type="button" class="icon" aria-label={`Use the ${theme.value === "dark" ? "light" : "dark"} theme`} title="Light or dark" onClick={toggleTheme}>
            <span aria-hidden="true">◐</span>
          </button>
          <button type="button" class="icon" aria-label="Keyboard help" title="Help (?)" onClick={() => (helpOpen.value = true)}>
            <span aria-hidden="true">?</span>
          </button>
        </div>
      </div>
    </header>
  );
}

function Nav() {
  const badge: Partial<Record<Page, [number, string]>> = { recommendations: [waiting.value, "ready"], alerts: [firing.value, "firing"] };
  return (
    <nav class="pages" aria-label="Pages">
      {pages.map((p) => {
        const [n, word] = badge[p] ?? [0, ""];
        return (
          <a key={p} href={format({ ...route.value, page: p })} aria-current={route.value.page === p ? "page" : undefined}>
            {titles[p]}{n > 0 && <span class="count">{n}<span class="visually-hidden"> {word}</span></span>}
          </a>
        );
      })}
    </nav>
  );
}

function Filter() {
  return (
    <search>
      <label class="visually-hidden" for="filter">Filter</label>
      <input id="filter" type="search" placeholder="Filter  /" spellcheck={false} autocomplete="off"
        value={route.value.filter} onInput={(e) => go({ filter: e.currentTarget.value })} />
    </search>
  );
}

function Ranges() {
  const { range } = route.value;
  const shown = ranges.some((r) => r === range) ? ranges : [range, ...ranges];
  return (
    <div class="ranges" role="group" aria-label="Range">
      {shown.map((r) => (
        <button key={r} type="button" aria-pressed={r === range} onClick={() => go({ range: r })}>{r}</button>
      ))}
    </div>
  );
}

const words = { open: ["●", "live"], connecting: ["○", "connecting"], lost: ["◌", "reconnecting"], closed: ["○", "closed"] } as const;

function Status() {
  const [sign, word] = route.value.paused ? ["❚❚", "paused"] : words[link.value];
  return <span class={`status status-${word}`} role="status"><b aria-hidden="true">{sign}</b> {word}</span>;
}
