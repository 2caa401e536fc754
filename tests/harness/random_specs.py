"""Random spec texts: well-formed ones from the grammar, and damaged ones from real specs."""

from __future__ import annotations

import random
import re

NAMES = ("a", "b", "n", "stage", "x1", "skip_", "wide", "k")
LAYERS = ("conv", "fc", "relu", "maxpool", "dropout", "unit", "bn", "up")
SWITCHES = ("relu", "bn", "same", "valid", "linear")


class Writer:
    """Writes a text that parses, in the untidy ways people write."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.lines: list[str] = []

    def text(self) -> str:
        r = self.rng
        for _ in range(r.randrange(0, 4)):
            self.lines.append(r.choice([f"{r.choice(NAMES)} = {self.expression(2)}",
                                        f"default {r.choice(LAYERS)} {r.choice(SWITCHES)}  bias=no", "# a comment", "",
                                        'import a, b from "vgg.net"', f"net {r.choice(NAMES)}2 = {self.call()}"]))
        for _ in range(r.randrange(1, 4)):
            params = f"({', '.join(self.parameter(n) for n in r.sample(NAMES, r.randrange(1, 4)))})" if r.random() < 0.6 else ""
            self.lines.append(f"{r.choice(('net', 'block'))} {r.choice(NAMES)}{params}:{self.comment()}")
            self.suite(1, r.choice(("  ", "    ", " ")))
        return "\n".join(self.lines) + r.choice(("\n", "", "\n\n"))

    def parameter(self, name: str) -> str:
        return name if self.rng.random() < 0.5 else f"{name}={self.expression(2)}"

    def comment(self) -> str:
        return self.rng.choice(("", "", "", "", "  # why", " #"))

    def suite(self, depth: int, unit: str) -> None:
        for _ in range(self.rng.randrange(1, 5)):
            self.statement(depth, unit)

    def put(self, depth: int, unit: str, text: str) -> None:
        if self.rng.random() < 0.1:
            self.lines.append("")
        if self.rng.random() < 0.1:
            self.lines.append(unit * self.rng.choice((depth, 0, depth + 1)) + "# note")
        self.lines.append(unit * depth + text + self.comment())

    def statement(self, depth: int, unit: str) -> None:
        r = self.rng
        kind = r.randrange(14) if depth < 5 else 0
        if kind < 4:
            self.put(depth, unit, self.chain())
        elif kind == 4:
            self.put(depth, unit, f"{r.choice(NAMES)} = {self.expression(2)}")
        elif kind == 5:
            head = r.choice((f"repeat {self.arith(1)}", f"repeat 3 as {r.choice(NAMES)}",
                             f"for {r.choice(NAMES)} in {self.range()}", "for a, b in [(1, 2), (3, 4)]", "frozen", "dense",
                             "each v", f"{r.choice(NAMES)}", f"{r.choice(NAMES)}[{self.arith(1)}]", f"output {r.choice(NAMES)}"))
            self.body(head, depth, unit)
        elif kind == 6:
            self.body(f"if {self.expression(2)}", depth, unit)
            if r.random() < 0.4:
                self.body(f"elif {self.expression(1)}", depth, unit)
            if r.random() < 0.5:
                self.body("else", depth, unit)
        elif kind == 7:
            self.body("residual", depth, unit)
            if r.random() < 0.5:
                self.body(r.choice(("shortcut", f"shortcut if {self.expression(1)}")), depth, unit)
        elif kind == 8:
            self.put(depth, unit, r.choice(("concat:", "add:", "unit 3 @a:", "concat crop:")))
            for _ in range(r.randrange(1, 4)):
                self.put(depth + 1, unit, "|" + r.choice((" ", "  ", "")) + self.chain())
                if r.random() < 0.3 and len(unit) > 1:
                    self.put(depth + 2, unit, self.chain())
        elif kind == 9:
            self.put(depth, unit, r.choice(("input 3x8x8", "input left 3x?x?", "input (n, 3, 4)", "input 784")))
        elif kind == 10:
            self.put(depth, unit, f"output {r.choice(NAMES)}")
        elif kind == 11:
            self.put(depth, unit, f"{self.chain()} -> {r.choice(NAMES)}: {self.chain()}")
        elif kind == 12:
            self.put(depth, unit, self.call())
            self.lines.append(unit * (depth + 1) + "-> " + self.chain())
        else:
            self.put(depth, unit, f"default conv {r.choice(SWITCHES)} pad={self.arith(1)}")

    def body(self, head: str, depth: int, unit: str) -> None:
        if self.rng.random() < 0.4:
            self.put(depth, unit, f"{head}: {self.chain()}")
        else:
            self.put(depth, unit, f"{head}:")
            self.suite(depth + 1, unit)

    def chain(self) -> str:
        steps = [self.call() if self.rng.random() < 0.85 else "@" + self.rng.choice(NAMES)
                 + self.rng.choice(("", ".conv1", "[2].raw")) for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
        return self.rng.choice((" -> ", "->", "  ->  ")).join(steps)

    def call(self) -> str:
        r = self.rng
        parts = [r.choice(LAYERS)]
        for _ in range(r.randrange(0, 4)):
            parts.append(r.choice((self.argument, self.argument, lambda: r.choice(SWITCHES),
                                   lambda: f"{r.choice(NAMES)}={r.choice((self.arith(1), '@a', '-1'))}", lambda: "/2",
                                   lambda: f"/({self.expression(1)})", lambda: "@a.b", lambda: "upto a.b"))())
        return " ".join(parts)

    def argument(self) -> str:
        return self.rng.choice((self.arith(2), "3x3", "64", "[1, 2]", "(3, 1)", "1..3"))

    def range(self) -> str:
        return self.rng.choice(("1..5", "[64, 128]", f"1..{self.arith(1)}", "wide"))

    def arith(self, depth: int) -> str:
        r = self.rng
        if depth <= 0 or r.random() < 0.4:
            return r.choice((r.choice(NAMES), "3", "0.5", "1e-3", "in.channels", "in.shape[1]", "f(2, n)", "k[0]", '"text"'))
        a, b = self.arith(depth - 1), self.arith(depth - 1)
        space = r.choice(("", " "))
        return r.choice((f"{a}{space}{r.choice('+-*/%^')}{space}{b}", f"({a})", f"-{r.choice(NAMES)}" if r.random() < 0.3 else a,
                         f"({self.expression(depth - 1)})"))

    def expression(self, depth: int) -> str:
        r = self.rng
        if depth <= 0 or r.random() < 0.5:
            return self.arith(depth)
        a, b = self.expression(depth - 1), self.arith(depth - 1)
        return r.choice((f"{self.arith(1)} {r.choice(('==', '!=', '<', '<=', '>', '>='))} {b}", f"not ({a})",
                         f"({a}) and ({b} or {b})", f"({a}) if {b} else ({a})"))


def well_formed(seed: int) -> str:
    return Writer(random.Random(seed)).text()


ODD = ("\t", "\n", "\n  ", "\n    ", "  ", "?", "0", "-1", "1e9", '"', "((", "]", "in", "@", "..", "each v:", "frozen:",
       "reuse @conv1", "upto", "/0", "values=[1, 2]", "é", "×", "\x00", "\u2028", "none",
       "2^99", "residual:", "shortcut:", "dense:", "concat:", "| ", "-> ", "output o", "input x 3x8x8", "weights=\"x\"")


def damaged(text: str, rng: random.Random) -> str:
    """A spec after a few accidents."""
    words = [*dict.fromkeys(re.findall(r"\w+|[^\w\s]", text)), *ODD]
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        lines = text.split("\n")
        i, kind = rng.randrange(len(lines)), rng.random()
        if kind < 0.3:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(words) + text[at:]
            continue
        if kind < 0.5:
            parts = re.split(r"(\w+|[^\w\s])", lines[i])
            parts[rng.randrange(len(parts))] = rng.choice(words)
            lines[i] = "".join(parts)
        elif kind < 0.6:
            del lines[i]
        elif kind < 0.7:
            lines.insert(i, lines[rng.randrange(len(lines))])
        elif kind < 0.85:
            lines[i] = rng.choice(("  ", " ", "    ", "")) + lines[i].lstrip()
        else:
            lines[i] = lines[i] + " -> " + lines[rng.randrange(len(lines))].strip()
        text = "\n".join(lines) or "\n"
    return text
