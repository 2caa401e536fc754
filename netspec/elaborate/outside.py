"""What is said of a net outside its file: parameters, and shapes of inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..diagnostics import UsageError
from ..ir.types import shape_of
from ..reading import Own, Told
from ..source import Source
from ..syntax import tree
from ..syntax.parser import parse_recovering
from .binding.expressions import CONSTANTS, evaluate
from .model.files import Context, File, Macro
from .model.mistakes import Mistake
from .steps.definitions import input_lines


def parameter(key: str, value: object, file: File) -> Any:
    """A parameter from outside. A text is an expression of the language where it reads as one; else, or in quotes, it is the
    user's own, and may name any file."""
    if isinstance(value, (list, tuple)):
        return tuple(parameter(key, v, file) if isinstance(v, (list, tuple)) else v for v in value)
    if not isinstance(value, str):
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if callable(getattr(value, "tolist", None)):  # numbers and arrays of other libraries
            plain = value.tolist()  # type: ignore[attr-defined]
            if isinstance(plain, (list, bool, int, float)):
                return parameter(key, plain, file)
        raise UsageError(f"the parameter {key} cannot be a {type(value).__name__}", code="wrong-argument")
    own: Callable[[str], str] = str if isinstance(value, Told) else Own
    module, found = parse_recovering(Source("--set", f"_ = {value}\n"))
    item = module.items[0] if module.items else None
    if found or not isinstance(item, tree.Constant) or value.endswith(".safetensors"):
        return own(value)
    if isinstance(item.value, tree.Text):
        return own(item.value.value)
    try:
        return evaluate(item.value, Context(file.env or dict(CONSTANTS), {}, file), None)
    except Mistake as m:
        raise UsageError(f"the parameter {key} cannot be {value!r}", m.diagnostic.title, code="wrong-argument") from None


def wanted_inputs(macro: Macro, input: Any) -> dict[str, tuple[int, ...]]:
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
    return {str(k): _known_shape(v) for k, v in input.items()}


def _known_shape(v: Any) -> tuple[int, ...]:
    """`3x512x512`, 784, or a sequence of sizes."""
    try:
        said = shape_of(v)
        sizes = tuple(n for n in said if n is not None)
        if len(sizes) < len(said):
            raise ValueError("a size is left open")
    except (TypeError, ValueError):
        raise UsageError(f"{v!r} is not a shape", hint="--input 3x512x512", code="wrong-argument") from None
    if not sizes or any(n < 1 for n in sizes):
        raise UsageError(f"{v!r} is not a shape: sizes are whole numbers from 1 up", hint="--input 3x512x512",
                         code="wrong-argument")
    return sizes
