import * as api from "../api";
import { Icon } from "../components/icons";
import { ShortId } from "../components/shortid";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { Age } from "../components/when";
import { useFresh } from "../fresh";
import { number, t } from "../i18n";
import { href } from "../router";
import { duration, now } from "../time";
import type { Job, Worker } from "../types";

const columns = () =>
  ({
    name: { name: "name", text: t("fact.worker") },
    state: { name: "state", text: t("column.state") },
    busy: { name: "busy", text: t("column.busy"), figures: true },
    jobs: { name: "current", text: t("column.current") },
    serves: { name: "serves", text: t("column.serves") },
    version: { name: "version", text: t("column.version") },
    started: { name: "started", text: t("column.up"), figures: true },
  }) satisfies Record<string, Column>;

/** Running jobs shown by name; one worker seldom runs more. */
const SHOWN = 4;
const MOST = 500;
/** Leases are renewed without a pulse: a look now and then. */
const AGAIN = 20_000;

async function all() {
  const [workers, running] = await Promise.all([
    api.workers(),
    api.search({ status: ["PROCESSING"] }, null, MOST),
  ]);
  const jobs = new Map<string, Job[]>();
  for (const job of running.jobs)
    if (job.worker) jobs.set(job.worker, [...(jobs.get(job.worker) ?? []), job]);
  return { workers, jobs, at: Date.now() };
}

function Row({ worker, jobs, at }: { worker: Worker; jobs: readonly Job[]; at: number }) {
  const column = columns();
  const left = worker.lease - (now.value - at);
  return (
    <tr role="row" class={worker.alive ? undefined : "dead"}>
      <Cell of={column.name} bare>
        <b title={worker.id}>{worker.host || <ShortId of={worker.id} />}</b>
        <span class="muted figures"> {t("pid", { pid: String(worker.pid) })}</span>
      </Cell>
      <Cell of={column.state} bare>
        <span class={`status is-${worker.alive ? "ok" : "bad"}`}>
          <Icon name={worker.alive ? "completed" : "failed"} />
          {t(worker.alive ? "worker.alive" : "worker.dead")}
        </span>
        <span class="muted figures">
          {" "}
          {worker.alive
            ? t("worker.lease", { time: duration(Math.max(0, left)) })
            : (worker.deadReason ?? t("worker.lapsed"))}
        </span>
      </Cell>
      <Cell of={column.busy}>
        {worker.slots ? (
          <>
            <meter
              max={worker.slots}
              value={Math.min(jobs.length, worker.slots)}
              aria-label={column.busy.text}
            />{" "}
            {number(jobs.length)} / {number(worker.slots)}
          </>
        ) : (
          number(jobs.length)
        )}
      </Cell>
      <Cell of={column.jobs}>
        {jobs.length === 0 && <span class="muted">–</span>}
        {jobs.slice(0, SHOWN).map((job) => (
          <a key={job.id} class="runningjob" href={href(`jobs/${job.id}`)}>
            {job.binding} <ShortId of={job.id} />
          </a>
        ))}
        {jobs.length > SHOWN && <span class="muted">+{number(jobs.length - SHOWN)}</span>}
      </Cell>
      <Cell of={column.serves}>
        <span title={worker.bindings.join(", ")}>{worker.bindings.join(", ")}</span>
      </Cell>
      <Cell of={column.version}>{worker.version || "–"}</Cell>
      <Cell of={column.started}>
        <Age of={worker.startedAt} />
      </Cell>
    </tr>
  );
}

/** Who runs jobs: whether they live, how busy they are, and with what. */
export function WorkersPage() {
  const { value, problem } = useFresh(all, "", 2_000, () => AGAIN);
  const found = value.value;
  const sorted = found?.workers.toSorted((a, b) => Number(b.alive) - Number(a.alive)) ?? [];
  return (
    <TablePage title="nav.workers" problem={problem.value}>
      {found && sorted.length === 0 && (
        <section class="empty">
          <h2>{t("workers.none")}</h2>
          <p>{t("workers.none.detail")}</p>
          <p>
            <code>kiribi worker app.py</code>
          </p>
        </section>
      )}
      {found && sorted.length > 0 && (
        <Table label={t("nav.workers")} columns={Object.values(columns())}>
          {sorted.map((worker) => (
            <Row
              key={worker.id}
              worker={worker}
              jobs={found.jobs.get(worker.id) ?? []}
              at={found.at}
            />
          ))}
        </Table>
      )}
    </TablePage>
  );
}
