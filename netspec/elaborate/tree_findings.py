"""What the tree alone shows, also of blocks that nothing calls: unknown words, unused names."""

from __future__ import annotations

from typing import Any

from ..diagnostics import Advice, Diagnostic, Label, near
from ..interruptions import point
from ..layers import LAYERS
from ..limits import MISTAKES
from ..syntax import tree
from ..syntax.tree import walk
from .binding.resolve import unknown
from .binding.train_words import OF_OPTIMISER
from .model.files import STRUCTURAL, Context, File
from .statements.table import RULES


def static_findings(file: File, known: list[Diagnostic]) -> list[Diagnostic]:
    """Unknown words anywhere, and what is defined and never used."""

    out: list[Diagnostic] = []
    reported = {(d.span.line, d.span.column) for d in known if d.span is not None and d.span.source == file.module.source}
    used: set[str] = set()
    trained: dict[str, tree.Train] = {}
    everywhere = {*LAYERS, *file.definitions, *STRUCTURAL, *file.env, "<hole>"}
    parts = {id(item): _parts(item) for item in file.module.items}
    names = {key: _names_in(nodes) for key, nodes in parts.items()}
    training: dict[str, list[Any]] = {}
    for item in file.module.items:
        if isinstance(item, tree.Train):
            training.setdefault(item.net, []).extend(parts[id(item)])
    for item in file.module.items:
        point()
        if isinstance(item, (tree.Definition, tree.Variant)):
            out += _definition(file, item, parts[id(item)], reported, everywhere, training.get(item.name, []))
            used |= names[id(item)] - {item.name}
        elif isinstance(item, tree.Train):
            out += _train(file, item, parts[id(item)], reported)
            used |= names[id(item)] | {item.net}
            first = trained.setdefault(item.net, item)
            if first is not item:
                out.append(Diagnostic("duplicate-definition", f"`{item.net}` has two train sections",
                                      (Label(item.name_span, "the second one"), Label(first.name_span, "the first is here")),
                                      hint=Advice("say everything in one of them")))
        elif isinstance(item, (tree.Constant, tree.Default)):
            used |= names[id(item)]
    if (any(isinstance(i, tree.Hole) for i in file.module.items)
            or any(d.code in ("syntax", "unknown-word") and d.severity == "error" for d in known)):
        return out  # a line that was not read may be the one that uses a name
    holds_nets = any(isinstance(i, tree.Variant) or (isinstance(i, tree.Definition) and i.kind == "net")
                     for i in file.module.items)
    called = _called(file, names)
    for item in file.module.items:
        if isinstance(item, tree.Definition) and item.kind == "block" and item.name not in called and holds_nets:
            label = "only blocks that are never used call it" if item.name in used else "nothing calls it"
            out.append(Diagnostic("unused", f"the block `{item.name}` is never used", (Label(item.name_span, label),),
                                  severity="warning"))
        elif isinstance(item, tree.Import):
            for name in item.names:
                if name not in used:
                    out.append(Diagnostic("unused", f"`{name}` is imported and never used", (Label(item.span),),
                                          severity="warning", hint=Advice("drop it from the import")))
        elif isinstance(item, tree.Constant) and item.name not in used:
            out.append(Diagnostic("unused", f"the constant `{item.name}` is never used", (Label(item.span),), severity="warning"))
    return out + _idle_labels([n for nodes in parts.values() for n in nodes])


def _parts(item: Any) -> list[Any]:
    """An item and everything in it, walked once for all that is asked of it."""
    point()
    return list(walk(item))


def _called(file: File, names: dict[int, set[str]]) -> set[str]:
    """The names that nets, variants and train sections reach, through whatever blocks."""
    blocks = {i.name: i for i in file.module.items if isinstance(i, tree.Definition) and i.kind == "block"}
    importers = [f for f in file.library.files.values() if f is not file]
    reached = {m.name for f in importers for m in f.definitions.values() if m.file is file}  # files that import each other
    todo: list[Any] = [blocks[n] for n in reached if n in blocks]
    todo += [i for i in file.module.items if not (isinstance(i, tree.Definition) and i.kind == "block")]
    while todo:
        new = names[id(todo.pop())] - reached
        reached |= new
        todo += [blocks[n] for n in new if n in blocks]
    return reached


def _idle_labels(nodes: list[Any]) -> list[Diagnostic]:
    """Labels of the flow as it is, or of another node, that no line refers to."""
    spots = {n.name for n in nodes if isinstance(n, (tree.Spot, tree.Output))}
    spots |= {part for n in nodes if isinstance(n, tree.Upto) for part in n.path.split(".")}
    labels = [n for n in nodes if isinstance(n, tree.Labelled) and n.name not in spots]
    return [Diagnostic("unused", f"the label `{n.name}` names nothing of its own, and nothing refers to it", (Label(n.span),),
                       hint=Advice("drop it"), severity="warning")
            for n in labels if n.name.rstrip("0123456789") not in spots and all(_makes_nothing(s) for s in tree.walk(n.body))]


def _makes_nothing(node: Any) -> bool:
    """Whether a part of a statement only stands for what is there already."""
    if isinstance(node, tree.Call):
        return node.name == "skip"
    return isinstance(node, (tree.Suite, tree.Steps, tree.Reference, tree.Spot)) or not isinstance(node, tuple(RULES.statements))


def _names_in(nodes: list[Any]) -> set[str]:
    return {n.name for n in nodes if isinstance(n, (tree.Name, tree.Call, tree.Spot, tree.Function))}


def _definition(file: File, item: tree.Definition | tree.Variant, nodes: list[Any], reported: set[tuple[int, int]],
                everywhere: set[str], trained: list[Any]) -> list[Diagnostic]:
    out: list[Diagnostic] = []
    names = {p.name for p in item.params}
    constants = [n for n in nodes if isinstance(n, tree.Constant)]
    local = names | {n.name for n in constants}
    for n in nodes:
        if isinstance(n, tree.For):
            local.update(n.names)
        elif isinstance(n, tree.Repeat) and n.counter:
            local.add(n.counter)
    for n in nodes:
        if (isinstance(n, tree.Call) and len(out) < MISTAKES and n.name not in everywhere and n.name not in local
                and (n.span.line, n.span.column) not in reported):
            out.append(unknown(n.name, n.name_span, Context(dict.fromkeys(names), {}, file), LAYERS).diagnostic)
    used = {n.name for n in nodes if isinstance(n, (tree.Name, tree.Call, tree.Spot))} | _names_in(trained)
    if any(isinstance(n, tree.Hole) for n in (*nodes, *trained)):
        return out
    out += [Diagnostic("unused", f"the parameter `{p.name}` of {item.name} is never used", (Label(p.span, "nothing reads it"),),
                       severity="warning") for p in item.params if p.name not in used]
    out += [Diagnostic("unused", f"the constant `{n.name}` is never used", (Label(n.span, "nothing reads it"),),
                       severity="warning") for n in constants if n.name not in used]
    return out


def _train(file: File, item: tree.Train, nodes: list[Any], reported: set[tuple[int, int]]) -> list[Diagnostic]:
    if item.net in file.definitions or (item.name_span.line, item.name_span.column) in reported:
        used = _names_in(nodes)
        return [Diagnostic("unused", f"the constant `{n.name}` is never used", (Label(n.span, "nothing reads it"),),
                           severity="warning",
                           hint=Advice(f"in the line of the optimiser:  {n.name}={tree.source_text(n.value)}")
                           if n.name in OF_OPTIMISER else None)
                for n in nodes if isinstance(n, tree.Constant) and n.name not in used]
    alike = near(item.net, file.definitions)
    return [Diagnostic("unknown-word", f"there is no net called `{item.net}` to train",
                       (Label(item.name_span, "not defined in this file"),), hint=f"did you mean `{alike}`?" if alike else None)]
