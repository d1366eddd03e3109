/* solve.c - brenier solve: targets in, heights out, with their held-out error. */
#include "solve_classes.h"
#include "solve_source.h"

#include <brenier/array.h>

static PetscErrorCode ReadTargets(const char where[], const SolveRequest *r, BrenierTargets *targets)
{
  BrenierArray points, weights = {0};

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_POINTS, &points));
  if (r->weights[0]) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCreate(&points, r->weights[0] ? &weights : NULL, targets));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSolve(const char *const argument[], BrenierExit *outcome)
{
  SolveRequest      r;
  BrenierRunOptions options;
  BrenierTargets    targets;
  BrenierSource     source;
  BrenierRun       *run;

  PetscFunctionBegin;
  PetscCall(BrenierSolveRequestRead(&r));
  if (r.classes[0]) {
    PetscCall(BrenierSolveClasses(argument[0], &r, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r.max_time, r.stop_file));
  PetscCall(ReadTargets(argument[0], &r, &targets));
  PetscCall(BrenierSolveSourceCreate(&r, targets->dim, &source));
  BrenierSolveRequestRun(&r, source, &options);
  PetscCall(BrenierRunCreate(targets, &options, &run));
  PetscCall(BrenierSolveRequestCheckpoint(&r, run));
  PetscCall(BrenierRunSolve(run, outcome));
  PetscCall(BrenierRunDestroy(&run));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const solve_example[] = {
    "Solve until the held-out rho is below 0.1, on two ranks:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5",
    "The same, with a time limit of an hour and a checkpoint; run it again to continue:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5 -max_time 3600 -checkpoint run.ckpt",
    "One map for each label:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -classes labels.npy -o result.h5",
    NULL};

const BrenierCommand brenier_command_solve = {
    .name        = "solve",
    .arguments   = "TARGETS",
    .n_arguments = 1,
    .summary     = "computes the transport map from a source measure to the targets",
    .description =
        "The map is the gradient of the Brenier potential u(x) = max_i <x, y_i> + h_i: it carries the "
        "Laguerre cell W_i, where plane i attains the maximum, to target y_i. The heights h_i are right "
        "when each mass w_i = mu(W_i) equals the weight nu_i.\n"
        "Masses are exact where the targets span two or three dimensions. Elsewhere they are sampled along "
        "random curves. Damped Newton minimises the sampled dual functional; where curves are too many to be "
        "kept, averaged SGD on fresh curves continues.\n"
        "The error is rho = sqrt(sum (w_i - nu_i)^2 / nu_i), the root-mean-square relative error of the "
        "masses. It is measured on held-out curves, which no step has used.\n"
        "With -classes each set of targets with one label is a problem of its own. Small classes are solved by one "
        "rank each, side by side; all maps go to one result.",
    .files          = "TARGETS is file.npy or file.h5:/dataset, shape [n, d]. The result holds /targets, /weights, "
                      "/heights, /mass, /barycenter and /history.",
    .example        = solve_example,
    .see_also       = "encode check sample map facets",
    .option         = BrenierSolveTable,
    .run            = RunSolve,
    .solver_options = PETSC_TRUE,
    .stops          = PETSC_TRUE};
