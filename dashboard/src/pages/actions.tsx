import { useMemo } from "preact/hooks";
import { told } from "../actions";
import * as api from "../api";
import { Button } from "../components/button";
import { Icon } from "../components/icons";
import { Cell, Table, TablePage, type Column } from "../components/tablepage";
import { Age } from "../components/when";
import { useFresh } from "../fresh";
import { number, t } from "../i18n";
import { CAPABILITY, KIND, ACTIONS } from "../lifecycle";
import { may } from "../session";
import type { Bulk, Json } from "../types";
import { watching } from "../watching";

const columns = () =>
  ({
    name: { name: "name", text: t("column.action") },
    state: { name: "state", text: t("column.state") },
    done: { name: "done", text: t("column.done"), figures: true },
    skipped: { name: "skipped", text: t("column.skipped"), figures: true },
    who: { name: "who", text: t("column.who") },
    began: { name: "began", text: t("column.began"), figures: true },
    act: { name: "act", text: t("column.actions") },
  }) satisfies Record<string, Column>;

const TONE = { RUNNING: "PROCESSING", DONE: "ok", ABORTED: "cancelled" } as const;
const ICON = { RUNNING: "processing", DONE: "completed", ABORTED: "cancelled" } as const;

/** Milliseconds between looks while something is being done. */
const WATCH = 2_000;
/** And while nobody does it. */
const SLOWEST = 30_000;

const words = (value: Json): string =>
  Array.isArray(value)
    ? value.join(", ")
    : typeof value === "string"
      ? value
      : JSON.stringify(value);

/** `status: FAILED · binding: SEND_MAIL` */
const about = (filter: Bulk["filter"]): string =>
  Object.entries(filter)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${words(value)}`)
    .join(" · ");

function Row({ bulk }: { bulk: Bulk }) {
  const column = columns();
  const action = ACTIONS.find((each) => KIND[each] === bulk.kind) ?? "retry";
  return (
    <tr role="row">
      <Cell of={column.name} bare>
        {t(`action.${action}`)} <span class="muted">{about(bulk.filter) || t("status.all")}</span>
      </Cell>
      <Cell of={column.state} bare>
        <span class={`status is-${TONE[bulk.status]}`}>
          <Icon name={ICON[bulk.status]} spin={bulk.status === "RUNNING"} />
          {t(`bulk.${bulk.status}`)}
        </span>
      </Cell>
      <Cell of={column.done}>
        {number(bulk.done)} / {number(bulk.matched)}
      </Cell>
      <Cell of={column.skipped}>
        <span title={bulk.reason ?? undefined}>{number(bulk.skipped + bulk.failed)}</span>
        {bulk.reason && <div class="muted reason">{bulk.reason}</div>}
      </Cell>
      <Cell of={column.who}>{bulk.who || "–"}</Cell>
      <Cell of={column.began}>
        <Age of={bulk.createdAt} />
      </Cell>
      <Cell of={column.act} bare>
        {bulk.status === "RUNNING" && may(CAPABILITY[action]) && (
          <Button
            icon="stop"
            onClick={() =>
              void told(async () => {
                await api.abort(bulk.id);
                return t("bulk.aborted");
              })
            }
          >
            {t("bulk.abort")}
          </Button>
        )}
      </Cell>
    </tr>
  );
}

/** Every bulk action as a record: who did what to which jobs, how far it is, and its end. */
export function ActionsPage() {
  const wait = useMemo(() => watching(WATCH, SLOWEST), []);
  const { value, problem } = useFresh(
    async () => (await api.bulks(null)).actions,
    "",
    WATCH,
    (bulks) => {
      const running = bulks?.filter(({ status }) => status === "RUNNING") ?? [];
      return running.length ? wait(running) : 0;
    },
  );
  const bulks = value.value;
  return (
    <TablePage title="nav.actions" problem={problem.value}>
      {bulks?.length === 0 && (
        <section class="empty">
          <h2>{t("bulk.none")}</h2>
          <p>{t("bulk.none.detail")}</p>
        </section>
      )}
      {bulks !== null && bulks.length > 0 && (
        <Table label={t("nav.actions")} columns={Object.values(columns())}>
          {bulks.map((bulk) => (
            <Row key={bulk.id} bulk={bulk} />
          ))}
        </Table>
      )}
    </TablePage>
  );
}
