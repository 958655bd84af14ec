import { render } from "preact";
import "./style/all.css";
import { listen } from "./keys";
import { App } from "./parts/App";
import { parse } from "./route";
import { route, visible, waiting } from "./state";
import { follow } from "./stream";
import { applyTheme } from "./theme";
import { rescueToken } from "./token";
import { effect } from "@preact/signals";

function readHash(): void {
  rescueToken();
  route.value = parse(location.hash);
}

readHash();
applyTheme();
addEventListener("hashchange", readHash);
addEventListener("popstate", readHash);
document.addEventListener("visibilitychange", () => (visible.value = !document.hidden));
listen();
effect(() => {
  document.title = waiting.value > 0 ? `(${waiting.value}) sqliteperf` : "sqliteperf";
});
render(<App />, document.getElementById("app")!);
follow();
