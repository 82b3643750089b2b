"""`detect_anomaly`: where each node was made, the first value that is not finite, and arrays changed behind our back.

While it is on, the op of every new node is replaced by a `Watched` one, which knows the user's source line and the
arguments, and whose rules look at what they return. The graph and the sweep know nothing of it, so that it costs
nothing when off; and what was recorded under it stays watched, also when backward runs outside.
"""

from __future__ import annotations

import linecache
import sys
import zlib
from collections.abc import Iterator
from contextlib import ContextDecorator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from .arrays import is_foreign, to_host
from .dual import Dual, bare
from .errors import AnomalyError
from .graph import Node, Op, Watcher, modes
from .piece import dense
from .tensor import Tensor

__all__ = ["Source", "Watch", "Watched", "checksum", "detect_anomaly", "is_ours"]

_HERE = Path(__file__).parent
# frames of these folders are not the user's
_INTERNAL = (*(f"{folder}/" for folder in (_HERE, _HERE.parent / "nn", _HERE.parent / "optim")), f"{Path(np.__file__).parent}/")


def is_ours(file: str) -> bool:
    """Whether a file belongs to this package or to NumPy, and not to the user."""
    return file.startswith(_INTERNAL)


def _cell(file: str) -> str:
    """What a notebook calls the cell that a file stands for, such as "In[3]"; the name of the file tells a reader nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    known = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(file)
    return known[1] if known else ""


class Source(NamedTuple):
    """A line of the user's program."""

    file: str
    line: int
    function: str

    @property
    def text(self) -> str:
        """The line itself, if its file can be read."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def place(self) -> str:
        """Where the line is, in short: "train.py:7", in a notebook "In[3]:7"."""
        return f"{_cell(self.file) or Path(self.file).name}:{self.line}"

    def __str__(self) -> str:
        file = _cell(self.file) or f'File "{self.file}"'
        return f"{file}, line {self.line}, in {self.function}\n    {self.text}"

    @classmethod
    def here(cls) -> Source:
        """The innermost line that is not in this package."""
        frame: Any = sys._getframe(1)
        while frame.f_back is not None and is_ours(frame.f_code.co_filename):
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


class Watched(Op):
    """The op of one node: as the original, and it knows where it was applied, to what, and what came out.

    Attributes:
        source: the user's line that made the node.
        within: the Watched op whose rule was running (create_graph), or None in the forward pass.
        arguments: every argument as it was given, tensors as arrays.
        output: the value.
        scope: the calls of modules around it, outermost first, where `ag.viz.trace` was told of the model.
    """

    __slots__ = ("arguments", "check", "original", "output", "scope", "source", "sums", "within")

    def __init__(self, node: Node, arguments: tuple[Any, ...], output: Any, watch: Watch) -> None:  # no parsing of rules
        op: Any = node.op
        for name in Op.__slots__:
            setattr(self, name, getattr(op, name))
        self.original, self.arguments, self.output = op, arguments, output
        self.check, self.within, self.source, self.scope = watch.check_nan, watch.within, Source.here(), watch.scope()
        self.rules = _WatchedRules(self)
        self.sums = [checksum(value) for value in node.saved]

    def where(self) -> str:
        """The source lines, for messages."""
        if self.within is None:
            return f"  {self.source}"
        return f"  {self.source}\n  while differentiating '{self.within.name}':\n{self.within.where()}"


class _WatchedRules:
    """The rules of a watched node, indexed by argument position."""

    __slots__ = ("op",)

    def __init__(self, op: Watched) -> None:
        self.op = op

    def __getitem__(self, position: int) -> Any:
        op = self.op
        rule = op.original.rules[position]

        def call(g: Any, *saved: Any) -> Any:
            for k, (value, before) in enumerate(zip(saved, op.sums, strict=True)):
                if before is not None and checksum(value) != before:
                    what = f"argument {k - 1}" if k else "the output"
                    raise AnomalyError(
                        f"the array that '{op.name}' saved ({what}) was changed in place after the op was recorded, so its "
                        f"gradient would be wrong. Change a copy, or run backward first.\n{op.where()}"
                    )
            watch, before = modes.watch, None
            if watch is not None:
                before, watch.within = watch.within, op
            try:
                c = rule(g, *saved)
            finally:
                if watch is not None:
                    watch.within = before
            if op.check:
                _check_backward(op, position, c, g, saved)
            return c

        return call

    def __len__(self) -> int:
        return len(self.op.original.rules)


class Watch(Watcher):
    """What the recorders call for each new node while `detect_anomaly` is on."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.within: Watched | None = None

    def __call__(self, node: Node, arguments: tuple[Any, ...], output: Any) -> None:
        op = node.op = Watched(node, arguments, output, self)
        if self.check_nan:
            _check_forward(op)

    def scope(self) -> tuple[Any, ...]:
        """The calls of modules that are running; only a trace knows them."""
        return ()

    def pushed(self, op: Op, arguments: tuple[Any, ...], output: Any) -> None:
        """What forward mode calls for each op."""
        if self.check_nan:
            trouble = _trouble(output, *arguments)
            if trouble is not None:
                _raise_forward(op.name, *trouble, f"  {Source.here()}", arguments)


class detect_anomaly(ContextDecorator):
    """Raise at the first value that is not finite, with the op and your source line. A context manager and a decorator.

    Forward: an op that gives NaN, or infinity from finite arguments, in its value or its tangent. Backward: a rule that
    does, also in graphs recorded here and differentiated later; when NaN comes from a branch that `where` discarded
    (0 * inf), the message says so and how to cure it. Saved arrays that were changed in place by NumPy are noticed by their
    checksums. Infinities that you put in (masks of -inf) are left alone. Each op costs some microseconds more; off, nothing.

    It sees what is recorded or pushed forward in this thread, inside the block: not ops on untracked tensors or under
    `no_grad`, not other threads, not a graph that was recorded outside.

    Args:
        check_nan: False records source lines and checksums only, as `ag.check.check_graph` wants them.

    Raises:
        AnomalyError: inside the block, or in a backward pass through a graph recorded in it.

    >>> import numpy as np, autograd_core as ag
    >>> x = ag.Tensor([1.0, -1.0], requires_grad=True)
    >>> with np.errstate(invalid="ignore"), ag.detect_anomaly():
    ...     np.log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.AnomalyError: 'log' gave NaN in 1 of 2 elements, first at [1].
    ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before.append((modes.watch, modes.recording))
        modes.watch = Watch(self.check_nan)
        if modes.recording:
            modes.recording = None
        return self

    def __exit__(self, *exc: object) -> None:
        modes.watch, modes.recording = self._before.pop()

    def _recreate_cm(self) -> detect_anomaly:  # a decorated function may run in several threads at once
        return type(self)(self.check_nan)


def checksum(value: Any) -> int | None:
    """Of an array with elements; nothing else can change."""
    value = to_host(bare(value))
    if not isinstance(value, np.ndarray) or not value.size or value.dtype.hasobject:
        return None
    return zlib.crc32(np.ascontiguousarray(value).data.cast("B"))


def _arrays(x: Any) -> Iterator[Any]:
    """The arrays inside a value: of a Dual its tangent as well."""
    pending = [x]
    while pending:
        x = dense(pending.pop())
        if isinstance(x, Tensor):
            pending.append(x._data)
        elif isinstance(x, Dual):
            pending += [x._tangent, x._data]
        elif is_foreign(x):
            pending.append(to_host(x))
        elif isinstance(x, (np.ndarray, np.generic, float, complex)) and np.asarray(x).dtype.kind in "fc":
            yield np.asarray(x)


def _any(test: Any, *values: Any) -> bool:
    return any(bool(test(array).any()) for value in values for array in _arrays(value))


def _trouble(output: Any, *arguments: Any) -> tuple[str, Any] | None:
    """What is not finite in an output and was not handed in: ("NaN" or "infinity", where)."""
    for array in _arrays(output):
        if not np.isfinite(array).all():
            wrong = np.isnan(array)
            if wrong.any():
                return "NaN", wrong
            if not _any(np.isinf, *arguments):
                return "infinity", np.isinf(array)
    return None


def _count(what: str, wrong: Any) -> str:
    place = f", first at [{', '.join(map(str, np.argwhere(wrong)[0]))}]" if wrong.ndim else ""
    return f"{what} in {np.count_nonzero(wrong)} of {wrong.size} element{'s' * (wrong.size != 1)}{place}"


def _summary(name: str, value: Any) -> str:
    for array in _arrays(value):
        finite = array[np.isfinite(array)]
        text = f"  {name}: {array.dtype} of shape {array.shape}"
        if finite.size:
            text += f", {'values from {:.4g} to {:.4g}'.format(*_ends(finite))}"
        nans, infs = np.isnan(array).sum(), np.isinf(array).sum()
        return text + (f", {nans} NaN" if nans else "") + (f", {infs} infinite" if infs else "")
    return f"  {name}: {bare(value)!r}"[:100]


def _ends(finite: Any) -> tuple[float, float]:
    finite = np.abs(finite) if finite.dtype.kind == "c" else finite
    return finite.min(), finite.max()


def _check_forward(op: Watched) -> None:
    trouble = _trouble(op.output, *op.arguments)
    if trouble is not None:
        _raise_forward(op.name, *trouble, op.where(), op.arguments)


def _raise_forward(name: str, what: str, wrong: Any, where: str, arguments: tuple[Any, ...]) -> None:
    shown = [_summary(f"argument {k}", x) for k, x in enumerate(arguments)]
    given = [k for k, x in enumerate(arguments) if _any(np.isnan, x)]
    if what == "NaN" and given:
        cause = f"Argument {given[0]} is NaN already: it comes from your data, or from outside of detect_anomaly()."
    else:
        cause = (
            "If a `where` discards these elements later, the gradient will still be NaN (0 * inf): give the op a safe value "
            "there, as in where(ok, f(where(ok, x, 1.0)), other)."
        )
    raise AnomalyError("\n".join([f"'{name}' gave {_count(what, wrong)}.", where, *shown, cause]))


def _check_backward(op: Watched, position: int, c: Any, g: Any, saved: tuple[Any, ...]) -> None:
    trouble = _trouble(c, g, *saved)
    if trouble is None:
        return
    what, wrong = trouble
    lines = [f"backward: the rule of '{op.name}' for argument {position} gave {_count(what, wrong)}.", op.where()]
    lines.append(_summary("cotangent g", g))
    lines += [_summary(f"argument {k}", x) for k, x in enumerate(op.arguments)]
    if _any(np.isnan, g):
        lines.append("The cotangent is NaN already: the one that backward was given, or from outside of detect_anomaly().")
    elif what == "NaN" and _discarded(bare(g), wrong):
        lines.append(
            "The cotangent is exactly 0 there: the element was discarded (by `where`, `maximum`, an index ...), and "
            "0 * inf = NaN. The cure is a `where` before the op as well: where(ok, f(where(ok, x, 1.0)), other), so that the "
            "op never sees the value at which its derivative is infinite."
        )
    raise AnomalyError("\n".join(lines))


def _discarded(g: Any, wrong: Any) -> bool:
    """Whether no cotangent arrived where the gradient is wrong."""
    g = np.asarray(to_host(g))
    return not (g[wrong] if g.shape == wrong.shape else g).any()
