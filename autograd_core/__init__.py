"""A reverse-mode autodiff engine in pure Python on NumPy: `import autograd_core as ag`.

`ag.Tensor` behaves like a NumPy array and records; `backward()` collects gradients; `ag.grad`, `ag.hvp` ... transform
functions. Layers are in `nn`, optimizers in `optim`, checkers in `ag.check`, pictures in `ag.viz`.
"""

from . import memory as _memory

_memory.tune()  # before NumPy is imported, because the choice of BLAS kernels cannot be changed later

import importlib  # noqa: E402
from typing import Any  # noqa: E402

import numpy as _numpy  # noqa: E402, ICN001  private here

from . import errors as _errors  # noqa: E402
from . import methods as _methods  # noqa: E402, F401  binds the operators of Tensor
from . import ops as _ops  # noqa: E402
from . import version as _version  # noqa: E402
from .anomaly import detect_anomaly  # noqa: E402
from .errors import *  # noqa: E402, F403
from .graph import enable_grad, no_grad  # noqa: E402
from .jacobians import gnvp, hessian, hessian_diagonal, jacobian  # noqa: E402
from .memory import release_memory  # noqa: E402
from .ops import *  # noqa: E402, F403
from .ops import fft, linalg  # noqa: E402
from .randomness import default_rng, manual_seed  # noqa: E402
from .recompute import checkpoint  # noqa: E402
from .record import custom_op  # noqa: E402
from .storage import load, load_metadata, save  # noqa: E402
from .tensor import IMPLEMENTED as _IMPLEMENTED  # noqa: E402
from .tensor import Tensor, gradients  # noqa: E402
from .threads import get_num_threads, in_threads, set_num_threads  # noqa: E402
from .transforms import grad, hvp, jvp, linearize, value_and_grad, vjp  # noqa: E402

__version__ = _version.__version__

__all__ = [  # noqa: PLE0604  errors and ops name their own
    "Tensor",
    "check",  # noqa: F405
    "checkpoint",
    "custom_op",
    "default_rng",
    "detect_anomaly",
    "enable_grad",
    "fft",
    "get_num_threads",
    "gnvp",
    "grad",
    "gradients",
    "hessian",
    "hessian_diagonal",
    "hvp",
    "in_threads",
    "jacobian",
    "jvp",
    "linalg",
    "linearize",
    "load",
    "load_metadata",
    "manual_seed",
    "no_grad",
    "release_memory",
    "save",
    "set_num_threads",
    "testing",  # noqa: F405
    "value_and_grad",
    "viz",  # noqa: F405
    "vjp",
    *_errors.__all__,
    *_ops.__all__,
]


# NumPy's other names for what is here (acos, pow, amax ...), and its functions that have no gradient (argmax, isnan ...)
for _name in _numpy.__all__:
    _function = getattr(_numpy, _name)
    if _name not in globals() and callable(_function) and not isinstance(_function, type) and _function in _IMPLEMENTED:
        globals()[_name] = _IMPLEMENTED[_function]


def __getattr__(name: str) -> Any:
    if name in ("check", "testing", "viz"):  # loaded on first use: most programs need none of them
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'autograd_core' has no attribute '{name}'")
