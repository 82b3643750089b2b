"""Optimizers and schedules: PyTorch's names, defaults and arithmetic, on flat buffers."""

from . import schedules
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .averages import EMA, SWA, ExponentialAverage
from .clipping import clip_grad_norm_, clip_grad_value_, global_norm
from .groups import groups_by_name
from .lbfgs import LBFGS
from .lion import Lion
from .muon import Muon
from .optimizer import Optimizer, Options
from .penalties import elastic_penalty, l1_penalty, l2_penalty, proximal_l1_
from .plateau import ReduceOnPlateau
from .range_test import RangeTest, lr_range_test
from .scipy_methods import minimize
from .sgd import SGD, Momentum

__all__ = [
    "EMA",
    "LBFGS",
    "SGD",
    "SWA",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ExponentialAverage",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Optimizer",
    "Options",
    "RAdam",
    "RMSprop",
    "RangeTest",
    "ReduceOnPlateau",
    "clip_grad_norm_",
    "clip_grad_value_",
    "elastic_penalty",
    "global_norm",
    "groups_by_name",
    "l1_penalty",
    "l2_penalty",
    "lr_range_test",
    "minimize",
    "proximal_l1_",
    "schedules",
]
