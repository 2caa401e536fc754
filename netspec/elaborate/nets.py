"""Syntax tree to graph: names found, blocks called, shapes inferred, every step checked.

    net = elaborate(parse(read_source("specs/lenet.net")))

A layer's own shape rule is called as the layer is placed, since `in.channels` needs it. One run reports every
independent mistake; what depends on one is not reported.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..diagnostics import Advice, Diagnostic, Label, SpecError, UsageError, bounded, in_order, near, told
from ..garbage import none_expected
from ..ir.graph import Graph, Node
from ..ir.precision import DEFAULT
from ..layers import LAYERS
from ..reading import Own
from ..source import Source, Span
from ..syntax import tree
from ..syntax.parser import parse_recovering
from . import statements
from .argument_kinds import Given
from .blame import origins
from .calls import input_lines, open_macro, weight_file
from .checking import static_findings
from .elaborator import Elaborator
from .expressions import CONSTANTS, evaluate
from .files import UNKNOWN, Context, File, Library, Spent
from .lookup import Arguments
from .remarks import dead_biases
from .training import elaborate_training
from .unrun import look
from .values import UNKNOWN_VALUE, Fatal, Macro, Mistake, Silent

__all__ = ["callable_nets", "check_file", "check_module", "elaborate", "net_of", "read_module"]


def elaborate(module: tree.Module, net: str | None = None, parameters: Mapping[str, object] = {}, input: Any = None) -> Graph:
    """The graph of one net. `parameters` are the net's, as Python values or as texts the way `--set classes=10` gives them;
    `input` binds `?` and other sizes: a shape, or shapes by name. Raises SpecError with everything that is wrong."""
    if net is not None and not isinstance(net, str):
        raise UsageError(f"net= is the name of a net, not a {type(net).__name__}", *_listed(module), code="which-net")
    library = Library()
    file = library.add(module)
    name = net if net is not None else _only_net(module)
    macro = file.definitions.get(name)
    if macro is None or macro is UNKNOWN or not _is_net(macro):
        _no_such_net(module, name, macro)
    assert macro is not None
    e, graph = _elaborated(library, file, macro, parameters, input)
    errors = [d for d in e.found if d.severity == "error"]
    if graph is None and not errors:  # a tree with lines set aside: whoever parsed it knows them
        raise SpecError(Diagnostic("syntax", f"{module.source.name} has lines that could not be read",
                                   (Label(macro.item.name_span),)))
    if errors or graph is None:  # what else is wrong with the file is said in the same breath
        raise SpecError(*told(in_order([*e.found, *check_module(module)])))
    return graph


def read_module(source: Source) -> tree.Module:
    """The tree of a spec that is about to be elaborated. Where a line cannot be read, SpecError says all that `check` says."""
    module, mistakes = parse_recovering(source)
    if mistakes:
        raise SpecError(*told(check_module(module, mistakes)))
    return module


# ---------------------------------------------------------------- nets of a file


def _is_net(macro: Macro) -> bool:
    return isinstance(macro.item, tree.Variant) or macro.item.kind == "net"


def callable_nets(module: tree.Module) -> list[tree.Definition | tree.Variant]:
    """The nets and variants that need no arguments, in the order of the file."""
    return [i for i in module.items if isinstance(i, (tree.Variant, tree.Definition))
            and (isinstance(i, tree.Variant) or i.kind == "net")
            and not any(p.default is None for p in i.params)]


def _nets(module: tree.Module) -> list[tree.Definition | tree.Variant]:
    return [i for i in module.items if isinstance(i, tree.Variant) or (isinstance(i, tree.Definition) and i.kind == "net")]


def _listed(module: tree.Module) -> tuple[str, ...]:
    return tuple(f"{i.name}" + (f"({', '.join(tree.source_text(p) for p in i.params)})" if i.params else "")
                 for i in _nets(module))


def _only_net(module: tree.Module) -> str:
    nets = callable_nets(module)
    if len(nets) == 1:
        return nets[0].name
    name = module.source.name
    if not _nets(module):
        raise UsageError(f"{name} defines no net", hint="net lenet:\n  input 1x28x28\n  fc 10", code="no-net")
    if not nets:
        raise UsageError(f"every net of {name} needs arguments", *_listed(module),
                         hint=Advice(f"define a variant:  net NAME = {_nets(module)[0].name} ..."), code="which-net")
    raise UsageError(f"{name} defines {len(nets)} nets: say which", *(n.name for n in nets), hint=f"{name}:{nets[0].name}",
                     code="which-net")


def net_of(module: tree.Module, name: str) -> None:
    """Refuse a name that no net of the file has. Raises UsageError."""
    if not any(n.name == name for n in _nets(module)):
        _no_such_net(module, name, Library().add(module).definitions.get(name))


def _no_such_net(module: tree.Module, name: str, macro: Macro | None) -> None:
    if macro is not None:
        raise UsageError(f"`{name}` is a block, not a net", *_listed(module), code="which-net")
    alike = near(name, [n.name for n in _nets(module)])
    raise UsageError(f"{module.source.name} has no net called {name}", *_listed(module), hint=f"did you mean {alike}?" if alike
                     else None, code="which-net")


# ---------------------------------------------------------------- one net


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Blocks nested 64 deep, each with bodies in bodies, need more frames than Python allows by default."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 12_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _elaborated(library: Library, file: File, macro: Macro, parameters: Mapping[str, object],
                input: Any) -> tuple[Elaborator, Graph | None]:
    e = Elaborator(library, {})
    library.nets += 1
    e.found += library.found
    settings = dict(parameters)
    if str(settings.get("weights", "")) in ("none",
                                            "None") and "weights" in settings and "weights" not in _parameter_names(macro):
        settings.pop("weights")
        e.initialise = True
    e.wanted = _wanted_inputs(macro, input)
    with _deep_stack(), none_expected():
        try:
            for f in list(library.files.values()):
                prepare(e, f)
            _run_net(e, file, macro, settings)
            graph = _finish(e, macro)
        except Fatal as m:
            e.report(m.diagnostic)
            e.entered.clear()  # what stands behind it was not reached
            graph = None
        except RecursionError:
            e.report(Diagnostic("too-deep", "this is nested too deeply", (Label(macro.item.name_span, "inside here"),),
                                hint=Advice("move inner parts into blocks")))
            graph = None
    return e, graph


def prepare(e: Elaborator, file: File) -> None:
    """A file's constants and defaults, in order; what holds where each definition stands."""
    if file.env:
        return
    file.env = dict(CONSTANTS)
    file.defaults = {}
    for item in file.module.items:
        c = Context(file.env, file.defaults, file)
        if isinstance(item, tree.Constant):
            with e.guarded():
                if item.name in file.env:
                    raise Mistake("duplicate-definition", f"`{item.name}` is defined twice", item.span, "the second time",
                                  hint=Advice("give it another name"))
                file.env.update({item.name: statements.bound(e, item, None, c).env[item.name]})
            file.env.setdefault(item.name, UNKNOWN_VALUE)
        elif isinstance(item, tree.Default):
            with e.guarded():
                file.defaults = statements.bound(e, item, None, c).defaults
        elif isinstance(item, (tree.Definition, tree.Variant)):
            file.places[item.name] = file.defaults
            with e.guarded():
                _distinct_parameters(item)
        elif isinstance(item, tree.Hole):  # what it would have defined is not to be missed
            found = re.match(r"\s*(\w+)\s*=", file.module.source.line(item.span.line))
            if found:
                file.env[found[1]] = UNKNOWN_VALUE
            text = file.module.source.line(item.span.line)
            words = re.findall(r"[A-Za-z_]\w*", text) if re.search(r"\bimport\b", text) else re.findall(r"^\s*\w+\s+(\w+)", text)
            for name in words:
                if name not in LAYERS:
                    file.definitions.setdefault(name, UNKNOWN)


def _distinct_parameters(item: tree.Definition | tree.Variant) -> None:
    seen: dict[str, Span] = {}
    for p in item.params:
        if p.name in seen:
            raise Mistake("duplicate-definition", f"`{item.name}` has two parameters called `{p.name}`", p.span, "the second one")
        seen[p.name] = p.span


def _parameter_names(macro: Macro) -> set[str]:
    out = {p.name for p in macro.item.params}
    if isinstance(macro.item, tree.Variant):
        base = macro.file.definitions.get(macro.item.call.name)
        if base is not None and base.file is not None and base is not macro:
            seen = {id(macro)}
            while isinstance(base.item, tree.Variant) and id(base) not in seen:
                seen.add(id(base))
                out |= {p.name for p in base.item.params}
                following = base.file.definitions.get(base.item.call.name)
                if following is None or following.file is None:
                    return out
                base = following
            out |= {p.name for p in base.item.params}
    return out


def _run_net(e: Elaborator, file: File, macro: Macro, settings: dict[str, object]) -> None:
    """Run the net's body at the root."""
    span = macro.item.name_span
    args = Arguments()
    names = _parameter_names(macro)
    for key, value in settings.items():
        if key not in names:
            alike = near(key, names)
            raise UsageError(f"{macro.name} has no parameter called {key}",
                             f"its parameters: {', '.join(sorted(names)) or 'none'}", hint=f"did you mean {alike}?" if alike
                             else None, code="unknown-parameter")
        args.options[key] = Given(_setting(key, value, file), span)
    node = tree.Call(macro.name, (), span, span)
    c = Context(file.env, {}, file)
    try:
        definition, env, named, inner = open_macro(macro, args, node, c, None)
    except Silent:
        return
    except Mistake as m:
        if m.diagnostic.code == "missing-argument" and isinstance(macro.item, tree.Definition):
            raise UsageError(f"{macro.name} needs arguments", m.diagnostic.title, *m.diagnostic.notes,
                             hint=Advice(f"--set, or a variant:  net NAME = {macro.name} ..."), code="missing-argument") from None
        e.report(m.diagnostic)
        return
    e.given = {p.name: env[p.name] for p in definition.params if p.name in env}
    if named is not None:
        e.weights.append(("", weight_file(e, named)))
    e.entered.add(id(definition))
    inside = Context(env, inner.places.get(definition.name, inner.defaults), inner, origins(definition.params, args, {}))
    e.site = span
    e.calls.append((macro.name, "", span))
    base, e.calls = e.calls, []
    out = statements.run(e, definition.body, None, e.root, inside)
    e.calls = base[:-1]
    if args.upto is not None:
        with e.guarded():
            raise Mistake("wrong-argument", "`upto` stops a called net; a variant always runs to its end", args.upto.span)
    if e.wanted:
        name = next(iter(e.wanted))
        raise UsageError(f"{macro.name} has no input called {name}", f"its inputs: {', '.join(e.inputs)}",
                         code="unknown-parameter")
    if out is None or not e.inputs:
        if not any(d.severity == "error" for d in e.found) and not any(isinstance(n, tree.Hole)
                                                                       for n in tree.walk(definition.body)):
            e.say("error", "no-flow", f"the net `{macro.name}` has no input", definition.name_span, "nothing flows through it",
                  hint="input 3x224x224")
        return
    if not e.ends_with_output:
        if "out" in e.outputs:
            e.say("error", "duplicate-name", "there are two outputs called `out`", e.outputs["out"][1],
                  "the net's last line is the output `out` too", hint=Advice("give this one another name"))
        else:
            e.outputs["out"] = out, span
            e.read.add(out.value)


def _setting(key: str, value: object, file: File) -> Any:
    """A parameter from outside. A text is an expression of the language where it reads as one; else, or in quotes, it is the
    user's own, and may name any file."""
    if isinstance(value, (list, tuple)):
        return tuple(_setting(key, v, file) if isinstance(v, (list, tuple)) else v for v in value)
    if not isinstance(value, str):
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if callable(getattr(value, "tolist", None)):  # numbers and arrays of other libraries
            plain = value.tolist()  # type: ignore[attr-defined]
            if isinstance(plain, (list, bool, int, float)):
                return _setting(key, plain, file)
        raise UsageError(f"the parameter {key} cannot be a {type(value).__name__}", code="wrong-argument")
    module, found = parse_recovering(Source("--set", f"_ = {value}\n"))
    item = module.items[0] if module.items else None
    if found or not isinstance(item, tree.Constant) or value.endswith(".safetensors"):
        return Own(value)
    if isinstance(item.value, tree.Text):
        return Own(item.value.value)
    try:
        return evaluate(item.value, Context(file.env or dict(CONSTANTS), {}, file), None)
    except Mistake as m:
        raise UsageError(f"the parameter {key} cannot be {value!r}", m.diagnostic.title, code="wrong-argument") from None


def _wanted_inputs(macro: Macro, input: Any) -> dict[str, tuple[int, ...]]:
    """Shapes asked for, by the name of the input."""
    if input is None:
        return {}
    if not isinstance(input, Mapping):
        item = macro.item
        seen = set()
        while isinstance(item, tree.Variant) and id(item) not in seen:
            seen.add(id(item))
            following = macro.file.definitions.get(item.call.name)
            if following is None or following.file is None:
                return {}
            macro, item = following, following.item
        lines = input_lines(item.body) if isinstance(item, tree.Definition) else []
        input = {(lines[0].name or "input") if lines else "input": input}
    return {str(k): shape_of(v) for k, v in input.items()}


def shape_of(v: Any) -> tuple[int, ...]:
    """`3x512x512`, 784, or a sequence of sizes."""
    try:
        sizes = tuple(int(x) for x in (v.split("x") if isinstance(v, str) else [v] if isinstance(v, int) else v))
    except (TypeError, ValueError):
        raise UsageError(f"{v!r} is not a shape", hint="--input 3x512x512", code="wrong-argument") from None
    if not sizes or any(n < 1 for n in sizes):
        raise UsageError(f"{v!r} is not a shape: sizes are whole numbers from 1 up", hint="--input 3x512x512",
                         code="wrong-argument")
    return sizes


def _finish(e: Elaborator, macro: Macro) -> Graph | None:
    """The graph, with what only its whole shows: lines that connect nothing, the train section."""
    if any(d.severity == "error" for d in e.found) or not e.outputs or not all(flow.sure for flow, _ in e.outputs.values()):
        elaborate_training(e, macro, None)
        return None
    outputs = tuple((name, flow.value) for name, (flow, _) in e.outputs.items())
    nodes = _without_unread_sides(e, {v for _, v in outputs})
    several = (f"in the net `{macro.name}`",) if len(callable_nets(macro.file.module)) > 1 else ()
    for n in nodes:
        if n.name not in e.read and not getattr(n.op, "role", None):
            name, span = e.results.get(n.name, (n.name, n.spans[0]))
            e.say("warning", "unconnected", "this line connects nothing", span, f"nothing reads {name}", several,
                  hint="drop it, or read it:  @" + name)
        elif n.name not in e.read:
            e.say("warning", "unconnected", f"nothing reads the input `{n.name}`", n.spans[0], notes=several)
    dead_biases(e, nodes, {v for _, v in outputs})
    graph = Graph(macro.name, tuple(nodes), outputs)
    training = elaborate_training(e, macro, graph)
    if any(d.severity == "error" for d in e.found):
        return None
    return Graph(macro.name, tuple(nodes), outputs, training=training, warnings=bounded(in_order(e.found)),
                 precision=(training and training.precision) or DEFAULT)


def _without_unread_sides(e: Elaborator, wanted: set[str]) -> list[Node]:
    """Side branches of called nets exist only where something reads them."""
    if not e.side:
        return e.nodes
    kept: list[Node] = []
    needed = set(wanted)
    for n in reversed(e.nodes):
        if n.name not in e.side or any(v.name in needed for v in n.results):
            kept.append(n)
            needed.update(n.inputs)
    return kept[::-1]


# ---------------------------------------------------------------- checking files


def check_file(path: Any) -> list[Diagnostic]:
    """Everything wrong with a file, in source order: syntax, every net that can be called as it stands, every variant, and
    what nothing calls. Raises MissingFileError."""
    from ..syntax.load import read_source

    return check_module(*parse_recovering(read_source(path)))


def _looked_at(library: Library, file: File, entered: set[int], over: dict[int, tuple[Any, Context]],
               taken: set[int]) -> list[Diagnostic]:
    """What can be said of what nothing runs, and of train sections."""
    library.spent = Spent()  # what no net runs is looked at for itself
    e = Elaborator(library, {})
    e.over |= over
    e.taken |= taken
    with _deep_stack():
        try:
            for f in list(library.files.values()):
                prepare(e, f)
            look(e, file, entered)
        except (Fatal, RecursionError):
            pass
    return e.found


def check_module(module: tree.Module, mistakes: list[Diagnostic] | tuple[Diagnostic, ...] = (),
                 also: Callable[[Graph], list[Diagnostic]] | None = None) -> list[Diagnostic]:
    """As `check_file`, for a tree and what was wrong with its text. `also` has something to say of each net that is well."""
    found = list(mistakes)
    library = Library()
    file = library.add(module)
    found += library.found
    library.found = []
    entered: set[int] = set()
    over: dict[int, tuple[Any, Context]] = {}
    taken: set[int] = set()
    for item in callable_nets(module):
        macro = file.definitions.get(item.name)
        if macro is None or macro.item is not item:
            continue
        if library.spent.all:
            break
        try:
            e, graph = _elaborated(library, file, macro, {}, None)
        except UsageError as u:
            found += [Diagnostic(d.code, d.title, (Label(item.name_span),), d.notes, d.hint) for d in u.diagnostics]
            continue
        found += e.found
        if also is not None and graph is not None:
            found += also(graph)
        entered |= e.entered
        over |= e.over
        taken |= e.taken
    found += _looked_at(library, file, entered, over, taken)
    found += static_findings(file, found)
    unread = {(d.span.source, d.span.line) for d in mistakes if d.span is not None
              and d.code not in ("tab-indentation", "unexpected-indent", "inconsistent-indent")}
    found = [d for d in found if d in mistakes or d.span is None or (d.span.source, d.span.line) not in unread]
    if mistakes:  # a line that was not read may be the one that reads a value, or uses a name
        found = [d for d in found if d.code not in ("unconnected", "unused")]
    return list(bounded(in_order(found)))


