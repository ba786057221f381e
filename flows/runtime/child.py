"""Child processes that end when the parent process ends."""

from __future__ import annotations

import os
import sys
import threading


def end_with_parent() -> None:
    """Called in the child: exit as soon as standard input closes."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
