# shellcheck shell=bash
# What the job scripts share; sourced by them. A cluster's own ways go into the first part.

# ---- to adapt ----

# The modules Brenier was built with.
# module load gcc openmpi petsc hdf5 scalapack openblas

# Where the program is.
program=${BRENIER_PROGRAM:-${SLURM_SUBMIT_DIR:-$PWD}/build/release/bin/brenier}

# How ranks are started: srun, or mpirun where Slurm cannot start this MPI (then one line more: README.md).
launcher=${BRENIER_LAUNCHER:-srun}

# How srun starts MPI ("srun --mpi=list" shows the choices).
export SLURM_MPI_TYPE=${SLURM_MPI_TYPE:-pmix}

# How often a job may come back before somebody should look at it.
most_restarts=${BRENIER_MOST_RESTARTS:-50}

# ---- the rest fits everywhere ----

# One rank a core, bound to it, or with -threads a rank on the cores of its task. BLAS has one thread.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
# srun from Slurm 22.05 on does not inherit it
export SRUN_CPUS_PER_TASK=${SRUN_CPUS_PER_TASK:-${SLURM_CPUS_PER_TASK:-1}}
export SLURM_CPU_BIND=${SLURM_CPU_BIND:-cores}

script=${0##*/}

# A signal that comes while there are no ranks must not end the script; the program knows the end of the job anyway.
trap : USR1 USR2

# What Slurm calls this job. The number of an array's task by itself may mean the whole array, or nothing.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
job=${job:-${SLURM_JOB_ID:-}}

fail() {
  echo "$script: $*" >&2
  exit 2
}

# The end of the job in seconds since 1970, for the program to stop in time. Slurm before 23 does not export it.
if [ -z "${SLURM_JOB_END_TIME:-}" ] && [ -n "$job" ]; then
  end=$(squeue -h -j "$job" -O EndTime:32 2>/dev/null | head -n 1 | tr -d ' ') || end=
  if seconds=$(date -d "$end" +%s 2>/dev/null) && [ -n "$end" ]; then export SLURM_JOB_END_TIME=$seconds; fi
fi

# What ran where, for whoever reads the output later.
provenance() {
  echo "job ${SLURM_JOB_ID:-none}, restart ${SLURM_RESTART_COUNT:-0}," \
    "nodes ${SLURM_JOB_NODELIST:-$(hostname)}, $(date -u +%FT%TZ)"
  # A program that is alone does not ask Slurm for its place in a step
  env -u SLURM_JOB_ID "$program" -version
}

# Starts the ranks and waits for them. A signal to this script becomes USR1 to all ranks: stop with a checkpoint.
launch() {
  local code=0 ranks
  "$launcher" "$@" &
  ranks=$!
  trap 'kill -USR1 "$ranks" 2>/dev/null' USR1 USR2 TERM
  # wait returns early when a signal comes
  while true; do
    code=0
    wait "$ranks" || code=$?
    kill -0 "$ranks" 2>/dev/null || break
  done
  trap : USR1 USR2
  trap - TERM
  return "$code"
}

# Whether a checkpoint says that its solve is finished.
finished() {
  [ -e "$1" ] && env -u SLURM_JOB_ID "$program" info "$1" 2>/dev/null | grep -Eq '^ +status +finished$'
}

# Whether Slurm has started this job again meanwhile: after a lost node the old script and its ranks may live on.
replaced() {
  local restarts
  restarts=$(scontrol show job "$job" 2>/dev/null | grep -oE 'Restarts=[0-9]+' | head -n 1) || return 1
  [ "${restarts#Restarts=}" -gt "${SLURM_RESTART_COUNT:-0}" ]
}

# Puts this job back into the queue, to continue.
requeue() {
  if replaced; then
    echo "$script: this job runs again elsewhere already"
    exit 0
  fi
  if [ "${SLURM_RESTART_COUNT:-0}" -ge "$most_restarts" ]; then
    fail "came back $most_restarts times already; submit it again by hand when that is right"
  fi
  echo "$script: not finished yet, back into the queue"
  scontrol requeue "$job"
  sleep 60 # Slurm ends this script
}

# One solve that continues from its checkpoint: arguments CODES RESULT and options of brenier solve. Requeues the job
# when there is more to do. An exit code of 0 is no proof: after a lost node srun has been seen to return it.
solve_and_continue() {
  local codes=$1 result=$2 code=0 checkpoint
  shift 2
  checkpoint=${result%.h5}.ckpt
  launch "$program" solve "$codes" -o "$result" -checkpoint "$checkpoint" -log "${result%.h5}.jsonl" "$@" || code=$?
  if finished "$checkpoint"; then return "$code"; fi
  case $code in
    2 | 3 | 4 | 5 | 7) return "$code" ;; # coming back would not help
  esac
  requeue
  return 85
}
