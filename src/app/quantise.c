/* quantise.c - brenier quantise: points with given weights that approximate a source. */
#include "loop_options.h"

static const BrenierOption quantise_options[] = {BRENIER_LOOP_BEFORE BRENIER_SOURCE_OPTIONS(BRENIER_LOOP_PART)
                                                     BRENIER_LOOP_AFTER()};

static PetscErrorCode RunQuantise(const char *const argument[], BrenierExit *outcome)
{
  LoopRequest   r;
  BrenierSource source;
  PetscReal     whole   = 1.0;
  LoopProblem   problem = {.table = quantise_options, .n_sources = 1, .source = &source, .lambda = &whole};

  PetscFunctionBegin;
  PetscCall(BrenierLoopRequestRead(quantise_options, &r));
  PetscCall(BrenierSolveSourceCheck(&r.solve));
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r.solve.max_time, r.solve.stop_file));
  PetscCall(BrenierLoopReadPoints(argument[0], &r, &problem.points));
  PetscCall(BrenierSolveSourceCreate(&r.solve, problem.points->dim, &source));
  PetscCall(BrenierLoopRun(&r, &problem, outcome));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&problem.points));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const quantise_example[] = {
    "Move the points of a file so that they approximate the standard normal law:",
    "mpiexec -n 2 brenier quantise points.npy -o quantised.h5",
    "Measure the map to them:", "mpiexec -n 2 brenier check quantised.h5", NULL};

const BrenierCommand brenier_command_quantise = {
    .name        = "quantise",
    .arguments   = "POINTS",
    .n_arguments = 1,
    .summary     = "moves points with given weights so that they approximate a source",
    .description =
        "Lloyd's algorithm with optimal transport: each step solves for the transport map from the source to the "
        "points, from the heights of the step before, and moves each point to the barycentre of its cell. W2 of source "
        "and points falls at every step; a step after which it has not fallen is rejected and ends the loop.\n"
        "The weights of the points stay as they are. All steps use one sample of curves, or exact cells where the "
        "points span two or three dimensions. Barycentres contain the sampling error of this sample: more -curves give "
        "better points.",
    .files = "POINTS is file.npy or file.h5:/dataset, shape [n, d]. The output is a result as of solve, whose /targets "
             "are the points.",
    .example  = quantise_example,
    .see_also = "barycentre solve check",
    .option   = quantise_options,
    .run      = RunQuantise,
    .stops    = PETSC_TRUE};
