"""Damaged, random and well-formed specs without end: nothing but a graph or diagnostics may come out, and soon.

    python tests/fuzz.py --seconds 600 --seed 1      random ones, as the property tests draw them, and heaps of tokens
    python tests/fuzz.py --seconds 600 --atheris     guided by coverage (pip install atheris)

Not part of the test suite; a failure is printed with its seed and text, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback

from random_specs import damaged, well_formed
from test_properties import TEXTS, looked_at

TOKENS = ["conv ", "3x3 ", "\n", "  ", "->", "|", "net a:\n", "input 3x8x8\n", "(", ")", "[", "]", "@", "=", "/2 ", "0", "-1", "1e99", "if ", "repeat ", "é", "\t",
          '"', "#", "fc ", "bn ", "in.channels", "\r\n", "..", ",", "x", "?"]


def drawn(seed: int) -> str:
    """The text of a seed: damaged, well formed, or tokens in any order."""
    rng = random.Random(seed)
    match seed % 4:
        case 0 | 1:
            return damaged(rng.choice(TEXTS), rng)
        case 2:
            return well_formed(seed)
        case _:
            return "".join(rng.choice(TOKENS) for _ in range(rng.randint(1, 60)))


def at_random(seed: int, seconds: float) -> int:
    start, tried, bad = time.monotonic(), 0, 0
    while time.monotonic() - start < seconds:
        text = drawn(seed + tried)
        try:
            looked_at(text)
        except Exception:
            bad += 1
            print(f"seed {seed + tried}: {text!r}\n{traceback.format_exc(limit=-4)}", flush=True)
        tried += 1
    print(f"{tried} texts from seed {seed}: {bad} failed")
    return 1 if bad else 0


def guided(seconds: float) -> int:
    import atheris

    def one(data: bytes) -> None:
        text = data.decode("utf-8", errors="ignore")
        if len(text) < 4000:
            looked_at(text)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}", "-timeout=10"], one)
    atheris.Fuzz()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the language.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true", help="guided by coverage")
    args = parser.parse_args()
    return guided(args.seconds) if args.atheris else at_random(args.seed, args.seconds)


if __name__ == "__main__":
    sys.exit(main())
