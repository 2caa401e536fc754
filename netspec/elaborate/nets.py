"""The nets of a file, and which of them is meant."""

from __future__ import annotations

from typing import NoReturn

from ..diagnostics import Advice, UsageError, near
from ..syntax import tree
from .model.files import Library, Macro


def is_net(macro: Macro) -> bool:
    return isinstance(macro.item, tree.Variant) or macro.item.kind == "net"


def callable_nets(module: tree.Module) -> list[tree.Definition | tree.Variant]:
    """The nets and variants that need no arguments, in the order of the file."""
    return [i for i in module.items if isinstance(i, (tree.Variant, tree.Definition))
            and (isinstance(i, tree.Variant) or i.kind == "net")
            and not any(p.default is None for p in i.params)]


def all_nets(module: tree.Module) -> list[tree.Definition | tree.Variant]:
    return [i for i in module.items if isinstance(i, tree.Variant) or (isinstance(i, tree.Definition) and i.kind == "net")]


def listed(module: tree.Module) -> tuple[str, ...]:
    return tuple(f"{i.name}" + (f"({', '.join(tree.source_text(p) for p in i.params)})" if i.params else "")
                 for i in all_nets(module))


def only_net(module: tree.Module) -> str:
    nets = callable_nets(module)
    if len(nets) == 1:
        return nets[0].name
    name = module.source.name
    if not all_nets(module):
        raise UsageError(f"{name} defines no net", hint="net lenet:\n  input 1x28x28\n  fc 10", code="no-net")
    if not nets:
        raise UsageError(f"every net of {name} needs arguments", *listed(module),
                         hint=Advice(f"define a variant:  net NAME = {all_nets(module)[0].name} ..."), code="which-net")
    raise UsageError(f"{name} defines {len(nets)} nets: say which", *(n.name for n in nets), hint=f"{name}:{nets[0].name}",
                     code="which-net")


def net_of(module: tree.Module, name: str) -> None:
    """Refuse a name that no net of the file has. Raises UsageError."""
    if not any(n.name == name for n in all_nets(module)):
        no_such_net(module, name, Library().add(module).definitions.get(name))


def no_such_net(module: tree.Module, name: str, macro: Macro | None) -> NoReturn:
    """Refuse a name, with what could have been meant."""
    if macro is not None:
        raise UsageError(f"`{name}` is a block, not a net", *listed(module), code="which-net")
    alike = near(name, [n.name for n in all_nets(module)])
    raise UsageError(f"{module.source.name} has no net called {name}", *listed(module), hint=f"did you mean {alike}?" if alike
                     else None, code="which-net")


def parameter_names(macro: Macro) -> set[str]:
    """The parameters of a net or a block; of a variant also those of whatever it is a variant of."""
    names: set[str] = set()
    seen: set[int] = set()
    at: Macro | None = macro
    while at is not None and at.file is not None and id(at) not in seen:
        seen.add(id(at))
        names |= {p.name for p in at.item.params}
        at = at.file.definitions.get(at.item.call.name) if isinstance(at.item, tree.Variant) else None
    return names
