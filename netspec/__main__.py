"""`python -m netspec` is the command line.

Python puts the current folder first on the path for it, which `netspec` and `python -P -m netspec` do not; here it is
moved behind all others, so that a numpy.py of a folder somebody gave you is not what is imported for NumPy.
"""

import os
import sys

if not sys.flags.safe_path and sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    sys.path.append(sys.path.pop(0))

from netspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
