"""`netspec backprop`: one example forward and backward, drawn step by step."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....diagnostics import Advice, UsageError
from ....ir.types import shape_text
from ....plain import shown
from ... import options
from ...nets import input_shapes, meant, settings
from ...telling import pass_on, say

if TYPE_CHECKING:
    from ....runtime.network import Network
    from ....views.backprop.film import Film

ABOUT = "draw one example going forward and backward, step by step: values, and the gradients that come back"
EXAMPLES = ("netspec backprop specs/backprop.net --x 1,-2 --target 1 -o steps.html",
            "netspec backprop specs/digits.net --target 3 -o norms.svg")
ALSO = ("backpropagation", "gradients")
FEW = 8  # numbers that a person types


def arguments(c: ArgumentParser) -> None:
    options.net(c)
    c.add_argument("--x", action="append", default=[], metavar="NUMBERS",
                   help="the example: numbers (1,-2), a file of arrays (.npy), or a picture; NAME=... of several inputs (default: "
                        "drawn by the seed)")
    c.add_argument("--target", action="append", default=[], metavar="NUMBERS",
                   help="its target: numbers, the number of a class, or .npy; without one, gradients of the net's only number")
    c.add_argument("--loss", help="unless given that of the train section, else mse")
    c.add_argument("--weights", metavar="FILE",
                   help="the weights: a checkpoint, a run, or another program's (default: first values)")
    c.add_argument("--seed", type=options.seed, help="of first values, and of an example that is not given")
    c.add_argument("--theme", choices=("light", "dark", "transparent"), default="light", help="the colours (default light)")
    c.add_argument("-o", "--output", type=options.file, required=True, metavar="PLACE",
                   help="where to: .svg, .png or .pdf for the whole; .html, .gif or a folder for a frame a step (.png, .pdf and .gif "
                        "need netspec-nn[viz]); - writes SVG text to standard output")


def run(args: Namespace) -> int:
    from ....views.backprop.film import ENDINGS, folder

    path = Path(args.output)
    if args.output != "-" and not folder(args.output) and path.suffix.lower() not in ENDINGS:
        raise UsageError(f"steps are drawn as {', '.join(ENDINGS)}, or in a folder, and not as {args.output}",
                         hint=f"-o {path.with_suffix('.html')}")
    net = _network(args)
    film = _drawn(net, args)
    if args.output == "-":
        pass_on(film.svg)
        return 0
    film.save(args.output)
    say(f"{film.title}: drew {film.last} steps to {shown(args.output)}")
    return 0


def _drawn(net: Network, args: Namespace) -> Film:
    from ....elaborate.train_line import train_line
    from ....runtime.backprop import NoTarget

    x, y = _inputs(net, args), _targets(net, args.target)
    if args.loss is not None:
        train_line(f"loss {args.loss}", net.graph, "--loss")  # what is wrong with it is said of the option
    try:
        return net.backprop(x, y, loss=args.loss, theme=args.theme)
    except NoTarget as e:
        raise UsageError(e.diagnostics[0].title, hint=_some_target(net), code="wrong-type") from None


def _some_target(net: Network) -> str:
    """How a target of the first output is given: by hand as long as its numbers are few."""
    public, value = net.graph.outputs[0]
    name = f"{public}=" if len(net.graph.outputs) > 1 else ""
    of = net.graph.values[value].type
    if of.size and of.size <= FEW:
        return f"--target {name}{','.join(['1'] + ['0'] * (of.size - 1))}"
    file = f"a file of an array of {shape_text(of.shape)}: --target {name}y.npy"
    classes = f" --loss 'cross_entropy @{public}'" if name else " --loss cross_entropy"
    return Advice(file if of.spatial else f"the number of a class: --target {name}3{'' if net.recipe.terms else classes}, or {file}")


def _network(args: Namespace) -> Network:
    """With its weights; with first values where there are none, by the seed."""
    from ....runtime.network import made
    from ...trained import weighted

    net = weighted(args, "reference")
    return net if net is not None else made(meant(args.net, settings(args), input_shapes(args)).origin(), "reference", "float64",
                                            args.seed)


def _inputs(net: Network, args: Namespace) -> Any:
    import numpy as np

    random = np.random.default_rng(net.seed)
    given, found = _by_name(args.x, [n.name for n in net.graph.inputs], "--x"), {}
    several = len(net.graph.inputs) > 1
    for n in net.graph.inputs:
        shape = tuple(s or 0 for s in n.type.shape)
        if n.name in given:
            found[n.name] = _array(given[n.name], (max(1, n.type.batch), *shape), net, f"--x {n.name}=" if several else "--x ")
        elif n.type.known:
            found[n.name] = random.standard_normal((max(1, n.type.batch), *shape))
        else:
            raise UsageError(f"the size of the input {n.name} is open, {n.type}", hint="--input 3x224x224")
    return found


def _targets(net: Network, given: list[str]) -> Any:
    if not given:
        return None
    outputs = [public for public, _ in net.graph.outputs]
    by_name = _by_name(given, outputs, "--target")
    types = {public: net.graph.values[v].type for public, v in net.graph.outputs}
    found = {}
    for name, text in by_name.items():
        shape = tuple(s or 0 for s in types[name].shape)
        a = _array(text, None, net, f"--target {name}=" if len(types) > 1 else "--target ")
        found[name] = a.reshape(1, *shape).astype(float) if a.size == types[name].size > 1 else a
    named = len(types) > 1 and any(text.partition("=")[1] for text in given)
    return found if named or len(found) > 1 else next(iter(found.values()))


def _by_name(given: list[str], names: list[str], option: str) -> dict[str, str]:
    """`1,2` for the first, `left=1,2` for one of several."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            name, value = names[0], text
        if name not in names:
            raise UsageError(f"{option} names `{name}`, and there is {', '.join(names)}", hint=f"{option} {names[0]}=1,2")
        if name in found:
            raise UsageError(f"{option} gives {name} twice")
        found[name] = value
    return found


def _array(text: str, shape: tuple[int, ...] | None, net: Network, option: str) -> Any:
    """Numbers, those of a file, or a picture. `option` is what stands before them: `--x `, `--x left=`."""
    import numpy as np

    try:
        numbers = [float(t) for t in text.split(",")]
    except ValueError:
        return _finite(_of_file(text, shape, net), option)
    _finite(numbers, option)
    if shape is None:
        whole = all(t.strip().lstrip("+-").isdigit() for t in text.split(","))
        return np.array(numbers).astype(np.int64) if whole else np.array(numbers, np.float64)[None]
    if len(numbers) != np.prod(shape):
        raise UsageError(f"{option.strip(' =')} gives {len(numbers)} number{'s' if len(numbers) > 1 else ''}, and {int(np.prod(shape))} are wanted",
                         hint=_instead(shape, option))
    return np.array(numbers, np.float64).reshape(shape)


def _finite(numbers: Any, option: str) -> Any:
    import numpy as np

    a = np.asarray(numbers)
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        raise UsageError(f"{option.strip(' =')} holds {a[~np.isfinite(a)][0]}, and gradients are of finite numbers",
                         hint=f"{option}1,-2.5")
    return numbers


def _instead(shape: tuple[int, ...], option: str) -> str:
    """How an example of a shape is given: by hand as long as its numbers are few."""
    if math.prod(shape) <= FEW:
        return f"{option}{','.join(['1'] * math.prod(shape))}"
    said = f"a file of an array of {'x'.join(map(str, shape[1:]))}: {option}x.npy"
    return Advice(said + (f", or a picture: {option}cat.png" if len(shape) == 4 and shape[1] in (1, 3) else ""))


def _of_file(name: str, shape: tuple[int, ...] | None, net: Network) -> Any:
    from ....datasets.parts.arrays import held_in
    from ....runtime.asking.examples import canvas

    if not Path(name).is_file():
        raise UsageError(f"`{name}` is neither numbers nor a file", hint="--x 1,-2.5")
    if not name.lower().endswith((".npy", ".npz")):
        return canvas(net).read(name)[0][None]
    a = next(iter(held_in(name).values()))
    return a[None] if shape is not None and a.ndim == len(shape) - 1 else a[:1]
