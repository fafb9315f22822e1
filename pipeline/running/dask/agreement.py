"""Versions and devices that a command and the workers of an existing Dask cluster share."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.versions import PACKAGES, Versions, differences


def connect(address: str) -> Any:
    """Return a client of a scheduler; Dask's own table of versions is not shown, ours is a line.

    Raises
    ------
    OSError, TimeoutError
        When no scheduler answers.
    """
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    for name in ("distributed", "distributed.client"):  # what matters we say ourselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        return Client(address, timeout="10s", set_as_default=False)


def require_same_versions(client: Any, here: Versions) -> None:
    """Refuse a cluster that would compute something else than this process.

    Raises
    ------
    UserError
        Naming the first process that differs, both versions and the cure.
    """
    found = client.get_versions(packages=PACKAGES)
    scheduler = _plain(found["scheduler"])
    # It unpacks tasks, which takes our own package, but computes nothing.
    needed = {name: here[name] for name in ("python", "spam-pipe", "distributed")}
    if text := differences(needed, scheduler):
        raise UserError(f"--scheduler: the scheduler has {text}")
    for address, worker in sorted(found["workers"].items()):
        if text := differences(here, _plain(worker)):
            raise UserError(f"--scheduler: worker {address} has {text}")


def require_agreement(devices: Mapping[str, str]) -> str:
    """Return the device that all workers named, by address.

    Raises
    ------
    UserError
        When they differ: results of one run come from one kind of device.
    """
    kinds = {device: address for address, device in devices.items()}
    if len(kinds) > 1:
        named = ", ".join(f"{address} has {device}" for device, address in sorted(kinds.items()))
        raise UserError(f"--device auto: workers differ, {named}; say --device cpu, or cuda")
    return next(iter(kinds), "cpu")


def _plain(found: Mapping[str, Any]) -> Versions:
    packages = found["packages"]
    python = ".".join(str(found["host"]["python"]).split(".")[:2])
    return {"python": python, **{name: packages.get(name) for name in PACKAGES}}
