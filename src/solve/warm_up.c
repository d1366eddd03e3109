/* warm_up.c - Implements BrenierWarmUp() and BrenierLengthScale() of solve.h. */
#include <brenier/base.h>
#include <brenier/solve.h>

#include <math.h>

enum { BRENIER_WARM_STEPS = 128, BRENIER_WARM_STEPS_SMALL = 512, BRENIER_WARM_ROUNDS = 4 };

/* Coordinates of all targets below which more steps cost nothing to speak of: each packs the targets anew. */
static const PetscReal brenier_warm_small = 1e6;

static PetscInt StepsOfRound(BrenierTargets t)
{
  return (PetscReal)t->n * t->dim < brenier_warm_small ? BRENIER_WARM_STEPS_SMALL : BRENIER_WARM_STEPS;
}

/* Around tight clusters the length shrinks as their cells grow; below this part of what it was, a round more is due. */
static const PetscReal brenier_warm_shrunk = 0.5;

/* Step in units of the length scale: a tenth of the dimension, at most 1. Chosen by trying 0.3, 1 and 3 on mixtures, tight
   clusters and images from d = 2 to 64: tight clusters in two and three dimensions fail with 1. */
static const PetscReal brenier_warm_rate = 0.07, brenier_warm_most = 0.5;

/* Curves that tell the length scale: thousands of pieces. */
static const PetscInt64 brenier_length_curves = 1024;

/* Curves of a step at least: fewer leave a step to chance. */
static const PetscInt64 brenier_warm_least = 16;

PetscErrorCode BrenierLengthScale(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, Vec h, Vec mass,
                                  PetscReal *length)
{
  BrenierDual      dual;
  BrenierDualValue value;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_LENGTH, brenier_length_curves, 1, &dual));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualLength(dual, length));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step on curves of its own. */
static PetscErrorCode WarmStep(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, PetscInt first,
                               PetscInt step, PetscInt64 n_curves, PetscReal length, Vec h, Vec mass)
{
  const PetscReal    rate  = PetscMin(brenier_warm_rate * (PetscReal)t->dim, brenier_warm_most);
  const PetscReal    scale = rate * length / PetscSqrtReal((PetscReal)step + 1.0);
  BrenierDual        dual;
  BrenierDualValue   value;
  const PetscScalar *m;
  PetscScalar       *a;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_WARM + (uint32_t)(first + step), n_curves, 1, &dual));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] -= scale * (m[i] / t->nu[i] - 1.0);
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One round: steps from step number `first` on, and the mean of the second half of them. */
static PetscErrorCode WarmRound(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, PetscInt first,
                                PetscInt64 n_curves, PetscReal length, Vec h, Vec mass, Vec mean)
{
  const PetscInt  n_steps = StepsOfRound(t);
  BrenierProgress progress;

  PetscFunctionBegin;
  PetscCall(BrenierProgressBegin(&progress, "warm-up"));
  PetscCall(VecZeroEntries(mean));
  for (PetscInt step = 0; step < n_steps; ++step) {
    PetscCall(WarmStep(t, source, seed, first, step, n_curves, length, h, mass));
    if (2 * step >= n_steps) PetscCall(VecAXPY(mean, 2.0 / n_steps, h));
    PetscCall(BrenierProgressTell(&progress, step + 1.0, n_steps));
  }
  PetscCall(VecCopy(mean, h));
  PetscCall(BrenierTargetsGauge(t, h));
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

PetscErrorCode BrenierWarmUp(BrenierTargets t, const BrenierSource *source, PetscInt64 seed, PetscReal warm_up, Vec h,
                             PetscReal *scale)
{
  const PetscInt   n_steps  = StepsOfRound(t);
  const PetscInt64 n_curves = PetscMax((PetscInt64)(warm_up * (PetscReal)t->n / n_steps), brenier_warm_least);
  PetscReal        length, next = 0.0;
  PetscInt         round = 0;
  PetscLogDouble   begun, ended;
  Vec              mass, mean;

  PetscFunctionBegin;
  *scale = 0.0;
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE || warm_up <= 0.0 || t->n == 1)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscTime(&begun));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &mean));
  PetscCall(BrenierLengthScale(t, source, seed, h, mass, &next));
  PetscCall(RoundHeights(next, h));
  PetscCall(BrenierLengthScale(t, source, seed, h, mass, &next));
  do {
    length = next;
    PetscCall(WarmRound(t, source, seed, round * n_steps, n_curves, length, h, mass, mean));
    PetscCall(BrenierLengthScale(t, source, seed, h, mass, &next));
  } while (++round < BRENIER_WARM_ROUNDS && next < brenier_warm_shrunk * length);
  *scale = next;
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&mean));
  PetscCall(PetscTime(&ended));
  PetscCall(BrenierSay("warm-up: averaged descent on %" PetscInt64_FMT " curves in %.1f s", round * n_curves * n_steps,
                       ended - begun));
  PetscCall(BrenierLogEvent("warm_up", "i curves", round * n_curves * n_steps, "r length", next, "r warm_up_seconds",
                            ended - begun, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
