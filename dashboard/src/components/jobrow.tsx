import { t, tn } from "../i18n";
import { href } from "../router";
import { duration } from "../time";
import type { Job } from "../types";
import { Icon } from "./icons";
import { shortId, ShortId } from "./shortid";
import { Status } from "./status";
import { Age, Running } from "./when";

const SUMMARY = 200;

/** A payload in one line: `to: "a@example.com", user: {"id":7}`. */
function summary({ payload }: Job): string {
  if (payload === null) return "";
  const text =
    typeof payload === "object" && !Array.isArray(payload)
      ? Object.entries(payload)
          .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
          .join(", ")
      : JSON.stringify(payload);
  return text.slice(0, SUMMARY);
}

/** What last happened: how far it is, or why it failed. */
export function LastWord({ job }: { job: Job }) {
  if (job.status === "PROCESSING" && job.progress) {
    const { fraction, message } = job.progress;
    return (
      <span class="progressing">
        <progress max={1} value={fraction} aria-label={t("progress")} />
        <span class="figures">{Math.round(fraction * 100)}%</span>
        {message && <span class="muted">{message}</span>}
      </span>
    );
  }
  if (!job.error || job.status === "COMPLETED") return null;
  return (
    <span class={job.status === "FAILED" ? "lasterror" : "lasterror past"}>
      <b>{job.error.type}</b> {job.error.message.split("\n", 1)[0]}
    </span>
  );
}

function Took({ job }: { job: Job }) {
  const running = job.status === "PROCESSING" && job.startedAt;
  if (!running && job.processingTime === null) return null;
  return (
    <>
      <span class="cardlabel">{t("column.took")} </span>
      {running ? <Running since={running} /> : duration(job.processingTime ?? 0)}
    </>
  );
}

const spent = (job: Job): string =>
  [
    tn("attempts", job.attempts),
    job.failures ? tn("failures", job.failures) : "",
    job.crashes ? tn("crashes", job.crashes) : "",
  ]
    .filter(Boolean)
    .join(", ");

interface Props {
  job: Job;
  selected: boolean;
  gone: boolean;
  selectable: boolean;
  onSelect: (range: boolean) => void;
  onOpen: () => void;
}

/** One job of the list; on a phone, a card. */
export function JobRow({ job, selected, gone, selectable, onSelect, onOpen }: Props) {
  const open = (event: MouseEvent) => {
    const target = event.target as Element;
    if (target.closest("a, button, input, label") || getSelection()?.toString()) return;
    onOpen();
  };
  return (
    <tr
      role="row"
      class={gone ? "gone" : undefined}
      aria-selected={selectable ? selected : undefined}
      data-id={job.id}
      onClick={open}
    >
      {selectable && (
        <td role="cell" class="tick">
          <label>
            <input
              type="checkbox"
              checked={selected}
              aria-label={t("select.job", { job: `${job.binding} ${shortId(job.id)}` })}
              onClick={(event) => onSelect(event.shiftKey)}
            />
          </label>
        </td>
      )}
      <td role="cell" class="state">
        <Status of={job.status} stopping={job.cancelRequested && job.status === "PROCESSING"} />
      </td>
      <td role="cell" class="name">
        <a href={href(`jobs/${job.id}`)}>{job.binding}</a>
        <ShortId of={job.id} />
      </td>
      <td role="cell" class="payload">
        {gone ? t("gone") : summary(job)}
      </td>
      <td role="cell" class="attempts figures" title={spent(job)}>
        <span class="cardlabel">{t("column.attempts")} </span>
        {job.attempts}
        {job.crashes > 0 && (
          <span class="crashes" title={tn("crashes", job.crashes)}>
            <Icon name="warn" />
            <span class="unseen">{tn("crashes", job.crashes)}</span>
          </span>
        )}
      </td>
      <td role="cell" class="age figures">
        <Age of={job.createdAt} />
      </td>
      <td role="cell" class="took figures">
        <Took job={job} />
      </td>
      <td role="cell" class="last">
        <LastWord job={job} />
      </td>
      <td role="cell" class="priority figures">
        <span class="cardlabel">{t("column.priority")} </span>
        {job.priority}
      </td>
      <td role="cell" class="worker">
        {job.worker && (
          <>
            <span class="cardlabel">{t("column.worker")} </span>
            <ShortId of={job.worker} />
          </>
        )}
      </td>
    </tr>
  );
}
