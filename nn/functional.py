"""Layers and losses as plain functions: those that the families define, each under the name in its `__all__`."""

from autograd_core import linear as linear  # noqa: PLC0414  an op: the second name makes it public here
from autograd_core import logsumexp as logsumexp  # noqa: PLC0414

from .activations import *  # noqa: F403
from .attention import *  # noqa: F403
from .convolution import *  # noqa: F403
from .dropout import alpha_dropout, dropout  # noqa: F401  not in its __all__: `nn.dropout` is the module
from .embedding import embedding  # noqa: F401  as above
from .losses import *  # noqa: F403
from .margins import *  # noqa: F403
from .normalization import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403
from .positional import *  # noqa: F403

__all__ = [name for name in dir() if name[0].islower()]  # classes are in nn
