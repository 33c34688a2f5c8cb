// A limit in a few words.

import { number, t } from "./i18n";
import type { LimitName } from "./limitform";
import { duration } from "./time";
import type { Limits, Rate } from "./types";

const rate = ({ limit, per = 1 }: Rate): string => `${number(limit)} / ${duration(per * 1000)}`;

/** `at most 10 at a time`, `100 / 1m`, `5 / 30s per key` */
export function limitText(name: LimitName, value: NonNullable<Limits[LimitName]>): string {
  if (typeof value === "number")
    return name === "concurrency"
      ? t("limit.concurrency", { limit: value })
      : t("limit.key", { limit: number(value) });
  if ("failures" in value)
    return t("limit.budget", {
      failures: value.failures,
      probe: duration((value.probe ?? 30) * 1000),
    });
  return name === "rateLimit" ? rate(value) : t("limit.key", { limit: rate(value) });
}
