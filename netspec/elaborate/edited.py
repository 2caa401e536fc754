"""A spec with lines of its train section replaced: `netspec train my.net --with "adamw lr=3e-4" --with "batch 64"`.

Lines that begin with the same word are replaced, wherever in the section they stand; an optimiser replaces the optimiser. Several
new lines of one word add up, and a word that the section does not have is added. The text is edited, so that what is trained,
kept in checkpoints and written to `spec.net` is one spec.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..diagnostics import UsageError
from ..ir.graph import Graph
from ..ir.training import ALSO
from ..optimisers import OPTIMISERS
from ..plain import shown
from ..source import Source, Span
from ..syntax import tree
from .model.files import Library, Macro
from .nets import only_net
from .train.section import section_of
from .train_line import train_line
from .tree_to_graph import read_module

NOTHING = "unused = 0"  # a line that says nothing, where a body may not be empty


def with_lines(module: tree.Module, net: str | None, lines: Sequence[str], graph: Graph) -> tree.Module:
    """The module, which stands alone, with lines that the user says in the section of its net, whose graph this is.

    Errors: what is no line, or several; whatever is wrong with a line, said at its place in it.
    """
    for line in lines:
        if not line.partition("#")[0].strip() or "\n" in line.strip():
            raise UsageError(f"--with takes a line of the train section, and {shown(repr(line))} is "
                             + ("several" if line.strip().count("\n") else "none"), hint="--with 'adamw lr=3e-4' --with 'batch 64'")
    train_line("\n".join(line.strip() for line in lines), graph, "--with")
    return edited(module, net, lines)


def edited(module: tree.Module, net: str | None, lines: Sequence[str], about: Collection[str] = ()) -> tree.Module:
    """The module, which stands alone (see alone.py), with these lines in the section of its net; what the section says about the
    words in `about` is taken out besides. Raises SpecError where the text cannot be read afterwards."""
    name = net if net is not None else only_net(module)
    macro = Library().add(module).definitions.get(name)
    found = section_of(macro) if isinstance(macro, Macro) else None
    if found is None and not lines:
        return module
    if found is None:
        text = module.source.text.rstrip("\n") + f"\n\ntrain {name}:\n" + "".join(f"  {line}\n" for line in lines)
        return _reread(module, text)
    item, of = found
    old = of.file.module
    return _exchanged(module, old, _reread(old, _text(old.source.text, item, lines, {*about, *map(word, lines)})), {})


def _reread(module: tree.Module, text: str) -> tree.Module:
    source = module.source
    return replace(read_module(Source(source.name, text, source.folder)), imports=module.imports)


def _exchanged(module: tree.Module, old: tree.Module, new: tree.Module, made: dict[int, tree.Module]) -> tree.Module:
    """The module with one of its imports, or itself, in another form, wherever it is imported; `made` are those seen before."""
    if module is old or not module.imports:
        return new if module is old else module
    if id(module) not in made:
        made[id(module)] = module  # an import of itself is refused elsewhere
        imports = {path: _exchanged(other, old, new, made) for path, other in module.imports.items()}
        if any(imports[path] is not other for path, other in module.imports.items()):
            made[id(module)] = replace(module, imports=imports)
    return made[id(module)]


def word(line: str) -> str:
    """What a line is about: its first word, or that it names an optimiser."""
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    return "optimiser" if first in OPTIMISERS else ALSO.get(first, first)


def _text(text: str, item: tree.Train, new: Sequence[str], about: set[str]) -> str:
    """The text with the lines of the section about these words exchanged for the new ones."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((s.span for s in _statements(item.body)), item.span)
    inline = first.line == item.span.line  # `train a: loss mse`
    indent = "  " if inline else " " * (first.column - 1)
    gone: list[Span] = []
    empty = _removed(item.body, about, gone)
    blank: set[int] = set()
    new = new or ([NOTHING] if all(any(s.span.line == g.line for g in gone) for s in _statements(item.body)) else [])
    for span in sorted(gone, key=lambda s: (-s.line, -s.column)):
        before, after = lines[span.line - 1][: span.column - 1], lines[span.end_line - 1][span.end_column - 1 :]
        if before.strip():  # `if deep: batch 64`
            deeper = " " * (len(before) - len(before.lstrip()) + 2)
            lines[span.line - 1] = f"{before.rstrip()}\n{deeper}{NOTHING}{after}"
            blank |= set(range(span.line + 1, span.end_line + 1))
        elif span in empty:
            lines[span.line - 1] = before + NOTHING + after
            blank |= set(range(span.line + 1, span.end_line + 1))
        else:
            blank |= set(range(span.line, span.end_line + 1))
    end = max([item.span.line, *(n.span.end_line for n in tree.walk(item.body))])
    out = []
    for k, line in enumerate(lines, 1):
        if inline and k == item.span.line:
            head, colon, body = line.partition(":")
            line = head + colon + f"\n{indent}{body.strip()}"
        if k not in blank:
            out.append(line)
        if k == end:
            out += [indent + one.strip() for one in new]
    return "\n".join(out)


def _removed(body: tree.Statement, about: set[str], gone: list[Span], top: bool = True) -> set[Span]:
    """Gather the statements that are about these words; of bodies that would be empty, the first one is returned."""
    mine: list[Span] = []
    kept, empty = 0, set[Span]()
    for s in _statements(body):
        call = s.items[0] if isinstance(s, tree.Steps) and len(s.items) == 1 else s
        if isinstance(call, tree.Call) and word(call.name) in about:
            mine.append(call.span)
            continue
        kept += 1
        for inner in _bodies(s):
            empty |= _removed(inner, about, gone, top=False)
    gone += mine
    return empty | ({mine[0]} if mine and not kept and not top else set())


def _statements(body: tree.Statement) -> tuple[tree.Statement, ...]:
    return body.statements if isinstance(body, tree.Suite) else (body,)


def _bodies(s: tree.Statement) -> list[tree.Statement]:
    if isinstance(s, tree.If):
        return [b for b in (*(b for _, b in s.cases), s.otherwise) if b is not None]
    return [s.body] if isinstance(s, (tree.For, tree.Repeat)) else []
