import { useEffect, useRef } from "preact/hooks";
import { help, helpOpen, keysOn, setKeys } from "../keys";

/** Help is a native modal dialog, so the browser keeps the focus inside and gives it back. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    const d = dialog.current!;
    if (open && !d.open) d.showModal();
    if (!open && d.open) d.close();
  }, [open]);
  const licences = document.querySelector<HTMLLinkElement>("link[rel=license]")?.href;
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <div class="row spread">
        <h2 id="help-title">Keyboard</h2>
        <button type="button" onClick={() => (helpOpen.value = false)}>Close</button>
      </div>
      <table class="keys">
        <caption class="visually-hidden">Keys</caption>
        <tbody>
          {help.map(([keys, does]) => (
            <tr key={keys}><th scope="row">{keys.split(" ").filter(Boolean).map((k) => <kbd key={k}>{k}</kbd>)}</th><td>{does}</td></tr>
          ))}
        </tbody>
      </table>
      <label class="row"><input type="checkbox" checked={keysOn.value} onChange={(e) => setKeys(e.currentTarget.checked)} /> Single keys are shortcuts</label>
      <p class="muted">
        “~” marks a percentile of fewer than 20 values. Every chart has its numbers beneath it.{" "}
        {licences && <a href={licences}>Licences of the libraries</a>}
      </p>
    </dialog>
  );
}
