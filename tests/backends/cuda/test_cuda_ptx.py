"""Kernels for CUDA compiled to PTX, which needs no GPU: what the emulator runs is what Numba takes. Runs where `numba-cuda` is
installed with NVIDIA's compiler: pip install "numba-cuda[cu13]"."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import netspec
from netspec.backends.cuda.body import Kernel
from netspec.backends.cuda.device import function_of
from netspec.backends.cuda.plan import plan, store_places
from netspec.backends.cuda.update import update_text
from netspec.cache_folder import SEAL
from netspec.ir.graph import Graph
from netspec.passes import run
from netspec.passes.differentiate import training_program
from netspec.passes.infer_shapes import infer_shapes
from netspec.passes.lower import lower
from netspec.passes.objective import update_program
from netspec.runtime.train.recipe import recipe_of
from netspec.words.optimiser import OPTIMISERS

pytest.importorskip("numba_cuda")
pytestmark = pytest.mark.ptx

MIXED = """net mixed:
  input 3x12x12
  conv 16 3x3 bn relu
  residual:
    conv 16 3x3 groups=4 bn relu
    conv 16 3x3 groups=16 bn
  p: maxpool 2
  conv 24 3x3 /2 leaky
  deconv 16 2x2 /2 weight_norm -> dropout 0.2
  concat:
    | conv 8 1x1 sigmoid
    | avgpool 3 /1 same -> lrn 3 -> gelu
  instance_norm
  fc 5 weight_norm

train mixed:
  loss cross_entropy
  sgd lr=0.1
"""


def kernels(graph: Graph, training: bool) -> list[Kernel]:
    graph = run(graph, (infer_shapes(),))
    program = training_program(graph, recipe_of(graph).terms) if training else lower(False)(graph)
    made = plan(program, store_places(graph)[0])
    return list({k.name: k for k in (*made.kernels, *made.effects)}.values())


def ptx(k: Kernel, dtype: str, cc: tuple[int, int]) -> str:
    from numba import cuda, types

    f = types.Array(getattr(types, dtype), 1, "C")
    arguments = (f, f, f, f, types.Array(types.int64, 1, "C"), types.int64, *(types.int64 for _ in k.begins))
    text, _ = cuda.compile_ptx(function_of(k.text, k.name, dtype), types.void(*arguments), cc=cc)
    return str(text)


@pytest.mark.parametrize("which", ["lenet", "mixed", "prediction"])
def test_every_kernel_compiles(which: str) -> None:
    """Nothing is kept in local memory, and nothing but sums over many terms is computed in double precision."""
    spec = netspec.load_graph("specs/lenet.net") if which == "lenet" else netspec.load_graph(text=MIXED)
    for k in kernels(spec.graph, which != "prediction"):
        text = ptx(k, "float32", (9, 0))
        assert ".entry" in text
        assert "__local_depot" not in text, k.text
        assert k.name.startswith("sum") or not re.search(r"\b(?:add|sub|mul|fma|div|cvt)\.[\w.]*f64", text), k.text


def test_other_devices_and_double_precision() -> None:
    spec = netspec.load_graph(text=MIXED)
    for k in kernels(spec.graph, True)[::6]:
        assert ".target sm_80" in ptx(k, "float32", (8, 0))
        assert ".target sm_90" in ptx(k, "float64", (9, 0))


@pytest.mark.parametrize("name", [n for n, cls in OPTIMISERS.items() if not cls.host])
def test_update_rules_compile(name: str) -> None:
    from numba import cuda, types

    rule = OPTIMISERS[name]()
    program, outs = update_program(rule, 1, True)
    vectors = ("weights", "gradients", *rule.state)
    numbers = [n.name for n in program.nodes if str(n.op) == "scalar"]
    f = types.float32[::1]
    text, _ = cuda.compile_ptx(function_of(update_text(program, outs, vectors, numbers), "update", "float32"),
                               types.void(*(f for _ in vectors), f, types.int64, types.int64), cc=(9, 0))
    assert not re.search(r"\b(?:add|sub|mul|fma|div|cvt)\.[\w.]*f64", text)


KEPT = """
import hashlib, sys, types as plain
hash_of = lambda text: hashlib.sha256(text.encode()).hexdigest()
import numba.cuda.cudadrv.devices as devices
import numba.cuda.dispatcher as dispatcher
from numba import types
found = plain.SimpleNamespace(compute_capability=(9, 0), id=0)
for m in [m for k, m in list(sys.modules.items()) if k.startswith(("numba.cuda", "numba_cuda")) and hasattr(m, "get_current_device")]:
    m.get_current_device = lambda: found
devices.get_context = lambda *a: plain.SimpleNamespace(device=found)
def linked(self):  # loading is all that needs a driver; to link needs one too with the CUDA that comes with Numba
    if hasattr(self._codelibrary, "_linkerinfo_cache") and "numba_cuda" in dispatcher.__file__:
        self._codelibrary.get_cubin()
dispatcher._Kernel.bind = linked
import pickle
def refused(*_, **__):
    raise AssertionError("unpickled")
for m in [pickle, *(m for k, m in list(sys.modules.items()) if "pickle" in k)]:
    for name in ("loads", "load", "Unpickler", "_loads"):
        if hasattr(m, name):
            setattr(m, name, refused)
from netspec.backends.cuda.device import compiled
text = "def twice(a, at0):\\n    i = cuda.grid(1)\\n    if i < 8:\\n        a[at0 + i] = a[at0 + i] * F(2.0)\\n"
kernel = compiled(text, "twice", sys.argv[1])
made = kernel.compile((getattr(types, sys.argv[1])[::1], types.int64))
linked(made)  # the code that a kernel is made of anew is whole
library = made._codelibrary
print(made.entry_name, made.argument_types, made.cooperative, library._entry_name, hash_of(str(library.get_asm_str())),
      *(hash_of(str(getattr(c, "code", c))) for c in library._cubin_cache.values()))
print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""


def test_what_was_compiled_is_kept(tmp_path: Path) -> None:
    """A second process compiles nothing, and has the same kernel; another dtype is another kernel. An entry is JSON, and
    nothing is unpickled. Numba's own files are neither read nor written."""
    env = {**os.environ, "NETSPEC_CACHE": str(tmp_path / "c"), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}

    def counts(dtype: str) -> tuple[str, str]:
        done = subprocess.run([sys.executable, "-c", KEPT, dtype], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        kernel, counted = done.stdout.strip().splitlines()
        return kernel, counted

    (made, first), (again, second), (_, other) = counts("float32"), counts("float32"), counts("float64")
    assert [first, second, other] == ["0 1", "1 0", "0 1"]
    assert made == again
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".nbi", ".nbc")]
    entries = list((tmp_path / "c" / "cuda").glob("*.kernel"))
    assert len(entries) == 2
    for entry in entries:
        data = entry.read_bytes()[SEAL:]
        assert isinstance(json.loads(zlib.decompress(data)), list)
        entry.write_bytes(bytes(SEAL) + data)  # without the seal
    assert counts("float32") == (made, "0 1")
