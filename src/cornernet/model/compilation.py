"""A function compiled by torch, and run uncompiled where compiling fails."""

from collections.abc import Callable
from typing import Any

import torch

from cornernet.errors import is_out_of_memory


class Compiled:
    """`function`, compiled once for each shape of its input; uncompiled from the first failure on.

    Shapes are not made variable: there are few, and kernels for known sizes are faster.

    `report` is called with one line when compiling fails. There will be at most so many `shapes`:
    torch's limits on recompiling are raised to it. `options` are those of `torch.compile`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        report: Callable[[str], None],
        shapes: int,
        **options: Any,
    ) -> None:
        self.works = True  # compiling has not failed yet
        self._function, self._report = function, report
        self._compiled = torch.compile(function, dynamic=False, fullgraph=True, **options)
        for limit in ("recompile_limit", "accumulated_recompile_limit"):
            setattr(torch._dynamo.config, limit, max(getattr(torch._dynamo.config, limit), shapes))

    def __call__(self, *arguments: Any) -> Any:
        """What `function` returns. Raises what it raises, also when it runs out of memory."""
        if self.works:
            try:
                return self._compiled(*arguments)
            except (RuntimeError, AssertionError) as error:  # what compilers raise
                if is_out_of_memory(error):
                    raise
                result = self._function(*arguments)  # an error of its own is raised again here
                self.give_up(error)
                return result
        return self._function(*arguments)

    def give_up(self, error: Exception) -> None:
        """Run uncompiled from now on, and report why; also called when a backward pass fails."""
        self.works = False
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        self._report(f"cannot be compiled, and goes on uncompiled: {reason}")
