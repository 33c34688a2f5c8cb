import { signal } from "@preact/signals";
import { t } from "../i18n";
import { remember, remembered } from "../memory";
import { Choice } from "./choice";

export const RANGES = ["1", "24", "168"] as const;
export type Range = (typeof RANGES)[number];

/** Hours that charts and figures look back. */
export const range = signal<Range>(RANGES.find((each) => each === remembered("range")) ?? "24");

export const RangeChoice = () => (
  <Choice<Range>
    legend={t("range")}
    options={RANGES.map((each) => [each, t(`range.${each}`)] as const)}
    value={range.value}
    onChoose={(chosen) => {
      range.value = chosen;
      remember("range", chosen);
    }}
  />
);

/** Milliseconds between looks at statistics of that many hours: none shows a step of less. */
export const gapOf = (hours: Range): number => (hours === "1" ? 10_000 : 30_000);
