import { area, line, stretches } from "../plot";
import { t } from "../i18n";
import { series, sum } from "../series";
import { now } from "../time";
import type { Stats } from "../types";

const WIDTH = 96;
const HEIGHT = 24;

/** What became of a binding's jobs over the time looked at: completed, and failed before it. */
export function Spark({ stats, binding }: { stats: Stats; binding: string }) {
  const own = stats.series.filter((tally) => tally.binding === binding);
  const { at, completed, failed } = series({ ...stats, series: own }, now.peek());
  const top = Math.max(1, ...completed, ...failed);
  const x = (index: number): number => 1 + ((WIDTH - 2) * index) / Math.max(1, at.length - 1);
  const y = (value: number): number => HEIGHT - 2 - ((HEIGHT - 4) * value) / top;
  const [well = []] = stretches(completed, x, y);
  const [badly = []] = stretches(failed, x, y);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t("spark", { completed: sum(completed), failed: sum(failed) })}
    >
      <g class="is-completed">
        <path class="area" d={area(well, HEIGHT - 2)} />
        <path d={line(well)} />
      </g>
      {sum(failed) > 0 && (
        <g class="is-failed">
          <path d={line(badly)} />
        </g>
      )}
    </svg>
  );
}
