"""`python -m autograd_core`: the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import AutogradError


def _demo(options: argparse.Namespace) -> int:
    from .demo import main

    return main(options.out, options.epochs, options.seed)


def _doctor(_options: argparse.Namespace) -> int:
    from .doctor import main

    return main()


def _draw(options: argparse.Namespace) -> int:
    from .viz.command import main

    return main(options)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0 when it did its work."""
    parser = argparse.ArgumentParser(prog="python -m autograd_core", description="A NumPy autodiff engine.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    demo = commands.add_parser("demo", help="train a network on handwritten digits, check it, and draw it")
    demo.add_argument("--out", type=Path, default=Path("demo"), help="folder for the pictures (default: %(default)s)")
    demo.add_argument("--epochs", type=int, default=30, help="passes over the data (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="for weights and shuffling (default: %(default)s)")
    demo.set_defaults(run=_demo)
    doctor = commands.add_parser("doctor", help="tell what would make NumPy faster on this machine")
    doctor.set_defaults(run=_doctor)
    draw = commands.add_parser("draw", help="draw the graph of a model or function")
    draw.add_argument("what", metavar="MODULE:NAME", help="a model, a class of models, or a function, such as net:Classifier")
    draw.add_argument(
        "--input", action="append", default=[], metavar="SHAPE", help="of an argument: 1,28,28; 8,16:int; or 'number'"
    )
    draw.add_argument("-o", "--out", type=Path, default=Path("graph.svg"), help=".svg, .html or .dot (default: %(default)s)")
    draw.add_argument("--collapse", default="modules", help="modules, none, or a depth (default: %(default)s)")
    draw.add_argument("--direction", choices=["LR", "TB"], default="LR", help="left to right, or top to bottom")
    draw.add_argument(
        "--max-nodes", type=int, default=200, help="leave out the middle of larger pictures (default: %(default)s)"
    )
    draw.set_defaults(run=_draw)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return int(options.run(options))
    except (AutogradError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        if "nn.parallel" in sys.modules:
            sys.modules["nn.parallel"].abort(1)  # of several ranks, the others do not wait for this one
        return 1


if __name__ == "__main__":
    sys.exit(main())
