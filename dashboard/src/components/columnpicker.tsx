import { COLUMNS, hidden, toggle } from "../columns";
import { t } from "../i18n";
import { Icon } from "./icons";

/** Which columns to show. */
export const ColumnPicker = () => (
  <div class="picker">
    <button type="button" class="button quiet" popovertarget="columns">
      <Icon name="gear" />
      <span>{t("columns")}</span>
    </button>
    <div id="columns" class="popover" popover="auto">
      <fieldset>
        <legend class="unseen">{t("columns")}</legend>
        {COLUMNS.map((name) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={!hidden.value.includes(name)}
              onChange={() => toggle(name)}
            />
            {t(`column.${name}`)}
          </label>
        ))}
      </fieldset>
    </div>
  </div>
);
