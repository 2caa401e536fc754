"""The pages of the words: each layer, loss, optimiser, schedule, metric, preparation, augmentation and data set, written from its class.

A page is what `netspec explain` says, as Markdown, with the formulas of losses and optimisers and with a picture: a layer's
first example as netspec draws it, the curve of an activation or a schedule, digits before and after an augmentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pictures

from netspec.diagnostics import NetspecError
from netspec.ir.formula import Formula, Pieces
from netspec.ir.graph import Graph
from netspec.ir.types import shape_text
from netspec.passes.objective import Term, loss_program, update_program
from netspec.views.words import explain
from netspec.words import REQUIRED, Word, WordError, arguments

FOLDER = "words"
SAMPLES = {"count": 10, "whole": 10, "number": 0.1, "list": (10, 20)}  # an argument that has no default, by its kind
INPUTS = ("10", "4x5x5", "1")  # what a loss is shown for: the first that it can judge
PLURAL = {"loss": "losses", "data set": "data sets"}


def pages() -> Iterator[tuple[str, str]]:
    """(path in the site, text) of every page and every picture; the first is the list of them all."""
    every = [(r.sort, word) for r in explain.registries() for word in r.values()]
    yield f"{FOLDER}/index.md", index(every)
    for sort, word in every:
        name, picture = slug(sort, word), picture_of(sort, word)
        yield f"{FOLDER}/{name}.md", page(sort, word, f"{name}.svg" if picture else None)
        if picture:
            yield f"{FOLDER}/{name}.svg", picture


def slug(sort: str, word: type[Word]) -> str:
    """`conv`; with its sort where another sort has a word of that name (`crop` of layers and of augmentations)."""
    namesakes = [r.sort for r in explain.registries() if word.name in r]
    return word.name if namesakes[0] == sort else f"{word.name}_{sort.replace(' ', '_')}"


def index(every: list[tuple[str, type[Word]]]) -> str:
    """Every word with its first sentence, in the order of sorts and categories."""
    out = ["# Every word", "", "Written from the code, as `netspec explain WORD` is; each has a page of its own.", ""]
    for sort in dict.fromkeys(s for s, _ in every):
        words = [w for s, w in every if s == sort]
        out += [f"## {title(sort)}", ""]
        for category in dict.fromkeys(w.category for w in words):
            inside = sorted((w for w in words if w.category == category), key=lambda w: w.name)
            out += [f"### {category.capitalize()}", ""] if category != sort else []
            out += ["| | |", "|---|---|",
                    *(f"| [`{w.name}`]({slug(sort, w)}.md) | {cell(first_sentence(explain.docstring(w)[0]))} |" for w in inside),
                    ""]
    return "\n".join(out)


def title(sort: str) -> str:
    return PLURAL.get(sort, sort + "s").capitalize()


def first_sentence(text: str) -> str:
    whole = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`])\. (?=[A-Z`])", whole)[0]


def page(sort: str, word: type[Word], picture: str | None) -> str:
    """One word's page."""
    lead, sections = explain.docstring(word)
    kind = sort if word.category == sort else f"{sort} ({word.category})"
    out = [f"# {word.name}", "", f"*{kind}*", ""]
    out += [f"![{alternative(sort, word)}]({picture}){{ .word-picture }}", ""] if picture else []
    out += [prose(lead), "", "```{ .text .word-usage }", explain.usage(word), "```", ""]
    rows = explain.argument_rows(word)
    if rows:
        out += ["## Arguments", "", "| argument | kind | default | |", "|---|---|---|---|",
                *("| " + " | ".join((f"`{cell(a, code=True)}`", cell(k), cell(d.removeprefix("default ")), cell(doc))) + " |"
                  for a, k, d, doc in rows), ""]
    for head, text in sections:
        out += [f"## {explain.SECTIONS[head]}", "", prose(text), ""]
    if getattr(word, "examples", ()):
        examples = explain.example_rows(word)  # type: ignore[arg-type]
        out += ["## Examples", "", "| step | shapes, without the batch | |", "|---|---|---|",
                *(f"| `{cell(a, code=True)}` | {cell(b)} | {cell(c)} |" for a, b, c in examples), ""]
    for head, lines in formulas(sort, word):
        out += [f"## {head}", "", "```text", *lines, "```", ""]
    return "\n".join(out)


def prose(text: str) -> str:
    """A docstring as Markdown: what stands between backticks is code, all else is text and no markup."""
    return "`".join(part if k % 2 else re.sub(r"[*_<>\[\]|#]", lambda m: f"&#{ord(m[0])};", part)
                    for k, part in enumerate(text.split("`")))


def cell(text: str, code: bool = False) -> str:
    """Text for a table; within backticks a bar ends no cell."""
    return text if code else prose(" ".join(text.split()))


def formulas(sort: str, word: type[Word]) -> Iterator[tuple[str, list[str]]]:
    """Headings and formulas of a word that has any."""
    if sort in ("layer", "preparation"):
        plain, training = explain.formulas(word)  # type: ignore[arg-type]
        spec = f"Formulas of `{word.examples[0].spec}`" if training else ""  # type: ignore[attr-defined]
        if plain == training and plain:
            yield spec, plain
        elif training:
            yield f"{spec} in evaluation", plain or ["out[n,c,h,w] = x[n,c,h,w]   (nothing is computed)"]
            yield f"{spec} in training", training
    elif sort == "loss":
        yield from loss_formulas(word)
    elif sort == "optimiser" and not word.host:  # type: ignore[attr-defined]
        program, _ = update_program(sample(word), 1)
        yield "Formulas of a step", texts(program, {})


def loss_formulas(word: type[Word]) -> Iterator[tuple[str, list[str]]]:
    for shape in INPUTS:
        graph = graph_of(f"net example:\n  input z {shape}\n  flatten\n" if "x" not in shape else
                         f"net example:\n  input z {shape}\n  conv {shape[0]} 1x1\n")
        if graph is None:
            continue
        loss = sample(word)
        output = graph.values[graph.outputs[0][1]].type
        try:
            loss.check_output(output)  # type: ignore[attr-defined]
            term = Term(loss, graph.outputs[0][0])  # type: ignore[arg-type]
            program = loss_program(graph, (term,))
        except WordError:
            continue
        read = graph.outputs[0][1]
        made = [n.name for n in program.nodes]
        after = made[made.index(read) + 1:] if read in made else made
        yield (f"Formulas for outputs z of shape {shape_text(tuple(output.shape))} and targets t",
               texts(program, {read: "z", term.source: "t"}, after))
        return


def texts(program: Graph, names: dict[str, str], only: list[str] | None = None) -> list[str]:
    """The formulas of a program, with shorter names for its values."""
    short = {v.name: v.name.rpartition(".")[2] for n in program.nodes for v in n.results} | names
    out = []
    for n in program.nodes:
        if isinstance(n.op, Formula | Pieces) and (only is None or n.name in only):
            called = dict(zip(n.op.operands, n.inputs)) | {t.name: v.name for t, v in zip(n.op.targets, n.results)}
            text = str(n.op.renamed({k: short.get(v, v) for k, v in called.items()}))
            out.append(re.sub(r"\[[^\]]*\]", lambda m: m[0].replace(", ", ","), text))
    return out


def sample(word: type[Word]) -> Word:
    """The word with its defaults."""
    return word(**{a.field: SAMPLES[a.kind] for a in arguments(word) if a.default is REQUIRED})


def alternative(sort: str, word: type[Word]) -> str:
    """What the picture shows, for those who cannot see it."""
    if sort in ("layer", "preparation"):
        return f"{word.examples[0].spec}, drawn by netspec"  # type: ignore[attr-defined]
    return {"schedule": "the factor over 30 epochs", "augmentation": "images before and after"}.get(sort, word.name)


def picture_of(sort: str, word: type[Word]) -> str | None:
    """An SVG, where there is something to see."""
    if sort == "schedule":
        return pictures.schedule(sample(word))
    if sort == "augmentation":
        return pictures.augmentation(sample(word))
    if sort not in ("layer", "preparation"):
        return None
    graph = example_graph(word)
    if graph is None:
        return None
    node = next(n for n in graph.nodes if isinstance(n.op, word))
    if word.category == "activation" and node.op.pointwise():
        return pictures.activation(word.examples[0].spec)  # type: ignore[attr-defined]
    return pictures.diagram(graph)


def example_graph(word: type[Word]) -> Graph | None:
    """The first example of a layer as a net: its inputs, what stands before it, the step."""
    example = word.examples[0]  # type: ignore[attr-defined]
    names = ("x", *"abcdefgh")[:len(example.inputs)]
    inputs = [f"input {n} {shape_text(s)}" for n, s in zip(names, example.inputs)]
    preparing = word.category == "preparation"
    lines = [*inputs, *example.before, "@x -> skip" if preparing else f"@x -> {example.spec}"]
    graph = graph_of("\n  ".join(["net example:", *lines]) + "\n" + (f"train example:\n  prepare {example.spec}\n" if preparing else ""))
    return graph if graph and any(isinstance(n.op, word) for n in graph.nodes) else None


def graph_of(text: str) -> Graph | None:
    from netspec import load_graph

    try:
        return load_graph(text=text).graph
    except NetspecError:
        return None


def groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """For the navigation: each sort's title, with the name and the page of each of its words."""
    return [(title(r.sort), [(w.name, f"{FOLDER}/{slug(r.sort, w)}.md") for w in sorted(r.values(), key=lambda w: w.name)])
            for r in explain.registries()]
