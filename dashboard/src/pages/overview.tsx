import { useEffect } from "preact/hooks";
import * as api from "../api";
import { Attention } from "../components/attention";
import { Charts } from "../components/charts";
import { FirstRun } from "../components/empty";
import { JobLines } from "../components/joblines";
import { NextDue } from "../components/nextdue";
import { gapOf, range, RangeChoice } from "../components/ranges";
import { StatusTabs } from "../components/statustabs";
import { Verdict } from "../components/verdict";
import { useFresh } from "../fresh";
import { t } from "../i18n";
import { pulse } from "../live";
import { useRowKeys } from "../rows";

const LINES = 6;
const GAP = 3_000;

async function lately() {
  const [running, failed, lost, causes] = await Promise.all([
    api.search({ status: ["PROCESSING"] }, null, LINES),
    api.search({ status: ["FAILED"] }, null, LINES),
    api.deadJobs(),
    api.failures(1),
  ]);
  return { running: running.jobs, failed: failed.jobs, lost: lost.length, causes };
}

function Whole() {
  const stats = useFresh(() => api.stats(Number(range.value)), range.value, gapOf(range.value));
  const { value, problem } = useFresh(lately, "", GAP);
  const beat = pulse.value;
  if (!beat) return null;
  const failure = stats.problem.value || problem.value;
  return (
    <>
      <div class="above">
        <h2>{t("lately")}</h2>
        <RangeChoice />
      </div>
      {failure && (
        <p class="problem" role="alert">
          {failure}
        </p>
      )}
      {stats.value.value ? <Charts stats={stats.value.value} /> : <div class="charts empty" />}
      <NextDue />
      <div class="columns three">
        <Attention pulse={beat} lost={value.value?.lost ?? 0} causes={value.value?.causes ?? []} />
        <JobLines
          title="overview.running"
          none="overview.running.none"
          jobs={value.value?.running ?? null}
          query="status:PROCESSING"
        />
        <JobLines
          title="overview.failed"
          none="overview.failed.none"
          jobs={value.value?.failed ?? null}
          query="status:FAILED"
        />
      </div>
    </>
  );
}

/** Is everything well, and if not, where to look. */
export function OverviewPage() {
  const beat = pulse.value;
  const total = beat && Object.values(beat.counts).reduce((sum, count) => sum + count, 0);
  useRowKeys();
  useEffect(() => {
    document.title = `${t("nav.overview")} · Kiribi`;
  }, [t("nav.overview")]);
  return (
    <article class="overview">
      <h1 class="unseen">{t("nav.overview")}</h1>
      {beat && <Verdict pulse={beat} />}
      <StatusTabs pulse={beat} terms={[]} current={false} />
      {total === 0 ? <FirstRun binding={beat?.bindings[0]?.binding ?? "SEND_MAIL"} /> : <Whole />}
    </article>
  );
}
