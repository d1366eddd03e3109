/* density.c - brenier density: the density of the law of the targets, at the targets or at given points. */
#include "class_option.h"

#include <brenier/array.h>
#include <brenier/barycentre.h>
#include <brenier/density.h>
#include <brenier/reduction.h>
#include <brenier/run.h>
#include <brenier/store.h>

#include <math.h>

#define DENSITY_OPTIONS(OWN)                                                                                           \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-density", .needed = PETSC_TRUE, .group = "density",             \
      .text = "file to write: /density and /log_density, one number a point")                                          \
  OWN(INPUT, points, "-points", "POINTS", .rule = "the targets",                                                       \
      .text = "points to take the density at, shape [N, d]: file.npy or file.h5:/dataset")                             \
  OWN(CHOICE, kind, "-estimate", .choice = BrenierDensityNames, .rule = "cells in up to three dimensions, else fits",  \
      .text = "masses over volumes of the triangulation of the targets, or linear functions fitted to barycentres")    \
  OWN(INT, neighbours, "-neighbours", "K", .low = 2, .high = BRENIER_MOST_COUNT,                                       \
      .rule = BRENIER_WORDS(BRENIER_FIT_TIMES) " times the dimension plus one", .text = "targets of a fit")            \
  OWN(INT, curves, "-curves", "N", .low = BRENIER_FEWEST_CURVES, .high = BRENIER_MOST_COUNT,                           \
      .text = "number of curves to measure barycentres on", .rule = "those of the result")

/* Numbers that are not given are 0: as usual. */
typedef struct {
  DENSITY_OPTIONS(BRENIER_OPTION_MEMBER)
  PetscBool has_kind;
  ClassChoice class;
} DensityRequest;

/* Where the density is asked for, and what it is there. */
typedef struct {
  PetscInt         n, n_local;
  const PetscReal *y;           /* shape [n_local, dim] */
  PetscReal       *log_density; /* shape [n_local] */
} DensityPoints;

#define ROW(...)                 BRENIER_OPTION_ROW(DensityRequest, __VA_ARGS__)
#define CLASS(kind, member, ...) BRENIER_OPTION_ROW(DensityRequest, kind, class.member, __VA_ARGS__)
static const BrenierOption density_options[] = {DENSITY_OPTIONS(ROW) BRENIER_CLASS_OPTION(CLASS)
                                                    BRENIER_ARRAY_OPTIONS BRENIER_OPTION_END};

static PetscErrorCode ReadDensityRequest(DensityRequest *r)
{
  PetscFunctionBegin;
  *r = (DensityRequest){.kind = 0};
  PetscCall(BrenierOptionsRead(density_options, r));
  PetscCall(BrenierOptionGiven("-estimate", &r->has_kind));
  PetscCall(BrenierClassChoiceCheck(&r->class));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chooses what was left open, and refuses what has no density. */
static PetscErrorCode Settle(DensityRequest *r, const char path[], BrenierTargets t, BrenierSource source)
{
  const PetscInt   most_dim = 3;
  BrenierReduction reduction;
  PetscInt         rank;

  PetscFunctionBegin;
  if (!r->has_kind) r->kind = t->dim <= most_dim ? BRENIER_DENSITY_CELLS : BRENIER_DENSITY_FITS;
  PetscCall(BrenierReductionCreate(t, source, &reduction));
  rank = reduction->rank;
  PetscCall(BrenierReductionDestroy(&reduction));
  PetscCheck(rank == t->dim, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: the targets span %" PetscInt_FMT " of %" PetscInt_FMT
             " dimensions, so their law has no density; solve for %" PetscInt_FMT " coordinate%s (brenier encode)",
             path, rank, t->dim, rank, BrenierPlural(rank));
  PetscCheck(r->kind == BRENIER_DENSITY_FITS || t->dim <= most_dim, t->comm, PETSC_ERR_USER_INPUT,
             "option -estimate cells is for up to three dimensions, and %s has %" PetscInt_FMT "; take fits", path,
             t->dim);
  PetscCall(BrenierOptionNeeds("-neighbours", (PetscBool)(r->neighbours > 0),
                               (PetscBool)(r->kind == BRENIER_DENSITY_FITS), "-estimate fits"));
  PetscCall(BrenierOptionNeeds("-curves", (PetscBool)(r->curves > 0), (PetscBool)(r->kind == BRENIER_DENSITY_FITS),
                               "-estimate fits"));
  PetscCheck(r->kind == BRENIER_DENSITY_CELLS || BrenierSourceHasDensity(source), t->comm, PETSC_ERR_USER_INPUT,
             "option -estimate fits needs the density of the source, and that of %s is not known",
             BrenierSourceName(source));
  if (!r->neighbours) r->neighbours = PetscMin(BRENIER_FIT_TIMES * (PetscInt64)(t->dim + 1), t->n);
  PetscCheck(r->kind == BRENIER_DENSITY_CELLS || (r->neighbours > t->dim && r->neighbours <= t->n), t->comm,
             PETSC_ERR_USER_INPUT,
             "option -neighbours takes %" PetscInt_FMT " to %" PetscInt_FMT " targets for %s, not %" PetscInt64_FMT,
             t->dim + 1, t->n, path, r->neighbours);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By fits, with the barycentres of the result where it has them and no curves are asked for. */
static PetscErrorCode Fit(const DensityRequest *r, const BrenierResult *result, BrenierTargets t, Vec h,
                          DensityPoints *p)
{
  PetscReal *barycentre;
  PetscBool  found = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim, &barycentre));
  if (!r->curves && result->has_label)
    PetscCall(BrenierResultReadClassBarycentres(result->input, result->label, t, barycentre, &found));
  else if (!r->curves) PetscCall(BrenierResultReadBarycentres(result->input, t, barycentre, &found));
  if (!found) PetscCall(BrenierBarycentresMeasure(t, result->source, h, result->seed, r->curves, barycentre));
  PetscCall(
      BrenierDensityByFits(t, result->source, barycentre, (PetscInt)r->neighbours, p->n_local, p->y, p->log_density));
  PetscCall(PetscFree(barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Writes the file; says what is in it. */
static PetscErrorCode WriteDensity(const DensityRequest *r, MPI_Comm comm, const DensityPoints *p)
{
  PetscInt64   count[2] = {0, 0}; // unknown; 0
  PetscReal   *density;
  BrenierStore store;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(p->n_local, &density));
  for (PetscInt i = 0; i < p->n_local; ++i) {
    density[i] = exp(p->log_density[i]);
    count[0] += isnan(p->log_density[i]) != 0;
    count[1] += density[i] == 0.0;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 2, MPIU_INT64, MPI_SUM, comm));
  PetscCall(BrenierStoreCreate(comm, r->output, 16 * (PetscInt64)p->n + (1 << 20), "brenier-density", &store));
  PetscCall(BrenierStoreSetText(store, "/", "estimate", BrenierDensityNames[r->kind]));
  if (r->kind == BRENIER_DENSITY_FITS) PetscCall(BrenierStoreSetInt(store, "/", "neighbours", r->neighbours));
  PetscCall(BrenierStoreWriteRows(store, "/density", BRENIER_F8, p->n_local, 0, density,
                                  "one over target length to the dimension"));
  PetscCall(
      BrenierStoreWriteRows(store, "/log_density", BRENIER_F8, p->n_local, 0, p->log_density, "logarithm of /density"));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(PetscFree(density));
  PetscCall(BrenierPrintWorld("density at %" PetscInt_FMT " point%s by %s, 0 at %" PetscInt64_FMT
                              ", unknown at %" PetscInt64_FMT "; output in %s",
                              p->n, BrenierPlural(p->n), BrenierDensityNames[r->kind], count[1], count[0], r->output));
  PetscCall(BrenierLogEvent("density", "i points", (PetscInt64)p->n, "i zero", count[1], "i unknown", count[0],
                            "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunDensity(const char *const argument[], BrenierExit *outcome)
{
  DensityRequest r;
  BrenierTargets t;
  BrenierResult  result;
  BrenierArray   points = {0};
  DensityPoints  p;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(ReadDensityRequest(&r));
  PetscCall(BrenierClassChoiceRead(&r.class, argument[0], &result, &t, &h));
  PetscCall(BrenierTargetsWiden(t));
  PetscCall(Settle(&r, argument[0], t, result.source));
  if (r.points[0]) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r.points, BRENIER_ARRAY_POINTS, &points));
  PetscCheck(!r.points[0] || points.dim == t->dim, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: points of dimension %" PetscInt_FMT ", but targets of %s have dimension %" PetscInt_FMT, r.points,
             points.dim, argument[0], t->dim);
  p = r.points[0] ? (DensityPoints){points.n, points.n_local, points.value, NULL}
                  : (DensityPoints){t->n, t->n_local, t->y, NULL};
  PetscCall(PetscMalloc1(p.n_local, &p.log_density));
  if (r.kind == BRENIER_DENSITY_CELLS) PetscCall(BrenierDensityByCells(t, h, p.n_local, p.y, p.log_density));
  else PetscCall(Fit(&r, &result, t, h, &p));
  PetscCall(WriteDensity(&r, t->comm, &p));
  PetscCall(PetscFree(p.log_density));
  if (r.points[0]) PetscCall(BrenierArrayDestroy(&points));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&t));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const density_example[] = {
    "The density at given points:", "mpiexec -n 2 brenier density result.h5 -points y.npy -o density.h5", NULL};

const BrenierCommand brenier_command_density = {
    .name        = "density",
    .arguments   = "RESULT.h5",
    .n_arguments = 1,
    .summary     = "estimates the density of the law that the targets are drawn from",
    .description =
        "By the Monge-Ampere equation the density is g(y) = f(grad u*(y)) det D^2 u*(y), f that of the source, "
        "u* the Legendre transform of u. With -estimate cells it is nu_i / V_i at target i, V_i a (d+1)-th of "
        "the volumes of the simplices at y_i in the regular triangulation of the targets; linear in between, 0 "
        "outside their convex hull. With -estimate fits a linear function is fitted to the barycentres of the "
        "K targets nearest to y; its value and its matrix stand for grad u* and D^2 u*.",
    .files    = "RESULT.h5 is written by solve. The output holds /density and /log_density.",
    .example  = density_example,
    .see_also = "solve map",
    .option   = density_options,
    .run      = RunDensity};
