/* solve.c - brenier solve: targets in, heights out, with their held-out error. */
#include "app.h"
#include "petsc_words.h"
#include "report.h"

#include <brenier/laguerre.h>
#include <brenier/reduction.h>
#include <brenier/result.h>
#include <brenier/solve.h>
#include <brenier/store.h>
#include <brenier/threads.h>
#include <brenier/tile.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <strings.h>
#include <unistd.h>

static const BrenierOption solve_options[] = {
    {"-o", "FILE", "result file (needed)"},
    {"-weights", "FILE", "weights of the targets, shape [n], file.npy or file.h5:/dataset; default equal"},
    {"-source", "NAME", "gaussian (default), cube or sphere"},
    {"-tol", "RHO", "refine until the upper end of rho's held-out interval is below; default 0.1 without -curves"},
    {"-curves", "N", "sample the source with N curves, whatever comes out; with -tol, exit with 6 when rho is above"},
    {"-check_curves", "N", "fresh curves for the held-out error; default as many as -tol needs, or as -curves"},
    {"-seed", "N", "seed of all random numbers; default 1"},
    {"-method", "NAME", "newton (default), lmvm, cg, ntr (PETSc TAO), or adam, asgd on fresh points"},
    {"-cells", "KIND",
     "exact: cells are polygons or polyhedra, masses exact; default where targets span 2 or 3 dimensions; curves"},
    {"-sample", "KIND", "what adam and asgd draw: points (default) or curves"},
    {"-memory", "GIB", "memory of the sample, a node; beyond it fresh curves are seen once; default 70% of the node's"},
    {"-threads", "T", "threads of each rank, on cores of their own; default 1. Results do not depend on it"},
    {"-max_it", "N", "Newton iterations at most in a stage; default 50, 200 with exact cells"},
    {"-residual", "L1", "stop at this in-sample sum of |mass - weight|; default 0: at a tenth of the sampling error"},
    {"-warm_up", "X", "curves of the averaged descent before all else, in parts of n; default at most 2, 0 for none"},
    {"-damping", "X", "damping to begin with; default 0.1"},
    {"-linear_rtol", "X", "relative tolerance of the linear solver; default 0.01"},
    {"-start", "RESULT.h5", "start from a result for these targets, or for targets like these"},
    {"-checkpoint", "FILE", "keep there what a stopped run continues from; the same command continues it"},
    {"-checkpoint_interval", "S", "seconds between two checkpoints; default 900, 0 for one at every safe point"},
    {"-max_time", "S",
     "end within S seconds, a tenth and 5 s: with a checkpoint, or measured on as many curves as fit"},
    {"-stop_file", "FILE", "stop when this file appears"},
    {"-verify_lists", "",
     "compare every evaluation by Newton's candidate lists with a full scan (slow, for debugging)"},
    BRENIER_ARRAY_OPTIONS,
    {NULL, NULL, NULL}};

enum { BRENIER_MESSAGE_LENGTH = 512 };

static const PetscReal brenier_default_tol  = 0.1;
static const PetscInt  brenier_exact_max_it = 200; /* an iteration is cheap, and on the circle many are needed */

/* Part of a node's memory that the sample may take by default: the rest is for targets, matrices and the system. */
static const PetscReal brenier_memory_part = 0.7;

static const PetscReal brenier_default_interval = 900.0; /* seconds */

/* Values of -cells. */
typedef enum { BRENIER_CELLS_CURVES, BRENIER_CELLS_EXACT } Cells;
static const char *const brenier_cells_names[] = {"curves", "exact", NULL};

/* What the command line asks for. */
typedef struct {
  char                output[PETSC_MAX_PATH_LEN], weights[PETSC_MAX_PATH_LEN], start[PETSC_MAX_PATH_LEN];
  char                checkpoint[PETSC_MAX_PATH_LEN], stop_file[PETSC_MAX_PATH_LEN];
  PetscReal           interval, max_time; /* seconds */
  PetscInt            source, method, sample, cells;
  PetscReal           memory; /* GiB a node */
  PetscBool           has_weights, has_start, has_cells, has_max_it;
  BrenierSolveOptions solve;
} SolveRequest;

/* Iterations as they come. */
typedef struct {
  BrenierIteration *row;
  PetscInt          n, capacity;
} History;

/* A solve on its way through this file. */
typedef struct {
  SolveRequest     request;
  BrenierTargets   given; /* as read */
  BrenierReduction reduction;
  BrenierTargets   targets; /* in the coordinates in which they differ; borrowed from the reduction, as is the source */
  BrenierSource    whole;   /* in the dimension of the targets as read */
  BrenierSource    source;  /* as the reduction's */
  PetscBool        exact;   /* cells */
  BrenierSolved    solved;
  History          history;
  BrenierStart     start;
  PetscReal       *barycentre; /* of the cells, shape [targets here, rank] */
  Vec              h, mass, mass_error;
} SolveRun;

/* Keeps the sentence of the first error instead of printing a traceback. */
static PetscErrorCode KeepMessage(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                  PetscErrorType type, const char *message, void *context)
{
  (void)comm, (void)line, (void)function, (void)file;
  if (type == PETSC_ERROR_INITIAL && message) snprintf(context, BRENIER_MESSAGE_LENGTH, "%s", message);
  return code;
}

/* Refuses options of the linear solver that PETSc does not understand or would not read. What multigrid levels read is
   known only once there are levels, so those pass. */
static PetscErrorCode CheckSolverOptions(void)
{
  static const char *const read_at_once[]                  = {"ksp_", "pc_", "sub_", "mat_", "vec_"};
  char                     message[BRENIER_MESSAGE_LENGTH] = "", bad[128] = "";
  char                     origin[PETSC_MAX_PATH_LEN + 64] = "";
  char                   **name, **value;
  PetscInt                 n;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(KeepMessage, message));
  ierr = BrenierNewtonUseOptions();
  PetscCall(PetscPopErrorHandler());
  PetscCheck(!ierr, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "PETSc refuses the options of the linear solver: %s",
             message);
  PetscCall(PetscOptionsLeftGet(NULL, &n, &name, &value));
  for (PetscInt i = n - 1; i >= 0; --i)
    for (size_t k = 0; k < sizeof read_at_once / sizeof read_at_once[0]; ++k)
      if (!strncasecmp(name[i], read_at_once[k], strlen(read_at_once[k])))
        PetscCall(PetscStrncpy(bad, name[i], sizeof bad));
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &name, &value));
  if (bad[0]) PetscCall(BrenierPetscWordsOrigin(bad, sizeof origin, origin));
  PetscCheck(
      !bad[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
      "option -%s%s is not one that this linear solver reads; is it misspelt, or for another -ksp_type or -pc_type?",
      bad, origin);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What says when to stop and what to keep. */
static PetscErrorCode ReadStops(SolveRequest *r)
{
  PetscBool has_checkpoint, has_interval, has_time, has_file;

  PetscFunctionBegin;
  r->interval = brenier_default_interval;
  PetscCall(BrenierOptionText("-checkpoint", PETSC_FALSE, sizeof r->checkpoint - 2, r->checkpoint, &has_checkpoint));
  PetscCall(BrenierOptionReal("-checkpoint_interval", 0.0, 1e9, &r->interval, &has_interval));
  PetscCall(BrenierOptionReal("-max_time", 1e-3, 1e9, &r->max_time, &has_time));
  PetscCall(BrenierOptionText("-stop_file", PETSC_FALSE, sizeof r->stop_file, r->stop_file, &has_file));
  PetscCheck(has_checkpoint || !has_interval, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -checkpoint_interval needs -checkpoint FILE");
  PetscCheck(r->method == BRENIER_METHOD_NEWTON || !(has_checkpoint || has_time || has_file), PETSC_COMM_WORLD,
             PETSC_ERR_USER_INPUT, "options -checkpoint, -max_time and -stop_file are for -method newton only");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadRequest(SolveRequest *r)
{
  PetscInt64 max_it;
  PetscBool  has_tol;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(r, sizeof *r));
  BrenierNewtonDefaults(&r->solve.newton);
  max_it           = r->solve.newton.convergence.max_it;
  r->solve.seed    = 1;
  r->solve.warm_up = -1.0;
  PetscCall(BrenierOptionText("-o", PETSC_TRUE, sizeof r->output, r->output, NULL));
  PetscCall(BrenierOptionText("-weights", PETSC_FALSE, sizeof r->weights, r->weights, &r->has_weights));
  PetscCall(BrenierOptionText("-start", PETSC_FALSE, sizeof r->start, r->start, &r->has_start));
  PetscCall(BrenierOptionChoice("-source", BrenierSourceNames, &r->source, NULL));
  PetscCall(BrenierOptionChoice("-method", BrenierMethodNames, &r->method, NULL));
  PetscCall(BrenierOptionChoice("-sample", BrenierDescentSampleNames, &r->sample, NULL));
  PetscCall(BrenierOptionChoice("-cells", brenier_cells_names, &r->cells, &r->has_cells));
  PetscCall(BrenierOptionInt("-curves", 1, PETSC_MAX_INT, &r->solve.curves, NULL));
  PetscCall(BrenierOptionInt("-check_curves", 64, PETSC_MAX_INT, &r->solve.check_curves, NULL));
  PetscCall(BrenierOptionInt("-seed", 0, (PetscInt64)1 << 53, &r->solve.seed, NULL));
  PetscCall(BrenierOptionReal("-tol", 1e-12, 1e6, &r->solve.tol, &has_tol));
  PetscCall(BrenierOptionReal("-memory", 1e-6, 1e9, &r->memory, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-verify_lists", &r->solve.verify, NULL));
  PetscCall(BrenierOptionThreads());
  PetscCall(BrenierOptionInt("-max_it", 0, 1000000, &max_it, &r->has_max_it));
  PetscCall(BrenierOptionReal("-warm_up", 0.0, 1e6, &r->solve.warm_up, NULL));
  PetscCall(BrenierOptionReal("-residual", 0.0, 2.0, &r->solve.newton.convergence.residual, NULL));
  PetscCall(BrenierOptionReal("-damping", 1e-9, 1e6, &r->solve.newton.damping, NULL));
  PetscCall(BrenierOptionReal("-linear_rtol", 1e-14, 0.5, &r->solve.newton.linear_rtol, NULL));
  r->solve.newton.convergence.max_it = (PetscInt)max_it;
  r->solve.method                    = (BrenierMethod)r->method;
  r->solve.sample                    = (BrenierDescentSample)r->sample;
  if (!has_tol && r->solve.curves == 0) r->solve.tol = brenier_default_tol;
  PetscCall(CheckSolverOptions());
  PetscCall(ReadStops(r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadTargets(const char where[], const SolveRequest *r, BrenierTargets *targets)
{
  BrenierArray points, weights = {0};

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_POINTS, &points));
  if (r->has_weights) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCreate(&points, r->has_weights ? &weights : NULL, targets));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds an iteration to the history and to the log. */
static PetscErrorCode AddIteration(History *history, const BrenierIteration *now)
{
  PetscFunctionBegin;
  if (history->n == history->capacity) {
    history->capacity = 2 * history->capacity + 64;
    PetscCall(PetscRealloc((size_t)history->capacity * sizeof *history->row, &history->row));
  }
  history->row[history->n++] = *now;
  PetscCall(BrenierLogEvent("iteration", "r iteration", now->iteration, "r evaluations", now->evaluations,
                            "r solver_seconds", now->seconds, "r energy", now->energy, "r l1", now->l1, "r rho",
                            now->rho, "r noise", now->noise, "r empty", now->empty, "r damping", now->damping, "r step",
                            now->step, "r linear_iterations", now->linear_iterations, "r curves", now->curves,
                            "r scanned", now->scanned, "r candidates", now->candidates, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Monitor(void *context, const BrenierIteration *now)
{
  PetscFunctionBegin;
  PetscCall(AddIteration(context, now));
  PetscCall(BrenierSay("%5.0f %5.0f %8.1f %9.0f %14.8g %10.3e %10.3e %8.1e %6.0f %8.1e %8.1e %6.0f", now->iteration,
                       now->evaluations, now->seconds, now->curves, now->energy, now->l1, now->rho, now->noise,
                       now->empty, now->damping, now->step, now->linear_iterations));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The targets of another result and the barycentres of their cells, in the coordinates of this one's. */
static PetscErrorCode ProjectOther(BrenierReduction reduction, BrenierTargets *before, PetscReal **barycentre)
{
  const PetscInt n = (*before)->n_local, rank = reduction->rank;
  BrenierTargets projected;
  PetscReal     *y, *nu, *b;
  PetscInt64    *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * rank, &y));
  PetscCall(PetscMalloc1((size_t)n * rank, &b));
  PetscCall(PetscMalloc1(n, &nu));
  PetscCall(PetscMalloc1(n, &row));
  BrenierReductionProject(reduction, n, (*before)->y, y);
  BrenierReductionProject(reduction, n, *barycentre, b);
  PetscCall(PetscArraycpy(nu, (*before)->nu, n));
  PetscCall(PetscArraycpy(row, (*before)->row, n));
  PetscCall(BrenierTargetsAdopt((*before)->comm, n, rank, y, nu, row, &projected));
  PetscCall(BrenierTargetsDestroy(before));
  PetscCall(PetscFree(*barycentre));
  *before     = projected;
  *barycentre = b;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of another result: of the same targets, of targets that moved, or of others of their kind. */
static PetscErrorCode WarmStart(const char path[], const SolveRun *run, Vec h, BrenierStart *start)
{
  const BrenierTargets given  = run->given;
  BrenierSource        source = run->source;
  BrenierResult        other;
  BrenierTargets       before;
  PetscReal           *barycentre;
  PetscBool            found;
  Vec                  old;

  PetscFunctionBegin;
  PetscCall(BrenierResultRead(PETSC_COMM_WORLD, path, &other, &before, &old));
  PetscCheck(before->dim == given->dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its targets have dimension %" PetscInt_FMT ", those given %" PetscInt_FMT
             "; leave out -start or give the result of targets like these",
             path, before->dim, given->dim);
  PetscCheck(!strcmp(BrenierSourceName(other.source), BrenierSourceName(source)), PETSC_COMM_WORLD,
             PETSC_ERR_FILE_UNEXPECTED, "%s: its source is %s, not %s; leave out -start or give -source %s", path,
             BrenierSourceName(other.source), BrenierSourceName(source), BrenierSourceName(other.source));
  PetscCall(PetscMalloc1((size_t)before->n_local * before->dim, &barycentre));
  PetscCall(BrenierResultReadBarycentres(path, before, barycentre, &found));
  if (!found)
    for (size_t i = 0; i < (size_t)before->n_local * before->dim; ++i) barycentre[i] = NAN;
  if (run->reduction->basis) PetscCall(ProjectOther(run->reduction, &before, &barycentre));
  PetscCall(BrenierSolveRestart(run->targets, source, &run->request.solve, before, old, barycentre, h, start));
  PetscCall(PetscFree(barycentre));
  PetscCall(VecDestroy(&old));
  PetscCall(BrenierSourceDestroy(&other.source));
  PetscCall(BrenierTargetsDestroy(&before));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Announce(const SolveRun *run)
{
  static const char *const curve[] = {"great circles", "chords", "line: the whole source, exactly"};
  const SolveRequest      *r       = &run->request;
  const BrenierTargets     t       = run->given;
  BrenierSource            source  = run->source;
  char                     number[BRENIER_NUMBER_LENGTH];
  PetscMPIInt              size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(BrenierSay("Brenier %s on %d rank%s (%s): %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT
                       ", source %s, by %s",
                       BRENIER_VERSION, size, BrenierPlural(size), BrenierTileSimd(), t->n, BrenierPlural(t->n), t->dim,
                       BrenierSourceName(source), run->exact ? "exact cells" : curve[BrenierSourceCurveType(source)]));
  if (run->reduction->basis)
    PetscCall(BrenierSay("targets differ in %" PetscInt_FMT " of their %" PetscInt_FMT
                         " dimensions, and are solved for in these",
                         run->reduction->rank, t->dim));
  if (run->exact) PetscCall(BrenierSay("masses are exact: solved to rounding, whatever -tol"));
  else if (r->solve.curves > 0)
    PetscCall(
        BrenierSay("sample: %" PetscInt64_FMT " curve%s, as asked", r->solve.curves, BrenierPlural(r->solve.curves)));
  else PetscCall(BrenierSay("sample: as large as it takes for rho below %s", BrenierNumber(r->solve.tol, number)));
  PetscCall(BrenierLogEvent("start", "s version", BRENIER_VERSION, "s commit", BRENIER_GIT_COMMIT, "i ranks",
                            (PetscInt64)size, "s simd", BrenierTileSimd(), "s input", t->path, "i n_targets",
                            (PetscInt64)t->n, "i dim", (PetscInt64)t->dim, "i rank", (PetscInt64)run->reduction->rank,
                            "s source", BrenierSourceName(source), "s cells", brenier_cells_names[run->exact],
                            "i curves", r->solve.curves, "r tol", r->solve.tol, "i seed", r->solve.seed, NULL));
  PetscCall(BrenierSay("%5s %5s %8s %9s %14s %10s %10s %8s %6s %8s %8s %6s", "iter", "eval", "seconds", "curves",
                       "energy", "L1", "rho", "noise", "empty", "damping", "step", "linear"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the time went, how much was scanned, and the fastest that the cores could have. */
static PetscErrorCode ReportWork(BrenierTargets t, BrenierSource source, const BrenierSolved *solved)
{
  const double           look    = 0.05; // seconds that measuring the rate takes
  const int              vectors = BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE ? 2 : 1;
  const BrenierDualWork *work    = &solved->work;
  const PetscInt64       sample  = solved->curves - solved->streamed;
  const PetscReal        once    = 2.0 * vectors * t->dim * (PetscReal)t->n * (PetscReal)PetscMax(solved->curves, 1);
  PetscLogDouble         all[5]  = {work->flops, work->scan_seconds, work->envelope_seconds, 0.0, work->ring_bytes};
  PetscInt64             sum[4]  = {work->n_scanned, work->n_candidates, work->n_pieces, work->n_risen}, bytes;
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
    PetscCall(BrenierSay("work: %.2f scans of all curves in %.1f s (%.0f%% of the multiply-add rate), walks %.1f s",
                         all[0] / once, all[1] / size, 100.0 * all[0] * size / PetscMax(all[1] * all[3], 1.0),
                         all[2] / size));
  if (sum[2] > 0)
    PetscCall(BrenierSay("lists: %.1f candidates and %.1f pieces a curve of the sample",
                         (double)sum[1] / (double)sample, (double)sum[2] / (double)sample));
  PetscCall(BrenierLogEvent("work", "i evaluations", work->n_evaluations, "i curves", sample, "i streamed",
                            solved->streamed, "i scanned", sum[0], "i candidates", sum[1], "i pieces", sum[2],
                            "i risen", sum[3], "r scans", all[0] / once, "r scan_flops", all[0], "r scan_seconds",
                            all[1] / size, "r envelope_seconds", all[2] / size, "r peak_flops", all[3], "r ring_bytes",
                            all[4] / size, "i peak_memory_bytes", bytes, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Measured(void *context, const BrenierHeldOut *held_out)
{
  (void)context;
  return BrenierReportHeldOut("held_out", held_out);
}

/* Status of a result that was stopped, by who asked, and when it is within the tolerance all the same. */
static const char *const brenier_stop_status[] = {"", "stopped: time limit", "stopped: stop file", "stopped: signal"};
static const char *const brenier_stop_within[] = {"", "stopped: time limit; within tolerance",
                                                  "stopped: stop file; within tolerance",
                                                  "stopped: signal; within tolerance"};

/* The outcome as an exit code, and in words. Where there is a tolerance, what was measured judges, whatever ended the
   iteration. */
static BrenierExit Judge(const BrenierSolved *solved, PetscReal tol, const char **status)
{
  const BrenierReason reason = solved->reason;
  const PetscBool     within = (PetscBool)(tol > 0.0 && solved->within_tol);

  *status = solved->stopped ? brenier_stop_within[solved->stopped] : "converged";
  if (within) return BRENIER_EXIT_DONE;
  if (solved->stopped) {
    *status = brenier_stop_status[solved->stopped];
    return BRENIER_EXIT_TOLERANCE;
  }
  if (reason < 0) *status = BrenierReasonText(reason);
  if (reason == BRENIER_REASON_STALLED || reason == BRENIER_REASON_LINEAR) return BRENIER_EXIT_NUMERICAL;
  if (reason >= 0 && !solved->within_tol) *status = "tolerance not reached";
  return reason < 0 || !solved->within_tol ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
}

/* Names the outcome and writes the result. A checkpoint has done its part once the result is in place. */
static PetscErrorCode Conclude(SolveRun *run, BrenierExit *outcome)
{
  const SolveRequest *r = &run->request;
  BrenierResult       result;
  PetscMPIInt         rank;
  BrenierHistory      table;
  char                number[BRENIER_NUMBER_LENGTH];
  const char         *status;
  PetscReal          *barycentre;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMemzero(&result, sizeof result));
  result.source   = run->whole;
  result.seed     = r->solve.seed;
  result.curves   = run->solved.curves;
  result.streamed = run->solved.streamed;
  result.held_out = run->solved.held_out;
  result.exact    = run->solved.exact;
  *outcome        = Judge(&run->solved, r->solve.tol, &status);
  for (PetscInt i = 0; i < run->start.n_levels; ++i) {
    const size_t used = strlen(result.levels);

    PetscCall(PetscSNPrintf(result.levels + used, sizeof result.levels - used, "%s%" PetscInt_FMT, i ? " " : "",
                            run->start.level[i]));
  }
  if (r->solve.tol > 0.0 && !run->solved.within_tol && result.held_out.rho < r->solve.tol)
    PetscCall(BrenierSay("rho is below the tolerance of %s, but its interval reaches up to %.3g",
                         BrenierNumber(r->solve.tol, number), (double)result.held_out.rho_high));
  PetscCall(PetscStrncpy(result.status, status, sizeof result.status));
  table.n         = rank == 0 ? run->history.n : 0;
  table.n_columns = BRENIER_ITERATION_COLUMNS;
  table.columns   = BrenierIterationNames;
  table.row       = (const PetscReal *)run->history.row;
  PetscCall(PetscMalloc1((size_t)run->given->n_local * run->given->dim, &barycentre));
  BrenierReductionLift(run->reduction, run->given->n_local, run->barycentre, barycentre);
  PetscCall(BrenierResultWrite(r->output, &result, run->given, run->h, run->mass, run->mass_error, barycentre, &table));
  PetscCall(PetscFree(barycentre));
  if (r->solve.checkpoint) PetscCall(BrenierCheckpointFinish(r->solve.checkpoint, *outcome, result.status));
  PetscCall(BrenierSay("%s; result in %s", result.status, r->output));
  PetscCall(
      BrenierLogEvent("end", "s status", result.status, "i exit", (PetscInt64)*outcome, "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the ranks of a node may use, shared among them. */
static PetscErrorCode SetMemory(SolveRequest *r)
{
  const PetscReal gib = 1024.0 * 1024.0 * 1024.0;
  MPI_Comm        node;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_split_type(PETSC_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &size));
  PetscCallMPI(MPI_Comm_free(&node));
  if (r->memory == 0.0)
    r->memory = brenier_memory_part * (PetscReal)sysconf(_SC_PHYS_PAGES) * (PetscReal)sysconf(_SC_PAGE_SIZE) / gib;
  r->solve.memory = r->memory * gib / size;
  // The least over the nodes, so that all ranks decide alike
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &r->solve.memory, 1, MPIU_REAL, MPI_MIN, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void AddItem(BrenierProblemItem item[], PetscInt *n, const char name[], const char format[], ...)
    PETSC_ATTRIBUTE_FORMAT(4, 5);

static void AddItem(BrenierProblemItem item[], PetscInt *n, const char name[], const char format[], ...)
{
  va_list args;

  item[*n].name = name;
  va_start(args, format);
  vsnprintf(item[(*n)++].value, sizeof item->value, format, args);
  va_end(args);
}

/* What must be the same for a checkpoint to be continued. */
static PetscErrorCode OpenCheckpoint(SolveRun *run)
{
  SolveRequest              *r = &run->request;
  const BrenierSolveOptions *o = &r->solve;
  const BrenierTargets       t = run->given;
  BrenierProblemItem         item[16];
  PetscInt                   n = 0;
  PetscInt64                 hash;

  PetscFunctionBegin;
  if (!r->checkpoint[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierTargetsHash(t, &hash));
  PetscCall(PetscMemzero(item, sizeof item));
  AddItem(item, &n, "targets", "%" PetscInt_FMT " x %" PetscInt_FMT, t->n, t->dim);
  AddItem(item, &n, "content of targets and weights", "%016llx", (unsigned long long)hash);
  AddItem(item, &n, "-source", "%s", BrenierSourceName(run->source));
  AddItem(item, &n, "-cells", "%s", brenier_cells_names[run->exact]);
  AddItem(item, &n, "-seed", "%" PetscInt64_FMT, o->seed);
  AddItem(item, &n, "-tol", "%.17g", (double)o->tol);
  AddItem(item, &n, "-curves", "%" PetscInt64_FMT, o->curves);
  AddItem(item, &n, "-check_curves", "%" PetscInt64_FMT, o->check_curves);
  AddItem(item, &n, "-warm_up", "%.17g", (double)o->warm_up);
  AddItem(item, &n, "-max_it", "%" PetscInt_FMT, o->newton.convergence.max_it);
  AddItem(item, &n, "-residual", "%.17g", (double)o->newton.convergence.residual);
  AddItem(item, &n, "-damping", "%.17g", (double)o->newton.damping);
  AddItem(item, &n, "-linear_rtol", "%.17g", (double)o->newton.linear_rtol);
  PetscCall(BrenierCheckpointCreate(run->targets, r->checkpoint, r->interval, item, n, &r->solve.checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solve that is finished is not begun again. */
static PetscErrorCode AnswerFinished(const SolveRequest *r, BrenierExit *outcome)
{
  PetscInt64   code;
  const char  *status = BrenierCheckpointOutcome(r->solve.checkpoint, &code);
  BrenierFault fault  = {0};
  BrenierStore store;

  PetscFunctionBegin;
  if (access(r->output, F_OK))
    BrenierFaultSet(
        &fault, BRENIER_EXIT_INPUT,
        "%s says that this solve is finished, but there is no %s; bring it back, or remove %s to solve again",
        r->checkpoint, r->output, r->checkpoint);
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, r->output, "brenier-result", &store));
  PetscCall(BrenierStoreDestroy(&store));
  *outcome = (BrenierExit)code;
  PetscCall(
      BrenierSay("finished already: %s; result in %s; remove %s to solve again", status, r->output, r->checkpoint));
  PetscCall(BrenierLogEvent("end", "s status", status, "i exit", code, "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights to start from, and the history that led to them: of a checkpoint that has them, else they are made. */
static PetscErrorCode FindStart(SolveRun *run)
{
  const SolveRequest     *r          = &run->request;
  BrenierCheckpoint       checkpoint = r->solve.checkpoint;
  const BrenierIteration *row;
  PetscInt                n;
  PetscErrorCode          ierr;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase > BRENIER_PHASE_WARM_UP) {
    run->start.length = BrenierCheckpointState(checkpoint)->length;
    PetscCall(BrenierCheckpointGetLevels(checkpoint, BRENIER_MAX_LEVELS, &run->start.n_levels, run->start.level));
    PetscCall(BrenierCheckpointGet(checkpoint, &(BrenierSolveVectors){.h = run->h}));
    PetscCall(BrenierCheckpointHistory(checkpoint, &n, &row));
    for (PetscInt i = 0; i < n; ++i) PetscCall(AddIteration(&run->history, &row[i]));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (r->has_start) ierr = WarmStart(r->start, run, run->h, &run->start);
  else ierr = BrenierSolveStart(run->targets, run->source, &r->solve, run->h, &run->start);
  if (ierr == BRENIER_STOPPED && !checkpoint) ierr = PETSC_SUCCESS; // the solve measures what there is
  if (ierr == BRENIER_STOPPED) {
    run->solved.stopped = BrenierStopAsked(PETSC_COMM_WORLD);
    PetscCall(BrenierCheckpointWrite(checkpoint));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ierr);
  if (checkpoint) PetscCall(BrenierCheckpointSetLevels(checkpoint, run->start.n_levels, run->start.level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Says that the run ends with a checkpoint. */
static PetscErrorCode ReportStop(const SolveRun *run, BrenierExit *outcome)
{
  const char *why = BrenierStopText(PETSC_COMM_WORLD, run->solved.stopped);

  PetscFunctionBegin;
  *outcome = BRENIER_EXIT_STOPPED;
  PetscCall(BrenierSay("stopped (%s); the same command continues from %s", why, run->request.checkpoint));
  PetscCall(BrenierLogEvent("end", "s status", brenier_stop_status[run->solved.stopped], "i exit", (PetscInt64)*outcome,
                            "s output", run->request.checkpoint, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether exact cells serve: where there are any, unless curves are asked for in one way or another. */
static PetscErrorCode ChooseCells(SolveRun *run)
{
  SolveRequest   *r      = &run->request;
  const PetscBool newton = (PetscBool)(r->method == BRENIER_METHOD_NEWTON);
  const PetscBool asked  = (PetscBool)(r->has_cells && r->cells == BRENIER_CELLS_EXACT);
  const PetscBool knows  = BrenierLaguerreKnows(run->source, run->targets->n);

  PetscFunctionBegin;
  PetscCheck(!asked || (newton && r->solve.curves == 0 && !r->solve.verify), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -cells exact knows no curves: leave out -curves, -verify_lists, and -method other than newton");
  PetscCheck(!asked || knows, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -cells exact: %" PetscInt_FMT " targets that span %" PetscInt_FMT
             " dimensions have no exact cells under the source %s; leave it out",
             run->targets->n, run->targets->dim, BrenierSourceName(run->source));
  run->exact = (PetscBool)(knows && newton && r->solve.curves == 0 && !r->solve.verify &&
                           !(r->has_cells && r->cells == BRENIER_CELLS_CURVES));
  if (run->exact && !r->has_max_it) r->solve.newton.convergence.max_it = brenier_exact_max_it;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights by exact cells. Where these cannot be computed, curves take over. */
static PetscErrorCode SolveExactly(SolveRun *run)
{
  SolveRequest     *r          = &run->request;
  BrenierCheckpoint checkpoint = r->solve.checkpoint;
  PetscBool         started    = PETSC_FALSE, unsound, failed;

  PetscFunctionBegin;
  if (r->has_start || (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_READY)) {
    PetscCall(FindStart(run));
    started = (PetscBool)!run->solved.stopped;
  }
  PetscCall(BrenierSolveExact(run->targets, run->source, &r->solve, started, run->h,
                              &(BrenierCells){run->mass, run->mass_error, run->barycentre}, &run->start, &run->solved));
  unsound = (PetscBool)(run->solved.reason == BRENIER_REASON_UNSOUND);
  failed  = (PetscBool)(run->solved.reason < 0 && !run->solved.stopped && !unsound && !run->solved.within_tol);
  if (!unsound && !failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(run->targets->dim > 1, PETSC_COMM_WORLD, PETSC_ERR_FP,
             "%s: the cells of these targets, which lie on a line, cannot be solved for in double precision",
             run->targets->path);
  PetscCall(BrenierSay("notice: exact cells give no solution here (%s); curves are sampled instead",
                       BrenierReasonText(run->solved.reason)));
  run->exact = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the targets to the result, or to a checkpoint. */
static PetscErrorCode Solve(SolveRun *run, BrenierExit *outcome)
{
  SolveRequest *r = &run->request;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(run->targets, &run->h));
  PetscCall(VecDuplicate(run->h, &run->mass));
  PetscCall(VecDuplicate(run->h, &run->mass_error));
  PetscCall(PetscMalloc1((size_t)run->targets->n_local * run->targets->dim, &run->barycentre));
  if (run->exact) PetscCall(SolveExactly(run));
  if (!run->exact) PetscCall(FindStart(run));
  if (!run->exact && !run->solved.stopped)
    PetscCall(BrenierSolve(run->targets, run->source, &r->solve, run->start.length, run->h,
                           &(BrenierCells){run->mass, run->mass_error, run->barycentre}, &run->solved));
  if (run->solved.stopped && r->solve.checkpoint) {
    PetscCall(ReportStop(run, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (run->solved.stopped)
    PetscCall(BrenierSay("stopped (%s) after %.0f iterations", BrenierStopText(PETSC_COMM_WORLD, run->solved.stopped),
                         run->solved.last.iteration));
  else
    PetscCall(
        BrenierSay("%s after %.0f iterations", BrenierReasonText(run->solved.reason), run->solved.last.iteration));
  if (run->solved.curves > 0) PetscCall(ReportWork(run->targets, run->source, &run->solved));
  PetscCall(Conclude(run, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSolve(const char *const argument[], BrenierExit *outcome)
{
  SolveRun      run = {0};
  SolveRequest *r   = &run.request;

  PetscFunctionBegin;
  PetscCall(ReadRequest(r));
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r->max_time, r->stop_file));
  PetscCall(ReadTargets(argument[0], r, &run.given));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, BrenierSourceNames[r->source], run.given->dim, 1.0, &run.whole));
  PetscCall(BrenierReductionCreate(run.given, run.whole, &run.reduction));
  run.targets = run.reduction->targets;
  run.source  = run.reduction->source;
  PetscCall(ChooseCells(&run));
  PetscCall(SetMemory(r));
  r->solve.newton.monitor = Monitor;
  r->solve.newton.context = &run.history;
  r->solve.measured       = Measured;
  PetscCall(Announce(&run));
  PetscCall(OpenCheckpoint(&run));
  if (r->solve.checkpoint && BrenierCheckpointState(r->solve.checkpoint)->phase == BRENIER_PHASE_FINISHED)
    PetscCall(AnswerFinished(r, outcome));
  else PetscCall(Solve(&run, outcome));
  PetscCall(BrenierCheckpointDestroy(&r->solve.checkpoint));
  PetscCall(PetscFree(run.history.row));
  PetscCall(PetscFree(run.barycentre));
  PetscCall(VecDestroy(&run.h));
  PetscCall(VecDestroy(&run.mass));
  PetscCall(VecDestroy(&run.mass_error));
  PetscCall(BrenierReductionDestroy(&run.reduction));
  PetscCall(BrenierSourceDestroy(&run.whole));
  PetscCall(BrenierTargetsDestroy(&run.given));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_solve = {
    "solve",
    "TARGETS",
    1,
    "computes the transport map from noise to targets (file.npy or file.h5:/dataset)",
    solve_options,
    RunSolve,
    PETSC_TRUE,
    PETSC_TRUE};
