import type { Rewrite } from "../advice";
import { factor } from "../format";
import { CopyButton, SqlText, isSql } from "./SqlText";

/** RewriteCard shows a statement or a line as it is and as it should be. */
export function RewriteCard({ rewrite }: { rewrite: Rewrite }) {
  return (
    <section class="card" aria-label="Rewrite" data-testid="rewrite">
      <div class="row spread">
        <h3>Rewrite</h3>
        <Check rewrite={rewrite} />
      </div>
      <div class="sides">
        <Side title="Before" text={rewrite.before} />
        <Side title="After" text={rewrite.after} />
      </div>
    </section>
  );
}

function Check({ rewrite }: { rewrite: Rewrite }) {
  if (!rewrite.checked) return <span class="muted">not checked</span>;
  const { speedup } = rewrite;
  return <span class="good">✓ same rows{speedup > 1 && <>, <strong>{factor(speedup)} faster</strong></>}</span>;
}

function Side({ title, text }: { title: string; text: string }) {
  return (
    <div class="statements">
      <div class="row spread"><h4>{title}</h4><CopyButton text={text} what={title} code={!isSql(text)} /></div>
      <pre class="code" tabIndex={0} role="region" aria-label={title}>
        {isSql(text) ? <SqlText sql={text} /> : <code translate={false}>{text}</code>}
      </pre>
    </div>
  );
}
