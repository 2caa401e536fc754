"""What is searched, as it is written; and what is drawn of it."""

from __future__ import annotations

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics import NetspecError
from netspec.elaborate.train_line import train_line
from netspec.searching.draws import values
from netspec.searching.space import space


def test_a_value_takes_the_place_of_its_range() -> None:
    found = space(["adamw lr=log(1e-5..1e-1) decay=0..0.5 betas=[[0.9, 0.99], [0.8, 0.9]]", "batch 16..64",
                   "[sgd, adam] lr=[0.1, 1e-3]", 'data images "a[1]..2" size=[32]', "schedule [cosine, step every=2]", "keep best"],
                  {"width": "[0.5, 1, 2]", "deep": "2..5", "depths": "[[3, 4]]"})
    assert [(d.name, d.sort, d.whole) for d in found.dimensions] == [
        ("lr", "log", False), ("decay", "even", False), ("betas", "choice", False), ("batch", "even", True), ("line", "choice", False),
        ("[ lr", "choice", False), ("schedule", "choice", False), ("width", "choice", False), ("deep", "even", True)]


@pytest.mark.parametrize(("line", "title", "hint"), [
    ("adamw lr=log(1e-1..1e-5)", "a range begins with its lower end", "log(1e-5..1e-1)"),
    ("adamw lr=log(0..1)", "a logarithm is of numbers above 0", "log(0.0001..1)"),
    ("adamw lr=log(-1..1)", "a logarithm is of numbers above 0", "log(0.0001..1)"),
    ("adamw lr=log(0.1)", "log takes a range between two numbers", "lr=log(1e-5..1e-1)"),
    ("adamw lr=log(a..b)", "log takes a range between two numbers", "lr=log(1e-5..1e-1)"),
    ("adamw lr=log()", "log takes a range between two numbers", "lr=log(1e-5..1e-1)"),
    ("adamw lr=log(1e-5..1e-1", "log takes a range between two numbers", "lr=log(1e-5..1e-1)"),
    ("adamw lr=0.1..0.1", "the ends of this range are the same", "0.1"),
    ("adamw lr=..0.1", "a range stands between two numbers", "lr=log(1e-5..1e-1)   or   batch 16..64"),
    ("adamw lr=0.1..", "a range stands between two numbers", "lr=log(1e-5..1e-1)   or   batch 16..64"),
    ("batch 64..16", "a range begins with its lower end", "16..64"),
    ("batch 1..1e15", "an end of this range is too large", None),
    ("batch [32, 64", "this choice is never closed", "[32, 64]"),
    ("batch []", "there is nothing to choose from", "width=[0.5, 1, 2]"),
    ("batch [32, 64, 32]", "the choice has 32 twice", "[32, 64]"),
    ("adamw lr=[0.1, log(1e-5..1e-1)]", "a choice is between values, and this is a range", "the range by itself:  lr=log(1e-5..1e-1)"),
])
def test_what_is_no_range_is_refused_at_its_place(line: str, title: str, hint: str | None) -> None:
    for given_, where in ((lambda: space([line], {}), line), (lambda: space([], {"width": line}), f"width={line}")):
        with pytest.raises(NetspecError) as e:
            given_()
        [d] = e.value.diagnostics
        assert (d.title, d.hint, d.code) == (title, hint, "bad-range")
        assert d.span is not None and d.span.source.text == where and where[d.span.column - 1 :] != ""


numbers = st.floats(1e-8, 1e8).map(lambda v: float(f"{v:.3g}"))


@given(st.tuples(numbers, numbers).filter(lambda p: p[0] < p[1]), st.booleans(), st.integers(0, 2**63), st.integers(1, 10**6))
def test_what_is_drawn_lies_between_the_ends(ends: tuple[float, float], logarithmic: bool, seed: int, trial: int) -> None:
    low, high = (f"{v:.3e}" for v in ends)
    found = space([f"adamw lr={f'log({low}..{high})' if logarithmic else f'{low}..{high}'}"], {})
    drawn = values(found, seed, trial)
    assert ends[0] <= float(drawn["lr"]) <= ends[1]
    assert values(found, seed, trial) == drawn
    [line], _ = found.filled(drawn)
    assert line == f"adamw lr={drawn['lr']}"


def test_a_line_with_values_is_one_of_the_language() -> None:
    import netspec

    graph = netspec.load_graph(text="net a:\n  input 4\n  fc 2").graph
    found = space(["adamw lr=log(1e-5..1e-1) decay=log(1e-6..1e-2)", "batch 1..64"], {})
    for trial in range(1, 30):
        drawn = values(found, 0, trial)
        section = train_line("\n".join(found.filled(drawn)[0]), graph)
        assert (section.optimiser.lr, section.optimiser.decay, section.batch) == (  # type: ignore[union-attr]
            float(drawn["lr"]), float(drawn["decay"]), int(drawn["batch"]))


def test_draws_are_even_on_their_scale() -> None:
    """Of 1,000 draws each tenth of a range has about 100 (five deviations are 47), whole numbers and choices their share."""
    found = space(["adamw lr=log(1e-5..1e-1) decay=-1.0..1"], {"width": "[1, 2, 4]", "deep": "1..10", "channels": "log(1..1000)"})
    drawn = [values(found, 7, k) for k in range(1, 1001)]
    scaled = {"lr": lambda v: (log(float(v)) - log(1e-5)) / log(1e4), "decay": lambda v: (float(v) + 1) / 2}
    for name, scale in scaled.items():
        counts = Counter(min(9, int(10 * scale(d[name]))) for d in drawn)
        assert all(abs(counts[k] - 100) < 47 for k in range(10)), (name, counts)
    assert all(abs(n - 333) < 75 for n in Counter(d["width"] for d in drawn).values())
    assert all(abs(n - 100) < 47 for n in Counter(d["deep"] for d in drawn).values())
    assert set(Counter(d["deep"] for d in drawn)) == {str(k) for k in range(1, 11)}
    assert abs(sum(int(d["channels"]) <= 31 for d in drawn) - 1000 * log(63) / log(2001)) < 79
    pairs = Counter((float(d["lr"]) < 1e-3, float(d["decay"]) < 0) for d in drawn)
    assert all(abs(n - 250) < 68 for n in pairs.values()), "what one dimension draws says nothing about another"


def test_what_can_be_counted_is_gone_through_without_repeating() -> None:
    found = space(["batch [16, 32]"], {"width": "[1, 2, 4]", "deep": "3..4"})
    drawn = [tuple(values(found, 3, k).items()) for k in range(1, 25)]
    assert found.many == 12 and len(set(drawn[:12])) == 12 and drawn[12:] == drawn[:12]
    assert drawn[:12] != [tuple(values(found, 4, k).items()) for k in range(1, 13)]
