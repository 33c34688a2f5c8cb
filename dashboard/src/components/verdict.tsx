import { t, tn } from "../i18n";
import { href } from "../router";
import { age, full, now } from "../time";
import type { Level, Pulse } from "../types";
import { Icon, type IconName } from "./icons";

const ICONS: Record<Level, IconName> = { ok: "completed", warn: "warn", bad: "failed" };

const waiting = (pulse: Pulse, names: readonly string[]): number =>
  pulse.bindings
    .filter(({ binding }) => names.includes(binding))
    .reduce((sum, { counts }) => sum + (counts.PENDING ?? 0) + (counts.RETRY_PENDING ?? 0), 0);

const LATE = 60_000;

const late = ({ oldestDueAt }: Pulse): boolean =>
  oldestDueAt !== null && now.value - Date.parse(oldestDueAt) > LATE;

/** What there is to see, in one sentence: the server's, or ours where we know it in the language. */
function sentence(pulse: Pulse): string {
  const { unserved, paused, workers, health } = pulse;
  const left = waiting(pulse, unserved);
  if (left) return tn("verdict.unserved", left, { bindings: unserved.join(", ") });
  if (workers === 0 && health.level !== "ok") return t("verdict.noWorkers");
  if (late(pulse)) return t("verdict.late");
  if (paused.length) return t("verdict.paused", { bindings: paused.join(", ") });
  if (health.level !== "ok") return health.message;
  const running = pulse.counts.PROCESSING ?? 0;
  return running ? tn("verdict.running", running) : t("verdict.ok");
}

/** Is everything well? */
export function Verdict({ pulse }: { pulse: Pulse }) {
  const { oldestDueAt, workers, health } = pulse;
  const failed = pulse.counts.FAILED ?? 0;
  const waits = oldestDueAt ? now.value - Date.parse(oldestDueAt) : 0;
  return (
    <div class={`verdict is-${health.level}`}>
      <Icon name={ICONS[health.level]} />
      <p>
        <strong>{sentence(pulse)}</strong>
        <span class="muted">
          {tn("workers", workers)}
          {failed > 0 && (
            <>
              {" · "}
              <a href={href("jobs", { q: "status:FAILED" })}>{tn("verdict.failed", failed)}</a>
            </>
          )}
          {oldestDueAt && waits >= 1000 && (
            <span title={full(Date.parse(oldestDueAt))}>
              {" · "}
              {t("verdict.oldest", { age: age(waits) })}
            </span>
          )}
        </span>
      </p>
    </div>
  );
}
