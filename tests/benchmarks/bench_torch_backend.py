"""The torch back end beside numba on BSDS500 val: labels that agree before connectivity, time.

python tests/benchmarks/bench_torch_backend.py --limit 10 --device cpu
"""

import argparse
import os
import resource
import time
from pathlib import Path

import numpy as np
from PIL import Image

from spam_pipe.stages.clustering.backends import cluster_tasks
from spam_pipe.stages.clustering.spam import lay_out
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.memory import encoder, forward_on_device

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mode", choices=("refined", "paper"), default="refined")
    parser.add_argument("--counts", default="100,400")
    options = parser.parse_args()
    paths = sorted((ROOT / "BSDS500" / "data" / "images" / "val").glob("*.jpg"))
    configs = {
        name: SegmentConfig(backend=name, mode=options.mode)  # type: ignore[arg-type]
        for name in ("numba", "torch")
    }
    encoder(Model("trunk", "torch", options.device))
    rows: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    for path in paths[:: max(1, len(paths) // options.limit)][: options.limit]:
        lab = rgb_to_lab(np.asarray(Image.open(path).convert("RGB")))
        kept = forward_on_device(Model("trunk", "torch", options.device), path.stem, lab)
        arrays = kept.to_arrays()
        for count in map(int, options.counts.split(",")):
            for name in ("trunk", "none"):
                labels, seconds, work = {}, [], []
                for backend, config in configs.items():
                    seen = arrays if backend == "numba" else kept
                    known = {} if name == "none" else {"deep": seen.deep, "contour": seen.contour}
                    task = lay_out(lab, count, config=config, **known)
                    device = "cpu" if backend == "numba" else options.device
                    if not rows:  # compile kernels, start the device
                        list(cluster_tasks([task], config, device))
                    started, cpu = time.perf_counter(), time.process_time()
                    (result,) = cluster_tasks([task], config, device)
                    seconds.append(time.perf_counter() - started)
                    work.append(time.process_time() - cpu)
                    labels[backend] = result.labels
                same = float((labels["numba"] == labels["torch"]).mean())
                rows.setdefault((name, count), []).append((same, *seconds, *work))
    print(
        f"{options.mode} mode, {len(next(iter(rows.values())))} images, {options.device}; ", end=""
    )
    print("labels equal before connectivity, medians of seconds")
    print("network     K   mean equal  least equal   numba s   torch s   numba CPU s  torch CPU s")
    for (name, count), measured in rows.items():
        figures = np.array(measured)
        middle = np.median(figures[:, 1:], axis=0)
        print(
            f"{name:8} {count:4} {figures[:, 0].mean():12.6f} {figures[:, 0].min():12.6f} "
            f"{middle[0]:9.3f} {middle[1]:9.3f} {middle[2]:13.3f} {middle[3]:12.3f}"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    if options.device != "cpu":
        import torch

        print(f"peak on the device {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
