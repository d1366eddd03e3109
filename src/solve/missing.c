/* missing.c - Implements missing.h. */
#include <brenier/base.h>

#include "methods/iteration_private.h"
#include "missing.h"

#include <math.h>

/* Steps of a round, and rounds. */
enum { BRENIER_FILL_STEPS = 16, BRENIER_FILL_ROUNDS = 2 };

/* Largest rise or fall of a cell in a step at first, in units of w_i / H_ii; half of it after each change from too
   little mass to too much or back. Where two cells of a group of near-duplicates have no mass, both rise; with longer
   steps each takes the mass of the other in turn. */
static const PetscReal brenier_fill_most = 1.0;

/* The steps of a cell: the largest, and the sign of the last one. */
typedef struct {
  PetscReal most, sign;
} FillStep;

/* A round ends when no selected mass is off by this factor. */
static const PetscReal brenier_fill_near = 1.5;

/* Part of the curves of the measurement that a round has. The mass of a cell that is given 10 meetings of the 20 that
   make it missing is right to a third; each curve costs as much as one of the measurement. */
static const PetscReal brenier_fill_part = 0.5;

/* Which cells of this rank are missing or wrong by these masses. */
static PetscErrorCode Judge(const Solve *s, Vec mass, PetscBool wrong[])
{
  const PetscScalar *m;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    wrong[i] = BrenierHeldOutIsWrong(&s->solved->held_out, s->targets->n, m[i], s->targets->nu[i]);
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the masses of all selected cells, on any rank, are about their weights. */
static PetscErrorCode AreNear(BrenierTargets t, const PetscBool chosen[], Vec mass, PetscBool *near)
{
  const PetscScalar *m;
  int                any = 0;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < t->n_local; ++i)
    any |= chosen[i] && (m[i] * brenier_fill_near < t->nu[i] || m[i] > brenier_fill_near * t->nu[i]);
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, t->comm));
  *near = (PetscBool)!any;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The step of a cell with mass m > 0, weight nu and d = H_ii > 0. */
static PetscReal StepOf(PetscReal m, PetscReal nu, PetscReal d, FillStep *steps)
{
  const PetscReal wanted = log(nu / m);

  if (wanted * steps->sign < 0.0) steps->most *= 0.5;
  steps->sign = wanted < 0.0 ? -1.0 : 1.0;
  return m / d * PetscMin(PetscMax(wanted, -steps->most), steps->most);
}

/* Moves the selected cells with mass; sets the mass of all cells that must not be lifted to 1. */
static PetscErrorCode StepChosen(Solve *s, BrenierDual dual, const PetscBool chosen[], FillStep steps[], Vec mass)
{
  const BrenierTargets t = s->targets;
  const PetscScalar   *d;
  PetscScalar         *m, *h;
  Mat                  hessian;
  Vec                  diagonal;

  PetscFunctionBegin;
  PetscCall(BrenierDualHessian(dual, 1, &hessian));
  PetscCall(VecDuplicate(mass, &diagonal));
  PetscCall(MatGetDiagonal(hessian, diagonal));
  PetscCall(MatDestroy(&hessian));
  PetscCall(VecGetArrayRead(diagonal, &d));
  PetscCall(VecGetArray(mass, &m));
  PetscCall(VecGetArray(s->h, &h));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    if (chosen[i] && m[i] > 0.0 && d[i] > 0.0) h[i] += StepOf(m[i], t->nu[i], d[i], &steps[i]);
    if (!chosen[i] || m[i] > 0.0) m[i] = 1.0;
  }
  PetscCall(VecRestoreArray(s->h, &h));
  PetscCall(VecRestoreArray(mass, &m));
  PetscCall(VecRestoreArrayRead(diagonal, &d));
  PetscCall(VecDestroy(&diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps on one sample, until the selected cells have about their weights. The gap of an empty cell is that at the
   evaluated heights, so both moves start from these. */
static PetscErrorCode Fill(Solve *s, BrenierDual dual, const PetscBool chosen[], Vec mass)
{
  const PetscInt   n = s->targets->n_local;
  BrenierDualValue value;
  PetscReal       *most;
  FillStep        *steps;
  Vec              at;
  PetscInt64       n_lifted;
  PetscBool        near = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(mass, &at));
  // Few heights move, so lists without a skin hold for nearly all curves
  PetscCall(VecZeroEntries(at));
  PetscCall(BrenierDualSetSkin(dual, at));
  PetscCall(BrenierDualHoldGauge(dual, PETSC_TRUE));
  PetscCall(PetscMalloc2(n, &most, n, &steps));
  for (PetscInt i = 0; i < n; ++i) {
    most[i]  = BrenierLiftMost_Private(s->state.height_scale);
    steps[i] = (FillStep){brenier_fill_most, 0.0};
  }
  for (PetscInt step = 0; step < BRENIER_FILL_STEPS; ++step) {
    PetscCall(BrenierDualEvaluate(dual, s->h, mass, &value));
    PetscCall(AreNear(s->targets, chosen, mass, &near));
    if (near) break;
    PetscCall(VecCopy(s->h, at));
    PetscCall(StepChosen(s, dual, chosen, steps, mass));
    PetscCall(VecAXPY(s->h, -1.0, at)); // the step
    PetscCall(BrenierDualLift(dual, mass, most, at, &n_lifted));
    PetscCall(VecAXPY(s->h, 1.0, at));
  }
  PetscCall(BrenierTargetsGauge(s->targets, s->h));
  PetscCall(PetscFree2(most, steps));
  PetscCall(VecDestroy(&at));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One round and its measurement. *better: it is accepted; otherwise heights and measurement are restored. */
static PetscErrorCode TryFill(Solve *s, uint32_t round, Measurement *before, PetscBool *better)
{
  const uint32_t first = 64; // beyond the measurements of the solve
  Measurement    now = {s->h, s->mass, s->mass_error, s->solved->held_out, s->state.curves, s->solved->one_pass_curves};
  const BrenierHeldOut *held_out = &s->solved->held_out, *was = &before->held_out;
  const PetscInt64      max_curves = BrenierBudgetMaxUnscannedCurves_Private(&s->budget, PETSC_TRUE);
  const PetscInt64      wanted     = (PetscInt64)ceil(brenier_fill_part * (PetscReal)held_out->curves);
  PetscBool            *chosen;
  BrenierDual           dual;
  Vec                   mass;
  PetscErrorCode        ierr;

  PetscFunctionBegin;
  PetscCall(BrenierMeasurementCopy_Private(&now, before));
  PetscCall(PetscMalloc1(s->targets->n_local, &chosen));
  PetscCall(VecDuplicate(s->h, &mass));
  PetscCall(Judge(s, s->mass, chosen));
  PetscCall(BrenierDualCreate(s->targets, s->source, s->options->seed, BRENIER_STREAM_FILL + round,
                              PetscMin(wanted, max_curves), 1, &dual));
  PetscCall(BrenierDualSetCache(dual, s->cache));
  ierr = Fill(s, dual, chosen, mass);
  PetscCall(BrenierDualDestroy(&dual)); // after a stop, too
  PetscCall(VecDestroy(&mass));
  PetscCall(PetscFree(chosen));
  if (!ierr) ierr = BrenierSolveMeasureOn_Private(s, first + round, was->curves);
  *better = (PetscBool)(!ierr && held_out->missing < was->missing &&
                        held_out->rho_high <= PetscMax(was->rho_high, s->options->tol));
  if (!*better) {
    PetscCall(BrenierMeasurementCopy_Private(before, &now));
    s->solved->held_out = now.held_out;
    s->centred          = PETSC_FALSE;
  }
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveFillMissing_Private(Solve *s)
{
  Measurement      before   = {0};
  BrenierHeldOut  *held_out = &s->solved->held_out;
  const PetscInt64 found    = held_out->missing;
  PetscBool        better = PETSC_TRUE, any = PETSC_FALSE;
  PetscErrorCode   ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  if (!s->has_measurement || found == 0 || BrenierSourceCurveType(s->source) == BRENIER_CURVE_LINE)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierSolveFreeSample_Private(s)); // makes room
  PetscCall(VecDuplicate(s->h, &before.h));
  PetscCall(VecDuplicate(s->h, &before.mass));
  PetscCall(VecDuplicate(s->h, &before.mass_error));
  for (uint32_t round = 0; round < BRENIER_FILL_ROUNDS && held_out->missing > 0 && better && !ierr; ++round) {
    ierr = TryFill(s, round, &before, &better);
    any  = (PetscBool)(any || better);
  }
  PetscCall(VecDestroy(&before.h));
  PetscCall(VecDestroy(&before.mass));
  PetscCall(VecDestroy(&before.mass_error));
  if (ierr == BRENIER_STOPPED && !s->options->checkpoint) ierr = PETSC_SUCCESS; // the measurement before is valid
  PetscCall(ierr);
  PetscCall(BrenierPrint(s->targets->comm,
                         "missing cells: %" PetscInt64_FMT " before their heights were raised, %" PetscInt64_FMT
                         " after",
                         found, held_out->missing));
  PetscCall(BrenierLog(s->targets->comm, "filled", "i before", found, "i after", held_out->missing, NULL));
  if (!any) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(s->h, s->saved));
  BrenierSolveCheckTolerance_Private(s);
  if (s->options->on_measurement) PetscCall(s->options->on_measurement(s->options->context, held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}
