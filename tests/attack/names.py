"""File names: of specs, pictures, modules, checkpoints, weights and data, with everything that a name may and may not hold."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import netspec
from netspec.diagnostics import render
from netspec.elaborate.check import check_module
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse_recovering

NET = "net a:\n  input 4\n  fc 3\n"
PARTS = ("a", ".net", "\n", "\r", "\x1b[31m", '"', "'", "\\", " ", "é", "\u202e", "\x00", "\udcff", "..", "/", "~", "$HOME",
         "`id`", "%s", "{x}", "#", ":", "*", "q" * 300, "-", "\x07",
         '"""', "\nimport os\n", "<script>", "&lt;", "]]>", ".svg", ".dot", ".safetensors", "/dev/null", "/dev/full",
         "/proc/self/mem", "/etc/shadow", "", ".npz")


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    name = "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 4)))
    try:
        if rng.random() < 0.7 and name:
            target = place / "in" / name.lstrip("/").replace("..", "_")
            target.parent.mkdir(parents=True, exist_ok=True)
            kind = rng.choice(("spec", "spec", "spec", "folder", "fifo", "link"))
            if kind == "spec":
                target.write_text(NET)
            elif kind == "folder":
                target.mkdir()
            elif kind == "fifo":
                os.mkfifo(target)
            else:
                target.symlink_to(rng.choice(("nowhere", "/dev/zero", str(target))))
            name = str(target)
    except (OSError, ValueError):
        pass
    use = rng.choice(("check", "compile", "show", "draw", "save", "load", "import", "weights", "data"))
    if use in ("draw", "save"):
        name = below(place, name)
    return f"{use} {name!r}", lambda: used(use, name, place)


def below(place: Path, name: str) -> str:
    """The name of something that is written: in the folder of the case whatever it says, since whoever runs this may be root."""
    return name if name.startswith(f"{place}/") else str(place / "_") + name.replace("..", "_")


def used(use: str, name: Any, place: Path) -> None:
    quoted = Path(name).name if name else name
    match use:
        case "check":
            for d in check_module(*parse_recovering(read_source(name))):
                assert "\x1b" not in render(d)
        case "compile":
            netspec.compile(name).predict(np.ones((2, 4)))
        case "show":
            from netspec.runtime.standalone.emit import standalone

            text = standalone(netspec.load_graph(name).graph)
            compile(text, "emitted", "exec")
        case "draw":
            netspec.load_graph(text=NET).draw(name)
        case "save":
            netspec.compile(text=NET).save(name)
        case "load":
            netspec.compile(text=NET).load(name)
        case "import" | "weights" | "data":
            inside = place / "in" if (place / "in").is_dir() else place
            line = {"import": f'import a from "{quoted}"\nnet b = a\n',
                    "weights": f'block c:\n  fc 3\nnet b:\n  input 4\n  c weights="{quoted}"\n',
                    "data": f'{NET}train a:\n  data "{quoted}"\n  loss cross_entropy\n  sgd lr=0.1\n  epochs 1\n'}[use]
            spec = inside / "spec.net"
            spec.write_text(line, errors="surrogateescape")
            net = netspec.compile(spec)
            if use == "data":
                from netspec.runtime.train.session import train

                train(net, out=place / "w.safetensors", quiet=True)
