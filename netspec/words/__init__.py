"""What a word of the language is (`word.py`), where words are found (`registry.py`), and what a word of each sort is: a file
for each of layer, loss, optimiser, schedule, metric, preparation, augmentation and data set. The words themselves stand in
folders of one sort each beside this one, a file a word."""

from .faults import WordError, WordFault
from .registry import Registry
from .word import (
    REQUIRED,
    Argument,
    Kind,
    Word,
    arguments,
    count,
    flag,
    listing,
    number,
    padding,
    rate,
    ref,
    size,
    spelled,
    text,
    value,
    word,
)

__all__ = ["REQUIRED", "Argument", "Kind", "Registry", "Word", "WordError", "WordFault", "arguments", "count", "flag", "listing", "number",
           "padding", "rate", "ref", "size", "spelled", "text", "value", "word"]
