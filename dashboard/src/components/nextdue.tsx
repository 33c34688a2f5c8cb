import * as api from "../api";
import { useFresh } from "../fresh";
import { t } from "../i18n";
import { href } from "../router";
import { duration, full, now } from "../time";

/** Milliseconds between looks: times to come are known for long. */
const GAP = 15_000;
const SHOWN = 3;

/** What the schedules will run next; nothing where there are none. */
export function NextDue() {
  const { value } = useFresh(api.schedules, "", GAP);
  const coming = (value.value ?? [])
    .flatMap(({ name, nextAt }) => (nextAt ? [{ name, at: Date.parse(nextAt) }] : []))
    .filter(({ at }) => at > now.value)
    .toSorted((a, b) => a.at - b.at)
    .slice(0, SHOWN);
  if (coming.length === 0) return null;
  return (
    <p class="nextdue muted">
      {t("overview.next")}{" "}
      {coming.map(({ name, at }, index) => (
        <span key={name}>
          {index > 0 && " · "}
          <a href={href("schedules")} title={full(at)}>
            {name}
          </a>{" "}
          <span class="figures">{t("due.in", { time: duration(at - now.value) })}</span>
        </span>
      ))}
    </p>
  );
}
