# shellcheck shell=bash
# To be sourced: the environment in which `mpiexec -n RANKS` works on one machine, whoever runs it.
# RANKS is taken from BRENIER_RANKS, 2 when that is not set.

# One rank a core; a threaded BLAS would start another full set of threads in every rank.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

# Threads of -threads that wait give their core away; spinning ones on a busy machine take 40 s for what takes 2.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}

# Open MPI refuses to run as root, which is the user of most containers, unless both are set.
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Cores, for who sources this: nproc alone would say OMP_NUM_THREADS.
machine_cores=$(env -u OMP_NUM_THREADS nproc)

# More ranks than cores are refused, too.
if [ "$machine_cores" -lt "${BRENIER_RANKS:-2}" ]; then
  export OMPI_MCA_rmaps_base_oversubscribe=1
fi

# An exit code other than 0 may be an outcome, and the program has said what it means: no page of mpiexec's about it.
export OMPI_MCA_orte_execute_quiet=1
