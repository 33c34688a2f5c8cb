import { language, t, tn } from "../i18n";
import { percent, timeline, type Stretch, type Timeline } from "../timeline";
import { clock, duration, full, now } from "../time";
import type { JobDetails, Outcome } from "../types";
import { Copy } from "./copy";
import { Icon, type IconName } from "./icons";
import { ShortId } from "./shortid";

const ICON: Record<Outcome | "running", IconName> = {
  completed: "completed",
  failed: "failed",
  crashed: "warn",
  cancelled: "cancelled",
  snoozed: "pending",
  released: "left",
  running: "processing",
};

/** Where on the job's whole time this stretch waited and ran. */
function Bar({ of, line }: { of: Stretch; line: Timeline }) {
  const outcome = of.attempt?.outcome ?? "running";
  const [from, start, end] = [of.from, of.start, of.end].map((ms) => percent(line, ms)) as [
    number,
    number,
    number,
  ];
  return (
    <div class="bar" aria-hidden="true">
      <i class="wait" style={{ left: `${from}%`, width: `${start - from}%` }} />
      <i
        class={`run is-${outcome}`}
        style={{ left: `min(${start}%, 100% - 4px)`, width: `max(${end - start}%, 4px)` }}
      />
    </div>
  );
}

/** `412 MB` */
const bytes = (count: number): string =>
  new Intl.NumberFormat(language.value, {
    style: "unit",
    unit: "megabyte",
    maximumFractionDigits: 0,
  }).format(count / 1_000_000);

function One({ of, line, open }: { of: Stretch; line: Timeline; open: boolean }) {
  const { attempt } = of;
  const outcome = attempt?.outcome ?? "running";
  const trace = attempt?.traceback;
  const died = attempt?.exit && [
    attempt.exit.signal ?? t("exit.code", { code: attempt.exit.code ?? "–" }),
    attempt.exit.peakMemory !== null &&
      t("exit.memory", { memory: bytes(attempt.exit.peakMemory) }),
  ];
  return (
    <li class={`attempt is-${outcome}`}>
      <div class="line">
        <span class="number figures">#{of.number}</span>
        <span class={`outcome is-${outcome}`}>
          <Icon name={ICON[outcome]} spin={outcome === "running"} />
          {t(`outcome.${outcome}`)}
        </span>
        <time
          class="muted figures"
          dateTime={new Date(of.start).toISOString()}
          title={full(of.start)}
        >
          {clock(of.start)}
        </time>
        <span class="figures">
          <span class="muted">{t("waited")}</span> {duration(of.start - of.from)}
        </span>
        <span class="figures">
          <span class="muted">{t("ran")}</span> {duration(of.end - of.start)}
        </span>
        {died && <span class="muted">{died.filter(Boolean).join(", ")}</span>}
        {attempt?.worker && (
          <span class="worker muted">
            {t("fact.worker")} <ShortId of={attempt.worker} />
          </span>
        )}
      </div>
      <Bar of={of} line={line} />
      {attempt?.error && (
        <p class="cause">
          {attempt.errorType && <b>{attempt.errorType}</b>} {attempt.error}
        </p>
      )}
      {trace && (
        <details class="trace" open={open}>
          <summary>{t("traceback")}</summary>
          <div class="code">
            <pre tabIndex={0}>{trace}</pre>
            <Copy text={() => trace} />
          </div>
        </details>
      )}
    </li>
  );
}

/** Every attempt, latest first: how long it waited, how long it ran, what came of it. */
export function Attempts({ job }: { job: JobDetails }) {
  const line = timeline(job, now.value);
  const latest = line.stretches.toReversed();
  const left = line.next === null ? 0 : line.next - now.value;
  return (
    <section class="card attempts-card">
      <h2>{t("attempts.title")}</h2>
      <ol class="attempts" reversed>
        {line.next !== null && (
          <li class="attempt upcoming">
            <div class="line">
              <span class="number figures">#{job.attempts + 1}</span>
              <span class="outcome">
                <Icon name="pending" />
                {left > 0 ? t("due.in", { time: duration(left) }) : t("due.now")}
              </span>
              <time class="muted figures" dateTime={job.dueAt} title={full(line.next)}>
                {clock(line.next)}
              </time>
            </div>
          </li>
        )}
        {latest.map((each, index) => (
          <One
            key={each.number}
            of={each}
            line={line}
            open={index === 0 && job.status === "FAILED"}
          />
        ))}
      </ol>
      {line.forgotten > 0 && <p class="muted">{tn("forgotten", line.forgotten)}</p>}
      {!latest.length && line.next === null && <p class="muted">{t("attempts.none")}</p>}
    </section>
  );
}
