import type { ComponentChildren } from "preact";
import { number, t } from "../i18n";
import { isHeld, isWaiting } from "../lifecycle";
import { href } from "../router";
import { duration } from "../time";
import type { JobDetails, Params, RetryDelay, Unique } from "../types";
import { ShortId } from "./shortid";
import { Moment, Running } from "./when";

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** Ids, before it only says how many more there are. */
const SHOWN = 5;

const seconds = (value: number): string => duration(value * 1000);

const delay = (value: RetryDelay): string =>
  typeof value === "number"
    ? seconds(value)
    : t("delay.exponential", { base: value.base, cap: value.cap ? seconds(value.cap) : "–" });

/** `payload.user.id, 1h, replace`; of the whole payload, just that it is so. */
const rule = (unique: Unique | true): string =>
  unique === true
    ? t("unique.yes")
    : [unique.key, ...(unique.by ?? []), unique.within && seconds(unique.within), unique.onConflict]
        .filter(Boolean)
        .join(", ") || t("unique.yes");

const Options = ({ params }: { params: Params }) => (
  <>
    {params.retryDelay !== undefined && (
      <Fact name={t("option.retryDelay")}>{delay(params.retryDelay)}</Fact>
    )}
    {params.firstDelay !== undefined && (
      <Fact name={t("option.firstDelay")}>{seconds(params.firstDelay)}</Fact>
    )}
    {params.timeout !== undefined && (
      <Fact name={t("option.timeout")}>{seconds(params.timeout)}</Fact>
    )}
    {params.concurrencyKey && <Fact name={t("fact.key")}>{params.concurrencyKey}</Fact>}
    {params.unique && <Fact name={t("option.unique")}>{rule(params.unique)}</Fact>}
    {params.after && (
      <Fact name={t("fact.after")}>
        {params.after.slice(0, SHOWN).map((id) => (
          <a key={id} class="runningjob" href={href(`jobs/${id}`)}>
            <ShortId of={id} />
          </a>
        ))}
        {params.after.length > SHOWN && `+${number(params.after.length - SHOWN)}`}
      </Fact>
    )}
  </>
);

/** Who holds its key, where anybody does. */
function UniqueKey({ of: { id, uniqueKey } }: { of: JobDetails }) {
  const { key = null, holder = null, heldUntil = null } = uniqueKey ?? {};
  return (
    <>
      {key !== null && <code>{key}</code>}{" "}
      {holder === id ? (
        t("unique.held")
      ) : holder ? (
        <a href={href(`jobs/${holder}`)}>
          {t("unique.other")} <ShortId of={holder} />
        </a>
      ) : (
        t("unique.free")
      )}
      {holder && heldUntil && (
        <>
          {", "}
          {t("unique.until")} <Moment of={heldUntil} />
        </>
      )}
    </>
  );
}

/** The job's figures at a glance. */
export function Facts({ job }: { job: JobDetails }) {
  const { params } = job;
  return (
    <dl class="facts">
      <Fact name={t("fact.created")}>
        <Moment of={job.createdAt} />
      </Fact>
      {isWaiting(job.status) && !isHeld(job) && (
        <Fact name={t("fact.due")}>
          <Moment of={job.dueAt} />
        </Fact>
      )}
      {job.startedAt && (
        <Fact name={t("fact.started")}>
          <Moment of={job.startedAt} />
        </Fact>
      )}
      {job.finishedAt && job.status !== "PROCESSING" && (
        <Fact name={t("fact.finished")}>
          <Moment of={job.finishedAt} />
        </Fact>
      )}
      <Fact name={t("column.took")}>
        {job.status === "PROCESSING" && job.startedAt ? (
          <Running since={job.startedAt} />
        ) : job.processingTime === null ? (
          "–"
        ) : (
          duration(job.processingTime)
        )}
      </Fact>
      <Fact name={t("fact.failures")}>
        {number(job.failures)}
        {params?.maxRetries !== undefined && ` / ${number(params.maxRetries)}`}
      </Fact>
      {job.crashes > 0 && <Fact name={t("fact.crashes")}>{number(job.crashes)}</Fact>}
      <Fact name={t("fact.priority")}>{job.priority}</Fact>
      {params && <Options params={params} />}
      {job.schedule && (
        <Fact name={t("column.schedule")}>
          <a href={href("schedules")}>{job.schedule}</a>
        </Fact>
      )}
      {job.uniqueKey && (
        <Fact name={t("fact.unique")}>
          <UniqueKey of={job} />
        </Fact>
      )}
      {job.worker && (
        <Fact name={t("fact.worker")}>
          <ShortId of={job.worker} />
        </Fact>
      )}
    </dl>
  );
}
