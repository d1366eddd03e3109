/* barycentre.c - brenier barycentre: the Wasserstein barycentre of several sources, on points with given weights. */
#include "loop_options.h"
#include "source_lines.h"

static const BrenierOption barycentre_options[] = {BRENIER_LOOP_BEFORE BRENIER_LOOP_AFTER(.group = "problem", )};

static PetscErrorCode RunBarycentre(const char *const argument[], BrenierExit *outcome)
{
  LoopRequest r;
  SourceLines lines;
  LoopProblem problem = {.table = barycentre_options};

  PetscFunctionBegin;
  PetscCall(BrenierLoopRequestRead(barycentre_options, &r));
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r.solve.max_time, r.solve.stop_file));
  PetscCall(BrenierLoopReadPoints(argument[0], &r, &problem.points));
  PetscCall(BrenierSourceLinesRead(argument[1], problem.points->dim, &lines));
  problem.n_sources = lines.n;
  problem.source    = lines.source;
  problem.lambda    = lines.lambda;
  PetscCall(BrenierLoopRun(&r, &problem, outcome));
  PetscCall(BrenierSourceLinesDestroy(&lines));
  PetscCall(BrenierTargetsDestroy(&problem.points));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const barycentre_example[] = {
    "A file of two normal laws:", "printf '0.5 -source_mean -2\\n0.5 -source_mean 2 -source_factor 3\\n' > sources.txt",
    "Their barycentre, on the points of a file:",
    "mpiexec -n 2 brenier barycentre points.npy sources.txt -o barycentre.h5", NULL};

const BrenierCommand brenier_command_barycentre = {
    .name        = "barycentre",
    .arguments   = "POINTS SOURCES",
    .n_arguments = 2,
    .summary     = "moves points to the Wasserstein barycentre of several sources",
    .description =
        "The barycentre of sources mu_s with weights lambda_s is the measure with the least sum of lambda_s W2^2(mu_s, "
        ".). Here it is sought among measures on n points with given weights. Each step solves for the transport map "
        "from every source to the points, from the heights of the step before, and moves each point to the mean of the "
        "barycentres of its cells. The cost, the sum of lambda_s W2^2 / 2, falls at every step; a step after which it "
        "has not fallen is rejected and ends the loop.",
    .files    = "POINTS is file.npy or file.h5:/dataset, shape [n, d]: the first points. SOURCES is a text file with a "
                "line for each source: its weight, then options as solve has them, such as -source gaussian "
                "-source_mean M -source_factor L; without -source it is gaussian. Weights are divided by their sum. "
                "What follows # does not count. The output is a result as of solve, for the map from the first source; "
                "its /targets are the points.",
    .example  = barycentre_example,
    .see_also = "quantise solve",
    .option   = barycentre_options,
    .run      = RunBarycentre,
    .stops    = PETSC_TRUE};
