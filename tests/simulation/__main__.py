"""`python -m tests.simulation SEED [--trace]`: one seed again, exactly as it was."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.world import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--trace", action="store_true", help="print what happens")
    parser.add_argument("--count", type=int, default=1, help="run so many seeds from this one on")
    given = parser.parse_args()
    broken = 0
    ended: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    steps = 0
    began = time.process_time()
    for seed in range(given.seed, given.seed + given.count):
        verdict = run(seed, trace=given.trace)
        for line in verdict.trace or ():
            print(line)
        ended.update(verdict.ended)
        kinds[verdict.kind] += 1
        seen.update(verdict.seen)
        steps += verdict.steps
        if verdict.failure is not None:
            broken += 1
            print(f"seed {seed} ({verdict.kind}): {verdict.failure}")
        elif given.count == 1:
            print(f"seed {seed} ({verdict.kind}): {verdict.seconds:.1f} s, {verdict.steps} steps")
    spent = (time.process_time() - began) / given.count
    print(f"{broken} broken of {given.count}; {dict(ended)}; {dict(kinds)}; {dict(seen)}")
    print(f"{spent * 1000:.1f} ms, {steps // given.count} steps a seed", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
