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
from ...backends.cpu.schedule import Section
from ...backends.cpu.update import UpdateKernel, span, update_kernel
from ...backends.vectors import stretches
from ...diagnostics import UsageError
from ...ir.graph import Graph
from ...ir.initialisers import INITIALISERS
from ...ir.layout import Layout, Target, Vector
from ...ir.types import shape_text
from ...passes.differentiate import training_program
from ...passes.infer_shapes import infer_shapes
from ...passes.lower import lower
from ...plain import docstring, shown
from ...views.summary import summarise
from ..train.recipe import Rates, Recipe, recipe_of
from .embed import embedded

DTYPE = "float32"
# the last is named in text that is compiled
ROOTS = ("runtime.standalone.network", "ir.contraction", "ir.layout", "ir.weight_order", "backends.cpu.contract.winograd.kernels")
NAMES = {"ir.contraction": "ONE, AxisPhase, Contraction", "ir.layout": "Image, Outside, Packed, Vector",
         "ir.weight_order": "WeightOrder", "runtime.standalone.network": "Entry, Given, Rule, Standalone, demonstrate"}


def standalone(graph: Graph) -> str:
    """The whole file. Gradients and steps are there if the spec says how the network is trained.

    Errors: sizes that are not known.
    """
    graph = infer_shapes()(graph)
    if not all(v.type.known for v in graph.values.values()):
        raise UsageError(f"{graph.name} takes images of any size, and kernels are written for one", hint="--input 3x224x224")
    recipe = recipe_of(graph)
    target, store = target_and_store(graph, DTYPE)
    entries = {"predict": plan(lower(False)(graph), target, store, fold=False)}
    if recipe.terms:
        entries["gradients"] = plan(training_program(graph, recipe.terms), target, store, fold=False)
    rule = _Rule(graph, recipe, target, store) if _steps(recipe) else None
    kernels: dict[str, str] = {}
    for p in entries.values():
        kernels |= p.schedule.kernels
    if rule:
        kernels[rule.kernel.emitted.name] = rule.kernel.emitted.text
    package, runtime = embedded(ROOTS)
    parts = [_head(graph, recipe, rule), _parameters(graph),
             f"def stored():\n    \"\"\"Where each parameter lies among all.\"\"\"\n    return {{\n{values_text(store, 8)}\n    }}\n"]
    for name, p in entries.items():
        parts += _entry(name, p, graph, recipe, store)
    parts += rule.parts() if rule else []
    parts += _kernels(kernels, [c for p in entries.values() for s in (p.schedule.main, p.schedule.effects) for c in s.calls
                                if isinstance(c, Kernel | Move)])
    parts.append(f"# {'-' * 40} the run-time part of netspec {'-' * 40}\n{runtime}")
    parts.append("\n".join(f"from {package}.{m} import {names}  # noqa: E402" for m, names in NAMES.items()) + "\n\nSTORED = stored()\n")
    parts.append(_network(graph, entries, kernels, rule, target))
    parts.append('if __name__ == "__main__":\n    demonstrate(Network())\n')
    return "\n\n".join(parts)


def _steps(recipe: Recipe) -> bool:
    """Whether the optimiser's step can be written down: it is a formula."""
    return bool(recipe.terms) and recipe.optimiser is not None and not recipe.optimiser.host


# ---- the top -------------------------------------------------------------------------------------------------------------------
def _head(graph: Graph, recipe: Recipe, rule: _Rule | None) -> str:
    images = f"N x {shape_text(graph.inputs[0].type.shape).replace('x', ' x ')}" if len(
        graph.inputs) == 1 else "a dict by name: " + ", ".join(n.name for n in graph.inputs)
    use = [("net = Network(seed=0)", "first values as netspec makes them"),
           ('net.load("weights.safetensors")', "or .npz, or a dict"), ("net.predict(x)", f"x: {images}")]
    if recipe.terms:
        use.append(("loss, grads = net.gradients(x, y)",
                    " + ".join((f"{t.weight:g} * " if t.weight != 1 else "") + str(t.loss) for t in recipe.terms)))
    if rule:
        steered = f"; schedule {', '.join(map(str, recipe.schedules))} is yours to follow" if recipe.schedules else ""
        use.append((f"loss = net.step(x, y, lr={rule.rates.base.get('lr', 0.1):g})", f"{recipe.optimiser}{steered}"))
    use.append(('net.parameters["..."]', "by name: reading copies, assigning writes"))
    lines = [
        f"{graph.name}, as netspec compiled it for the CPU ({DTYPE}). It needs NumPy and Numba alone; run as a script, it tries random images.", "",
             *(f"    {say:36}# {what}" for say, what in use), "", str(summarise(graph)).rstrip(), "",
             "Below: parameters; where values lie (the address of an image is arena + samples * at + plus bytes); a function for each",
             "program, in which every call is one parallel operation, under the line of the spec and the formulas it computes; the",
             "kernels these calls run; then what runs it all, and the class Network."]
    return (
        f'"""{docstring(chr(10).join(lines))}\n"""\n\nimport importlib.abc\nimport importlib.machinery\nimport linecache\nimport sys\nfrom types import SimpleNamespace\n')


def _parameters(graph: Graph) -> str:
    lines = ["PARAMETERS = {"]
    for p in graph.parameters:
        if isinstance(p.init, str) and p.init.split()[0] not in INITIALISERS:
            raise UsageError(f"{p.name}: there is no initialiser `{p.init}`")
        facts: dict[str, Any] = {"shape": p.shape, "init": p.init}
        if isinstance(p.init, str) and len(p.shape) > 1:
            facts |= {"fan_in": p.fan_in, "fan_out": p.fan_out}
        if p.values is not None:
            facts["values"] = p.values
        if not p.trainable:
            facts["trainable"] = False
        lines.append(f"    {p.name!r}: {facts!r}," + (f"  # its weights come with {shown(p.file)}: load them" if p.file else ""))
    return "\n".join([*lines, "}"]) + "\n"


# ---- programs ------------------------------------------------------------------------------------------------------------------
def _entry(name: str, p: Planned, graph: Graph, recipe: Recipe, store: Store) -> list[str]:
    s = p.schedule
    own = {k: v for k, v in s.layouts.items() if k not in store}
    parts = [
        f'def {name}_values():\n    """Where each value of `{name}` lies."""\n    return STORED | {{\n{values_text(own, 8, store)}\n    }}\n',
             section_text(f"prepare_{name}", s.prepare, DOCS["prepare"], store), section_text(name, s.main, DOCS[name], store)]
    if s.effects.calls:
        parts.append(section_text("statistics", s.effects, DOCS["statistics"]))
    public = {name: graph.values[v].type for name, v in graph.outputs}
    shapes = {k: (v, tuple(x or 0 for x in public.get(k, p.program.values[v].type).shape)) for k, v in p.program.outputs}
    written = [n for n in p.program.nodes if getattr(n.op, "role", "") in ("input", "target")]
    facts: dict[str, Any] = {"arena": p.memory.arena, "vectors": p.memory.vectors, "workspaces": s.derived,
                             "workspace": s.workspace, "inputs": {n.results[0].name: n.name for n in written}, "outputs": shapes}
    if name == "gradients":
        facts["losses"] = tuple(t.weight for t in recipe.terms)
        facts["targets"] = {n.name.removeprefix("target."): n.results[0].name for n in written
                            if getattr(n.op, "role", "") == "target"}
        labels = [t for t in recipe.terms if t.source in p.program.values and p.program.values[t.source].type.element == "int"]
        facts["classes"] = {t.source: graph.values[dict(graph.outputs)[t.output]].type.channels for t in labels}
        ignored = {t.source: ignore for t in labels if (ignore := t.loss.ignored) is not None}
        if ignored:
            facts["ignored"] = ignored
    lines = "".join(f"    {k!r}: {literal(v, 4, len(k) + 8)},\n" for k, v in facts.items())
    return [*parts, f"{name.upper()} = {{\n{lines}}}\n"]


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


def _network(graph: Graph, entries: Mapping[str, Planned], kernels: Mapping[str, str], rule: _Rule | None, target: Target) -> str:
    inputs = {n.name: n.type.shape for n in graph.inputs}
    images = {n.name: n.type.batch for n in graph.inputs if n.type.batch > 1}
    lines = ["class Network(Standalone):", f'    """{docstring(graph.name)}: predict'
             + (", gradients" if "gradients" in entries else "") + (", step" if rule else "") + '; parameters, load, save."""',
             "",
             "    given = {name: Given(name=name, **facts) for name, facts in PARAMETERS.items()}", f"    inputs = {inputs!r}",
             f"    images = {images!r}", "    stored = STORED", f'    dtype, lanes = "{DTYPE}", {target.lanes}',
             f"    kernels = {{f.__name__: f for f in {filled('[', list(kernels), ']', 4, 36)}}}", "    entries = {"]
    for name, p in entries.items():
        functions = [f"prepare_{name}", name, *(["statistics"] if p.schedule.effects.calls else [])]
        lines.append(f'        "{name}": Entry({name}_values(), ({", ".join(functions)}), **{name.upper()}),')
    lines.append("    }")
    if rule:
        lines.append(f"    rule = {rule.text}")
    return "\n".join(lines) + "\n"
