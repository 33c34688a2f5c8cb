import { useState } from "preact/hooks";
import { question, type Question } from "../actions";
import { t } from "../i18n";
import { Button } from "./button";
import { Dialog } from "./dialog";

function Asked({ title, about, detail, verb, icon, danger, type = "", answer }: Question) {
  const [typed, setTyped] = useState("");
  const ready = typed.replace(/\D/g, "") === type;
  const decide = (yes: boolean) => {
    question.value = null;
    answer(yes);
  };
  return (
    <Dialog title={title} onClose={() => decide(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) decide(true);
        }}
      >
        <p>
          <strong>{about}</strong>
        </p>
        {detail && <p class="muted">{detail}</p>}
        {type && (
          <label class="labelled typed">
            {t("confirm.type", { count: type })}
            <input
              inputMode="numeric"
              autocomplete="off"
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
              autofocus
            />
          </label>
        )}
        <div class="dialog-foot">
          <Button onClick={() => decide(false)}>{t(danger ? "keep" : "cancel")}</Button>
          <Button
            kind={danger ? "danger" : "main"}
            icon={icon}
            type="submit"
            disabled={!ready}
            autofocus={!type}
          >
            {verb}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks before many jobs are changed, or anything is deleted. */
export const Confirm = () => (question.value ? <Asked {...question.value} /> : null);
