"""Every update rule and schedule, one file each. Importing the package fills `OPTIMISERS` and `SCHEDULES`."""

from . import adam, cosine, sgd, step_schedule
from .optimiser import OPTIMISERS, SCHEDULES, Optimiser, Schedule

__all__ = ["OPTIMISERS", "SCHEDULES", "Optimiser", "Schedule", "adam", "cosine", "sgd", "step_schedule"]
