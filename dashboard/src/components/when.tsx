import { absolute, age, duration, full, local, now } from "../time";

/** How long ago; the moment itself on hover, or instead. */
export function Age({ of }: { of: string }) {
  const ms = Date.parse(of);
  return (
    <time dateTime={of} title={full(ms)}>
      {absolute.value ? local(ms) : age(Math.max(0, now.value - ms))}
    </time>
  );
}

/** A moment, local, to the second. */
export const Moment = ({ of }: { of: string }) => (
  <time dateTime={of} title={full(Date.parse(of))}>
    {local(Date.parse(of))}
  </time>
);

/** How long a running thing has run so far. */
export const Running = ({ since }: { since: string }) => (
  <span class="running">{duration(Math.max(0, now.value - Date.parse(since)))}</span>
);
