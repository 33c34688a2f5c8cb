import { useEffect, useRef } from "preact/hooks";
import { t, tn } from "../i18n";
import { clock, full } from "../time";
import type { LogLine } from "../types";
import { Copy } from "./copy";

const asText = (lines: readonly LogLine[]): string =>
  lines
    .map(({ at, attempt, level, message }) => `${at} #${attempt} ${level} ${message}`)
    .join("\n");

/** What the performer logged; follows the end while the end is in sight. */
export function Logs({ lines, live }: { lines: readonly LogLine[]; live: boolean }) {
  const box = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length]);
  if (!lines.length && !live) return null;
  return (
    <section class="card logs-card">
      <header>
        <h2>{t("logs")}</h2>
        {lines.length > 0 && <span class="muted">{tn("lines", lines.length)}</span>}
        {lines.length > 0 && (
          <Copy text={() => asText(lines)} label={t("copy.json", { what: t("logs") })} />
        )}
      </header>
      {lines.length === 0 ? (
        <p class="muted">{t("logs.none")}</p>
      ) : (
        <ol
          class="logs"
          ref={box}
          tabIndex={0}
          aria-label={t("logs")}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
          }}
        >
          {lines.map((line, index) => (
            <li key={line.seq} class={`is-${line.level.toLowerCase()}`}>
              {line.attempt !== lines[index - 1]?.attempt && (
                <b class="separator">{t("attempt.number", { number: line.attempt })}</b>
              )}
              <time dateTime={line.at} title={full(Date.parse(line.at))}>
                {clock(Date.parse(line.at))}
              </time>
              <span class="level">{line.level}</span>
              <span class="message">{line.message}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
