"""Ops of the engine that are not written to ONNX files, each with the reason that the error message gives."""

__all__ = ["NOT_EXPORTED"]

_COMPLEX = "ONNX has no complex numbers"
_LINALG = "ONNX has no decompositions and no linear solvers"
_SPECIAL = "ONNX has no gamma functions"
_COMPOSED = "it is written as the ops that it consists of"
_GRADIENT = "it occurs in gradients only, and an inference graph has none"

NOT_EXPORTED: dict[str, str] = {
    **dict.fromkeys(["fft", "ifft", "rfft", "irfft", "resized", "real", "imag"], _COMPLEX),
    **dict.fromkeys(["cholesky", "solve", "inv", "pinv", "lstsq", "expm", "eigh", "eig", "svd", "qr"], _LINALG),
    **dict.fromkeys(["cofactor", "second_of_det", "slogdet"], _LINALG),
    **dict.fromkeys(["gammaln", "polygamma"], _SPECIAL),
    **dict.fromkeys(["max_pool_scatter", "max_pool_gather", "window_spread", "conv_weight", "overlap_add"], _GRADIENT),
    **dict.fromkeys(["gelu", "lstm"], _COMPOSED),
}
