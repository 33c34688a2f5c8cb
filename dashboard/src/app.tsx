import { useEffect } from "preact/hooks";
import { signedOut } from "./api";
import { Shell } from "./components/shell";
import { language, t } from "./i18n";
import { link, pulse } from "./live";
import { pageOf } from "./pages";
import { LoginPage } from "./pages/login";
import { MissingPage } from "./pages/missing";
import { place } from "./router";
import { me } from "./session";

export function App() {
  const spoken = language.value;
  useEffect(() => {
    document.documentElement.lang = spoken;
  }, [spoken]);
  if (signedOut.value) return <LoginPage />;
  if ((me.value === null || pulse.value === null) && link.value !== "lost")
    return (
      <p class="starting" role="status">
        {t("starting")}
      </p>
    );
  const found = pageOf(place.value.path);
  const Page = found?.entry.page ?? MissingPage;
  return (
    <Shell>
      <Page key={found?.entry.path} rest={found?.rest ?? ""} />
    </Shell>
  );
}
