/* warm_up.c - Implements BrenierWarmUp() and BrenierLengthScale() of solve.h. */
#include <brenier/base.h>
#include <brenier/scales.h>
#include <brenier/solve.h>

#include "pass.h"

#include <math.h>

enum { BRENIER_WARM_ROUNDS = 4, BRENIER_WARM_KEPT = 8 };

typedef struct {
  /* parameters */
  BrenierTargets       targets;
  const BrenierSource *source;
  PetscInt64           seed, n_curves; /* of a step */
  BrenierCheckpoint    checkpoint;
  BrenierScales        scales; /* NULL for none */
  /* data */
  PetscReal *node;          /* of all nodes of the scales: masses, then changes */
  Vec        h, mass, mean; /* mean: of the second half's heights so far, as if the rest were 0 */
  Vec        so_far;        /* mean of the round's heights with weights that grow as the steps: what a stop leaves */
  /* status */
  BrenierSolveState now;
} WarmUp;

/* Around tight clusters the length shrinks as their cells grow; below this part of what it was, a round more is due. */
static const PetscReal brenier_warm_shrunk = 0.5;

/* Step in units of the length scale, a dimension and at most. Chosen by trying on mixtures, tight clusters and images from
   d = 2 to 64: tight clusters in two and three dimensions fail with 1. */
static const PetscReal brenier_warm_rate = 0.07, brenier_warm_most = 0.5;

/* Length of a node over its distance to others, where targets have scales. */
static const PetscReal brenier_warm_length = 0.2;

/* Curves that tell the length scale: thousands of pieces. */
static const PetscInt64 brenier_length_curves = 1024;

/* Curves of a step at least: fewer leave a step to chance. */
static const PetscInt64 brenier_warm_least = 16;

PetscErrorCode BrenierLengthScale(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, Vec h, Vec mass,
                                  PetscReal *length)
{
  BrenierDual      dual;
  BrenierDualValue value;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_LENGTH, brenier_length_curves, 1, &dual));
  ierr = BrenierDualEvaluate(dual, h, mass, &value);
  if (!ierr) ierr = BrenierDualLength(dual, length);
  PetscCall(BrenierDualDestroy(&dual)); // after a stop, too: the run goes on to measure
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step of targets with scales: each node by its own mass and its own length, its members with it. */
static PetscErrorCode MoveNodes(WarmUp *w, PetscReal rate)
{
  const BrenierTargets t = w->targets;
  const BrenierScales  s = w->scales;
  PetscScalar         *a;
  PetscReal           *change;

  PetscFunctionBegin;
  PetscCall(BrenierScalesSum(s, w->mass, w->node));
  for (PetscInt i = 0; i < s->n_nodes; ++i)
    w->node[i] =
        rate * brenier_warm_length * s->apart[i] * (w->node[i] - s->nu[i]) / PetscMax(s->nu[i], 1.0 / (PetscReal)s->n);
  PetscCall(PetscMalloc1(t->n_local, &change));
  BrenierScalesSpread(s, t->first, t->n_local, w->node, change);
  PetscCall(VecGetArray(w->h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] -= change[i];
  PetscCall(VecRestoreArray(w->h, &a));
  PetscCall(PetscFree(change));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step on curves of its own. A cell lighter than most is seldom met, and would be thrown far down when it is: its error
   counts in parts of a usual weight. */
static PetscErrorCode WarmStep(WarmUp *w)
{
  const BrenierTargets t     = w->targets;
  const PetscInt64     first = w->now.warm.round * BrenierDescentSteps_Private(t), step = w->now.warm.step;
  const PetscReal      rate  = PetscMin(brenier_warm_rate * (PetscReal)t->dim, brenier_warm_most);
  const PetscReal      scale = rate * w->now.warm.length / PetscSqrtReal((PetscReal)step + 1.0);
  BrenierDual          dual;
  BrenierDualValue     value;
  const PetscScalar   *m;
  PetscScalar         *a;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscCall(
      BrenierDualCreate(t, w->source, w->seed, BRENIER_STREAM_WARM + (uint32_t)(first + step), w->n_curves, 1, &dual));
  ierr = BrenierDualEvaluate(dual, w->h, w->mass, &value);
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  if (w->scales) {
    PetscCall(MoveNodes(w, rate / PetscSqrtReal((PetscReal)step + 1.0)));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetArrayRead(w->mass, &m));
  PetscCall(VecGetArray(w->h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i)
    a[i] -= scale * (m[i] - t->nu[i]) / PetscMax(t->nu[i], 1.0 / (PetscReal)t->n);
  PetscCall(VecRestoreArray(w->h, &a));
  PetscCall(VecRestoreArrayRead(w->mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One round, from the step where it is: the mean of the heights of its second half. */
static PetscErrorCode WarmRound(WarmUp *w)
{
  const PetscInt  n_steps = BrenierDescentSteps_Private(w->targets);
  PetscInt64     *step    = &w->now.warm.step;
  BrenierProgress progress;

  PetscFunctionBegin;
  PetscCall(BrenierProgressBegin(&progress, w->targets->comm, "warm-up"));
  while (*step < n_steps) {
    PetscCall(WarmStep(w));
    if (2 * *step >= n_steps) PetscCall(VecAXPY(w->mean, 2.0 / n_steps, w->h));
    ++*step;
    PetscCall(VecAXPBY(w->so_far, 2.0 / ((PetscReal)*step + 1.0), 1.0 - 2.0 / ((PetscReal)*step + 1.0), w->h));
    PetscCall(BrenierProgressTell(&progress, (PetscReal)*step, n_steps));
    if (w->checkpoint && *step % (n_steps / BRENIER_WARM_KEPT) == 0)
      PetscCall(BrenierCheckpointKeep(w->checkpoint, &w->now, w->h, w->mean, NULL, NULL));
  }
  PetscCall(VecCopy(w->mean, w->h));
  PetscCall(BrenierTargetsGauge(w->targets, w->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights where the descent begins: multiples of a small part of the length. Their last bits depend on the ranks, and descent
   on few curves doubles such differences again and again. Rounded, every rank count starts alike, but for a number that lies
   on the edge of two multiples, one in a billion. */
static PetscErrorCode RoundHeights(PetscReal length, Vec h)
{
  const int    bits = 8;
  PetscInt     n;
  PetscScalar *a;
  int          exponent;

  PetscFunctionBegin;
  if (!(length > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  (void)frexp(length, &exponent);
  PetscCall(VecGetLocalSize(h, &n));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < n; ++i) a[i] = ldexp(rint(ldexp(a[i], bits - exponent)), exponent - bits);
  PetscCall(VecRestoreArray(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the first round begins: at rounded heights, or where a checkpoint has it. */
static PetscErrorCode BeginWarmUp(WarmUp *w)
{
  const BrenierSolveState *kept = w->checkpoint ? BrenierCheckpointState(w->checkpoint) : NULL;

  PetscFunctionBegin;
  if (kept && kept->phase == BRENIER_PHASE_WARM_UP) {
    w->now = *kept;
    PetscCall(BrenierCheckpointGet(w->checkpoint, w->h, w->mean, NULL));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  w->now.phase = BRENIER_PHASE_WARM_UP;
  PetscCall(BrenierLengthScale(w->targets, w->source, w->seed, w->h, w->mass, &w->now.warm.length));
  if (w->scales) PetscFunctionReturn(PETSC_SUCCESS); // no one unit to round to
  PetscCall(RoundHeights(w->now.warm.length, w->h));
  PetscCall(BrenierLengthScale(w->targets, w->source, w->seed, w->h, w->mass, &w->now.warm.length));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rounds until the length holds. */
static PetscErrorCode WarmRounds(WarmUp *w)
{
  BrenierWarmState *at   = &w->now.warm;
  PetscReal         next = 0.0;
  PetscBool         more;

  PetscFunctionBegin;
  PetscCall(BeginWarmUp(w));
  do {
    PetscCall(VecCopy(w->h, w->so_far));
    PetscCall(WarmRound(w));
    PetscCall(VecCopy(w->h, w->so_far));
    PetscCall(BrenierLengthScale(w->targets, w->source, w->seed, w->h, w->mass, &next));
    more = (PetscBool)(++at->round < BRENIER_WARM_ROUNDS && !w->scales && next < brenier_warm_shrunk * at->length);
    at->length = next;
    at->step   = 0;
    PetscCall(VecZeroEntries(w->mean));
  } while (more);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierWarmUp(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, PetscReal warm_up,
                             BrenierCheckpoint checkpoint, Vec h, PetscReal *scale)
{
  const PetscInt    n_steps = BrenierDescentSteps_Private(t);
  WarmUp            w       = {.targets = t, .source = source, .seed = seed, .checkpoint = checkpoint, .h = h};
  BrenierWarmState *at      = &w.now.warm;
  PetscLogDouble    begun, ended;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  *scale = 0.0;
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE || warm_up <= 0.0 || t->n == 1)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscTime(&begun));
  w.n_curves = PetscMax((PetscInt64)(warm_up * (PetscReal)t->n / n_steps), brenier_warm_least);
  PetscCall(VecDuplicate(h, &w.mass));
  PetscCall(VecDuplicate(h, &w.mean));
  PetscCall(VecDuplicate(h, &w.so_far));
  PetscCall(VecZeroEntries(w.mean));
  PetscCall(VecCopy(h, w.so_far));
  PetscCall(BrenierTargetsScales(t, &w.scales));
  if (w.scales) PetscCall(PetscMalloc1(w.scales->n_nodes, &w.node));
  ierr = WarmRounds(&w);
  if (ierr == BRENIER_STOPPED) {
    PetscCall(VecCopy(w.so_far, h));
    PetscCall(BrenierTargetsGauge(t, h));
  }
  *scale = at->length;
  PetscCall(VecDestroy(&w.mass));
  PetscCall(VecDestroy(&w.mean));
  PetscCall(VecDestroy(&w.so_far));
  PetscCall(PetscFree(w.node));
  PetscCall(ierr);
  PetscCall(PetscTime(&ended));
  PetscCall(BrenierPrint(t->comm, "warm-up: averaged descent on %" PetscInt64_FMT " curves in %.1f s",
                         at->round * w.n_curves * n_steps, ended - begun));
  PetscCall(BrenierLog(t->comm, "warm_up", "i curves", at->round * w.n_curves * n_steps, "r length", at->length,
                       "r warm_up_seconds", ended - begun, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
