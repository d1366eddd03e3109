static const char help[] =
    "Checks that no step of Newton's raises the energy, what lazy lists miss, and the scales of targets.\n";

#include "problems.h"

#include <brenier/newton.h>
#include <brenier/scales.h>

#include <math.h>

enum { SEED = 23, MOST_KEPT = 64, N_CURVES = 200 };

typedef struct {
  BrenierTargets targets;
  BrenierSource  source;
  BrenierDual    dual;
  Vec            h, mass, skin;
} Problem;

/* skin: of the lists; below 0 for none. */
static PetscErrorCode CreateProblem(Cloud cloud, PetscInt n, PetscInt dim, const char type[], PetscReal skin,
                                    Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, cloud, 5, n, dim, 1.0, 0.0, &p->targets));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, dim, 1.0, &p->source));
  PetscCall(BrenierDualCreate(p->targets, p->source, SEED, BRENIER_STREAM_SOLVE, N_CURVES, 8, &p->dual));
  PetscCall(BrenierTargetsCreateVec(p->targets, &p->h));
  PetscCall(VecDuplicate(p->h, &p->mass));
  PetscCall(VecDuplicate(p->h, &p->skin));
  PetscCall(VecSet(p->skin, skin));
  if (skin >= 0.0) PetscCall(BrenierDualSetSkin(p->dual, p->skin));
  PetscCall(SetHeights(p->targets, 0.8, 0.1, 6, p->h));
  PetscCall(BrenierTargetsGauge(p->targets, p->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyProblem(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&p->h));
  PetscCall(VecDestroy(&p->mass));
  PetscCall(VecDestroy(&p->skin));
  PetscCall(BrenierDualDestroy(&p->dual));
  PetscCall(BrenierSourceDestroy(&p->source));
  PetscCall(BrenierTargetsDestroy(&p->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The energy of the sample at h, by a scan of every curve. */
static PetscErrorCode ExactEnergy(const Problem *p, Vec h, PetscReal *energy)
{
  BrenierDual      scanned;
  BrenierDualValue value;

  PetscFunctionBeginUser;
  PetscCall(BrenierDualCreate(p->targets, p->source, SEED, BRENIER_STREAM_SOLVE, N_CURVES, 8, &scanned));
  PetscCall(BrenierDualEvaluate(scanned, h, p->mass, &value));
  PetscCall(BrenierDualDestroy(&scanned));
  *energy = value.energy;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights that were certified, in their order. */
typedef struct {
  PetscInt  n;
  Vec       h[MOST_KEPT];
  PetscReal energy[MOST_KEPT];
} Kept;

static PetscErrorCode Keep(void *context, const BrenierNewtonState *state)
{
  Kept *kept = context;

  PetscFunctionBeginUser;
  if (!state->certified || kept->n == MOST_KEPT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(state->certified, &kept->h[kept->n]));
  PetscCall(VecCopy(state->certified, kept->h[kept->n]));
  kept->energy[kept->n++] = state->energy;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each certified energy is that of a scan, none is above the one before, and what is left at the end is not above the
   last: with lists of little and of much slack, without lists, to the end and cut off at any iteration. */
static PetscErrorCode TestEnergyFalls(Cloud cloud, PetscInt dim, const char type[], PetscReal skin, PetscInt max_it)
{
  const PetscReal      rounding = 1e-12;
  BrenierNewtonOptions options;
  BrenierReason        reason;
  BrenierIteration     last;
  Problem              p;
  Kept                 kept = {0};
  PetscReal            before, first, energy;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(cloud, 100, dim, type, skin, &p));
  PetscCall(ExactEnergy(&p, p.h, &first));
  BrenierNewtonDefaults(&options);
  options.certify            = PETSC_FALSE;
  options.convergence.max_it = max_it;
  options.safe_point         = Keep;
  options.context            = &kept;
  PetscCall(BrenierNewton(p.dual, p.targets, &options, p.h, &last, &reason));
  before = first;
  for (PetscInt i = 0; i < kept.n; ++i) {
    PetscCall(ExactEnergy(&p, kept.h[i], &energy));
    PetscCheck(PetscAbsReal(energy - kept.energy[i]) <= rounding && energy <= before + rounding, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "certified %.17g, by a scan %.17g, before %.17g", (double)kept.energy[i], (double)energy,
               (double)before);
    before = energy;
    PetscCall(VecDestroy(&kept.h[i]));
  }
  PetscCall(ExactEnergy(&p, p.h, &energy));
  PetscCheck(energy <= before + rounding && energy < first, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%.17g is left, %.17g was certified, %.17g to begin with", (double)energy, (double)before, (double)first);
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What lazy lists miss is not above its bound, at steps of any size. */
static PetscErrorCode TestMissing(PetscInt dim, const char type[])
{
  const PetscReal  step[] = {0.0, 0.01, 0.1, 1.0}, rounding = 1e-13;
  BrenierDualValue value;
  PetscReal        missing, energy, lacking = 0.0, size;
  Problem          p;
  Vec              h;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(CLOUD_NORMAL, 150, dim, type, 0.01, &p));
  size = PetscMin(1.0, BrenierSourceDeviation(p.source)); // of its heights
  PetscCall(VecScale(p.h, size));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(BrenierDualSkipListCheck(p.dual, PETSC_TRUE));
  PetscCall(VecDuplicate(p.h, &h));
  for (size_t k = 0; k < sizeof step / sizeof step[0]; ++k) {
    PetscCall(SetHeights(p.targets, 0.8, 0.1 + step[k], 6, h));
    PetscCall(VecScale(h, size));
    PetscCall(BrenierDualEvaluate(p.dual, h, p.mass, &value));
    PetscCall(BrenierDualMissing(p.dual, &missing));
    PetscCall(ExactEnergy(&p, h, &energy));
    PetscCheck(energy >= value.energy - rounding && energy <= value.energy + missing + rounding, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "energy %.17g, lazy lists %.17g, and %g at most", (double)energy, (double)value.energy,
               (double)missing);
    PetscCheck(k > 0 || missing == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g missing from new lists", (double)missing);
    lacking = PetscMax(lacking, energy - value.energy);
  }
  PetscCheck(lacking > 1e-8, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a weak test: lists lack %g", (double)lacking);
  PetscCall(VecDestroy(&h));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Eight clusters of width 1e-4 are groups; their members' sums and what is spread to them belong together; a normal
   cloud has no scales. */
static PetscErrorCode TestScales(PetscInt n, PetscInt dim)
{
  BrenierTargets targets;
  BrenierScales  scales;
  PetscReal     *sum, *spread, roots = 0.0, left = 0.0, right = 0.0;
  PetscInt       n_tight = 0;
  PetscScalar   *a;
  Vec            x;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, n, dim, 1.0, 0.0, &targets));
  PetscCall(BrenierTargetsScales(targets, &scales));
  PetscCheck(!scales, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a normal cloud has scales");
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_CLUSTERED, 5, n, dim, 1.0, 0.0, &targets));
  PetscCall(BrenierTargetsScales(targets, &scales));
  PetscCheck(scales && scales->n == n && scales->n_nodes > n + 8, PETSC_COMM_SELF, PETSC_ERR_PLIB, "no scales");
  for (PetscInt i = 0; i < scales->n_nodes; ++i) {
    PetscCheck(scales->parent[i] < 0 || scales->parent[i] > i, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a parent comes first");
    PetscCheck(scales->apart[i] > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "nodes not apart");
    if (scales->parent[i] < 0) roots += scales->nu[i];
    if (i < n && scales->apart[i] < 1e-3) ++n_tight;
  }
  PetscCheck(PetscAbsReal(roots - 1.0) < 1e-13 && n_tight == n, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "weight %g, %" PetscInt_FMT " tight", (double)roots, n_tight);
  PetscCall(BrenierTargetsCreateVec(targets, &x));
  PetscCall(PetscMalloc2(scales->n_nodes, &sum, targets->n_local, &spread));
  PetscCall(VecGetArrayWrite(x, &a));
  for (PetscInt i = 0; i < targets->n_local; ++i) a[i] = sin((double)(targets->first + i));
  PetscCall(VecRestoreArrayWrite(x, &a));
  PetscCall(BrenierScalesSum(scales, x, sum));
  BrenierScalesSpread(scales, targets->first, targets->n_local, sum, spread);
  PetscCall(VecGetArray(x, &a));
  for (PetscInt i = 0; i < targets->n_local; ++i) left += a[i] * spread[i];
  PetscCall(VecRestoreArray(x, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &left, 1, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  for (PetscInt i = 0; i < scales->n_nodes; ++i) right += sum[i] * sum[i];
  PetscCheck(PetscAbsReal(left - right) <= 1e-12 * right, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g and %g", (double)left,
             (double)right);
  PetscCall(PetscFree2(sum, spread));
  PetscCall(VecDestroy(&x));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  for (const char *const *name = BrenierSourceNames; *name; ++name) {
    PetscCall(TestMissing(5, *name));
    PetscCall(TestMissing(24, *name));
    for (PetscInt max_it = 1; max_it <= 16; max_it *= 16) {
      PetscCall(TestEnergyFalls(CLOUD_NORMAL, 6, *name, -1.0, max_it));
      PetscCall(TestEnergyFalls(CLOUD_NORMAL, 6, *name, 1e-4, max_it));
      PetscCall(TestEnergyFalls(CLOUD_NORMAL, 24, *name, 0.05, max_it));
      PetscCall(TestEnergyFalls(CLOUD_CLUSTERED, 6, *name, 1e-3, max_it));
    }
  }
  PetscCall(TestScales(400, 6));
  PetscCall(TestScales(160, 33));
  PetscCall(PetscFinalize());
  return 0;
}
