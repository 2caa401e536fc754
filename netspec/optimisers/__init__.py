"""Every update rule and schedule, one file each. Importing the package fills `OPTIMISERS` and `SCHEDULES`."""

from . import (
    adadelta,
    adagrad,
    adam,
    adamax,
    adamw,
    cosine,
    exponential,
    inverse,
    lbfgs,
    multistep,
    nadam,
    onecycle,
    plateau,
    poly,
    rmsprop,
    rprop,
    sgd,
    sigmoid_schedule,
    step_schedule,
    warmup,
)
from .optimiser import OPTIMISERS, SCHEDULES, Optimiser, Schedule

__all__ = ["OPTIMISERS", "SCHEDULES", "Optimiser", "Schedule", "adadelta", "adagrad", "adam", "adamax", "adamw", "cosine",
           "exponential", "inverse",
           "lbfgs", "multistep", "nadam", "onecycle", "plateau", "poly", "rmsprop", "rprop", "sgd", "sigmoid_schedule",
           "step_schedule", "warmup"]
