"""The commands that look and change nothing (`fmt` rewrites files, and is here for company)."""

from __future__ import annotations

import errno
import json
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnostics import Diagnostic, NetspecError, UsageError, near, strict, told, unwritable
from ..plain import shown
from ..reading import irregular, write
from .nets import module_of, open_net, split
from .telling import pass_on, say, tell

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from ..runtime.footprint import Footprint
    from ..views.diagram import Direction


def check(args: Namespace) -> int:
    """Every mistake of every file; of FILE:NET as well, where the net must be one of its own. JSON and github annotations are
    output; text for people goes to standard error."""
    from ..elaborate.check import check_module
    from ..elaborate.nets import net_of
    from ..syntax.load import read_source
    from ..syntax.parser import parse_recovering

    found: list[tuple[str, Diagnostic]] = []
    fine = []
    for file in args.files:
        try:
            path, net = split(file)
            source = read_source(path)
            file = file if file == "-" else source.name  # a spec that comes with netspec says which file it is
            module, mistakes = parse_recovering(source)
            if net is not None:
                net_of(module, net)
            of_file = check_module(module, mistakes, also=_refusals)
        except NetspecError as e:
            of_file = list(e.diagnostics)
        if args.strict:
            of_file = list(strict(of_file))
        if not any(d.severity == "error" for d in of_file):
            fine.append(file)
        found += [(file, d) for d in of_file]
    errors = any(d.severity == "error" for _, d in found)
    if args.format == "json":
        say(json.dumps([d.as_json(file) for file, d in found], indent=1))
        return 1 if errors else 0
    if args.format == "github":
        for file, d in found:
            if told([d]):
                say(d.as_github(file))
    else:
        tell(d for _, d in found)
        for file in fine:
            say(f"{shown(file)}: fine")
    return 1 if errors else 0


def _refusals(graph: Graph) -> list[Diagnostic]:
    """What training would refuse of the train section; what reads no files and changes no images is not loaded for it."""
    t = graph.training
    if t is None or not (t.augmentation or (t.data is not None and t.data.op.heads)):
        return []
    from ..runtime.check.rehearsal import refusals

    return refusals(graph)


def summary(args: Namespace) -> int:
    from ..views.summary import summarise

    s = summarise(open_net(args), args.receptive_field)
    memory = _memory(s.graph) if args.memory else {}
    if args.format == "json":
        say(json.dumps(s.data() | ({"memory": {k: {"sample": f.sample, "fixed": f.fixed} for k, f in memory.items()}} if memory
                                   else {}), indent=1))
        return 0
    say(s, end="")
    if memory:
        from ..ir.precision import DEFAULT
        from ..runtime.footprint import shown

        say("memory on the CPU, in float32" + (":" if s.graph.precision == DEFAULT else f", {s.graph.precision}:"))
        for entry, f in memory.items():
            say(f"  {entry:<9}{shown(f.sample):>9} a sample, {shown(f.fixed)} beside; "
                + ", ".join(f"batch {n}: {shown(f.bytes(n))}" for n in (1, 32, 256)))
    return 0


def diff(args: Namespace) -> int:
    """What two nets differ in; 1 where they do, as `diff` has it."""
    from ..elaborate.tree_to_graph import elaborate
    from ..views.diff import diff as compare

    first, second = (elaborate(module_of(file), net, {}, None) for file, net in map(split, (args.first, args.second)))
    found = compare(first, second)
    say(json.dumps(found.data(), indent=1) if args.format == "json" else found, end="\n" if args.format == "json" else "")
    return 1 if found else 0


def _memory(graph: Graph) -> dict[str, Footprint]:
    from ..runtime.footprint import footprints
    from ..runtime.train.recipe import recipe_of

    return footprints(graph, recipe_of(graph))


def draw(args: Namespace) -> int:
    from ..views import diagram

    path = Path(args.output)
    if args.output != "-" and path.suffix.lower() not in diagram.ENDINGS:
        raise UsageError(f"a picture is written as {', '.join(diagram.ENDINGS)}, not as {args.output}",
                         hint=f"-o {path.with_suffix('.svg') if path.name and irregular(path) is None else 'net.svg'}")
    graph = open_net(args)
    direction: Direction = "right" if args.right else "down"
    if args.output == "-":
        pass_on(diagram.diagram(graph, direction).dot)
    else:
        diagram.draw(graph, args.output, direction)
        say(f"drew {graph.name} to {shown(args.output)}")
    return 0


def show(args: Namespace) -> int:
    """A stage of the way from text to kernels, as its own printed form."""
    if args.stage == "tree":
        say(module_of(split(args.net)[0]))
        return 0
    from .programs import kernels_text, program_text

    graph = open_net(args)
    if args.stage == "graph":
        say(graph)
    elif args.stage == "program":
        say(program_text(graph, args))
    else:
        say(kernels_text(graph, args), end="")
    return 0


def emit(args: Namespace) -> int:
    """One readable module that runs with NumPy and Numba alone."""
    from .programs import standalone_text

    path = Path(args.output)
    # a pipe or a device may be called anything
    if args.output != "-" and path.suffix.lower() != ".py" and irregular(path) in (None, "a folder"):
        raise UsageError(f"emit writes a Python module, and {args.output} would not be one by its name",
                         hint=f"-o {path.with_suffix('.py') if path.name else 'net.py'}")
    text = standalone_text(open_net(args), args)
    if args.output == "-":
        pass_on(text)
    else:
        try:
            write(args.output, text.encode())
        except (OSError, ValueError) as e:
            raise unwritable(args.output, e) from None
        say(f"wrote {shown(args.output)}: {len(text.splitlines())} lines")
    return 0


def fmt(args: Namespace) -> int:
    """Rewrite specs in the canonical form; `-` is a filter. A file that cannot be read is reported, and the others done."""
    mistakes: list[Diagnostic] = []
    changed = 0
    for file in args.files:
        try:
            changed += _format(file, args)
        except NetspecError as e:
            mistakes += e.diagnostics
    if mistakes:
        raise NetspecError(*mistakes)
    return 1 if changed and args.check else 0


def _format(file: str, args: Namespace) -> bool:
    """Whether the file is not in canonical form."""
    from ..syntax.formatter import format_source
    from ..syntax.load import read_source

    source = read_source(file, packaged=False)  # what comes with netspec is not the user's to rewrite
    text = format_source(source)
    differs = text != source.text
    if args.diff and differs:
        import difflib

        lines = difflib.unified_diff(source.text.splitlines(True), text.splitlines(True), shown(source.name),
                                     shown(source.name) + " (formatted)")
        pass_on("".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines))
    if file == "-" and not (args.check or args.diff):
        pass_on(text)
    elif differs and args.check and not args.diff:
        say(f"{shown(file)}: would change")
    elif differs and not (args.check or args.diff):
        _replace(Path(file).resolve(), text)
        say(f"{shown(file)}: formatted")
    return differs


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever interrupts a rewrite keeps the old one. What nobody may write stays."""
    if not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK)):
        raise unwritable(path, PermissionError(errno.EACCES, "it is read-only"))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.chmod(path.stat().st_mode)
        os.replace(beside, path)
    except OSError as e:
        beside.unlink(missing_ok=True)
        raise unwritable(path, e) from None


def explain(args: Namespace) -> int:
    """The page of a word: a layer's, a loss's, an optimiser's, one of the language itself, or an error's code."""
    import textwrap

    from ..catalogue import CATALOGUE
    from ..views.explain import explain_word, words
    from ..views.vocabulary import VOCABULARY, vocabulary_page

    sorts = {**words(), "words of the language": list(VOCABULARY), "errors": sorted(CATALOGUE)}
    if args.word is None:
        for sort, names in sorts.items():
            say(f"{sort}:\n{textwrap.fill(', '.join(names), 98, initial_indent='  ', subsequent_indent='  ', break_on_hyphens=False)}")
        return 0
    pages = [p for p in (explain_word(args.word), vocabulary_page(args.word), CATALOGUE.get(args.word)) if p]
    if not pages:
        close = near(args.word, [w for names in sorts.values() for w in names])
        raise UsageError(f"there is nothing called `{args.word}` to explain", hint=f"did you mean {close}?" if close
                         else "netspec explain")
    say("\n".join(pages).rstrip())
    return 0
