/** The end of a UUIDv7: its beginning is the time, and much the same among neighbours. */
export const shortId = (id: string): string => (/^[0-9a-f-]{36}$/.test(id) ? id.slice(-8) : id);

export const ShortId = ({ of }: { of: string }) => (
  <span class="id" title={of}>
    {shortId(of)}
  </span>
);
