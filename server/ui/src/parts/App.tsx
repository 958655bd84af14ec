import { Alerts } from "../pages/Alerts";
import { Audit } from "../pages/Audit";
import { Overview } from "../pages/Overview";
import { Recommendations } from "../pages/Recommendations";
import type { Page } from "../route";
import { notice, route } from "../state";
import { Boundary } from "./Boundary";
import { Header } from "./Header";
import { Help } from "./Help";

const views: Record<Page, () => preact.JSX.Element> = {
  overview: Overview, recommendations: Recommendations, alerts: Alerts, audit: Audit,
};

export function App() {
  const { page } = route.value;
  const View = views[page];
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <Header />
      <main id="main" tabIndex={-1}><Boundary key={page}><View /></Boundary></main>
      <div class="notice" role="status" aria-live="polite">{notice.value && <span>{notice.value}</span>}</div>
      <Help />
    </>
  );
}

/** skip moves the focus itself: the hash belongs to the route. */
function skip(e: Event): void {
  e.preventDefault();
  document.getElementById("main")?.focus();
}
