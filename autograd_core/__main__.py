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
