import { useState } from "preact/hooks";
import { confirmed, explainError, told } from "../actions";
import * as api from "../api";
import { prose } from "../cadence";
import { Button } from "../components/button";
import { Icon } from "../components/icons";
import { scheduling } from "../components/scheduleeditor";
import { ShortId } from "../components/shortid";
import { Status } from "../components/status";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { Times } from "../components/upcoming";
import { useFresh } from "../fresh";
import { t } from "../i18n";
import { useKeys } from "../keys";
import { notify } from "../notices";
import { href } from "../router";
import { pressInRow } from "../rows";
import { may } from "../session";
import { duration, now } from "../time";
import type { Schedule, Ticks } from "../types";

const columns = () =>
  ({
    name: { name: "name", text: t("column.schedule") },
    state: { name: "state", text: t("column.state") },
    when: { name: "when", text: t("column.when") },
    next: { name: "next", text: t("column.next") },
    last: { name: "lastjob", text: t("column.lastjob") },
    act: { name: "act", text: t("column.actions") },
  }) satisfies Record<string, Column>;

function Upcoming({ of: { name, nextAt } }: { of: Schedule }) {
  const [found, setFound] = useState<Ticks | null>(null);
  if (!nextAt) return <span class="muted">–</span>;
  const load = () =>
    api
      .nextTimes(name)
      .then(setFound, (error: unknown) => notify(explainError(error), { bad: true }));
  return (
    <details onToggle={(event) => event.currentTarget.open && void load()}>
      <summary>
        {t("due.in", { time: duration(Math.max(0, Date.parse(nextAt) - now.value)) })}
      </summary>
      {found && <Times of={found} />}
    </details>
  );
}

function Row({ schedule }: { schedule: Schedule }) {
  const column = columns();
  const { name, binding, paused, cron, tz, lastJob, declared } = schedule;
  const switched = paused ? "resume" : "pause";
  const words = prose(schedule);
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
  const remove = async () => {
    const asked = {
      title: t("schedule.delete", { name }),
      about: `${binding}, ${words ?? cron}`,
      detail: t("schedule.delete.detail"),
      verb: t("action.delete"),
      icon: "trash",
      danger: true,
    } as const;
    if (!(await confirmed(asked))) return;
    await told(async () => {
      await api.deleteSchedule(name);
      return t("done.deleted", { name });
    });
  };
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
        {words && <div>{words}</div>}
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
            <Button icon="play" name="run" onClick={() => void run()}>
              {t("action.runNow")}
            </Button>{" "}
            <Button icon={paused ? "play" : "pause"} name="pause" onClick={() => void flip()}>
              {t(switched)}
            </Button>{" "}
            {!declared && (
              <Button
                icon="edit"
                name="edit"
                label={t("schedule.edit", { name })}
                onClick={() => (scheduling.value = { of: schedule })}
              />
            )}{" "}
            <Button
              icon="trash"
              kind="danger"
              name="delete"
              label={t("schedule.delete.label", { name })}
              onClick={() => void remove()}
            />
          </>
        )}
      </Cell>
    </tr>
  );
}

/** Recurring jobs: when each runs next, how its last run went. */
export function SchedulesPage() {
  const { value, problem } = useFresh(api.schedules, "", 3_000);
  useKeys(
    may("schedules.change")
      ? {
          p: () => pressInRow("[name=pause]"),
          r: () => pressInRow("[name=run]"),
          e: () => pressInRow("[name=edit]"),
          d: () => pressInRow("[name=delete]"),
        }
      : {},
  );
  const all = value.value;
  return (
    <TablePage
      title="nav.schedules"
      problem={problem.value}
      tools={
        may("schedules.change") && (
          <Button icon="plus" onClick={() => (scheduling.value = {})}>
            {t("schedule.new")}
          </Button>
        )
      }
    >
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
