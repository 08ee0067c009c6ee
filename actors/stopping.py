"""How a process learns that it should stop."""

import signal
import threading


def told_to_stop() -> threading.Event:
    """An event that SIGTERM and SIGINT set. To be called once, from the main thread."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
