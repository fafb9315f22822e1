"""The forward in ONNX Runtime, on processors; nothing here imports torch."""

import base64
import ctypes
import json
import os
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from spam_pipe.stages.networks.files import GRAPH_KEY
from spam_pipe.stages.networks.forward import FRAME, Encoder, Forward, goes_whole, tiles
from spam_pipe.stages.sharing import given_threads

VERSION = "1"
"""Version of the conventions between graphs and this file: names, layouts and metadata."""

_VERSION_KEY = "spam_pipe"
_LARGEST_GRAPH = 2**24
"""Bytes; graphs without weights are a thousandth of it."""

Tensors = Mapping[str, NDArray[Any]]

_sessions: WeakSet[onnxruntime.InferenceSession] = WeakSet()
"""Sessions of this process and, if it was forked, of its parents."""


class OnnxEncoder(Encoder):
    """A network that ONNX Runtime computes; its bits do not depend on the number of threads.

    Attributes
    ----------
    reach
        See `stages.networks.base.Network`.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        start: Callable[[], onnxruntime.InferenceSession],
        *,
        takes_positions: bool,
        reach: int,
    ) -> None:
        self.reach = reach
        self._takes_positions = takes_positions
        self._start = start
        self._running = os.getpid(), session

    def session(self) -> onnxruntime.InferenceSession:
        """Return the session; a forked process starts its own.

        It takes an (H, W, 3) Lab image, or (H, W, 5) classical features, and returns the arrays of
        `Forward`. The parent's threads did not follow into the fork, and its session would wait for
        them without end: it is neither used there nor freed (`_keep_inherited`).
        """
        process, session = self._running
        if process != os.getpid():
            session = self._start()
            self._running = os.getpid(), session
        return session

    @property
    def takes_positions(self) -> bool:
        """Whether `forward` needs the classical features, which depend on K."""
        return self._takes_positions

    def forward_on_device(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> Forward:
        """Compute an image's deep features: see `Encoder`."""
        image = self.input_of(lab, classical)
        height, width = image.shape[:2]
        deep, contour = (
            self._predict(image) if goes_whole((height, width)) else self._predict_tiles(image)
        )
        if contour is not None:
            _continue_to_frame(contour)
        return Forward(deep, contour)

    def _predict(self, image: NDArray[np.float32], *, frees: bool = False) -> Forward:
        session = self.session()
        (taken,) = session.get_inputs()
        options = onnxruntime.RunOptions()
        if frees:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        deep, *contours = session.run(None, {taken.name: image}, options)
        return Forward(deep, contours[0] if contours else None)

    def _predict_tiles(self, image: NDArray[np.float32]) -> Forward:
        height, width, _ = image.shape
        deep: NDArray[np.float32] | None = None
        contour: NDArray[np.float32] | None = None
        for seen, core, place in tiles((height, width), self.reach):
            # A tile takes most of a gigabyte, which the next stage needs.
            tile, edges = self._predict(np.ascontiguousarray(image[seen]), frees=True)
            if deep is None:
                deep = np.empty((height, width, tile.shape[2]), np.float32)
                contour = None if edges is None else np.empty((height, width), np.float32)
            deep[place] = tile[core]
            if edges is not None and contour is not None:
                contour[place] = edges[core]
        assert deep is not None
        return Forward(deep, contour)


def load_onnx(path: Path) -> OnnxEncoder | None:
    """Load a network from a file that holds its graph.

    Parameters
    ----------
    path
        An .onnx file, or a .safetensors file of this project.

    Returns
    -------
    None where the file holds no graph, as those from before there were graphs and public ones.

    Raises
    ------
    ValueError
        When the file cannot be used; it says why, and what to do.
    """
    if path.suffix == ".onnx":
        return encoder_of(_read_bytes(path), {}, str(path))
    found = _read_safetensors(path) if path.suffix == ".safetensors" else None
    return None if found is None else encoder_of(*found, str(path))


def encoder_of(graph: bytes, tensors: Tensors, name: str) -> OnnxEncoder:
    """Make an encoder of an ONNX model.

    Parameters
    ----------
    graph
        The model, serialised.
    tensors
        Weights that the model names and does not hold.
    name
        What an error calls it.

    Raises
    ------
    ValueError
        When ONNX Runtime cannot compute it, or it is not one of this project's.
    """
    start = partial(_start, graph, tensors)
    try:
        session = start()
    except Exception as error:  # its own kinds have no common base
        raise ValueError(f"{name}: no ONNX model that can be computed: {_said(error)}") from error
    facts = session.get_modelmeta().custom_metadata_map
    version = facts.get(_VERSION_KEY)
    if version is None:
        raise ValueError(
            f"{name}: an ONNX model of another program; `spam-pipe weights export` writes those "
            "that can be used here"
        )
    if version != VERSION:
        raise ValueError(
            f"{name}: an ONNX model of format {version}, this spam-pipe reads {VERSION}: export it "
            "again with `spam-pipe weights export` of this version"
        )
    try:
        encoder = OnnxEncoder(
            session,
            start,
            takes_positions=bool(json.loads(facts["takes_positions"])),
            reach=int(facts["reach"]),
        )
        black = np.zeros((9, 7, 5), np.float32)
        seen = encoder.forward(black[..., :3], black)
        whole = seen.deep.shape[:2] == black.shape[:2] and seen.deep.ndim == 3
    except Exception as error:
        raise ValueError(f"{name}: damaged: {_said(error)}; export it again") from error
    if not whole or not np.isfinite(seen.deep).all():
        raise ValueError(
            f"{name}: its features are not finite, or of another shape: export it again"
        )
    return encoder


def _start(graph: bytes, tensors: Tensors) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = given_threads()
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take cores from other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what is wrong becomes an exception
    if tensors:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in tensors.values()]
        options.add_external_initializers([*tensors], values)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    _sessions.add(session)
    return session


def _keep_inherited() -> None:
    """Keep the parent's objects of ONNX Runtime from being freed in a forked process.

    Freeing it waits for its threads, which a fork leaves behind. The library itself has one from
    its import on, which a process waits for after Python has ended: a forked one leaves before.
    """
    for session in _sessions:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
    library = ctypes.CDLL(None)
    if hasattr(library, "on_exit") and hasattr(library, "__cxa_atexit"):  # of glibc
        # The last registered goes first: what C has still to write is written.
        library.on_exit(library._exit, None)
        library.__cxa_atexit(library.fflush, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_inherited)


def facts_of(network_config: str, *, takes_positions: bool, reach: int) -> dict[str, str]:
    """Return what a model's metadata must say for `encoder_of` to use it."""
    return {
        _VERSION_KEY: VERSION,
        "network": network_config,
        "takes_positions": json.dumps(takes_positions),
        "reach": str(reach),
    }


def pack_graph(graph: bytes, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return a graph without weights as it stands in a safetensors file's metadata.

    Parameters
    ----------
    graph
        An ONNX model, serialised.
    shapes
        Names and shapes of the weights that it needs.
    """
    packed = base64.b64encode(zlib.compress(graph, 9)).decode()
    return json.dumps({"version": VERSION, "model": packed, "shapes": shapes})


def _read_safetensors(path: Path) -> tuple[bytes, Tensors] | None:
    """Return a file's graph and weights; None where it has no graph that can be used."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if GRAPH_KEY not in metadata:
                return None
            graph = json.loads(metadata[GRAPH_KEY])
            if graph["version"] != VERSION:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weights file") from error
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); fetch or copy it again"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: its ONNX graph is damaged; fetch or copy it again") from error
    return _unpack(graph, path), _require_fit(graph["shapes"], tensors, str(path))


def _unpack(graph: Mapping[str, Any], path: Path) -> bytes:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(graph["model"]), _LARGEST_GRAPH)
        if not unpacking.eof:
            raise ValueError("it goes on")
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise ValueError(f"{path}: its ONNX graph is damaged; fetch or copy it again") from error
    return content


def _require_fit(shapes: Any, tensors: Tensors, name: str) -> Tensors:
    """Return the weights that a graph needs, as it needs them."""
    if not isinstance(shapes, dict):
        raise ValueError(f"{name}: its ONNX graph is damaged; fetch or copy it again")
    needed: dict[str, NDArray[np.float32]] = {}
    for key, shape in shapes.items():
        if key not in tensors:
            raise ValueError(f"{name}: weights of another network: missing {key}")
        tensor = tensors[key].astype(np.float32)
        if [*tensor.shape] != shape:
            raise ValueError(
                f"{name}: {key} has shape {tensor.shape}, the network needs {tuple(shape)}: "
                "weights of another D or width"
            )
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name}: {key} holds NaN or infinite values; use other weights")
        needed[key] = np.ascontiguousarray(tensor)
    return needed


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error


def _continue_to_frame(contour: NDArray[np.float32]) -> None:
    """Continue an (H, W) contour from a little farther in up to the frame, in place."""
    margin = min(FRAME, (min(contour.shape) - 1) // 2)
    if margin:
        contour[:margin], contour[-margin:] = contour[margin], contour[-margin - 1]
        contour[:, :margin] = contour[:, margin : margin + 1]
        contour[:, -margin:] = contour[:, -margin - 1 : -margin]


def _said(error: Exception) -> str:
    """Return the first line of what a library said, without its own prefix and file names."""
    text = " ".join(str(error).split())
    return text.rpartition("] : ")[2].partition(" : ")[2][:200] or text[:200]
