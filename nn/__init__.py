"""Layers, losses and initializers on the engine of `autograd_core`; no layer contains a derivative."""

from . import data, diagnostics, functional, init, metrics, parallel
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
from .training import History, evaluate, fit  # noqa: F401  History is a class, too
from .transformer import *  # noqa: F403

__all__ = [  # noqa: PLE0604  every class; functions that a layer is made of are in nn.functional
    "data",
    "diagnostics",
    "evaluate",
    "fit",
    "functional",
    "init",
    "metrics",
    "parallel",
    "substituted",  # noqa: F405
    *[name for name in dir() if name[0].isupper()],
]
