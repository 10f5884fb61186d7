"""How the collector of cycles runs in our processes."""

import gc

# Objects made between two looks at the young ones. A poll makes tens of thousands, none of them in
# a cycle, and drops them at its end: with Python's 700 the looks were 15 % of the time of ingest.
YOUNG_OBJECTS = 50_000
_MIDDLE_ROUNDS = 20
_OLD_ROUNDS = 20


def calm() -> None:
    """Lets it look less often, and never again at what was loaded: to be called once, at the start.

    A look at everything stops a process for 70 to 160 ms otherwise, which every reader would feel.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, _MIDDLE_ROUNDS, _OLD_ROUNDS)
