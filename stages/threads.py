"""How many threads a process may compute with."""

import os

from spam_pipe.stages.sharing import is_forked


def given_threads() -> int:
    """Return how many threads this process was given.

    ``OMP_NUM_THREADS`` says so where it is set, as it is in workers that share a machine; else
    there is one for each core that the process may run on. A forked process has one
    (`stages.sharing`), whatever is set.
    """
    if is_forked():
        return 1
    stated = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if stated.isdigit() and int(stated) > 0:
        return int(stated)
    return len(os.sched_getaffinity(0))
