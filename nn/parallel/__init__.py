"""Training by several processes at once, on one machine or on many, over MPI; the same program also runs alone.

`mpiexec -n 4 python train.py` starts four *ranks*. Each has the whole model and its share of every batch;
`DataParallel` averages the gradients, so that all ranks take the same step.
"""

from .data_parallel import DataParallel
from .launch import ALONE, Ranks, abort, world
from .sharded import ZeroRedundancyOptimizer
from .statistics import all_sum

__all__ = ["ALONE", "DataParallel", "Ranks", "ZeroRedundancyOptimizer", "abort", "all_sum", "world"]
