import { useState } from "preact/hooks";
import { question, type Question } from "../actions";
import { number, t, tn } from "../i18n";
import { ACTION_ICON } from "./bulkbar";
import { Button } from "./button";
import { Dialog } from "./dialog";

/** More than so many are destroyed only by who has typed how many they are. */
const MANY = 100;

function Asked({ action, count, more, about, answer }: Question) {
  const [typed, setTyped] = useState("");
  const destructive = action === "delete" || action === "cancel";
  const must = destructive && (count > MANY || more) ? String(count) : "";
  const decide = (yes: boolean) => {
    question.value = null;
    answer(yes);
  };
  return (
    <Dialog
      title={tn(`confirm.${action}`, count, { number: `${number(count)}${more ? "+" : ""}` })}
      onClose={() => decide(false)}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.replace(/\D/g, "") === must) decide(true);
        }}
      >
        <p>
          <strong>{about}</strong>
        </p>
        {action === "delete" && <p class="muted">{t("confirm.delete.detail")}</p>}
        {must && (
          <label class="labelled typed">
            {t("confirm.type", { count: must })}
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
          <Button onClick={() => decide(false)}>{t(destructive ? "keep" : "cancel")}</Button>
          <Button
            kind={destructive ? "danger" : "main"}
            icon={ACTION_ICON[action]}
            type="submit"
            disabled={typed.replace(/\D/g, "") !== must}
            autofocus={!must}
          >
            {t(`action.${action}`)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks before many jobs are changed, or any deleted. */
export const Confirm = () => (question.value ? <Asked {...question.value} /> : null);
