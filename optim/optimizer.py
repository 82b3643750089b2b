"""The base of all optimizers: groups, settings, blocks and state.

An optimizer is the names of its state arrays and one update, written like the paper's equations. Where the arrays come
from, which parameters have a gradient, the blocks and the threads, weight decay, `maximize` and state dicts are here.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from itertools import combinations
from typing import Any, TypedDict

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, is_foreign, one_kind, overlap, to_host
from autograd_core.text import one_line

from .block import Block
from .flat import Flat, State
from .states import count, load_or_restore

__all__ = ["Betas", "Block", "Optimizer", "Options", "Setting", "State"]  # all that a new optimizer needs

Setting = float | Callable[[int], float]  # a number, or a schedule
Betas = tuple[Setting, Setting]

_BLOCK = 131_072  # elements: few calls, and the arrays of one update stay in cache
_PART = 2 * _BLOCK  # below two such parts, waking a second thread costs more than it saves (measured)

# lower and upper bound (included) of settings, by name
_WHOLE = {"max_iter", "history_size"}
_BELOW_ONE, _MOST = math.nextafter(1.0, 0.0), sys.float_info.max
_BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("lr", "eps", "weight_decay", "momentum", "lr_decay", "initial_accumulator_value"), (0.0, _MOST)),
    **dict.fromkeys(("momentum_decay", "alpha", "tolerance_grad", "tolerance_change"), (0.0, _MOST)),
    **dict.fromkeys(_WHOLE, (1, _MOST)),
    "betas": (0.0, _BELOW_ONE),
    "rho": (0.0, 1.0),
}
_FINITE = -_MOST, _MOST  # of numbers that have no bounds
_NUMBER, _WORDS = (float, int), (bool, str, type(None))
# Bounds by type and name: a quick look at each setting of each step, which passes most of them
_NEVER = math.inf, -math.inf
_PLAIN: dict[type, dict[str, tuple[float, float]]] = {
    float: _BOUNDS | dict.fromkeys(_WHOLE | {"betas"}, _NEVER),
    int: _BOUNDS | {"betas": _NEVER},
    bool: dict.fromkeys(_BOUNDS, _NEVER),
}


class Options(TypedDict, total=False):
    """What every optimizer takes beside its own settings.

    Attributes:
        maximize: climb instead.
        decoupled_weight_decay: shrink the parameters by lr * weight_decay themselves, instead of adding
            weight_decay * p to the gradient (Loshchilov and Hutter 2019).
        skip_nonfinite: leave a step out, with a warning, if a gradient is NaN or infinite.

    >>> import autograd_core as ag
    >>> from optim import SGD
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> sgd = SGD([x], lr=0.1, maximize=True)
    >>> (-(x - 5) ** 2).sum().backward(); sgd.step(); x  # climbs towards 5
    Tensor([3.4], requires_grad=True)
    """

    maximize: bool
    decoupled_weight_decay: bool
    skip_nonfinite: bool


class Optimizer:
    """Base of all optimizers.

    A subclass gives the names and first values of its state arrays in `arrays`, and defines `update`.

    Args:
        params: parameters, or pairs of name and parameter, or a list of dicts `{"params": [...], "lr": ...}`: groups with
            settings of their own. The parameters move into one array for each group and dtype, of which they become views.
        options: `maximize`, `decoupled_weight_decay` and `skip_nonfinite`; the last is of the optimizer, not of a group.
        defaults: settings for groups that do not have them. Each may be a number, or a schedule: a function of
            the step number (0 for the first step). So may each number of a tuple.

    Attributes:
        param_groups: one dict per group: `params` and settings. Settings may be changed between steps.
        step_count: steps done; what schedules are asked for next.
        skipped_steps: how many steps `skip_nonfinite` left out; `last_skipped` says why the last one was.

    Raises:
        ValueError: no parameters, a parameter twice, parameters that share memory, or a setting out of its bounds.
        TypeError: an unknown setting.

    >>> import autograd_core as ag
    >>> class SignDescent(Optimizer):
    ...     def __init__(self, params, lr=0.1, **options):
    ...         super().__init__(params, options, lr=lr)
    ...     def arrays(self, h):
    ...         return {}  # keeps nothing from step to step
    ...     def update(self, p, g, s, h):
    ...         p -= h["lr"] * (g / abs(g))
    >>> x = ag.Tensor([3.0, -2.0], requires_grad=True)
    >>> sgd = SignDescent([x], lr=0.5)
    >>> (x * x).sum().backward(); sgd.step(); x
    Tensor([ 2.5, -1.5], requires_grad=True)
    """

    numbers: Mapping[str, float] = {"step": 0}  # what each parameter has beside its arrays
    by_parameter = False  # whether an update is of a whole parameter in its shape, and not of blocks of elements

    def __init__(self, params: Iterable[Any], options: Options | None = None, **defaults: Any) -> None:
        if isinstance(params, ag.Tensor):
            raise TypeError("an optimizer takes a list of parameters; got one tensor: write [parameter]")
        if not isinstance(params, Iterable):
            raise TypeError(f"an optimizer takes parameters, such as model.parameters(); got a {type(params).__name__}")
        unknown = dict(options or {}).keys() - Options.__annotations__.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(defaults)} and {_OPTIONS}")
        entries = list(params)
        if not entries:
            raise ValueError("an optimizer needs at least one parameter; got an empty list")
        given: dict[str, Any] = {"maximize": False, "decoupled_weight_decay": False, **(options or {})}
        self.skip_nonfinite = given.pop("skip_nonfinite", False)
        self.defaults = defaults | given
        self.param_groups: list[dict[str, Any]] = []
        self.step_count = self.skipped_steps = 0
        self.last_skipped: str | None = None
        self._flats: list[list[Flat]] = []
        for group in entries if any(isinstance(entry, Mapping) for entry in entries) else [{"params": entries}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group, `{"params": [...], "lr": ...}`; settings that it does not have are the optimizer's own."""
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise TypeError(f'a group is a dict with its parameters, {{"params": [...]}}; got {_briefly(param_group)}')
        unknown = param_group.keys() - self.defaults.keys() - {"params", "param_names"}
        if unknown:
            raise ValueError(f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(self.defaults)}")
        members, names = _members(param_group)
        if len(names) not in (0, len(members)):
            raise ValueError(f"param_names has one name for each of the {len(members)} parameters; got {names}")
        group = {**self.defaults, **param_group, "params": members} | ({"param_names": names} if names else {})
        _check_new(members, self._parameters())
        one_kind(f"a group of {type(self).__name__}", *members)
        self._settings(group)
        self._check_group(group)
        self.param_groups.append(group)
        known = len(self._parameters()) - len(members)
        labels = names or [p.name or f"number {k}" for k, p in enumerate(members, start=known)]
        self._flats.append([Flat(same, self.numbers, of_same) for same, of_same in _by_dtype(members, labels)])

    def _check_group(self, group: dict[str, Any]) -> None:
        """Refuse settings or parameters that the optimizer cannot work with."""

    def _parameters(self) -> list[Any]:
        return [p for group in self.param_groups for p in group["params"]]

    # What a subclass defines

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """State arrays that an update with these settings needs, and the value that fills them before the first step."""
        return {}

    def advance(self, numbers: State, h: Mapping[str, Any]) -> None:
        """Bring a parameter's numbers to the step that begins."""
        numbers["step"] += 1

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """Change the block of values `p` in place.

        Args:
            p: values, one axis.
            g: their gradients, with weight decay and the sign of `maximize`; not to be changed.
            s: blocks of the state arrays by name, and the numbers: `s["step"]` is the number of this step, from 1.
            h: settings of this step, as numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    # One step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; with a closure, call it first and return its loss."""
        loss = None
        if closure is not None:
            with ag.enable_grad():
                loss = closure()
        settings = [self._settings(group) for group in self.param_groups]  # all of them, before anything changes
        for flats in self._flats:
            for flat in flats:
                flat.gather()
        if self.skip_nonfinite and self._is_skipped():
            return loss
        for h, flats in zip(settings, self._flats, strict=True):
            for flat in flats:
                self._update_flat(flat, h)
        self.step_count += 1
        return loss

    def _settings(self, group: dict[str, Any]) -> dict[str, Any]:
        """The settings of this step as numbers, within their bounds: a schedule may give anything."""
        found: dict[str, Any] = {}
        for name, value in group.items():
            if name in _NO_SETTINGS:
                continue
            found[name] = now = value if type(value) in _PLAIN else _at(value, self.step_count)
            bounds = _PLAIN.get(type(now))
            low, high = _NEVER if bounds is None else bounds.get(name, _FINITE)
            if (bounds is None or not low <= now <= high) and name in self.defaults:
                _check(name, now, self.step_count if self.step_count or _is_scheduled(value) else None)
        return found

    def _unchecked(self, group: dict[str, Any]) -> dict[str, Any]:
        """The settings as they are: a state may be saved at the end of a schedule, where no step follows."""
        return {name: _at(value, self.step_count) for name, value in group.items() if name not in _NO_SETTINGS}

    def _update_flat(self, flat: Flat, h: dict[str, Any]) -> None:
        flat.reserve(self.arrays(h))
        if self.by_parameter:
            for k in flat.present:
                self.advance(flat.numbers[k], h)
                self._update_parameter(flat, h, k)
        else:
            with flat.trial if flat.on_host and flat.real.size >= 2 * _PART else nullcontext(False) as threaded:
                for start, stop, numbers in flat.stretches(partial(self.advance, h=h)):
                    work = partial(self._update_blocks, flat, h, numbers)
                    ag.in_threads(work, start, stop, least=_PART if threaded else max(flat.real.size, 1))
        flat.release()

    def _update_blocks(self, flat: Flat, h: dict[str, Any], numbers: State, start: int, stop: int) -> None:
        pool = flat.pool()
        length = _BLOCK if flat.on_host else max(stop - start, 1)  # a GPU has no use for short blocks
        for a in range(start, stop, length):
            b = min(a + length, stop)
            state: State = {name: Block(array[a:b], pool) for name, array in flat.arrays.items()} | numbers
            self._decay_and_update(Block(flat.real[a:b], pool), flat.gradient(a, b, pool), state, h)

    def _update_parameter(self, flat: Flat, h: dict[str, Any], k: int) -> None:
        pool = flat.pool()
        state = {n: Block(x, pool) if hasattr(x, "shape") else x for n, x in flat.of_parameter(k).items()}
        gradient = Block(flat.grads[k].reshape(flat.shapes[k]), pool)
        self._decay_and_update(Block(flat.views[k], pool), gradient, state, h)

    def _decay_and_update(self, p: Block, g: Block, s: State, h: dict[str, Any]) -> None:
        if h["maximize"]:
            g = -g
        decay = h.get("weight_decay", 0.0)
        if decay and h["decoupled_weight_decay"]:
            p *= 1 - h["lr"] * decay
        elif decay:
            g = g + decay * p
        self.update(p, g, s, h)

    def _is_skipped(self) -> bool:
        """Whether a gradient has values that are not finite; then count and report."""
        found = [text for flats in self._flats for flat in flats for text in _nonfinite(flat)]
        if found:
            self.skipped_steps += 1
            self.last_skipped = f"step {self.step_count + 1} is left out: the gradient of {', of '.join(found)}"
            warnings.warn(self.last_skipped, RuntimeWarning, stacklevel=3)
        return bool(found)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self._parameters():
            p.zero_grad()

    # State

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on, beside parameters and gradients: nested dicts and lists of arrays and numbers.

        The form is PyTorch's: `state` has the arrays of each parameter by its number, `param_groups` the settings. Of
        schedules their value at this step is stored. `step_count` is what they go on from.
        """
        state = {i: self._state_of(flat, k) for i, flat, k in self._numbered() if flat.numbers[k]["step"]}
        groups, first = [], 0
        for group in self.param_groups:
            names = {"param_names": list(group["param_names"])} if "param_names" in group else {}
            indices = list(range(first, first + len(group["params"])))
            groups.append(self._unchecked(group) | names | {"params": indices})
            first += len(indices)
        return {"state": state, "param_groups": groups, "step_count": self.step_count}

    def _state_of(self, flat: Flat, k: int) -> State:
        return {name: np.array(to_host(value)) for name, value in flat.of_parameter(k).items()}

    def _numbered(self) -> Iterator[tuple[int, Flat, int]]:
        """Each parameter's number in a state dict, its flat and its place there."""
        numbers = {id(p): i for i, p in enumerate(self._parameters())}
        return ((numbers[id(p)], flat, k) for flats in self._flats for flat in flats for k, p in enumerate(flat.params))

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state: of `state_dict()`, or of PyTorch's optimizer of this name.

        Settings are loaded too, except those that are schedules here: they go on from the loaded `step_count`.

        Args:
            state_dict: arrays are copied; anything that NumPy can convert will do.

        Raises:
            DataError: of another number of groups or parameters, with arrays of other shapes, of another optimizer, or no state
                at all. Nothing was changed then.
        """
        load_or_restore(self, state_dict)

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        groups, state = state_dict["param_groups"], {int(i): s for i, s in state_dict["state"].items()}
        sizes, own = [len(group["params"]) for group in groups], [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"the state is of groups with {sizes} parameters; this {type(self).__name__} has {own}")
        order = [i for group in groups for i in group["params"]]  # PyTorch's numbers may be any
        loaded = [self._checked_state(state.get(order[i], {}), flat, k, i) for i, flat, k in self._numbered()]
        steps = count(state_dict.get("step_count", max((v.get("step", 0) for v in loaded), default=0)))
        settings = [self._loaded(*pair) for pair in zip(self.param_groups, groups, strict=True)]
        for group, given in zip(self.param_groups, settings, strict=True):  # from here on nothing can fail
            group.update(given)
        for (_, flat, k), values in zip(self._numbered(), loaded, strict=True):
            self._load_parameter(flat, k, values)
        self.step_count = steps

    def _loaded(self, group: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """A group with the settings of a state."""
        found = group | {name: _kept(name, group[name], given[name]) for name in given.keys() & self.defaults.keys()}
        for name, value in found.items():
            if name in self.defaults and not _is_scheduled(value):  # a schedule is asked by the next step
                _check(name, value, None)
        self._check_group(found)
        return found

    def _checked_state(self, values: Mapping[str, Any], flat: Flat, k: int, index: int) -> State:
        """The state of a parameter as arrays of its dtype and Python numbers."""
        unknown = values.keys() - self.arrays(_Everything()).keys() - {*self.numbers, "step"}
        if unknown:
            raise ValueError(f"the state has {sorted(unknown)}, which {type(self).__name__} does not know: whose is it?")
        found: State = {}
        for name, value in values.items():
            if name in self.numbers:
                found[name] = count(value) if name == "step" else type(self.numbers[name])(value)
            elif value is not None:
                array = np.asarray(to_host(value))
                if not np.can_cast(array.dtype, flat.values.dtype, "same_kind"):
                    raise ValueError(
                        f"{name} of parameter {index} is of {array.dtype}; the parameter is of {flat.values.dtype}"
                    )
                found[name] = np.ascontiguousarray(array, flat.values.dtype).reshape(array.shape)
                if found[name].shape != flat.shapes[k]:
                    raise ValueError(
                        f"{name} of parameter {index} has shape {found[name].shape}; the parameter has {flat.shapes[k]}"
                    )
        if found:
            found.setdefault("step", 1)  # PyTorch's SGD and Muon count none
        return found

    def _load_parameter(self, flat: Flat, k: int, values: State) -> None:
        group = next(g for g, flats in zip(self.param_groups, self._flats, strict=True) if flat in flats)
        first = self.arrays(self._unchecked(group))
        flat.reserve(first | {name: first.get(name, 0.0) for name in values if name not in self.numbers})
        a, b = flat.spans[k]
        for name, array in flat.arrays.items():
            array[a:b] = beside(values[name].reshape(-1).view(array.dtype), array) if name in values else first.get(name, 0.0)
        flat.numbers[k] = {name: values.get(name, start) for name, start in self.numbers.items()}

    def __getstate__(self) -> dict[str, Any]:
        kept = ("skip_nonfinite", "defaults", "param_groups", "skipped_steps", "last_skipped")
        return {name: vars(self)[name] for name in kept} | {"saved": self.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved, groups = state.pop("saved"), state.pop("param_groups")
        vars(self).update(state, param_groups=[], _flats=[], step_count=0)
        for group in groups:
            self.add_param_group(group)
        self._load(saved)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for k, group in enumerate(self.param_groups):
            settings = ", ".join(f"{name}={value!r}" for name, value in group.items() if name not in _NO_SETTINGS)
            lines.append(f"    group {k}: {len(group['params'])} parameters, {settings}")
        return "\n".join([*lines, ")"])


_NO_SETTINGS = {"params", "param_names"}
_OPTIONS = sorted(Options.__annotations__)


class _Everything(dict[str, Any]):
    """Settings with everything switched on."""

    def __missing__(self, name: str) -> Any:
        return 1.0


def _members(group: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """The parameters of a group, and their names if they are given as pairs."""
    given = group["params"]
    members = [given] if isinstance(given, ag.Tensor) else list(given)
    if members and all(isinstance(x, tuple) and len(x) == 2 for x in members):
        return [p for _, p in members], [str(name) for name, _ in members]
    return members, list(group.get("param_names", []))


def _check_new(members: list[Any], known: list[Any]) -> None:
    seen = {id(p) for p in known}
    for p in members:
        if not isinstance(p, ag.Tensor) or not p.is_leaf or not p.requires_grad:
            raise ValueError(f"an optimizer takes leaf tensors that require a gradient; got {_briefly(p)}")
        if id(p) in seen:
            raise ValueError(f"parameter {p.name or ''} of shape {p.shape} is given twice")
        seen.add(id(p))
    _check_apart([p for p in (*known, *members) if p.size])


def _briefly(x: Any) -> str:
    """What was given in the place of a parameter or a group."""
    if not isinstance(x, ag.Tensor):
        return f"the keys {sorted(map(str, x))}" if isinstance(x, Mapping) else f"a {type(x).__name__}"
    why = "requires none" if not x.requires_grad else "is the result of an operation" if not x.is_leaf else "is a parameter"
    return f"a {type(x).__name__}{' ' + x.name if x.name else ''} of shape {x.shape}, which {why}"


def _check_apart(params: list[Any]) -> None:
    """Refuse parameters that share memory: they could not move without being torn apart."""
    reach, last = -1, None
    own = [(*np.lib.array_utils.byte_bounds(p.data), p) for p in params if not is_foreign(p.data)]
    for start, stop, p in sorted(own, key=lambda entry: entry[:2]):
        if start < reach and last is not None and np.shares_memory(p.data, last.data):
            _refuse_shared(last, p)
        if stop > reach:
            reach, last = stop, p
    for p, q in combinations([p for p in params if is_foreign(p.data)], 2):  # where they lie is the library's secret
        if overlap(p.data, q.data):
            _refuse_shared(p, q)


def _refuse_shared(*params: Any) -> None:
    names = " and ".join(p.name or f"of shape {p.shape}" for p in params)
    raise ValueError(f"the parameters {names} share memory: give the optimizer the one tensor that all uses share")


def _by_dtype(params: list[ag.Tensor], labels: list[str]) -> list[tuple[list[ag.Tensor], list[str]]]:
    found: dict[Any, tuple[list[ag.Tensor], list[str]]] = {}
    for p, label in zip(params, labels, strict=True):
        same, of_same = found.setdefault(p.dtype, ([], []))
        same.append(p)
        of_same.append(label)
    return list(found.values())


def _at(value: Any, step: int) -> Any:
    """A setting at a step, as a Python number: NumPy's would turn float32 arrays into float64."""
    if isinstance(value, (tuple, list)):
        return tuple([part if type(part) is float else _at(part, step) for part in value])
    if callable(value):
        value = value(step)
    return value.item() if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1 else value


def _is_scheduled(value: Any) -> bool:
    return any(map(callable, value)) if isinstance(value, (tuple, list)) else callable(value)


def _check(name: str, value: Any, step: int | None) -> None:
    """Refuse a setting that is no number or out of its bounds; at a step, or (None) because it was set so."""
    low, high = _BOUNDS.get(name, _FINITE)
    parts = value if isinstance(value, tuple) else (value,)
    when = "" if step is None else f" at step {step}"
    if name not in _BOUNDS:
        if isinstance(value, _WORDS):
            return
    elif len(parts) != (2 if name == "betas" else 1):
        raise TypeError(f"{name} is {'a pair of numbers' if name == 'betas' else 'one number'}; got {value!r}{when}")
    for part in parts:
        if not isinstance(part, int if name in _WHOLE else _NUMBER):
            kind = "a whole number" if name in _WHOLE else "a number"
            raise TypeError(f"{name} is {kind}, or a function of the step number that gives one; got {part!r}{when}")
        if not low <= part <= high:
            least = "" if low == -_MOST else f"at least {low:g} and "
            limits = f"{least}finite" if high == _MOST else f"in [{low:g}, {high:g}{']' if high == 1 else ')'}"
            raise ValueError(f"{name} is {limits}; got {value}{when}")


def _kept(name: str, own: Any, given: Any) -> Any:
    """A loaded setting, where no schedule stands."""
    if isinstance(own, tuple | list):
        return tuple(_kept(name, mine, part) for mine, part in zip(own, given, strict=True))
    if callable(own):
        return own
    value = _at(given, 0)
    wanted: Any = str | None if isinstance(own, str) else float | int if own is not None else str | float | int | None
    fits = isinstance(value, wanted)
    if not fits or (isinstance(value, int) and abs(value) >= 2**53):
        raise ag.DataError(f"{name} is {own!r} here, and {one_line(repr(value), 40)} in the state")
    return value


def _nonfinite(flat: Flat) -> Iterator[str]:
    """For each gradient that has values which are not finite: the parameter, and how many."""
    for k, g in enumerate(flat.grads):
        with np.errstate(over="ignore", invalid="ignore"):
            if g is None or math.isfinite(g.dot(g)):  # without a temporary array
                continue
        bad = g.size - int(np.count_nonzero(np.isfinite(g)))
        if bad:
            yield f"parameter {flat.labels[k]} of shape {flat.shapes[k]} has {bad} of {g.size} values that are not finite"
