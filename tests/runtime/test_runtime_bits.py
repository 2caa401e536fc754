"""The same bits on any number of threads; every refusal of the runtime is catalogued; what docs/training.md says is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from where import ROOT

TRAIN = """
import hashlib, sys
import netspec
from netspec.runtime.train.session import set_threads
set_threads("cpu", int(sys.argv[1]))
(x, y), (xt, yt) = netspec.data.digits()
net = netspec.compile("specs/digits.net", seed=3)
history = net.fit(x[:200], y[:200], epochs=2, batch=33, validation=(xt[:50], yt[:50]), verbose=0)
h = hashlib.sha256(repr([history[k] for k in history if k != "seconds"]).encode())
for values in (net.parameters, net.buffers):
    for name in values:
        h.update(values[name].tobytes())
h.update(net.predict(xt).tobytes())
print(h.hexdigest())
"""


def bits(threads: int) -> str:
    done = subprocess.run([sys.executable, "-c", TRAIN, str(threads)], cwd=ROOT, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_bits_on_any_number_of_threads() -> None:
    one = bits(1)
    assert len(one.strip()) == 64
    assert bits(8) == one


@pytest.mark.sweep  # test_docs.py runs the other pages
def test_the_python_of_the_training_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks), "training.md", "exec"), {"__name__": "training"})
