/* pass.c - Implements pass.h. */
#include <brenier/base.h>
#include <brenier/dual.h>

#include "iteration.h"
#include "pass.h"

enum { BRENIER_DESCENT_STEPS = 512, BRENIER_DESCENT_STEPS_LARGE = 128 };

static const PetscReal brenier_large = 1e6; /* coordinates */

/* Curves of a step at least. */
static const PetscInt64 brenier_pass_least = 256;

/* Chosen by trying 1/2, 1 and 2 (docs/solver.md); a step of the whole scale, seen by few curves, would swing. */
static const PetscReal brenier_pass_rate = 1.0, brenier_pass_most = 0.5;

PetscBool BrenierIsLarge_Private(BrenierTargets t)
{
  return (PetscBool)((PetscReal)t->n * t->dim >= brenier_large);
}

PetscInt BrenierDescentSteps_Private(BrenierTargets t)
{
  return BrenierIsLarge_Private(t) ? BRENIER_DESCENT_STEPS_LARGE : BRENIER_DESCENT_STEPS;
}

void BrenierPassPlan_Private(BrenierTargets t, PetscReal curves, PetscInt64 most, BrenierPassState *pass)
{
  const PetscReal  steps = (PetscReal)BrenierDescentSteps_Private(t);
  const PetscInt64 batch = (PetscInt64)PetscMin(PetscCeilReal(curves / steps), (PetscReal)PETSC_MAX_INT);

  pass->first += pass->n_steps;
  pass->step    = 0;
  pass->batch   = PetscMax(PetscMin(PetscMax(batch, brenier_pass_least), most), 1);
  pass->n_steps = (PetscInt64)PetscMax(PetscCeilReal(curves / (PetscReal)pass->batch), 1.0);
}

/* Length of the next step of a cell of weight 1/n, in units of the scale. */
static PetscReal Rate(const BrenierPassState *p)
{
  const PetscReal batch = (PetscReal)p->batch, worth = p->worth / batch + (PetscReal)p->step;

  return brenier_pass_rate * PetscSqrtReal(batch / p->noise / worth);
}

/* h and mean a step on; the largest change of a height. */
static PetscErrorCode Move(BrenierPass *p, PetscReal rate, PetscReal part, Vec mass, PetscReal *largest)
{
  const PetscScalar *m, *scale;
  PetscScalar       *h, *mean;

  PetscFunctionBegin;
  *largest = 0.0;
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArrayRead(p->scale, &scale));
  PetscCall(VecGetArray(p->h, &h));
  PetscCall(VecGetArray(p->mean, &mean));
  for (PetscInt i = 0; i < p->targets->n_local; ++i) {
    const PetscReal nu = p->targets->nu[i], of_weight = PetscSqrtReal((PetscReal)p->targets->n * nu);
    const PetscReal change = PetscMin(rate * of_weight, brenier_pass_most) * scale[i] * (m[i] / nu - 1.0);

    h[i] -= change;
    mean[i] += part * (h[i] - mean[i]);
    *largest = PetscMax(*largest, PetscAbsReal(change));
  }
  PetscCall(VecRestoreArray(p->mean, &mean));
  PetscCall(VecRestoreArray(p->h, &h));
  PetscCall(VecRestoreArrayRead(p->scale, &scale));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, largest, 1, MPIU_REAL, MPI_MAX, p->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds what a step's sample took, which is gone after it. */
static PetscErrorCode AddWork(BrenierDual dual, BrenierDualWork *work)
{
  BrenierDualWork of_step;

  PetscFunctionBegin;
  PetscCall(BrenierDualGetWork(dual, &of_step));
  work->n_evaluations += of_step.n_evaluations;
  work->n_visits += of_step.n_visits;
  work->n_scanned += of_step.n_scanned;
  work->flops += of_step.flops;
  work->ring_bytes += of_step.ring_bytes;
  work->scan_seconds += of_step.scan_seconds;
  work->envelope_seconds += of_step.envelope_seconds;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step, on curves of its own. */
static PetscErrorCode Step(BrenierPass *p, Vec mass, BrenierIteration *last)
{
  BrenierPassState *now    = &p->now;
  const uint32_t    stream = BRENIER_STREAM_PASS + (uint32_t)(now->first + now->step);
  const PetscReal   batch = (PetscReal)now->batch, rate = Rate(now);
  const PetscReal   part = batch / (now->worth + batch * (PetscReal)(now->step + 1));
  BrenierDual       dual;
  BrenierDualValue  value;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(p->targets, p->source, p->seed, stream, now->batch, 1, &dual));
  ierr = BrenierDualEvaluate(dual, p->h, mass, &value);
  if (!ierr) ierr = BrenierIterationMeasure_Private(dual, p->targets, &value, mass, last);
  PetscCall(AddWork(dual, p->work));
  PetscCall(BrenierDualDestroy(&dual)); // after a stop, too: the solve measures what it has
  PetscCall(ierr);
  PetscCall(Move(p, rate, part, mass, &last->step));
  ++now->step;
  last->iteration = last->evaluations = (PetscReal)now->step;
  last->noise                         = PetscSqrtReal(now->noise / batch);
  last->curves = last->scanned = batch * (PetscReal)now->step;
  last->candidates             = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPassRun_Private(BrenierPass *p)
{
  Vec              mass;
  BrenierProgress  progress;
  BrenierIteration last = {0};
  PetscLogDouble   begun, now;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(p->h, &mass));
  PetscCall(BrenierProgressBegin(&progress, p->targets->comm, "pass over fresh curves"));
  PetscCall(PetscTime(&begun));
  while (p->now.step < p->now.n_steps) {
    PetscCall(Step(p, mass, &last));
    PetscCall(PetscTime(&now));
    last.seconds = now - begun;
    PetscCall(p->monitor(p->context, p, &last));
    PetscCall(BrenierProgressTell(&progress, (PetscReal)p->now.step, (PetscReal)p->now.n_steps));
  }
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierTargetsGauge(p->targets, p->mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}
