import { number, t } from "../i18n";
import { format, toFilter, withTerm, type Term } from "../query";
import { href } from "../router";
import { STATUSES, type Pulse, type Status } from "../types";
import { Icon, STATUS_ICON } from "./icons";

/** How many there are of each status, of the bindings looked at. */
function totals(pulse: Pulse, bindings: readonly string[]): Record<Status, number> {
  const parts = bindings.length
    ? pulse.bindings.filter(({ binding }) => bindings.includes(binding)).map(({ counts }) => counts)
    : [pulse.counts];
  const sum = (status: Status) => parts.reduce((total, part) => total + (part[status] ?? 0), 0);
  return Object.fromEntries(STATUSES.map((s) => [s, sum(s)])) as Record<Status, number>;
}

interface Props {
  pulse: Pulse | null;
  terms: readonly Term[];
  /** Whether the jobs on screen are of one of them. */
  current?: boolean;
}

/** Counts by status; each leads to its jobs. */
export function StatusTabs({ pulse, terms, current = true }: Props) {
  const { status, binding = [] } = toFilter(terms, 0);
  const counts = pulse && totals(pulse, binding);
  const to = (value: Status | null) =>
    href("jobs", { q: format(withTerm(terms, "status", value)) });
  const sum = counts && Object.values(counts).reduce((total, count) => total + count, 0);
  return (
    <nav class="tabs" aria-label={t("tabs")}>
      <a href={to(null)} aria-current={status || !current ? undefined : "true"}>
        <span class="name">{t("status.all")}</span>
        <b>{sum === null ? "–" : number(sum)}</b>
      </a>
      {STATUSES.map((each) => (
        <a
          key={each}
          href={to(each)}
          class={`is-${each}${counts && counts[each] === 0 ? " none" : ""}`}
          aria-current={status?.includes(each) ? "true" : undefined}
        >
          <span class="name">
            <Icon name={STATUS_ICON[each]} />
            {t(`status.${each}`)}
          </span>
          <b>{counts ? number(counts[each]) : "–"}</b>
        </a>
      ))}
    </nav>
  );
}
