static const char help[] = "Checks the stochastic methods: where they get, ranks, units.\n";

#include "problems.h"

#include <brenier/descent.h>
#include <brenier/held_out.h>

/* A run on one communicator. */
typedef struct {
  BrenierTargets        targets;
  BrenierSource         source;
  BrenierDescentOptions options;
  BrenierDescentState   last;
  Vec                   h;
} Run;

/* What a run is made of. */
typedef struct {
  BrenierMethod        method;
  BrenierDescentSample sample;
  const char          *type;
  PetscInt             n, dim;
  PetscReal            scale;
  PetscInt64           samples, batch;
} Case;

static PetscErrorCode CreateRun(MPI_Comm comm, const Case *c, Run *r)
{
  PetscFunctionBeginUser;
  PetscCall(MakeTargets(comm, CLOUD_NORMAL, 5, c->n, c->dim, c->scale, 0.0, &r->targets));
  PetscCall(BrenierSourceCreate(comm, c->type, c->dim, 1.0, &r->source));
  PetscCall(BrenierTargetsCreateVec(r->targets, &r->h));
  PetscCall(VecZeroEntries(r->h));
  BrenierDescentDefaults(c->method, c->n, &r->options);
  r->options.sample  = c->sample;
  r->options.samples = c->samples;
  r->options.batch   = c->batch;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyRun(Run *r)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&r->h));
  PetscCall(BrenierSourceDestroy(&r->source));
  PetscCall(BrenierTargetsDestroy(&r->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode HeldOut(const Run *r, Vec h, PetscReal *rho)
{
  BrenierHeldOut held_out;
  Vec            mass;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierHeldOutMeasure(r->targets, r->source, h,
                                  &(BrenierHeldOutSample){9, BRENIER_STREAM_CHECK, 4000, NULL}, mass, NULL, NULL,
                                  &held_out));
  PetscCall(VecDestroy(&mass));
  *rho = held_out.rho;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a monitor sees: samples grow, answers are gauged. */
typedef struct {
  Run       *run;
  PetscInt   calls;
  PetscInt64 samples;
  PetscReal  first_rho, rho;
} Watch;

static PetscErrorCode Look(void *context, const BrenierDescentState *state, Vec answer)
{
  Watch             *w = context;
  const PetscScalar *a;
  PetscReal          mean = 0.0, largest;

  PetscFunctionBeginUser;
  PetscCheck(state->samples > w->samples, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%" PetscInt64_FMT " samples at a checkpoint", state->samples);
  w->samples = state->samples;
  PetscCall(VecNorm(answer, NORM_INFINITY, &largest));
  PetscCall(VecGetArrayRead(answer, &a));
  for (PetscInt i = 0; i < w->run->targets->n_local; ++i) mean += w->run->targets->nu[i] * a[i];
  PetscCall(VecRestoreArrayRead(answer, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &mean, 1, MPIU_REAL, MPI_SUM, w->run->targets->comm));
  PetscCheck(PetscAbsReal(mean) <= 1e-12 * largest, PETSC_COMM_SELF, PETSC_ERR_PLIB, "sum nu h = %g", (double)mean);
  PetscCall(HeldOut(w->run, answer, &w->rho));
  if (w->calls++ == 0) w->first_rho = w->rho;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The held-out error after so many samples is below `bound`, and falls on the way. */
static PetscErrorCode TestError(BrenierMethod method, BrenierDescentSample sample, const char type[], PetscInt n,
                                PetscInt dim, PetscInt64 samples, PetscInt64 batch, PetscReal bound)
{
  Run       r;
  Watch     w = {&r, 0, 0, 0.0, 0.0};
  PetscReal rho;

  PetscFunctionBeginUser;
  PetscCall(CreateRun(PETSC_COMM_WORLD, &(Case){method, sample, type, n, dim, 1.0, samples, batch}, &r));
  r.options.monitor           = Look;
  r.options.context           = &w;
  r.options.checkpoint_factor = 4.0;
  PetscCall(BrenierDescent(r.targets, r.source, method, 1, &r.options, r.h, &r.last));
  PetscCall(HeldOut(&r, r.h, &rho));
  PetscCheck(r.last.samples >= samples && r.last.samples == w.samples && w.calls > 3, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%" PetscInt64_FMT " samples, the monitor saw %" PetscInt64_FMT " and %" PetscInt_FMT " calls",
             r.last.samples, w.samples, w.calls);
  PetscCheck(rho == w.rho, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the last answer is not the result");
  PetscCheck(rho <= bound && rho < 0.5 * w.first_rho, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s on %s, dim %" PetscInt_FMT ": rho %g after %g, bound %g", BrenierMethodNames[method],
             BrenierDescentSampleNames[sample], dim, (double)rho, (double)w.first_rho, (double)bound);
  PetscCall(DestroyRun(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same heights, bit for bit, on all ranks together and on this one alone. */
static PetscErrorCode TestSameAlone(BrenierMethod method, BrenierDescentSample sample, PetscInt n, PetscInt dim)
{
  Run        world, self;
  PetscReal *h[2];

  PetscFunctionBeginUser;
  PetscCall(CreateRun(PETSC_COMM_WORLD, &(Case){method, sample, "cube", n, dim, 1.0, 6000, 101}, &world));
  PetscCall(CreateRun(PETSC_COMM_SELF, &(Case){method, sample, "cube", n, dim, 1.0, 6000, 101}, &self));
  world.options.patience = self.options.patience = 5;
  PetscCall(BrenierDescent(world.targets, world.source, method, 2, &world.options, world.h, &world.last));
  PetscCall(BrenierDescent(self.targets, self.source, method, 2, &self.options, self.h, &self.last));
  PetscCall(GatherVec(world.targets, world.h, &h[0]));
  PetscCall(GatherVec(self.targets, self.h, &h[1]));
  PetscCheck(!memcmp(h[0], h[1], (size_t)n * sizeof *h[0]) && world.last.samples == self.last.samples &&
                 world.last.batch == self.last.batch && world.last.rho == self.last.rho,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s on %s depends on the ranks", BrenierMethodNames[method],
             BrenierDescentSampleNames[sample]);
  PetscCheck(method != BRENIER_METHOD_ADAM || world.last.batch > 101, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "the batch did not grow");
  PetscCall(PetscFree(h[0]));
  PetscCall(PetscFree(h[1]));
  PetscCall(DestroyRun(&world));
  PetscCall(DestroyRun(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Targets a thousand times as large give heights a thousand times as large, but for rounding. */
static PetscErrorCode TestScale(BrenierMethod method, BrenierDescentSample sample)
{
  const PetscReal scale = 1e3;
  Run             one, large;
  PetscReal       size, off;

  PetscFunctionBeginUser;
  PetscCall(CreateRun(PETSC_COMM_WORLD, &(Case){method, sample, "gaussian", 150, 5, 1.0, 5000, 100}, &one));
  PetscCall(CreateRun(PETSC_COMM_WORLD, &(Case){method, sample, "gaussian", 150, 5, scale, 5000, 100}, &large));
  PetscCall(BrenierDescent(one.targets, one.source, method, 3, &one.options, one.h, &one.last));
  PetscCall(BrenierDescent(large.targets, large.source, method, 3, &large.options, large.h, &large.last));
  PetscCall(VecNorm(one.h, NORM_INFINITY, &size));
  PetscCall(VecScale(large.h, 1.0 / scale));
  PetscCall(VecAXPY(large.h, -1.0, one.h));
  PetscCall(VecNorm(large.h, NORM_INFINITY, &off));
  PetscCheck(off <= 1e-9 * size, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s on %s: heights of size %g off by %g",
             BrenierMethodNames[method], BrenierDescentSampleNames[sample], (double)size, (double)off);
  PetscCall(DestroyRun(&one));
  PetscCall(DestroyRun(&large));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const BrenierMethod        adam = BRENIER_METHOD_ADAM, asgd = BRENIER_METHOD_ASGD;
  const BrenierDescentSample points = BRENIER_DESCENT_POINTS, curves = BRENIER_DESCENT_CURVES;
  PetscMPIInt                size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  // A perfect answer to these samples would have rho = sqrt(n / samples) = 0.1 for points, about a third for circles
  PetscCall(TestError(asgd, curves, "gaussian", 200, 8, 20000, 64, 0.1));
  if (size == 1) { // several ranks have the same bits: TestSameAlone
    PetscCall(TestError(asgd, points, "gaussian", 200, 8, 20000, 64, 0.2));
    PetscCall(TestError(adam, points, "gaussian", 200, 8, 100000, 400, 0.2));
    PetscCall(TestError(asgd, points, "sphere", 200, 8, 20000, 64, 0.2));
    PetscCall(TestError(asgd, points, "cube", 30, 2, 40000, 16, 0.3));
  }
  for (BrenierDescentSample sample = points; sample <= curves; ++sample) {
    PetscCall(TestSameAlone(asgd, sample, 90, 3));
    PetscCall(TestSameAlone(asgd, sample, 2, 1));
    PetscCall(TestSameAlone(asgd, sample, 1, 3));
    PetscCall(TestSameAlone(adam, sample, 90, 3));
    PetscCall(TestScale(asgd, sample));
    PetscCall(TestScale(adam, sample));
  }
  PetscCall(PetscFinalize());
  return 0;
}
