"""`fit`: the loop over epochs and batches, with validation, early stopping, clipping, and the best weights kept."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

import autograd_core as ag
from autograd_core.arrays import is_foreign, to_host
from autograd_core.extras import need
from optim import clip_grad_norm_, clip_grad_value_, global_norm

from .checkpoints import Checkpoints
from .contexts import in_mode
from .data import Batches, batches, length
from .module import Module
from .parallel import ALONE, DataParallel, Ranks, ZeroRedundancyOptimizer

__all__ = ["History", "evaluate", "fit"]

Metric = Callable[[Any, Any], float]
Metrics = Sequence[Metric] | Mapping[str, Metric]


@dataclass(repr=False)
class History:
    """What happened in each epoch. `history["loss"]` is a column, `history[-1]` the last epoch; prints as a table.

    Attributes:
        epochs: one dict per finished epoch: `epoch` (from 1), `loss`, the metrics, and with validation data all of them
            again as `validation_...`. Those without are of the batches as they were trained on: means over the epoch,
            while the weights changed.
        best_epoch: the one with the lowest validation loss; None without validation data.
        stopped: why training ended: "all epochs", "early stopping", "callback" or "interrupted".

    >>> from nn import Linear, fit, functional
    >>> import optim
    >>> x = np.arange(4.0).reshape(4, 1)
    >>> model = Linear(1, 1, dtype=float)
    >>> sgd = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, (x, 2 * x), functional.mse_loss, sgd, epochs=2, batch_size=2, progress=False)
    >>> len(history), history.stopped, list(history[-1])
    (2, 'all epochs', ['epoch', 'loss'])
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    stopped: str = "all epochs"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.stopped == "interrupted"

    def is_best(self) -> bool:
        """Whether the validation loss of the last epoch is the lowest."""
        losses = self["validation_loss"]
        before = math.inf if self.best_epoch is None else losses[self.best_epoch - 1]
        return losses[-1] < before

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, str):
            if self.epochs and key not in self.epochs[0]:
                raise KeyError(f"no column '{key}'; there are {', '.join(self.epochs[0])}")
            return [row[key] for row in self.epochs]
        return self.epochs[key]

    def __repr__(self) -> str:
        if not self.epochs:
            return f"no epoch finished ({self.stopped})"
        names = list(self.epochs[0])
        rows = [names, *([_shown(row[name]) for name in names] for row in self.epochs)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(names))]
        table = ["  ".join(text.rjust(n) for text, n in zip(row, widths, strict=True)) for row in rows]
        best = "" if self.best_epoch is None else f"; best epoch {self.best_epoch}"
        return "\n".join([*table, f"ended: {self.stopped}{best}"])

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw loss and metrics over the epochs, training beside validation; write a file if a path is given.

        Returns:
            An array of matplotlib Axes: of the loss, and of each metric.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        columns = list(self.epochs[0]) if self.epochs else ["epoch", "loss"]
        names = [name for name in columns if name != "epoch" and not name.startswith("validation_")]
        axes = ag.viz.axes(len(names), (4.4, 3.4))
        ticks = need("matplotlib.ticker", "viz")
        for ax, name in zip(axes, names, strict=True):
            for column, label, colour in zip(
                (name, f"validation_{name}"), ("training", "validation"), ag.viz.COLOURS, strict=False
            ):
                if column in columns:
                    ax.plot(self["epoch"], self[column], color=colour, label=label, marker="." if len(self) < 30 else None)
            if self.best_epoch is not None:
                ax.axvline(
                    self.best_epoch, color="#777777", linewidth=0.9, linestyle=":", label=f"best epoch: {self.best_epoch}"
                )
            logarithmic = name == "loss" and len(self) > 0 and min(self["loss"]) > 0
            ax.set(xlabel="epoch", title=name.replace("_", " "), yscale="log" if logarithmic else "linear")
            ax.xaxis.set_major_locator(ticks.MaxNLocator(integer=True))
            if len(self):
                ax.legend(frameon=False, fontsize=8, loc="upper right" if name == "loss" else "lower right")
        ag.viz.save_plot(axes, path)
        return axes


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


class _Averages:
    """Mean loss over samples, and metrics of all outputs together: exact also for metrics that are no means."""

    def __init__(self, metrics: Metrics, ranks: Ranks) -> None:
        self.ranks = ranks
        self.metrics = _named(metrics)
        self.total, self.count = 0.0, 0
        self.seen: list[tuple[Any, Any]] = []

    def add(self, loss: float, size: int, output: Any, target: Any) -> None:
        """One batch."""
        if size:  # of an empty share the loss is no number
            self.total, self.count = self.total + loss * size, self.count + size
        if self.metrics:
            self.seen.append((_array(output), _array(target)))

    def row(self, prefix: str = "") -> dict[str, float]:
        """The numbers by name: of all ranks' samples."""
        total, count = self.ranks.sum([self.total, self.count])
        if not count:
            raise ag.ShapeError("the dataset to evaluate on has no samples")
        found = {f"{prefix}loss": float(total / count)}
        if self.metrics:
            batches_of_all = zip(*self.ranks.gathered(self.seen), strict=True)  # in the order that one process has
            seen = (share for shares in batches_of_all for share in shares)
            outputs, targets = (np.concatenate(parts) for parts in zip(*seen, strict=True))
            found |= {f"{prefix}{name}": float(metric(outputs, targets)) for name, metric in self.metrics.items()}
        return found


def _named(metrics: Metrics) -> dict[str, Metric]:
    found = dict(metrics) if isinstance(metrics, Mapping) else {_name(metric): metric for metric in metrics}
    taken = [name for name in found if name in ("epoch", "loss") or name.startswith("validation_")]
    if taken:
        raise ValueError(f"the history has columns of its own named {taken}: give the metrics other names, as a dict")
    return found


def _name(metric: Any) -> str:
    name = getattr(metric, "__name__", None)
    if name is None:
        raise TypeError(f'{metric!r} has no name: give metrics as a dict, such as {{"top 3": metric}}')
    return name


def _array(x: Any) -> Any:
    if not (isinstance(x, (ag.Tensor, np.ndarray, np.generic)) or is_foreign(x)):
        raise TypeError(f"metrics compare one array of outputs with one of targets; got a {type(x).__name__}")
    return to_host(x.data if isinstance(x, ag.Tensor) else x)


def _parts(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """Arguments of the model, and the target."""
    if not isinstance(batch, tuple):
        return (batch,), batch
    if len(batch) < 2:
        raise ValueError("a tuple of a dataset ends with the targets: (x, y); for a model that needs none, pass x itself")
    return batch[:-1], batch[-1]


def _ranks(model: Any) -> Ranks:
    """The processes that train a model together."""
    return model.ranks if isinstance(model, DataParallel) else ALONE


def _evaluated(model: Module, loss: Callable[..., Any], batch: Any) -> tuple[Any, Any, Any]:
    """The loss of a batch, the outputs and the targets."""
    inputs, target = _parts(batch)
    output = model(*inputs)
    # a rank's share of the last batch may be empty; it takes part, because the others wait for its sums
    value = loss(output, target) if length(batch) else output.sum()
    if np.shape(value) != ():
        raise ag.ShapeError(f"the loss of a batch is one number; got shape {np.shape(value)}: reduce it with mean or sum")
    return value, output, target


def evaluate(
    model: Module, dataset: Any, loss: Callable[..., Any], *, batch_size: int = 256, metrics: Metrics = ()
) -> dict[str, float]:
    """Mean loss and metrics of a model over a dataset, in evaluation mode and without recording.

    Args:
        model, dataset, loss, metrics: as for `fit`.
        batch_size: how many samples are evaluated together; this limits the memory that is used.

    Returns:
        `loss` and the metrics by name.

    >>> from nn import Identity, functional, metrics
    >>> scores, labels = np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([1, 1])
    >>> evaluate(Identity(), (scores, labels), functional.cross_entropy, metrics=[metrics.accuracy])["accuracy"]
    0.5
    """
    ranks = _ranks(model)
    averages = _Averages(metrics, ranks)
    with in_mode(model, False), ag.no_grad():
        for batch in batches(dataset, batch_size, shuffle=False, rank=ranks.rank, size=ranks.size):
            value, output, target = _evaluated(model, loss, batch)
            averages.add(float(value), length(batch), output, target)
    return averages.row()


def fit(
    model: Module,
    train: Any,
    loss: Callable[..., Any],
    optimizer: Any,
    *,
    epochs: int,
    batch_size: int,
    validation: Any = None,
    metrics: Metrics = (),
    early_stopping: int | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    callbacks: Sequence[Callable[[History], Any]] = (),
    seed: int | None = None,
    drop_last: bool = False,
    progress: bool = True,
    keep_best: bool = True,
    checkpoint_dir: str | Path | None = None,
    keep: int = 3,
    resume: bool = False,
) -> History:
    """Train a model: for each epoch, for each batch, loss, gradient, step.

    A `nn.parallel.DataParallel` model is trained by all ranks together: each takes `batch_size` samples of every batch, losses
    and metrics are of all samples, and rank 0 shows the progress and writes the checkpoints.

    Ctrl-C ends the training and leaves a model that can be used: the history so far is returned, with `interrupted` set.

    Args:
        model: in training mode while it trains; afterwards every module has the mode it had before.
        train: a dataset (see `nn.data`). Of a tuple the last member is the target, the others are the model's arguments:
            `loss(model(*inputs), target)`. Any other batch is both: `loss(model(batch), batch)`.
        loss: from outputs and targets to one number: a function or a module.
        optimizer: of `optim`, with the model's parameters.
        epochs: passes over the data.
        batch_size: samples per step, of each rank.
        validation: a dataset to evaluate after each epoch.
        metrics: functions of (outputs, targets), plain arrays of the whole epoch; or a dict of them by name.
        early_stopping: end after so many epochs in a row without a lower validation loss.
        clip_norm: scale the gradients of a step so that their norm over all parameters is at most this.
        clip_value: clip every element of the gradients to [-clip_value, clip_value], before `clip_norm`.
        callbacks: called after each epoch with the history; one that returns True ends the training.
        seed: of the order of the samples and, through `ag.manual_seed`, of everything random in the model. By default
            both go on from the generator of `ag.manual_seed`.
        drop_last: leave out the last batch of an epoch if it is not full: batch normalization cannot train on one sample.
        progress: show a progress bar, if tqdm is installed.
        keep_best: at the end, however it comes, give the model the weights and buffers of its best epoch. Needs
            validation data; without, the last weights stay.
        checkpoint_dir: a folder for a checkpoint after each epoch: everything that the rest of the run depends on, whole
            or not at all. What it cannot see are generators of your own outside of the model: draw from `ag.default_rng()`.
        keep: of how many of the last epochs checkpoints are kept; that of the best epoch is kept too.
        resume: go on from the last checkpoint in the folder, if there is one: then all comes out bit for bit as from a run
            that was not interrupted. The other arguments have to be the same, but for `epochs` and `early_stopping`.

    Returns:
        The `History`, of the interrupted run too.

    Raises:
        AnomalyError: the loss, or with `clip_norm` the gradient, is NaN or infinite; says in which epoch and batch.
        ShapeError: the loss is not one number, or a dataset's arrays do not fit together.
        ValueError: settings that cannot be meant, or other ones than those of the run to resume.
        FileExistsError: there are checkpoints in the folder, and `resume` is False.
        SaveError: a checkpoint could not be written (disk full); those before are unchanged.
        DataError: none of the checkpoints can be read. A damaged last one only warns, and the one before it is taken.

    Source: clipping by norm: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013.
    Early stopping: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 7.8.

    >>> import optim
    >>> from nn import Linear, functional
    >>> x = ag.manual_seed(0).normal(size=(64, 3))
    >>> model = Linear(3, 1, dtype=float)
    >>> history = fit(model, (x, x @ [[1.0], [2.0], [3.0]]), functional.mse_loss, optim.SGD(model.parameters(), lr=0.1),
    ...               epochs=20, batch_size=16, seed=0, progress=False)
    >>> len(history), model.weight.numpy().round(2)
    (20, array([[1., 2., 3.]]))
    """
    at_least_one = {"epochs": epochs, "batch_size": batch_size, "early_stopping": early_stopping, "keep": keep}
    _checked(model, loss, optimizer, at_least_one, {"clip_norm": clip_norm, "clip_value": clip_value})
    if early_stopping is not None and validation is None:
        raise ValueError("early_stopping watches the validation loss: give validation=(x, y), for instance from nn.data.split")
    if resume and checkpoint_dir is None:
        raise ValueError("resume=True goes on from a checkpoint: give checkpoint_dir=, the folder that has them")
    for name, dataset in (("train", train), ("validation", validation)):
        if dataset is not None and not length(dataset):
            raise ag.ShapeError(f"the dataset {name}= has no samples")
    ranks = _ranks(model)
    if seed is not None:
        ranks.own_stream(ag.manual_seed(seed))
    loader = _loader(train, batch_size, seed, drop_last, ranks)
    history, best_state, checkpoints = History(), None, None
    if checkpoint_dir is not None:
        settings = {
            "batch_size": batch_size * ranks.size,
            "seed": seed,
            "samples": length(train),
            "clip_norm": clip_norm,
            "clip_value": clip_value,
            "drop_last": drop_last,
            "columns": _columns(metrics, validation is not None),
        }
        checkpoints = Checkpoints(checkpoint_dir, keep, resume, _stateful(model, loss, optimizer, callbacks), settings, ranks)
        history = History(**(checkpoints.restore() or {}))
        if keep_best and history.best_epoch is not None:
            best_state = checkpoints.weights(history.best_epoch)
    try:
        with in_mode(model, True), _bar(progress and not ranks.rank, epochs * len(loader), len(history) * len(loader)) as bar:
            while _goes_on(history, epochs, early_stopping):
                epoch = len(history) + 1
                averages = _Averages(metrics, ranks)
                for number, batch in enumerate(loader.epoch(epoch - 1), start=1):
                    place = f"epoch {epoch}, batch {number} of {len(loader)}"
                    _step(model, batch, loss, optimizer, averages, (clip_value, clip_norm), place)
                    bar.update()
                row = {"epoch": epoch, **averages.row()}
                if validation is not None:
                    held_out = evaluate(model, validation, loss, batch_size=batch_size, metrics=metrics)
                    row |= {f"validation_{name}": number for name, number in held_out.items()}
                history.epochs.append(row)
                if validation is not None and history.is_best():
                    history.best_epoch = epoch
                    best_state = model.state_dict() if keep_best else None
                bar.set_description(f"epoch {epoch} of {epochs}")
                bar.set_postfix({name: _shown(number) for name, number in row.items() if name != "epoch"})
                ends = any([callback(history) is True for callback in callbacks])  # noqa: C419  each of them is called
                if any(ranks.gathered(ends)):
                    history.stopped = "callback"
                if checkpoints is not None:
                    checkpoints.save(vars(history))
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    finally:
        if best_state is not None:
            model.load_state_dict(best_state)
    return history


def _columns(metrics: Metrics, validated: bool) -> list[str]:
    """The names in each row of the history."""
    names = ["loss", *_named(metrics)]
    return ["epoch", *names, *(f"validation_{name}" for name in names if validated)]


def _loader(train: Any, batch_size: int, seed: int | None, drop_last: bool, ranks: Ranks) -> Batches:
    """The batches; all ranks shuffle alike, without a seed by a number that rank 0 draws for each epoch."""
    alone = seed is not None or ranks.size == 1
    loader = batches(train, batch_size, seed=seed if alone else 0, drop_last=drop_last, rank=ranks.rank, size=ranks.size)
    if not len(loader):
        raise ValueError(f"drop_last leaves no batch: {length(train)} samples are fewer than batch_size={batch_size}")
    shared = lambda _epoch: np.random.default_rng(ranks.from_first(int(ag.default_rng().integers(2**63))))
    return loader if alone else replace(loader, generator=shared)


def _stateful(model: Module, loss: Any, optimizer: Any, callbacks: Sequence[Any]) -> dict[str, Any]:
    """Everything that changes during a run and knows its state, by name."""
    owners = [getattr(callback, "__self__", callback) for callback in callbacks]  # of a method, its object
    others = {"loss": loss, **{f"callback {k}": owner for k, owner in enumerate(owners)}}
    return {"model": model, "optimizer": optimizer, **{n: part for n, part in others.items() if hasattr(part, "state_dict")}}


def _goes_on(history: History, epochs: int, early_stopping: int | None) -> bool:
    """Whether there is another epoch; if not, the history says why."""
    if history.stopped == "callback":
        return False
    stale = len(history) - (history.best_epoch or 0)
    history.stopped = "all epochs" if early_stopping is None or stale < early_stopping else "early stopping"
    return history.stopped == "all epochs" and len(history) < epochs


def _checked(
    model: Any, loss: Any, optimizer: Any, at_least_one: dict[str, int | None], positive: dict[str, float | None]
) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"fit trains a Module; got a {type(model).__name__}")
    for name, count in at_least_one.items():
        if count is not None and (not isinstance(count, int | np.integer) or count < 1):
            raise ValueError(f"{name} is a whole number, at least 1; got {count!r}")
    for name, bound in positive.items():
        if bound is not None and not bound > 0:
            raise ValueError(f"{name} is positive, or None for no clipping; got {bound!r}")
    if isinstance(loss, type):
        raise TypeError(f"the loss is called with outputs and targets: give an instance, {loss.__name__}()")
    if not hasattr(optimizer, "param_groups"):
        raise TypeError(f"fit takes an optimizer of optim, such as optim.Adam(model.parameters()); got {optimizer!r}")
    if not {id(p) for p in _parameters(optimizer)} & {id(p) for p in model.parameters()}:
        raise ValueError("the optimizer has none of the model's parameters: make it with model.parameters() of this model")


def _parameters(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _step(
    model: Module,
    batch: Any,
    loss: Callable[..., Any],
    optimizer: Any,
    averages: _Averages,
    clip: tuple[float | None, float | None],
    place: str,
) -> None:
    """One step of the optimizer, for one batch."""
    value, output, target = _evaluated(model, loss, batch)
    if not isinstance(value, ag.Tensor):
        raise ag.GraphError(
            f"the loss is a {type(value).__name__} that no gradient comes from: compute it from the model's outputs"
        )
    number = float(value)
    _finite(number, "loss", place)
    optimizer.zero_grad()
    value.backward()
    _clip(optimizer, *clip, place)
    optimizer.step()
    averages.add(number, length(batch), output, target)


def _finite(number: float, what: str, place: str) -> None:
    if not math.isfinite(number):
        raise ag.AnomalyError(
            f"the {what} is {number} at {place}, before the step. A smaller learning rate or clip_norm= may keep it finite; "
            "to see which operation it comes from, run fit under ag.detect_anomaly()."
        )


def _clip(optimizer: Any, value: float | None, norm: float | None, place: str) -> None:
    """Clip gradients by value and then by norm."""
    params = _parameters(optimizer)
    if isinstance(optimizer, ZeroRedundancyOptimizer) and (value or norm):
        found = optimizer.clip(value, norm)
        _finite(found if norm else 0.0, "norm of the gradient", place)
        return
    if value is not None:
        clip_grad_value_(params, value)
    if norm is not None:
        _finite(global_norm(params), "norm of the gradient", place)
        clip_grad_norm_(params, norm)


class _NoBar:
    """Where no progress is shown."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def update(self) -> None:
        """One batch is done."""

    set_description = set_postfix = lambda _self, _shown: None


def _bar(progress: bool, total: int, done: int) -> Any:
    if progress and importlib.util.find_spec("tqdm") is not None:
        return need("tqdm", "demo").tqdm(total=total, initial=done, desc="training", unit="batch")
    return _NoBar()
