static const char help[] = "Checks that TAO's methods reach the minimiser that Newton reaches.\n";

#include "problems.h"

#include <brenier/minimise.h>

typedef struct {
  BrenierTargets       targets;
  BrenierSource        source;
  BrenierDual          dual;
  BrenierNewtonOptions options;
  Vec                  h;
} Problem;

static PetscErrorCode CreateProblem(const char type[], PetscInt n, PetscInt dim, PetscReal scale, PetscInt64 n_curves,
                                    Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, n, dim, scale, 0.0, &p->targets));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, dim, 1.0, &p->source));
  PetscCall(BrenierDualCreate(p->targets, p->source, 1, BRENIER_STREAM_SOLVE, n_curves, 4, &p->dual));
  PetscCall(BrenierTargetsCreateVec(p->targets, &p->h));
  BrenierNewtonDefaults(&p->options);
  p->options.convergence.sampling_part = 0.0;
  p->options.convergence.residual      = 1e-6;
  p->options.linear_rtol               = 1e-4;
  p->options.convergence.max_it        = 2000;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyProblem(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&p->h));
  PetscCall(BrenierDualDestroy(&p->dual));
  PetscCall(BrenierSourceDestroy(&p->source));
  PetscCall(BrenierTargetsDestroy(&p->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a monitor sees. */
typedef struct {
  PetscInt         rows;
  BrenierIteration last;
} Watch;

static PetscErrorCode Look(void *context, const BrenierIteration *now)
{
  Watch *w = context;

  PetscFunctionBeginUser;
  PetscCheck(now->iteration == (PetscReal)w->rows, PETSC_COMM_SELF, PETSC_ERR_PLIB, "row %" PetscInt_FMT " of %g",
             w->rows, (double)now->iteration);
  PetscCheck(w->rows == 0 || now->energy <= w->last.energy + 1e-12 * PetscAbsReal(now->energy), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "row %" PetscInt_FMT ": the energy rose from %.17g to %.17g, rho %g", w->rows,
             (double)w->last.energy, (double)now->energy, (double)now->rho);
  w->last = *now;
  ++w->rows;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From heights that leave cells empty, to Newton's heights within `bound` of their size. */
static PetscErrorCode TestMinimiser(BrenierMethod method, const char type[], PetscInt n, PetscInt dim, PetscReal scale,
                                    PetscInt64 n_curves, PetscReal noise, PetscReal bound)
{
  Problem          p;
  Watch            watch = {0};
  Vec              wanted;
  BrenierIteration last;
  BrenierReason    reason;
  PetscReal        size, off;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(type, n, dim, scale, n_curves, &p));
  PetscCall(VecDuplicate(p.h, &wanted));
  PetscCall(SetHeights(p.targets, 1.0, noise, 1, wanted));
  PetscCall(BrenierNewton(p.dual, p.targets, &p.options, wanted, &last, &reason));
  PetscCheck(reason > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Newton: %s", BrenierReasonText(reason));
  p.options.monitor = Look;
  p.options.context = &watch;
  PetscCall(SetHeights(p.targets, 1.0, noise, 1, p.h));
  PetscCall(BrenierMinimise(p.dual, p.targets, method, &p.options, p.h, &last, &reason));
  PetscCall(VecNorm(wanted, NORM_INFINITY, &size));
  PetscCall(VecAXPY(wanted, -1.0, p.h));
  PetscCall(VecNorm(wanted, NORM_INFINITY, &off));
  PetscCheck(reason > 0 && off <= bound * size, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s, dim %" PetscInt_FMT ": %s after %g iterations, L1 %g; heights of size %g off by %g",
             BrenierMethodNames[method], dim, BrenierReasonText(reason), (double)last.iteration, (double)last.l1,
             (double)size, (double)off);
  PetscCheck(last.l1 <= p.options.convergence.residual && watch.rows > 1 && watch.last.evaluations == last.evaluations,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "the last row is not the result");
  PetscCall(VecDestroy(&wanted));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Limits are kept: of iterations, and the residual asked for without any. */
static PetscErrorCode TestLimits(BrenierMethod method)
{
  Problem          p;
  BrenierIteration last;
  BrenierReason    reason;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem("gaussian", 60, 3, 1.0, 300, &p));
  p.options.convergence.max_it = 2;
  PetscCall(SetHeights(p.targets, 1.0, 0.1, 1, p.h));
  PetscCall(BrenierMinimise(p.dual, p.targets, method, &p.options, p.h, &last, &reason));
  PetscCheck(reason == BRENIER_REASON_MAX_IT && last.iteration == 2.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s after %g iterations", BrenierReasonText(reason), (double)last.iteration);
  p.options.convergence.residual = 2.0;
  PetscCall(BrenierMinimise(p.dual, p.targets, method, &p.options, p.h, &last, &reason));
  PetscCheck(reason == BRENIER_REASON_RESIDUAL && last.iteration == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s after %g iterations", BrenierReasonText(reason), (double)last.iteration);
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One target has all the mass at any height. */
static PetscErrorCode TestOneTarget(BrenierMethod method)
{
  Problem          p;
  BrenierIteration last;
  BrenierReason    reason;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem("gaussian", 1, 3, 1.0, 10, &p));
  PetscCall(VecSet(p.h, 2.0));
  PetscCall(BrenierMinimise(p.dual, p.targets, method, &p.options, p.h, &last, &reason));
  PetscCheck(reason == BRENIER_REASON_ROUNDING && last.iteration == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s after %g iterations", BrenierReasonText(reason), (double)last.iteration);
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (BrenierMethod method = BRENIER_METHOD_LMVM; method <= BRENIER_METHOD_NTR; ++method) {
    PetscCall(TestMinimiser(method, "gaussian", 40, 2, 1.0, 300, 0.02, 1e-5));
    if (size == 1) PetscCall(TestMinimiser(method, "gaussian", 100, 8, 1.0, 400, 0.1, 1e-5));
    PetscCall(TestMinimiser(method, "cube", 40, 2, 1e3, 400, 0.1, 1e-5));
    PetscCall(TestLimits(method));
    PetscCall(TestOneTarget(method));
  }
  PetscCall(PetscFinalize());
  return 0;
}
