"""Messages that once misled, and what they say now; where a hint can be pasted, `test_hints.py` pastes its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_hints import findings, mended

import netspec
from netspec.cli import main
from netspec.diagnostics import NetspecError, near

HEAD = "net a:\n  input 3x32x32\n"


def only(body: str) -> Any:
    (found,) = [d for d in findings(HEAD + body) if d.severity == "error"]
    return found


def refused(call: Any) -> str:
    with pytest.raises(NetspecError) as e:
        call()
    return str(e.value)


@pytest.mark.parametrize(("body", "hint"), [
    ("  default leaky 0.1\n  leaky\n", "default leaky slope=0.1"),
    ("  default maxpool 3\n  maxpool\n", "default maxpool window=3"),
    ("  a: conv 4 3x3\n  avgpool global\n  add @a\n", "up @a -> add @a"),
    ("  a: conv 4 3x3\n  conv 8 3x3\n  avgpool global -> s: conv 4 1x1\n  @a -> mul @s\n", "@s -> up @a -> mul @a"),
    ("  a: conv 4 3x3\n  conv 8 3x3 /2 -> add @a\n", "up @a -> conv 4 1x1 linear -> add @a"),
    ("  a: conv 4 3x3\n  maxpool 2 -> conv 4 3x3\n  concat @a\n", "up @a -> concat @a"),
    ("  a: conv 4 3x3\n  conv 4 5x5 valid -> concat @a\n", "`crop` cuts all to the smallest:  concat @a crop"),
    ("  t: conv 4 3x3\n  conv 1 1x1 -> sigmoid -> add @t\n", "conv 4 1x1 values=1 bias=no -> add @t"),
    ("  t: conv 4 3x3\n  m: conv 1 1x1\n  @t -> add @m\n", "@m -> conv 4 1x1 values=1 bias=no -> add @t"),
    ("  conv 8 3x3 lrr=0.1\n", "did you mean `lr`?"), ("  conv 8 3x3 deccay=0\n", "did you mean `decay`?"),
    ("  conv 8 3x3 weight_init=he\n", "did you mean `init`?"),
    ("  conv 8 3x3 padding=1\n", "did you mean `pad`?"), ("  conv 8 3x3 colour=1\n", "conv 8 3x3"),
    ("  conv 8 3x3 relu tanh\n", "conv 8 3x3 relu"),
    ("  conv 8 3x3 silu\n", "did you mean `swish`?"), ("  conv 8 3x3 batch_norm relu\n", "did you mean `bn`?"),
    ("  fc 8 LeakyReLU\n", "did you mean `leaky`?"),
    ("  conv 8 3x3 pad 3\n", "conv 8 3x3 pad=3"), ("  conv 64 7 x 7 /2\n", "conv 64 7x7 /2"), ("  maxpool 64\n", "maxpool 32"),
    ("  concat:\n    conv 8 1x1\n    | conv 8 3x3\n    | conv 8 5x5\n    | conv 8 7x7\n    | conv 8 9x9\n    | conv 8 1x1\n",
     "| conv 8 1x1"),
    ("  concat:\n    | conv 8 1x1\n    conv 8 3x3\n    conv 8 5x5\n    conv 8 7x7\n", "| conv 8 3x3\n| conv 8 5x5\n| conv 8 7x7"),
])
def test_a_hint_says_what_was_meant(body: str, hint: str) -> None:
    d = only(body)
    assert d.hint == hint
    code = hint.removeprefix("did you mean `").removesuffix("`?").rpartition("smallest:  ")[2]
    assert mended(HEAD + body, d, code, hint.startswith("did you mean"))


@pytest.mark.parametrize(("line", "hint"),
                         [("loss mse_loss", "did you mean `mse`?"), ("loss ce", "did you mean `cross_entropy`?"),
                          ("loss L1Loss", "did you mean `l1`?"),
                                            ("loss HingeLoss", "did you mean `hinge`?"),
                                            ("loss nll_loss", "did you mean `nll`?")])
def test_losses_as_others_call_them(line: str, hint: str) -> None:
    (found,) = [d for d in findings(f"{HEAD}  fc 3\ntrain a:\n  {line}\n  adam\n") if d.severity == "error"]
    assert found.hint == hint


def test_what_stands_in_a_train_section_and_holds_nothing_is_said() -> None:
    text = HEAD + "  fc 3\ntrain a:\n  loss cross_entropy\n  lr = 0.5\n  n = 3\n  adam\n"
    said = [(d.code, d.title, d.notes) for d in findings(text)]
    assert said == [("unused", "the constant `lr` is never used", ("in the line of the optimiser:  lr=0.5",)),
                    ("unused", "the constant `n` is never used", ())]
    assert findings(text.replace("adam", "adam lr=lr").replace("n = 3", "epochs 3")) == []
    assert findings(text.replace("lr = 0.5\n  n = 3", "seed 3")) == []


def test_a_device_and_a_size_are_said_where_they_can_be() -> None:
    assert "did you mean cuda?" in refused(lambda: netspec.compile(text=HEAD + "  fc 3\n", device="gpu"))
    assert "did you mean cuda?" in refused(lambda: netspec.compile(text=HEAD + "  fc 3\n", device="cuda:0"))
    net = netspec.compile(text=HEAD + "  fc 3\n", device="reference")
    assert "--input 3x8x9   or   compile(..., input=(3, 8, 9))" in refused(lambda: net.predict(np.zeros((2, 3, 8, 9))))
    assert "text=..." in refused(lambda: netspec.compile(HEAD + "  fc 3\n"))


def test_the_options_of_a_layer_are_all_listed() -> None:
    (notes,) = only("  conv 8 3x3 colour=1\n").notes
    assert all(f" {name}" in notes for name in ("groups", "lr", "decay", "init", "bias_init"))
    assert "lr" not in only("  maxpool 2 colour=1\n").notes[0].replace(",", " ").split()  # which learns nothing


def test_what_a_program_hands_in_is_named_for_what_it_is() -> None:
    net = netspec.compile(text=HEAD + "  fc 3\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n", device="reference")
    for name in ("metrics", "augment", "regularise", "initialise", "schedule", "optimiser", "loss"):
        said = refused(lambda name=name: net.configure(**{name: lambda z, t: z > t}))
        assert "a function is no" in said and "comparison" not in said and "hint: " in said and " at 0x" not in said
        if name == "loss":
            continue
        example = said.partition("hint: ")[2].strip()
        assert net.configure(**{example.partition("=")[0]: example.partition("=")[2].strip('"')}) is net
    for odd in (3, ["accuracy", 3], object()):
        assert "is no metric" in refused(lambda odd=odd: net.configure(metrics=odd))


def test_targets_are_called_as_their_outputs() -> None:
    text = (
        "net a:\n  input 4\n  output age: fc 1\n  output sex: fc 2\ntrain a:\n  loss mse @age\n  loss cross_entropy @sex\n  sgd lr=0.1\n")
    net, x = netspec.compile(text=text, device="reference"), np.zeros((6, 4))
    age, sex = np.zeros(6), np.zeros(6, int)
    for call in (lambda: net.fit(x, {"sex": sex}, verbose=0), lambda: net.train_step(x, {"sex": sex}),
                 lambda: net.evaluate(x, {"sex": sex}), lambda: net.fit(x, verbose=0, y=age)):
        said = refused(call)
        assert "target." not in said and 'hint: {"age": ..., "sex": ...}' in said
    assert "target `age` is not given" in refused(lambda: net.fit(x, {"sex": sex}))
    said = refused(lambda: net.fit(x, {"aeg": age, "sex": sex}))
    assert "target." not in said and 'did you mean "age"?' in said
    assert net.evaluate(x, {"age": age, "sex": sex})["loss"] > 0


@pytest.mark.parametrize(("shape", "given", "hint"),
                         [("3x8x6", (8, 6, 3), "x.transpose(2, 0, 1)[None]"), ("3x8x6", (5, 8, 6, 3), "x.transpose(0, 3, 1, 2)"),
                          ("1x8x6", (8, 6), "x[None, None]"),
                                                      ("3x8x6", (3, 8, 6), "x[None]"), ("1x8x6", (5, 8, 6), "x[:, None]"),
                                                      ("3x9", (9, 3), "x.transpose(1, 0)[None]")])
def test_the_hint_for_an_array_gives_one_that_fits(shape: str, given: tuple[int, ...], hint: str) -> None:
    net = netspec.compile(text=f"net a:\n  input {shape}\n  fc 2\n", device="reference")
    x = np.zeros(given)
    said = refused(lambda: net.predict(x))
    assert f"hint: {hint}  " in said
    assert net.predict(eval(hint, {"x": x})).shape[1:] == (2,)


def test_a_summary_shows_itself_in_one_line() -> None:
    spec = netspec.load_graph("resnet.net", "resnet50")
    assert repr(spec.summary()) == "Summary of resnet50: 175 nodes, 25,557,032 parameters"
    assert len(repr(spec.counts())) < 200 and "\n" not in repr(spec.counts())
    assert len(str(spec.summary())) > 5000 and "25,557,032" in str(spec.summary())


@pytest.mark.parametrize(("argv", "said"),
                         [(("trian", "x.net"), "did you mean `train`?"), (("sumary", "x.net"), "did you mean `summary`?"),
                          (("show", "grpah", "x.net"), "did you mean `graph`?"),
                                            (("train", "x.net", "--epoks", "3"), "did you mean `--epochs`?"),
                                            (("train", "x.net", "--device", "cpuu"), "did you mean `cpu`?"),
                                            (("format", "x.net"), "did you mean `fmt`?"),
                                            (("fit", "x.net"), "did you mean `train`?")])
def test_a_slip_on_the_command_line(argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        main(list(argv))
    assert e.value.code == 2 and said in capsys.readouterr().err


def test_emit_writes_python_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.net").write_text("net a:\n  input 4\n  fc 2\n")
    for name in ("x.onnx", "x", "x.safetensors", "x.PT"):
        assert main(["emit", "a.net", "-o", name]) == 2
        assert "hint: -o x.py" in capsys.readouterr().err and not Path(name).exists()
    assert main(["emit", "a.net", "-o", "x.py"]) == 0 and Path("x.py").read_text().startswith('"""')


def test_a_picture_goes_to_a_file_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text("net a:\n  input 4\n  fc 2\n")
    for name, hint in (("/dev/null", "-o net.svg"), (str(tmp_path), "-o net.svg"), ("x.jpg", "-o x.svg")):
        assert main(["draw", str(tmp_path / "a.net"), "-o", name]) == 2
        assert f"hint: {hint}\n" in capsys.readouterr().err


def test_a_name_is_taken_for_another_where_half_of_it_stays() -> None:
    assert [near(word, there) for word, there in (("q", ["x"]), ("q", ["xy"]), ("q", ["conv"]), ("x", ["xs"]), ("K", ["k"]),
                                                  ("fv", ["fc"]))] == [None, None, None, "xs", "k", "fc"]


def test_a_file_has_a_name() -> None:
    net = netspec.compile(text="net a:\n  input 4\n  fc 2\n", device="reference")
    for call in (net.load, net.save):
        assert "the name of the file is empty" in refused(lambda call=call: call(""))
