import { language, LANGUAGES, speak, t, type Language } from "../i18n";
import { notify } from "../notices";
import { signedIn, signOut, version } from "../session";
import { theme, THEMES, type Theme } from "../theme";
import { Button } from "./button";
import { Choice } from "./choice";
import { Icon } from "./icons";

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
        onChoose={(chosen) =>
          void speak(chosen).then((could) => could || notify(t("error.unreachable"), { bad: true }))
        }
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
