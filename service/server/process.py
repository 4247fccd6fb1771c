"""What a server asks for its own process, once: more files, shorter turns of threads, fewer looks at old objects."""

import gc
import os
import resource
import sys
from contextlib import suppress

# Seconds that a thread which computes may keep the interpreter while the event loop waits for it; Python's own 0.005
# is as long as a refusal may take.
_SWITCH_SECONDS = 0.0005
_OFTEN = (1_000, 10, 10)  # about Python's own; commands look seldom, as they end soon


def prepare() -> None:
    """Have as many files open as the system allows, for each connection is one, and threads give way sooner."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a limit that the system takes back is no reason not to answer
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.setswitchinterval(_SWITCH_SECONDS)


def has_terminal() -> bool:
    """Whether a terminal controls this process: what SIGHUP then says is that it has gone."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def settle() -> None:
    """Take all that has been loaded out of the garbage collector's sight, and have it look at the rest often.

    Whatever it looks at holds up every call: 100 ms for what a server has loaded, and as much for the leavings of a
    thousand calls at once.
    """
    gc.freeze()
    gc.set_threshold(*_OFTEN)
