import { useSignal } from "@preact/signals";
import { bytes, cut } from "../format";
import { copy } from "../keys";
import { tell } from "../state";

const keyword = /\b(SELECT|FROM|WHERE|AND|OR|NOT|IN|IS|NULL|LIKE|BETWEEN|EXISTS|JOIN|LEFT|INNER|ON|USING|GROUP|BY|ORDER|HAVING|LIMIT|OFFSET|UNION|ALL|DISTINCT|AS|INSERT|INTO|VALUES|UPDATE|SET|DELETE|RETURNING|CREATE|UNIQUE|INDEX|DROP|TABLE|ANALYZE|VACUUM|PRAGMA|ASC|DESC|CASE|WHEN|THEN|ELSE|END|WITH|IF)\b/i;

/** isSql tells a statement from a line of code or a value. */
export const isSql = (text: string): boolean => /^\s*(SELECT|WITH|INSERT|REPLACE|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|ANALYZE|VACUUM|BEGIN)\b/i.test(text);

/** SqlText shows a statement as text nodes, its keywords lighter, at most 2 KB until asked for more. */
export function SqlText({ sql, clamp }: { sql: string; clamp?: boolean }) {
  const whole = useSignal(false);
  const shown = whole.value ? { text: sql, rest: 0 } : cut(sql);
  return (
    <>
      <code class={clamp ? "sql clamp" : "sql"} translate={false}>{tinted(shown.text)}{shown.rest > 0 && "…"}</code>
      {shown.rest > 0 && (
        <button type="button" class="small" onClick={() => (whole.value = true)}>Show {bytes(shown.rest)} more</button>
      )}
    </>
  );
}

function tinted(text: string) {
  // split with a capturing group puts the keywords at the odd places.
  return text.split(keyword).map((part, i) => (i % 2 ? <span class="kw">{part}</span> : part));
}

/** Statements is a list of whole statements with a button that copies them all. */
export function Statements({ sql, label, testid }: { sql: readonly string[]; label: string; testid?: string }) {
  if (sql.length === 0) return null;
  return (
    <div class="statements">
      <div class="row spread">
        <h4>{label}</h4>
        <CopyButton text={sql.join("\n")} what={label} />
      </div>
      <pre class="code" tabIndex={0} aria-label={label} role="region" data-testid={testid}>
        {sql.map((s, i) => <div key={i}><SqlText sql={s} /></div>)}
      </pre>
    </div>
  );
}

export function CopyButton({ text, what, code }: { text: string; what: string; code?: boolean }) {
  const label = code ? "Copy" : "Copy SQL";
  const click = async () => tell((await copy(text)) ? `Copied: ${what.toLowerCase()}` : "The browser did not allow copying");
  return <button type="button" class="small" aria-label={`${label}: ${what.toLowerCase()}`} onClick={() => void click()}>{label}</button>;
}
