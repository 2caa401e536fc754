"""The initialisers by name, and how many numbers may follow each: "gaussian 0.01". What each does stands in
runtime/initialisers.py."""

# How weights begin whose step does not say it: `he` where a rectifier or a normalisation reads what the step makes, else `lecun`
FITTING = "fitting"
INITIALISERS = {FITTING: 0, "zeros": 0, "ones": 0, "constant": 1, "gaussian": 1, "uniform": 1, "he": 0, "he_normal": 0,
                "he_uniform": 0, "xavier": 0, "xavier_normal": 0, "xavier_uniform": 0, "lecun": 0, "lecun_normal": 0, "lecun_uniform": 0,
                "orthogonal": 1, "identity": 0}
