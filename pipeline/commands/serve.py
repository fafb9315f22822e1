"""`spam-pipe serve`: open a run in the browser, to see, steer and label superpixels."""

import glob
import socket
import sys
import threading
import webbrowser
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from types import FrameType

from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.configuration.run_config import dump_toml
from spam_pipe.pipeline.datasets import DATASETS
from spam_pipe.pipeline.datasets.images.kinds import IMAGE_SUFFIXES
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.extras import require
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.runs.run import Run, open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import held
from spam_pipe.pipeline.session.layers import config_layers
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import LocalFolder, open_folder, require_writable

_BACKLOG = 128
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Place:
    """Where the server listens."""

    # its address; port 0 for a free one
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None  # what requests carry; None for a random one
    browser: bool = True  # open the page at once
    labels: str | None = None  # folder of masks to correct; None for the run's annotations


def serve(path: str, options: Options, place: Place) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    path
        An image, a folder of images, a dataset's name, or the folder of a run.
    options
        As for `spam-pipe run`.
    place
        Where.

    Raises
    ------
    UserError
        When there is nothing of that name, the address is taken or a package is missing.
    """
    require("uvicorn", "serve", "spam-pipe serve")
    require("starlette", "serve", "spam-pipe serve")
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    options = locate(path, options)
    outputs = open_folder(options.outputs)
    if not isinstance(outputs, LocalFolder):
        raise UserError(
            f"--outputs {outputs}: the page keeps its files on a local disk; choose a folder"
        )
    require_writable(outputs)
    run = open_run(outputs, options.run, list(config_layers(options)))
    selection = Selection(run, options.limit)
    _remember(run, outputs, teller)
    _listen(run, outputs, selection, options, place, teller)


def locate(path: str, options: Options) -> Options:
    """Return the options with the run or the dataset that a path stands for.

    Raises
    ------
    UserError
        When it is none of what can be opened.
    """
    if path in DATASETS:
        return replace(options, dataset=path)
    found = expand_home(path)
    if (found / "run.toml").is_file():
        return replace(options, outputs=str(found.absolute().parent), run=found.absolute().name)
    if found.is_dir():
        return replace(options, dataset=str(found))
    if found.is_file():
        if found.suffix.lower() not in IMAGE_SUFFIXES:
            kinds = " ".join(sorted(IMAGE_SUFFIXES))
            raise UserError(f"{path}: is no image; images end in {kinds}")
        one = glob.escape(found.name)
        name = options.run or found.stem
        return replace(options, dataset=str(found.absolute().parent), pattern=one, run=name)
    raise UserError(
        f"{path}: there is no such image, folder or run, and no dataset of that name "
        f"({', '.join(name for name in DATASETS if name != 'folder')})"
    )


def _remember(run: Run, outputs: LocalFolder, teller: Teller) -> None:
    """Write `run.toml` where it says something else, which no other command may be reading."""
    if run.folder.read("run.toml") == dump_toml(run.config).encode():
        return
    with held(run.folder, None, teller.warn):
        run.begin(outputs)
        run.remember()


def _listen(
    run: Run,
    outputs: LocalFolder,
    selection: Selection,
    options: Options,
    place: Place,
    teller: Teller,
) -> None:
    import uvicorn

    from spam_pipe.pipeline.serving.app import make_app
    from spam_pipe.pipeline.serving.guard import new_token
    from spam_pipe.pipeline.serving.session import Session

    token = place.token or new_token()
    if len(token) < 16:
        raise ConfigError("--token: give at least 16 characters, or leave it out")
    masks = (
        None
        if place.labels is None
        else LocalFolder(expand_home(place.labels, "--labels").absolute())
    )
    with closing(_bound(place)) as bound:
        port = int(bound.getsockname()[1])
        device = resolve_device(options.device)
        names = () if place.host in _LOCAL else (place.host, socket.gethostname())
        session = Session(run, outputs, selection, device, masks)
        address = f"http://{_shown(place.host)}:{port}/?token={token}"
        n = len(session.items)
        teller.say(f"run {run.name}: {n} image{'s' * (n != 1)}; Ctrl-C ends")
        if not options.as_json:  # whole, however narrow the terminal is: it is clicked or copied
            teller.results.print(f"open {address}", soft_wrap=True)
        teller.show_json({"url": address, "port": port, "run": run.name, "n_items": n})
        sys.stdout.flush()
        config = uvicorn.Config(
            make_app(session, token, port, names),
            log_level="warning",
            access_log=False,
            ws="none",
            server_header=False,
            limit_concurrency=100,
            timeout_graceful_shutdown=1,
        )
        if place.browser:  # the socket listens already: the page is answered once all is set up
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server = uvicorn.Server(config)
        exiting = server.handle_exit

        def end(sig: int, frame: FrameType | None) -> None:
            session.hub.end()
            exiting(sig, frame)

        server.handle_exit = end  # type: ignore[method-assign]
        try:
            with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
                server.run(sockets=[bound])
        finally:
            session.close()


def _bound(place: Place) -> socket.socket:
    """Return a socket at the address; it is bound before anything slow begins."""
    try:
        family = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family[0], socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(family[4])
        bound.listen(_BACKLOG)
    except OSError as error:
        raise UserError(
            f"--host {place.host} --port {place.port}: {error.strerror or error}; choose another, "
            "or leave --port out for a free one"
        ) from error
    return bound


def _shown(host: str) -> str:
    if host in {"0.0.0.0", "::"}:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
