"""What a file that was written here calls its layers: nodes have the names of the graph, parameters those of the layers that own
them."""

from __future__ import annotations

from ..meet import Layers, Piece

Name = tuple[str, ...]  # scopes, and what a layer is called in the last one


def own_names(g: Layers) -> dict[str, Name]:
    """The name of each layer, by the value it makes. What runs again with the weights of another part has the names of that."""
    names, moved = {p.output: name_of(p) for p in g.pieces}, again(g)
    for v, name in names.items() if moved else ():
        found = next((name[:k] for k in range(len(name), 0, -1) if name[:k] in moved), None)
        if found is not None:
            names[v] = (*moved[found], *name[len(found):])
    return names


def again(g: Layers) -> dict[Name, Name]:
    """The parts that run with the weights of another part, and which that is."""
    moved: dict[Name, Name] = {}
    for p in g.pieces:
        here = name_of(p)
        owners = {tuple(c.split(".")[:-1]) for c in p.shared if c.rpartition(".")[2] in p.arrays}
        if len(owners) == 1 and (owner := owners.pop()) != here:
            while len(here) > 1 and len(owner) > 1 and here[-1] == owner[-1]:
                here, owner = here[:-1], owner[:-1]
            moved[here] = owner
    return moved


def name_of(p: Piece) -> Name:
    """The name of the layer that a node is of: the last node of a layer has that itself, those before it stand below."""
    return tuple(p.path.partition("/")[0].split("."))
