"""A call leads to a definition, through variants; its parameters get their values."""

from __future__ import annotations

import re
from typing import Any

from ...diagnostics import Advice, near
from ...layers import LAYERS
from ...source import Span
from ...syntax import tree
from ...words import spelled
from ..binding.arguments import Arguments
from ..binding.expressions import CONSTANTS, evaluate
from ..binding.kinds import Given
from ..binding.resolve import unknown
from ..model.files import UNKNOWN, Context, File, Macro, is_known, known_words
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Incoming, Symbol, described

NamedWeights = tuple[str | None, str | None, Span, str | None]  # the file or none, its part, where it is named, the spec's folder


def open_macro(macro: Macro, args: Arguments, node: tree.Call, c: Context,
               flow: Flow | None) -> tuple[tree.Definition, dict[str, Any], NamedWeights | None, File]:
    """A call of a block, net or variant: the definition that its variants lead to, its parameters bound, the weights file
    if one is named, and the file that the definition stands in."""
    seen: list[Macro] = []
    v: tree.Variant | None = None
    while isinstance(macro.item, tree.Variant):
        v = macro.item
        if macro in seen:
            raise Mistake("endless-recursion", f"the variant `{v.name}` is defined by itself", v.name_span)
        seen.append(macro)
        macro = _behind(macro, v, args, node, flow)
    d = macro.item
    if v is not None and d.kind == "block" and not input_lines(d.body):
        raise Mistake("wrong-word", f"`{d.name}` is a block, and a variant is of a net", v.call.name_span,
                      "it has no input of its own",
                      hint=f"call it in a net:\nnet {v.name}:\n  input 3x224x224\n  {tree.source_text(v.call)}")
    weights = _weights(args, c, {p.name for p in d.params})
    env = {**macro.file.env, **_parameters(macro, d.params, args, node, flow)}
    return d, env, weights, macro.file


def _behind(macro: Macro, v: tree.Variant, args: Arguments, node: tree.Call, flow: Flow | None) -> Macro:
    """What a variant stands for. `args` become the arguments of that: the variant's own, and what the call says besides."""
    own = {p.name for p in v.params}
    env = {**macro.file.env,
           **_parameters(macro, v.params, _only(args, own, v.params), node, flow)} if v.params else macro.file.env
    inner = Context(env, {}, macro.file)
    held = inner.file.definitions.get(v.call.name)
    if held is None and v.call.name in LAYERS:
        raise Mistake("wrong-word", f"`{v.call.name}` is a layer, and a variant is of a net", v.call.name_span,
                      hint=f"net {v.name}:\n  input 3x224x224\n  {tree.source_text(v.call)}")
    if held is None:
        raise unknown(v.call.name, v.call.name_span, inner, {})
    macro.file.used.add(v.call.name)
    if held is UNKNOWN or held.torn:
        raise Silent
    behind = _said_by_variant(v, args, inner, flow)
    if args.given and not v.params:
        raise Mistake("too-many-arguments", f"`{v.name}` takes no positional arguments", args.given[0].span,
                      "it stands for  " + tree.source_text(v.call), hint=Advice("its parameters can be set by name"))
    behind.options.update({k: g for k, g in args.options.items() if k not in own})
    args.given, args.options, args.stride = behind.given, behind.options, args.stride or behind.stride
    return held


def _said_by_variant(v: tree.Variant, args: Arguments, c: Context, flow: Flow | None) -> Arguments:
    """The arguments in a variant's own line. An `upto` of it holds where the call has none."""
    out = Arguments()
    for a in v.call.arguments:
        value = a.value if isinstance(a, (tree.Option, tree.Stride)) else a
        if isinstance(value, tree.Reference):
            raise Mistake("wrong-argument", "a variant has no nodes to refer to", a.span)
        if isinstance(a, tree.Upto):
            args.upto = args.upto or a
            continue
        if isinstance(a, tree.Option) and a.name in out.options:
            raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
        given = Given(evaluate(value, c, flow), a.span,
                      value.name if isinstance(value, tree.Name) and value.name not in c.env else None)
        if isinstance(a, tree.Option):
            out.options[a.name] = given
        elif isinstance(a, tree.Stride):
            out.stride = given
        else:
            out.given.append(given)
    return out


def _weights(args: Arguments, c: Context, own: set[str]) -> NamedWeights | None:
    """Take `weights=` out of a call's options, and `part=` beside it; not where they are parameters of what is called."""
    g = args.options.pop("weights", None) if "weights" not in own else None
    if g is None:
        return None
    part = args.options.pop("part", None) if "part" not in own else None
    for given, meant in ((g, "weights is a file name in quotes"), (part, "part is the key of the weights in the file, in quotes")):
        if given is not None and given.value is UNKNOWN_VALUE:
            raise Silent
        if given is not None and given.value is not None and not isinstance(given.value, str):
            raise Mistake("wrong-argument", f"{meant}, or none", given.span, f"this is {described(given.value)}")
    return g.value, None if part is None else part.value, g.span, c.file.module.source.folder


def _only(args: Arguments, own: set[str], params: tuple[tree.Param, ...]) -> Arguments:
    out = Arguments()
    out.given, args.given = args.given[: len(params)], args.given[len(params) :]
    out.options = {k: g for k, g in args.options.items() if k in own}
    return out


def _parameters(macro: Macro, params: tuple[tree.Param, ...], args: Arguments, node: tree.Call,
                flow: Flow | None) -> dict[str, Any]:
    """Parameter values of one call. Options that name no parameter but a node are left for the inputs."""
    d = macro.item
    names = [p.name for p in params]
    env: dict[str, Any] = {}
    what = f"{'net' if isinstance(d, tree.Variant) else d.kind}"
    given = args.given
    extra = given[len(names) :]
    bad = next((g for g in extra if (not isinstance(g.value, Scope) and g.name != "@") or isinstance(d, tree.Variant)), None)
    if bad is not None:
        raise Mistake("too-many-arguments", f"`{macro.name}` takes {len(names) or 'no'} argument{'' if len(names) == 1 else 's'}",
                      bad.span, "this is one more",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else (),
                      hint=re.sub(r"\bup[ _]?to\b", "upto", bad.span.edited(bad.name or "")) if bad.name == "up"
                      or near(bad.name or "", ("upto",)) else
                      bad.span.edited("", *((g.span, "") for g in extra if g is not bad)))
    for name, g in zip(names, given):
        env[name] = _passed(g, name, node, macro)
    for key, g in args.options.items():
        if key in names:
            if key in env:
                raise Mistake("duplicate-option", f"`{key}` is given twice", g.span, "it was given by position already")
            env[key] = _passed(g, key, node, macro)
        elif isinstance(d, tree.Definition) and any(s.name == key for s in input_lines(d.body)):
            if not isinstance(g.value, Scope) and g.name != "@":
                raise Mistake("wrong-argument", f"`{key}` is an input of `{macro.name}`, and reads a node", g.span, "not a node",
                              hint=f"a node is written with `@`:  {key}=@input")
        elif isinstance(g.value, Scope) and isinstance(d, tree.Definition) and (lines := input_lines(d.body)):
            inputs = [s.name or "input" for s in lines]
            alike = near(key, inputs)
            raise Mistake("unknown-option", f"`{macro.name}` has no input called `{key}`", g.span, "",
                          notes=(f"its inputs: {', '.join(inputs)}",), hint=f"did you mean `{alike}`?" if alike else None)
        else:
            alike = near(key, names) or next((n for n in names if len(n) > 2 and (key.startswith(n) or n.startswith(key))), None)
            raise Mistake("unknown-option", f"`{macro.name}` has no parameter called `{key}`", node.span, "",
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",),
                          hint=f"did you mean `{alike}`?" if alike else None)
    if args.stride is not None:
        if "stride" not in names:
            raise Mistake("wrong-argument", f"`{macro.name}` has no parameter called stride, which `/` sets", args.stride.span,
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",),
                          hint=next((f"{n}={spelled(args.stride.value)}" for n in names if n in ("s", "step", "strides")
                                     and n not in env), None))
        if "stride" in env:
            raise Mistake("duplicate-option", "the stride is given twice", args.stride.span, "it was given before")
        env["stride"] = args.stride.value
    missing = [p.name for p in params if p.name not in env and p.default is None]
    if missing:
        required = [p.name for p in params if p.default is None]
        raise Mistake("missing-argument", f"`{macro.name}` needs a value for `{missing[0]}`", node.span,
                      f"{len(required) - len(missing)} of {len(required)} given",
                      hint=f"{_whole(node, macro)} {' '.join(f'{n}={_likely(n, d)}' for n in missing)}",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else ())
    seen = {**macro.file.env, **env}
    for p in params:
        if p.name not in env and p.default is not None:
            seen[p.name] = env[p.name] = evaluate(p.default, Context(seen, {}, macro.file), flow)
    return env


def _whole(node: tree.Call, macro: Macro) -> str:
    """A call as it is written; of a variant the whole line, which is all that can be pasted."""
    return tree.source_text(node) if node.name == macro.name else node.span.source.line(node.span.line).partition("#")[0].strip()


def _likely(parameter: str, d: Any) -> str:
    """A value that a parameter can have: a word where the body calls it, 1 elsewhere."""
    called = isinstance(d, tree.Definition) and any(isinstance(n, tree.Call) and n.name == parameter for n in tree.walk(d.body))
    return "relu" if called else "1"


def _passed(g: Given, name: str, node: tree.Call, macro: Macro) -> Any:
    if isinstance(g.value, Incoming):
        raise Mistake("wrong-argument", "`in` is the flow, which a block has anyway", g.span)
    if isinstance(g.value, Symbol) and g.name is not None and not is_known(g.value.name) and g.value.name not in CONSTANTS:
        raise Mistake("undefined-name", f"`{g.value.name}` is not defined here", g.span, f"it is to be `{name}` of {macro.name}",
                      hint=(lambda a: f"did you mean `{a}`?" if a
                            else Advice(f"define `{g.value.name}` above, as a block or a constant"))(near(g.value.name,
                                    [*macro.file.definitions, *sorted(known_words())])))
    return g.value


def input_lines(body: Any) -> list[tree.InputLine]:
    """The `input` lines of a net's body, in order."""
    statements = body.statements if isinstance(body, tree.Suite) else (body,)
    return [s for s in statements if isinstance(s, tree.InputLine)]
