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
    """Base of the errors about arrays, graphs and files. A setting that cannot be meant is a plain ValueError or TypeError.

    >>> import numpy as np, autograd_core as ag
    >>> np.linalg.inv(ag.Tensor(np.zeros((2, 2))))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.record._SingularError: 'inv' cannot be computed for (float64 array of shape (2, 2)): ...
    """


class AnomalyError(AutogradError, RuntimeError):
    """Under `detect_anomaly`: a value that is not finite, or an array that was changed behind the graph's back.

    >>> import numpy as np, autograd_core as ag
    >>> with ag.detect_anomaly(), np.errstate(invalid="ignore"):
    ...     np.log(ag.Tensor([-1.0], requires_grad=True))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.AnomalyError: 'log' gave NaN in 1 of 1 element, ...
    """


class ArrayKindError(AutogradError, TypeError):
    """Arrays of two libraries in one computation (CPU and GPU), or a function that the library of an array does not have.

    >>> import autograd_core as ag
    >>> issubclass(ag.ArrayKindError, TypeError)
    True
    """


class ShapeError(AutogradError, ValueError):
    """Array shapes do not fit the operation; the message shows each of them.

    >>> import numpy as np, autograd_core as ag
    >>> ag.Tensor(np.ones(2)) + np.ones(3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.ShapeError: 'add' cannot be computed for (float64 array of shape (2,), float64 ...
    """


class DTypeError(AutogradError, TypeError):
    """A dtype that cannot do what was asked, such as an integer asked for a gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.Tensor([1, 2], requires_grad=True)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.DTypeError: a gradient needs a real or complex dtype, and int64 has none: give ...
    """


class BoundsError(ShapeError, IndexError):
    """An index or a class number outside of the axis that it selects from.

    >>> import numpy as np, autograd_core as ag
    >>> ag.Tensor([1.0, 2.0])[5]  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.BoundsError: 'getitem' cannot be computed for (float64 array of shape (2,), ...
    """


class ExportError(AutogradError, ValueError):
    """A function that cannot be written as an ONNX file: an op without an ONNX form, or a value that was not recorded.

    >>> import numpy as np, autograd_core as ag
    >>> ag.export_onnx(np.linalg.eigh, np.eye(2), "f.onnx")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.ExportError: ...
    """


class GraphError(AutogradError, RuntimeError):
    """The recorded graph cannot answer: nothing was recorded, it was freed, or a leaf it reads was overwritten.

    >>> import numpy as np, autograd_core as ag
    >>> ag.Tensor(1.0).backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.GraphError: backward on a tensor of shape () and dtype float64, which was not ...
    """


class NoRuleError(AutogradError, TypeError):
    """No derivative rule for this function, or for this argument of it.

    >>> import numpy as np, autograd_core as ag
    >>> np.i0(ag.Tensor([1.0], requires_grad=True))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.NoRuleError: no derivative rule for numpy's 'i0'. Compute it from functions ...
    """


class MissingExtraError(AutogradError, ImportError):
    """An optional package is not installed; the message holds the pip line.

    >>> import numpy as np, autograd_core as ag
    >>> issubclass(ag.MissingExtraError, ImportError)  # so `except ImportError` catches it too
    True
    """


class DataError(AutogradError, ValueError):
    """A file that is damaged, or holds something else than was expected; the message names file and place.

    >>> import pathlib, tempfile, autograd_core as ag
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    >>> _ = path.write_text("no tensors here")
    >>> ag.load(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.DataError: ...notes.txt is no safetensors file, or was cut off (...)
    """


class SaveError(AutogradError, OSError):
    """A file could not be written, because the disk is full for example; what was there before is unchanged.

    >>> import numpy as np, autograd_core as ag
    >>> ag.save(".", {"w": np.ones(2)})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_core.errors.SaveError: [Errno 22] ... could not be written (it is a folder, ...
    """
