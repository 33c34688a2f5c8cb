import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { explainError } from "../actions";
import { t } from "../i18n";
import { Button } from "./button";
import { Dialog } from "./dialog";

interface Props {
  title: string;
  /** What the button says that sends it. */
  send: string;
  /** Names of the fields that cannot be sent as they are. */
  wrong: readonly string[];
  /** What keeps it from being sent, beside the form itself. */
  problem?: string;
  /** Sends it; what the server refuses is shown. */
  onSend: () => Promise<void>;
  onClose: () => void;
  /** Another button. */
  extra?: ComponentChildren;
  /** @param tried it was to be sent: what is missing may be said. */
  children: (tried: boolean) => ComponentChildren;
}

/** A form above the page: the first wrong field takes the focus, the server's answer is shown. */
export function FormDialog({ title, send, wrong, onSend, onClose, extra, ...props }: Props) {
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  const element = useRef<HTMLFormElement>(null);
  const problem = refused || props.problem;

  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    const first = wrong[0];
    if (first) {
      const field = element.current?.querySelector<HTMLElement>(`[name="${first}"]`);
      field?.closest("details")?.setAttribute("open", ""); // a folded field takes no focus
      field?.focus();
      return;
    }
    setBusy(true);
    try {
      await onSend();
    } catch (error) {
      setRefused(explainError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title={title} wide onClose={onClose}>
      <form ref={element} class="form" onSubmit={(event) => void submit(event)} noValidate>
        {props.children(tried)}
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="dialog-foot">
          {extra}
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button kind="main" type="submit" disabled={busy}>
            {send}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
