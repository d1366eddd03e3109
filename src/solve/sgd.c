/* sgd.c - Implements sgd.h. */
#include "sgd.h"

#include <brenier/base.h>

#include "methods/height_scale.h"
#include "methods/nodes.h"
#include "sgd_epoch.h"

#include <math.h>

/* Where Newton left no diagonal steps, all targets have the same one: so many height scales for each dimension, and at
   most so many. The warm-up has the same factors, as cells may be smaller than the height scale suggests. */
static const PetscReal brenier_plain_step = 0.07, brenier_plain_step_most = 0.5;

/* Step of a node without a Hessian, in parts of its distance to its nearest neighbour (scales.h). */
static const PetscReal brenier_plain_node_step = 0.2;

/* Step of a cluster in height scales. With 0.5 what spans many cells is better still, but rho up to 1.5% larger. */
static const PetscReal brenier_sgd_coarse = 0.25;

/* Largest diagonal step, in parts of the geometric mean of all. */
static const PetscReal brenier_diagonal_step_most = 4.0;

/* Saves the state that the epoch can continue from, then stops if that was asked for. */
static PetscErrorCode EpochSafePoint(Solve *s, const BrenierSgdEpoch *epoch)
{
  PetscFunctionBegin;
  s->state.sgd = epoch->now;
  s->line_mass = epoch->line_mass;
  PetscCall(BrenierSolveSafePoint_Private(s, BRENIER_PHASE_SGD, epoch->mean, epoch->mean, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a step becomes a row of the history: at doubling steps, and at the end. */
static PetscBool IsRecorded(const BrenierSgdState *epoch)
{
  return (PetscBool)((epoch->step & (epoch->step - 1)) == 0 || epoch->step == epoch->n_steps);
}

/* Reports a step as an iteration of the whole solve. */
static PetscErrorCode MonitorEpoch(void *context, const BrenierSgdEpoch *epoch, const BrenierIteration *now)
{
  Solve           *s   = context;
  BrenierIteration all = BrenierSolveTotal_Private(s, now);

  PetscFunctionBegin;
  all.curves += (PetscReal)s->state.curves + (PetscReal)epoch->now.before;
  all.scanned += s->state.before.scanned;
  s->state.newest = all;
  if (IsRecorded(&epoch->now)) PetscCall(BrenierSolveRecord_Private(s->options, &all));
  PetscCall(EpochSafePoint(s, epoch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lowers diagonal steps far above the geometric mean. Such a cell was nearly empty when the Hessian was assembled; it
   would oscillate. */
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

/* Sets the steps of all nodes from the Hessian of the sample or, without a sample, from their distances. Those of the
   targets go into s->diagonal_step, that of group n + i into entry i of s->groups. */
static PetscErrorCode SetNodeSteps(Solve *s)
{
  const BrenierTargets t      = s->targets;
  const BrenierScales  scales = t->scales;
  PetscScalar         *a, *b;
  PetscReal           *diagonal_step;
  Mat                  hessian;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(scales->n_nodes, &diagonal_step));
  for (PetscInt i = 0; i < scales->n_nodes; ++i) diagonal_step[i] = brenier_plain_node_step * scales->apart[i];
  if (s->dual) {
    PetscCall(BrenierDualHessian(s->dual, 1, &hessian));
    PetscCall(BrenierNodeSteps_Private(t, scales, hessian, diagonal_step));
    PetscCall(MatDestroy(&hessian));
  }
  PetscCall(VecDuplicate(s->diagonal_step, &s->groups));
  PetscCall(VecGetArray(s->diagonal_step, &a));
  PetscCall(VecGetArray(s->groups, &b));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscInt group = scales->n + t->first + i;

    a[i] = diagonal_step[t->first + i];
    b[i] = group < scales->n_nodes ? diagonal_step[group] : 0.0;
  }
  PetscCall(VecRestoreArray(s->groups, &b));
  PetscCall(VecRestoreArray(s->diagonal_step, &a));
  PetscCall(PetscFree(diagonal_step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sum of the steps of the nodes of a target over the largest of them: the mean over targets by weight. */
static PetscReal Overlap(const BrenierScales s, const PetscReal node_step[])
{
  PetscReal mean = 0.0;

  for (PetscInt i = 0; i < s->n; ++i) {
    PetscReal sum = 0.0, most = 0.0;

    for (PetscInt g = i; g >= 0; g = s->parent[g]) {
      sum += node_step[g];
      most = PetscMax(most, node_step[g]);
    }
    if (most > 0.0) mean += s->nu[i] * sum / most;
  }
  return PetscMax(mean, 1.0);
}

/* Steps of all nodes on every rank, for the epoch. */
static PetscErrorCode GatherNodeSteps(const Solve *s, BrenierSgdEpoch *epoch)
{
  const BrenierScales scales = s->targets->scales;
  PetscReal          *groups;

  PetscFunctionBegin;
  if (!s->groups || epoch->node_step) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(scales->n_nodes, &epoch->node_step));
  PetscCall(PetscMalloc1(scales->n, &groups));
  PetscCall(BrenierScalesGather(scales, s->diagonal_step, epoch->node_step));
  PetscCall(BrenierScalesGather(scales, s->groups, groups));
  PetscCall(PetscArraycpy(epoch->node_step + scales->n, groups, scales->n_nodes - scales->n));
  for (PetscInt i = 0; i < scales->n_nodes; ++i)
    if (scales->in_line[i]) epoch->node_step[i] = 0.0;
  epoch->overlap = Overlap(scales, epoch->node_step);
  PetscCall(PetscFree(groups));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The height scale of the warm-up, or that of the present heights where there was none. */
static PetscErrorCode FindHeightScale(Solve *s, Vec work)
{
  PetscFunctionBegin;
  if (s->state.height_scale <= 0.0)
    PetscCall(BrenierHeightScale_Private(s->targets, s->source, s->options->seed, s->cache, s->h, work,
                                         &s->state.height_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes the diagonal steps that Newton left. Without any, all targets get the one of the warm-up, which is shorter in
   few dimensions. */
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
  PetscCall(FindHeightScale(s, work));
  PetscCall(VecSet(s->diagonal_step, s->state.height_scale * PetscMin(brenier_plain_step * (PetscReal)s->targets->dim,
                                                                      brenier_plain_step_most)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Plans an epoch from the present heights, and frees the sample to make room. */
static PetscErrorCode BeginEpoch(Solve *s, BrenierSgdEpoch *epoch)
{
  const BrenierAccuracy accuracy = BrenierSolveAccuracy_Private(s);

  PetscFunctionBegin;
  BrenierBudgetPlanEpoch_Private(&s->budget, &accuracy, s->state.curves, BrenierSolveCurves_Private(s), &epoch->now);
  PetscCall(SetDiagonalSteps(s, epoch->mean));
  if (epoch->coarse) PetscCall(FindHeightScale(s, epoch->mean));
  epoch->now.of_nodes = (PetscBool)(s->groups != NULL);
  epoch->now.of_lines = (PetscBool)(epoch->line_mass != NULL);
  if (epoch->line_mass) PetscCall(VecZeroEntries(epoch->line_mass));
  PetscCall(VecCopy(s->h, epoch->mean));
  PetscCall(EpochSafePoint(s, epoch));
  PetscCall(BrenierSolveFreeSample_Private(s));
  PetscCall(BrenierPrint(s->targets->comm,
                         "epoch %" PetscInt64_FMT " of averaged SGD: %" PetscInt64_FMT
                         " fresh curves in mini-batches of %" PetscInt64_FMT ", from %.0f effective curves",
                         epoch->now.epoch + 1, epoch->now.n_steps * epoch->now.batch, epoch->now.batch,
                         (double)epoch->now.effective_curves));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One epoch and its measurement. */
static PetscErrorCode RunEpoch(Solve *s, BrenierSgdEpoch *epoch)
{
  PetscFunctionBegin;
  if (s->resuming) s->state.before.seconds = s->state.newest.seconds;
  else PetscCall(BeginEpoch(s, epoch));
  s->resuming        = PETSC_FALSE;
  epoch->coarse_step = brenier_sgd_coarse * s->state.height_scale;
  PetscCall(GatherNodeSteps(s, epoch));
  PetscCall(BrenierSgdEpochRun_Private(epoch));
  PetscCall(VecCopy(epoch->mean, s->h));
  epoch->now.before += epoch->now.n_steps * epoch->now.batch;
  ++epoch->now.epoch;
  s->state.before            = s->state.newest;
  s->solved->one_pass_curves = epoch->now.before;
  s->solved->reason          = BRENIER_REASON_SEEN;
  PetscCall(BrenierSolveMeasure_Private(s, (uint32_t)++s->state.attempt));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the heights at the beginning of an epoch and their measurement, as the epoch may be rejected. */
static PetscErrorCode KeepStart(Solve *s, BrenierSgdState *epoch, Measurement *start)
{
  const BrenierHeldOut *held_out = &s->solved->held_out;
  const Measurement     now      = {s->h, s->mass, s->mass_error, *held_out, 0, 0};

  PetscFunctionBegin;
  epoch->has_start = s->has_measurement;
  if (!epoch->has_start) PetscFunctionReturn(PETSC_SUCCESS);
  epoch->start_attempt  = s->measured;
  epoch->start_curves   = s->asked;
  epoch->start_at_once  = s->at_once;
  epoch->start_rho_high = held_out->rho_high;
  PetscCall(BrenierMeasurementCopy_Private(&now, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Returns to the heights at the beginning of an epoch. A checkpoint has these, but not their masses: after a stop
   within the epoch they are measured again, on the same curves. */
static PetscErrorCode Reject(Solve *s, const BrenierSgdState *epoch, PetscBool resumed, const Measurement *start)
{
  Measurement now = {s->h, s->mass, s->mass_error, s->solved->held_out, 0, 0};

  PetscFunctionBegin;
  PetscCall(BrenierPrint(s->targets->comm, "epoch %" PetscInt64_FMT ": rejected, as the held-out error increased",
                         epoch->epoch));
  if (resumed) {
    PetscCall(VecCopy(start->h, s->h));
    PetscCall(BrenierSolveMeasureAtOnce_Private(s, (uint32_t)epoch->start_attempt, epoch->start_curves,
                                                epoch->start_at_once));
  } else {
    PetscCall(BrenierMeasurementCopy_Private(start, &now));
    s->solved->held_out = now.held_out;
  }
  s->measured = epoch->start_attempt;
  s->asked    = epoch->start_curves;
  s->at_once  = epoch->start_at_once;
  s->centred  = PETSC_FALSE; // barycentres are those of the rejected epoch
  PetscCall(VecCopy(s->h, s->saved));
  BrenierSolveCheckTolerance_Private(s);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs an epoch, and returns to the heights before it if its held-out error is larger. */
static PetscErrorCode TryEpoch(Solve *s, BrenierSgdEpoch *epoch, Measurement *start)
{
  const PetscBool resumed = s->resuming;

  PetscFunctionBegin;
  if (!resumed) PetscCall(KeepStart(s, &epoch->now, start));
  s->start = epoch->now.has_start ? start->h : NULL;
  PetscCall(RunEpoch(s, epoch));
  if (epoch->now.has_start && s->solved->held_out.rho_high > epoch->now.start_rho_high)
    PetscCall(Reject(s, &epoch->now, resumed, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the tolerance, or the number of curves asked for, needs another epoch. */
static PetscBool NeedsEpoch(const Solve *s)
{
  const BrenierSolved *solved = s->solved;

  if (!s->state.sgd_follows || solved->reason < 0) return PETSC_FALSE;
  return (PetscBool)(s->options->curves > 0 ? BrenierSolveCurves_Private(s) < s->options->curves : !solved->within_tol);
}

/* Clusters that move together; nodes have steps of their own for that. */
static PetscErrorCode CreateClusters(const Solve *s, BrenierCoarse *coarse)
{
  const BrenierTargets t = s->targets;

  PetscFunctionBegin;
  if (!t->scales)
    PetscCall(
        BrenierCoarseCreate_Private(t, BrenierBudgetCoarseClusters_Private(t->n, t->dim), s->options->seed, coarse));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveSgd_Private(Solve *s)
{
  BrenierSgdEpoch epoch  = {.targets       = s->targets,
                            .source        = s->source,
                            .seed          = s->options->seed,
                            .diagonal_step = s->diagonal_step,
                            .cache         = s->cache,
                            .h             = s->h,
                            .work          = &s->solved->work,
                            .monitor       = MonitorEpoch,
                            .context       = s};
  Measurement     start  = {0};
  Vec *const      work[] = {&epoch.mean, &start.h, &start.mass, &start.mass_error};

  PetscFunctionBegin;
  if (!s->resuming && !NeedsEpoch(s)) PetscFunctionReturn(PETSC_SUCCESS);
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(s->h, work[i]));
  if (s->targets->scales && s->targets->scales->n_lines > 0) PetscCall(VecDuplicate(s->h, &epoch.line_mass));
  if (s->resuming) {
    epoch.now = s->state.sgd;
    if (epoch.now.of_nodes) PetscCall(VecDuplicate(s->diagonal_step, &s->groups));
    PetscCall(BrenierCheckpointGet(s->options->checkpoint, &(BrenierSolveVectors){.mean      = epoch.mean,
                                                                                  .groups    = s->groups,
                                                                                  .line_mass = epoch.line_mass,
                                                                                  .start     = start.h}));
  }
  PetscCall(CreateClusters(s, &epoch.coarse));
  while (s->resuming || (NeedsEpoch(s) && epoch.now.epoch < BRENIER_RETRIES)) PetscCall(TryEpoch(s, &epoch, &start));
  s->line_mass = s->start = NULL;
  PetscCall(VecDestroy(&epoch.line_mass));
  PetscCall(BrenierCoarseDestroy_Private(&epoch.coarse));
  PetscCall(PetscFree(epoch.node_step));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
