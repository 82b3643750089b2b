"""Damaged and hostile files and state dicts: `python -m tests.fuzz` makes 10^5 of them, `--atheris` is guided by coverage.

A case is good if it is read, or refused by an error of this package. Everything else is a finding: another exception, a
crash, more than ten seconds of work, or more than a GiB of memory. The mutations draw from a `random.Random`: hypothesis
gives one that it can shrink (tests/test_fuzz.py), the command a seeded one.

Half of the mutations change bytes. The others change what the bytes mean (a number in a header, the structure in the
metadata, one array inside an archive) and put right lengths and checksums around it, so that they get past the first check.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gzip
import io
import json
import os
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import traceback
import types
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag
import nn
import optim
from autograd_core import storage

FOLDER = Path(tempfile.gettempdir())

# Changes of bytes

NUMBERS = [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63, 2**64 - 1]


def overwrite(r: random.Random, data: bytearray) -> None:
    layout = r.choice(["<Q", ">I", "<I", "<H", "B"])
    place = r.randrange(len(data) + 1)
    number = struct.pack(layout, r.choice(NUMBERS) % 2 ** (8 * struct.calcsize(layout)))
    data[place : place + len(number)] = number


def flip(r: random.Random, data: bytearray) -> None:
    if data:
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)


def cut(r: random.Random, data: bytearray) -> None:
    a = r.randrange(len(data) + 1)
    del data[a : a + r.choice([1, 2, 8, len(data)])]


def repeat(r: random.Random, data: bytearray) -> None:
    a = r.randrange(len(data) + 1)
    data[a:a] = data[a : a + r.choice([1, 4, 32])] * r.choice([1, 2, 300])


def insert(r: random.Random, data: bytearray) -> None:
    a = r.randrange(len(data) + 1)
    data[a:a] = r.choice(
        [b"\0", b"\xff", b"{", b"[" * 3000, b'"', b",", b"\n", b"-", b"1e999", b"9" * 400, b"\xf0\x9f", b"nan"]
    )


def number(r: random.Random, data: bytearray) -> None:
    """Another number in the place of one in decimal."""
    found = [*re.finditer(rb"-?\d+", data)]
    if found:
        match = r.choice(found)
        data[match.start() : match.end()] = str(r.choice([*NUMBERS, -1, -(2**63), 10**400])).encode()


CHANGES = [overwrite, flip, cut, repeat, insert, number]


def changed(r: random.Random, data: bytes) -> bytes:
    result = bytearray(data)
    for _ in range(r.choice([1, 1, 2, 4, 9])):
        r.choice(CHANGES)(r, result)
    return bytes(result)


# Changes of meaning

ODD = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    float("nan"),
    "",
    "a",
    "\ud800",
    [],
    [1],
    {},
    {"array": "w"},
    {"tuple": []},
    {"int": "0x1"},
]


def altered(r: random.Random, node: Any) -> Any:
    """A JSON value with one place changed."""
    node = copy.deepcopy(node)
    places: list[tuple[Any, Any]] = []
    pending = [node]
    for inner in pending:  # grows
        keys = inner.keys() if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for key in keys:
            places.append((inner, key))
            pending.append(inner[key])
    if not places:
        return r.choice(ODD)
    inner, key = r.choice(places)
    what = r.randrange(4)
    if what == 0:
        del inner[key]
    elif what == 1 and isinstance(inner, dict):
        kinds = [
            "array",
            "pairs",
            "scalar",
            "tensor",
            "tuple",
            "dict",
            "items",
            "float",
            "int",
            "complex",
            "bytes",
            "generator",
        ]
        inner[r.choice(kinds)] = inner.pop(key)
    elif what == 2:
        inner[key] = copy.deepcopy(r.choice(places)[0])
    else:
        inner[key] = r.choice(ODD)
    return node


def packed_safetensors(header: Any, rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def meant_safetensors(r: random.Random, data: bytes) -> bytes:
    size = struct.unpack("<Q", data[:8])[0]
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    texts = header.get("__metadata__")
    if texts is None or r.randrange(4) == 0:
        return packed_safetensors(altered(r, header), rest)
    content = json.loads(texts["autograd_core"])
    if r.randrange(4) == 0:
        content = altered(r, content)
    else:
        content["tree"] = altered(r, content["tree"])
    texts["autograd_core"] = json.dumps(content)
    texts["autograd_core.crc32"] = storage._seal(texts)
    return packed_safetensors(header, rest)


def meant_npz(r: random.Random, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = r.choice(sorted(members))
    members[name] = changed(r, members[name])
    if r.randrange(3) == 0:  # the length of the header of the array, put right
        text = members[name][10:]
        members[name] = b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(text), 2**16 - 1)) + text
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", r.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return found.getvalue()


def meant_idx(r: random.Random, data: bytes) -> bytes:
    inner = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return gzip.compress(changed(r, inner), 1)


def meant_csv(r: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    row = r.randrange(len(lines))
    cells = lines[row].split(b",")
    cells[r.randrange(len(cells))] = r.choice([b"", b"1e400", b"-inf", b"nan", b'"', b"0x1", b"1_0", "١".encode(), b"x" * 5000])
    lines[row] = b",".join(cells * r.choice([1, 1, 2]))
    return b"\n".join(lines * r.choice([1, 1, 20]))


# Good files to start from


def written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npz")
        write(path)
        return path.read_bytes()


def safetensors_files() -> list[bytes]:
    w, rng = np.arange(6, dtype=np.float32).reshape(2, 3), np.random.default_rng
    trees = [
        {"w": w, "b": np.array([True, False]), "n": np.array(3)},
        {
            "t": ag.Tensor(w, requires_grad=True, name="w"),
            "z": np.array([1 + 2j]),
            "s": np.float16(1),
            3: (1.5, None, 2**80, b"x"),
        },
        [rng(0), np.random.Generator(np.random.MT19937(0)), np.random.Generator(np.random.Philox(0)), float("inf"), 2j],
    ]
    plain = packed_safetensors({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, w.tobytes())
    return [plain, *(written(lambda path, tree=tree: ag.save(path, tree, {"note": "n"})) for tree in trees)]


def idx_files() -> list[bytes]:
    files = [bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(6)]), bytes([0, 0, 14, 1, 0, 0, 0, 1]) + struct.pack(">d", 1.5)]
    return [*files, gzip.compress(files[0]), bytes([0, 0, 9, 0, 5])]


def npz_files() -> list[bytes]:
    arrays = {"x": np.arange(6.0).reshape(2, 3), "y": np.arange(3, dtype="u1"), "f": np.asfortranarray(np.eye(2, dtype="f4"))}
    return [written(lambda path, save=save: save(path, **arrays)) for save in (np.savez, np.savez_compressed)]


def csv_files() -> list[bytes]:
    return [b"a,b,kind\n1,2.5,x\n-3e2,4,y\n5,nan,x\n", b"1;2\n3;4\n", b'"a b",c\n1,"2"\n', b"\xef\xbb\xbf1,2,0\n3,4,1\n"]


# State dicts

VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: "text",
    dict,
    lambda: [[1, 2], [3]],
    object,
    lambda: np.array([{}], object),
    lambda: np.array("x"),
    lambda: np.zeros((2, 3), complex),
    lambda: np.zeros((2, 3)),
    lambda: np.zeros((2, 3), "M8[s]"),
    lambda: np.zeros(3, "i4,f4"),
    lambda: np.full((2, 3), np.nan),
    lambda: 10**400,
    lambda: float("inf"),
    lambda: ag.Tensor(np.zeros((2, 3)), requires_grad=True),
    lambda: np.zeros(0),
    lambda: 1,
    lambda: -1,
    lambda: b"bytes",
    lambda: ag.sin,
    lambda: Uneven(),
]


class Uneven:
    """An object that breaks whoever looks at it."""

    shape = property(lambda self: 1 / 0)

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        raise ZeroDivisionError


def altered_state(r: random.Random, state: Any) -> Any:
    """A state dict with some places changed."""
    for _ in range(r.choice([1, 1, 2, 4])):
        places: list[tuple[Any, Any]] = []
        pending = [state]
        for inner in pending:
            keys = inner.keys() if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
            places += [(inner, key) for key in keys]
            pending += [inner[key] for key in keys]
        if not places or r.randrange(20) == 0:
            return r.choice(VALUES)()
        inner, key = r.choice(places)
        what = r.randrange(3)
        if what == 0:
            del inner[key]
        elif what == 1 and isinstance(inner, dict):
            inner[r.choice([0, None, "", "weight", "0.weight", "\x1b[31m\n", (1,), "state", 10**30])] = inner.pop(key)
        else:
            inner[key] = r.choice(VALUES)()
    return state


def network() -> nn.Module:
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Linear(3, 2, rng=rng), nn.BatchNorm1d(2), nn.Linear(2, 1, rng=rng))


def load_module(state: Any) -> None:
    net = network()
    before = net.state_dict()
    try:
        net.load_state_dict(state, strict=False)
    except ag.AutogradError:
        for name, value in net.state_dict().items():
            np.testing.assert_array_equal(value, before[name])  # nothing was changed
        raise


def optimizer() -> optim.Optimizer:
    net = network()
    adam = optim.Adam(net.parameters())
    for parameter in net.parameters():
        parameter.grad = np.ones(parameter.shape, parameter.dtype)
    adam.step()
    return adam


def load_optimizer(state: Any) -> None:
    adam = optimizer()
    before = repr(adam.state_dict())
    try:
        adam.load_state_dict(state)
    except ag.AutogradError:
        assert repr(adam.state_dict()) == before
        raise
    adam.step()


def used(kind: str) -> tuple[Any, Callable[[], object]]:
    """Something else that has a state, after some use; and how it is used further."""
    p = ag.Tensor([1.0, 2.0], requires_grad=True)
    sgd, lbfgs = optim.SGD([p], lr=optim.schedules.constant(0.1)), optim.LBFGS([p], max_iter=3)

    def closure() -> Any:
        lbfgs.zero_grad()
        loss = (p**4).sum()
        loss.backward()
        return loss

    makers: dict[str, Callable[[], tuple[Any, Callable[[], object]]]] = {
        "EMA": lambda: (owner := optim.EMA([p]), owner.update),
        "SWA": lambda: (owner := optim.SWA([p]), owner.update),
        "average": lambda: (owner := optim.ExponentialAverage(), lambda: owner.update(1.0)),
        "plateau": lambda: (owner := optim.ReduceOnPlateau(sgd, patience=0), lambda: owner.step(1.0)),
        "LBFGS": lambda: (lbfgs, lambda: lbfgs.step(closure)),
    }
    owner, use = makers[kind]()
    for _ in range(3):
        use()
    return owner, use


def altered_use(r: random.Random) -> tuple[str, Any]:
    kind = r.choice(["EMA", "SWA", "average", "plateau", "LBFGS"])
    return kind, altered_state(r, used(kind)[0].state_dict())


def load_used(case: tuple[str, Any]) -> None:
    kind, state = case
    owner, use = used(kind)
    before = repr(owner.state_dict())
    try:
        owner.load_state_dict(state)
    except ag.AutogradError:
        assert repr(owner.state_dict()) == before
        raise
    use()


# Targets


class Target(NamedTuple):
    case: Callable[[random.Random], Any]
    run: Callable[[Any], object]
    seeds: Callable[[], list[bytes]] | None = None
    mutate: Callable[[random.Random, bytes], bytes] | None = None


def of_files(
    seeds: Callable[[], list[bytes]], meant: Callable[[random.Random, bytes], bytes], read: Callable[[Path], object]
) -> Target:
    known: list[bytes] = []

    def mutate(r: random.Random, data: bytes) -> bytes:
        with contextlib.suppress(Exception):  # what is damaged already has no meaning to change
            return changed(r, data) if r.randrange(2) else meant(r, data)
        return changed(r, data)

    def case(r: random.Random) -> bytes:
        if not known:
            known.extend(seeds())
        return mutate(r, r.choice(known))

    def run(data: bytes) -> object:
        path = FOLDER / f"fuzz-{os.getpid()}"
        path.write_bytes(data)
        try:
            return read(path)
        finally:
            path.unlink()  # of a crash it stays

    return Target(case, run, seeds, mutate)


def load_twice(path: Path) -> None:
    """Both ways, and use the generators: in a wrong state they would crash or hang."""
    for mmap in (True, False):
        tree = ag.load(path, mmap=mmap)
    ag.load_metadata(path)
    pending = [tree]
    for value in pending:
        if isinstance(value, (list, tuple)):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, np.random.Generator):
            value.integers(3, size=10), value.normal(size=700), value.permutation(5)


def read_tables(path: Path) -> None:
    """Read with several settings; refused if all of them do not fit."""
    errors = []
    for options in ({}, {"label": -1}, {"delimiter": ";", "dtype": np.int16}):
        try:
            nn.data.read_csv(path, **options)
        except ag.DataError as error:
            errors.append(error)
    if len(errors) == 3:
        raise errors[0]


TARGETS = {
    "safetensors": of_files(safetensors_files, meant_safetensors, load_twice),
    "idx": of_files(idx_files, meant_idx, nn.data.read_idx),
    "npz": of_files(npz_files, meant_npz, nn.data.read_npz),
    "csv": of_files(csv_files, meant_csv, read_tables),
    "module": Target(lambda r: altered_state(r, network().state_dict()), load_module),
    "optimizer": Target(lambda r: altered_state(r, optimizer().state_dict()), load_optimizer),
    "states": Target(altered_use, load_used),
}


def outcome(target: Target, case: Any) -> str:
    """How it went: read, refused, or the traceback of a finding."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers too large for float32 in a state dict, files of Python 2
            target.run(case)
    except ag.AutogradError as error:
        return "refused" if str(error) else "an error without a message"
    except Exception:  # noqa: BLE001  whatever it is, it is a finding
        return traceback.format_exc()
    return "read"


# The command


class Hang(Exception):  # noqa: N818
    """A case that does not end."""


WORK, WAIT = 10.0, 600.0  # seconds of the processor, and of the clock, which goes on while a process is paused


def limits() -> None:
    """A case that takes too long ends in an exception, and there is one GiB more than now."""

    def hang(_signal: int, _frame: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, hang)
    signal.signal(signal.SIGALRM, hang)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    bound = pages * resource.getpagesize() + 2**30
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def start_clocks(work: float, wait: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, work)
    signal.setitimer(signal.ITIMER_REAL, wait)


def chunk(name: str, seed: int, cases: int) -> Counter[str]:
    """Some cases in a process of their own, so that a crash is seen."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        found: Counter[str] = Counter()
        with contextlib.suppress(BaseException):
            limits()
            for k in range(cases):
                start_clocks(WORK, WAIT)
                kind = outcome(TARGETS[name], TARGETS[name].case(random.Random(f"{seed} {k}")))
                found[kind if kind in ("read", "refused") else f"{name}, seed '{seed} {k}':\n{kind}"] += 1
            start_clocks(0, 0)
        with os.fdopen(writer, "w") as file:
            json.dump(found, file)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if status or sum(json.loads(text or "{}").values()) < cases:
        return Counter({f"{name}, seed '{seed}': the process ended with status {status} before its {cases} cases": 1})
    return Counter(json.loads(text))


def own(names: list[str], cases: int, seed: int) -> int:
    findings = 0
    for name in names:
        share, found = cases // len(names), Counter()
        for start in range(0, share, 500):
            found += chunk(name, seed + start, min(500, share - start))
        wrong = {text: count for text, count in found.items() if text not in ("read", "refused")}
        findings += sum(wrong.values())
        print(f"{name}: {share} cases, {found['read']} read, {found['refused']} refused, {sum(wrong.values())} findings")
        shown = {text.strip().splitlines()[-1]: text for text in wrong}
        print(*shown.values(), sep="\n")
    return findings


def by_atheris(name: str, cases: int, seed: int) -> None:
    """Coverage decides which inputs are kept and changed further."""
    import atheris

    target = TARGETS[name]
    for module in (nn.readers, storage, sys.modules["autograd_core.packing"]):
        for value in [*vars(module).values()]:
            if getattr(value, "__module__", None) == module.__name__:
                for owner in (value, *vars(value).values()) if isinstance(value, type) else (value,):
                    if isinstance(owner, types.FunctionType):
                        owner.__code__ = atheris.instrument_func(owner).__code__

    def once(data: bytes) -> None:
        kind = outcome(target, data)
        if kind not in ("read", "refused"):
            raise RuntimeError(kind)

    def mutator(data: bytes, size: int, number: int) -> bytes:
        return target.mutate(random.Random(number), data)[:size]

    with tempfile.TemporaryDirectory() as corpus:
        for k, content in enumerate(target.seeds()):
            Path(corpus, str(k)).write_bytes(content)
        options = [
            f"-runs={cases}",
            f"-seed={seed}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-max_len=8192",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], once, custom_mutator=mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else FOLDER  # noqa: S108  each case is a file
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "little"))
    parser.add_argument("--atheris", choices=[name for name, target in TARGETS.items() if target.seeds])
    parser.add_argument("targets", nargs="*", default=[*TARGETS])
    given = parser.parse_args()
    print(f"seed {given.seed}")
    if given.atheris:
        by_atheris(given.atheris, given.cases, given.seed)
    else:
        sys.exit(bool(own(given.targets, given.cases, given.seed)))
