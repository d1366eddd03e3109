/* polar.c - brenier polar: the polar factorisation of a map that is known at points. */
#include "command.h"

#include <brenier/array.h>
#include <brenier/polar.h>
#include <brenier/run.h>
#include <brenier/store.h>

#include <math.h>

#define POLAR_OPTIONS(OWN)                                                                                             \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-polar", .needed = PETSC_TRUE, .group = "polar",                 \
      .text = "file to write: /s, /s_mean and /index, a row for each row of X")                                        \
  OWN(OUTPUT, result, "-result", "FILE", .format = "brenier-result", .rule = "none",                                   \
      .text = "also write the result of the solve: u and grad u for map, sample and check")                            \
  OWN(CHOICE, source, "-source", .choice = BrenierSourceNames, .standard = "gaussian",                                 \
      .text = "source measure mu, as of solve")                                                                        \
  OWN(REAL, tol, "-tol", "RHO", .low = BRENIER_LEAST_TOLERANCE, .high = BRENIER_MOST_TOLERANCE,                        \
      .standard = BRENIER_WORDS(BRENIER_DEFAULT_TOLERANCE), .text = "tolerance of the solve")                          \
  OWN(INT, seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1",                                   \
      .text = "seed of all random numbers")

typedef struct {
  POLAR_OPTIONS(BRENIER_OPTION_MEMBER)
} PolarRequest;

/* The two inputs, and what is found for each row; arrays of rows of this rank. */
typedef struct {
  PetscInt              n, n_local, dim;
  PetscReal            *x, *phi;  /* shape [n_local, dim] */
  PetscInt64           *index;    /* target of the row */
  PetscReal            *s, *mean; /* a point of its cell, and the barycentre; shape [n_local, dim] */
  PetscInt64            n_found;
  PetscReal             cost, cost_x; /* mean of |phi - s|^2 and |phi - x|^2 */
  BrenierSampleDistance of_x, of_s;
} Polar;

#define ROW(...) BRENIER_OPTION_ROW(PolarRequest, __VA_ARGS__)
static const BrenierOption polar_options[] = {POLAR_OPTIONS(ROW) BRENIER_ARRAY_OPTIONS BRENIER_OPTION_END};

/* Both arrays, the values twice: targets are made of one copy. */
static PetscErrorCode ReadPairs(const char *const argument[], Polar *p, BrenierTargets *targets)
{
  BrenierArray x, phi;

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[0], BRENIER_ARRAY_POINTS, &x));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[1], BRENIER_ARRAY_POINTS, &phi));
  PetscCheck(x.n == phi.n && x.dim == phi.dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: shape [%" PetscInt_FMT ", %" PetscInt_FMT "], but %s has [%" PetscInt_FMT ", %" PetscInt_FMT
             "]; give one value phi(x) for each point, of its dimension",
             phi.path, phi.n, phi.dim, x.path, x.n, x.dim);
  *p = (Polar){.n = x.n, .n_local = x.n_local, .dim = x.dim};
  PetscCall(PetscMalloc5((size_t)p->n_local * p->dim, &p->x, (size_t)p->n_local * p->dim, &p->phi, p->n_local,
                         &p->index, (size_t)p->n_local * p->dim, &p->s, (size_t)p->n_local * p->dim, &p->mean));
  PetscCall(PetscArraycpy(p->x, x.value, (size_t)p->n_local * p->dim));
  PetscCall(PetscArraycpy(p->phi, phi.value, (size_t)p->n_local * p->dim));
  for (size_t k = 0; k < (size_t)p->n_local * (size_t)p->dim; ++k) p->phi[k] += 0.0; // -0 as 0, as targets are
  PetscCall(BrenierTargetsCreate(&phi, NULL, targets));
  PetscCall(BrenierArrayDestroy(&x));
  PetscCall(BrenierArrayDestroy(&phi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for the values. */
static PetscErrorCode Solve(const PolarRequest *r, BrenierTargets targets, BrenierSource source, BrenierRun **run,
                            BrenierExit *outcome)
{
  BrenierRunOptions options;

  PetscFunctionBegin;
  BrenierRunOptionsDefaults(&options);
  options.source     = source;
  options.solve.tol  = r->tol;
  options.solve.seed = r->seed;
  options.output     = r->result[0] ? r->result : NULL;
  PetscCall(BrenierRunMemory(PETSC_COMM_WORLD, 0.0, &options.solve.memory));
  PetscCall(BrenierRunCreate(targets, &options, run));
  PetscCall(BrenierRunSolve(*run, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of |phi - a|^2 over rows of which a is known. */
static PetscErrorCode MeanCost(const Polar *p, const PetscReal a[], PetscInt64 known, PetscReal *cost)
{
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(p->n_local, &term));
  for (PetscInt i = 0; i < p->n_local; ++i)
    for (PetscInt c = 0; c < p->dim && !isnan(a[(size_t)i * p->dim]); ++c)
      term[i] += PetscSqr(p->phi[(size_t)i * p->dim + c] - a[(size_t)i * p->dim + c]);
  PetscCall(BrenierExactSum(PETSC_COMM_WORLD, p->n_local, 1, term, cost));
  *cost /= (PetscReal)PetscMax(known, 1);
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* s at all rows, and how it compares with mu. */
static PetscErrorCode Factorise(const PolarRequest *r, const BrenierOutcome *o, BrenierSource source, Polar *p)
{
  PetscFunctionBegin;
  PetscCall(BrenierTargetsOfRows(o->targets, p->n_local, p->phi, p->index));
  PetscCall(BrenierTargetsFetchRows(o->targets, p->n_local, p->index, p->dim, o->barycentre.value, p->mean));
  PetscCall(BrenierCellPoints(o->targets, source, o->h, r->seed, p->n_local, p->index, p->s, &p->n_found));
  PetscCall(BrenierCompareWithSource(PETSC_COMM_WORLD, source, r->seed, p->n_local, p->x, &p->of_x));
  PetscCall(BrenierCompareWithSource(PETSC_COMM_WORLD, source, r->seed, p->n_local, p->s, &p->of_s));
  PetscCall(MeanCost(p, p->s, p->n_found, &p->cost));
  PetscCall(MeanCost(p, p->x, p->n, &p->cost_x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WritePolar(const PolarRequest *r, const Polar *p)
{
  BrenierStore store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, r->output, (PetscInt64)p->n * (16 * p->dim + 8) + (1 << 20),
                               "brenier-polar", &store));
  PetscCall(BrenierStoreSetText(store, "/", "source", BrenierSourceNames[r->source]));
  PetscCall(BrenierStoreSetInt(store, "/", "seed", r->seed));
  PetscCall(BrenierStoreSetReal(store, "/", "ks_x", p->of_x.ks));
  PetscCall(BrenierStoreSetReal(store, "/", "ks_s", p->of_s.ks));
  PetscCall(BrenierStoreSetReal(store, "/", "ks_bound", p->of_s.bound));
  PetscCall(BrenierStoreSetReal(store, "/", "cost", p->cost));
  PetscCall(BrenierStoreWriteRows(store, "/index", BRENIER_I8, p->n_local, 0, p->index, "target, counted from 0"));
  PetscCall(BrenierStoreWriteRows(store, "/s", BRENIER_F8, p->n_local, p->dim, p->s, "same as the source"));
  PetscCall(BrenierStoreWriteRows(store, "/s_mean", BRENIER_F8, p->n_local, p->dim, p->mean, "same as the source"));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReportPolar(const PolarRequest *r, const Polar *p, BrenierSource source)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("polar factorisation phi = grad u o s of %" PetscInt_FMT
                              " points; s(x) drawn in the cell of phi(x) for %" PetscInt64_FMT " of them",
                              p->n, p->n_found));
  PetscCall(BrenierPrintWorld("  x against the source: Kolmogorov-Smirnov distance along an axis at most %.4g, mean "
                              "of abs(x)^2 %.6g; of the source %.6g",
                              (double)p->of_x.ks, (double)p->of_x.second_moment,
                              (double)BrenierSourceSecondMoment(source)));
  PetscCall(BrenierPrintWorld("  s(x) the same:        %.4g, mean of abs(s)^2 %.6g; two samples of the source exceed "
                              "%.4g with a chance of 1%%",
                              (double)p->of_s.ks, (double)p->of_s.second_moment, (double)p->of_s.bound));
  PetscCall(BrenierPrintWorld("  mean of abs(phi - s)^2 %.6g, of abs(phi - x)^2 %.6g: s is the nearest of all maps "
                              "that preserve the source",
                              (double)p->cost, (double)p->cost_x));
  if (p->of_x.ks > p->of_x.bound)
    PetscCall(BrenierPrintWorld("warning: the points X differ from the source; s carries the source to itself, not "
                                "the law of X"));
  PetscCall(BrenierPrintWorld("output in %s", r->output));
  PetscCall(BrenierLogEvent("polar", "i points", (PetscInt64)p->n, "i found", p->n_found, "r ks_x", p->of_x.ks,
                            "r ks_s", p->of_s.ks, "r ks_bound", p->of_s.bound, "r cost", p->cost, "s output", r->output,
                            NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunPolar(const char *const argument[], BrenierExit *outcome)
{
  PolarRequest   r = {.source = 0};
  BrenierTargets targets;
  BrenierSource  source;
  BrenierRun    *run;
  Polar          p;

  PetscFunctionBegin;
  PetscCall(BrenierOptionsRead(polar_options, &r));
  PetscCall(ReadPairs(argument, &p, &targets));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, BrenierSourceNames[r.source], p.dim, 1.0, &source));
  PetscCall(Solve(&r, targets, source, &run, outcome));
  PetscCall(Factorise(&r, &run->outcome, source, &p));
  PetscCall(WritePolar(&r, &p));
  PetscCall(ReportPolar(&r, &p, source));
  PetscCall(PetscFree5(p.x, p.phi, p.index, p.s, p.mean));
  PetscCall(BrenierRunDestroy(&run));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const polar_example[] = {"Factorise a map that is known at points of standard normal noise:",
                                            "mpiexec -n 2 brenier polar x.npy phi.npy -o polar.h5 -result u.h5", NULL};

const BrenierCommand brenier_command_polar = {
    .name        = "polar",
    .arguments   = "X PHI",
    .n_arguments = 2,
    .summary     = "factorises a map as grad u after s, which preserves the source",
    .description =
        "Brenier's theorem: phi = grad u o s, u convex, s carrying the source measure mu to itself. Points x_i are a "
        "sample of mu, and phi(x_i) their values. The values are the targets of a solve, which gives u. s(x_i) is a "
        "point of mu drawn in the cell of phi(x_i); the barycentre of the cell, its mean, is written as well. That s "
        "preserves mu is measured: along each axis its values are compared with fresh points of mu.\n"
        "Exit code 6 says that the solve missed its tolerance; the output is written all the same.",
    .files    = "X and PHI are file.npy or file.h5:/dataset, both of shape [N, d]. The output holds /s, /s_mean and "
                "/index.",
    .example  = polar_example,
    .see_also = "solve map",
    .option   = polar_options,
    .run      = RunPolar};
