"""How the command ends when it is told to: one line, exit code 128 + signal, within seconds whatever hangs.

What is finished is in the store, so nothing has to be saved. A run that is going on gets a moment to end its processes
and to tell Prefect.
"""

import os
import signal
import sys
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_UNWIND = 8.0
SECONDS_TO_LEAVE = 5.0
"""What threads of Prefect get, after the command is done, to send what they have left."""


class Stopped(KeyboardInterrupt):
    """The command was told to stop, and has said so."""

    def __init__(self, number: int) -> None:
        """Keep the number of the signal."""
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class Listener:
    """Handles the signals that end a command."""

    def __init__(self, verbose: bool = False) -> None:
        """Show what comes after the line only if `verbose`."""
        self.verbose = verbose
        self._stopped = False

    def listen(self) -> None:
        """Handle the signals that are not ignored, as they are under nohup."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def _stop(self, number: int, _: FrameType | None) -> None:
        code = 128 + number
        if self._stopped:
            os._exit(code)
        self._stopped = True
        name = signal.Signals(number).name
        _write(f"dfvi: stopped by {name}; finished frames are kept, run the same command again to go on\n")
        if not _runs():
            os._exit(code)
        if not self.verbose:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what others say about being interrupted
        leave_within(SECONDS_TO_UNWIND, code)
        raise Stopped(number)


def leave_within(seconds: float, code: int) -> None:
    """End the process after so many seconds, if it has not ended by then."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _runs() -> bool:
    """Return whether a run is going on; then its module was imported."""
    module = sys.modules.get("flows.prefect_server.everywhere")
    return module is not None and bool(module.in_use())


def _write(line: str) -> None:
    try:
        os.write(2, (f"\n{line}" if os.isatty(2) else line).encode())  # after a progress bar
    except OSError:  # the terminal is gone: SIGHUP
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
