#!/bin/bash
# Encode, solve, check and sample as a chain of jobs, each waiting for the one before.
#
#   jobs/pipeline.sh DATA.h5:/images FOLDER DIM SAMPLES [options of brenier solve]
#
# SBATCH_... variables (SBATCH_ACCOUNT, SBATCH_PARTITION, ...) and BRENIER_SBATCH="-N 4 -t 02:00:00" go to all four
# jobs. Prints the ids of the jobs; a job whose predecessor fails is cancelled.
set -euo pipefail

fail() {
  echo "pipeline.sh: $*" >&2
  exit 2
}

[ $# -ge 4 ] || fail "usage: jobs/pipeline.sh DATA.h5:/images FOLDER DIM SAMPLES [options of brenier solve]"
data=$1 folder=$2 dim=$3 samples=$4
shift 4
jobs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BRENIER_JOBS=$jobs
mkdir -p "$folder"
read -ra extra <<<"${BRENIER_SBATCH:-}"

# Submits a script behind a job, "" for none; prints the id of the new one.
submit() {
  local after=$1
  shift
  local -a wait=()
  [ -z "$after" ] || wait=(--dependency="afterok:$after" --kill-on-invalid-dep=yes)
  sbatch --parsable --output="$folder/job-%j.out" "${extra[@]}" "${wait[@]}" "$@"
}

encode=$(submit "" "$jobs/run.sbatch" encode "$data" -dim "$dim" -o "$folder/codes.h5")
solve=$(submit "$encode" "$jobs/solve.sbatch" "$folder/codes.h5:/codes" "$folder/result.h5" "$@")
check=$(submit "$solve" "$jobs/run.sbatch" check "$folder/result.h5" -log "$folder/check.jsonl")
sample=$(submit "$check" "$jobs/run.sbatch" sample "$folder/result.h5" -n "$samples" -o "$folder/samples.h5")
echo "encode $encode, solve $solve, check $check, sample $sample"
