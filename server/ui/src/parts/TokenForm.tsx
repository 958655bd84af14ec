import { useSignal } from "@preact/signals";
import { keepToken } from "../token";

/** TokenForm asks for the start-up token; the browser tab keeps it until it is closed. */
export function TokenForm({ onDone, onSkip }: { onDone: () => void; onSkip?: () => void }) {
  const text = useSignal("");
  const submit = (e: Event) => {
    e.preventDefault();
    if (!text.value.trim()) return;
    keepToken(text.value);
    text.value = "";
    onDone();
  };
  return (
    <form class="token" onSubmit={submit} data-testid="token-form">
      <p id="token-why">
        Changing the database needs the start-up token. The service prints it when it starts, at the end of the
        dashboard's address: <code>…/dashboard#token=…</code>. Open that address, or enter the token here. It stays in
        this tab only.
      </p>
      <div class="row">
        <label for="token-field">Start-up token</label>
        <input id="token-field" type="password" autocomplete="off" spellcheck={false} aria-describedby="token-why"
          value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
        <button type="submit" class="primary">Use token</button>
        {onSkip && <button type="button" onClick={onSkip}>Send without a token</button>}
      </div>
    </form>
  );
}
