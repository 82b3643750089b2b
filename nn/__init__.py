"""Layers, losses and initializers on the engine of `autograd_core`; no layer contains a derivative."""

from . import (
    activations,
    attention,
    containers,
    convolution,
    data,
    diagnostics,
    dropout,
    embedding,
    functional,
    init,
    linear,
    losses,
    margins,
    metrics,
    module,
    normalization,
    padding,
    parallel,
    pooling,
    positional,
    recurrent,
    transformer,
)
from .activations import *  # noqa: F403
from .attention import *  # noqa: F403
from .containers import *  # noqa: F403
from .convolution import *  # noqa: F403
from .dropout import *  # noqa: F403
from .embedding import *  # noqa: F403
from .linear import *  # noqa: F403
from .losses import *  # noqa: F403
from .margins import *  # noqa: F403
from .module import *  # noqa: F403
from .normalization import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403
from .positional import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .training import History, evaluate, fit
from .transformer import *  # noqa: F403

_FAMILIES = (
    activations,
    attention,
    containers,
    convolution,
    dropout,
    embedding,
    linear,
    losses,
    margins,
    module,
    normalization,
    padding,
    pooling,
    positional,
    recurrent,
    transformer,
)

__all__ = [  # noqa: PLE0604  each family names its own; functions of lower case are in nn.functional
    "History",
    "data",
    "diagnostics",
    "evaluate",
    "fit",
    "functional",
    "init",
    "metrics",
    "parallel",
    "substituted",  # noqa: F405
    *[name for family in _FAMILIES for name in family.__all__ if name[0].isupper()],
]
