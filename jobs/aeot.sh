#!/bin/bash
# AE-OT (docs/howto/aeot.md) as a chain of jobs: train and encode, solve, check, sample, then decode, score and draw.
#
#   jobs/aeot.sh FOLDER TOL [options of analysis/aeot/run, the same for all its jobs]
#
# SBATCH_... variables (SBATCH_ACCOUNT, SBATCH_PARTITION, ...) and BRENIER_SBATCH="-N 4 -t 02:00:00" go to solve and
# check; what Python does runs on one node, with AEOT_SBATCH. Prints the ids; a job whose predecessor fails is
# cancelled.
set -euo pipefail

fail() {
  echo "aeot.sh: $*" >&2
  exit 2
}

[ $# -ge 2 ] || fail "usage: jobs/aeot.sh FOLDER TOL [options of analysis/aeot/run]"
folder=$1 tol=$2
shift 2
jobs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BRENIER_JOBS=$jobs
mkdir -p "$folder"
read -ra solving <<<"${BRENIER_SBATCH:-}"
read -ra python <<<"${AEOT_SBATCH:-}"

# Submits a script behind a job, "" for none; prints the id of the new one.
submit() {
  local after=$1
  shift
  local -a wait=()
  [ -z "$after" ] || wait=(--dependency="afterok:$after" --kill-on-invalid-dep=yes)
  sbatch --parsable --output="$folder/job-%j.out" "${wait[@]}" "$@"
}

stages=("$jobs/aeot.sbatch" --out "$folder" "$@" --stages)
train=$(submit "" "${python[@]}" "${stages[@]}" train encode)
solve=$(submit "$train" "${solving[@]}" "$jobs/solve.sbatch" "$folder/codes.h5:/codes" "$folder/result.h5" -tol "$tol")
check=$(submit "$solve" "${solving[@]}" "$jobs/run.sbatch" check "$folder/result.h5" -log "$folder/check.jsonl")
sample=$(submit "$check" "${python[@]}" "${stages[@]}" sample)
score=$(submit "$sample" "${python[@]}" "${stages[@]}" decode score draw)
echo "train $train, solve $solve, check $check, sample $sample, score $score"
