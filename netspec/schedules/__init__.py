"""Every schedule, one file each, called as its word is."""

from ..words.schedule import SCHEDULES, Schedule

__all__ = ["SCHEDULES", "Schedule"]
