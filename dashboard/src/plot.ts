// The geometry of charts: axes in round figures, lines that break where nothing is known.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map((n) => n * MINUTE);
const DAYS = [1, 2, 3, 7, 14, 28].map((n) => n * DAY);
const ROUND = [1, 2, 5, 10];
/** Of durations from a second on: tens of seconds are not round in minutes. */
const DURATIONS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600].map((n) => n * 1000);

export type Scale = "counts" | "durations";

/** From 0 on, at most `most + 1` round figures, the last no less than `top`. */
export function figures(top: number, of: Scale, most = 4): number[] {
  const least = Math.max(top, 1) / most;
  const size = 10 ** Math.floor(Math.log10(least));
  const decimal = size * (ROUND.find((n) => n * size >= least) ?? 10);
  const step =
    of === "counts"
      ? Math.max(1, decimal)
      : (decimal > 500 && DURATIONS.find((each) => each >= least)) || decimal;
  const count = Math.max(1, Math.ceil(top / step));
  return Array.from({ length: count + 1 }, (_, n) => n * step);
}

/** Local moments between two times, round, at most `most` of them; all epoch milliseconds. */
export function moments(from: number, to: number, most: number): number[] {
  const fits = (step: number): boolean => (to - from) / step <= most;
  const day = new Date(from);
  day.setHours(0, 0, 0, 0);
  const found: number[] = [];
  const short = TIMES.find(fits);
  if (short) {
    for (let at = day.getTime(); at <= to; at += short) if (at >= from) found.push(at);
    return found;
  }
  const days = (DAYS.find(fits) ?? Math.ceil((to - from) / most / DAY) * DAY) / DAY;
  // a day is not always 24 hours long
  for (; day.getTime() <= to; day.setDate(day.getDate() + days))
    if (day.getTime() >= from) found.push(day.getTime());
  return found;
}

export type Point = readonly [x: number, y: number];

/** The stretches of a line: it ends where a value is missing. */
export function stretches(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): Point[][] {
  const found: Point[][] = [[]];
  values.forEach((value, index) => {
    if (value !== null) found.at(-1)?.push([x(index), y(value)]);
    else if (found.at(-1)?.length) found.push([]);
  });
  return found.filter((points) => points.length);
}

const pair = ([x, y]: Point): string => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;

/** The `d` of a line; a point by itself is a dot, if its ends are round. */
export const line = (points: readonly Point[]): string =>
  `M${points.map(pair).join("L")}${points.length === 1 ? "h0" : ""}`;

/** The `d` of what is below a line, down to `floor`. */
export const area = (points: readonly Point[], floor: number): string =>
  `${line(points)}V${floor}H${pair(points[0] ?? [0, 0]).split(" ")[0]}Z`;
