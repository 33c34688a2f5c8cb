import { question } from "../actions";
import { t, tn } from "../i18n";
import { Button } from "./button";
import { Dialog } from "./dialog";

/** Asks before jobs are deleted. */
export function Confirm() {
  const asked = question.value;
  if (!asked) return null;
  const { jobs, answer } = asked;
  const decide = (yes: boolean) => {
    question.value = null;
    answer(yes);
  };
  const names = [...new Set(jobs.map((job) => job.binding))].slice(0, 5).join(", ");
  return (
    <Dialog title={tn("confirm.delete", jobs.length)} onClose={() => decide(false)}>
      <p>
        <strong>{names}</strong>
      </p>
      <p class="muted">{t("confirm.delete.detail")}</p>
      <div class="dialog-foot">
        <Button onClick={() => decide(false)}>{t("keep")}</Button>
        <Button kind="danger" icon="trash" autofocus onClick={() => decide(true)}>
          {t("action.delete")}
        </Button>
      </div>
    </Dialog>
  );
}
