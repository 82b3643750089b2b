"""Spec rows: steps of recurrent layers."""

from typing import Any

import autograd_core as ag

from .base import CHOICE, general


def _joined(states: tuple[Any, Any]) -> Any:
    return ag.concatenate(states, axis=-1)


RECURRENT = [
    general("lstm_cell", lambda z, c: _joined(ag.lstm_cell(z, c)), [(2, 8), (2, 2)], [(4,), (1,)], [(0, 8), (0, 2)], **CHOICE),
    general(
        "lstm",
        lambda *args: ag.concatenate([part.ravel() for part in ag.lstm(*args)]),
        [(3, 2, 3), (8, 3), (8, 2), (8,), (2, 2), (2, 2)],
        [(1, 1, 1), (4, 1), (4, 1), (4,), (1, 1), (1, 1)],
        [(2, 0, 1), (4, 1), (4, 1), (4,), (0, 1), (0, 1)],
        domain=(-1.0, 1.0),
    ),
    general("gru_cell", ag.gru_cell, [(2, 6), (2, 6), (2, 2)], [(3,), (3,), (1,)], [(0, 3), (0, 3), (0, 1)], **CHOICE),
]
