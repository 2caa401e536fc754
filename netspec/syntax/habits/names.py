"""What other systems call layers, options and settings, and what they are called here."""

from __future__ import annotations

from ...diagnostics import Advice

ALIASES = {"dense": "fc", "linear": "fc", "conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "convolution": "conv",
           "maxpool2d": "maxpool",
           "max_pool": "maxpool", "max_pooling": "maxpool", "pool": "maxpool", "avg_pool": "avgpool", "averagepool": "avgpool",
           "batchnorm": "bn",
           "batch_norm": "bn", "batchnorm2d": "bn", "identity": "skip", "upsample": "up", "globalavgpool": "avgpool global",
           "gap": "avgpool global",
           "leakyrelu": "leaky", "leaky_relu": "leaky", "fully_connected": "fc", "conv_transpose": "deconv",
           "convtranspose2d": "deconv",
           "silu": "swish", "cat": "concat", "plus": "add", "sum": "add", "lrelu": "leaky", "channel_shuffle": "interleave",
           "channelshuffle": "interleave", "convolutional": "conv", "convtranspose": "deconv", "conv2dtranspose": "deconv",
           "convtranspose1d": "deconv", "convtranspose3d": "deconv",
           "transposed_conv": "deconv", "maxpooling": "maxpool", "maxpooling2d": "maxpool", "maxpool1d": "maxpool",
           "maxpool3d": "maxpool", "avgpool2d": "avgpool",
           "averagepooling2d": "avgpool", "averagepooling": "avgpool", "globalaveragepooling2d": "avgpool global",
           "global_avgpool": "avgpool global",
           "adaptiveavgpool2d": "avgpool global", "globalmaxpool": "maxpool global", "globalmaxpooling2d": "maxpool global",
           "batchnormalization": "bn",
           "batchnorm1d": "bn", "batchnorm3d": "bn", "groupnorm": "group_norm", "layernorm": "layer_norm",
           "instancenorm": "instance_norm", "upsampling": "up",
           "upsampling2d": "up", "concatenate": "concat", "multiply": "mul", "subtract": "sub", "maximum": "max",
           "average": "mean", "zeropad2d": "pad",
           "zeropadding2d": "pad", "dropout2d": "dropout", "connected": "fc", "route": "concat", "pixelshuffle": "shuffle",
           "pixel_shuffle": "shuffle", "logsoftmax": "log_softmax", "absolute": "abs", "depthwise": "conv", "view": "reshape"}
OPTIONS = {"s": ("stride",), "k": ("window",), "g": ("groups",), "d": ("dilation",), "padding": ("pad",), "strides": ("stride",),
           "p": ("rate",), "prob": ("rate",),
    "kernel": ("window",), "kernel_size": ("window",), "size": ("window",), "pool_size": ("window",),
           "ksize": ("window",), "out_channels": ("filters",), "out_features": ("units",), "num_features": ("units",),
           "dilation_rate": ("dilation",), "use_bias": ("bias",),
           "padding_mode": ("edges",), "num_groups": ("groups",), "learning_rate": ("lr",), "weight_decay": ("decay",),
           "gamma": ("factor", "rate"), "step_size": ("every",),
           "betas": ("beta1",), "milestones": ("steps",), "label_smoothing": ("smoothing",), "ignore_index": ("ignore",),
           "class_weight": ("weights",), "class_weights": ("weights",),
           "scale_factor": ("factor",), "scale": ("factor",), "negative_slope": ("slope",), "epsilon": ("eps",),
           "ceil_mode": ("rounding",), "output_padding": ("output_pad",),
           "kernel_initializer": ("init",), "bias_initializer": ("bias_init",)}
OTHERWISE = {"crossentropyloss": "cross_entropy", "categorical_crossentropy": "cross_entropy",
             "sparse_categorical_crossentropy": "cross_entropy", "softmax": "cross_entropy",
             "bceloss": "bce", "bcewithlogitsloss": "bce", "binary_crossentropy": "bce", "mseloss": "mse",
             "mean_squared_error": "mse", "l1loss": "l1", "mae": "l1", "ce": "cross_entropy", "ce_loss": "cross_entropy",
             "nllloss": "nll", "smooth_l1": "huber", "smoothl1loss": "huber", "batch_size": "batch", "batchsize": "batch",
             "num_epochs": "epochs", "n_epochs": "epochs",
             "max_epochs": "epochs", "criterion": "loss", "loss_fn": "loss", "dataset": "data", "steplr": "step",
             "multisteplr": "multistep", "cosineannealing": "cosine",
             "cosineannealinglr": "cosine", "reducelronplateau": "plateau", "horizontal_flip": "flip", "random_crop": "crop",
             "acc": "accuracy",
             "gradient_accumulation": "accumulate", "ema": "average", "transform": "augment", "drop_remainder": "drop_last",
             "droplast": "drop_last"}
# What is no setting of a train section, and where it is said.
ELSEWHERE = {"seed": Advice("the command line says it: --seed 1; from Python: compile(..., seed=1)"),
             "device": Advice("the command line says it: --device cuda; from Python: compile(..., device=\"cuda\")"),
             "dtype": Advice("the command line says it: --dtype float64; from Python: compile(..., dtype=\"float64\")"),
             "shuffle": Advice("every epoch has an order of its own, by the seed; drop this line"),
             "threads": Advice("the command line says it: --threads 2; or NETSPEC_THREADS=2")}
