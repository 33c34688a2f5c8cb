import { act, actOnAll } from "../actions";
import { number, t, tn } from "../i18n";
import { ACTION_ICON, ACTIONS, allows, CAPABILITY } from "../lifecycle";
import { shownFilter } from "../listings";
import { may } from "../session";
import type { Job } from "../types";
import { Button } from "./button";

interface Props {
  jobs: readonly Job[];
  /** All shown are ticked, and there may be more that match. */
  more: boolean;
  /** The search that all match, where all are meant. */
  everything: string | null;
  onEverything: () => void;
  onClear: () => void;
}

/** What can be done with the ticked jobs, or with all that match, and with how many of them. */
export function BulkBar({ jobs, more, everything, onEverything, onClear }: Props) {
  if (jobs.length === 0) return null;
  const all = everything !== null;
  return (
    <div class="bulk" role="region" aria-label={t("bulk")}>
      <span class="count">{all ? t("selected.all") : tn("selected", jobs.length)}</span>
      {more && !all && (
        <Button kind="quiet" onClick={onEverything}>
          {t("select.everything")}
        </Button>
      )}
      {ACTIONS.filter((action) => may(CAPABILITY[action])).map((action) => {
        const fitting = jobs.filter((job) => allows(job, action)).length;
        return (
          <Button
            key={action}
            icon={ACTION_ICON[action]}
            disabled={fitting === 0 && !all}
            onClick={() =>
              void (
                all
                  ? actOnAll(action, shownFilter(), everything || t("status.all"))
                  : act(action, jobs)
              ).then((done) => done && onClear())
            }
          >
            {t(`action.${action}`)}
            {!all && fitting > 0 && fitting < jobs.length ? ` ${number(fitting)}` : ""}
          </Button>
        );
      })}
      <Button kind="quiet" onClick={onClear}>
        {t("select.none")}
      </Button>
    </div>
  );
}
