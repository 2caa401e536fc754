"""What a graph is asked by way of networkx, against walks by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netspec.ir.expressions import times
from netspec.ir.formula import Access, Axis, Formula, Pieces, written
from netspec.ir.graph import Graph, Input, Node, Parameter, Value
from netspec.ir.types import TensorType
from small import Net


def skipping() -> Graph:
    net = Net({"x": (4, 6, 6)})
    a = net("conv 4 3x3")
    net("relu")
    net("conv 4 3x3")
    net(f"add @{a}")
    net("tanh")
    return net.graph()


def reached(graph: Graph, start: str, without: str = "") -> set[str]:
    """The nodes that are made from a value, if no way goes through `without`."""
    seen = {start}
    for n in graph.nodes:
        if n.name != without and any(graph.maker[i].name in seen for i in n.inputs):
            seen.add(n.name)
    return seen - {start}


def test_ancestors_and_descendants_are_what_a_walk_finds() -> None:
    graph = skipping()
    for v in graph.values:
        below = reached(graph, v)
        assert graph.descendants(v) == below
        assert all((v in graph.ancestors(w)) == (w in below) for w in graph.values if w != v)


def test_a_dominator_is_the_last_node_that_every_way_goes_through() -> None:
    graph = skipping()
    found = graph.dominators("x")
    assert found["add1"] == "conv1"  # where the skip begins: it jumps over the relu and the second convolution
    for node, d in found.items():
        assert d == "x" or node not in reached(graph, "x", without=d)
    assert set(found) == graph.descendants("x")


def test_the_graph_of_networkx_is_frozen_and_in_order() -> None:
    import networkx

    graph = skipping()
    assert list(networkx.topological_sort(graph.nx)) and networkx.is_directed_acyclic_graph(graph.nx)
    assert list(graph.nx) == [n.name for n in graph.nodes]
    with pytest.raises(networkx.NetworkXError):
        graph.nx.add_node("more")


def test_a_formula_is_edited_by_its_parts() -> None:
    f = Formula("s[c] += x[n,c,2*h+u] * exp(x[n,c,2*h+u])", (("u", 2), ("h", 3)))
    n, c = Axis.of("n"), Axis.of("c")
    assert str(f.writing(Access("each", (n, c)))) == "each[n,c] += x[n,c,2*h+u] * exp(x[n,c,2*h+u]); u < 2; h < 3"
    assert written(f.reading([Access("y", (n,)), Access("z", (c,))])) == "y[n] * exp(z[c])"
    assert written(f.right) == "x[n,c,2*h+u] * exp(x[n,c,2*h+u])"  # what an edit is made from stays as it was
    made = Formula.of(Access.at("y", "n"), how="+=", right=times(f.right, Access.at("z", "c").tree), over=f.over[:1])
    assert str(made) == "y[n] += x[n,c,2*h+u] * exp(x[n,c,2*h+u]) * z[c]; u < 2"
    m = Formula("y[n,c] max= x[n,c,h]")
    assert m.writing(m.target, Access("i", m.target.axes)).text == "y[n,c], i[n,c] max= x[n,c,h]"
    with pytest.raises(ValueError, match="zip"):
        f.reading([])


FOUR, FIVE = TensorType((4,)), TensorType((5,))
X, Z = (Node(name, Input(), (), (Value(name, t),)) for name, t in (("x", FOUR), ("z", FIVE)))
COPY = Formula("y[n,c] = x[n,c]")
Y = Node("y", COPY, ("x",), (Value("y", FOUR),))
SOUND = Graph("sound", (X, Z, Y), (("out", "y"),))


@pytest.mark.parametrize(("graph", "said"), [
    (SOUND.with_nodes((X, replace(Y, results=()))), "must have its name"),
    (SOUND.with_nodes((X, replace(Y, results=(Value("other", FOUR), Value("y", FOUR))))), "must have its name"),
    (SOUND.with_nodes((Y, X)), "%y reads %x, which is not defined above it"),
    (SOUND.with_nodes((X, X, Y)), "%x is defined twice"),
    (SOUND.with_nodes((X, replace(Y, effect="w"))), "%y overwrites %w, which does not exist"),
    (SOUND.with_nodes((X, replace(Y, results=(Value("y", FIVE),)))), "index `c` is 4 in `x` and 5 in `y`"),
    (SOUND.with_nodes((X, replace(Y, results=(Value("y", TensorType((4, 1))),)))), "reads 2 axes of it"),
    # the second node has the formula of the first, and agrees with it on nothing else
    (SOUND.with_nodes((X, Z, Y, Node("y2", COPY, ("z",), (Value("y2", FOUR),)))), "index `c` is 5 in `x` and 4 in `y`"),
    (SOUND.with_nodes((X, Z, Y, Node("y2", COPY, ("x",), (Value("y2", FIVE),)))), "index `c` is 4 in `x` and 5 in `y`"),
    (SOUND.with_nodes((X, Z, replace(Y, op=Pieces((COPY, Formula("y[n,c+4] = x[n,c] * z[n,c]"))), inputs=("x", "z")))),
     "index `c` is 4 in `x` and 5 in `z`"),
    (replace(SOUND, outputs=(("out", "q"),)), "output %q does not exist"),
    (replace(SOUND, gradients=(("x", "q"),)), "output %q does not exist"),
    (replace(SOUND, prepared=replace(SOUND, outputs=(("out", "q"),))), "output %q does not exist"),
])
def test_verify_refuses_what_is_no_graph(graph: Graph, said: str) -> None:
    with pytest.raises((AssertionError, ValueError), match=said):
        graph.verify()


def test_verify_returns_what_is_one() -> None:
    w = Parameter("w", (4,), "buffer")
    written = SOUND.with_nodes((Node("w", w, (), (Value("w", w.type),)), X, replace(Y, effect="w")))
    within = SOUND.with_nodes((X, replace(Y, parameters=(w,), effect="w")))  # of a layer's parameters
    for graph in (SOUND, written, within, replace(SOUND, prepared=written)):
        assert graph.verify() is graph
