"""Run spam-pipe on a SLURM cluster.

On the login node, in the environment that spam-pipe is installed in (a folder all nodes see):

    pip install dask-jobqueue
    python slurm.py run --dataset path/to/photos --outputs /scratch/me/outputs

Whatever follows `slurm.py` is a spam-pipe command. Jobs come and go between MINIMUM and MAXIMUM;
a job that ends at its time limit costs nothing but the image at hand. Repeat the command to go on.
Put this file where you like and set the lines in capitals to what your site has.
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

QUEUE = "normal"  # sinfo lists them
ACCOUNT = None
MINIMUM, MAXIMUM = 1, 16  # jobs
WORKERS = 8  # in a job: one core and one thread each
MEMORY = "24GB"  # of a job
WALLTIME = "08:00:00"
GPU = False  # one device, one worker of two threads, in a job


def make_cluster() -> SLURMCluster:
    """Describe the jobs; the scheduler runs in this process."""
    shape = {"cores": 2, "processes": 1} if GPU else {"cores": WORKERS, "processes": WORKERS}
    return SLURMCluster(
        queue=QUEUE,
        account=ACCOUNT,
        memory=MEMORY,
        walltime=WALLTIME,
        python=sys.executable,
        job_extra_directives=["--gres=gpu:1"] if GPU else [],
        job_script_prologue=[
            f"export {name}_NUM_THREADS=1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")
        ],
        # Workers of one job end at different moments, so that their images are not lost together.
        worker_extra_args=["--lifetime", "7h30m", "--lifetime-stagger", "15m"],
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
        **shape,
    )


if __name__ == "__main__":
    with make_cluster() as cluster:
        cluster.adapt(minimum_jobs=MINIMUM, maximum_jobs=MAXIMUM)
        command = [sys.executable, "-m", "spam_pipe", *sys.argv[1:]]
        sys.exit(subprocess.call([*command, "--scheduler", cluster.scheduler_address]))
