"""A program as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ....ir.types import shape_text
from .program import Program
from .steps import POINT, activation, default_line, pointwise
from .term import REFERS, Sequence, Term, steps

BEHIND = ("softmax", "log_softmax", "sigmoid", "relu", "flatten", "avgpool", "maxpool", "dropout", "up")  # scores of classes
WIDE = 76  # characters of steps in one line
Usual = tuple[str, str, bool]  # activation, normalisation and bias of most convolutions
PLAIN: Usual = ("", "", True)  # a convolution of which nothing is said


def length(program: Program) -> float:
    """How much there is to read: words and signs, lines, and what a reader must keep in mind for each block and parameter."""
    return _size(render(program)) + 4 * len(program.blocks) + sum(len(b.parameters) for b in program.blocks)


def classes(program: Program) -> None:
    """The last count of units is a parameter of the net, or of filters that look at one place, where nothing but activations and
    pools is behind them: then it tells classes apart."""
    for t in reversed(list(_unlabelled(program.body))):
        word = str(t.head[1]).partition(" ")[0] if t.head and t.head[0] == "word" else ""
        if t.kind == "beside" or (t.kind == "step" and (t.head[0] in ("avgpool", "dropout") or word in BEHIND)):
            continue
        last = t.kind == "step" and (t.head[0] == "fc" or pointwise(t))
        if last and isinstance(t.hole("n"), int) and t.hole("n") > 1:
            program.classes = t.hole("n")
            next(h for h in t.holes if h[0] == "n")[1] = "classes"
        return


def _unlabelled(seq: Sequence) -> Iterator[Term]:
    for t in seq:
        yield from _unlabelled(t.kids[0]) if t.kind == "label" else (t,)


def chosen(program: Program) -> str:
    """The text that is shortest, with what most convolutions share said once, or at each."""
    return min((render(program, usual) for usual in (_usual(program), PLAIN)), key=_size)


def _size(text: str) -> int:
    """Words, signs and lines."""
    return len(re.findall(r"[\w.]+|[^\w\s]", text)) + text.count("\n")


def render(program: Program, usual: Usual | None = None) -> str:
    usual = usual or _usual(program)
    switches = [x for x in (usual[1], usual[0],
                            "" if usual[2] == (not usual[1]) else "bias=yes" if usual[2] else "bias=no") if x]
    out = [line for line in map(default_line, program.usual.values()) if line]
    out += [f"default conv {' '.join(switches)}"] if switches else []
    out += [""] if out else []
    for b in program.blocks:
        said = ", ".join(p if d is None else f"{p}={d}" for p, d in b.parameters)
        out += [f"block {b.name}{f'({said})' if said else ''}:", *(["  c = in.channels"] if b.channels else []),
                *_Lines(usual).lines(b.body, "  "), ""]
    out += [f"net {program.name}(classes={program.classes}):" if program.classes else f"net {program.name}:",
            *(f"  input {f'{word} ' if word else ''}{shape_text(shape)}" for word, shape in program.inputs),
            *_Lines(usual).lines(program.body, "  ")]
    return "\n".join(out) + "\n"


def _usual(program: Program) -> Usual:
    """The switches that most convolutions share."""
    found = Counter(t.head[6:9] for s in [b.body for b in program.blocks] + [program.body] for t in steps(s) if t.head[0] == "conv")
    return found.most_common(1)[0][0] if found else PLAIN


def _number(e: Any) -> str:
    return f"({e})" if isinstance(e, str) and " " in e else str(e)


class _Lines:
    def __init__(self, usual: Usual):
        self.usual = usual

    def words(self, t: Term) -> str:
        """A step as a line says it."""
        kind = t.head[0]
        if kind == "conv":
            return self._conv(t)
        if kind in ("maxpool", "avgpool"):
            return self._pool(t)
        if kind == "fc":
            _, act, bias, norm = t.head
            said = "" if bias == (not norm) else f"bias={'yes' if bias else 'no'}"
            return " ".join(x for x in ("fc", _number(t.hole("n")), norm, act, said) if x)
        if kind == "channels":
            return _channels(t)
        if kind in ("dropout", "drop_path"):
            return " ".join((kind, _number(t.hole("rate")), *t.head[1:]))
        return f"interleave {t.hole('groups')}" if kind == "interleave" else " ".join(x for x in t.head if x and x != "word")

    def _conv(self, t: Term) -> str:
        _, (window, rank), pad, extra, groups, own, act, norm, bias = t.head
        k, usual = t.hole("k"), self.usual
        shown = "x".join(["1"] * rank) if window == POINT else window or (
            "x".join([str(k)] * rank) if isinstance(k, int) else str(k))
        out = ["conv", "in.channels" if own else _number(t.hole("n")), shown]
        stride = t.hole("stride")
        out += [f"/{stride}"] if stride not in (None, 1) else []
        out += [pad] if pad != "same" else []
        out += [norm] if norm and norm != usual[1] else []
        out += [act or "linear"] if act != usual[0] else []
        out += [f"{usual[1]}=no"] if usual[1] and not norm else []
        expected = usual[2] if usual[2] != (not usual[1]) else not norm
        out += [f"bias={'yes' if bias else 'no'}"] if bias != expected else []
        out += [f"dilation={t.hole('dilation')}"] if t.hole("dilation") not in (None, 1) else []
        out += [extra] if extra else []
        out += ["groups=in.channels"] if groups == "own" else [f"groups={t.hole('groups')}"] if groups == "some" else []
        return " ".join(out)

    def _pool(self, t: Term) -> str:
        kind, window, pad, extra = t.head
        k, stride = t.hole("k"), t.hole("stride")
        return " ".join(x for x in (kind, window or str(k), f"/{stride}" if stride is not None and stride != k else "",
                                    pad if pad != "valid" else "", extra) if x)

    def inline(self, t: Term) -> str | None:
        """The term on one line, or None."""
        if t.kind == "step":
            return self.words(t)
        if t.kind == "call":
            return _call(t)
        if t.kind in REFERS:
            return str(t.head[0])
        if t.kind == "output" and not t.kids:
            return f"output {t.head[0]}"
        if t.kind not in ("repeat", "residual", "dense", "label", "output") or t.shortcut:
            return None
        parts = [self.inline(x) for x in t.kids[0]]
        said = [p for p in parts if p is not None]
        if len(said) < len(parts) or (len(parts) > 1 and t.kind not in ("dense", "label", "output")) or sum(map(len, said)) >= 70:
            return None
        if any(map(_goes_on, said[:-1])):
            return None
        return f"{_head(t)} " + " -> ".join(said)

    def lines(self, seq: Sequence, pad: str) -> list[str]:
        out: list[str] = []
        run: list[str] = []
        kind = lead = ""  # of what is in the run; the input at which the next line begins

        def put(lines: list[str]) -> None:
            nonlocal lead
            first, *rest = lines
            out.extend([f"{pad}{lead}{first[len(pad):]}", *rest])
            lead = ""

        def flush() -> None:
            if run:
                put([pad + " -> ".join(run)])
                run.clear()

        for before, t in zip([None, *seq], seq):
            one, sort = self.inline(t), _sort(t)
            if t.kind == "mark" and before is not None and before.kind == "label":  # which is the name of the value
                continue
            if t.kind == "start":
                lead = f"{one} -> "
                continue
            if before is not None and before.kind == "step" and before.head[0] == "conv" and one is not None and _activates(t) and out:
                out[-1] += f" -> {one}"
                continue
            if sort and one is not None:
                if sort != kind or len(" -> ".join([*run, one])) > WIDE:
                    flush()
                run.append(one)
                kind = sort
                if _ends_line(t, run[0]):
                    flush()
                continue
            flush()
            put([pad + one] if one is not None else self._structure(t, pad))
        flush()
        return [*out, pad + lead.removesuffix(" -> ")] if lead else out

    def _structure(self, t: Term, pad: str) -> list[str]:
        if t.kind == "gate":
            return [f"{pad}x: skip", *self.lines(t.kids[0], pad), f"{pad}up @x -> mul @x"]
        if t.kind == "merge":
            return [f"{pad}{t.head[0]}:", *(line for k in t.kids for line in self._branch(k, pad))]
        out = [f"{pad}{_head(t)}", *self.lines(t.kids[0], pad + "  ")]
        if t.shortcut:
            other = " -> ".join(self.inline(x) or "" for x in t.shortcut)
            out.append(f"{pad}shortcut{f' if {t.condition}' if t.condition else ''}: {other}")
        return out

    def _branch(self, seq: Sequence, pad: str) -> Iterator[str]:
        parts = [self.inline(x) for x in seq] or ["skip"]
        said = [p for p in parts if p is not None]
        if len(said) == len(parts) and len(" -> ".join(said)) < WIDE and not any(map(_goes_on, said[:-1])):
            yield f"{pad}  | " + " -> ".join(said)
            return
        first, *rest = self.lines(seq, pad + "    ")
        if first.endswith(":") and any(line[len(pad) + 4] != " " for line in rest):  # lines behind what the first one holds
            first, rest = "skip", [first, *rest]
        yield f"{pad}  | {first.strip()}"
        yield from rest


def _goes_on(step: str) -> bool:
    """Whether nothing can stand behind it in a line: it would be in it, or is a line of its own."""
    return bool(re.match(r"[\w ]+:|output ", step))


def _activates(t: Term) -> bool:
    """Whether it is an activation as a step of its own, which stands behind its convolution."""
    return t.kind == "step" and t.head[0] == "word" and activation(str(t.head[1]).partition(" ")[0])


def _ends_line(t: Term, first: str) -> bool:
    """Whether nothing more stands in a line that begins so: a label would hold it, too."""
    return t.kind in ("mark", "label") or (t.kind == "step" and (t.head[0] == "interleave" or (
        t.head[0] == "dropout" and first.startswith("fc"))))


def _sort(t: Term) -> str:
    """What may share a line with its like; a label does behind others."""
    if t.kind == "label":
        sorts = set(map(_sort, t.kids[0]))
        return sorts.pop() if len(sorts) == 1 else ""
    if (t.kind == "call" and len(t.holes) < 4) or t.kind == "reuse":
        return "call"
    return "step" if t.kind in ("beside", "mark") or (t.kind == "step" and t.head[0] not in ("conv", "maxpool", "channels")) else ""


def _head(t: Term) -> str:
    if t.kind in ("label", "output"):
        return f"{'output ' * (t.kind == 'output')}{t.head[0]}:"
    if t.kind == "each":
        return f"each {t.head[0]}:"
    return f"repeat {_number(t.holes[0][1])}:" if t.kind == "repeat" else f"{t.kind}:"


def _channels(t: Term) -> str:
    if not t.head[1]:
        first, last = t.head[2:]
        return f"channels {first}..{last}" if last > first else f"channels {first}"
    k, of = t.head[1]
    low = "0" if k == 0 else _share(Fraction(k, of))
    high = "in.channels" if k + 1 == of else _share(Fraction(k + 1, of))
    return f"channels {low}..{high}-1"


def _share(q: Fraction) -> str:
    return f"{q.numerator}*in.channels/{q.denominator}" if q.numerator != 1 else f"in.channels/{q.denominator}"


def _call(t: Term) -> str:
    name, signature = t.head
    first: list[str] = []
    late: list[str] = []
    for (p, v), (_, usual) in zip(t.holes, signature):
        if p == "stride":
            late += [f"/{_number(v)}"] if v != 1 else []
        elif usual is not None:
            late += [f"{p}={_number(v)}"] if v != usual else []
        else:
            first.append(_number(v))
    return " ".join([name, *first, *late])
