/*
  sample.c - brenier sample: noise and the codes it is carried to, in a stream of bounded memory.

  Sample k depends on (seed, k) alone. Samples are made and appended in groups of fixed size, each split over the
  ranks, so the file is the same to the bit for any number of them.
*/
#include "app.h"

#include <brenier/result.h>
#include <brenier/store.h>
#include <brenier/transport.h>

#include <float.h>

static const BrenierOption sample_options[] = {
    {"-n", "N", "number of samples (needed)"},
    {"-o", "FILE", "output file (needed): /noise [N, dim], /index [N], /code [N, dim]"},
    {"-seed", "N", "seed of the noise; default 1"},
    {NULL, NULL, NULL}};

enum { BRENIER_SAMPLES_AT_ONCE = 65536 };

/* Sample indices of a group, their cells and codes, on this rank. */
typedef struct {
  PetscReal  *x, *code;
  float      *single;
  PetscInt64 *index;
} Group;

static PetscErrorCode WriteSingle(BrenierStore store, const char name[], PetscInt n, PetscInt dim, const PetscReal x[],
                                  float single[], const char unit[])
{
  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)n * dim; ++i) single[i] = (float)x[i];
  PetscCall(BrenierStoreAppendRows(store, name, BRENIER_F4, n, dim, single, unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples [start, start + count) of the world: this rank draws, maps and appends its share. */
static PetscErrorCode SampleGroup(BrenierTargets t, const BrenierSource *source, Vec h, PetscInt64 seed,
                                  PetscInt64 start, PetscInt count, Group *group, BrenierStore store)
{
  PetscMPIInt rank, size;
  PetscInt    from, n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  from = (PetscInt)((PetscInt64)count * rank / size);
  n    = (PetscInt)((PetscInt64)count * (rank + 1) / size) - from;
  for (PetscInt i = 0; i < n; ++i)
    BrenierSourceDrawPoint(source, seed, BRENIER_STREAM_SAMPLE, start + from + i, group->x + (size_t)i * t->dim);
  PetscCall(BrenierTransportApply(t, h, n, group->x, group->index, NULL, group->code));
  PetscCall(WriteSingle(store, "/noise", n, t->dim, group->x, group->single, "source length"));
  PetscCall(BrenierStoreAppendRows(store, "/index", BRENIER_I8, n, 0, group->index, "target, counted from 0"));
  PetscCall(WriteSingle(store, "/code", n, t->dim, group->code, group->single, "same as the targets"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A line now and then about how far it is and how long it will take. */
static PetscErrorCode Progress(PetscInt64 done, PetscInt64 n, PetscLogDouble begun, PetscLogDouble *said)
{
  const PetscLogDouble every = 10.0;
  PetscLogDouble       now;

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  if (done < n && now - *said > every) {
    PetscCall(BrenierSay("  %" PetscInt64_FMT " of %" PetscInt64_FMT " samples, about %.0f s remain", done, n,
                         (now - begun) * (double)(n - done) / (double)done));
    *said = now;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SampleAll(BrenierTargets t, const BrenierSource *source, Vec h, PetscInt64 seed, PetscInt64 n,
                                const char output[])
{
  const size_t   room = (size_t)PetscMin(n, (PetscInt64)BRENIER_SAMPLES_AT_ONCE);
  const size_t   dim  = (size_t)t->dim;
  Group          group;
  BrenierStore   store;
  PetscLogDouble begun, said;

  PetscFunctionBegin;
  PetscCall(PetscTime(&begun));
  said = begun;
  PetscCall(PetscMalloc4(room * dim, &group.x, room * dim, &group.code, room * dim, &group.single, room, &group.index));
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, output, n * (8 * t->dim + 8) + (1 << 20), "brenier-samples", &store));
  PetscCall(BrenierStoreSetInt(store, "/", "seed", seed));
  PetscCall(BrenierStoreSetText(store, "/", "source", BrenierSourceNames[source->type]));
  for (PetscInt64 start = 0; start < n; start += BRENIER_SAMPLES_AT_ONCE) {
    const PetscInt count = (PetscInt)PetscMin((PetscInt64)BRENIER_SAMPLES_AT_ONCE, n - start);

    PetscCall(SampleGroup(t, source, h, seed, start, count, &group, store));
    PetscCall(Progress(start + count, n, begun, &said));
  }
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(PetscFree4(group.x, group.code, group.single, group.index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples are stored in single precision; codes must not become infinite in it, nor all zero. */
static PetscErrorCode CheckRange(BrenierTargets t, const char path[])
{
  PetscReal largest = 0.0;

  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)t->n_local * (size_t)t->dim; ++i) largest = PetscMax(largest, PetscAbsReal(t->y[i]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCheck(
      largest == 0.0 || (largest >= (PetscReal)FLT_MIN && largest <= (PetscReal)FLT_MAX), t->comm,
      PETSC_ERR_FILE_UNEXPECTED,
      "%s: its targets reach to %.3g, samples in single precision from %.3g to %.3g; scale the targets and solve "
      "again, or draw noise yourself and use brenier map",
      path, (double)largest, (double)FLT_MIN, (double)FLT_MAX);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSample(const char *const argument[], BrenierExit *outcome)
{
  char           output[PETSC_MAX_PATH_LEN];
  PetscInt64     n = 0, seed = 1;
  PetscBool      has_n;
  PetscLogDouble begun, ended;
  BrenierTargets targets;
  BrenierResult  result;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(BrenierOptionText("-o", PETSC_TRUE, sizeof output, output, NULL));
  PetscCall(BrenierOptionInt("-n", 1, (PetscInt64)1 << 40, &n, &has_n));
  PetscCheck(has_n, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option -n is needed: the number of samples");
  PetscCall(BrenierOptionInt("-seed", 0, (PetscInt64)1 << 53, &seed, NULL));
  PetscCall(BrenierCheckOutput(output));
  PetscCall(BrenierResultRead(PETSC_COMM_WORLD, argument[0], &result, &targets, &h));
  PetscCall(CheckRange(targets, argument[0]));
  PetscCall(PetscTime(&begun));
  PetscCall(SampleAll(targets, &result.source, h, seed, n, output));
  PetscCall(PetscTime(&ended));
  PetscCall(
      BrenierSay("%" PetscInt64_FMT " sample%s in %.1f s; output in %s", n, BrenierPlural(n), ended - begun, output));
  PetscCall(BrenierLogEvent("sample", "i samples", n, "r sample_seconds", ended - begun, "s output", output, NULL));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierTargetsDestroy(&targets));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_sample = {
    "sample",       "RESULT.h5", 1,           "draws noise and the codes it is carried to",
    sample_options, RunSample,   PETSC_FALSE, PETSC_FALSE};
