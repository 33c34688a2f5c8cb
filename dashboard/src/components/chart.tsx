import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { announce } from "../notices";
import { area, figures, line, moments, stretches, type Scale } from "../plot";
import { moment } from "../time";

export interface Line {
  name: string;
  tone: "completed" | "failed" | "running" | "warn";
  values: (number | null)[];
  dashed?: boolean;
  filled?: boolean;
}

interface Props {
  title: string;
  /** The whole time in words: for those who don't see the lines, and beside the title. */
  summary: string;
  /** Epoch seconds. */
  at: number[];
  lines: readonly Line[];
  scale: Scale;
  /** A value as the axis and the legend show it. */
  show: (value: number) => string;
}

const HEIGHT = 160;
const TOP = 8;
const FLOOR = HEIGHT - 22;
const LEFT = 48;
const RIGHT = 8;
/** Pixels that a time on the axis takes. */
const ROOM = 76;

/** Lines over time, with the values of the moment that is pointed at, by mouse or arrow keys. */
export function Chart({ title, summary, at, lines, scale, show }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [pointed, point] = useState<number | null>(null);
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);

  const from = at[0] ?? 0;
  const to = Math.max(at.at(-1) ?? 0, from + 1);
  const far = to - from > 86_400 * 2;
  const levels = figures(Math.max(0, ...lines.flatMap(({ values }) => values.map(Number))), scale);
  const top = levels.at(-1) ?? 1;
  const span = Math.max(1, width - LEFT - RIGHT);
  const x = (seconds: number): number => LEFT + (span * (seconds - from)) / (to - from);
  const y = (value: number): number => FLOOR - ((FLOOR - TOP) * value) / top;
  const index = pointed === null ? null : Math.min(pointed, at.length - 1);
  const said = (each: Line, index: number): string => {
    const value = each.values[index] ?? null;
    return value === null ? "–" : show(value);
  };
  const when = (index: number): string => moment((at[index] ?? 0) * 1000, far, true);

  const pointAt = (event: PointerEvent) => {
    const left = event.clientX - (box.current?.getBoundingClientRect().left ?? 0);
    const share = Math.min(Math.max((left - LEFT) / span, 0), 1);
    point(Math.round(share * (at.length - 1)));
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = Math.min(Math.max((index ?? at.length) + by, 0), at.length - 1);
    point(next);
    announce([when(next), ...lines.map((each) => `${each.name} ${said(each, next)}`)].join(", "));
  };

  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <span class="muted figures">{summary}</span>
      </figcaption>
      <div
        ref={box}
        class="plot"
        role="img"
        aria-label={`${title}: ${summary}`}
        tabIndex={0}
        onPointerMove={pointAt}
        onPointerLeave={() => point(null)}
        onKeyDown={step}
        onBlur={() => point(null)}
      >
        {width > 0 && (
          <svg width={width} height={HEIGHT}>
            {levels.map((level) => (
              <g key={level}>
                <path class="grid" d={`M${LEFT} ${y(level)}H${width - RIGHT}`} />
                <text x={LEFT - 8} y={y(level) + 4} text-anchor="end">
                  {show(level)}
                </text>
              </g>
            ))}
            {moments(from * 1000, to * 1000, span / ROOM).map((ms) => (
              <text key={ms} x={x(ms / 1000)} y={HEIGHT - 4} text-anchor="middle">
                {moment(ms, far)}
              </text>
            ))}
            {lines.map(({ name, tone, values, dashed, filled }) => (
              <g key={name} class={`is-${tone}`}>
                {stretches(values, (each) => x(at[each] ?? 0), y).map((points) => (
                  <g key={points[0]?.[0]}>
                    {filled && <path class="area" d={area(points, FLOOR)} />}
                    <path class={dashed ? "line dashed" : "line"} d={line(points)} />
                  </g>
                ))}
                {index !== null && (values[index] ?? null) !== null && (
                  <circle cx={x(at[index] ?? 0)} cy={y(values[index] ?? 0)} r={3.5} />
                )}
              </g>
            ))}
            {index !== null && <path class="pointer" d={`M${x(at[index] ?? 0)} ${TOP}V${FLOOR}`} />}
          </svg>
        )}
      </div>
      <ul class="legend">
        {lines.map((each) => (
          <li key={each.name} class={`is-${each.tone}${each.dashed ? " dashed" : ""}`}>
            {each.name}
            {index !== null && <b class="figures"> {said(each, index)}</b>}
          </li>
        ))}
        {index !== null && <li class="muted figures">{when(index)}</li>}
      </ul>
    </figure>
  );
}
