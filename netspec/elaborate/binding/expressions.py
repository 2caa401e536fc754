"""Evaluation: numbers, conditions, lists. Everything is decided while elaborating."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...diagnostics import Advice, near
from ...layers import LAYERS
from ...limits import NUMBER, RANGE
from ...syntax import tree
from ..model.files import UNKNOWN, Context, Macro, is_known
from ..model.mistakes import Mistake, Silent
from ..model.origins import handed_in, out_of_reach
from ..model.values import UNKNOWN_VALUE, Flow, Incoming, Symbol, described, is_number

CONSTANTS: dict[str, Any] = {"yes": True, "no": False, "none": None}
# what other languages write
FOREIGN = {"True": "yes", "true": "yes", "False": "no", "false": "no", "None": "none", "null": "none"}
FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "floor": None, "ceil": None, "round": None, "abs": abs, "len": len}  # type: ignore[dict-item]
ATTRIBUTES = ("channels", "height", "width", "depth", "shape")


def evaluate(node: Any, c: Context, flow: Flow | None) -> Any:
    """The value of an expression."""
    return _RULES[node.__class__](node, c, flow)


def truth(node: Any, c: Context, flow: Flow | None) -> bool:
    """A condition."""
    v = evaluate(node, c, flow)
    if v is UNKNOWN_VALUE:
        raise Silent
    if isinstance(v, Symbol) and _unbound(node, c):
        raise undefined(node, c)
    if isinstance(v, Incoming):
        raise Mistake("bad-value", "`in` is the flow, not a condition", node.span, hint="compare its numbers:  in.channels == 64")
    return bool(v)


def number(node: Any, c: Context, flow: Flow | None) -> int | float:
    """A number, where nothing else will do."""
    v = evaluate(node, c, flow)
    return _number(v, node, c)


def _number(v: Any, node: Any, c: Context) -> int | float:
    if v.__class__ is int or v.__class__ is float:
        plain: int | float = v
        return plain
    if v is UNKNOWN_VALUE:
        raise Silent
    if isinstance(v, Symbol) and _unbound(node, c):
        raise undefined(node, c)
    if v is None and isinstance(node, (tree.Attribute, tree.Item)):
        raise Mistake("unknown-size", "this size is not known, and a number is needed here", node.span, "it is `?`",
                      hint="bind it:  --input 3x224x224")
    m = Mistake("bad-value", "a number is needed here", node.span, f"this is {described(v)}",
                hint=Advice("each size is computed by itself:  (2*3, 2*3)") if isinstance(node, tree.Dims) else None)
    m.diagnostic = handed_in(m.diagnostic, node, c)
    raise m


def _unbound(node: Any, c: Context) -> bool:
    return isinstance(node, tree.Name) and node.name not in c.env


def undefined(node: Any, c: Context) -> Mistake:
    """A name nobody defined, with the one that was probably meant."""
    if not isinstance(node, tree.Name):
        return Mistake("wrong-argument", "a number is needed here", node.span, "this is a word")
    alike = near(node.name, [k for k in c.env if k not in CONSTANTS] or CONSTANTS)
    m = Mistake("undefined-name", f"`{node.name}` is not defined here", node.span, "no parameter or constant has this name",
                hint=f"did you mean `{alike}`?" if alike
                else f"make it a parameter of the block or net, or define it above:  {node.name} = 1")
    m.diagnostic = out_of_reach(m.diagnostic, c)
    return m


def _name(node: tree.Name, c: Context, flow: Flow | None) -> Any:
    try:
        return c.env[node.name]
    except KeyError:
        pass
    macro = c.file.definitions.get(node.name)
    if macro is None and node.name in FOREIGN:
        raise Mistake("undefined-name", f"`{node.name}` is not a word of the language", node.span, hint=f"{FOREIGN[node.name]}")
    if macro is UNKNOWN:
        return UNKNOWN_VALUE
    return macro if macro is not None else Symbol(node.name)


def _attribute(node: tree.Attribute, c: Context, flow: Flow | None) -> Any:
    of = evaluate(node.of, c, flow)
    if of is UNKNOWN_VALUE:
        raise Silent
    if not isinstance(of, Incoming):
        if isinstance(of, Symbol) and _unbound(node.of, c):
            raise undefined(node.of, c)
        file = node.name in ("npz", "npy", "safetensors", "net", "weights", "h5", "pt", "pth")
        raise Mistake("bad-value", f"{described(of)} has no parts with names", node.span,
                      hint=f'a file stands in quotes:  "{tree.source_text(node)}"' if file
                      else Advice("`in` has: " + ", ".join(ATTRIBUTES)))
    shape = of.flow.type.shape
    if node.name == "shape":
        v: Any = shape
    elif node.name == "channels":
        v = shape[0]
    elif node.name in ("height", "width", "depth"):
        place = {"width": -1, "height": -2, "depth": -3}[node.name]
        if len(shape) - 1 < -place:
            if not of.flow.sure and not of.flow.ranked:
                raise Silent
            raise Mistake("wrong-rank", f"the flow has no {node.name} here", node.span, f"it is {'x'.join(map(str, shape))}")
        v = shape[place]
    else:
        alike = near(node.name, ATTRIBUTES)
        raise Mistake("undefined-name", f"`in` has no `{node.name}`", node.span, notes=("it has: " + ", ".join(ATTRIBUTES),),
                      hint=f"did you mean `in.{alike}`?" if alike else None)
    if not of.flow.sure and (v is None or v is shape):
        raise Silent
    if v is None:
        raise Mistake("unknown-size", f"the {node.name} of the flow is not known", node.span,
                      f"it is {'x'.join('?' if n is None else str(n) for n in shape)}", hint="bind it:  --input 3x224x224")
    return v


def _incoming(node: tree.Incoming, c: Context, flow: Flow | None) -> Any:
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet, so `in` has no shape", node.span,
                      hint="begin the net with:  input 3x224x224")
    return Incoming(flow)


def _item(node: tree.Item, c: Context, flow: Flow | None) -> Any:
    of, index = evaluate(node.of, c, flow), number(node.index, c, flow)
    if of is UNKNOWN_VALUE:
        raise Silent
    if not isinstance(of, tuple):
        if isinstance(of, Symbol) and _unbound(node.of, c):
            raise undefined(node.of, c)
        raise Mistake("bad-value", f"only a list has items, and this is {described(of)}", node.of.span)
    if not isinstance(index, int) or not 0 <= index < len(of):
        written = f"{index:g}" if isinstance(index, float) else str(index)
        raise Mistake("bad-index", f"the list has {len(of)} items, numbered from 0", node.index.span,
                      f"there is no item {written}")
    return of[index]


ELSEWHERE = {"int": "floor({})", "sqrt": "write  ({})^0.5"}  # functions of a number that other languages have


def _instead(node: tree.Function) -> str | None:
    """What stands for a function that other languages have, or for a step written as one."""
    alike = near(node.name, FUNCTIONS)
    texts = [tree.source_text(a) for a in node.arguments]
    if node.name == "range" and len(texts) in (1, 2):
        return f"{'1' if len(texts) == 1 else texts[0]}..{texts[-1]}{'-1' if len(texts) == 2 else ''}"
    if node.name in ELSEWHERE and len(texts) == 1:
        return ELSEWHERE[node.name].format(texts[0])
    if node.name in LAYERS:
        return f"write it as a step:  -> {' '.join((node.name, *texts))}"
    return f"did you mean `{alike}`?" if alike else None


def _function(node: tree.Function, c: Context, flow: Flow | None) -> Any:
    if node.name not in FUNCTIONS:
        raise Mistake("undefined-name", f"there is no function `{node.name}`", node.span,
                      notes=("there are: " + ", ".join(FUNCTIONS),), hint=_instead(node))
    values = [evaluate(a, c, flow) for a in node.arguments]
    if node.name in ("min", "max") and len(values) == 1 and isinstance(values[0], tuple) and values[0]:
        values = list(values[0])
        nodes = [node.arguments[0]] * len(values)
    else:
        nodes = list(node.arguments)
    if node.name == "len":
        if values[:1] == [UNKNOWN_VALUE]:
            raise Silent
        if len(values) != 1 or not isinstance(values[0], tuple):
            raise Mistake("bad-value", "len takes one list", node.span)
        return len(values[0])
    numbers = [_number(v, n, c) for v, n in zip(values, nodes)]
    if not numbers or (node.name not in ("min", "max") and len(numbers) != 1):
        raise Mistake("bad-value", f"{node.name} takes {'at least one number' if node.name in ('min', 'max') else 'one number'}",
                      node.span, f"{len(numbers)} given")
    if node.name in ("floor", "ceil", "round"):
        return getattr(math, node.name)(numbers[0]) if node.name != "round" else math.floor(numbers[0] + 0.5)
    return FUNCTIONS[node.name](numbers) if node.name in ("min", "max") else abs(numbers[0])


def _unary(node: tree.Unary, c: Context, flow: Flow | None) -> Any:
    if node.operator == "not":
        return not truth(node.of, c, flow)
    return -number(node.of, c, flow)


def _binary(node: tree.Binary, c: Context, flow: Flow | None) -> Any:
    op = node.operator
    if op == "and":
        return evaluate(node.right, c, flow) if truth(node.left, c, flow) else False
    if op == "or":
        left = evaluate(node.left, c, flow)
        return left if truth(node.left, c, flow) else evaluate(node.right, c, flow)
    if op in ("==", "!="):
        return _equal(node, c, flow) == (op == "==")
    if op == "/" and node.left.__class__ is tree.Dims:
        raise Mistake("bad-value", "sizes cannot be divided", node.span,
                      hint=f"a stride has a space before its slash and none after:  {tree.source_text(node.left)} /2")
    a, b = number(node.left, c, flow), number(node.right, c, flow)
    try:
        v = _arithmetic(op, a, b)
    except ZeroDivisionError:
        raise Mistake("division-by-zero", "this divides by zero", node.span, f"{a:g} {op} 0") from None
    except OverflowError:
        v = float("inf")
    if v.__class__ is bool:
        return v
    if isinstance(v, complex):
        raise Mistake("bad-value", "this is no real number", node.span, "a root of a negative number")
    if (isinstance(v, float) and not math.isfinite(v)) or abs(v) > NUMBER:
        raise Mistake("too-large", "this number is too large for a network", node.span, f"the limit is {NUMBER:g}")
    return v


def _arithmetic(op: str, a: Any, b: Any) -> Any:
    if op == "+":
        return a + b
    if op == "-":
        return a - b
    if op == "*":
        return a * b
    if op == "/":
        if a.__class__ is int and b.__class__ is int and a % b == 0:
            return a // b
        return a / b
    if op == "%":
        return a % b
    if op == "^":
        if abs(a) > 1 and abs(b) > 64:
            return float("inf") if b > 0 else 0.0
        return a**b
    if op == "<":
        return a < b
    if op == ">":
        return a > b
    return a <= b if op == "<=" else a >= b


def _equal(node: tree.Binary, c: Context, flow: Flow | None) -> bool:
    a, b = evaluate(node.left, c, flow), evaluate(node.right, c, flow)
    if a is UNKNOWN_VALUE or b is UNKNOWN_VALUE:
        raise Silent
    for v, other, n in ((a, b, node.left), (b, a, node.right)):
        # A word may be compared with a word, and with what is no number; anything else is a name nobody defined.
        if isinstance(v, Symbol) and _unbound(n, c) and (not is_known(v.name) or is_number(other)):
            raise undefined(n, c)
        if (v is None and isinstance(n, (tree.Attribute, tree.Item))
                and not isinstance(other, (Symbol, Macro, str)) and other is not None):
            _number(v, n, c)
    if isinstance(a, (Symbol, Macro)) and isinstance(b, (Symbol, Macro)):
        return a.name == b.name
    return type(a) is type(b) and a == b if isinstance(a, bool) or isinstance(b, bool) else bool(a == b)


def _listing(node: tree.Listing, c: Context, flow: Flow | None) -> Any:
    out = []
    for item in node.items:
        v = evaluate(item, c, flow)
        if isinstance(v, Symbol) and _unbound(item, c) and not is_known(v.name):
            raise undefined(item, c)
        out.append(v)
    return tuple(out)


def _range(node: tree.Range, c: Context, flow: Flow | None) -> Any:
    ends = [number(n, c, flow) for n in (node.first, node.last)]
    for v, n in zip(ends, (node.first, node.last)):
        if v != int(v):
            raise Mistake("not-whole", "a range runs over whole numbers", n.span, f"this is {v:g}")
    if ends[1] - ends[0] >= RANGE:
        raise Mistake("too-large", f"a range of more than {RANGE} numbers is no network", node.span)
    return tuple(range(int(ends[0]), int(ends[1]) + 1))


def _literal(node: tree.Number, c: Context, flow: Flow | None) -> Any:
    text = node.text
    # a float may be written with many digits, or be 1e400
    if (len(text) > 12 and float(text) > NUMBER) or not math.isfinite(v := node.value):
        raise Mistake("too-large", "this number is too large for a network", node.span, f"the limit is {NUMBER:g}")
    return v


def _node(node: tree.Reference, c: Context, flow: Flow | None) -> Any:
    raise Mistake("wrong-argument", "a value is needed here, and this is a node", node.span, "not a number, a word or a list")


_RULES: dict[type, Callable[[Any, Context, Flow | None], Any]] = {
    tree.Number: _literal,
    tree.Dims: lambda node, c, flow: node.sizes,
    tree.Text: lambda node, c, flow: node.value,
    tree.Name: _name,
    tree.Incoming: _incoming,
    tree.Attribute: _attribute,
    tree.Item: _item,
    tree.Function: _function,
    tree.Listing: _listing,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Conditional: lambda node, c, flow: evaluate(node.yes if truth(node.condition, c, flow) else node.no, c, flow),
    tree.Range: _range,
    tree.Reference: _node,
}
