/* passes.c - Implements passes.h. */
#include "passes.h"

#include <brenier/base.h>

#include "methods/height_scale.h"
#include "methods/nodes.h"
#include "pass.h"

#include <math.h>

/* Scale of all targets alike where Newton left none, in parts of the length: a dimension, and at most. As in the
   warm-up, for cells may be smaller than the length tells. */
static const PetscReal brenier_plain_step = 0.07, brenier_plain_step_most = 0.5;

/* The same of a node where targets have scales, in parts of its distance. */
static const PetscReal brenier_plain_node_step = 0.2;

/* Scale of a target in a pass over the geometric mean, at most. */
static const PetscReal brenier_diagonal_step_most = 4.0;

/* Keeps what a pass can go on from, then stops if that was asked for. */
static PetscErrorCode PassSafePoint(Solve *s, const BrenierPass *pass)
{
  PetscFunctionBegin;
  s->state.pass = pass->now;
  PetscCall(BrenierSolveSafePoint_Private(s, BRENIER_PHASE_PASS, pass->mean, pass->mean, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a step of a pass is told: at doubling steps, and at the end. */
static PetscBool IsRecorded(const BrenierPassState *pass)
{
  return (PetscBool)((pass->step & (pass->step - 1)) == 0 || pass->step == pass->n_steps);
}

/* Passes a step on as an iteration of the whole solve. */
static PetscErrorCode MonitorPass(void *context, const BrenierPass *pass, const BrenierIteration *now)
{
  Solve           *s   = context;
  BrenierIteration all = BrenierSolveTotal_Private(s, now);

  PetscFunctionBegin;
  all.curves += (PetscReal)s->state.curves + (PetscReal)pass->now.before;
  all.scanned += s->state.before.scanned;
  s->state.newest = all;
  if (IsRecorded(&pass->now)) PetscCall(BrenierSolveRecord_Private(s->options, &all));
  PetscCall(PassSafePoint(s, pass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lowers entries far above the geometric mean: such a cell was next to empty when its diagonal was taken, and would
   swing. */
static PetscErrorCode BoundDiagonalStep(BrenierTargets t, Vec diagonal_step)
{
  PetscScalar *a;
  PetscReal   *term, mean;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &term));
  PetscCall(VecGetArray(diagonal_step, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) term[i] = t->nu[i] * log(a[i]);
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &mean));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] = PetscMin(a[i], brenier_diagonal_step_most * PetscExpReal(mean));
  PetscCall(VecRestoreArray(diagonal_step, &a));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scales of all nodes by the Hessian of the sample, without one by their distances; kept as those of targets, and of
   group n + i as entry i of another vector. */
static PetscErrorCode SetNodeSteps(Solve *s)
{
  const BrenierTargets t = s->targets;
  const BrenierScales  x = t->scales;
  PetscScalar         *a, *b;
  PetscReal           *diagonal_step;
  Mat                  hessian;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(x->n_nodes, &diagonal_step));
  for (PetscInt i = 0; i < x->n_nodes; ++i) diagonal_step[i] = brenier_plain_node_step * x->apart[i];
  if (s->dual) {
    PetscCall(BrenierDualHessian(s->dual, 1, &hessian));
    PetscCall(BrenierNodeSteps_Private(t, x, hessian, diagonal_step));
    PetscCall(MatDestroy(&hessian));
  }
  PetscCall(VecDuplicate(s->diagonal_step, &s->groups));
  PetscCall(VecGetArray(s->diagonal_step, &a));
  PetscCall(VecGetArray(s->groups, &b));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscInt group = x->n + t->first + i;

    a[i] = diagonal_step[t->first + i];
    b[i] = group < x->n_nodes ? diagonal_step[group] : 0.0;
  }
  PetscCall(VecRestoreArray(s->groups, &b));
  PetscCall(VecRestoreArray(s->diagonal_step, &a));
  PetscCall(PetscFree(diagonal_step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scales of all nodes, as a pass takes them. */
static PetscErrorCode GatherNodeSteps(const Solve *s, BrenierPass *pass)
{
  const BrenierScales x = s->targets->scales;
  PetscReal          *groups;

  PetscFunctionBegin;
  if (!s->groups || pass->node_step) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(x->n_nodes, &pass->node_step));
  PetscCall(PetscMalloc1(x->n, &groups));
  PetscCall(BrenierScalesGather(x, s->diagonal_step, pass->node_step));
  PetscCall(BrenierScalesGather(x, s->groups, groups));
  PetscCall(PetscArraycpy(pass->node_step + x->n, groups, x->n_nodes - x->n));
  PetscCall(PetscFree(groups));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The scale that Newton left; without one, that of the warm-up for all, which asks for shorter steps in few
   dimensions. */
static PetscErrorCode SetDiagonalSteps(Solve *s, Vec work)
{
  PetscReal largest;

  PetscFunctionBegin;
  if (s->targets->scales && !s->groups) PetscCall(SetNodeSteps(s));
  if (s->groups) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecMax(s->diagonal_step, NULL, &largest));
  if (largest > 0.0) {
    PetscCall(BoundDiagonalStep(s->targets, s->diagonal_step));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (s->state.height_scale <= 0.0)
    PetscCall(BrenierHeightScale_Private(s->targets, s->source, s->options->seed, s->h, work, &s->state.height_scale));
  PetscCall(VecSet(s->diagonal_step, s->state.height_scale * PetscMin(brenier_plain_step * (PetscReal)s->targets->dim,
                                                                      brenier_plain_step_most)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sample makes room; its heights are where a pass begins. */
static PetscErrorCode BeginPass(Solve *s, BrenierPass *pass)
{
  const BrenierAccuracy accuracy = BrenierSolveAccuracy_Private(s);

  PetscFunctionBegin;
  BrenierBudgetPlanEpoch_Private(&s->budget, &accuracy, s->state.curves, BrenierSolveCurves_Private(s), &pass->now);
  PetscCall(SetDiagonalSteps(s, pass->mean));
  pass->now.of_nodes = (PetscBool)(s->groups != NULL);
  PetscCall(VecCopy(s->h, pass->mean));
  PetscCall(PassSafePoint(s, pass));
  PetscCall(BrenierSolveFreeSample_Private(s));
  PetscCall(BrenierPrint(s->targets->comm,
                         "pass %" PetscInt64_FMT ": %" PetscInt64_FMT " fresh curves, %" PetscInt64_FMT
                         " a step, each seen once, from heights worth %.0f",
                         pass->now.pass + 1, pass->now.n_steps * pass->now.batch, pass->now.batch,
                         (double)pass->now.effective_curves));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass and its measurement. */
static PetscErrorCode RunPass(Solve *s, BrenierPass *pass)
{
  PetscFunctionBegin;
  if (s->resuming) s->state.before.seconds = s->state.newest.seconds;
  else PetscCall(BeginPass(s, pass));
  s->resuming = PETSC_FALSE;
  PetscCall(GatherNodeSteps(s, pass));
  PetscCall(BrenierPassRun_Private(pass));
  PetscCall(VecCopy(pass->mean, s->h));
  pass->now.before += pass->now.n_steps * pass->now.batch;
  ++pass->now.pass;
  s->state.before            = s->state.newest;
  s->solved->one_pass_curves = pass->now.before;
  s->solved->reason          = BRENIER_REASON_SEEN;
  PetscCall(BrenierSolveMeasure_Private(s, (uint32_t)++s->state.attempt));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs a pass, and takes it back when it made things worse. */
static PetscErrorCode TryPass(Solve *s, BrenierPass *pass, Measurement *best)
{
  const PetscBool has_measurement = (PetscBool)(s->has_measurement && !s->resuming); // a checkpoint has no measurement
  Measurement     now             = {s->h, s->mass, s->mass_error, s->solved->held_out, 0, 0};

  PetscFunctionBegin;
  if (has_measurement) PetscCall(BrenierMeasurementCopy_Private(&now, best));
  PetscCall(RunPass(s, pass));
  if (!has_measurement || s->solved->held_out.rho_high <= best->held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(
      BrenierPrint(s->targets->comm, "pass %" PetscInt64_FMT ": taken back, as it made things worse", pass->now.pass));
  PetscCall(BrenierMeasurementCopy_Private(best, &now));
  s->centred = PETSC_FALSE; // barycentres are those of the pass
  PetscCall(VecCopy(best->h, s->saved));
  s->solved->held_out = now.held_out;
  BrenierSolveCheckTolerance_Private(s);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether more curves than Newton keeps are still called for. */
static PetscBool NeedsPass(const Solve *s)
{
  const BrenierSolved *solved = s->solved;

  if (!s->state.passes || solved->reason < 0) return PETSC_FALSE;
  return (PetscBool)(s->options->curves > 0 ? BrenierSolveCurves_Private(s) < s->options->curves : !solved->within_tol);
}

PetscErrorCode BrenierSolvePasses_Private(Solve *s)
{
  BrenierPass pass   = {.targets       = s->targets,
                        .source        = s->source,
                        .seed          = s->options->seed,
                        .diagonal_step = s->diagonal_step,
                        .h             = s->h,
                        .work          = &s->solved->work,
                        .monitor       = MonitorPass,
                        .context       = s};
  Measurement best   = {0};
  Vec *const  work[] = {&pass.mean, &best.h, &best.mass, &best.mass_error};

  PetscFunctionBegin;
  if (!s->resuming && !NeedsPass(s)) PetscFunctionReturn(PETSC_SUCCESS);
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(s->h, work[i]));
  if (s->resuming) {
    pass.now = s->state.pass;
    if (pass.now.of_nodes) PetscCall(VecDuplicate(s->diagonal_step, &s->groups));
    PetscCall(
        BrenierCheckpointGet(s->options->checkpoint, &(BrenierSolveVectors){.mean = pass.mean, .groups = s->groups}));
  }
  while (s->resuming || (NeedsPass(s) && pass.now.pass < BRENIER_RETRIES)) PetscCall(TryPass(s, &pass, &best));
  PetscCall(PetscFree(pass.node_step));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
