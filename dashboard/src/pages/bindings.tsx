import * as api from "../api";
import { switchBinding } from "../actions";
import { Button } from "../components/button";
import { percentage } from "../components/charts";
import { Icon } from "../components/icons";
import { limiting } from "../components/limitseditor";
import { gapOf, range, RangeChoice } from "../components/ranges";
import { Spark } from "../components/spark";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { useFresh } from "../fresh";
import { number, t, tn } from "../i18n";
import { useKeys } from "../keys";
import { LIMIT_NAMES } from "../limitform";
import { limitText } from "../limittext";
import { pulse } from "../live";
import { href } from "../router";
import { pressInRow } from "../rows";
import { byBinding, ended, successRate } from "../series";
import { may } from "../session";
import { duration } from "../time";
import type { BindingDetails, Counts, Stats, Status, Tally } from "../types";

const columns = () =>
  ({
    name: { name: "name", text: t("binding") },
    state: { name: "state", text: t("column.state") },
    waiting: { name: "waiting", text: t("column.waiting"), figures: true },
    running: { name: "running", text: t("status.PROCESSING"), figures: true },
    failed: { name: "failedcount", text: t("status.FAILED"), figures: true },
    lately: { name: "lately", text: t("lately") },
    ended: { name: "ended", text: t("column.ended"), figures: true },
    success: { name: "success", text: t("column.success"), figures: true },
    wait: { name: "wait", text: t("column.wait"), figures: true },
    run: { name: "run", text: t("column.run"), figures: true },
    act: { name: "act", text: t("column.actions") },
  }) satisfies Record<string, Column>;

const time = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? "–" : duration(ms);

/** What one of twenty exceeds. */
const Late = ({ ms }: { ms: number | null | undefined }) =>
  ms === null || ms === undefined ? null : (
    <span class="late muted">{t("p95", { time: duration(ms) })}</span>
  );

/** A count that leads to its jobs; a zero leads nowhere. */
const Jobs = ({ of, binding, status }: { of: number; binding: string; status: string }) =>
  of ? (
    <a href={href("jobs", { q: `binding:${binding} status:${status}` })}>{number(of)}</a>
  ) : (
    <span class="muted">0</span>
  );

interface RowProps {
  binding: BindingDetails;
  counts: Counts;
  tally: Tally | undefined;
  stats: Stats | null;
  /** Live workers that serve it. */
  workers: number;
}

/** What holds its jobs back: a breaker that is open, limits in force. */
function Held({ by: { limits, breaker } }: { by: BindingDetails }) {
  const told = LIMIT_NAMES.flatMap((name) => {
    const value = limits?.[name];
    return value ? [limitText(name, value)] : [];
  });
  return (
    <>
      {breaker?.open && (
        <span class="status is-bad">
          <Icon name="warn" />
          {t("breaker.open", { failures: breaker.failures })}
        </span>
      )}
      {told.length > 0 && <div class="late muted figures">{told.join(" · ")}</div>}
    </>
  );
}

function Row({ binding, counts, tally, stats, workers }: RowProps) {
  const { name, paused } = binding;
  const column = columns();
  const of = (status: Status): number => counts[status] ?? 0;
  const waiting = of("PENDING") + of("RETRY_PENDING");
  const share = tally ? successRate(tally) : null;
  const switched = paused ? "resume" : "pause";
  return (
    <tr role="row" data-name={name}>
      <Cell of={column.name} bare>
        <a href={href(`bindings/${name}`)}>{name}</a>
      </Cell>
      <Cell of={column.state} bare>
        <span class={`status is-${paused ? "warn" : workers ? "ok" : waiting ? "bad" : "PENDING"}`}>
          <Icon name={paused ? "pause" : workers ? "completed" : "warn"} />
          {paused ? t("binding.paused") : workers ? tn("workers", workers) : t("binding.unserved")}
        </span>{" "}
        <Held by={binding} />
      </Cell>
      <Cell of={column.waiting}>
        <Jobs of={waiting} binding={name} status="PENDING,RETRY_PENDING" />
      </Cell>
      <Cell of={column.running}>
        <Jobs of={of("PROCESSING")} binding={name} status="PROCESSING" />
      </Cell>
      <Cell of={column.failed}>
        <Jobs of={of("FAILED")} binding={name} status="FAILED" />
      </Cell>
      <Cell of={column.lately} bare>
        {stats && <Spark stats={stats} binding={name} />}
      </Cell>
      <Cell of={column.ended}>{number(tally ? ended(tally) : 0)}</Cell>
      <Cell of={column.success}>
        {share === null ? "–" : <span class={share < 0.9 ? "poor" : ""}>{percentage(share)}</span>}
      </Cell>
      <Cell of={column.wait}>
        {time(tally?.wait)} <Late ms={tally?.waitP95} />
      </Cell>
      <Cell of={column.run}>
        {time(tally?.run)} <Late ms={tally?.runP95} />
      </Cell>
      <Cell of={column.act} bare>
        {may("bindings.pause") && (
          <Button
            name="pause"
            icon={paused ? "play" : "pause"}
            label={t(paused ? "resume.binding" : "pause.binding", { binding: name })}
            onClick={() => void switchBinding(name, switched)}
          >
            {t(switched)}
          </Button>
        )}{" "}
        {may("bindings.limit") && binding.limits && (
          <Button
            name="edit"
            icon="gauge"
            label={t("limits.edit", { binding: name })}
            onClick={() => (limiting.value = binding)}
          />
        )}
      </Cell>
    </tr>
  );
}

/** The bindings, and how many live workers serve each. */
async function known(): Promise<[BindingDetails[], Map<string, number>]> {
  const [bindings, workers] = await Promise.all([api.bindings(), api.workers()]);
  const serving = new Map<string, number>();
  for (const worker of workers.filter(({ alive }) => alive))
    for (const name of worker.bindings) serving.set(name, (serving.get(name) ?? 0) + 1);
  return [bindings, serving];
}

/** Every kind of job: how it fares, and the switch that holds it. */
export function BindingsPage() {
  const details = useFresh(known, "", 10_000);
  const stats = useFresh(() => api.stats(Number(range.value)), range.value, gapOf(range.value));
  useKeys({
    ...(may("bindings.pause") && { p: () => pressInRow("[name=pause]") }),
    ...(may("bindings.limit") && { e: () => pressInRow("[name=edit]") }),
  });
  const beat = pulse.value;
  const tallies = byBinding(stats.value.value);
  const [bindings, serving] = details.value.value ?? [null, new Map<string, number>()];
  const counts = new Map(beat?.bindings.map((each) => [each.binding, each.counts]));
  const names = new Set(bindings?.map(({ name }) => name));
  const strangers = [...counts.keys()]
    .filter((name) => !names.has(name))
    .map((name) => ({ name, defaults: null, schema: null, paused: false, lastSeenAt: null }));
  const all = [...(bindings ?? []), ...strangers].sort((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <TablePage
      title="nav.bindings"
      problem={details.problem.value || stats.problem.value}
      tools={<RangeChoice />}
    >
      {bindings && all.length === 0 && (
        <section class="empty">
          <h2>{t("bindings.none")}</h2>
          <p>{t("bindings.none.detail")}</p>
        </section>
      )}
      {bindings && all.length > 0 && (
        <Table label={t("nav.bindings")} columns={Object.values(columns())}>
          {all.map((binding) => (
            <Row
              key={binding.name}
              binding={{
                ...binding,
                paused: beat?.paused.includes(binding.name) ?? binding.paused,
              }}
              counts={counts.get(binding.name) ?? {}}
              tally={tallies.get(binding.name)}
              stats={stats.value.value}
              workers={serving.get(binding.name) ?? 0}
            />
          ))}
        </Table>
      )}
    </TablePage>
  );
}
