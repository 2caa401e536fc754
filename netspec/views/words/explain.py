"""`netspec explain WORD`: everything the code knows of a layer, a loss, an optimiser, a schedule, or an error's code."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from ...augmentations import AUGMENTATIONS
from ...datasets import DATASETS
from ...diagnostics import NetspecError
from ...ir.graph import Node
from ...ir.types import TensorType, shape_text
from ...metrics import METRICS
from ...optimisers import OPTIMISERS
from ...preparations import PREPARATIONS, Preparation
from ...schedules import SCHEDULES
from ...source import Source
from ...words import REQUIRED, Argument, Registry, Word, arguments, spelled
from ...words.layer import LAYERS, Example, Layer
from ...words.loss import LOSSES
from ..numbers.formulas import formula_texts

WIDTH = 100
KINDS = {
    "count": "whole number", "whole": "whole number", "size": "3 or 3x3", "pad": "number or pairs", "number": "number",
    "rate": "0 to 1", "flag": "yes or no", "word": "word", "text": '"text"', "ref": "@node", "list": "[list]", "value": "value",
}
SECTIONS = {"Shapes": "Shapes", "Params": "Parameters", "Errors": "Refuses", "Paper": "Paper", "Papers": "Papers"}


def registries() -> tuple[Registry[Any], ...]:
    """Every sort of word, the commonest first."""
    return LAYERS, LOSSES, OPTIMISERS, SCHEDULES, METRICS, PREPARATIONS, AUGMENTATIONS, DATASETS


def words() -> dict[str, list[str]]:
    """Every word that takes arguments: sort of word, in the plural -> names."""
    return {r.sort + ("es" if r.sort.endswith("s") else "s"): sorted(r) for r in registries()}


def explain_word(name: str) -> str | None:
    """The page of one word; None where there is no such word."""
    pages = [page(r[name], r.sort) for r in registries() if name in r]
    return "\n".join(pages) if pages else None


def page(word: type[Word], sort: str) -> str:
    """All of one word, as text."""
    lead, sections = docstring(word)
    out = [f"{word.name}: {_a(sort)}" + (f" ({word.category})" if word.category != sort else ""), "", *_paragraphs(lead), "",
           *textwrap.wrap(usage(word), WIDTH, initial_indent="  ", subsequent_indent="      ", break_long_words=False,
                          break_on_hyphens=False), ""]
    out += _arguments(word)
    for head, text in sections:
        out += _section(head, text)
    if issubclass(word, Layer) and word.examples:
        out += _examples(word) + _formulas(word)
    while out and not out[-1]:
        out.pop()
    return "\n".join(out) + "\n"


def usage(word: type[Word]) -> str:
    """`conv FILTERS WINDOW /STRIDE same|valid ...`: how a step is written; what may be left out stands in brackets."""
    parts = [word.name]
    for a in sorted(arguments(word), key=lambda a: (a.position is None, a.position or 0)):
        text = _spelling(a) + _range(a)
        parts.append(text if a.default is REQUIRED else f"[{text}]")
    if issubclass(word, Layer) and word.arity[1] != 1 and not any(a.kind == "ref" for a in arguments(word)):
        parts.append("@NODE ...")
    return " ".join(parts + [f"[{t.upper()}]" for t in getattr(word, "takes", ())])


def _range(a: Argument) -> str:
    """Its two bounds, where it has both: 0..1 after `momentum=`, :0..1 after `RATE`."""
    most = a.below if a.most is None else a.most
    if a.least is None or most is None or a.words:
        return ""
    return f"{':' if a.position is not None else ''}{a.least:g}..{most:g}"


def _spelling(a: Argument) -> str:
    if a.position is not None:
        return a.name.upper()
    if a.name == "stride":
        return "/STRIDE"
    if a.words:
        return "|".join(a.words) + (f"|{a.name}=" if a.kind == "pad" else "")
    return f"{a.name}="


def argument_rows(word: type[Word]) -> list[tuple[str, str, str, str]]:
    """How each argument is written, its kind, its default, and what it says."""
    rows = []
    for a in arguments(word):
        default = "required" if a.default is REQUIRED else "" if a.default is None else f"default {spelled(a.default)}"
        rows.append((_spelling(a), KINDS[a.kind] if not (a.words and a.kind in ("word", "flag")) else "", default,
                     a.doc + _bounds(a)))
    if getattr(word, "takes", ()):
        families = {"activation": "an activation by its name (relu, tanh ...); linear for none",
                    "norm": "a normalisation by its name (bn, instance_norm ...), before the activation and instead of a bias"}
        rows += [(f.upper(), "word", "", families.get(f, f)) for f in word.takes]  # type: ignore[attr-defined]
    if issubclass(word, Layer) and word.parameters is not Layer.parameters and not issubclass(word, Preparation):
        own = {a.name for a in arguments(word)}
        every = (("lr=", "number", "default 1", "factor for the optimiser's learning rate, for all parameters of the step"),
                 ("decay=", "number", "default 1", "factor for its weight decay and l1; 0 for none"),
                 ("bias_lr=", "number", "", "that factor for its biases, where it is another"),
                 ("bias_decay=", "number", "", "that factor for its biases, where it is another"),
                 ("init=", "value", "", 'how its weights begin: a number, xavier, "gaussian 0.01" ...'),
                 ("bias_init=", "value", "", "how its biases begin"))
        rows += [r for r in every if r[0][:-1] not in own]
    return rows


def _arguments(word: type[Word]) -> list[str]:
    rows = argument_rows(word)
    if not rows:
        return []
    widths = [max(len(r[k]) for r in rows) for k in range(3)]
    lead = sum(widths) + 8
    out = ["Arguments:"]
    for r in rows:
        first = "  " + "  ".join(c.ljust(w) for c, w in zip(r, widths)) + "  "
        out += textwrap.wrap(r[3], max(WIDTH, lead + 40), initial_indent=first, subsequent_indent=" " * lead)
    return [*out, ""]


def _bounds(a: Argument) -> str:
    usual = {"count": 1, "size": 1, "pad": 0, "rate": 0}  # what goes without saying
    if a.kind in usual and a.least == usual[a.kind] and a.most is None and (a.below is None or a.kind == "rate"):
        return ""
    bounds = [f"at least {a.least:g}"] if a.least is not None else []
    bounds += [f"at most {a.most:g}"] if a.most is not None else []
    bounds += [f"below {a.below:g}"] if a.below is not None else []
    return f" ({', '.join(bounds)})" if bounds else ""


def docstring(word: type[Word]) -> tuple[str, list[tuple[str, str]]]:
    """The prose, and the `Shapes:`, `Params:`, `Errors:`, `Paper:` sections."""
    text = inspect.getdoc(word) or ""
    lead: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        if colon and head in SECTIONS:
            sections.append((head, [rest.strip()]))
        elif sections and line.startswith(" "):
            sections[-1][1].append(line.strip())
        elif not sections:
            lead.append(line)
    return "\n".join(lead).strip(), [(h, "\n".join(t)) for h, t in sections]


def _section(head: str, text: str) -> list[str]:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, WIDTH - 14)]
    return [f"{SECTIONS[head] + ':':<12}{lines[0]}", *(" " * 12 + line for line in lines[1:]), ""] if lines else []


def _paragraphs(text: str) -> list[str]:
    return [line for k, p in enumerate(text.split("\n\n")) for line in ([""] if k else [])
            + textwrap.wrap(" ".join(p.split()), WIDTH)]


def example_rows(word: type[Layer]) -> list[tuple[str, str, str]]:
    """Each example as a step, what it makes of what, and its numbers."""
    rows = []
    for e in word.examples:
        ins = ", ".join(map(shape_text, e.inputs))
        numbers = [f"{e.parameters:,} parameters"] if e.parameters else []
        numbers += [f"{e.macs:,} MACs"] if e.macs else []
        rows.append((e.spec, f"{ins} -> {shape_text(e.output)}", ", ".join(numbers)))
    return rows


def _examples(word: type[Layer]) -> list[str]:
    rows = example_rows(word)
    widths = [max(len(r[k]) for r in rows) for k in range(2)]
    return ["Examples:", *("  " + f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows), ""]


def formulas(word: type[Layer]) -> tuple[list[str], list[str]]:
    """What the first example is computed as, in evaluation and in training."""
    made = example_node(word, word.examples[0])
    if made is None:
        return [], []
    node, types = made
    return list(formula_texts(node, types, False)), list(formula_texts(node, types, True))


def _formulas(word: type[Layer]) -> list[str]:
    plain, training = formulas(word)
    if not plain and not training:
        return [f"Formulas:   none of  {word.examples[0].spec}  by itself"]
    head = f"Formulas of  {word.examples[0].spec}:"
    if plain == training:
        return [head, *(f"  {t}" for t in plain)]
    return [head, *_under("in evaluation", plain), *_under("in training", training)]


def _under(when: str, texts: list[str]) -> list[str]:
    return [f"  {when}:", *(f"    {t}" for t in texts)] if texts else [f"  {when}: none, what it reads goes through unchanged"]


def example_node(word: type[Layer], example: Example) -> tuple[Node, tuple[TensorType, ...]] | None:
    """The layer of an example, read as a spec: the first input is the flow, the others are @a, @b ... None where the
    example needs more around it than inputs."""
    from ...elaborate.tree_to_graph import elaborate
    from ...syntax.parser import parse

    names = ("x", *"abcdefgh")[:len(example.inputs)]
    lines = [f"  input {n} {shape_text(s)}" for n, s in zip(names, example.inputs)]
    rest = ["  @x -> skip", "train example:", f"  prepare {example.spec}"] if issubclass(word, Preparation) else [
        *(f"  {line}" for line in example.before), f"  @x -> {example.spec}"]
    text = "\n".join(["net example:", *lines, *rest, ""])
    try:
        graph = elaborate(parse(Source("example", text)), "example")
    except NetspecError:
        return None
    node = next((n for n in reversed(graph.nodes) if isinstance(n.op, word)), None)
    if node is None or node.type.shape != example.output:
        return None
    return node, tuple(graph.values[i].type for i in node.inputs)


def _a(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun
