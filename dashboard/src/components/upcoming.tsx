import { useEffect, useRef, useState } from "preact/hooks";
import { explainError } from "../actions";
import * as api from "../api";
import { byClock } from "../cadence";
import { t } from "../i18n";
import { duration, full, now } from "../time";
import type { Ticks } from "../types";

/** Milliseconds without a key before the server is asked. */
const TYPED = 300;

/** The next times of a schedule. */
export const Times = ({ of: { tz, times } }: { of: Ticks }) => (
  <ol class="times figures">
    {times.map((time) => (
      <li key={time}>
        <time dateTime={time} title={full(Date.parse(time))}>
          {byClock(time, tz)}
        </time>{" "}
        <span class="muted">
          {t("due.in", { time: duration(Math.max(0, Date.parse(time) - now.value)) })}
        </span>
      </li>
    ))}
  </ol>
);

/** When what is being typed would run, or what is wrong with it. */
export function Preview({ when }: { when: Record<string, string> }) {
  const [found, setFound] = useState<Ticks | null>(null);
  const [problem, setProblem] = useState("");
  const turn = useRef(0);
  const asked = JSON.stringify(when);
  useEffect(() => {
    const mine = ++turn.current;
    if (!(when.cron || when.every)) {
      setFound(null);
      setProblem("");
      return;
    }
    const timer = setTimeout(() => {
      api.ticks(when).then(
        (ticks) => {
          if (mine !== turn.current) return;
          setFound(ticks);
          setProblem("");
        },
        (error: unknown) => {
          const said = explainError(error);
          if (mine !== turn.current) return;
          setFound(null);
          setProblem(said);
        },
      );
    }, TYPED);
    return () => clearTimeout(timer);
  }, [asked]);
  return (
    <div class="preview" aria-live="polite">
      {problem && <p class="problem">{problem}</p>}
      {found && (
        <>
          <h3>{t("schedule.next")}</h3>
          <Times of={found} />
        </>
      )}
    </div>
  );
}
