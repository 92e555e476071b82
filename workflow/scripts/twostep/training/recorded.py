"""Operations on a GPU, recorded and repeated: to ask for many takes longer than to do them."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch

Result = TypeVar("Result")


class Recorded(Generic[Result]):
    """An operation on a GPU that uses the same memory each time, its result included.

    The first call runs it, so that the libraries load what it needs. The second one records what is
    asked of the GPU (a CUDA graph), and this is what it and all later calls repeat. So nothing may
    depend on a value that only the processor knows. The result is overwritten by the next call.
    """

    def __init__(self, operation: Callable[[], Result]) -> None:
        self._operation = operation
        self._has_run = False
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Result

    def __call__(self) -> Result:
        """Run the operation."""
        if not self._has_run:
            self._has_run = True
            return self._operation()
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._result = self._operation()
            self._graph = graph
        self._graph.replay()
        return self._result
