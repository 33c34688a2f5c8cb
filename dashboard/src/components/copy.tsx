import { useState } from "preact/hooks";
import { t } from "../i18n";
import { announce, notify } from "../notices";
import { Button } from "./button";

/** Puts a text on the clipboard, and says so. */
export function Copy({ text, label }: { text: () => string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      // browsers offer the clipboard only to https and to localhost
      notify(t("copy.refused"), { bad: true });
      return;
    }
    setCopied(true);
    announce(t("copied"));
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <Button
      kind="quiet"
      icon={copied ? "completed" : "copy"}
      label={label ?? t("copy")}
      onClick={() => void copy()}
    />
  );
}
