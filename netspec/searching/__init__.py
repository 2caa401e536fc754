"""Search: many trainings of one net, each with other values, in one folder that any number of processes share."""
