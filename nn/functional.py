"""Layers and losses as plain functions: those that the families define, each under the name in its `__all__`."""

from autograd_core import linear, logsumexp

from . import activations, attention, convolution, losses, margins, normalization, padding, pooling, positional
from .activations import *  # noqa: F403
from .attention import *  # noqa: F403
from .convolution import *  # noqa: F403
from .dropout import alpha_dropout, dropout  # not in its __all__: `nn.dropout` is the module
from .embedding import embedding  # as above
from .losses import *  # noqa: F403
from .margins import *  # noqa: F403
from .normalization import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403
from .positional import *  # noqa: F403

_FAMILIES = (activations, attention, convolution, losses, margins, normalization, padding, pooling, positional)

__all__ = [  # noqa: PLE0604  each family names its own; classes are in nn
    "alpha_dropout",
    "dropout",
    "embedding",
    "linear",
    "logsumexp",
    *[name for family in _FAMILIES for name in family.__all__ if name[0].islower()],
]
