"""Time and memory of `spam_pipe.segment` over the number of bands, beside scikit-image's slic.

Each case runs in a process of its own, twice: the second time counts. Memory is the most that the
process held beyond what it held before the call, the image aside.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANDS = (3, 5, 10, 50, 100, 200)
SHAPE = (400, 600)
COUNT = 400

CASE = """
import resource, sys, time
import numpy as np
method, n_bands, count, *shape = sys.argv[1], *map(int, sys.argv[2:])
random = np.random.default_rng(0)
own = random.random((24, n_bands), np.float32)
regions = np.arange(shape[0])[:, None] // 100 * 6 + np.arange(shape[1]) // 100
image = own[regions] + random.normal(0, 0.05, (*shape, n_bands)).astype(np.float32)
if method == "spam":
    import spam_pipe
    bands = "all"
    run = lambda n: spam_pipe.segment(image, n, bands=bands)
else:
    from skimage.segmentation import slic
    run = lambda n: slic(image, n, compactness=0.1, start_label=0)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
run(50)
image += 1e-6
before = peak()
start = time.perf_counter()
labels = run(count)
print(time.perf_counter() - start, peak(), image.nbytes / 2**20, labels.max() + 1)
"""


def main() -> None:
    """Print a row for each number of bands."""
    print(f"{SHAPE[0]}×{SHAPE[1]} pixels, K = {COUNT}")
    print("bands   ours s   slic s   ratio   ours MiB   slic MiB   image MiB")
    for n_bands in BANDS:
        figures = {}
        for method in ("spam", "slic"):
            arguments = [method, str(n_bands), str(COUNT), *map(str, SHAPE)]
            done = subprocess.run(
                [sys.executable, "-c", CASE, *arguments],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            )
            figures[method] = [float(each) for each in done.stdout.split()]
        ours, slic = figures["spam"], figures["slic"]
        print(
            f"{n_bands:5} {ours[0]:8.2f} {slic[0]:8.2f} {ours[0] / slic[0]:7.2f} {ours[1]:10.0f} "
            f"{slic[1]:10.0f} {ours[2]:11.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
