import { useEffect, useId, useState } from "preact/hooks";
import { actOnAll, explainError } from "../actions";
import * as api from "../api";
import { Button } from "../components/button";
import { Code } from "../components/code";
import { FailedLately } from "../components/failedlately";
import { range, RangeChoice } from "../components/ranges";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { Age } from "../components/when";
import { useFresh } from "../fresh";
import { number, t } from "../i18n";
import { useKeys } from "../keys";
import { CAPABILITY, type Action } from "../lifecycle";
import { href } from "../router";
import { pressInRow } from "../rows";
import { may } from "../session";
import type { Cause, Job } from "../types";

const columns = () =>
  ({
    name: { name: "name", text: t("column.cause") },
    binding: { name: "state", text: t("binding") },
    count: { name: "count", text: t("column.attempts"), figures: true },
    first: { name: "first", text: t("column.first"), figures: true },
    last: { name: "last", text: t("column.lasttime"), figures: true },
    act: { name: "act", text: t("column.actions") },
  }) satisfies Record<string, Column>;

const ACTIONS: readonly Action[] = ["retry", "delete"];

/** So many failed jobs of a cause are drawn. */
const DRAWN = 100;

/** Where the last one failed, under its cause, and when the latest did. */
function Trace({ cause: { job, fingerprint }, id }: { cause: Cause; id: string }) {
  const [text, setText] = useState<string | null>(null);
  const [failed, setFailed] = useState<readonly Job[]>([]);
  useEffect(() => {
    api.search({ fingerprint, status: ["FAILED"] }, null, DRAWN).then(
      ({ jobs }) => setFailed(jobs),
      () => setFailed([]), // the traceback below says what is wrong
    );
  }, [fingerprint, job]);
  useEffect(() => {
    api.details(job).then(
      ({ result }) => setText(result.findLast(({ traceback }) => traceback)?.traceback ?? ""),
      (error: unknown) => setText(explainError(error)),
    );
  }, [job]);
  return (
    <tr role="row" class="trace" id={id}>
      <td role="cell" colSpan={6}>
        {failed.length > 0 && <FailedLately jobs={failed} hours={Number(range.value)} />}
        {text ? (
          <Code text={text} />
        ) : (
          <p class="muted">{t(text === null ? "starting" : "traceback.none")}</p>
        )}
      </td>
    </tr>
  );
}

function Row({ cause }: { cause: Cause }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const column = columns();
  const { fingerprint, binding, type, message, origin, job } = cause;
  return (
    <>
      <tr role="row">
        <Cell of={column.name} bare>
          <a href={href("jobs", { q: `status:FAILED fingerprint:${fingerprint}` })}>
            <span class="lasterror">{type}</span> {message.split("\n", 1)[0]}
          </a>
          <div class="muted">
            {origin && <code>{origin}</code>}{" "}
            <a href={href(`jobs/${job}`)} class="sample">
              {t("failures.sample")}
            </a>{" "}
            <button
              type="button"
              class="textlink"
              aria-expanded={open}
              aria-controls={id}
              onClick={() => setOpen(!open)}
            >
              {t("traceback")}
            </button>
          </div>
        </Cell>
        <Cell of={column.binding} bare>
          <a href={href(`bindings/${binding}`)}>{binding}</a>
        </Cell>
        <Cell of={column.count}>{number(cause.count)}</Cell>
        <Cell of={column.first}>
          <Age of={cause.firstAt} />
        </Cell>
        <Cell of={column.last}>
          <Age of={cause.lastAt} />
        </Cell>
        <Cell of={column.act} bare>
          {ACTIONS.filter((action) => may(CAPABILITY[action])).map((action) => (
            <Button
              key={action}
              name={action}
              kind={action === "delete" ? "danger" : "plain"}
              icon={action === "delete" ? "trash" : "retry"}
              onClick={() =>
                void actOnAll(action, { fingerprint, status: ["FAILED"] }, `${binding}: ${type}`)
              }
            >
              {t(action === "delete" ? "failures.delete" : "failures.retry")}
            </Button>
          ))}
        </Cell>
      </tr>
      {open && <Trace cause={cause} id={id} />}
    </>
  );
}

/** What goes wrong, by cause; each can be retried or deleted whole. */
export function FailuresPage() {
  const { value, problem } = useFresh(() => api.failures(Number(range.value)), range.value, 5_000);
  useKeys({
    ...(may("jobs.retry") && { r: () => pressInRow("[name=retry]") }),
    ...(may("jobs.delete") && { d: () => pressInRow("[name=delete]") }),
  });
  const causes = value.value;
  return (
    <TablePage title="nav.failures" problem={problem.value} tools={<RangeChoice />}>
      {causes?.length === 0 && (
        <section class="empty">
          <h2>{t("overview.failed.none")}</h2>
          <p>{t("failures.none.detail")}</p>
        </section>
      )}
      {causes !== null && causes.length > 0 && (
        <Table label={t("nav.failures")} columns={Object.values(columns())}>
          {causes.map((cause) => (
            <Row key={cause.fingerprint} cause={cause} />
          ))}
        </Table>
      )}
    </TablePage>
  );
}
