// How often to look at what goes on without a pulse.

/**
 * Milliseconds until the next look, given what was seen: `soonest` while it moves, twice as long
 * after each look while it stands still, `slowest` at most.
 */
export function watching(soonest: number, slowest: number): (seen: unknown) => number {
  let last = "";
  let wait = soonest;
  return (seen) => {
    const now = JSON.stringify(seen);
    wait = now === last ? Math.min(wait * 2, slowest) : soonest;
    last = now;
    return wait;
  };
}
