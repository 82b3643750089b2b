"""The errors this package raises: one small family, each also the builtin that a caller would expect to catch."""

__all__ = [
    "AnomalyError",
    "ArrayKindError",
    "AutogradError",
    "BoundsError",
    "DTypeError",
    "DataError",
    "ExportError",
    "GraphError",
    "MissingExtraError",
    "NoRuleError",
    "SaveError",
    "ShapeError",
]


class AutogradError(Exception):
    """Base of the errors about arrays, graphs and files. A setting that cannot be meant is a plain ValueError or TypeError."""


class AnomalyError(AutogradError, RuntimeError):
    """Under `detect_anomaly`: a value that is not finite, or an array that was changed behind the graph's back."""


class ArrayKindError(AutogradError, TypeError):
    """Arrays of two libraries in one computation (CPU and GPU), or a function that the library of an array does not have."""


class ShapeError(AutogradError, ValueError):
    """Array shapes do not fit the operation; the message shows each of them."""


class DTypeError(AutogradError, TypeError):
    """A dtype that cannot do what was asked, such as an integer asked for a gradient."""


class BoundsError(ShapeError, IndexError):
    """An index or a class number outside of the axis that it selects from."""


class ExportError(AutogradError, ValueError):
    """A function that cannot be written as an ONNX file: an op without an ONNX form, or a value that was not recorded."""


class GraphError(AutogradError, RuntimeError):
    """The recorded graph cannot answer: nothing was recorded, it was freed, or a leaf it reads was overwritten."""


class NoRuleError(AutogradError, TypeError):
    """No derivative rule for this function, or for this argument of it."""


class MissingExtraError(AutogradError, ImportError):
    """An optional package is not installed; the message holds the pip line."""


class DataError(AutogradError, ValueError):
    """A file that is damaged, or holds something else than was expected; the message names file and place."""


class SaveError(AutogradError, OSError):
    """A file could not be written, because the disk is full for example; what was there before is unchanged."""
