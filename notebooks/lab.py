"""What every notebook begins with: one look for all plots, and smaller sizes where the tests run them.

from lab import np, plt, size
"""

import os

import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings

import matplotlib.pyplot as plt
import numpy as np

REDUCED = bool(os.environ.get("NOTEBOOKS_REDUCED"))

# orange, blue, green, ...: told apart also by the colour-blind (Okabe and Ito, 2008)
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]


def size(full, reduced):
    """`full`, or `reduced` where NOTEBOOKS_REDUCED is set: numbers of steps, samples and the like."""
    return reduced if REDUCED else full


plt.rcParams.update(
    {
        "figure.figsize": (7, 3.5),
        "figure.dpi": 110,
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": plt.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "image.cmap": "viridis",
        "legend.frameon": False,
        "font.size": 10,
    }
)
np.set_printoptions(precision=4, suppress=True)
ag.manual_seed(0)
