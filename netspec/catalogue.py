"""Every code a diagnostic can have, explained: `netspec explain CODE`.

An entry says what is wrong, shows it, and shows it put right. Codes are stable: they may be matched by scripts.
"""

from __future__ import annotations

from textwrap import dedent


def _page(title: str, why: str, wrong: str = "", right: str = "") -> str:
    out = [title, "", *dedent(why).strip().splitlines()]
    for head, text in (("For example:", wrong), ("Put right:", right)):
        if text:
            out += ["", head, "", *("    " + line for line in dedent(text).strip("\n").splitlines())]
    return "\n".join(out) + "\n"


CATALOGUE: dict[str, str] = {
    # ---------------------------------------------------------------- reading
    "syntax": _page("A line cannot be read.", "One line is one statement, so the lines around it are read all the same.", "conv 64, 3x3", "conv 64 3x3"),
    "tab-indentation": _page("A line is indented with a tab.", "How wide a tab is differs from editor to editor, and indentation is structure. Use two spaces a level."),
    "unexpected-indent": _page("A line is indented and nothing above opens a body.", "A body follows a line that ends with a colon.", "conv 64 3x3\n  relu", "conv 64 3x3\nrelu"),
    "inconsistent-indent": _page("A line is indented to a depth that no line above has.", "Indent it as the lines of the body it belongs to.", "repeat 3:\n    conv 64 3x3\n  relu", "repeat 3:\n  conv 64 3x3\nrelu"),
    "missing-body": _page("A line opens a body, and nothing is indented under it.", "", "repeat 3:\nfc 10", "repeat 3:\n  conv 64 3x3\nfc 10"),
    "missing-colon": _page("A line that opens a body lacks its colon.", "", "repeat 3\n  conv 64 3x3", "repeat 3:\n  conv 64 3x3"),
    "missing-value": _page("Something is missing behind `=` or an operator.", "", "conv 64 3x3 pad=", "conv 64 3x3 pad=1"),
    "incomplete": _page("A word of the language stands without what follows it.", "", "repeat:\n  conv 64 3x3", "repeat 3:\n  conv 64 3x3"),
    "unclosed-bracket": _page("A bracket is never closed.", "The line is set aside; reading goes on at the next.", "for n in [64, 128: conv n 3x3", "for n in [64, 128]: conv n 3x3"),
    "unopened-bracket": _page("A bracket closes nothing.", "", "conv 64 3x3)", "conv 64 3x3"),
    "unclosed-text": _page("A text in quotes is never closed.", "", 'import vgg16 from "vgg.net', 'import vgg16 from "vgg.net"'),
    "reserved-word": _page("A word of the language is used as a name.", """
        Reserved are: import block net train default residual shortcut dense each frozen repeat for if elif else output
        input in as from upto and or not. After `@` and `.` every word is a name."""),
    "dense-is-fc": _page("`dense` is a densely connected body; a fully connected layer is `fc`.", "", "dense 10", "fc 10"),
    "branch-outside": _page("A line begins with `|` outside a merge.", "", "conv 64 1x1\n| conv 64 3x3", "concat:\n  | conv 64 1x1\n  | conv 64 3x3"),
    "branch-expected": _page("A line directly inside a merge does not begin with `|`.", "", "concat:\n  conv 64 1x1\n  conv 64 3x3", "concat:\n  | conv 64 1x1\n  | conv 64 3x3"),
    "else-without-if": _page("`else` or `elif` without an `if` of the same indentation right above it.", "", "repeat 3: if a: relu\nelse: tanh", "repeat 3:\n  if a: relu\n  else: tanh"),
    "shortcut-without-residual": _page("`shortcut` without a `residual` of the same indentation right above it.", "", "shortcut: conv 64 1x1", "residual: conv 64 3x3\nshortcut: conv 64 1x1"),
    "not-inside": _page("`block`, `net`, `train` and `import` stand at the left edge of a file.", "A body holds steps; a block is written beside the net and called in it.",
                        "net a:\n  input 784\n  block tail: fc 10\n  tail", "block tail: fc 10\n\nnet a:\n  input 784\n  tail"),
    "outside-net": _page("A step stands at the left edge, outside every net and block.", "", "net a:\n  input 784\nfc 10", "net a:\n  input 784\n  fc 10"),
    "too-deep": _page("Bodies or brackets are nested too deeply.", "Bodies may be nested 64 deep. Move an inner part into a block."),
    "too-long": _page("A name, a number, a text or a whole spec is longer than any that people write.", "docs/limits.md lists how much of anything there may be."),
    "too-many-warnings": _page("A file has so many warnings that the others are only counted.", "Put the first ones right and run the check again."),
    "too-many-mistakes": _page("A file has so many mistakes that the rest was not looked at.", "Put the first ones right and run the check again."),
    # ---------------------------------------------------------------- names
    "unknown-word": _page("A word that no layer, block or setting knows.", "Layer, block and activation names are looked up in a registry; `netspec explain` lists them.", "covn 64 3x3", "conv 64 3x3"),
    "wrong-word": _page("A word that exists and cannot stand here.", "", "maxpool 2 relu", "maxpool 2 -> relu"),
    "undefined-name": _page("A name that no parameter and no constant has.", "", "block unit(n):\n  conv m 3x3", "block unit(n):\n  conv n 3x3"),
    "missing-reference": _page("`@name` finds no node.", """
        References look in their own scope, then outwards to the edge of the block, among the lines above only: a network
        has no cycle. A node inside a group is written with its path; a block takes nodes as parameters.""", "encoder:\n  p1: maxpool 2\nunpool @p1", "encoder:\n  p1: maxpool 2\nunpool @encoder.p1"),
    "duplicate-name": _page("Two nodes, inputs or outputs of one scope have the same name.", "Their parameters would have the same path.", "repeat 2:\n  layer: conv 8 3x3", "repeat 2 as i:\n  layer[i]: conv 8 3x3"),
    "duplicate-definition": _page("A block, net, constant or parameter is defined twice.", "It would not be clear which one is meant.", "block unit: relu\nblock unit: tanh", "block unit: relu\nblock unit2: tanh"),
    "duplicate-option": _page("An option is given twice.", "", "conv 8 3x3 groups=2 groups=4", "conv 8 3x3 groups=4"),
    "misleading-label": _page("A label is one slip away from a word of the language.", "As a label it would only name its body; the residual or the merge would be lost without a word.", "resdual:\n  conv 64 3x3", "residual:\n  conv 64 3x3"),
    "missing-import": _page("An imported file does not define the name.", "", 'import vgg61 from "vgg.net"', 'import vgg16 from "vgg.net"'),
    "import-cycle": _page("Files import a name from each other in a circle, and none defines it.", "Files may import from each other, as long as every name is defined in one of them."),
    # ---------------------------------------------------------------- arguments
    "missing-argument": _page("A step lacks an argument it needs.", "", "conv 64", "conv 64 3x3"),
    "too-many-arguments": _page("A step has more positional arguments than it takes.", "", "fc 10 20", "fc 10"),
    "wrong-argument": _page("An argument is of the wrong kind.", "", 'conv "64" 3x3', "conv 64 3x3"),
    "wrong-order": _page("Positional arguments stand in the wrong order.", "", "conv 3x3 64", "conv 64 3x3"),
    "unknown-option": _page("A step has no option of this name.", "", "conv 64 3x3 padding=1", "conv 64 3x3 pad=1"),
    "contradiction": _page("Two words of one family stand on one step.", "Families are activation, normalisation, padding and rounding.", "conv 64 3x3 relu tanh", "conv 64 3x3 relu"),
    "out-of-range": _page("A number is outside what its argument allows.", "", "dropout 1.5", "dropout 0.5"),
    "not-whole": _page("A number that counts something is not whole.", "", "conv in.channels/2 1x1   # with 3 channels", "conv in.channels 1x1"),
    "bad-value": _page("A value makes no sense here.", "A number is needed where there is a text, a list where there is a number.", 'fc "10"+1', "fc 10+1"),
    "bad-formula": _page("A layer writes a formula that says what none can, or what its values do not fit.", "docs/adding_a_layer.md says what formulas are; netspec/ir/formula.py has the whole notation.",
                         'b("t[n,c] min= x[n,c,h]", x=x)', 'b("t[n,c] max= -x[n,c,h]", x=x)'),
    "bad-index": _page("A list has no item of this number, or a name is numbered with something else.", "Items are numbered from 0."),
    "division-by-zero": _page("An expression divides by zero.", "The message names the numbers; a parameter may be the one that is zero.", "fc 10/(in.channels - 64)   # on 64 channels", "fc 10"),
    "too-large": _page("A number or a value is larger than any network's.", "The limits are there so that a slip ends in this message and not in a machine without memory."),
    # ---------------------------------------------------------------- shapes
    "shape-mismatch": _page("Values that meet differ in shape.", "A merge works element by element (add, sub, mul, max, mean) or joins channels (concat).", "concat:\n  | conv 8 3x3\n  | conv 8 3x3 /2", "concat:\n  | conv 8 3x3\n  | conv 8 3x3"),
    "residual-mismatch": _page("The body of a residual gives another shape than its input.", "", "residual: conv 128 3x3 /2   # on 64 channels", "residual: conv 128 3x3 /2\nshortcut: conv 128 1x1 /2 linear"),
    "window-too-large": _page("A window is larger than what it slides over.", "out = floor((in + 2*pad - F)/stride) + 1 with F = dilation*(window - 1) + 1 must be at least 1.", "conv 64 7x7 valid   # on 5x5", "conv 64 5x5 valid"),
    "groups": _page("Groups do not divide the channels.", "Both the channels that come in and the filters are dealt out to the groups.", "conv 256 5x5 groups=5   # on 96 channels", "conv 256 5x5 groups=2"),
    "wrong-rank": _page("A value has another number of axes than the step works on.", "A convolution slides over an image; behind `fc` and `flatten` there is none. `reshape 64x7x7` makes one.", "fc 10\nconv 64 3x3", "conv 64 3x3\nfc 10"),
    "unknown-size": _page("A size is `?` where a number is needed.", "Bind it with --input 3x224x224 or compile(input=...), or pool globally before fc.", "input 3x?x?\nfc 10", "input 3x?x?\navgpool global\nfc 10"),
    "loss-shape": _page("A loss cannot judge an output of this shape.", "Class probabilities need two channels or more, `bce` as many as there are answers.",
                        "net a:\n  input 784\n  fc 1\ntrain a:\n  loss cross_entropy", "net a:\n  input 784\n  fc 1\ntrain a:\n  loss bce"),
    "no-flow": _page("A step stands where nothing flows yet.", "A net begins with its input.", "net a:\n  fc 10", "net a:\n  input 784\n  fc 10"),
    "no-net": _page("A file defines no net.", "Blocks alone can be imported and not run.", "block unit: relu", "net a:\n  input 784\n  fc 10"),
    # ---------------------------------------------------------------- structure
    "endless-recursion": _page("A block calls itself without end.", "Blocks may be called 64 levels deep.", "block level(n):\n  conv n 3x3\n  level n\n\nnet a:\n  input 3x32x32\n  level 8",
                               "block level(n, depth):\n  conv n 3x3\n  if depth > 0: level 2*n depth-1\n\nnet a:\n  input 3x32x32\n  level 8 3"),
    "too-many-steps": _page("A net has more steps or nodes than any network.", "The limits are 60000 steps and 60000 nodes, for all nets of a file together."),
    "misplaced-input": _page("`input` stands in the body of a net and nowhere else.", "A block reads the flow of its caller.",
                             "net a:\n  part:\n    input 784\n  fc 10", "net a:\n  input 784\n  fc 10"),
    "misplaced": _page("A statement has no place here.", "A train section holds settings and no steps.",
                       "net a:\n  input 784\n  fc 10\ntrain a:\n  rule: sgd lr=0.1", "net a:\n  input 784\n  fc 10\ntrain a:\n  sgd lr=0.1"),
    # ---------------------------------------------------------------- warnings
    "dead-bias": _page("A bias before batch normalisation does nothing.", "The normalisation subtracts it again.", "conv 64 3x3 -> bn", "conv 64 3x3 bn"),
    "lost-pixels": _page("A stride does not divide what its window slides over.", "out = (in + 2*pad - window)/stride + 1 is rounded down, and what is over is never seen. `check --strict` makes it an error. A note where only padding is lost."),
    "even-window": _page("`same` with an even window at stride 1 makes the plane one smaller.", "An even window has no middle, and both sides are padded alike.", "conv 8 4x4", "conv 8 4x4 pad=[(1, 2), (1, 2)]"),
    "unused": _page("A parameter, block, constant, label or import is never used.", "Most often a name is misspelt where it was to be used.", "net a(n=64):\n  input 784\n  fc 64",
                    "net a(n=64):\n  input 784\n  fc n"),
    "unconnected": _page("Nothing reads what a line makes.", "It would be computed and thrown away.", "conv 64 3x3\n@input\nfc 10", "conv 64 3x3\nconcat @input\nfc 10"),
    "reads-logits": _page("A loss reads the input of the last softmax or sigmoid.", "It computes that operation itself, stably; its value is that of the probabilities."),
    "not-logits": _page("A loss that takes logits reads a softmax or a sigmoid.", "It computes one itself, and of numbers from 0 to 1 that is nearly flat: the net learns slowly or not at all.",
                        "net a:\n  input 784\n  fc 10 sigmoid\ntrain a:\n  loss cross_entropy", "net a:\n  input 784\n  fc 10\ntrain a:\n  loss cross_entropy"),
    "not-log-probabilities": _page("nll reads log-probabilities.", "It is the negative number of the right class: of probabilities, or of numbers without an end, it says nothing. cross_entropy reads logits.",
                                   "net a:\n  input 784\n  fc 10 softmax\ntrain a:\n  loss nll", "net a:\n  input 784\n  fc 10 softmax\ntrain a:\n  loss cross_entropy"),
    "missing-weights": _page("The file of `weights=` is not there.", "Shapes and counts need no weights, so this is a note in check, summary and draw; compiling needs the file. --set weights=none initialises instead."),
    # ---------------------------------------------------------------- files and use
    "missing-file": _page("A file that is named is not there.", "Imports are looked for beside the importing file, then among netspec's own specs."),
    "not-a-file": _page("A folder, a pipe or a device was named where a file is needed.", "Name a file in the folder; a shell writes all of them as FOLDER/*.net. What a program writes is read from standard input, -."),
    "file-outside": _page("A spec names a file that does not lie in its folder or below.", "A spec may come from anybody, and reads nothing of yours. You may name any file yourself: --data FILE, --set weights=FILE, parameters= in Python.",
                          'net a:\n  input 1x8x8\n  fc 10\ntrain a:\n  data "/data/train.npz"\n  loss cross_entropy\n  sgd lr=0.1',
                          'net a:\n  input 1x8x8\n  fc 10\ntrain a:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1'),
    "unreadable-file": _page("A file cannot be opened.", "Its permissions, or what lies between, do not allow it."),
    "unwritable-file": _page("A file cannot be written.", "Its folder is not there, or it or the folder is read-only."),
    "not-a-spec": _page("A file is no text, or not in UTF-8.", "Save it as UTF-8."),
    "which-net": _page("It is not clear which net of a file is meant.", "Say FILE:NET."),
    "unknown-parameter": _page("A net has no parameter or input of this name.", "`--set` and compile() take those in the brackets of the net, `--input` the names on its input lines."),
    "usage": _page("netspec was asked for something it cannot do.", "The message says what it can; `netspec COMMAND --help` lists it."),
    # ---------------------------------------------------------------- running and training
    "wrong-shape": _page("An array has another shape than the network wants.", "Images are examples x channels x places (N,C,H,W), targets are one class number an example or what the loss says.",
                         "net.predict(x)   # x is 64x28x28", "net.predict(x[:, None])   # 64x1x28x28"),
    "wrong-type": _page("A value is of a kind that cannot be used here.", "Arrays hold real or whole numbers; class numbers are whole.", "net.fit(x, [0.5, 1.0])", "net.fit(x, [0, 1])"),
    "missing-array": _page("An input or a target is not given.", "With several inputs, targets or outputs, give a dict by name.", "net.predict(left)", 'net.predict({"left": left, "right": right})'),
    "empty-batch": _page("A batch holds no example.", "A mean over nothing is no number."),
    "label-range": _page("A class number is not one of the network's classes.", "Classes count from 0 up to one less than the channels of the output.", "net.fit(x, y)   # y is 1..10", "net.fit(x, y - 1)"),
    "nan-target": _page("A target is NaN.", "The loss would be NaN as well, and after one step all weights.", "net.fit(x, y)", "known = ~np.isnan(y)\nnet.fit(x[known], y[known])"),
    "out-of-memory": _page("The network does not train in the memory that it was given.", "Parameters, gradients and what the optimiser keeps are needed whatever the batch; `netspec summary --memory` has the numbers."),
    "in-use": _page("A network is to be changed by what it runs itself.", "A metric, or an array made while it is read, runs in the midst of predict or evaluate, which promise that nothing changes until they return.", "net.evaluate(x, y)   # whose metric calls net.train_step", "net.evaluate(x, y)\nnet.train_step(x, y)"),
    "one-value": _page("A normalisation would see one value.", "One value has no variance, and less its own mean it is always 0. A batch of two, or a plane of more than one place, has.", "net.train_step(x[:1], y[:1])", "net.train_step(x[:2], y[:2])"),
    "unknown-name": _page("The network has no parameter, buffer, input, output or scalar of this name.", "net.parameters and net.buffers list them."),
    "unknown-argument": _page("A call was given an argument that it does not have.", "What an optimiser takes stands in its text.", "net.fit(x, y, lr=0.01)", 'net.fit(x, y, optimiser="adamw lr=0.01")'),
    "no-loss": _page("No loss is stated, so there is nothing to make small.", "", "net.fit(x, y)", 'net.fit(x, y, loss="cross_entropy")'),
    "no-optimiser": _page("No optimiser is stated.", "", 'net.fit(x, y, loss="mse")', 'net.fit(x, y, loss="mse", optimiser="adam lr=0.001")'),
    "no-training": _page("A net without a train section cannot be trained from the command line.", "", "net a:\n  input 4\n  fc 2", "net a:\n  input 4\n  fc 2\ntrain a:\n  data \"train.npz\"\n  loss cross_entropy\n  sgd lr=0.1"),
    "no-data": _page("A train section names no data.", "From Python, net.fit(x, y) takes arrays.", "train a:\n  loss cross_entropy", 'train a:\n  data "train.npz"\n  loss cross_entropy'),
    "missing-data": _page("There are no data of this name.", "`digits` come with netspec; a path stands in quotes."),
    "bad-data": _page("A file of data does not hold what it should.", "An .npz file has arrays x and y, and x_test and y_test where there are any; a folder has x.npy and y.npy."),
    "nothing-to-train": _page("No parameter of the network can be trained.", "Everything is frozen, or there are no weights."),
    "unknown-metric": _page("A metric cannot measure this output.", "Accuracy and top5 count class numbers, which cross-entropy and hinge losses have."),
    "unknown-initialiser": _page("There is no initialiser of this name.", "zeros, ones, constant, gaussian, uniform, he, he_uniform, xavier, xavier_uniform, lecun, lecun_uniform, orthogonal."),
    "loss-exploded": _page("The loss became infinite or NaN.", "Most often the learning rate is too large, or an input holds such a number. Training stops at the step where it is first seen."),
    "no-forward": _page("There is nothing to go back through.", "backward(gradients) refers to the last forward(x) or predict(x).", "net.backward(g)", "net.forward(x)\nnet.backward(g)"),
    "not-yet": _page("This version cannot do that.", "It is refused, so that it is not left out without a word."),
    "size-dependent": _page("The parameters depend on the size of the input.", "With `?` in the input the same weights must serve every size. Pool globally before fc."),
    "unknown-device": _page("There is no device of this name, or none here.", "cpu, cuda and reference. cuda needs numba-cuda (pip install 'netspec-nn[cuda]'), a driver and a GPU."),
    "foreign-checkpoint": _page("A file is no checkpoint of netspec.", "net.set_parameters({name: array}) takes weights from elsewhere."),
    "damaged-checkpoint": _page("A checkpoint is cut short, or was changed after it was written.", "Its checksum does not match. Checkpoints are replaced whole, so this comes from the disk or from a copy."),
    "checkpoint-mismatch": _page("A checkpoint is of another network.", "Names and shapes of all parameters must be the same: compile the same text with the same parameters."),
    "weights-mismatch": _page("A weights file lacks a parameter that `weights=` should fill.", "Parameters are found by their path below the call that names the file."),
    "bad-weights": _page("A weights file is no safetensors file, or holds what are no weights.", "netspec writes and reads safetensors; the message has what stands in the way."),
}
