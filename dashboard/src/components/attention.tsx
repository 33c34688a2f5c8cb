import type { ComponentChildren } from "preact";
import { recoverLost, switchBinding } from "../actions";
import { t, tn } from "../i18n";
import { href } from "../router";
import { may } from "../session";
import { age, full, now } from "../time";
import type { Cause, Pulse } from "../types";
import { Button } from "./button";
import { Icon, type IconName } from "./icons";

/** A second is nobody's concern. */
const WORTH_SAYING = 1_000;

export const waitingOn = ({ bindings }: Pulse, name: string): number => {
  const counts = bindings.find(({ binding }) => binding === name)?.counts;
  return (counts?.PENDING ?? 0) + (counts?.RETRY_PENDING ?? 0);
};

const waitingJobs = (binding: string): string =>
  href("jobs", { q: `binding:${binding} status:PENDING,RETRY_PENDING` });

interface ItemProps {
  icon: IconName;
  tone: string;
  children: ComponentChildren;
}

const Item = ({ icon, tone, children }: ItemProps) => (
  <li class={`is-${tone}`}>
    <Icon name={icon} />
    {children}
  </li>
);

interface Props {
  pulse: Pulse;
  /** Jobs of workers that were lost. */
  lost: number;
  /** Of the last hour. */
  causes: readonly Cause[];
}

/** So many causes are named; the others are on a page of their own. */
const CAUSES = 3;

/** What waits for somebody: what fails again and again, what no worker serves, what is paused, lost or late. */
export function Attention({ pulse, lost, causes }: Props) {
  const repeated = causes
    .filter(({ count }) => count > 1)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, CAUSES);
  const { paused, oldestDueAt, oldestDueId } = pulse;
  const unserved = pulse.unserved.filter((name) => waitingOn(pulse, name) > 0);
  const waits = oldestDueAt ? now.value - Date.parse(oldestDueAt) : 0;
  const late = oldestDueAt !== null && oldestDueId !== null && waits >= WORTH_SAYING;
  return (
    <section class="card attention">
      <h2>{t("attention")}</h2>
      <ul class="rows">
        {unserved.map((name) => (
          <Item key={`unserved ${name}`} icon="warn" tone="warn">
            <a href={waitingJobs(name)}>
              {tn("verdict.unserved", waitingOn(pulse, name), { bindings: name })}
            </a>
          </Item>
        ))}
        {lost > 0 && (
          <Item icon="warn" tone="bad">
            <a href={href("jobs", { q: "status:PROCESSING" })}>{tn("attention.lost", lost)}</a>
            {may("jobs.retry") && (
              <Button onClick={() => void recoverLost()}>{t("attention.recover")}</Button>
            )}
          </Item>
        )}
        {paused.map((name) => (
          <Item key={`paused ${name}`} icon="pause" tone="warn">
            <a href={waitingJobs(name)}>
              {tn("attention.paused", waitingOn(pulse, name), { binding: name })}
            </a>
            {may("bindings.pause") && (
              <Button icon="play" onClick={() => void switchBinding(name, "resume")}>
                {t("resume")}
              </Button>
            )}
          </Item>
        ))}
        {repeated.map(({ fingerprint, binding, type, count }) => (
          <Item key={fingerprint} icon="failed" tone="bad">
            <a href={href("jobs", { q: `status:FAILED fingerprint:${fingerprint}` })}>
              {tn("attention.same", count, { binding, type })}
            </a>
          </Item>
        ))}
        {late && (
          <Item icon="pending" tone="PENDING">
            <a href={href(`jobs/${oldestDueId}`)} title={full(Date.parse(oldestDueAt))}>
              {t("attention.oldest", { age: age(waits) })}
            </a>
          </Item>
        )}
      </ul>
      {!late && !unserved.length && !paused.length && !lost && !repeated.length && (
        <p class="muted">{t("attention.none")}</p>
      )}
    </section>
  );
}
