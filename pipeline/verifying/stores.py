"""The stores below a run's folder, each with the options that it was made with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.chain import Chain, Link, build_chain, describe, described_config
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.store.store import Store, group_name, root_json
from spam_pipe.pipeline.verifying.findings import Finding, Verified
from spam_pipe.stages.registry import STAGES


@dataclass(frozen=True)
class OpenStore:
    """A store of the run and the chain that leads to it."""

    config: RunConfig
    chain: Chain
    link: Link


def open_stores(run: Run, verified: Verified) -> list[OpenStore]:
    """Find the stores below a run's folder; damaged roots become findings."""
    names = [name for name in run.folder.names() if _stage_of(name)]
    found: dict[str, OpenStore] = {}
    damaged: list[str] = []
    configs = [run.config]
    for name in names:
        content = run.folder.read(f"{name}/zarr.json") or b""
        try:
            description = Store(run.folder, name).describe() or {}
        except UserError as error:
            if "newer" in str(error):
                verified.unknown.append(name)
            else:
                damaged.append(name)
            continue
        config = described_config(description, run.config)
        chain = {} if config is None else build_chain(config, run.folder, _stage_of(name))
        link = chain.get(_stage_of(name))
        if config is None or link is None or link.store.name != name:
            verified.unknown.append(name)
        elif not _is_sound_root(content, description):
            damaged.append(name)
        else:
            configs.append(config)
            found[name] = OpenStore(config, chain, link)
    known = {
        link.store.name: OpenStore(config, chain, link)
        for config in reversed(configs)
        for chain in [build_chain(config, run.folder)]
        for link in chain.values()
    }
    for name in damaged:
        key = f"{name}/zarr.json"
        if name in known:
            store = found[name] = known[name]
            content = root_json(describe(store.chain, store.link.name))
            mend: dict[str, Any] = {"rewrite": {key: content}}
        else:
            mend = {"remove": (key,)}
        reason = "the metadata of the store's root changed"
        verified.findings.append(Finding(name, "", None, "damaged", reason, **mend))
    verified.stores = len(found)
    return [found[name] for name in sorted(found, key=lambda name: (_rank(name), name))]


def sound_items(
    stores: list[OpenStore], items: Mapping[str, Item], findings: list[Finding]
) -> Iterator[tuple[OpenStore, Item]]:
    """Yield the last store of each chain with every item that it holds without a finding."""
    bad = {(finding.store, finding.item) for finding in findings}
    upstream = {
        link.store.name
        for store in stores
        for link in store.chain.values()
        if link.name != store.link.name
    }
    for store in stores:
        if store.link.store.name in upstream:
            continue
        names = [link.store.name for link in store.chain.values()]
        groups = set(store.link.store.run.names(store.link.store.name))
        for item in items.values():
            if group_name(item.id) in groups and not any((name, item.id) in bad for name in names):
                yield store, item


def _stage_of(name: str) -> str:
    """Return the stage whose store has that name; empty when it is no store's."""
    found = name.removesuffix(".zarr").rpartition("-")[0]
    return found if name.endswith(".zarr") and found in STAGES else ""


def _rank(name: str) -> int:
    return [*STAGES].index(_stage_of(name))


def _is_sound_root(content: bytes, description: Mapping[str, Any]) -> bool:
    said = {key: value for key, value in description.items() if key != "format"}
    return content == root_json(said)
