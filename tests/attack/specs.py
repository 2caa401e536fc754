"""Texts: damaged specs, well-formed ones, heaps of tokens, and texts that are large in one way."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from test_properties import TEXTS, looked_at

from random_specs import damaged, well_formed

TOKENS = ["conv ", "3x3 ", "\n", "  ", "->", "|", "net a:\n", "input 3x8x8\n", "(", ")", "[", "]", "@", "=", "/2 ", "0", "-1",
          "1e99", "if ", "repeat ", "é", "\t",
          '"', "#", "fc ", "bn ", "in.channels", "\r\n", "..", ",", "x", "?", "\x1b[31m", "\x00", "\u202e", "\ufeff",
          "for i in 1..3:\n", "residual: ", "dense:\n", "each v:\n",
          "default ", "train a:\n", "loss ", "add @a ", "join_views", "a: ", "^", "%", "1" * 400, "q" * 400]
LARGE: tuple[Callable[[int], str], ...] = (
    lambda n: "net a:\n  input 4\n  " + "q" * n + "\n",
    lambda n: "net a:\n  input 4\n  fc " + "9" * n + "\n",
    lambda n: f'net a:\n  input 4\n  fc 3 init="{"q" * n}"\n',
    lambda n: f"net a({', '.join(f'p{k}=1' for k in range(n // 8))}):\n  input 4\n  fc 3\n",
    lambda n: f"net a:\n  input 4\n  repeat {n ** 3}:\n    relu\n",
    lambda n: "".join(f"net a{k}:\n  input 4\n  repeat {n}:\n    relu\n" for k in range(20)),
    lambda n: "net a:\n  input 4\n" + "  relu\n" * (n // 8) + "".join(f"net a{k} = a\n" for k in range(n // 20)),
    lambda n: "x = " + "(" * n + "1" + ")" * n + "\nnet a:\n  input 4\n  fc x\n",
    lambda n: "x = " + "1+" * n + "1\nnet a:\n  input 4\n  fc x\n",
    lambda n: "x = [" + "1, " * n + "1]\nnet a:\n  input 4\n  fc len(x)\n",
    lambda n: "x0 = [1, 1]\n" + "".join(f"x{k + 1} = [x{k}, x{k}]\n" for k in range(n // 100))
    + "net a:\n  input 4\n  fc len(x1)\n",
    lambda n: f"x = 9^{n}^{n}\nnet a:\n  input 4\n  fc x\n",
    lambda n: f"net a:\n  input {n ** 3}x{n ** 3}x{n ** 3}\n  fc 3\n",
    lambda n: "net a:\n  input 2x4x4\n  dense:\n" + "    conv 1 1x1\n" * (n // 20),
    lambda n: "net a:\n  input 4\n  a: relu\n  add " + "@a " * n + "\n",
    lambda n: "net a:\n  input 4\n  " + " -> ".join(["relu"] * n) + "\n",
    lambda n: "net a:\n  input 4\n" + "  if 1 == 2:\n    relu\n" * (n // 16),
    lambda n: "net a:\n  input 4\n" + "  output o\n" * (n // 8),
    lambda n: "train a:\n  loss mse\n" * (n // 20) + "net a:\n  input 4\n  fc 2\n",
    lambda n: "net a:\n" + "".join("  " * (k + 1) + "repeat 9:\n" for k in range(min(n, 70))) + "  " * 72 + "relu\n",
)


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    match rng.randrange(40):
        case 0:
            text = rng.choice(LARGE)(rng.choice([100, 3000, 20_000]))
        case n if n < 14:
            text = well_formed(rng.randrange(2**32))
        case n if n < 28:
            text = damaged(rng.choice(TEXTS), rng)
        case _:
            text = "".join(rng.choice(TOKENS) for _ in range(rng.randint(1, 60)))
    return repr(text if len(text) < 2000 else text[:300] + "..."), lambda: looked_at(text)
