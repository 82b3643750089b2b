"""Checkers: derivatives against numbers that come from values alone, with reports that say what is wrong and where."""

from .gradients import gradcheck
from .graphs import GraphReport, check_graph
from .hessian import hvpcheck
from .report import CheckError, Property, Report, Row
from .taylor import TaylorReport, taylor_test

__all__ = [
    "CheckError",
    "GraphReport",
    "Property",
    "Report",
    "Row",
    "TaylorReport",
    "check_graph",
    "gradcheck",
    "hvpcheck",
    "taylor_test",
]
