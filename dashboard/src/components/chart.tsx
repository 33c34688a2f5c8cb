import { useEffect, useRef } from "preact/hooks";
import type uPlotType from "uplot";
import { language } from "../i18n";
import { dark } from "../theme";
import { moment } from "../time";

export interface Line {
  name: string;
  /** A colour of the theme, without its dashes. */
  tone: "completed" | "failed" | "processing" | "pending" | "retry";
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
  /** A value as the axis and the legend show it. */
  show: (value: number) => string;
  /** Values are counts: there is nothing between two of them. */
  whole?: boolean;
}

const HEIGHT = 160;
const WHOLE = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((n) => [n, 2 * n, 5 * n]);

function options(
  { at, lines, show, whole }: Props,
  width: number,
  colour: (name: string) => string,
): uPlotType.Options {
  const axis = {
    stroke: colour("muted"),
    font: "11px system-ui",
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const far = (at.at(-1) ?? 0) - (at[0] ?? 0) > 86_400 * 2;
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.08, 1)] } },
    axes: [
      { ...axis, size: 28, values: (_, splits) => splits.map((each) => moment(each * 1000, far)) },
      {
        ...axis,
        size: 52,
        ...(whole && { incrs: WHOLE }),
        values: (_, values) => values.map(show),
      },
    ],
    series: [
      { label: "", value: (_, at) => (at ? moment(at * 1000, far, true) : "") },
      ...lines.map((line) => ({
        label: line.name,
        stroke: colour(line.tone),
        width: 2,
        ...(line.dashed && { dash: [5, 4] }),
        ...(line.filled && { fill: colour(`${line.tone}-soft`) }),
        points: { size: 4 },
        value: (_: unknown, value: number | null) => (value === null ? "–" : show(value)),
      })),
    ],
  };
}

/** Lines over time, drawn by uPlot, which comes with the first chart. */
export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<{ plot: uPlotType; key: string } | null>(null);
  const key = `${dark.value} ${language.value} ${props.lines.length} ${props.at.length}`;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let gone = false;
    const data = () => [props.at, ...props.lines.map(({ values }) => values)] as never;
    if (drawn.current?.key === key) {
      drawn.current.plot.setData(data());
      return;
    }
    const draw = (Plot: typeof uPlotType) => {
      if (gone) return; // a newer one is on its way
      const probe = getComputedStyle(element);
      // a custom property keeps light-dark() as it is written: a real one has chosen
      const colour = (name: string) => {
        element.style.color = `var(--${name})`;
        return probe.color;
      };
      drawn.current?.plot.destroy();
      const made = options(props, element.clientWidth || 300, colour);
      element.style.color = "";
      drawn.current = { plot: new Plot(made, data(), element), key };
    };
    void import("uplot").then(({ default: Plot }) => draw(Plot));
    return () => {
      gone = true;
    };
  });
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width;
      if (width) drawn.current?.plot.setSize({ width, height: HEIGHT });
    });
    if (box.current) watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      drawn.current?.plot.destroy();
      drawn.current = null;
    };
  }, []);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{props.title}</h2>
        <span class="muted figures">{props.summary}</span>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={`${props.title}: ${props.summary}`} />
    </figure>
  );
}
