"""Data for training: mini-batches, splits, one-hot labels; the readers of IDX, CSV and NPZ files are in `readers`.

A *dataset* is an array, a tuple or a dict of arrays with one first axis (the samples), or any object with `len(d)` and
`d[indices]`, which gives a batch for an array of sample numbers. Nothing here downloads anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

import autograd_core as ag

from .readers import Table, read_csv, read_idx, read_npz, write_npz

__all__ = [
    "Batches",
    "FunctionDataset",
    "Table",
    "batches",
    "length",
    "one_hot",
    "read_csv",
    "read_idx",
    "read_npz",
    "split",
    "take",
    "write_npz",
]


# Datasets


class FunctionDataset:
    """A dataset whose batches are computed: by reading files, drawing, or changing the samples of another dataset.

    Args:
        function: from an array of sample numbers to a batch.
        size: how many samples there are.

    >>> squares = FunctionDataset(lambda i: (i, i**2), 10)
    >>> take(squares, np.array([1, 3]))
    (array([1, 3]), array([1, 9]))
    """

    def __init__(self, function: Callable[[Any], Any], size: int) -> None:
        if size < 0:
            raise ValueError(f"a dataset has 0 or more samples; got size={size}")
        self.function, self.size = function, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, indices: Any) -> Any:
        return self.function(indices)


def _over(function: Callable[[Any], Any], dataset: Any) -> Any:
    """The structure of tuples and dicts, with the function's values in place of what they hold."""
    if isinstance(dataset, dict):
        return {key: _over(function, member) for key, member in dataset.items()}
    if isinstance(dataset, tuple):
        return tuple(_over(function, member) for member in dataset)
    return function(dataset)


def length(dataset: Any) -> int:
    """How many samples a dataset has.

    Raises:
        ShapeError: its arrays have different lengths, or there are none.
        TypeError: it is no dataset.

    >>> length((np.zeros((5, 2)), np.zeros(5)))
    5
    """
    sizes: list[int] = []
    _over(lambda member: sizes.append(_length(member)), dataset)
    if not sizes:
        raise ag.ShapeError(f"a dataset needs at least one array; got {dataset!r}")
    if len(set(sizes)) > 1:
        raise ag.ShapeError(f"all arrays of a dataset have the same number of samples along their first axis; got {sizes}")
    return sizes[0]


def _length(member: Any) -> int:
    if isinstance(member, list) or not hasattr(member, "__getitem__") or not hasattr(member, "__len__"):
        raise TypeError(
            f"a dataset is an array, a tuple or dict of arrays, or an object with len(d) and d[indices]; got a "
            f"{type(member).__name__}. Turn lists into arrays, and put several arrays into a tuple: (x, y)"
        )
    if getattr(member, "shape", None) == ():
        raise ag.ShapeError("an array of a dataset has the samples along its first axis; got shape ()")
    return len(member)


def take(dataset: Any, indices: Any) -> Any:
    """The samples with these numbers, in the structure of the dataset. A slice of arrays shares their memory.

    >>> take({"x": np.arange(4.0), "y": np.array([0, 1, 0, 1])}, np.array([3, 0]))
    {'x': array([3., 0.]), 'y': array([1, 0])}
    """
    return _over(lambda member: member[indices if hasattr(member, "shape") else _numbers(member, indices)], dataset)


def _numbers(member: Any, indices: Any) -> Any:
    return np.arange(len(member))[indices]  # an object of the user's is asked for arrays of numbers only


# Batches


@dataclass(frozen=True)
class Batches:
    """What `batches` returns: iterating gives the batches of the next epoch, `epoch(k)` those of epoch k.

    >>> loader = batches((np.arange(5), np.arange(5) ** 2), 2, shuffle=False)
    >>> len(loader), [x.tolist() for x, _ in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    dataset: Any = field(repr=False)
    batch_size: int
    shuffle: bool
    drop_last: bool
    generator: Callable[[int], np.random.Generator] = field(repr=False)
    epochs: Iterator[int] = field(repr=False)
    rank: int = 0
    size: int = 1

    def __len__(self) -> int:
        count = length(self.dataset) / (self.batch_size * self.size)
        return math.floor(count) if self.drop_last else math.ceil(count)

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(next(self.epochs))

    def epoch(self, number: int) -> Iterator[Any]:
        """The batches of one epoch (from 0). With a seed they depend on the seed and this number only."""
        samples = length(self.dataset)
        order = self.generator(number).permutation(samples) if self.shuffle else None
        together = self.batch_size * self.size
        for start in range(0, len(self) * together, together):
            count = min(together, samples - start)  # of all processes
            span = slice(start + count * self.rank // self.size, start + count * (self.rank + 1) // self.size)
            yield take(self.dataset, span if order is None else order[span])


def batches(
    dataset: Any,
    batch_size: int,
    shuffle: bool = True,
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    drop_last: bool = False,
    rank: int = 0,
    size: int = 1,
) -> Batches:
    """Mini-batches of a dataset, in a new random order each epoch.

    Several processes that train together get the shares of one batch of `size * batch_size` samples.

    Args:
        dataset: see the module.
        batch_size: samples per batch; the last batch has the rest.
        shuffle: a new random order each epoch; else the order of the dataset.
        rng: generator for the orders; by default the one of `ag.manual_seed`.
        seed: instead of a generator: epoch k gets the same order in every run, also when training is resumed there.
        drop_last: leave out a last batch that is not full.
        rank: number of this process, from 0.
        size: how many processes share each batch; they need the same seed. Of a last batch that is not full they get
            shares that differ by one sample at most, and may be empty.

    Returns:
        An object with a length, to iterate over once per epoch.

    Raises:
        ValueError: a batch size below 1, both `rng` and `seed`, or a shuffled order that processes share without a seed.
        ShapeError, TypeError: as `length`.

    >>> x, y = np.arange(5), np.arange(5) ** 2
    >>> for batch in batches((x, y), 2, shuffle=False):
    ...     print(batch)
    (array([0, 1]), array([0, 1]))
    (array([2, 3]), array([4, 9]))
    (array([4]), array([16]))
    """
    if batch_size < 1 or batch_size != int(batch_size):
        raise ValueError(f"batch_size is the number of samples in a batch, at least 1; got {batch_size}")
    if not 0 <= rank < size:
        raise ValueError(f"rank is the number of a process, from 0 to size - 1; got rank={rank}, size={size}")
    if size > 1 and shuffle and seed is None:
        raise ValueError("processes that share batches need one order: give seed=, the same for all of them")
    length(dataset)
    return Batches(dataset, int(batch_size), shuffle, drop_last, _generator(rng, seed), iter(range(2**63)), rank, size)


def _generator(rng: np.random.Generator | None, seed: int | None) -> Callable[[int], np.random.Generator]:
    """Generators by epoch: new ones from a seed, or always the same one, which goes on."""
    if seed is None:
        return lambda epoch: ag.default_rng(rng)
    if rng is not None:
        raise ValueError("give rng or seed, not both: with a seed, the order of an epoch depends on nothing else")
    return lambda epoch: np.random.default_rng([seed, epoch])


def split(
    dataset: Any,
    fractions: Sequence[float],
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    stratify: Any = None,
) -> tuple[Any, ...]:
    """Deal the samples of a dataset at random into parts: training, validation, test.

    Args:
        dataset: see the module; arrays are copied.
        fractions: of the samples in each part; their sum is 1.
        rng: generator; by default the one of `ag.manual_seed`.
        seed: instead of a generator.
        stratify: class numbers or names (n,): each part gets its share of every class, but for one or two
            samples, and the sizes of the parts stay the same.

    Returns:
        Datasets of the same structure, each in the order of the whole. Sizes are the fractions of n,
        rounded so that every sample is in one part.

    Raises:
        ValueError: fractions that are not positive or do not add up to 1, or leave a part empty; or both `rng` and `seed`.
        ShapeError: `stratify` is not one value per sample.

    >>> train, test = split((np.arange(10.0), np.arange(10) % 2), [0.8, 0.2], seed=0, stratify=np.arange(10) % 2)
    >>> len(train[0]), np.bincount(test[1])
    (8, array([1, 1]))
    """
    n, shares = length(dataset), np.asarray(fractions, dtype=float)
    if shares.ndim != 1 or not (shares > 0).all() or not math.isclose(shares.sum(), 1, abs_tol=1e-9):
        raise ValueError(f"fractions are positive and add up to 1, such as [0.8, 0.2]; got {fractions!r}")
    order = _generator(rng, seed)(0).permutation(n)
    if stratify is not None:
        labels = np.asarray(stratify)
        if labels.shape != (n,):
            raise ag.ShapeError(f"stratify has one value per sample: shape ({n},); got {labels.shape}")
        order = order[np.unique(labels[order], return_inverse=True)[1].argsort(kind="stable")]
    # Like dealing cards: sample j of a part of m samples is due at (j + 1/2)/m; neighbours go to different parts.
    ends = np.floor(np.cumsum(shares) * n + 0.5).astype(int)
    ends[-1] = n
    sizes = np.diff(ends, prepend=0)
    if not sizes.all():
        raise ValueError(f"{n} samples in parts of {fractions!r} leave a part empty")
    due = np.concatenate([(np.arange(m) + 0.5) / m for m in sizes])
    part = np.repeat(np.arange(len(sizes)), sizes)[due.argsort(kind="stable")]
    return tuple(_over(partial(_part, np.sort(order[part == k])), dataset) for k in range(len(sizes)))


def _part(indices: Any, member: Any) -> Any:
    return member[indices] if hasattr(member, "shape") else FunctionDataset(lambda i: member[indices[i]], len(indices))


def one_hot(labels: Any, num_classes: int | None = None, dtype: Any = np.float32) -> Any:
    """Rows of the identity: 1 at the class, 0 elsewhere.

    Args:
        labels: class numbers, integers of any shape (...).
        num_classes: by default the largest label + 1.
        dtype: of the result.

    Returns:
        Array of shape (..., num_classes).

    Raises:
        DTypeError: labels are no integers.
        BoundsError: a label is below 0 or not below `num_classes`.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise ag.DTypeError(f"labels are integers, 0 for the first class; got dtype {labels.dtype}")
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        known = "labels" if num_classes is None else f"labels of {classes} classes"
        raise ag.BoundsError(f"{known} are numbers from 0{'' if num_classes is None else f' to {classes - 1}'}; got {wrong[0]}")
    return (labels[..., None] == np.arange(classes)).astype(dtype)
