/* descent.c - Implements descent.h. */
#include <brenier/base.h>
#include <brenier/descent.h>
#include <brenier/dual.h>
#include <brenier/transport.h>

#include "averaged.h"

#include <math.h>

const char *const BrenierDescentSampleNames[] = {"points", "curves", NULL};

/* Largest number of points that are located together: bounds the memory of large batches. */
static const PetscInt64 brenier_descent_group = 8192;

static const PetscReal brenier_adam_least = 1e-8; /* avoids 0 / 0 */

/* State of a descent; vectors are laid out as the targets. */
typedef struct {
  /* parameters */
  BrenierTargets               targets;
  BrenierSource                source;
  BrenierMethod                method;
  PetscInt64                   seed;
  const BrenierDescentOptions *options;
  PetscReal                    unit;
  /* data */
  Vec              h, mass, answer;
  Vec              m, v;      /* adam */
  BrenierTransport transport; /* points */
  PetscInt64      *count;     /* points: shape [n_local] */
  PetscReal       *x;         /* points: this rank's part of a batch */
  PetscInt64       x_capacity;
  /* status */
  BrenierDescentState now;
  PetscInt64          next_checkpoint;
  PetscReal           least;     /* adam: square of the least gradient of this batch size */
  PetscInt            no_better; /* adam: steps since */
} Descent;

void BrenierDescentDefaults(BrenierMethod method, PetscInt n_targets, BrenierDescentOptions *options)
{
  const PetscBool asgd = (PetscBool)(method == BRENIER_METHOD_ASGD);

  options->sample            = BRENIER_DESCENT_POINTS;
  options->samples           = 100 * (PetscInt64)n_targets;
  options->batch             = asgd ? 1024 : PetscMax(n_targets, 1024);
  options->rate              = asgd ? 0.7 : 0.1;
  options->beta1             = 0.9;
  options->beta2             = 0.5;
  options->patience          = 30;
  options->checkpoint_factor = 2.0;
  options->cache             = NULL;
  options->monitor           = NULL;
  options->context           = NULL;
}

/* The unit of heights: see descent.h. */
static PetscErrorCode SetUnit(Descent *s)
{
  const BrenierTargets     t         = s->targets;
  const PetscReal          deviation = BrenierSourceDeviation(s->source);
  const BrenierCoordinates y         = BrenierTargetsCoordinates(t, PETSC_TRUE);
  PetscReal               *term, square;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(t->n_local, &term));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    for (PetscInt k = 0; k < t->dim; ++k) term[i] += PetscSqr(BrenierCoordinate(&y, i, k));
    term[i] *= t->nu[i];
  }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &square));
  s->unit = deviation * PetscSqrtReal(square / (PetscReal)t->dim) * t->unit *
            PetscPowReal((PetscReal)t->n, -2.0 / (PetscReal)t->dim);
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws this rank's part of the next batch: points are numbered from the beginning of the descent. */
static PetscErrorCode DrawPoints(Descent *s, PetscInt *n)
{
  const PetscInt dim = s->targets->dim;
  PetscMPIInt    rank, size;
  PetscInt64     first, end;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(s->targets->comm, &rank));
  PetscCallMPI(MPI_Comm_size(s->targets->comm, &size));
  first = s->now.batch * rank / size;
  end   = s->now.batch * (rank + 1) / size;
  PetscCall(PetscIntCast(end - first, n));
  if (*n > s->x_capacity) {
    s->x_capacity = *n;
    PetscCall(PetscRealloc((size_t)(*n * dim) * sizeof *s->x, &s->x));
  }
  for (PetscInt64 i = 0; i < *n; ++i)
    BrenierSourceDrawPoint(s->source, s->seed, BRENIER_STREAM_DESCENT, s->now.samples + first + i, s->x + i * dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PointMasses(Descent *s)
{
  PetscInt     n = 0;
  PetscScalar *m;

  PetscFunctionBegin;
  PetscCall(DrawPoints(s, &n));
  PetscCall(BrenierTransportSetHeights(s->transport, s->h));
  PetscCall(BrenierTransportCount(s->transport, n, s->x, s->count));
  PetscCall(VecGetArrayWrite(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) m[i] = (PetscReal)s->count[i] / (PetscReal)s->now.batch;
  PetscCall(VecRestoreArrayWrite(s->mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The dual numbers its curves from 0, so every step has a stream of its own. */
static PetscErrorCode CurveMasses(Descent *s)
{
  const uint32_t           stream = BRENIER_STREAM_DESCENT + 1 + (uint32_t)s->now.steps;
  const BrenierFreshCurves fresh  = {s->targets, s->source, s->seed, stream, s->now.batch, s->options->cache};

  PetscFunctionBegin;
  PetscCall(BrenierFreshMasses_Private(&fresh, s->h, NULL, NULL, s->mass, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Square sums of the batch's gradient: plain, and over nu, which is rho^2. */
static PetscErrorCode Measure(Descent *s, PetscReal sum[2])
{
  const PetscInt     n  = s->targets->n_local;
  const PetscReal   *nu = s->targets->nu;
  const PetscScalar *m;
  PetscReal         *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < n; ++i) {
    term[i]     = PetscSqr(m[i] - nu[i]);
    term[n + i] = term[i] / nu[i];
  }
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(BrenierExactSum(s->targets->comm, n, 2, term, sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AveragedStep(Descent *s)
{
  const PetscReal       step = (PetscReal)(s->now.steps + 1);
  const BrenierStepRule rule = {.step = s->options->rate * s->unit / PetscSqrtReal(step)};
  const BrenierMeanRule mean = {BRENIER_MEAN_RUNNING, 1.0, step};

  PetscFunctionBegin;
  PetscCall(BrenierAveragedStep_Private(s->targets, &rule, s->mass, s->h, NULL));
  PetscCall(BrenierAverage_Private(&mean, s->h, s->answer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AdamStep(Descent *s)
{
  const PetscReal    step = (PetscReal)(s->now.steps + 1), beta1 = s->options->beta1, beta2 = s->options->beta2;
  const PetscReal    whole1 = 1.0 - PetscPowReal(beta1, step), whole2 = 1.0 - PetscPowReal(beta2, step);
  const PetscReal    scale = s->options->rate * s->unit;
  const PetscScalar *mass;
  PetscScalar       *h, *m, *v;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(s->mass, &mass));
  PetscCall(VecGetArray(s->h, &h));
  PetscCall(VecGetArray(s->m, &m));
  PetscCall(VecGetArray(s->v, &v));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    const PetscReal g = mass[i] - s->targets->nu[i];

    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
    h[i] -= scale * (m[i] / whole1) / (PetscSqrtReal(v[i] / whole2) + brenier_adam_least);
  }
  PetscCall(VecRestoreArray(s->v, &v));
  PetscCall(VecRestoreArray(s->m, &m));
  PetscCall(VecRestoreArray(s->h, &h));
  PetscCall(VecRestoreArrayRead(s->mass, &mass));
  PetscCall(VecCopy(s->h, s->answer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Doubles the batch when the gradient, then mostly sampling error, has stopped falling. */
static void GrowBatch(Descent *s, PetscReal square)
{
  if (square < s->least) {
    s->least     = square;
    s->no_better = 0;
  } else if (++s->no_better >= s->options->patience) {
    s->least     = PETSC_INFINITY;
    s->no_better = 0;
    s->now.batch *= 2;
  }
}

static PetscErrorCode Step(Descent *s)
{
  const PetscInt64 batch = s->now.batch;
  PetscLogDouble   begun, ended;
  PetscReal        sum[2];

  PetscFunctionBegin;
  PetscCall(PetscTime(&begun));
  if (s->options->sample == BRENIER_DESCENT_POINTS) PetscCall(PointMasses(s));
  else PetscCall(CurveMasses(s));
  PetscCall(Measure(s, sum));
  if (s->method == BRENIER_METHOD_ASGD) PetscCall(AveragedStep(s));
  else {
    PetscCall(AdamStep(s));
    GrowBatch(s, sum[0]);
  }
  s->now.rho = PetscSqrtReal(sum[1]);
  s->now.samples += batch;
  ++s->now.steps;
  PetscCall(PetscTime(&ended));
  s->now.seconds += ended - begun;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Checkpoint(Descent *s)
{
  PetscFunctionBegin;
  if (s->now.samples < s->next_checkpoint && s->now.samples < s->options->samples) PetscFunctionReturn(PETSC_SUCCESS);
  while (s->next_checkpoint <= s->now.samples)
    s->next_checkpoint = (PetscInt64)ceil((PetscReal)s->next_checkpoint * s->options->checkpoint_factor);
  PetscCall(BrenierTargetsGauge(s->targets, s->answer));
  if (s->options->monitor) PetscCall(s->options->monitor(s->options->context, &s->now, s->answer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateDescent(BrenierTargets t, BrenierSource source, BrenierMethod method, PetscInt64 seed,
                                    const BrenierDescentOptions *options, Vec h, Descent *s)
{
  Vec *work[] = {&s->mass, &s->answer, &s->m, &s->v};

  PetscFunctionBegin;
  PetscCheck(method == BRENIER_METHOD_ASGD || method == BRENIER_METHOD_ADAM, t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "method %d is not a stochastic descent", (int)method);
  PetscCall(PetscMemzero(s, sizeof *s));
  s->targets         = t;
  s->source          = source;
  s->method          = method;
  s->seed            = seed;
  s->options         = options;
  s->h               = h;
  s->now.batch       = options->batch;
  s->next_checkpoint = 1;
  s->least           = PETSC_INFINITY;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(h, work[i]));
  PetscCall(SetUnit(s));
  if (options->sample == BRENIER_DESCENT_POINTS) {
    PetscCall(BrenierTransportCreate(t, (PetscInt)PetscMin(options->batch, brenier_descent_group), &s->transport));
    PetscCall(PetscMalloc1(t->n_local, &s->count));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyDescent(Descent *s)
{
  Vec *work[] = {&s->mass, &s->answer, &s->m, &s->v};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscCall(BrenierTransportDestroy(&s->transport));
  PetscCall(PetscFree(s->count));
  PetscCall(PetscFree(s->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDescent(BrenierTargets targets, BrenierSource source, BrenierMethod method, PetscInt64 seed,
                              const BrenierDescentOptions *options, Vec h, BrenierDescentState *last)
{
  Descent s;

  PetscFunctionBegin;
  PetscCall(CreateDescent(targets, source, method, seed, options, h, &s));
  PetscCall(BrenierTargetsGauge(targets, h));
  PetscCall(VecCopy(h, s.answer));
  while (s.now.samples < options->samples) {
    PetscCall(Step(&s));
    PetscCall(Checkpoint(&s));
  }
  PetscCall(VecCopy(s.answer, h));
  *last = s.now;
  PetscCall(DestroyDescent(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
