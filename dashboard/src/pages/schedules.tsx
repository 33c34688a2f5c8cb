import { useState } from "preact/hooks";
import { explainError, told } from "../actions";
import * as api from "../api";
import { Button } from "../components/button";
import { Icon } from "../components/icons";
import { ShortId } from "../components/shortid";
import { Status } from "../components/status";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { Moment } from "../components/when";
import { spoken } from "../cron";
import { useFresh } from "../fresh";
import { language, t, tn } from "../i18n";
import { useKeys } from "../keys";
import { notify } from "../notices";
import { href } from "../router";
import { pressInRow } from "../rows";
import { may } from "../session";
import { duration, now } from "../time";
import type { Schedule } from "../types";

const columns = () =>
  ({
    name: { name: "name", text: t("column.schedule") },
    state: { name: "state", text: t("column.state") },
    when: { name: "when", text: t("column.when") },
    next: { name: "next", text: t("column.next") },
    last: { name: "lastjob", text: t("column.lastjob") },
    act: { name: "act", text: t("column.actions") },
  }) satisfies Record<string, Column>;

const weekday = (day: number): string =>
  new Intl.DateTimeFormat(language.value, { weekday: "long", timeZone: "UTC" }).format(
    Date.UTC(2023, 0, 1 + day), // a Sunday
  );

function prose({ cron, every }: Schedule): string {
  if (every !== null) return t("cron.every", { time: duration(every * 1000) });
  const said = spoken(cron ?? "");
  if (!said) return cron ?? "";
  switch (said.key) {
    case "cron.minutes":
    case "cron.hours":
      return tn(said.key, said.values.count);
    case "cron.weekly":
      return t(said.key, { time: said.values.time, day: weekday(said.values.day) });
    default:
      return t(said.key, said.values);
  }
}

function Upcoming({ of: { name, nextAt } }: { of: Schedule }) {
  const [times, setTimes] = useState<string[]>([]);
  if (!nextAt) return <span class="muted">–</span>;
  const load = () =>
    api.nextTimes(name).then(
      (found) => setTimes(found.times),
      (error: unknown) => notify(explainError(error), { bad: true }),
    );
  return (
    <details onToggle={(event) => event.currentTarget.open && void load()}>
      <summary>
        {t("due.in", { time: duration(Math.max(0, Date.parse(nextAt) - now.value)) })}
      </summary>
      <ol class="times figures">
        {times.map((time) => (
          <li key={time}>
            <Moment of={time} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function Row({ schedule }: { schedule: Schedule }) {
  const column = columns();
  const { name, binding, paused, cron, tz, lastJob, declared } = schedule;
  const switched = paused ? "resume" : "pause";
  const flip = () =>
    told(async () => {
      await api.switchSchedule(name, switched);
      return t(`done.${switched}`, { binding: name });
    });
  const run = () =>
    told(async () => {
      await api.runSchedule(name);
      return t("enqueued", { binding });
    });
  return (
    <tr role="row" data-name={name}>
      <Cell of={column.name} bare>
        {name}{" "}
        <a class="sample" href={href(`bindings/${binding}`)}>
          {binding}
        </a>
      </Cell>
      <Cell of={column.state} bare>
        <span class={`status is-${paused ? "warn" : "ok"}`}>
          <Icon name={paused ? "pause" : "completed"} />
          {t(paused ? "binding.paused" : "schedule.active")}
        </span>
        {declared && <span class="muted"> {t("schedule.declared")}</span>}
      </Cell>
      <Cell of={column.when} bare>
        {prose(schedule)}
        {cron && (
          <div class="muted">
            <code>{cron}</code> {tz}
          </div>
        )}
      </Cell>
      <Cell of={column.next}>
        <Upcoming of={schedule} />
      </Cell>
      <Cell of={column.last}>
        {lastJob ? (
          <a class="runningjob" href={href(`jobs/${lastJob.id}`)}>
            {lastJob.status ? <Status of={lastJob.status} /> : <ShortId of={lastJob.id} />}
          </a>
        ) : (
          <span class="muted">–</span>
        )}
      </Cell>
      <Cell of={column.act} bare>
        {may("schedules.change") && (
          <>
            <Button icon="play" onClick={() => void run()}>
              {t("action.runNow")}
            </Button>{" "}
            <Button icon={paused ? "play" : "pause"} onClick={() => void flip()}>
              {t(switched)}
            </Button>
          </>
        )}
      </Cell>
    </tr>
  );
}

/** Recurring jobs: when each runs next, how its last run went. */
export function SchedulesPage() {
  const { value, problem } = useFresh(api.schedules, "", 3_000);
  useKeys({ p: () => pressInRow("td.act button:last-child") });
  const all = value.value;
  return (
    <TablePage title="nav.schedules" problem={problem.value}>
      {all?.length === 0 && (
        <section class="empty">
          <h2>{t("schedules.none")}</h2>
          <p>{t("schedules.none.detail")}</p>
          <p>
            <code>{`schedule = Cron("0 9 * * 1-5", tz="Asia/Tokyo")`}</code>
          </p>
        </section>
      )}
      {all !== null && all.length > 0 && (
        <Table label={t("nav.schedules")} columns={Object.values(columns())}>
          {all.map((schedule) => (
            <Row key={schedule.name} schedule={schedule} />
          ))}
        </Table>
      )}
    </TablePage>
  );
}
