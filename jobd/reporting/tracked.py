"""A job around each call of a function, an asynchronous one too."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from jobd.reporting.job import job

P = ParamSpec("P")
R = TypeVar("R")


@overload
def tracked(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def tracked(*, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def tracked(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Make each call of a function a job, as `jobd.job` does; by default it has the name of the function.

    An `async def` is a job until it has returned. Raises TypeError for a generator.
    """
    if function is None:
        return lambda function: _wrapped(function, name)
    return _wrapped(function, name)


def _wrapped(function: Callable[..., Any], name: str | None) -> Callable[..., Any]:
    import inspect

    title = name or str(getattr(function, "__name__", type(function).__name__))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{title} is a generator, and has no end that could be tracked; use `with jobd.job(…)` in it")

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        with job(title):
            return function(*args, **named)

    @functools.wraps(function)
    async def call_async(*args: Any, **named: Any) -> Any:
        with job(title):
            return await function(*args, **named)

    return call_async if inspect.iscoroutinefunction(function) else call
