// Line icons, drawn on 16 × 16.

import type { Status } from "../types";

const PATHS = {
  pending: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3l2 1.5",
  processing: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  retry: "M13.2 6.5A5.5 5.5 0 1 0 13.5 8M13.5 3v3.5H10",
  completed: "M2.8 8.6 6.3 12l7-7.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM4.2 11.8l7.6-7.6",
  plus: "M8 3v10M3 8h10",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3 13.8 13.8",
  close: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  left: "M9.5 3.5 5 8l4.5 4.5",
  right: "M6.5 3.5 11 8l-4.5 4.5",
  down: "M3.5 6.5 8 11l4.5-4.5",
  up: "M8 13V3.5M4 7l4-4 4 4",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3Z",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5",
  stop: "M4.5 4.5h7v7h-7Z",
  play: "M5 3.5v9l7.5-4.5Z",
  duplicate: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3ZM6.8 7.2v4M4.8 9.2h4",
  gear: "M3 4.5h6M12 4.5h1M3 11.5h1M7 11.5h6M9 4.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0ZM4 11.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0Z",
  help: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM6.4 6.4c.2-2 3.2-2 3.2 0 0 1.3-1.6 1.3-1.6 2.6M8 11v.2",
  warn: "M8 2.5 14 13H2ZM8 6.5v3M8 11.2v.2",
  external: "M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3 7.5 8.5",
  edit: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3ZM9 4.7 11.3 7",
  gauge: "M3 12a5.8 5.8 0 1 1 10 0M8 9l2.5-3",
  star: "M8 2.5 9.7 6l3.8.5-2.8 2.7.7 3.8L8 11.2 4.6 13l.7-3.8L2.5 6.5 6.3 6Z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  offline: "M2 6.5c3.5-3.4 8.5-3.4 12 0M4.5 9.2c2-2 5-2 7 0M8 12.3v.2M2.5 2.5l11 11",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name, spin = false }: { name: IconName; spin?: boolean }) => (
  <svg class={spin ? "icon spin" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);

export const STATUS_ICON: Record<Status, IconName> = {
  PENDING: "pending",
  PROCESSING: "processing",
  RETRY_PENDING: "retry",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
};
