"""A network as one Python file that runs with NumPy and Numba alone, and that a person can read from the top.

First what it is and how it is used, then where every value lies and one function a program with a line an operation,
then the kernels, then the class `Network`; the run-time part of netspec comes last, as text.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...backends.cpu.contract.calls import Kernel
from ...backends.cpu.emit.move_table import Move
from ...backends.cpu.literals import filled, literal
from ...backends.cpu.module import DOCS, section_text, values_text
from ...backends.cpu.plan import Planned, Store, plan, target_and_store
from ...backends.cpu.schedule import Section, inputs_of
from ...backends.cpu.update import UpdateKernel, span, update_kernel
from ...backends.vectors import stretches
from ...diagnostics import UsageError
from ...ir.formula import Formula, Pieces
from ...ir.graph import Graph, Parameter
from ...ir.initialisers import INITIALISERS
from ...ir.layout import Layout, Target, Vector, round_up
from ...passes.differentiate import training_program
from ...passes.infer_shapes import infer_shapes
from ...passes.lower import lower
from ...plain import docstring, shown
from ...words.dataset import DataError
from ..asking.answers import answering
from ..asking.examples import canvas_of
from ..means.question import kind_of
from ..measuring.tallies import making
from ..train.recipe import Rates, Recipe, recipe_of
from .carried import Weights, measured
from .embed import embedded
from .head import head
from .held import packed
from .left_out import left_out

DTYPE = "float32"
PREDICTOR = {"ir.contraction": "ONE, AxisPhase, Contraction", "ir.layout": "Image, Outside, Packed, Vector",
             "ir.weight_order": "WeightOrder", "runtime.asking.answer": "Reading", "runtime.standalone.asked": "Asked, main",
             "runtime.standalone.held": "read_arrays, unpacked",
             "runtime.standalone.network": "Entry, Given, Made, Standalone"}
TRAINER = PREDICTOR | {"runtime.standalone.training": "Rule, Trained"}
# what is imported while a network runs, and what is named in text that is compiled
LATE = ("datasets.parts.pixels", "backends.cpu.contract.winograd.kernels")
ROOTS = (*TRAINER, *LATE)


def standalone(graph: Graph, recipe: Recipe | None = None, weights: Weights | None = None, predict: bool = False) -> str:
    """The whole file. Gradients and steps are there if the spec says how the network is trained, unless the file is to `predict`
    alone: then it is small, the run-time part of netspec packed.

    Errors: sizes that are not known.
    """
    graph = infer_shapes()(graph)
    if not all(v.type.known for v in graph.values.values()):
        raise UsageError(f"{graph.name} takes images of any size, and kernels are written for one", hint="--input 3x224x224")
    recipe = recipe_of(graph) if recipe is None else recipe
    target, store = target_and_store(graph, DTYPE)
    entries = {"predict": plan(lower(False)(graph), target, store, fold=True)}
    trained = bool(recipe.terms) and not predict
    if trained:
        entries["gradients"] = plan(training_program(graph, recipe.terms), target, store, fold=False)
    rule = _Rule(graph, recipe, target, store) if trained and _steps(recipe) else None
    kernels: dict[str, str] = {}
    for p in entries.values():
        kernels |= p.schedule.kernels
    if rule:
        kernels[rule.kernel.emitted.name] = rule.kernel.emitted.text
    names = TRAINER if trained else PREDICTOR
    package, runtime = embedded((*names, *LATE), packed=predict)
    parts = [head(graph, recipe, trained, rule.rates.base if rule else None, weights,
                   left_out(graph, recipe, measured(weights)) if trained else ()),
             _parameters(graph, weights),
             f"def stored():\n    \"\"\"Where each parameter lies among all.\"\"\"\n    return {{\n{values_text(store, 8)}\n    }}\n"]
    for name, p in entries.items():
        parts += _entry(name, p, graph, recipe, store)
    parts += rule.parts() if rule else []
    parts += _kernels(kernels, [c for p in entries.values() for s in (p.schedule.main, p.schedule.effects) for c in s.calls
                                if isinstance(c, Kernel | Move)])
    parts += _weights(weights)
    parts.append(f"# {'-' * 40} the run-time part of netspec {'-' * 40}\n{runtime}")
    parts.append("\n".join(f"from {package}.{m} import {what}  # noqa: E402" for m, what in names.items())
                 + "\n\nSTORED = stored()\n")
    parts.append(_network(graph, recipe, entries, kernels, rule, target, store, weights, trained))
    parts.append(_end(graph, recipe, weights))
    return "\n\n".join(parts)


def _steps(recipe: Recipe) -> bool:
    """Whether the optimiser's step can be written down: it is a formula."""
    return bool(recipe.terms) and recipe.optimiser is not None and not recipe.optimiser.host


def _parameters(graph: Graph, weights: Weights | None) -> str:
    lines = ["PARAMETERS = {"]
    for p in graph.parameters:
        if isinstance(p.init, str) and p.init.split()[0] not in INITIALISERS:
            raise UsageError(f"{p.name}: there is no initialiser `{p.init}`")
        facts: dict[str, Any] = {"shape": p.shape, "init": p.init}
        if isinstance(p.init, str) and len(p.of or p.shape) > 1:
            facts |= {"fan_in": p.fan_in, "fan_out": p.fan_out}
        if p.of:
            facts["of"] = p.of
        if p.values is not None:
            facts["values"] = p.values
        if not p.trainable:
            facts["trainable"] = False
        lost = f"  # its weights come with {shown(p.file.path)}: load them" if p.file and weights is None else ""
        lines.append(f"    {p.name!r}: {facts!r}," + lost)
    return "\n".join([*lines, "}"]) + "\n"


def _weights(weights: Weights | None) -> list[str]:
    """Where the numbers come from that the file has, if it has some."""
    if weights is None:
        return []
    if weights.beside:
        return [f'def weights():\n    """The numbers of every parameter, in a file beside this one."""\n'
                f"    return read_arrays(Path(__file__).with_name({weights.beside!r}))\n"]
    shapes = {name: tuple(a.shape) for name, a in weights.arrays.items()}
    return [f'WEIGHTS = """\n{packed(weights.arrays)}\n"""\n',
            f'def weights():\n    """The numbers of every parameter, packed in the text above."""\n'
            f"    return unpacked(WEIGHTS, {literal(shapes, 4, 31)})\n"]


# ---- programs ------------------------------------------------------------------------------------------------------------------
def _entry(name: str, p: Planned, graph: Graph, recipe: Recipe, store: Store) -> list[str]:
    s = p.schedule
    own = {k: v for k, v in s.layouts.items() if k not in store}
    parts = [
        f'def {name}_values():\n    """Where each value of `{name}` lies."""\n    return STORED | {{\n{values_text(own, 8, store)}\n    }}\n',
             section_text(f"prepare_{name}", s.prepare, DOCS["prepare"], store),
             section_text(f"{name}_program", s.main, DOCS[name], store)]
    if s.effects.calls:
        parts.append(section_text("statistics", s.effects, DOCS["statistics"]))
    public = {name: graph.values[v].type for name, v in graph.outputs}
    shapes = {k: (v, tuple(x or 0 for x in public.get(k, p.program.values[v].type).shape)) for k, v in p.program.outputs}
    written = [n for n in p.program.nodes if getattr(n.op, "role", "") in ("input", "target")]
    facts: dict[str, Any] = {"arena": p.memory.arena, "vectors": p.memory.vectors, "workspaces": s.derived,
                             "workspace": s.workspace, "inputs": {n.results[0].name: n.name for n in written}, "outputs": shapes}
    if first := _first(p):
        parts.append(first)
        facts |= {"prepared": tuple(n.name for n in inputs_of(p.program, "prepared"))}
        assert p.first is not None
        seen = {n.name: tuple(x or 0 for x in n.type.shape) for n in p.first.nodes if isinstance(n.op, Parameter)
                and n.type.shape != n.op.shape}
        facts |= {"seen": seen} if seen else {}
    if name == "gradients":
        facts["sources"] = tuple(t.source for t in recipe.terms)
        weighed = {k: tuple(map(float, w)) for k, t in enumerate(recipe.terms) if (w := getattr(t.loss, "weights", None)) is not None}
        if weighed:
            facts["class_weights"] = weighed
        facts["losses"] = tuple(t.weight for t in recipe.terms)
        facts["targets"] = {n.name.removeprefix("target."): n.results[0].name for n in written
                            if getattr(n.op, "role", "") == "target"}
        aliases = {t.output: t.source for t in recipe.terms if t.source in facts["targets"] and t.output != t.source}
        if aliases:
            facts["aliases"] = aliases
        labels = [t for t in recipe.terms if t.source in p.program.values and p.program.values[t.source].type.element == "int"]
        facts["classes"] = {t.source: graph.values[dict(graph.outputs)[t.output]].type.channels for t in labels}
        ignored = {t.source: ignore for t in labels if (ignore := t.loss.ignored) is not None}
        if ignored:
            facts["ignored"] = ignored
    lines = "".join(f"    {k!r}: {literal(v, 4, len(k) + 8)},\n" for k, v in facts.items())
    return [*parts, f"{name.upper()} = {{\n{lines}}}\n"]


def _first(p: Planned) -> str:
    """What is made of the weights alone before anything runs, as a function that says it."""
    prepared = inputs_of(p.program, "prepared")
    if p.first is None or not prepared:
        return ""
    lines = ["def folded():", '    """What is made of the weights alone whenever they change, in float64: batch norm goes into convolutions."""',
             "    return ("]
    values = p.first.values
    for n in p.first.nodes:
        if not isinstance(n.op, Formula | Pieces):
            continue
        several = n.op.bind(n.inputs) if isinstance(n.op, Pieces) else [(n.formula, n.inputs)]
        results = () if isinstance(n.op, Pieces) else tuple(v.type for v in n.results)
        made = tuple((f.text, tuple(inputs), f.extents(tuple(values[i].type for i in inputs), results)) for f, inputs in several)
        shape = tuple(x or 0 for x in n.type.shape)
        lines.append(f"        Made({tuple(v.name for v in n.results)!r}, {shape!r}, {literal(made, 8, 60)}),")
    return "\n".join([*lines, "    )"]) + "\n"


class _Rule:
    """The optimiser of the spec: one kernel over the stretches of parameters with the same factors."""

    def __init__(self, graph: Graph, recipe: Recipe, target: Target, store: Store):
        optimiser = recipe.need_optimiser()
        self.optimiser, self.rates = optimiser, Rates(recipe, graph.parameters)
        self.groups = [(dict(factors), stretches(span(store[n]) for n in names)) for factors, names in self.rates.groups.items()]
        self.names = tuple(optimiser.scalars(1, dict(self.rates.base)))
        self.kernel: UpdateKernel = update_kernel(optimiser, self.names, DTYPE, target.lanes)
        self.numbers = tuple(v for v in self.kernel.emitted.operands if v in self.names)

    def parts(self) -> list[str]:
        """Its layouts, its function, and the numbers it reads."""
        values: dict[str, Layout] = {}
        calls = []
        for k, (_, runs) in enumerate(self.groups):
            for start, size in runs:
                operands = []
                for v in self.kernel.emitted.operands:
                    public = self.kernel.public.get(v, v)
                    name = f"{public}.{k}" if v in self.names else f"{public}.{start}"
                    operands.append(name)
                    values[name] = Vector(1, "numbers",
                                          64 * k + self.numbers.index(v)) if v in self.names else Vector(size, public, start)
                calls.append(Kernel(f"update.{start}", self.kernel.emitted.name, tuple(operands), (), channels=size, images=0,
                                    chunk=4096))
        node = replace(self.kernel.node, notes=(str(self.optimiser),))
        section = Section(tuple(calls), {calls[0].name: node})
        listing = (
            f'def update_values():\n    """Where the optimiser\'s vectors lie, a stretch for parameters that share settings, and its numbers."""\n    return {{\n{values_text(values, 8)}\n    }}\n')
        said = {k: v for k, v in vars(self.optimiser).items() if isinstance(v, (int, float, str))}
        optimiser = f"OPTIMISER = SimpleNamespace({', '.join(f'{k}={v!r}' for k, v in said.items())})\n"
        return [listing, section_text("update", section, f"{self.optimiser}, from the gradients as they lie."), optimiser,
                *function_texts(type(self.optimiser).scalars)]

    @property
    def text(self) -> str:
        groups = tuple(factors for factors, _ in self.groups)
        return (
            f"Rule(update, update_values(), {tuple(self.optimiser.state)!r}, {self.numbers!r}, lambda step, settings: scalars(OPTIMISER, step, settings),\n"
                f"                {self.rates.base!r},\n                {groups!r})")


def function_texts(function: Any) -> list[str]:
    """The source of a function, and before it what of its module it names: functions, numbers, imports from the standard
    library."""
    function = inspect.unwrap(function)
    source = textwrap.dedent(inspect.getsource(function))
    out: list[str] = []
    for name in dict.fromkeys(n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)):
        found = function.__globals__.get(name)
        module = getattr(found, "__module__", None) or ""
        if found is None or name == function.__name__:
            continue
        if isinstance(found, (int, float)):
            out.append(f"{name} = {found!r}\n")
        elif module == function.__module__:
            out += [t for t in function_texts(found) if t not in out]
        elif module.partition(".")[0] in sys.stdlib_module_names:
            out.append(f"from {module} import {name}  # noqa: E402\n")
    return [*out, source]


# ---- kernels, and the end ------------------------------------------------------------------------------------------------------
def _kernels(kernels: Mapping[str, str], calls: Sequence[Kernel | Move]) -> list[str]:
    """Each kernel as a function, under the names of the operations that run it."""
    users: dict[str, list[str]] = {}
    for c in calls:
        users.setdefault(c.kernel, []).append(c.name)
    return [f"# {shown(textwrap.shorten(', '.join(users.get(k, ['update'])), 120))}\n{text.rstrip()}\n"
            for k, text in kernels.items()]


def _network(graph: Graph, recipe: Recipe, entries: Mapping[str, Planned], kernels: Mapping[str, str], rule: _Rule | None,
             target: Target, store: Store, weights: Weights | None, trained: bool) -> str:
    inputs = {n.name: n.type.shape for n in graph.inputs}
    images = {n.name: n.type.batch for n in graph.inputs if n.type.batch > 1}
    said = graph.training.seed if graph.training is not None else None
    lines = [f"class Network({'Trained' if trained else 'Standalone'}):", f'    """{docstring(graph.name)}: predict'
             + (", gradients" if trained else "") + (", step" if rule else "") + '; parameters, load, save."""',
             "",
             "    given = {name: Given(name=name, **facts) for name, facts in PARAMETERS.items()}", f"    inputs = {inputs!r}",
             f"    images = {images!r}", "    stored = STORED", f'    dtype, lanes = "{DTYPE}", {target.lanes}',
             f"    kernels = {{f.__name__: f for f in {filled('[', list(kernels), ']', 4, 36)}}}", "    entries = {"]
    for name, p in entries.items():
        functions = [f"prepare_{name}", f"{name}_program", *(["statistics"] if p.schedule.effects.calls else [])]
        first = ", first=folded()" if _first(p) else ""
        lines.append(f'        "{name}": Entry({name}_values(), ({", ".join(functions)}){first}, **{name.upper()}),')
    lines.append("    }")
    seed = weights.seed if weights is not None and weights.seed is not None else said
    lines += [f"    first_seed = {seed}"] if seed else []
    lines += ["    source = staticmethod(weights)"] if weights is not None else []
    lines += ["    bytes = True"] if weights is not None and weights.bytes else []
    if trained:
        trainable = {p.name: p.trainable for p in graph.parameters}
        free = max((p.at + round_up(p.size, 16) for n, p in store.items() if trainable[n]), default=0)
        lines.append(f"    accumulate, average, free = {recipe.accumulate}, {recipe.average!r}, {free}")
    if rule:
        lines.append(f"    rule = {rule.text}")
    return "\n".join(lines) + "\n"


def _end(graph: Graph, recipe: Recipe, weights: Weights | None) -> str:
    """`predict`, and what runs where the file is a script."""
    output = answering(graph, recipe.terms)
    makers = {k: make.__name__ for k, _ in graph.outputs if (make := making(graph, recipe.terms, k)) is not None}
    try:
        canvas = canvas_of(graph, {})
        seen: Any = (canvas.channels, canvas.size, canvas.resize)
    except DataError:
        seen = None
    classes = weights.classes if weights is not None else ()
    columns = f", {weights.columns!r}" if weights is not None and weights.columns else ""
    reading = f"Reading({kind_of(graph, recipe.terms, output)!r}, CLASSES{columns})"
    inputs = " x ".join(map(str, graph.inputs[0].type.shape)) if len(graph.inputs) == 1 else ""
    return f'''CLASSES = {literal(classes, 0, 10)}
ASKED = Asked({output!r}, {reading}, {makers!r}, {seen!r})


@cache
def network():
    """The network, made when it is asked for first."""
    return Network()


def predict(x):
    """Outputs for {f"x, N x {inputs}" if inputs else "a dict of arrays by the names of the inputs"}: an array, or a dict by name where there are several."""
    return network().predict(x)


if __name__ == "__main__":
    main(Network, ASKED, {f"what net {graph.name} says of pictures and arrays"!r})
'''
