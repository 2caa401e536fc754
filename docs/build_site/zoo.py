"""Measure the specs that come with netspec for the charts of `netspec compare`:  python docs/build_site/zoo.py"""

import csv

from netspec.views.comparisons.zoo import FILE, HEADS, measured

if __name__ == "__main__":
    with FILE.open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(HEADS)
        out.writerows((c.name, c.file, c.input, c.parameters, c.macs, c.memory, c.steps) for c in measured())
