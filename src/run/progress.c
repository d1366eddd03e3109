/* progress.c - Implements progress.h. */
#include "progress.h"

#include <brenier/device.h>
#include <brenier/threads.h>
#include <brenier/tile.h>

#include <sys/resource.h>

/* The name that the log has for a member, and its value. */
#define FIELD(member, name, meaning) "r " #name, now->member,

PetscErrorCode BrenierRunAddIteration_Private(MPI_Comm comm, BrenierIterations *history, const BrenierIteration *now)
{
  PetscFunctionBegin;
  if (history->n == history->capacity) {
    history->capacity = 2 * history->capacity + 64;
    PetscCall(PetscRealloc((size_t)history->capacity * sizeof *history->row, &history->row));
  }
  history->row[history->n++] = *now;
  PetscCall(BrenierLog(comm, "iteration", BRENIER_ITERATION_FIELDS(FIELD, FIELD) "r noise", now->sampling_error, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunMonitor_Private(void *context, const BrenierIteration *now)
{
  BrenierRun    *run  = context;
  const MPI_Comm comm = run->comm;

  PetscFunctionBegin;
  PetscCall(BrenierRunAddIteration_Private(comm, &run->outcome.history, now));
  PetscCall(BrenierPrint(comm, "%5.0f %5.0f %8.1f %9.0f %14.8g %10.3e %10.3e %8.1e %6.0f %8.1e %8.1e %6.0f",
                         now->iteration, now->evaluations, now->seconds, now->curves, now->energy, now->l1, now->rho,
                         now->sampling_error, now->empty, now->damping, now->step, now->linear_iterations));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunAnnounce_Private(const BrenierRun *run)
{
  static const char *const curve[] = {"great circles", "chords", "the line, exactly"};
  const BrenierRunOptions *r       = &run->options;
  const PetscBool          exact   = (PetscBool)(r->cells == BRENIER_CELLS_EXACT);
  const BrenierTargets     t       = run->given;
  const MPI_Comm           comm    = run->comm;
  BrenierSource            source  = run->source;
  char                     number[BRENIER_NUMBER_LENGTH];
  PetscMPIInt              size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(BrenierPrint(comm,
                         "Brenier %s on %d rank%s (%s): %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT
                         ", source %s, masses by %s",
                         BRENIER_VERSION, size, BrenierPlural(size), BrenierTileSimd(), t->n, BrenierPlural(t->n),
                         t->dim, BrenierSourceName(source),
                         exact ? "exact cells" : curve[BrenierSourceCurveType(source)]));
  if (run->reduction->basis)
    PetscCall(BrenierPrint(comm,
                           "reduction: the targets span %" PetscInt_FMT " of %" PetscInt_FMT
                           " dimensions; the problem is solved in these",
                           run->reduction->rank, t->dim));
  if (exact)
    PetscCall(BrenierPrint(comm, "masses are exact: Newton converges to rounding level, and -tol has no effect"));
  else if (r->solve.curves > 0)
    PetscCall(BrenierPrint(comm, "sample: %" PetscInt64_FMT " curve%s, by -curves", r->solve.curves,
                           BrenierPlural(r->solve.curves)));
  else
    PetscCall(BrenierPrint(comm,
                           "sample: grows until the upper end of the 95%% interval of the held-out rho is below %s",
                           BrenierNumber(r->solve.tol, number)));
  PetscCall(BrenierLog(comm, "start", "s version", BRENIER_VERSION, "s commit", BRENIER_GIT_COMMIT, "i ranks",
                       (PetscInt64)size, "s simd", BrenierTileSimd(), "s input", t->path, "i n_targets",
                       (PetscInt64)t->n, "i dim", (PetscInt64)t->dim, "i rank", (PetscInt64)run->reduction->rank,
                       "s source", BrenierSourceName(source), "s cells", BrenierCellsNames[exact], "i curves",
                       r->solve.curves, "r tol", r->solve.tol, "i seed", r->solve.seed, NULL));
  PetscCall(BrenierPrint(comm,
                         "in sample: L1 = sum abs(w_i - nu_i), rho, its sampling error, empty cells, iterations of the "
                         "linear solver"));
  PetscCall(BrenierPrint(comm, "%5s %5s %8s %9s %14s %10s %10s %8s %6s %8s %8s %6s", "iter", "eval", "seconds",
                         "curves", "energy", "L1", "rho", "sampling", "empty", "damping", "step", "linear"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How long to measure the rate of the processor for: a part of the scans, as it takes that much from the user. */
static double LookSeconds(PetscLogDouble scan_seconds)
{
  const double part = 0.02, least = 0.004, most = 0.05;

  return PetscMin(PetscMax(part * scan_seconds, least), most);
}

PetscErrorCode BrenierRunReportWork_Private(BrenierTargets t, BrenierSource source, const BrenierSolved *solved)
{
  const MPI_Comm         comm    = t->comm;
  const PetscBool        circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
  const int              vectors = BrenierSourceHasCentres(source) ? 3 : circles ? 2 : 1;
  const BrenierDualWork *work    = &solved->work;
  const PetscInt64       sample  = solved->curves - solved->one_pass_curves;
  const PetscReal        whole   = (PetscReal)t->n * (PetscReal)t->dim;
  const PetscReal        once    = 2.0 * vectors * whole * (PetscReal)PetscMax(solved->curves, 1);
  PetscLogDouble         all[5]  = {work->flops, work->scan_seconds, work->envelope_seconds, 0.0, work->ring_bytes};
  PetscInt64             sum[4]  = {work->n_scanned, work->n_candidates, work->n_pieces, work->n_rescanned}, bytes;
  PetscMPIInt            size;
  PetscBool              heard;
  struct rusage          usage;

  PetscFunctionBegin;
  PetscCall(BrenierIsHeard(comm, &heard));
  if (!heard) PetscFunctionReturn(PETSC_SUCCESS); // measuring the rate takes longer than a small class
  PetscCallMPI(MPI_Comm_size(comm, &size));
  all[3] = (PetscReal)BrenierThreads(comm) * BrenierTilePeak(LookSeconds(work->scan_seconds));
  (void)getrusage(RUSAGE_SELF, &usage);
  bytes = (PetscInt64)usage.ru_maxrss * 1024;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, 5, MPI_DOUBLE, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 4, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPIU_INT64, MPI_MAX, comm));
  if (all[1] > 0.0)
    PetscCall(BrenierPrint(
        comm, "work: %.2f scans of all curves in %.1f s (%.0f%% of the peak multiply-add rate), envelopes %.1f s",
        all[0] / once, all[1] / size, 100.0 * all[0] * size / PetscMax(all[1] * all[3], 1.0), all[2] / size));
  if (sum[2] > 0)
    PetscCall(BrenierPrint(comm, "candidate lists: %.1f targets per curve of the sample; envelopes: %.1f pieces",
                           (double)sum[1] / (double)sample, (double)sum[2] / (double)sample));
  PetscCall(BrenierLog(comm, "work", "i evaluations", work->n_evaluations, "i curves", sample, "i one_pass_curves",
                       solved->one_pass_curves, "i streamed", solved->one_pass_curves, "i scanned", sum[0],
                       "i candidates", sum[1], "i pieces", sum[2], "i rescanned", sum[3], "i risen", sum[3], "r scans",
                       all[0] / once, "r scan_flops", all[0], "r scan_seconds", all[1] / size, "r envelope_seconds",
                       all[2] / size, "r peak_flops", all[3], "r ring_bytes", all[4] / size, "i peak_memory_bytes",
                       bytes, NULL));
  PetscCall(BrenierDeviceReport(comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunOnMeasurement_Private(void *context, const BrenierHeldOut *held_out)
{
  const BrenierRun *run = context;

  return BrenierReportHeldOut(run->comm, "held_out", held_out);
}
