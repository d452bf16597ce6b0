"""How many threads a process has."""

import os


def use_one() -> None:
    """One thread a process, whatever the environment says; to be called before a numerical library is imported.

    An engine runs one process a core, and several threads on a busy core wait for one another.
    """
    for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    os.environ["VECLIB_MAXIMUM_THREADS"] = "1"
