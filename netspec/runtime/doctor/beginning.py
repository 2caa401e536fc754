"""Before the first step: the loss, its penalty, its gradient.

After the sanity checks of the course CS231n, Stanford University, "Neural Networks Part 3: Learning and Evaluation".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...waiting import each
from ..network import Network
from .finding import Finding

NEAR = 0.7  # of a weighted loss, from what even answers cost
EXACT = 1e-4  # relative, in float64: what a gradient and a difference may be apart where a maximum changes sides
STEPS = (1e-6, 1e-5, 1e-7)


def initial_loss(net: Network, x: Any, y: Any) -> Finding:
    """The loss of the first weights against that of answers which prefer nothing."""
    name, loss = "initial loss", float(net.loss_and_gradients(x, y)[0])
    outputs = {public: net.graph.values[v].type for public, v in net.graph.outputs}
    even = [t.loss.uninformed(outputs[t.output]) for t in net.recipe.need_terms()]
    numbers = {"loss": loss}
    if any(e is None for e in even):
        return Finding(name, None if np.isfinite(loss) else False, f"{loss:.4g}; what an untrained network should have is not "
                       f"known of {', '.join(dict.fromkeys(t.loss.name for t in net.recipe.terms))}", "", numbers)
    expected = sum(t.weight * (e or 0.0) for t, e in zip(net.recipe.terms, even))
    said = f"{loss:.4g}; answers that prefer nothing have {expected:.4g}"
    numbers |= {"expected": expected}
    if net.step:
        return Finding(name, loss < expected, f"{said}; the network has taken {net.step} steps", "" if loss < expected
                       else "it has learnt nothing that holds for these examples", numbers)
    if loss > expected + NEAR * max(1.0, sum(t.weight for t in net.recipe.terms)):
        return Finding(name, False, said, "the first weights prefer some classes strongly: smaller ones in the last step "
                       "(init=\"gaussian 0.01\"), inputs of mean 0 and deviation 1 (prepare standardise), or a normalisation",
                       numbers)
    if loss < expected - NEAR:
        return Finding(name, False, said, "less than knowing nothing: does the input hold the answer?", numbers)
    return Finding(name, True, said, "", numbers)


def penalty(net: Network, x: Any, y: Any) -> Finding:
    """What is minimised, loss and penalty together, has to rise with the penalty's factor."""
    name, recipe = "penalty", net.recipe
    decay = recipe.l2 + float(getattr(recipe.need_optimiser(), "decay", 0.0) or 0.0)
    weights = [net.parameters[p.name] for p in net.graph.parameters if p.trainable and p.kind in ("weight", "slope")]
    squares = sum(float(np.square(w, dtype=np.float64).sum()) for w in weights)
    sizes = sum(float(np.abs(w).sum(dtype=np.float64)) for w in weights)
    loss = float(net.loss_and_gradients(x, y)[0])
    if not decay and not recipe.l1:
        return Finding(name, None, "there is none", "a network that learns its examples by heart generalises better with one:  "
                       "decay=1e-4 of the optimiser, or  regularise l2 1e-4", {"loss": loss})
    at = [loss + factor * (0.5 * decay * squares + recipe.l1 * sizes) for factor in (1, 100)]
    rises = loss < at[0] < at[1]
    small = at[0] - loss > max(1.0, loss)
    return Finding(name, rises and not small, f"loss {loss:.4g}, with its penalty {at[0]:.4g}, with a hundred times as much {at[1]:.4g}",
                   "the penalty outweighs the loss: a smaller factor" if small else "" if rises else "no weight is penalised",
                   {"loss": loss, "with_penalty": at[0], "hundredfold": at[1]})


def gradient(net: Network, x: Any, y: Any) -> Finding:
    """The slope of the loss along the gradient of each parameter, against differences of the loss itself, in float64."""
    exact = Network(net.graph, net.device, "float64", net.seed, net.recipe, net.state.origin)
    exact.set_parameters({k: np.asarray(v) for values in (net.parameters, net.buffers) for k, v in values.items()})
    _, grads = exact.loss_and_gradients(x, y, draw=0)
    worst, where = 0.0, ""
    for k, g in each("differences in parameter", grads.items(), len(grads)):
        norm = float(np.sqrt(np.square(g).sum()))
        if not norm:
            continue
        before, direction, best = exact.parameters[k].copy(), g / norm, np.inf
        for h in STEPS:
            exact.parameters[k] = before + h * direction
            above = exact.loss_and_gradients(x, y, draw=0)[0]
            exact.parameters[k] = before - h * direction
            best = min(best, abs((above - exact.loss_and_gradients(x, y, draw=0)[0]) / (2 * h) - norm) / norm)
            if best <= EXACT:
                break
        exact.parameters[k] = before
        if best > worst:
            worst, where = best, k
    return Finding("gradients", worst <= 100 * EXACT, f"differ from finite differences by {worst:.1e} at most, relatively"
                   + (f" ({where})" if where else ""), "" if worst <= 100 * EXACT else "netspec verify  looks closer",
                   {"worst": worst, "parameter": where})


