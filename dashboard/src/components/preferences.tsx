import { language, LANGUAGES, speak, t, type Language } from "../i18n";
import { signedIn, signOut, version } from "../session";
import { theme, THEMES, type Theme } from "../theme";
import { Button } from "./button";
import { Icon } from "./icons";

interface ChoiceProps<T extends string> {
  legend: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChoose: (value: T) => void;
}

const Choice = <T extends string>({ legend, options, value, onChoose }: ChoiceProps<T>) => (
  <fieldset class="choice">
    <legend>{legend}</legend>
    <div class="segments">
      {options.map(([option, text]) => (
        <label key={option} lang={option in LANGUAGES ? option : undefined}>
          <input
            type="radio"
            name={legend}
            checked={option === value}
            onChange={() => onChoose(option)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  </fieldset>
);

/** Language, theme and signing out, behind one button. */
export const Preferences = () => (
  <>
    <button
      type="button"
      class="button quiet square"
      popovertarget="preferences"
      aria-label={t("preferences")}
      title={t("preferences")}
    >
      <Icon name="gear" />
    </button>
    <div id="preferences" class="popover" popover="auto">
      <Choice<Language>
        legend={t("preferences.language")}
        options={Object.entries(LANGUAGES) as [Language, string][]}
        value={language.value}
        onChoose={speak}
      />
      <Choice<Theme>
        legend={t("preferences.theme")}
        options={THEMES.map((each) => [each, t(`theme.${each}`)] as const)}
        value={theme.value}
        onChoose={(chosen) => (theme.value = chosen)}
      />
      <div class="popover-foot muted">
        <span>Kiribi {version.value}</span>
        {signedIn.value && (
          <Button kind="quiet" onClick={() => void signOut()}>
            {t("signOut")}
          </Button>
        )}
      </div>
    </div>
  </>
);
