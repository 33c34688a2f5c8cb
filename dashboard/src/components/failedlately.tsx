import { t } from "../i18n";
import { now } from "../time";
import type { Job } from "../types";

const WIDTH = 192;
const HEIGHT = 24;
const STEPS = 48;

/** When the latest failed jobs of a cause failed, over the hours looked at. */
export function FailedLately({ jobs, hours }: { jobs: readonly Job[]; hours: number }) {
  const from = now.peek() - hours * 3_600_000;
  const ended = jobs.map((job) => Date.parse(job.finishedAt ?? job.updatedAt));
  const within = ended.filter((ms) => ms >= from);
  const steps = new Array<number>(STEPS).fill(0);
  for (const ms of within) {
    const at = Math.floor(((ms - from) / (hours * 3_600_000)) * STEPS);
    steps[Math.min(STEPS - 1, at)]! += 1;
  }
  const top = Math.max(1, ...steps);
  return (
    <svg
      class="spark wide is-failed"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t("spark.failed", { count: within.length })}
    >
      <path d={`M0 ${HEIGHT - 1}H${WIDTH}`} />
      {steps.map((count, at) => {
        const height = ((HEIGHT - 2) * count) / top;
        return count > 0 && <rect x={at * 4} y={HEIGHT - 1 - height} width={3} height={height} />;
      })}
    </svg>
  );
}
