"""The words of the language itself, explained: `netspec explain residual`. Every example is a net that tests elaborate."""

from __future__ import annotations

from textwrap import indent

# word -> what it does, and an example
VOCABULARY: dict[str, tuple[str, str]] = {
    "net": (
        "A network: a body with at least one `input`. Its parameters may have defaults; `net NAME = OTHER ARGUMENTS` is a variant.\n"
            "A net can be called as a step of another one.",
            "net small(classes=10):\n  input 3x32x32\n  conv 16 3x3 relu\n  fc classes\n\nnet large = small 1000\n"),
    "block": (
        "A named run of steps with parameters, called like a layer. What flows in is `in`: in.channels, in.height, in.width, in.shape.",
              "block double(n):\n  conv n 3x3 relu\n  conv n 3x3 relu\n\nnet a:\n  input 3x32x32\n  double 2*in.channels\n  fc 10\n"),
    "input": (
        "Where data enter: channels first, without the batch. `?` is a size that is not known yet, and sizes that are computed "
              "stand in brackets: `input (n, 8, 8)`. Several inputs have names.",
              "net a:\n  input left 1x28x28\n  input right 1x28x28\n  @left -> add @right -> fc 2\n"),
    "output": (
        "A named output. With a body it is a side branch, and the flow goes on as if the line were not there; without one it taps the flow.\n"
               "A last line that is no output is the output `out`.",
               "net a:\n  input 3x32x32\n  conv 16 3x3 relu\n  output aux: fc 10\n  conv 32 3x3 relu\n  fc 10\n"),
    "default": (
        "Switches and options for the later steps of a kind, in the same body and the bodies inside it. A step's own word wins;\n"
                "`linear` means no activation.",
                "net a:\n  input 3x32x32\n  default conv bn relu\n  conv 16 3x3\n  conv 16 3x3 linear\n"),
    "residual": (
        "The body's result plus what came in, which must have the same shape. `shortcut` says what is added instead of what came in.",
                 "net a:\n  input 3x32x32\n  residual:\n    conv 16 3x3 bn relu\n    conv 16 3x3 bn\n  shortcut: conv 16 1x1\n  relu\n"),
    "shortcut": (
        "What a residual adds to its body: a body of its own, on what came in. With `if`, only where the condition holds.",
                 "block unit(n, stride=1):\n  residual: conv n 3x3 /stride bn\n  shortcut if stride != 1 or in.channels != n: conv n 1x1 /stride bn\n\n"
                 "net a:\n  input 3x32x32\n  unit 8 /2\n  unit 8\n"),
    "dense": (
        "What came in and the body's result, joined along channels. In a row, every body sees all that came before.\nA densely connected layer of other systems is `fc` here.",
              "net a:\n  input 3x32x32\n  repeat 4:\n    dense: bn -> relu -> conv 12 3x3\n  fc 10\n"),
    "repeat": ("The body so many times, one after the other. `as i` numbers the turns from 1.",
               "net a:\n  input 3x32x32\n  repeat 3 as i:\n    layer[i]: conv 8*i 3x3 relu\n  fc 10\n"),
    "for": ("The body once for every element of a list, or of a range `1..5`, both ends included.",
            "net a(widths=[16, 32]):\n  input 3x32x32\n  for n in widths:\n    conv n 3x3 relu -> maxpool 2\n  fc 10\n"),
    "if": (
        "Steps that are there only where a condition holds. It is decided while the text is read: a network has no branches that move.",
           "block tail(big=no):\n  if big: fc 512 relu\n  else: fc 64 relu\n\nnet a:\n  input 784\n  tail big=yes\n  fc 10\n"),
    "each": ("The body once for every element of the first axis, with one set of weights. `max over=view` then pools that axis.",
             "net a(views=6):\n  input (views, 3, 32, 32)\n  each view:\n    conv 8 3x3 relu -> avgpool global\n  max over=view\n  fc 10\n"),
    "frozen": ("Weights made inside are not trained, and batch normalisation inside keeps its statistics.",
               "net a:\n  input 3x32x32\n  frozen: conv 16 3x3 bn relu\n  fc 10\n"),
    "reuse": ("The steps of a label once more, on what flows here, with the same weights.",
              "net a:\n  input left 1x28x28\n  input right 1x28x28\n  @left -> f: conv 8 3x3 relu -> fc 16\n  @right -> reuse @f -> sub @f -> abs\n  fc 1 sigmoid\n"),
    "upto": ("Stops a called net after one of its nodes: its trunk without its head.",
             "net trunk:\n  input 3x32x32\n  body: conv 8 3x3 relu\n  fc 1000\n\nnet a:\n  input 3x64x64\n  trunk upto body\n  fc 10\n"),
    "import": ("Blocks and nets of another file, beside this one or among those that come with netspec.",
               'import vgg16 from "vgg.net"\n\nnet a:\n  input 3x224x224\n  vgg16 upto stage5\n  fc 10\n'),
    "train": (
        "How a net is trained: data, losses, an optimiser, schedules, metrics, batch, epochs. All of it can be said from Python instead.",
              "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n  schedule cosine\n  batch 32\n  epochs 10\n"),
    "data": (
        "Where the examples come from: a data set that comes with netspec, or files of arrays. `netspec explain files` says which.",
             "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1\n"),
    "loss": (
        "What training makes small, of the output `out` or of the one named: `loss mse @boxes weight=0.5 target=input`. Several lines add up.\n"
             "cross_entropy and bce read logits; where the output ends in softmax or sigmoid, they read what goes into it.",
             "net a:\n  input 3x32x32\n  conv 16 3x3 relu\n  output aux: fc 10\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  loss cross_entropy @aux weight=0.3\n  sgd lr=0.1\n"),
    "optimiser": (
        "How parameters move: a line of a train section that begins with the optimiser's own name, sgd, adam, lbfgs and others.\n"
                  "`netspec explain adam` has its arguments.",
                  "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam lr=0.001 decay=1e-4 clip=1  # the optimiser\n"),
    "schedule": (
        "How a scalar of the optimiser, the learning rate unless `of=` names another, goes with time: step, cosine, warmup and others.\n"
                 "Several lines multiply.",
                 "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n  schedule warmup 5\n  schedule cosine\n  epochs 60\n"),
    "metric": ("What is counted beside the loss, in training and in tests: accuracy, topk, precision, recall, f1, confusion, iou, dice, auc, multilabel_accuracy; mae, rmse, r2 of numbers.",
               "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  metric accuracy\n  adam\n"),
    "batch": (
        "Examples that make one step. The last batch of an epoch has those that are left,\nunless `drop_last` leaves it out.",
              "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  batch 64\n  epochs 10\n"),
    "drop_last": (
        "The examples that fill no batch sit an epoch out; they are others in the next, since the order is new. Batch norm in a\n"
                  "plane of one place has no variance in a last batch of one.",
                  "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  batch 64\n  drop_last\n"),
    "checkpoint": (
        "How often a file is written inside an epoch, besides after each: `checkpoint every=500` in steps, `checkpoint minutes=5`.\n"
                   "A run that ends in the middle of one, however it does, goes on from there to the same bits (`--resume`).",
                   "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  checkpoint every=500 minutes=5\n"),
    "epochs": ("How often training goes through the data.",
               "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  epochs 10\n"),
    "prepare": (
        "What inputs go through before anything reads them: centre, standardise, whiten, scale. Numbers that are not given are measured on\n"
                "the training examples when training begins, and kept with the weights. Several lines go one after the other;\n"
                "`prepare centre @left` is of one input, without a name a line is of every input.",
                "net a:\n  input 3x32x32\n  conv 16 3x3 relu\n  fc 10\n\ntrain a:\n  data \"train.npz\"\n  prepare standardise\n"
                "  loss cross_entropy\n  sgd lr=0.1\n"),
    "augment": (
        "A change of the training images, drawn anew for every batch from the seed, the epoch and the batch: flip, crop, resized_crop, rotate,\n"
                "affine, hue, brightness, contrast, saturation, noise, cutout, mixup, cutmix. Targets that are maps move along. Several lines are carried out one after the other. Tests see the images as they are.",
                "net a:\n  input 3x32x32\n  conv 16 3x3 relu\n  fc 10\n\ntrain a:\n  data \"train.npz\"\n  augment flip\n  augment crop pad=4\n"
                "  loss cross_entropy\n  sgd lr=0.1\n"),
    "regularise": (
        "A penalty on large parameters: `l2 1e-4` adds 1e-4 * w to the gradient of each parameter w, `l1 1e-5` adds 1e-5 * sign(w).\n"
                   "With `weights`, biases and normalisations are spared; `regularise weights` alone says so of the optimiser's own decay.\n"
                   "The loss that is reported does not include penalties.",
                   "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  regularise l1 1e-5 weights\n"),
    "accumulate": (
        "So many batches make one step, from the mean of their gradients: a large batch in the memory of a small one.\n"
                   "Running statistics move with every batch; the last step of an epoch takes the batches that are left.",
                   "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 16\n  accumulate 4\n"),
    "shards": (
        "So many parts that each batch is cut into, each with batch statistics of its own, which any number of workers share: the same bits on\n"
        "one process, on `netspec train --workers 4` and under mpirun. What is in memory at once is a part.",
        "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  batch 64\n  shards 8\n"),
    "average": (
        "A running average a of the parameters w, which tests use: w after the first step, then a += (1 - average) * (w - a) after each.\n"
                "Training itself goes on with w.",
                "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  average 0.999\n"),
    "seed": (
        "What decides the first weights, what is drawn, and the order of the examples, unless `--seed` or `seed=` says otherwise.",
        "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  seed 3\n"),
    "early_stopping": (
        "So many epochs without a better number, and training stops; the weights of the best epoch are put back. The number is the loss\n"
        "of the validation, or of training where there is none, unless `keep` names another.",
        "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  early_stopping 5\n  epochs 100\n"),
    "keep": (
        "Which weights a training ends with: `keep best val_accuracy`, those of the epoch whose number was best; `keep best`, by the loss of\n"
        "the validation, or of training where nothing validates; `keep last`, those of the last one. Examples for testing choose nothing unless they are named so.",
        "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  keep best val_accuracy\n"),
    "log": (
        "What a run writes its numbers as, beside log.jsonl: `log csv`, `log tensorboard`, or both. From Python: `fit(log=\"log.csv\")`.",
        "net a:\n  input 784\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  adam\n  log csv tensorboard\n"),
    "initialise": (
        "`initialise lsuv`: orthogonal weights, each layer's scaled until its output on the first batch has variance 1.\n"
                   "Mishkin and Matas, \"All you need is a good init\", 2015 (arXiv:1511.06422)",
                   "net a:\n  input 1x8x8\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  initialise lsuv\n"),
    "precision": (
        "How exactly the network is computed. `float32`, where nothing is said: convolutions may be transformed (Winograd), which is faster\n"
                  "and rounds a little more. `exact`: convolutions as they are written. `--precision` and compile(precision=) win over it.\n"
                  "`netspec verify SPEC` measures what the transforms cost on your data.",
                  "net a:\n  input 1x8x8\n  conv 16 3x3 relu\n  fc 10\n\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1\n  precision exact\n"),
    "expect": ("A statement about the shape of the flow at this point, which `check` holds the net to.",
               "net a:\n  input 3x32x32\n  conv 16 3x3 /2\n  expect 16x16x16\n  fc 10\n"),
    "skip": ("The flow as it is: the branch of a merge that does nothing.",
             "net a:\n  input 3x32x32\n  concat:\n    | conv 16 3x3 relu\n    | skip\n  fc 10\n"),
    "weights": (
        "weights=\"file\" on the call of a net fills what it makes from a file, by path below the call. `--set weights=none` initialises instead. Where the file holds a model more than once, as trained and averaged, part=\"state_dict_ema\" beside it says which.",
                'import vgg16 from "vgg.net"\n\nnet a:\n  input 3x224x224\n  frozen: vgg16 upto stage5 weights="vgg16.safetensors"\n  fc 10\n'),
    "linear": ("No activation: what a `default` set does not hold for this step.",
               "net a:\n  input 784\n  default fc relu\n  fc 100\n  fc 10 linear\n"),
}


def vocabulary_page(word: str) -> str | None:
    """The page of a word of the language; None where it is none."""
    if word not in VOCABULARY:
        return None
    about, example = VOCABULARY[word]
    return f"{word}: a word of the language\n\n{about}\n\nFor example:\n\n{indent(example, '    ').rstrip()}\n"
