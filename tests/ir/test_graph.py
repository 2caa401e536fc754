"""What a graph is asked by way of networkx, against walks by hand."""

from __future__ import annotations

import pytest

from netspec.ir.expressions import times
from netspec.ir.formula import Access, Axis, Formula, written
from netspec.ir.graph import Graph
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
