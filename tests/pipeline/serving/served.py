"""Sessions and servers on small pictures, for the tests of the page."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image

from spam_pipe.pipeline.runs.run import open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.serving.app import make_app
from spam_pipe.pipeline.serving.session import Session
from spam_pipe.pipeline.session.layers import config_layers
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import LocalFolder

TOKEN = "a-token-of-the-tests-0123456789"
QUICK = {"prior": "gradient", "assignments": ["segment.network=none"], "device": "cpu"}
"""Options that need no network: the page is the same, and starts at once."""


def draw_photographs(folder: Path, names: tuple[str, ...]) -> Path:
    """Draw pictures of soft colours in which a few objects lie."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.indices((96, 144))
    for number, name in enumerate(names):
        random = np.random.default_rng(number)
        picture = np.stack(
            [120 + 50 * np.sin(rows / 30 + a) + 30 * np.cos(columns / 40 + b) for a, b in
             random.uniform(0, 6, (3, 2))], axis=-1
        )  # fmt: skip
        for _ in range(4):
            y, x = random.integers(20, 76), random.integers(20, 124)
            inside = (rows - y) ** 2 + (columns - x) ** 2 < random.integers(12, 20) ** 2
            picture[inside] = random.integers(0, 255, 3)
        noise = random.normal(0, 4, picture.shape)
        target = folder / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(picture + noise, 0, 255).astype(np.uint8)).save(target)
    return folder


@contextmanager
def opened(images: Path, outputs: Path, **options: Any) -> Iterator[Session]:
    """Open a session as `spam-pipe serve` does."""
    given = Options(dataset=str(images), outputs=str(outputs), **{**QUICK, **options})
    folder = LocalFolder(outputs)
    run = open_run(folder, given.run, list(config_layers(given)))
    run.begin(folder)
    run.remember()
    session = Session(run, folder, Selection(run, None), "cpu")
    try:
        yield session
    finally:
        session.close()


@contextmanager
def listening(session: Session) -> Iterator[str]:
    """Serve a session from a thread of this process; yields the address to open."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        app = make_app(session, TOKEN, port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/?token={TOKEN}"
        finally:
            session.hub.end()
            server.should_exit = True
            thread.join()


class Server:
    """The real command in a process of its own."""

    def __init__(self, *arguments: str, port: int = 0, token: str = TOKEN) -> None:
        command = [
            sys.executable, "-m", "spam_pipe", "serve", *arguments, "--no-browser",
            "--port", str(port), "--token", token, "--json",
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            if not line:
                assert self.process.stderr is not None
                raise AssertionError(self.process.stderr.read())
            said += line
        self.url = str(json.loads(said)["url"])
        self.port = int(json.loads(said)["port"])

    def kill(self) -> None:
        """End at once, as by a crash."""
        self.process.kill()
        self.process.communicate()

    def interrupt(self) -> int:
        """End as by Ctrl-C and return the exit status; nothing may be complained of."""
        self.process.send_signal(2)
        try:
            _, said = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
        assert "Traceback" not in said, said
        return int(self.process.returncode)


def wait_until(holds: Any, seconds: float = 60) -> None:
    """Wait until something holds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        time.sleep(0.05)
