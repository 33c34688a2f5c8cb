import { useRef, useState } from "preact/hooks";
import { explainError } from "../actions";
import { Refused } from "../api";
import { Button } from "../components/button";
import { t } from "../i18n";
import { signIn } from "../session";

const wrong = (error: unknown): boolean => error instanceof Refused && error.status === 401;

/** Asks for the token once; the server keeps the browser signed in by a cookie. */
export function LoginPage() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(field.current?.value ?? "");
    } catch (error) {
      setProblem(wrong(error) ? t("login.wrong") : explainError(error));
      field.current?.select();
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Kiribi</h1>
        <label for="token">{t("login.token")}</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-invalid={problem !== ""}
          aria-describedby="login-help"
        />
        <p
          id="login-help"
          class={problem ? "problem" : "muted"}
          role={problem ? "alert" : undefined}
        >
          {problem || t("login.help")}
        </p>
        <Button kind="main" type="submit" disabled={busy}>
          {t("login.go")}
        </Button>
      </form>
    </main>
  );
}
