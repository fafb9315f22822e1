#!/bin/sh
# A Dask cluster by hand, wherever you can start processes; one worker per CUDA device, or one per
# core. On the first machine:
#
#   sh processes.sh scheduler                      # prints its address
#   sh processes.sh workers tcp://10.0.0.5:8786    # on each machine, with that address
#   spam-pipe run --dataset … --outputs … --scheduler tcp://10.0.0.5:8786
#
# Anybody who reaches the scheduler's port can run code as you: keep it inside your network.
set -eu
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1

case "${1:-}" in
scheduler)
	exec dask scheduler --dashboard-address 127.0.0.1:8787
	;;
workers)
	devices=$(nvidia-smi --list-gpus 2>/dev/null | wc -l)
	if [ "$devices" -eq 0 ]; then
		exec dask worker "$2" --nworkers "$(nproc)" --nthreads 1 --no-dashboard
	fi
	i=0
	while [ "$i" -lt "$devices" ]; do
		CUDA_VISIBLE_DEVICES=$i dask worker "$2" --nthreads 2 --no-dashboard &
		i=$((i + 1))
	done
	wait
	;;
*)
	echo "usage: sh processes.sh scheduler | workers ADDRESS" >&2
	exit 2
	;;
esac
