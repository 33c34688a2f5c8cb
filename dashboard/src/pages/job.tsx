import { useEffect, useRef } from "preact/hooks";
import { act, composing, recoverLost } from "../actions";
import { rawUrl } from "../api";
import { Attempts } from "../components/attempts";
import { Button } from "../components/button";
import { Copy } from "../components/copy";
import { Diagram } from "../components/diagram";
import { Facts } from "../components/facts";
import { Icon } from "../components/icons";
import { JsonCard } from "../components/jsontree";
import { Logs } from "../components/logs";
import { ShortId } from "../components/shortid";
import { Status } from "../components/status";
import { said, t } from "../i18n";
import { useKeys } from "../keys";
import { ACTION_ICON, ACTIONS, allows, CAPABILITY, isHeld, type Action } from "../lifecycle";
import { useJob } from "../onejob";
import { canGoBack, go, href } from "../router";
import { may } from "../session";
import { duration, now } from "../time";
import type { Explanation, JobDetails } from "../types";
import { MissingPage } from "./missing";

const SHORTCUT: Partial<Record<Action, string>> = { retry: "r", cancel: "c", delete: "d" };

const back = (): void => (canGoBack() ? history.back() : go(href("jobs")));

async function doTo(job: JobDetails, action: Action): Promise<void> {
  if ((await act(action, [job])) && action === "delete") back();
}

const duplicate = (job: JobDetails): void => {
  // a time of the past, or a wait that is over, is not what a copy is for
  const { at: _at, firstDelay: _firstDelay, after, afterFailed, ...rest } = job.params ?? {};
  const params = isHeld(job) ? { ...rest, after, afterFailed } : rest;
  composing.value = { binding: job.binding, payload: job.payload, params };
};

const Actions = ({ job }: { job: JobDetails }) => (
  <div class="actions">
    {ACTIONS.filter((action) => may(CAPABILITY[action]) && allows(job, action)).map((action) => (
      <Button
        key={action}
        icon={ACTION_ICON[action]}
        kind={action === "delete" ? "danger" : "plain"}
        shortcut={SHORTCUT[action]}
        onClick={() => void doTo(job, action)}
      >
        {t(`action.${action}`)}
      </Button>
    ))}
    {may("jobs.enqueue") && (
      <Button icon="duplicate" onClick={() => duplicate(job)}>
        {t("action.duplicate")}
      </Button>
    )}
    <a class="button quiet" href={rawUrl(job.id)} target="_blank" rel="noopener">
      <Icon name="external" />
      <span>{t("raw")}</span>
    </a>
  </div>
);

/** It runs where nothing runs any more. */
const LOST = new Set(["worker_lost", "lease_lapsed"]);

/** What holds a waiting job, the time left runs on; or that its worker was lost. */
function Why({ job, reasons }: { job: JobDetails; reasons: Explanation["reasons"] }) {
  if (!reasons.length) return null;
  const left = Date.parse(job.dueAt) - now.value;
  return (
    <ul class="why">
      {reasons.map(({ code, message, params }) => (
        <li key={code}>
          <Icon name="pending" />
          {code === "due_later"
            ? t("why.due", { time: duration(Math.max(0, left)) })
            : said(`explain.${code}`, message, params)}
          {LOST.has(code) && may("jobs.retry") && (
            <Button onClick={() => void recoverLost(job.id)}>{t("attention.recover")}</Button>
          )}
          {[params.jobs, params.holders].flat().map(
            (id) =>
              typeof id === "string" && (
                <a key={id} href={href(`jobs/${id}`)}>
                  <ShortId of={id} />
                </a>
              ),
          )}
        </li>
      ))}
    </ul>
  );
}

const Progress = ({ job }: { job: JobDetails }) =>
  job.status === "PROCESSING" && job.progress ? (
    <div class="bigprogress">
      <progress max={1} value={job.progress.fraction} aria-label={t("progress")} />
      <span class="figures">{Math.round(job.progress.fraction * 100)}%</span>
      {job.progress.message && <span class="muted">{job.progress.message}</span>}
    </div>
  ) : null;

/** One job: where it stands, what it went through, and what can be done. */
export function JobPage({ rest: id }: { rest: string }) {
  const { job, lines, reasons, problem, missing } = useJob(id);
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = job.value;
  useEffect(() => {
    if (!shown) return;
    document.title = `${shown.binding} · Kiribi`;
    heading.current?.focus();
  }, [shown?.id]);
  const doing = (action: Action) => () => {
    if (job.value) void doTo(job.value, action);
  };
  useKeys({
    ...Object.fromEntries(
      ACTIONS.flatMap((action) => {
        const key = SHORTCUT[action];
        return key && may(CAPABILITY[action]) ? [[key, doing(action)]] : [];
      }),
    ),
    Escape: back,
    u: back,
  });

  if (missing.value) return <MissingPage />;
  if (!shown)
    return problem.value ? (
      <p class="problem" role="alert">
        {problem.value}
      </p>
    ) : (
      <p class="starting">{t("starting")}</p>
    );
  return (
    <article class="job">
      <nav class="crumbs" aria-label={t("crumbs")}>
        <a
          href={href("jobs")}
          onClick={(event) => {
            if (!canGoBack() || event.metaKey || event.ctrlKey) return;
            event.preventDefault();
            back();
          }}
        >
          <Icon name="left" />
          {t("nav.jobs")}
        </a>
      </nav>
      <header class="title">
        <div class="names">
          <h1 ref={heading} tabIndex={-1}>
            {shown.binding}
          </h1>
          <Status
            of={shown.status}
            stopping={shown.cancelRequested && shown.status === "PROCESSING"}
          />
          <span class="id">
            <code>{shown.id}</code>
            <Copy text={() => shown.id} label={t("copy.id")} />
          </span>
        </div>
        <Actions job={shown} />
      </header>
      <Why job={shown} reasons={reasons.value} />
      <Progress job={shown} />
      <div class="columns">
        <section class="card">
          <h2>{t("lifecycle")}</h2>
          <Diagram job={shown} />
        </section>
        <section class="card">
          <h2>{t("facts")}</h2>
          <Facts job={shown} />
        </section>
      </div>
      <Attempts job={shown} />
      <div class="columns">
        <JsonCard title={t("payload")} value={shown.payload} />
        {(shown.status === "COMPLETED" || shown.returnValue !== null) && (
          <JsonCard title={t("returned")} value={shown.returnValue} />
        )}
      </div>
      <Logs lines={lines.value} live={shown.status === "PROCESSING"} />
    </article>
  );
}
