"""`train` sections: losses, optimiser, schedules, metrics, and the settings of a run, bound like any step."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

from ..augmentations import AUGMENTATIONS
from ..datasets import DATASETS
from ..diagnostics import Advice, near
from ..ir.graph import Graph, Input, Node
from ..ir.precision import PRECISIONS, refusal
from ..ir.training import DataUse, LossUse, MetricUse, Setting, Training
from ..layers import Layer
from ..losses import LOSSES, Loss
from ..metrics import METRICS
from ..optimisers import OPTIMISERS
from ..schedules import SCHEDULES
from ..source import Span
from ..syntax import tree
from ..syntax.habits.names import ELSEWHERE, OPTIONS, OTHERWISE
from ..words import WordError, arguments
from .binding.arguments import spot_name
from .binding.bind import bind
from .binding.expressions import CONSTANTS, evaluate, number, truth
from .binding.kinds import Given
from .binding.train_words import OF_OPTIMISER, SETTINGS
from .model.elaborator import Elaborator
from .model.files import Context, Macro
from .model.mistakes import Mistake, Silent, refused
from .model.values import UNKNOWN_VALUE, Symbol, described, plain
from .statements.loops import check_turns, list_of


class _Section:
    """What one section has said so far."""

    def __init__(self) -> None:
        self.losses: list[LossUse] = []
        self.metrics: list[MetricUse] = []
        self.schedules: list[tuple[Any, Span]] = []
        self.optimiser: Any = None
        self.steps = False  # whether an optimiser was named, rightly or wrongly
        self.numbers: dict[str, int] = {}
        self.average: float | None = None
        self.initialise: str | None = None
        self.precision: str | None = None
        self.data: DataUse | None = None
        self.drop_last: bool | None = None
        self.augmentation: list[tuple[Any, Span]] = []
        self.regularisation: list[Setting] = []


def elaborate_training(e: Elaborator, macro: Macro, graph: Graph | None) -> Training | None:
    """The section of this net, or of the net it is a variant of. Without a graph only its words are checked."""
    found = _section_of(macro)
    if found is None:
        return None
    item, macro = found
    assert macro.file is not None
    file, section = macro.file, _Section()
    names = {**file.env, **(e.asked.parameters if isinstance(macro.item, tree.Definition) else {})}
    for p in macro.item.params:
        if p.default is not None and p.name not in names:
            try:
                names[p.name] = evaluate(p.default, Context(names, {}, file), None)
            except (Mistake, Silent):
                continue
    _run(e, item.body, Context(names, {}, file), section, graph)
    _steered(e, section)
    return Training(tuple(section.losses), section.optimiser, tuple(made for made, _ in section.schedules),
                    tuple(section.metrics), section.numbers.get("batch"),
                    section.numbers.get("epochs"), section.numbers.get("accumulate"), section.average, section.initialise,
                    section.data,
                    tuple(made for made, _ in section.augmentation), tuple(section.regularisation), section.precision,
                    bool(section.drop_last), tuple(span for _, span in section.augmentation))


def training_words(e: Elaborator, item: tree.Train, file: Any, unknown: set[str]) -> None:
    """Check the words of a section whose net could not be elaborated."""
    section = _Section()
    _run(e, item.body, Context({**file.env, **dict.fromkeys(unknown, UNKNOWN_VALUE)}, {}, file), section, None)
    _steered(e, section)


def _section_of(macro: Macro) -> tuple[tree.Train, Macro] | None:
    """The section, and the net or variant that it is of."""
    seen: set[int] = set()
    while id(macro.item) not in seen:
        seen.add(id(macro.item))
        for item in macro.file.module.items:
            if isinstance(item, tree.Train) and item.net == macro.name:
                return item, macro
        if isinstance(macro.item, tree.Variant):
            following = macro.file.definitions.get(macro.item.call.name)
            if following is not None and following.file is not None:
                macro = following
    return None


def _run(e: Elaborator, s: Any, c: Context, section: _Section, graph: Graph | None) -> Context:
    with e.guarded():
        if isinstance(s, tree.Suite):
            inner = c
            for x in s.statements:
                inner = _run(e, x, inner, section, graph)
        elif isinstance(s, tree.Steps):
            if len(s.items) > 1:
                raise Mistake("syntax", "each setting stands on a line of its own", s.items[1].span,
                              "an arrow has no meaning here")
            _run(e, s.items[0], c, section, graph)
        elif isinstance(s, tree.Call):
            _setting(e, s, c, section, graph)
        elif isinstance(s, tree.Constant):
            if s.name in SETTINGS:
                raise Mistake("syntax", "a setting is followed by what it is set to, without `=`", s.span,
                              f"this makes a constant called {s.name}", hint=f"{s.name} {tree.source_text(s.value)}")
            return c.bound(**{s.name: evaluate(s.value, c, None)})
        elif isinstance(s, tree.For):
            turns = list_of(s, c, None)
            for values in turns:
                e.tick(s.span)
                _run(e, s.body, c.bound(**dict(zip(s.names, values))), section, graph)
            if not turns:
                _passed_over(e, s.body, c.bound(**dict.fromkeys(s.names, UNKNOWN_VALUE)))
        elif isinstance(s, tree.Repeat):
            times = number(s.times, c, None)
            check_turns(s, times)
            for i in range(int(times)):
                e.tick(s.span)
                _run(e, s.body, c.bound(**{s.counter: i + 1}) if s.counter else c, section, graph)
            if not times:
                _passed_over(e, s.body, c.bound(**{s.counter: 1}) if s.counter else c)
        elif isinstance(s, tree.If):
            try:
                chosen = next((body for condition, body in s.cases if truth(condition, c, None)), s.otherwise)
            except (Mistake, Silent):
                for body in (*(b for _, b in s.cases), s.otherwise):
                    _passed_over(e, body, c)
                raise
            for body in (*(b for _, b in s.cases), s.otherwise):
                if body is not chosen:
                    _passed_over(e, body, c)
            if chosen is not None:
                _run(e, chosen, c, section, graph)
        elif not isinstance(s, tree.Hole):
            colon = isinstance(s, tree.Labelled) and s.name in SETTINGS
            raise Mistake("misplaced", "this has no place in a train section", s.span, "a setting has no colon" if colon else "",
                          hint=f"{s.name} {tree.source_text(s.body)}" if colon
                          else "a train section holds settings:  loss cross_entropy")
    return c


def _passed_over(e: Elaborator, s: Any, c: Context) -> None:
    """Look at settings that do not hold, by themselves and whatever their names mean."""
    if s is not None:
        _run(e, s, Context({**dict.fromkeys(c.env, UNKNOWN_VALUE), **CONSTANTS}, c.defaults, c.file), _Section(), None)


def _steered(e: Elaborator, section: _Section) -> None:
    """Schedules steer what the optimiser has."""
    names = [a.name for a in arguments(type(section.optimiser))
             if a.kind in ("number", "rate", "count")] if section.optimiser is not None else []
    for made, span in section.schedules:
        if names and made.of not in names:
            alike = near(made.of, names)
            e.say("error", "wrong-argument", f"{section.optimiser.name} has no `{made.of}` that a schedule could steer", span,
                  "of= names one of its numbers", (f"its numbers: {', '.join(names)}",), f"of={alike}" if alike else None)


def _setting(e: Elaborator, s: tree.Call, c: Context, section: _Section, graph: Graph | None) -> None:
    name = s.name
    if name == "<hole>":
        return
    for a in s.arguments:
        if isinstance(a, (tree.Stride, tree.Upto)):
            raise Mistake("wrong-argument", "a setting has no stride and no `upto`", a.span)
    if name in OPTIMISERS:
        if section.steps:
            raise Mistake("contradiction", "there are two optimisers", s.span, "the second one", hint=Advice("keep one"))
        section.steps = True
        section.optimiser = _word(OPTIMISERS[name], s, s.arguments, c)
    elif name == "loss":
        section.losses.append(_loss(e, s, c, graph))
    elif name == "metric":
        section.metrics.append(_metric(e, s, c, graph))
    elif name == "schedule":
        section.schedules.append((_named(SCHEDULES, "schedule", s, c), s.span))
    elif name in ("batch", "epochs", "accumulate"):
        if name in section.numbers:
            raise Mistake("duplicate-option", f"`{name}` is given twice", s.span, "the second time")
        if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
            raise Mistake("wrong-argument", f"{name} takes one whole number", s.span, hint=f"{name} 64")
        v = number(s.arguments[0], c, None)
        v = int(v) if v == int(v) else v
        if not isinstance(v, int):
            raise Mistake("not-whole", f"{name} is a whole number", s.arguments[0].span, f"this is {v:g}",
                          hint=f"{name} {max(1, round(v))}")
        if v < 1:
            raise Mistake("out-of-range", f"{name} is at least 1", s.arguments[0].span, f"this is {v}",
                          hint=f"{name} {max(1, -v)}")
        section.numbers[name] = v
    elif name in ("average", "initialise", "precision"):
        if getattr(section, name) is not None:
            raise Mistake("duplicate-option", f"`{name}` is given twice", s.span, "the second time")
        setattr(section, name, {"average": _average, "initialise": _initialise, "precision": _precision}[name](s, c))
    elif name == "drop_last":
        if section.drop_last is not None:
            raise Mistake("duplicate-option", "`drop_last` is given twice", s.span, "the second time")
        section.drop_last = _whether(s, c)
    elif name == "data":
        if section.data is not None:
            raise Mistake("duplicate-option", "`data` is given twice", s.span, "the second time")
        section.data = _data(s, c)
    elif name in ("augment", "augmentation"):
        section.augmentation.append((_augmentation(e, s, c), s.span))
    elif name in ("regularise", "regularisation", "regularize"):
        section.regularisation.append(_penalty(s, c))
    else:
        if name in LOSSES:
            raise Mistake("unknown-word", "a loss line begins with `loss`", s.span, hint="loss " + tree.source_text(s))
        if name in ("optimiser", "optimizer"):
            raise Mistake("unknown-word", "an optimiser's line begins with its own name", s.name_span,
                          hint="" + (tree.source_text(s).partition(" ")[2] or "adam lr=0.001"))
        alike = OTHERWISE.get(name.lower()) or near(name, [*OPTIMISERS, *SETTINGS])
        option = OPTIONS.get(name.lower(), (name,))[0]
        if option in OF_OPTIMISER:
            raise Mistake("unknown-word", f"`{name}` is no setting of its own", s.name_span, "an option of the optimiser",
                hint=_of_optimiser(s, option, section))
        raise Mistake("unknown-word", f"a train section knows no setting `{name}`", s.name_span,
                      "not a setting, not an optimiser",
                      notes=(f"settings: {', '.join(SETTINGS)}", f"optimisers: {', '.join(sorted(OPTIMISERS))}"),
                      hint=f"did you mean `{alike}`?" if alike else ELSEWHERE.get(name.lower()))


def _of_optimiser(s: tree.Call, option: str, section: _Section) -> str:
    """`lr 0.1`, `weight_decay 1e-4`: an option of the optimiser's line."""
    value = f"{option}={tree.source_text(s.arguments[0])}" if s.arguments else f"{option}=0.1"
    return (Advice(
        f"it goes with the optimiser:  {section.optimiser.name if section.optimiser is not None else 'sgd'} ... {value}")
        if section.steps else f"sgd {value}" if option == "lr" else f"sgd lr=0.1 {value}")


def _named(registry: Any, sort: str, s: tree.Call, c: Context) -> Any:
    cls, rest = _class(registry, sort, s, c)
    return _word(cls, s, rest, c)


def _class(registry: Any, sort: str, s: tree.Call, c: Context) -> tuple[Any, tuple[Any, ...]]:
    if not s.arguments or not isinstance(s.arguments[0], tree.Name):
        joined = tree.source_text(s.arguments[0]).replace("-", "_").replace(" ", "") if s.arguments else ""
        raise Mistake("missing-argument", f"`{s.name}` is followed by the name of {'an' if sort[0] in 'aeiou' else 'a'} {sort}",
                      s.span, "the name is missing",
            notes=("there are: " + ", ".join(sorted(registry)),),
                      hint=f"{s.name} {joined}" if joined in registry else f"for example:  {s.name} {sorted(registry)[0]}")
    first = s.arguments[0]
    held = c.env.get(first.name)
    if held is UNKNOWN_VALUE:
        raise Silent
    name = held.name if isinstance(held, Symbol) else first.name
    cls = registry.get(name)
    if cls is None:
        alike = next((w
                      for w in (OTHERWISE.get(name.lower()), near(name, registry), name.lower().removesuffix("loss").rstrip("_"))
                      if w in registry), None)
        raise Mistake("unknown-word", f"there is no {sort} called `{name}`", first.span,
                      f"not {'an' if sort[0] in 'aeiou' else 'a'} {sort}",
                      notes=("there are: " + ", ".join(sorted(registry)),), hint=f"did you mean `{alike}`?" if alike
                      else f"for example:  {sorted(registry)[0]}")
    return cls, s.arguments[1:]


def _word(cls: Any, s: tree.Call, arguments: Any, c: Context) -> Any:
    given: list[Given] = []
    options: dict[str, Given] = {}
    for a in arguments:
        if isinstance(a, tree.Option):
            if a.name in options:
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
            if isinstance(a.value, tree.Reference):
                raise Mistake("wrong-argument", f"`{a.name}` is no node", a.span,
                              hint=f"an output is named by itself:  {s.name} {cls.name} {tree.source_text(a.value)}")
            options[a.name] = Given(evaluate(a.value, c, None), a.span, a.value.name if isinstance(a.value, tree.Name) else None)
        elif isinstance(a, tree.Reference):
            raise Mistake("wrong-argument", f"{cls.name} takes no reference", a.span)
        else:
            given.append(Given(evaluate(a, c, None), a.span, a.name if isinstance(a, tree.Name) and a.name not in c.env
                               else None))
    return bind(cls, s.span, given, options, seen=c.env)[0]


def _used(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None, rest: Any) -> tuple[str, str | None, float, list[Any]]:
    """The output, target and weight of a loss or metric line, and its other arguments."""
    output = target = None
    weight = 1.0
    others = []
    for a in rest:
        if isinstance(a, tree.Reference):
            if output is not None:
                raise Mistake("contradiction", "a loss reads one output", a.span, "the second one")
            output = _output(a, c, graph, known_outputs(e))
        elif isinstance(a, tree.Option) and a.name == "weight" and s.name == "loss":
            v = number(a.value, c, None)
            if v < 0:
                raise Mistake("out-of-range", "the weight of a loss is at least 0", a.span, f"this is {v:g}")
            weight = float(v)
        elif isinstance(a, tree.Option) and a.name == "target":
            target = a.value.spots[0].name if isinstance(a.value, tree.Reference) else plain(evaluate(a.value, c, None))
            if target is UNKNOWN_VALUE:
                raise Silent
            if not isinstance(target, str):
                raise Mistake("wrong-argument", "target is `input` or a name", a.span, f"this is {described(target)}",
                              hint="target=input")
        else:
            others.append(a)
    if output is None:
        names = graph.public if graph is not None else {"out": ""}
        if not names:
            output = "out"
        elif "out" in names or len(names) == 1:
            output = "out" if "out" in names else next(iter(names))
        else:
            raise Mistake("missing-argument", f"this net has several outputs: say which one this {s.name} reads", s.span,
                          "no output is named", notes=("outputs: " + ", ".join(names),),
                          hint=f"{s.name} {tree.source_text(s.arguments[0])} @{next(iter(names))}" if s.arguments else None)
    return output, target, weight, others


def known_outputs(e: Elaborator) -> list[str] | None:
    """The outputs there are even if nothing else is certain; None where a line that could not be read may hold one."""
    return list(e.draft.outputs) if e.draft.outputs and not e.coverage.maybe else None


def _output(ref: tree.Reference, c: Context, graph: Graph | None, known: list[str] | None) -> str:
    name = ".".join(spot_name(x.name, x.index, c, None) for x in ref.spots)
    names: Collection[str] | None = graph.public if graph is not None else known
    if names is None:
        return name
    if name not in names:
        alike = near(name, names)
        raise Mistake("missing-reference", f"the net has no output @{name}", ref.span, "not one of its outputs",
                      notes=("outputs: " + ", ".join(names),),
                      hint=f"did you mean @{alike}?" if alike else Advice(f"make it one, in the net:  output {name}"))
    return name


def _loss(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> LossUse:
    cls, rest = _class(LOSSES, "loss", s, c)
    output, target, weight, others = _used(e, s, c, graph, rest)
    op = _word(cls, s, others, c)
    if graph is not None:
        value = graph.public[output]
        node = graph.maker[value]
        type_ = node.type
        if cls.after and getattr(node.op, "name", "") == cls.after:
            e.say("note", "reads-logits",
                  f"{cls.name} reads the input of @{output}'s {cls.after}: it computes the {cls.after} itself, stably", s.span)
            type_ = graph.values[node.inputs[0]].type
        else:
            _check_read(e, cls, node, graph, s)
        _check_output(op, type_, s)
        _check_target(op, target, type_, graph, s)
    elif output in e.draft.outputs and e.draft.outputs[output][0].type.known:  # known for certain, whatever is wrong above
        _check_output(op, e.draft.outputs[output][0].type, s)
    return LossUse(op, output, target, weight, s.span)


def _check_read(e: Elaborator, cls: type[Loss], node: Node, graph: Graph, s: tree.Call) -> None:
    """Warn of a loss that reads logits, of an output that is a softmax or sigmoid already; of a loss of probabilities or
    their logarithms, of an output that holds none."""
    while getattr(node.op, "renames", False):
        node = graph.maker[node.inputs[0]]
    op = node.op
    if not isinstance(op, Layer):
        return
    last, made = op.name, (f"made by {node.name}",)
    article = "an" if last[0] in "aeiou" else "a"
    if cls.reads == "logits" and op.gives:
        drop = f"drop the {last}: {cls.name} reads logits" if last == cls.after or op.gives != "probabilities" else (
            f"drop the {last}, or use another loss")
        e.say("warning", "not-logits", f"{cls.name} " + (f"computes a {cls.after} of what it reads" if cls.after else "reads logits")
              + f", and this is {article} {last} already", s.span,
              "computed twice" if op.log_of and op.log_of == cls.after else "the net would learn badly", made,
              _instead(s, cls.instead.get(op.gives)) or Advice(drop))
    elif cls.reads in ("probabilities", "log-probabilities") and op.gives != cls.reads and op.category in ("activation", "dense",
                                                                                                    "convolution"):
        other = cls.instead.get("logits")
        logits = other is not None and (last == LOSSES[other].after or op.category != "activation")
        makers = "softmax or sigmoid" if cls.reads == "probabilities" else "log_softmax"
        e.say("warning", "not-probabilities" if cls.reads == "probabilities" else "not-log-probabilities",
              f"{cls.name} reads {cls.reads}, as {makers} makes them, and this is {article} {last}", s.span,
              "the loss would have no meaning",
              made if logits else (*made, f"{makers} belongs " + (f"in the place of the {last}" if op.category == "activation"
                                                                  else f"behind the {last}")), _instead(s, other) if logits else "")


def _instead(s: tree.Call, loss: str | None) -> str:
    """The line with another loss, of the same output; nothing where that loss has not all the arguments of this one."""
    if loss is None or not {a.name for a in s.arguments if isinstance(a, tree.Option)} <= {"weight", "target",
                                                                           *(a.name for a in arguments(LOSSES[loss]))}:
        return ""
    return " ".join((s.name, loss, *map(tree.source_text, s.arguments[1:])))


def _check_output(op: Any, type_: Any, s: tree.Call) -> None:
    try:
        op.check_output(type_)
    except WordError as w:
        raise refused(w, s.span) from None


def _check_target(op: Any, target: str | None, output: Any, graph: Graph, s: tree.Call) -> None:
    """A loss against the network's own input compares equal shapes."""
    names = {n.name: n for n in graph.inputs}
    alike = near(target, names) if target is not None and target not in names and len(target) > 3 else None
    if alike:
        raise Mistake("misleading-label", f"the target `{target}` looks like the input `{alike}`", s.span,
                      "read as an array of the data", hint=f"target={alike}")
    if target is None or (target != "input" and target not in names):
        return
    node = names.get(target) or graph.inputs[0]
    want = op.target(output)
    if want.element == "float" and want.known and node.type.known and want.shape != node.type.shape:
        same = prod(n or 0 for n in output.shape) == prod(n or 0 for n in node.type.shape)
        raise Mistake("shape-mismatch", "the target has another shape than the output", s.span,
                      f"output {'x'.join(map(str, output.shape))}, target {'x'.join(map(str, node.type.shape))}",
                      hint=Advice("give the output the shape of the target, at the end of the net:  "
                                  + ("reshape " if same else "expect ") + "x".join(map(str, node.type.shape))))


def _metric(e: Elaborator, s: tree.Call, c: Context, graph: Graph | None) -> MetricUse:
    cls, rest = _class(METRICS, "metric", s, c)
    output, target, _, others = _used(e, s, c, graph, rest)
    return MetricUse(_word(cls, s, others, c), output, target, s.span)


def _data(s: tree.Call, c: Context) -> DataUse:
    """`data digits`, or `data "train.npz" test="test.npz"`, which is the word `files`."""
    first = s.arguments[0] if s.arguments else None
    if isinstance(first, tree.Attribute):
        raise Mistake("wrong-argument", "the name of a file stands in quotes", first.span,
                      hint=f'data "{tree.source_text(first)}"')
    named = isinstance(first, tree.Name) and not isinstance(c.env.get(first.name), str)
    made = _named(DATASETS, "data set", s, c) if named or first is None else _word(DATASETS["files"], s, s.arguments, c)
    return DataUse(made, s.span)


def _augmentation(e: Elaborator, s: tree.Call, c: Context) -> Any:
    """`augment crop pad=4`: a change of the training images that these images allow."""
    made = _named(AUGMENTATIONS, "augmentation", s, c)
    for node in e.draft.nodes:
        if not isinstance(node.op, Input):
            continue
        try:
            made.check_input(node.type)
        except WordError as w:
            raise refused(w, s.span) from None
    return made


def _whether(s: tree.Call, c: Context) -> bool:
    """`drop_last`, or `drop_last no` where a parameter says it."""
    if not s.arguments:
        return True
    v = None if len(s.arguments) > 1 or isinstance(s.arguments[0],
                                                   (tree.Option, tree.Reference)) else evaluate(s.arguments[0], c, None)
    if v is UNKNOWN_VALUE:
        raise Silent
    if not isinstance(v, bool):
        raise Mistake("wrong-argument", f"`{s.name}` stands by itself, or is yes or no", s.span, hint=s.name)
    return v


def _average(s: tree.Call, c: Context) -> float:
    """`average 0.999`: how much of the average each step keeps."""
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", "average takes one number", s.span, "how much of the average each step keeps",
                      hint="average 0.999")
    v = number(s.arguments[0], c, None)
    if not 0 < v < 1:
        raise Mistake("out-of-range", "average is greater than 0 and less than 1", s.arguments[0].span, f"this is {v:g}",
                      hint="average 0.999")
    return float(v)


def _initialise(s: tree.Call, c: Context) -> str:
    """`initialise lsuv`: what the first batch decides."""
    found = _free(s, c)
    if found.name != "lsuv":
        alike = near(found.name, ("lsuv",))
        raise Mistake("unknown-word", f"`initialise` knows no `{found.name}`", s.span, "there is: lsuv",
                      hint=f"did you mean `{alike}`?" if alike else "initialise lsuv")
    if found.values or found.options:
        raise Mistake("wrong-argument", "`initialise lsuv` takes nothing more", s.span, hint="initialise lsuv")
    return found.name


def _precision(s: tree.Call, c: Context) -> str:
    """`precision exact`: how exactly the network is computed."""
    if len(s.arguments) != 1 or isinstance(s.arguments[0], (tree.Option, tree.Reference)):
        raise Mistake("wrong-argument", "precision takes one word", s.span, f"there are: {', '.join(PRECISIONS)}",
                      hint="precision exact")
    said = plain(evaluate(s.arguments[0], c, None))
    if said is UNKNOWN_VALUE:
        raise Silent
    refused = refusal(said if isinstance(said, str) else tree.source_text(s.arguments[0]))
    if refused:
        raise Mistake("unknown-word", refused[0], s.arguments[0].span, hint=refused[1])
    return str(said)


def _penalty(s: tree.Call, c: Context) -> Setting:
    """`regularise l1 1e-5`, `regularise l2 1e-4 weights`, or `regularise weights`: what decay and penalties reach."""
    found = _free(s, c)
    hint = "regularise l2 1e-4   or   regularise l1 1e-5 weights"
    if found.options:
        raise Mistake("unknown-option", f"`regularise` has no option `{found.options[0][0]}`", s.span, hint=hint)
    given = (found.name, *found.values)
    kinds, numbers = [v for v in given if isinstance(v, str)], [v for v in found.values if not isinstance(v, str)]
    unknown = next((k for k in kinds if k not in ("l1", "l2", "weights")), None)
    if unknown is not None:
        alike = near(unknown, ("l1", "l2", "weights"))
        raise Mistake("unknown-word", f"`regularise` knows no `{unknown}`", s.span,
                      "it is l1 or l2, a number, and perhaps `weights`", hint=f"did you mean `{alike}`?" if alike else hint)
    which = [k for k in kinds if k != "weights"]
    if len(kinds) != len(set(kinds)) or len(which) > 1 or len(numbers) != len(which) or any(isinstance(v, bool)
            or not isinstance(v, int | float) for v in numbers):
        raise Mistake("wrong-argument", "`regularise` takes l1 or l2, one number, and perhaps `weights`", s.span, hint=hint)
    if any(not 0 <= v < float("inf") for v in numbers):
        raise Mistake("out-of-range", f"the factor of {which[0]} is at least 0", s.span, f"this is {numbers[0]:g}")
    return Setting((which or ["weights"])[0], (*map(float, numbers), *(["weights"] if which and "weights" in kinds else [])), (),
                   s.span)


def _free(s: tree.Call, c: Context) -> Setting:
    """A setting whose words the runtime interprets."""
    values: list[Any] = []
    options: list[tuple[str, Any]] = []
    for a in s.arguments:
        if isinstance(a, tree.Reference):
            raise Mistake("wrong-argument", f"{s.name} takes no reference", a.span)
        if isinstance(a, tree.Option):
            if isinstance(a.value, tree.Reference):
                raise Mistake("wrong-argument", f"{s.name} takes no reference", a.span)
            if a.name in dict(options):
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
            options.append((a.name, plain(evaluate(a.value, c, None))))
        else:
            values.append(plain(evaluate(a, c, None)))
    if any(v is UNKNOWN_VALUE for v in (*values, *dict(options).values())):
        raise Silent
    if not values:
        raise Mistake("missing-argument", f"`{s.name}` says nothing yet", s.span, "what is missing",
                      hint={"initialise": "initialise lsuv"}.get(s.name, f"{s.name} l2 1e-4"))
    first = values[0]
    return Setting(str(first), tuple(values[1:]), tuple(options), s.span)
