/* solve.c - Implements the solve of brenier.h: options become those of a run. */
#include "library_impl.h"

#include <math.h>
#include <stdio.h>

static const int64_t brenier_most_seed = (int64_t)1 << 53;

void brenier_options_default(brenier_options *options)
{
  BrenierRunOptions run;

  if (!options) return;
  BrenierRunOptionsDefaults(&run);
  *options = (brenier_options){.source              = BrenierSourceNames[0],
                               .tol                 = run.solve.tol,
                               .seed                = run.solve.seed,
                               .checkpoint_interval = BRENIER_CHECKPOINT_INTERVAL};
}

/* Whether a number is none, or negative. */
static int IsWrong(double x)
{
  return !isfinite(x) || x < 0.0;
}

/* Notes what is wrong with the options of this rank. */
static void CheckOptions(const brenier_context *context, const brenier_options *o, BrenierFault *fault)
{
  const int has_tol = o->tol != 0.0;

  if (!o->source) BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: source is NULL");
  else if (has_tol && !(o->tol >= BRENIER_LEAST_TOLERANCE && o->tol <= BRENIER_MOST_TOLERANCE))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: tol is %g; give %g to %g, or 0 with curves", o->tol,
                    BRENIER_LEAST_TOLERANCE, BRENIER_MOST_TOLERANCE);
  else if (!has_tol && o->curves == 0)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: neither tol nor curves; give one of them");
  else if (o->curves < 0 || o->curves > PETSC_MAX_INT)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: curves is %lld; give 1 or more, or 0", (long long)o->curves);
  else if (o->held_out_curves && (o->held_out_curves < BRENIER_FEWEST_CURVES || o->held_out_curves > PETSC_MAX_INT))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: held_out_curves is %lld; give %d or more, or 0",
                    (long long)o->held_out_curves, BRENIER_FEWEST_CURVES);
  else if (o->seed < 0 || o->seed > brenier_most_seed)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: seed is %lld; give 0 to %lld", (long long)o->seed,
                    (long long)brenier_most_seed);
  else if (o->max_iterations < 0)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: max_iterations is %d; give 1 or more, or 0",
                    o->max_iterations);
  else if (IsWrong(o->memory) || IsWrong(o->max_time) || IsWrong(o->checkpoint_interval))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "options: memory, max_time and checkpoint_interval have to be 0 or more and finite");
  else if (o->start && o->start->targets->context != context)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "options: start is a result of another context");
  else if (o->checkpoint && !o->output)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "options: checkpoint needs output, where a solve that is finished leaves its result");
}

/* Options that must be the same on all ranks, since ranks decide by them. */
static PetscErrorCode CheckAlike(MPI_Comm comm, const brenier_options *o)
{
  double least[10] = {
      o->tol,    (double)o->curves, (double)o->held_out_curves, (double)o->seed,       o->curves_only,
      o->memory, o->max_iterations, o->start != NULL,           o->checkpoint != NULL, o->source_file != NULL};
  double most[10];

  PetscFunctionBegin;
  PetscCall(PetscArraycpy(most, least, 10));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, least, 10, MPI_DOUBLE, MPI_MIN, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 10, MPI_DOUBLE, MPI_MAX, comm));
  for (int i = 0; i < 10; ++i)
    PetscCheck(least[i] == most[i], comm, PETSC_ERR_USER_INPUT, "options: they differ between ranks");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The source by its name, and the components of a mixture. */
static PetscErrorCode MakeSource(MPI_Comm comm, const brenier_options *o, PetscInt dim, BrenierSource *source)
{
  BrenierMixtureParameters mixture = {0};
  BrenierSourceParameters  p       = {.scale = 1.0, .dof = BRENIER_DEFAULT_DOF};
  const PetscBool          mixed   = BrenierSourceTakesMixture(o->source);
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  PetscCheck(mixed == (PetscBool)(o->source_file != NULL), comm, PETSC_ERR_USER_INPUT,
             "options: source mixture needs source_file, and no other source does");
  if (mixed) PetscCall(BrenierMixtureRead(comm, o->source_file, dim, &mixture));
  if (mixed) p.mixture = &mixture;
  ierr = BrenierSourceCreateWith(comm, o->source, dim, &p, source);
  PetscCall(BrenierMixtureFree(&mixture));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeRun(brenier_targets *targets, const brenier_options *o, BrenierRun **run)
{
  const MPI_Comm    comm = targets->context->comm;
  BrenierRunOptions options;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  BrenierRunOptionsDefaults(&options);
  options.output             = o->output;
  options.start_from         = o->start ? &o->start->outcome : NULL;
  options.has_cells          = (PetscBool)(o->curves_only != 0);
  options.has_max_it         = (PetscBool)(o->max_iterations > 0);
  options.max_it             = o->max_iterations;
  options.solve.tol          = o->tol;
  options.solve.curves       = o->curves;
  options.solve.check_curves = o->held_out_curves;
  options.solve.seed         = o->seed;
  PetscCall(BrenierRunMemory(comm, o->memory, &options.solve.memory));
  PetscCall(MakeSource(comm, o, targets->targets->dim, &options.source));
  ierr = BrenierRunCreate(targets->targets, &options, run);
  PetscCall(BrenierSourceDestroy(&options.source));
  PetscCall(ierr);
  PetscCall(PetscSNPrintf((*run)->outcome.about.options, sizeof(*run)->outcome.about.options,
                          "brenier_solve: source %s, tol %g, curves %lld, held_out_curves %lld, seed %lld, cells %s",
                          o->source, o->tol, (long long)o->curves, (long long)o->held_out_curves, (long long)o->seed,
                          BrenierCellsNames[(*run)->options.cells]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a checkpoint is of, beside the targets. */
static PetscErrorCode SetCheckpoint(BrenierRun *run, const brenier_options *o)
{
  BrenierProblemItem item[] = {{.name = "source"},          {.name = "tol"},  {.name = "curves"},
                               {.name = "held_out_curves"}, {.name = "seed"}, {.name = "cells"},
                               {.name = "max_iterations"}};

  PetscFunctionBegin;
  snprintf(item[0].value, sizeof item->value, "%s", o->source);
  snprintf(item[1].value, sizeof item->value, "%.17g", o->tol);
  snprintf(item[2].value, sizeof item->value, "%lld", (long long)o->curves);
  snprintf(item[3].value, sizeof item->value, "%lld", (long long)o->held_out_curves);
  snprintf(item[4].value, sizeof item->value, "%lld", (long long)o->seed);
  snprintf(item[5].value, sizeof item->value, "%s", BrenierCellsNames[run->options.cells]);
  snprintf(item[6].value, sizeof item->value, "%d", (int)run->options.max_it);
  PetscCall(BrenierRunSetCheckpoint(run, o->checkpoint, o->checkpoint_interval, item,
                                    (PetscInt)(sizeof item / sizeof item[0])));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The result of a run, or that of the run that was finished before, whose rows are split as in a file. */
static PetscErrorCode TakeResult(brenier_targets *targets, BrenierRun *run, const char output[],
                                 brenier_result **result)
{
  BrenierOutcome outcome = run->outcome;

  PetscFunctionBegin;
  if (outcome.h) {
    PetscCall(PetscMemzero(&run->outcome, sizeof run->outcome));
    PetscCall(LibraryMakeResult(targets, &outcome, result));
  } else PetscCall(LibraryReadResult(targets->context, output, result));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(brenier_targets *targets, const brenier_options *o, brenier_code *ending,
                          brenier_result **result)
{
  BrenierRun    *run     = NULL;
  BrenierExit    outcome = BRENIER_EXIT_DONE;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  ierr = MakeRun(targets, o, &run);
  if (!ierr && o->checkpoint) ierr = SetCheckpoint(run, o);
  if (!ierr) ierr = BrenierRunSolve(run, &outcome);
  if (!ierr && outcome != BRENIER_EXIT_STOPPED) ierr = TakeResult(targets, run, o->output, result);
  PetscCall(BrenierRunDestroy(&run));
  PetscCall(ierr);
  *ending = (brenier_code)outcome;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Solve(brenier_targets *targets, const brenier_options *o, brenier_code *ending,
                            brenier_result **result)
{
  brenier_context *context = targets->context;
  BrenierFault     fault   = {0};
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  CheckOptions(context, o, &fault);
  PetscCall(BrenierFaultAgree(context->comm, &fault));
  PetscCall(CheckAlike(context->comm, o));
  context->stop = 0;
  PetscCall(BrenierStopBegin(context->comm, o->max_time, context->stop_file, &context->stop));
  ierr = Run(targets, o, ending, result);
  PetscCall(BrenierStopEnd(context->comm));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_solve(brenier_targets *targets, const brenier_options *options, brenier_result **result)
{
  brenier_options defaults;
  brenier_code    code, ending = BRENIER_CODE_OK;

  if (result) *result = NULL;
  if (!targets || !result) return LibraryRefuse("brenier_solve: %s is NULL", targets ? "result" : "targets");
  brenier_options_default(&defaults);
  LibraryBegin();
  code = LibraryEnd(Solve(targets, options ? options : &defaults, &ending, result));
  if (code || !ending) return code;
  LibraryRefuse("%s", *result ? brenier_result_status(*result) : brenier_code_text(ending));
  return ending;
}
