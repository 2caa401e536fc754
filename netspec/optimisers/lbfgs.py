"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from ..words import WordError, count, flag, number
from ..words.layer import Builder
from ..words.optimiser import Optimiser
from .parts.memory import Memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[Any]
    Evaluate = Callable[[Vector], tuple[float, Vector]]


class Lbfgs(Optimiser):
    """Quasi-Newton steps for whole batches, from the last few changes of the gradient; as PyTorch's LBFGS.

    It asks for loss and gradient several times a step, so the runtime drives it with the flat vector of all weights:
    `weights = optimiser.minimise(evaluate, weights, memory)`, where `evaluate(weights)` gives (loss, gradient) and
    `memory = Memory()` at first. `search` finds each length by the strong Wolfe conditions; without it the length is lr.
    Paper: Liu and Nocedal, "On the Limited Memory BFGS Method for Large Scale Optimization", 1989
    """

    host: ClassVar[bool] = True

    lr: float = number("length of a step (where a search begins)", default=1.0, least=0)
    iterations: int = count("iterations a step", default=20)
    history: int = count("changes remembered", default=100)
    search: bool = flag("line search by the strong Wolfe conditions", default=False, word="search")
    smallest: float = number("stop where no element of the gradient is larger", default=1e-7, least=0)
    still: float = number("stop where neither weights nor loss change by more", default=1e-9, least=0)
    decay: float = number("weight decay: L2 added to the loss", default=0.0, least=0)

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        raise WordError("lbfgs has no update formula", advice="the runtime calls `minimise`", code="wrong-argument")

    def minimise(self, evaluate: Evaluate, weights: Vector, memory: Memory) -> Vector:
        """One step: up to `iterations` iterations from `weights`; returns the new weights."""
        evaluate = self._regularised(evaluate)
        w = weights.copy()
        loss, g = evaluate(w)
        calls, most = 1, self.iterations * 5 // 4
        if abs(g).max() <= self.smallest:
            return w
        done = 0
        while done < self.iterations:
            done += 1
            memory.iterations += 1
            d = self._direction(g, memory)
            memory.gradient, previous = g.copy(), loss
            memory.direction = d
            t = min(1.0, 1.0 / float(abs(g).sum())) * self.lr if memory.iterations == 1 else self.lr
            slope = float(g @ d)
            memory.length = t
            if slope > -self.still:
                break
            used = 0
            if self.search:
                from .parts.line_search import strong_wolfe

                def along(length: float, start: Vector = w, d: Vector = d) -> tuple[float, Vector]:
                    return evaluate(start + length * d)

                loss, g, t, used = strong_wolfe(along, t, d, loss, g, slope)
                w = w + t * d
            else:
                w = w + t * d
                if done != self.iterations:
                    loss, g = evaluate(w)
                    used = 1
            memory.length = t
            calls += used
            if calls >= most or abs(g).max() <= self.smallest or abs(d
                                                                     * t).max() <= self.still or abs(loss
                                                                             - previous) < self.still:
                break
        return w

    def _regularised(self, evaluate: Evaluate) -> Evaluate:
        if not self.decay:
            return evaluate

        def with_decay(w: Vector) -> tuple[float, Vector]:
            loss, g = evaluate(w)
            return loss + 0.5 * self.decay * float(w @ w), g + self.decay * w

        return with_decay

    def _direction(self, g: Vector, memory: Memory) -> Vector:
        """Minus the gradient times the inverse Hessian that the remembered changes imply (the two-loop recursion)."""
        if memory.iterations == 1 or memory.gradient is None or memory.direction is None:
            memory.moves.clear()
            memory.changes.clear()
            memory.scale = 1.0
            return -g
        y, s = g - memory.gradient, memory.direction * memory.length
        ys = float(y @ s)
        if ys > 1e-10:
            if len(memory.moves) == self.history:
                del memory.moves[0], memory.changes[0]
            memory.moves.append(s)
            memory.changes.append(y)
            memory.scale = ys / float(y @ y)
        q, factors = -g, []
        for s, y in zip(reversed(memory.moves), reversed(memory.changes)):
            a = float(s @ q) / float(y @ s)
            factors.append(a)
            q = q - a * y
        q = q * memory.scale
        for s, y, a in zip(memory.moves, memory.changes, reversed(factors)):
            q = q + s * (a - float(y @ q) / float(y @ s))
        return q
