/* solve_report.c - Implements solve_report.h. */
#include "solve_report.h"
#include "report.h"

#include <brenier/threads.h>
#include <brenier/tile.h>

#include <sys/resource.h>

/* The name that the log has for a member, and its value. */
#define FIELD(member, name, meaning) "r " #name, now->member,

PetscErrorCode BrenierSolveAddIteration(SolveHistory *history, const BrenierIteration *now)
{
  PetscFunctionBegin;
  if (history->n == history->capacity) {
    history->capacity = 2 * history->capacity + 64;
    PetscCall(PetscRealloc((size_t)history->capacity * sizeof *history->row, &history->row));
  }
  history->row[history->n++] = *now;
  PetscCall(BrenierLogEvent("iteration", BRENIER_ITERATION_FIELDS(FIELD, FIELD) "r noise", now->sampling_error, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMonitor(void *context, const BrenierIteration *now)
{
  PetscFunctionBegin;
  PetscCall(BrenierSolveAddIteration(context, now));
  PetscCall(BrenierPrintWorld("%5.0f %5.0f %8.1f %9.0f %14.8g %10.3e %10.3e %8.1e %6.0f %8.1e %8.1e %6.0f",
                              now->iteration, now->evaluations, now->seconds, now->curves, now->energy, now->l1,
                              now->rho, now->sampling_error, now->empty, now->damping, now->step,
                              now->linear_iterations));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveAnnounce(const SolveRun *run)
{
  static const char *const curve[] = {"great circles", "chords", "line: the whole source, exactly"};
  const SolveRequest      *r       = &run->request;
  const BrenierTargets     t       = run->given;
  BrenierSource            source  = run->source;
  char                     number[BRENIER_NUMBER_LENGTH];
  PetscMPIInt              size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(BrenierPrintWorld(
      "Brenier %s on %d rank%s (%s): %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT ", source %s, by %s",
      BRENIER_VERSION, size, BrenierPlural(size), BrenierTileSimd(), t->n, BrenierPlural(t->n), t->dim,
      BrenierSourceName(source), run->exact ? "exact cells" : curve[BrenierSourceCurveType(source)]));
  if (run->reduction->basis)
    PetscCall(BrenierPrintWorld("targets differ in %" PetscInt_FMT " of their %" PetscInt_FMT
                                " dimensions, and are solved for in these",
                                run->reduction->rank, t->dim));
  if (run->exact) PetscCall(BrenierPrintWorld("masses are exact: solved to rounding, whatever -tol"));
  else if (r->solve.curves > 0)
    PetscCall(BrenierPrintWorld("sample: %" PetscInt64_FMT " curve%s, as asked", r->solve.curves,
                                BrenierPlural(r->solve.curves)));
  else
    PetscCall(BrenierPrintWorld("sample: as large as it takes for rho below %s", BrenierNumber(r->solve.tol, number)));
  PetscCall(BrenierLogEvent("start", "s version", BRENIER_VERSION, "s commit", BRENIER_GIT_COMMIT, "i ranks",
                            (PetscInt64)size, "s simd", BrenierTileSimd(), "s input", t->path, "i n_targets",
                            (PetscInt64)t->n, "i dim", (PetscInt64)t->dim, "i rank", (PetscInt64)run->reduction->rank,
                            "s source", BrenierSourceName(source), "s cells", BrenierCellsNames[run->exact], "i curves",
                            r->solve.curves, "r tol", r->solve.tol, "i seed", r->solve.seed, NULL));
  PetscCall(BrenierPrintWorld("%5s %5s %8s %9s %14s %10s %10s %8s %6s %8s %8s %6s", "iter", "eval", "seconds", "curves",
                              "energy", "L1", "rho", "noise", "empty", "damping", "step", "linear"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveReportWork(BrenierTargets t, BrenierSource source, const BrenierSolved *solved)
{
  const double           look    = 0.05; // seconds that measuring the rate takes
  const int              vectors = BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE ? 2 : 1;
  const BrenierDualWork *work    = &solved->work;
  const PetscInt64       sample  = solved->curves - solved->one_pass_curves;
  const PetscReal        once    = 2.0 * vectors * t->dim * (PetscReal)t->n * (PetscReal)PetscMax(solved->curves, 1);
  PetscLogDouble         all[5]  = {work->flops, work->scan_seconds, work->envelope_seconds, 0.0, work->ring_bytes};
  PetscInt64             sum[4]  = {work->n_scanned, work->n_candidates, work->n_pieces, work->n_rescanned}, bytes;
  PetscMPIInt            size;
  struct rusage          usage;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  all[3] = (PetscReal)BrenierThreads(PETSC_COMM_WORLD) * BrenierTilePeak(look);
  (void)getrusage(RUSAGE_SELF, &usage);
  bytes = (PetscInt64)usage.ru_maxrss * 1024;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, 5, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 4, MPIU_INT64, MPI_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPIU_INT64, MPI_MAX, PETSC_COMM_WORLD));
  if (all[1] > 0.0)
    PetscCall(BrenierPrintWorld(
        "work: %.2f scans of all curves in %.1f s (%.0f%% of the multiply-add rate), walks %.1f s", all[0] / once,
        all[1] / size, 100.0 * all[0] * size / PetscMax(all[1] * all[3], 1.0), all[2] / size));
  if (sum[2] > 0)
    PetscCall(BrenierPrintWorld("lists: %.1f candidates and %.1f pieces a curve of the sample",
                                (double)sum[1] / (double)sample, (double)sum[2] / (double)sample));
  PetscCall(BrenierLogEvent("work", "i evaluations", work->n_evaluations, "i curves", sample, "i one_pass_curves",
                            solved->one_pass_curves, "i streamed", solved->one_pass_curves, "i scanned", sum[0],
                            "i candidates", sum[1], "i pieces", sum[2], "i rescanned", sum[3], "i risen", sum[3],
                            "r scans", all[0] / once, "r scan_flops", all[0], "r scan_seconds", all[1] / size,
                            "r envelope_seconds", all[2] / size, "r peak_flops", all[3], "r ring_bytes", all[4] / size,
                            "i peak_memory_bytes", bytes, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveOnMeasurement(void *context, const BrenierHeldOut *held_out)
{
  (void)context;
  return BrenierReportHeldOut("held_out", held_out);
}
