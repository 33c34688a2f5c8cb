import { t } from "../i18n";
import { path, type Edge } from "../lifecycle";
import type { JobDetails, Status } from "../types";
import { STATUSES } from "../types";

const WIDTH = 118;
const HEIGHT = 30;

/** Upper left corners. */
const AT: Record<Status, [number, number]> = {
  PENDING: [1, 65],
  PROCESSING: [161, 65],
  RETRY_PENDING: [161, 1],
  FAILED: [321, 1],
  COMPLETED: [321, 65],
  CANCELLED: [321, 129],
};

/** Each transition: its line, and the arrow's tip and direction in degrees. */
const EDGES: Partial<Record<Edge, [string, number, number, number]>> = {
  "PENDING>PROCESSING": ["M119 80H155", 160, 80, 0],
  "PROCESSING>COMPLETED": ["M279 80H315", 320, 80, 0],
  "PROCESSING>FAILED": ["M279 73C300 73 298 16 315 16", 320, 16, 0],
  "PROCESSING>CANCELLED": ["M279 87C300 87 298 140 315 140", 320, 140, 0],
  "PROCESSING>RETRY_PENDING": ["M240 65V37", 240, 32, -90],
  "RETRY_PENDING>PROCESSING": ["M200 31V59", 200, 64, 90],
  "PENDING>CANCELLED": ["M60 95C60 150 90 150 130 150H315", 320, 150, 0],
};
/** Drawn only where they were taken. */
const RARE: Partial<Record<Edge, [string, number, number, number]>> = {
  "PROCESSING>PENDING": ["M190 95C190 118 85 118 85 101", 85, 96, -90],
  "RETRY_PENDING>CANCELLED": ["M279 10C312 10 288 134 315 134", 320, 134, 0],
};

/** The life cycle, with the path that this job took. */
export function Diagram({ job }: { job: JobDetails }) {
  const taken = path(job);
  const edges = [
    ...Object.entries(EDGES),
    ...Object.entries(RARE).filter(([edge]) => taken.has(edge as Edge)),
  ].sort(([a], [b]) => Number(taken.has(a as Edge)) - Number(taken.has(b as Edge)));
  const visited = new Set<string>([...taken].flatMap((edge) => edge.split(">")));
  return (
    <svg
      class="diagram"
      viewBox="0 0 440 160"
      role="img"
      aria-label={t("diagram", { status: t(`status.${job.status}`) })}
    >
      {edges.map(([edge, [line, x, y, angle]]) => (
        <g key={edge} class={taken.has(edge as Edge) ? "edge lit" : "edge"}>
          <path d={line} />
          <path
            class="tip"
            d="M0 0-7-3.5V3.5Z"
            transform={`translate(${x} ${y}) rotate(${angle})`}
          />
        </g>
      ))}
      {STATUSES.map((status) => {
        const [x, y] = AT[status];
        const here = status === job.status;
        return (
          <g
            key={status}
            class={`node is-${status}${here ? " here" : visited.has(status) ? " visited" : ""}`}
            transform={`translate(${x} ${y})`}
          >
            <rect width={WIDTH} height={HEIGHT} rx="8" />
            <text x={WIDTH / 2} y={HEIGHT / 2}>
              {t(`status.${status}`)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
