/* warm_up.c - Implements BrenierWarmUp() of solve.h. */
#include <brenier/base.h>
#include <brenier/scales.h>
#include <brenier/solve.h>

#include "budget.h"
#include "methods/averaged.h"
#include "methods/coarse.h"
#include "methods/height_scale.h"

#include <math.h>

enum { BRENIER_WARM_ROUNDS = 4, BRENIER_WARM_SAVES = 8 };

typedef struct {
  /* parameters */
  BrenierTargets    targets;
  BrenierSource     source;
  PetscInt64        seed, n_curves; /* of a step */
  PetscInt          n_steps;        /* of a round */
  BrenierCheckpoint checkpoint;
  BrenierScales     scales; /* NULL for none */
  /* data */
  BrenierScanCache cache;
  BrenierCoarse    coarse; /* NULL for none */
  Vec h, mass, mean;       /* mean: sum of the iterates of the second half so far, over their number at its end */
  Vec so_far; /* mean of the iterates of the round with weights in proportion to the step: the answer after a stop */
  /* status */
  BrenierSolveState now;
} WarmUp;

/* Around tight clusters the height scale shrinks as their cells grow. Below this part of its last value another round
   follows. */
static const PetscReal brenier_warm_shrunk = 0.5;

/* Step in height scales: for each dimension, and at most. Chosen by trying on mixtures, tight clusters and images
   from d = 2 to 64: tight clusters in two and three dimensions fail with 1. */
static const PetscReal brenier_warm_rate = 0.07, brenier_warm_step_most = 0.5;

/* Step of a cluster in height scales. With 0.5 and 1 the first measurement is the same. */
static const PetscReal brenier_warm_coarse = 0.5;

/* Height scale of a node over its distance, where targets have scales. */
static const PetscReal brenier_warm_node_scale = 0.2;

/* Smallest mini-batch: with fewer curves a step is mostly sampling error. */
static const PetscInt64 brenier_warm_least = 16;

/* One step. It divides w_i - nu_i by max(nu_i, 1/n): w_i of a light cell is 0 on most mini-batches and large on the
   others, and a division by nu_i would make steps that are far too long. */
static PetscErrorCode WarmStep(WarmUp *w)
{
  const BrenierTargets     t     = w->targets;
  const PetscInt64         first = w->now.warm.round * w->n_steps, step = w->now.warm.step;
  const PetscReal          rate   = PetscMin(brenier_warm_rate * (PetscReal)t->dim, brenier_warm_step_most);
  const PetscReal          root   = PetscSqrtReal((PetscReal)step + 1.0);
  const uint32_t           stream = BRENIER_STREAM_WARM + (uint32_t)(first + step);
  const BrenierFreshCurves fresh  = {t, w->source, w->seed, stream, w->n_curves, w->cache};
  const BrenierStepRule    rule   = {.step   = w->scales ? rate / root * brenier_warm_node_scale
                                                         : rate * w->now.warm.height_scale / root,
                                     .least  = 1.0 / (PetscReal)t->n,
                                     .scales = w->scales};

  PetscFunctionBegin;
  PetscCall(BrenierFreshMasses_Private(&fresh, w->h, NULL, NULL, w->mass, NULL));
  PetscCall(BrenierAveragedStep_Private(t, &rule, w->mass, w->h, NULL));
  PetscCall(BrenierCoarseStep_Private(w->coarse, brenier_warm_coarse * w->now.warm.height_scale / root, w->mass, w->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds an iterate to both means. */
static PetscErrorCode UpdateMeans(WarmUp *w)
{
  const PetscReal       part   = 2.0 / ((PetscReal)w->now.warm.step + 2.0);
  const BrenierMeanRule second = {BRENIER_MEAN_SUM, 2.0 / (PetscReal)w->n_steps, 1.0};
  const BrenierMeanRule so_far = {BRENIER_MEAN_SUM, part, 1.0 - part};

  PetscFunctionBegin;
  if (2 * w->now.warm.step >= w->n_steps) PetscCall(BrenierAverage_Private(&second, w->h, w->mean));
  PetscCall(BrenierAverage_Private(&so_far, w->h, w->so_far));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rest of a round; its result is the mean of the iterates of its second half. */
static PetscErrorCode WarmRound(WarmUp *w)
{
  const BrenierSolveVectors saved = {.h = w->h, .mean = w->mean};
  PetscInt64               *step  = &w->now.warm.step;
  BrenierProgress           progress;

  PetscFunctionBegin;
  PetscCall(BrenierProgressBegin(&progress, w->targets->comm, "warm-up"));
  while (*step < w->n_steps) {
    PetscCall(WarmStep(w));
    PetscCall(UpdateMeans(w));
    ++*step;
    PetscCall(BrenierProgressUpdate(&progress, (PetscReal)*step, (PetscReal)w->n_steps));
    if (w->checkpoint && *step % (w->n_steps / BRENIER_WARM_SAVES) == 0)
      PetscCall(BrenierCheckpointSave(w->checkpoint, &w->now, &saved, NULL));
  }
  PetscCall(VecCopy(w->mean, w->h));
  PetscCall(BrenierTargetsGauge(w->targets, w->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rounds the start to multiples of a small part of the height scale. Its last bits depend on the number of ranks, and
   SGD on few curves amplifies such differences. After rounding every number of ranks starts with the same heights,
   except where a height lies within rounding of the edge between two multiples: about one in a billion. */
static PetscErrorCode RoundHeights(PetscReal height_scale, Vec h)
{
  const int    bits = 8;
  PetscInt     n;
  PetscScalar *a;
  int          exponent;

  PetscFunctionBegin;
  if (!(height_scale > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  (void)frexp(height_scale, &exponent);
  PetscCall(VecGetLocalSize(h, &n));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < n; ++i) a[i] = ldexp(rint(ldexp(a[i], bits - exponent)), exponent - bits);
  PetscCall(VecRestoreArray(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Starts the first round at rounded heights, or continues the one of a checkpoint. */
static PetscErrorCode BeginWarmUp(WarmUp *w)
{
  const BrenierSolveState *saved = w->checkpoint ? BrenierCheckpointState(w->checkpoint) : NULL;

  PetscFunctionBegin;
  if (saved && saved->phase == BRENIER_PHASE_WARM_UP) {
    w->now = *saved;
    PetscCall(BrenierCheckpointGet(w->checkpoint, &(BrenierSolveVectors){.h = w->h, .mean = w->mean}));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  w->now.phase = BRENIER_PHASE_WARM_UP;
  PetscCall(
      BrenierHeightScale_Private(w->targets, w->source, w->seed, w->cache, w->h, w->mass, &w->now.warm.height_scale));
  if (w->scales) PetscFunctionReturn(PETSC_SUCCESS); // there is no single unit to round to
  PetscCall(RoundHeights(w->now.warm.height_scale, w->h));
  PetscCall(
      BrenierHeightScale_Private(w->targets, w->source, w->seed, w->cache, w->h, w->mass, &w->now.warm.height_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs rounds until the height scale does not shrink any more. */
static PetscErrorCode WarmRounds(WarmUp *w)
{
  BrenierWarmState *at   = &w->now.warm;
  PetscReal         next = 0.0;
  PetscBool         more;

  PetscFunctionBegin;
  PetscCall(BeginWarmUp(w));
  PetscCall(VecCopy(w->h, w->so_far)); // before the clustering, which a stop may end
  if (!w->scales)
    PetscCall(BrenierCoarseCreate_Private(
        w->targets, BrenierBudgetCoarseClusters_Private(w->targets->n, w->targets->dim), w->seed, &w->coarse));
  do {
    PetscCall(WarmRound(w));
    PetscCall(VecCopy(w->h, w->so_far));
    PetscCall(BrenierHeightScale_Private(w->targets, w->source, w->seed, w->cache, w->h, w->mass, &next));
    more =
        (PetscBool)(++at->round < BRENIER_WARM_ROUNDS && !w->scales && next < brenier_warm_shrunk * at->height_scale);
    at->height_scale = next;
    at->step         = 0;
    PetscCall(VecZeroEntries(w->mean));
  } while (more);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierWarmUp(BrenierTargets t, BrenierSource source, PetscInt64 seed, PetscReal warm_up,
                             BrenierCheckpoint checkpoint, Vec h, PetscReal *height_scale)
{
  const PetscInt n_steps = BrenierBudgetDescentSteps_Private(t->n, t->dim);
  WarmUp w = {.targets = t, .source = source, .seed = seed, .checkpoint = checkpoint, .h = h, .n_steps = n_steps};
  BrenierWarmState *at = &w.now.warm;
  PetscLogDouble    begun, ended;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  *height_scale = 0.0;
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE || warm_up <= 0.0 || t->n == 1)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscTime(&begun));
  w.n_curves = PetscMax((PetscInt64)(warm_up * (PetscReal)t->n / (PetscReal)n_steps), brenier_warm_least);
  PetscCall(BrenierScanCacheCreate(t, &w.cache));
  PetscCall(VecDuplicate(h, &w.mass));
  PetscCall(VecDuplicate(h, &w.mean));
  PetscCall(VecDuplicate(h, &w.so_far));
  PetscCall(VecZeroEntries(w.mean));
  PetscCall(VecCopy(h, w.so_far));
  PetscCall(BrenierTargetsScales(t, &w.scales));
  ierr = WarmRounds(&w);
  if (ierr == BRENIER_STOPPED) {
    PetscCall(VecCopy(w.so_far, h));
    PetscCall(BrenierTargetsGauge(t, h));
  }
  *height_scale = at->height_scale;
  PetscCall(BrenierCoarseDestroy_Private(&w.coarse));
  PetscCall(BrenierScanCacheDestroy(&w.cache));
  PetscCall(VecDestroy(&w.mass));
  PetscCall(VecDestroy(&w.mean));
  PetscCall(VecDestroy(&w.so_far));
  PetscCall(ierr);
  PetscCall(PetscTime(&ended));
  PetscCall(BrenierPrint(t->comm, "warm-up: averaged SGD on %" PetscInt64_FMT " curves, %.1f s",
                         at->round * w.n_curves * n_steps, ended - begun));
  PetscCall(BrenierLog(t->comm, "warm_up", "i curves", at->round * w.n_curves * n_steps, "r height_scale",
                       at->height_scale, "r length", at->height_scale, "r warm_up_seconds", ended - begun, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
