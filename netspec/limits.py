"""How much of anything there may be: no network comes near these numbers, and a stranger's file that does costs no more than
them. Each is said in the message that refuses, listed in docs/limits.md, and tried by tests/documentation/test_limits.py.
"""

from __future__ import annotations

# ---- text
SPEC_BYTES = 4_000_000  # of a spec; it is a page of text
TOKENS = 150_000  # words, numbers and marks of a spec
FILES = 200  # that a spec imports, and those import
FILES_BYTES = 2 * SPEC_BYTES  # of a spec and all it imports
IMPORTED_DEPTH = 50  # files that import each other in a row
NAME = 255  # letters of a name, digits of a number
TEXT = 4_096  # letters of a text in quotes: a path
INDENTED = 64  # levels of bodies in bodies
NESTED = 64  # brackets in brackets, or bodies on one line
RANGE = 100_000  # numbers of `1..n`
NUMBER = 10**12  # of any size or count

# ---- what a net makes, or all nets of a file together
TURNS = 100_000  # of one loop
CALLED = 64  # blocks that call blocks
STEPS = 60_000  # calls and turns of loops
NODES = 60_000
EDGES = 400_000  # values that merges read
PATH = 1_000  # letters of a node's full name: stage1.unit2.conv1
VALUE = 2**40  # numbers in one value of one image, or in the weights of one layer

# ---- what is read
PIXELS = 178_956_970  # of a picture, as many as Pillow decodes: 13,000 x 13,000

# ---- what is said
MISTAKES = 200  # of a file; the rest is not read
WARNINGS = 100  # of a file; the others are counted
UNBROKEN = 300  # letters of a message without a blank
MESSAGE = 4_000  # letters of each part of a message

# ---- what is run
SEED = 2**64
TRIALS = 100_000  # of a search
COUNT = 10**9  # of a number given on a command line: epochs, samples of a batch, threads
