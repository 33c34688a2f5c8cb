import { useEffect, useRef } from "preact/hooks";
import { composing, switchBinding } from "../actions";
import * as api from "../api";
import { Button } from "../components/button";
import { Charts, percentage } from "../components/charts";
import { Icon } from "../components/icons";
import { JobLines } from "../components/joblines";
import { limiting } from "../components/limitseditor";
import { JsonCard } from "../components/jsontree";
import { gapOf, range, RangeChoice } from "../components/ranges";
import { StatusTabs } from "../components/statustabs";
import { useFresh } from "../fresh";
import { number, t } from "../i18n";
import { useKeys } from "../keys";
import { pulse } from "../live";
import { parse } from "../query";
import { go, href } from "../router";
import { useRowKeys } from "../rows";
import { ended, successRate } from "../series";
import { may } from "../session";
import { duration } from "../time";
import type { Json, Tally } from "../types";
import { MissingPage } from "./missing";

const LINES = 8;

async function lately(name: string) {
  const [all, failed] = await Promise.all([
    api.bindings(),
    api.search({ binding: [name], status: ["FAILED"] }, null, LINES),
  ]);
  return { details: all.find((each) => each.name === name), failed: failed.jobs };
}

const time = (ms: number | null): string => (ms === null ? "–" : duration(ms));

/** What became of its attempts, and how long they took: of so many in a hundred, no longer. */
function Figures({ of }: { of: Tally }) {
  const rate = successRate(of);
  const facts: [string, string][] = [
    [t("column.ended"), number(ended(of))],
    [t("column.success"), rate === null ? "–" : percentage(rate)],
    [t("fact.retried"), number(of.retried)],
    [t("fact.crashes"), number(of.crashed)],
    [t("fact.wait"), [of.waitP50, of.waitP95, of.waitP99].map(time).join(" / ")],
    [t("fact.run"), [of.runP50, of.runP95, of.runP99].map(time).join(" / ")],
  ];
  return (
    <dl class="card facts figures">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** One kind of job: how it fares, what it takes, and the switch that holds it. */
export function BindingPage({ rest: name }: { rest: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const stats = useFresh(
    () => api.stats(Number(range.value), name),
    `${name} ${range.value}`,
    gapOf(range.value),
  );
  const { value, problem } = useFresh(() => lately(name), name, 5_000);
  const beat = pulse.value;
  const tally = stats.value.value?.bindings.find(({ binding }) => binding === name);
  const details = value.value?.details;
  const paused = beat?.paused.includes(name) ?? false;
  const switched = paused ? "resume" : "pause";
  const flip = () => void switchBinding(name, switched);
  const limit = details?.limits && may("bindings.limit") && (() => (limiting.value = details));
  useRowKeys();
  useKeys({
    ...(may("bindings.pause") && { p: flip }),
    ...(limit && { e: limit }),
    Escape: () => go(href("bindings")),
    u: () => go(href("bindings")),
  });
  useEffect(() => {
    document.title = `${name} · Kiribi`;
    heading.current?.focus();
  }, [name]);
  const known = details ?? beat?.bindings.find(({ binding }) => binding === name);
  if (value.value && !known) return <MissingPage />;
  return (
    <article class="job">
      <nav class="crumbs" aria-label={t("crumbs")}>
        <a href={href("bindings")}>
          <Icon name="left" />
          {t("nav.bindings")}
        </a>
      </nav>
      <header class="title">
        <div class="names">
          <h1 ref={heading} tabIndex={-1}>
            {name}
          </h1>
          {paused && (
            <span class="status is-warn">
              <Icon name="pause" />
              {t("binding.paused")}
            </span>
          )}
        </div>
        <div class="actions">
          {may("bindings.pause") && (
            <Button icon={paused ? "play" : "pause"} shortcut="p" onClick={flip}>
              {t(switched)}
            </Button>
          )}
          {limit && (
            <Button icon="gauge" shortcut="e" onClick={limit}>
              {t("binding.limits")}
            </Button>
          )}
          {may("jobs.enqueue") && (
            <Button icon="plus" onClick={() => (composing.value = { binding: name })}>
              {t("new")}
            </Button>
          )}
        </div>
      </header>
      {(problem.value || stats.problem.value) && (
        <p class="problem" role="alert">
          {problem.value || stats.problem.value}
        </p>
      )}
      <StatusTabs pulse={beat} terms={parse(`binding:${name}`)} current={false} />
      <div class="above">
        <h2>{t("lately")}</h2>
        <RangeChoice />
      </div>
      {tally && <Figures of={tally} />}
      {stats.value.value ? <Charts stats={stats.value.value} /> : <div class="charts empty" />}
      <div class="columns">
        <JobLines
          title="overview.failed"
          none="overview.failed.none"
          jobs={value.value?.failed ?? null}
          query={`binding:${name} status:FAILED`}
        />
        {details && (
          <JsonCard title={t("binding.defaults")} value={(details.defaults ?? {}) as Json} />
        )}
        {details?.limits && Object.values(details.limits).some(Boolean) && (
          <JsonCard title={t("binding.limits")} value={details.limits as unknown as Json} />
        )}
        {details?.schema && <JsonCard title={t("binding.schema")} value={details.schema as Json} />}
      </div>
    </article>
  );
}
