"""The gallery: a page for every file of specs/, with each of its nets drawn, counted and seen, and a page of them all.

    mkdocs build                                            makes it, with the rest of the site
    python docs/build_site/gallery.py FOLDER                writes its pages and pictures alone
    python docs/build_site/gallery.py --measure [FILE ...]  times a step of the first net of each file, anew

What is measured lies in seconds.json, with the machine that measured it; all else is made from the specs whenever the site is.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netspec
from netspec.diagnostics import NetspecError
from netspec.elaborate.nets import callable_nets
from netspec.ir.types import shape_text
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
FOLDER = "gallery"
SECONDS = Path(__file__).with_name("seconds.json")
OTHER = {"backprop": "backpropagation of one example, step by step"}  # a picture of its own
SMALL, LARGE = 5e8, 6e9  # MACs of one example: up to SMALL a batch of 8 is timed, up to LARGE one of 1


@dataclass(frozen=True)
class Shown:
    """A net of the gallery: what its page says, and its pictures by their names."""

    name: str
    facts: str
    table: str
    pictures: dict[str, str]


@dataclass(frozen=True)
class Family:
    """A file of specs/."""

    name: str
    about: str  # its first line
    text: str
    nets: tuple[Shown, ...]


def pages() -> Iterator[tuple[str, str]]:
    """(path in the site, text) of every page and every picture; the first is the list of them all."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        families = list(pool.map(family, sorted(SPECS.glob("*.net"))))
    yield f"{FOLDER}/index.md", index(families)
    for f in families:
        yield f"{FOLDER}/{f.name}.md", page(f)
        for net in f.nets:
            for name, svg in net.pictures.items():
                yield f"{FOLDER}/{place(f, net, name)}", svg


def names() -> list[str]:
    """The pages, in their order."""
    return [p.stem for p in sorted(SPECS.glob("*.net"))]


def family(path: Path) -> Family:
    """A file with all its nets that need no arguments."""
    text = path.read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    nets = tuple(shown(path, n.name) for n in callable_nets(parse(read_source(path))))
    return Family(path.stem, first.lstrip("# ") if first.startswith("#") else path.stem, text, nets)


def shown(path: Path, name: str) -> Shown:
    spec = netspec.load_graph(path, name)
    t = spec.counts().totals
    shapes = [", ".join(shape_text(s) for s in some.values()) for some in (spec.inputs, spec.outputs)]
    facts = [f"{shapes[0]} → {shapes[1]}", f"{t.trainable + t.frozen:,} parameters",
             *([f"{t.macs:,} MACs"] if t.macs else []), *timed(path.stem, name)]
    table = str(spec.summary()).replace(str(path), f"specs/{path.name}", 1)
    return Shown(name, " · ".join(facts), table, dict(pictures(spec, path, name)))


def pictures(spec: Any, path: Path, name: str) -> Iterator[tuple[str, str]]:
    """The drawing, the volumes where a figure of them can be made, and the field of a unit where one has any."""
    yield "drawing", spec._repr_svg_()
    for what, make in (("volume", lambda: spec.diagram(style="volume").svg), ("field", lambda: spec.field().svg)):
        try:
            yield what, make()
        except (NetspecError, AttributeError, TypeError):
            continue
    if path.stem == "backprop":
        yield "backprop", netspec.compile(path, name, device="reference").backprop([[1.0, -2.0]], [[1.0]]).svg


def timed(file: str, net: str) -> list[str]:
    """How long a step takes, where somebody has measured it."""
    found = measured()["steps"].get(f"{file}:{net}")
    return [f"{found['seconds']:.3g} s a step of {found['batch']} on one core"] if found else []


def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.exists() else {"machine": "", "steps": {}}
    return found


def place(f: Family, net: Shown, picture: str) -> str:
    return f"{f.name}-{net.name}-{picture}.svg"


def page(f: Family) -> str:
    """A file's page: its text, and each net below."""
    out = [f"# {f.name}", "", f.about, "", f"`specs/{f.name}.net`", "", "```net", f.text.rstrip("\n"), "```", ""]
    for net in f.nets:
        out += [f"## {net.name}", "", net.facts, ""]
        for picture in net.pictures:
            out += [f"![{WHAT[picture].format(net.name)}]({place(f, net, picture)}){{ .gallery-{picture} loading=lazy }}", ""]
        out += ['<details markdown><summary>Table</summary>', "", "```text", net.table.rstrip("\n"), "```", "", "</details>", ""]
    return "\n".join(out)


WHAT = {"drawing": "{} as netspec draws it", "volume": "{} as volumes", "field": "what a unit of {} sees",
        "backprop": "one example forward and backward through {}"}


def index(families: Sequence[Family]) -> str:
    """All files, a small picture of the first net of each."""
    machine = measured()["machine"]
    nets = sum(len(f.nets) for f in families)
    out = ["# Gallery", "", f"The {nets} nets that come with netspec, in {len(families)} files: the text, the drawing, the table and "
           "what a unit sees. All of it is made from the specs as this site is built"
           + (f"; the seconds of a training step were measured on {machine}." if machine else "."), "",
           '<div class="gallery" markdown>', ""]
    for f in families:
        net = f.nets[0]
        small = "volume" if "volume" in net.pictures else "drawing"
        out += [f"[![{WHAT[small].format(net.name)}]({place(f, net, small)}){{ .small-{small} loading=lazy }} **{f.name}** "
                f"{cell(f.about)}]({f.name}.md)", ""]
    return "\n".join([*out, "</div>", ""])


def cell(text: str) -> str:
    """Text within a link."""
    return re.sub(r"[*_<>\[\]|#`]", lambda m: f"&#{ord(m[0])};", text)


def measure(files: Sequence[str]) -> None:
    """Seconds of processor time that a training step takes with one thread, the least of three."""
    import numpy as np

    found = measured()
    for path in [SPECS / f"{f}.net" for f in files] or sorted(SPECS.glob("*.net")):
        name = next(iter(callable_nets(parse(read_source(path))))).name
        spec = netspec.load_graph(path, name)
        macs = spec.counts().totals.macs
        if macs is None or macs > LARGE or not any(p.trainable for p in spec.graph.parameters):
            continue
        batch = 8 if macs <= SMALL else 1
        output = next(iter(spec.outputs))
        net = netspec.compile(path, name).configure(loss=f"mse @{output}", optimiser="sgd lr=1e-6")
        types = {n.name: n.type for n in net.graph.inputs}
        x = {k: np.zeros((batch, *t.shape), np.float32) for k, t in types.items()}
        target = net.graph.values[dict(net.graph.outputs)[output]].type
        y = np.zeros((batch * max(1, target.batch), *target.shape), np.float32)
        times = []
        for _ in range(4):  # the first compiles
            begin = time.process_time()
            net.train_step(x, y)
            times.append(time.process_time() - begin)
        found["steps"][f"{path.stem}:{name}"] = {"batch": batch, "seconds": float(f"{min(times[1:]):.3g}")}
        found["machine"] = machine()
        SECONDS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{path.stem}:{name}  {min(times[1:]):.3g} s a step of {batch}", flush=True)


def machine() -> str:
    """The processor."""
    try:
        return "one core of " + re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1]  # type: ignore[index]
    except (OSError, TypeError):
        import platform

        return f"one core of {platform.processor() or platform.machine()}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2:])
    elif len(sys.argv) == 2:
        for name, text in pages():
            target = Path(sys.argv[1]) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    else:
        print(__doc__)
