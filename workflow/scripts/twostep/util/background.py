"""Work in a second thread: writing, while the first one computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Background:
    """Does one thing at a time in a second thread: writing, while the first one computes.

    Errors are raised by the next call.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._running: Future[object] | None = None

    def submit(self, function: Callable[..., object], *arguments: object) -> None:
        """Wait for what was submitted before, then call a function in the second thread."""
        self.wait()
        self._running = self._executor.submit(function, *arguments)

    def wait(self) -> None:
        """Wait for what was submitted last."""
        if self._running is not None:
            running, self._running = self._running, None
            running.result()

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.close()
        else:
            self._executor.shutdown()

    def close(self) -> None:
        """Wait for what was submitted last, and end the thread."""
        self._executor.shutdown()
        self.wait()
