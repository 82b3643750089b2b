"""Checkpoints: everything that the rest of a training run depends on, in one file per epoch."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.files import new_folder, remove_leftovers

from .module import Module
from .parallel.launch import ALONE, Ranks

__all__ = ["Checkpoints"]

_NAME = re.compile(r"epoch-(\d{6,})\.safetensors")


class Checkpoints:
    """The checkpoints of one run in a folder: of the last `keep` epochs, and of the best one.

    Args:
        folder: made if it is not there.
        keep: how many of the last epochs to keep.
        resume: whether the folder may have checkpoints already.
        parts: what the run consists of, by name: objects with `state_dict` and `load_state_dict`. Those of Modules are saved
            with what they leave out: buffers that are not persistent, and generators.
        settings: numbers and names that a resumed run has to agree in.
        ranks: the processes of the run: the first one reads and writes.

    Raises:
        FileExistsError: there are checkpoints, and `resume` is False.
    """

    def __init__(
        self,
        folder: str | Path,
        keep: int,
        resume: bool,
        parts: Mapping[str, Any],
        settings: Mapping[str, Any],
        ranks: Ranks = ALONE,
    ) -> None:
        self.folder, self.keep, self.parts, self.settings = Path(folder), keep, parts, dict(settings)
        self.ranks = ranks
        ranks.by_first(lambda: self._begin(resume))

    def _begin(self, resume: bool) -> None:
        new_folder(self.folder)
        remove_leftovers(self.folder)
        if self.epochs() and not resume:
            raise FileExistsError(
                f"{self.folder} has checkpoints of an earlier run: pass resume=True to go on with it, or give another folder"
            )

    def epochs(self) -> list[int]:
        """The epochs of which there are checkpoints, the last one first."""
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir() if path.is_file())
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def path(self, epoch: int) -> Path:
        """The checkpoint of an epoch."""
        return self.folder / f"epoch-{epoch:06}.safetensors"

    def save(self, history: Mapping[str, Any]) -> None:
        """Write the checkpoint of the epoch that is over; then delete those that are no longer needed."""
        epoch = len(history["epochs"])
        tree = {
            "epoch": epoch,
            "settings": self.settings,
            "history": history,
            **{name: part.state_dict() for name, part in self.parts.items()},
            **self._own(),
        }
        if self.ranks.size > 1:
            tree["ranks"] = self.ranks.gathered(self._own())
        self.ranks.by_first(lambda: self._write(tree, epoch, history["best_epoch"]))

    def _own(self) -> dict[str, Any]:
        """What each rank has of its own."""
        hidden = {name: dict(_hidden(part)) for name, part in self.parts.items() if isinstance(part, Module)}
        return {"generator": ag.default_rng(), "hidden": hidden}

    def _write(self, tree: Any, epoch: int, best: int | None) -> None:
        ag.save(self.path(epoch), tree)
        for old in self.epochs():
            if old <= epoch - self.keep and old != best:
                self.path(old).unlink()

    def restore(self) -> dict[str, Any] | None:
        """Bring the parts and this thread's generator into the state of the last checkpoint that is whole; give its history.

        Raises:
            DataError: there are checkpoints, and all are damaged; or something of this run has no state in them.
            ValueError: made with other settings.
            StateDictError: of another model.
        """
        tree = self.ranks.by_first(self._last)
        if tree is None:
            return None
        given = {"columns": list(tree["history"]["epochs"][0]), **tree["settings"]}
        before, now = ({name: one.get(name) for name in self.settings} for one in (given, self.settings))
        if before != now:
            raise ValueError(
                f"the checkpoints in {self.folder} were made with {before}; now {now}: resume with the same, or start in "
                "another folder from their weights, ag.load(path)['model']"
            )
        known = tree.get("ranks", [tree])
        own = known[self.ranks.rank % len(known)]
        self._check_generator(own["generator"])
        for name, part in self.parts.items():
            if not isinstance(tree.get(name), dict):
                raise ag.DataError(
                    f"the checkpoints in {self.folder} have no state of '{name}': resume with the same arguments"
                )
            part.load_state_dict(tree[name])
            if isinstance(part, Module):
                _restore_hidden(part, own["hidden"].get(name, {}))
        ag.default_rng().bit_generator.state = own["generator"].bit_generator.state
        if len(known) != self.ranks.size:  # another number of ranks than before: the streams are told apart again
            self.ranks.own_stream(ag.default_rng())
        return tree["history"]

    def _check_generator(self, given: np.random.Generator) -> None:
        kinds = [type(generator.bit_generator).__name__ for generator in (given, ag.default_rng())]
        if kinds[0] != kinds[1]:
            raise ag.DataError(f"the checkpoints in {self.folder} have a generator {kinds[0]}; this thread has {kinds[1]}")

    def _last(self) -> Any:
        errors: list[ag.DataError] = []
        for epoch in self.epochs():
            try:
                return self._checked(ag.load(self.path(epoch)), epoch)
            except ag.DataError as error:
                warnings.warn(f"going back one checkpoint: {error}", stacklevel=4)
                errors.append(error)
        if errors:
            raise ag.DataError(f"none of the checkpoints can be read: {'; '.join(map(str, errors))}") from errors[0]
        return None

    def _checked(self, tree: Any, epoch: int) -> Any:
        try:
            history = tree["history"]
            sound = history.keys() == {"epochs", "best_epoch", "stopped"} and len(history["epochs"]) == tree["epoch"] == epoch
            sound &= history["best_epoch"] is None or 1 <= history["best_epoch"] <= epoch
            sound &= all(isinstance(row, dict) and row.keys() == history["epochs"][0].keys() for row in history["epochs"])
            sound &= isinstance(tree["settings"], dict) and len(tree.get("ranks", [tree])) > 0
            for own in (tree, *tree.get("ranks", [])):
                sound &= isinstance(own["generator"], np.random.Generator)
                sound &= all(isinstance(values, dict) for values in own["hidden"].values())
        except (KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise ag.DataError(f"{self.path(epoch)} is no checkpoint of fit, or of another epoch")
        return tree

    def weights(self, epoch: int) -> dict[str, Any]:
        """The state dict of the model after an epoch."""
        return self.ranks.by_first(lambda: self._weights(self.path(epoch)))

    def _weights(self, path: Path) -> Any:
        if not path.exists():
            raise ag.DataError(
                f"{path} with the best weights is not there: resume with keep_best=False, and the last ones stay"
            )
        return ag.load(path)["model"]


def _hidden(module: Module) -> Iterator[tuple[str, Any]]:
    """What a state dict leaves out, and a run that goes on depends on."""
    yield from ((name, np.array(buffer.numpy())) for name, buffer in module.named_buffers() if not buffer.persistent)
    yield from _generators(module)


def _generators(module: Module) -> Iterator[tuple[str, np.random.Generator]]:
    for prefix, inner in module.named_modules():
        for name, value in vars(inner).items():
            if isinstance(value, np.random.Generator):
                yield (f"{prefix}.{name}" if prefix else name), value


def _restore_hidden(module: Module, values: Mapping[str, Any]) -> None:
    names = [name for name, _ in _hidden(module)]
    if names != list(values):
        raise ValueError(f"the checkpoint has buffers and generators {list(values)}; this {type(module).__name__} has {names}")
    with ag.no_grad():
        for name, buffer in module.named_buffers():
            if not buffer.persistent:
                buffer.copy_(values[name])
    for name, generator in _generators(module):
        generator.bit_generator.state = values[name].bit_generator.state
