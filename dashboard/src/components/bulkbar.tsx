import { act } from "../actions";
import { number, t, tn } from "../i18n";
import { ACTIONS, allows, CAPABILITY, type Action } from "../lifecycle";
import { may } from "../session";
import type { Job } from "../types";
import { Button } from "./button";
import type { IconName } from "./icons";

export const ACTION_ICON: Record<Action, IconName> = {
  retry: "retry",
  runNow: "play",
  cancel: "stop",
  delete: "trash",
};

/** What can be done with the ticked jobs, and with how many of them. */
export function BulkBar({ jobs, onClear }: { jobs: readonly Job[]; onClear: () => void }) {
  if (jobs.length === 0) return null;
  return (
    <div class="bulk" role="region" aria-label={t("bulk")}>
      <span class="count">{tn("selected", jobs.length)}</span>
      {ACTIONS.filter((action) => may(CAPABILITY[action])).map((action) => {
        const fitting = jobs.filter((job) => allows(job, action)).length;
        return (
          <Button
            key={action}
            icon={ACTION_ICON[action]}
            disabled={fitting === 0}
            onClick={() => void act(action, jobs).then((done) => done && onClear())}
          >
            {t(`action.${action}`)}
            {fitting > 0 && fitting < jobs.length ? ` ${number(fitting)}` : ""}
          </Button>
        );
      })}
      <Button kind="quiet" onClick={onClear}>
        {t("select.none")}
      </Button>
    </div>
  );
}
