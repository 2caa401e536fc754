"""What a command costs before it does anything: CPU seconds of whole processes, beside a Python that does nothing.

    python benchmarks/start_up.py [ROUNDS]

The processes take turns; figures are medians. tests/cli say which packages are not loaded, which is what it depends on.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMANDS = {"python": ("-c", "pass"), **{" ".join(argv): ("-m", "netspec", *argv) for argv in (
    ("--help",), ("check", "specs/lenet.net"), ("check", "specs/resnet.net"), ("summary", "specs/resnet.net:resnet50"))}}


def cpu(argv: tuple[str, ...]) -> float:
    """CPU seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *argv], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    found = [{name: cpu(argv) for name, argv in COMMANDS.items()} for _ in range(rounds)]
    for name in COMMANDS:
        print(f"{name:<36} {statistics.median(f[name] for f in found):.2f} s")


if __name__ == "__main__":
    main()
