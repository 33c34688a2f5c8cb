import { Copy } from "./copy";

/** A few lines to take away. */
export const Code = ({ text }: { text: string }) => (
  <div class="code">
    <pre tabIndex={0}>
      <code>{text}</code>
    </pre>
    <Copy text={() => text} />
  </div>
);
