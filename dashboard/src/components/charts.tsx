import { number, t, tn } from "../i18n";
import { overall, series, sum } from "../series";
import { duration, now } from "../time";
import type { Stats } from "../types";
import { Chart } from "./chart";

const compact = (value: number): string =>
  new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);

const mean = (ms: number | null): string => (ms === null ? "–" : duration(ms));

/** Throughput, times and failures of what the statistics are of. */
export function Charts({ stats }: { stats: Stats }) {
  const { at, completed, enqueued, failed, wait, run } = series(stats, now.peek());
  const failures = sum(failed);
  const all = sum(completed) + failures;
  return (
    <div class="charts">
      <Chart
        title={t("chart.throughput")}
        summary={tn("chart.throughput.sum", sum(completed), { enqueued: sum(enqueued) })}
        at={at}
        show={compact}
        scale="counts"
        lines={[
          { name: t("chart.completed"), tone: "completed", values: completed, filled: true },
          { name: t("chart.enqueued"), tone: "running", values: enqueued, dashed: true },
        ]}
      />
      <Chart
        title={t("chart.times")}
        summary={t("chart.times.sum", {
          wait: mean(overall(stats, "wait")),
          run: mean(overall(stats, "run")),
        })}
        at={at}
        scale="durations"
        show={duration}
        lines={[
          { name: t("chart.wait"), tone: "warn", values: wait },
          { name: t("chart.run"), tone: "running", values: run, dashed: true },
        ]}
      />
      <Chart
        title={t("chart.failures")}
        summary={
          all ? tn("chart.failures.sum", failures, { rate: percentage(failures / all) }) : number(0)
        }
        at={at}
        show={compact}
        scale="counts"
        lines={[{ name: t("chart.failed"), tone: "failed", values: failed, filled: true }]}
      />
    </div>
  );
}

/** `99.8%`; never 100% where something failed, nor 0% where something did not. */
export function percentage(share: number): string {
  const shown = share > 0 && share < 1 ? Math.min(Math.max(share, 0.001), 0.999) : share;
  return `${number(Math.round(shown * 1000) / 10)}%`;
}
