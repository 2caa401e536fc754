"""netspec: write a convolutional network as a page of text; check, draw, count, compile and train it.

    net = netspec.compile("specs/lenet.net", "lenet5")
    net.fit(x, y, epochs=10)

What is below is imported when it is first used: `import netspec` alone loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from . import data, look
    from .compiler import Spec, average, compare, compile, diff, import_onnx, load, load_graph
    from .diagnostics import MissingFileError, NetspecError, SpecError, UsageError
    from .estimators import NetClassifier, NetRegressor
    from .runtime.means.ensemble import Ensemble
    from .runtime.network import Network
    from .runtime.train.callbacks import Callback
    from .runtime.train.history import History
    from .searching.study import search

_WHERE = {
    "average": "compiler", "compare": "compiler", "compile": "compiler", "diff": "compiler", "import_onnx": "compiler", "load": "compiler", "load_graph": "compiler", "Spec": "compiler",
    "Callback": "runtime.train.callbacks", "Ensemble": "runtime.means.ensemble", "Network": "runtime.network",
    "History": "runtime.train.history", "search": "searching.study", "NetClassifier": "estimators", "NetRegressor": "estimators",
    "NetspecError": "diagnostics", "SpecError": "diagnostics", "MissingFileError": "diagnostics", "UsageError": "diagnostics",
}

__all__ = ["Callback", "Ensemble", "History", "MissingFileError", "NetClassifier", "NetRegressor", "NetspecError", "Network",
           "Spec", "SpecError", "UsageError", "average", "compare", "compile", "data", "diff", "import_onnx", "load", "load_graph", "look", "search"]


def __getattr__(name: str) -> Any:
    if name in ("data", "look"):
        return import_module(f"netspec.{name}")
    if name in _WHERE:
        return getattr(import_module(f"netspec.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'netspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
