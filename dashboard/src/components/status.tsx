import { t } from "../i18n";
import type { Status as JobStatus } from "../types";
import { Icon, STATUS_ICON } from "./icons";

/** A job's status: shape, word and colour, so that none of them carries it alone. */
export const Status = ({ of, stopping = false }: { of: JobStatus; stopping?: boolean }) => (
  <span class={`status is-${of}`}>
    <Icon name={STATUS_ICON[of]} spin={of === "PROCESSING"} />
    {stopping ? t("status.stopping") : t(`status.${of}`)}
  </span>
);
