/* facets.c - brenier facets: the facets between cells by angle and mass, and the modes that the singular ones part. */
#include "class_option.h"
#include "extend.h"

#include <brenier/store.h>

#include <math.h>

/* Shares of the facet mass at which the angles are told. */
static const PetscReal brenier_shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};

#define FACETS_OPTIONS(OWN)                                                                                            \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-facets", .needed = PETSC_TRUE, .group = "facets",               \
      .text = "file to write: /pair, /angle, /mass; with a threshold /mode, one number per target")                    \
  OWN(INT, curves, "-curves", "N", .low = BRENIER_FEWEST_CURVES, .high = BRENIER_MOST_COUNT,                           \
      .rule = "none where cells are exact, else 4 circles per target",                                                 \
      .text = "number of fresh curves, whose crossings are the facets")                                                \
  OWN(INT, seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED,                                                    \
      .rule = "that of the result, as for sample -quantile", .text = "seed of these curves")

/* curves: 0 for exact cells, or as many as usual; seed: -1 for that of the result. */
typedef struct {
  FACETS_OPTIONS(BRENIER_OPTION_MEMBER)
  BrenierThreshold threshold;
  ClassChoice class;
} FacetsRequest;

#define ROW(...)                 BRENIER_OPTION_ROW(FacetsRequest, __VA_ARGS__)
#define CLASS(kind, member, ...) BRENIER_OPTION_ROW(FacetsRequest, kind, class.member, __VA_ARGS__)
#define ANGLE(kind, member, ...) BRENIER_OPTION_ROW(FacetsRequest, kind, threshold.member, __VA_ARGS__)
static const BrenierOption facets_options[] = {FACETS_OPTIONS(ROW) BRENIER_CLASS_OPTION(CLASS)
                                                   BRENIER_ANGLE_OPTIONS(ANGLE) BRENIER_OPTION_END};

static PetscErrorCode ReadFacetsRequest(FacetsRequest *r)
{
  PetscFunctionBegin;
  *r = (FacetsRequest){.seed = -1};
  PetscCall(BrenierOptionsRead(facets_options, r));
  PetscCall(BrenierClassChoiceCheck(&r->class));
  PetscCall(BrenierThresholdCheck(&r->threshold));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number of facets above the threshold and their share of the mass. */
static PetscErrorCode CountSingular(const BrenierFacets *f, PetscReal threshold, PetscInt64 count[2], PetscReal *share)
{
  PetscReal *term, sum[2];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)f->n, &term));
  count[0] = f->n;
  count[1] = 0;
  for (PetscInt k = 0; k < f->n; ++k) {
    const PetscBool singular = (PetscBool)(f->angle[k] > threshold);

    count[1] += singular;
    term[k]        = f->mass[k];
    term[f->n + k] = singular ? f->mass[k] : 0.0;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 2, MPIU_INT64, MPI_SUM, f->comm));
  PetscCall(BrenierExactSum(f->comm, f->n, 2, term, sum));
  *share = sum[0] > 0.0 ? sum[1] / sum[0] : 0.0;
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintAngles(const BrenierFacets *f, PetscInt convention)
{
  enum { N = sizeof brenier_shares / sizeof brenier_shares[0] };
  PetscReal angle[N];

  PetscFunctionBegin;
  for (int k = 0; k < N; ++k) PetscCall(BrenierFacetsQuantile(f, brenier_shares[k], &angle[k]));
  PetscCall(
      BrenierPrintWorld("  angles (%s): 5%% of the facet mass below %.4g degrees, 25%% %.4g, 50%% %.4g, 75%% %.4g, "
                        "95%% %.4g",
                        BrenierAngleNames[convention], (double)angle[0], (double)angle[1], (double)angle[2],
                        (double)angle[3], (double)angle[4]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* mode is NULL without a threshold. */
static PetscErrorCode WriteFacets(const FacetsRequest *r, BrenierTargets t, const BrenierFacets *f, PetscInt64 n_facets,
                                  PetscReal threshold, const PetscInt64 mode[], PetscInt64 n_modes)
{
  BrenierStore store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(t->comm, r->output, n_facets * 32 + 8 * (PetscInt64)t->n + (1 << 20), "brenier-facets",
                               &store));
  PetscCall(BrenierStoreSetText(store, "/", "angle", BrenierAngleNames[r->threshold.convention]));
  PetscCall(BrenierStoreSetInt(store, "/", "n_targets", t->n));
  PetscCall(BrenierStoreWriteRows(store, "/pair", BRENIER_I8, f->n, 2, f->pair, "targets, counted from 0"));
  PetscCall(BrenierStoreWriteRows(store, "/angle", BRENIER_F8, f->n, 0, f->angle, "degrees"));
  PetscCall(BrenierStoreWriteRows(store, "/mass", BRENIER_F8, f->n, 0, f->mass, "one over source length"));
  if (r->threshold.by_angle || r->threshold.by_quantile) {
    PetscCall(BrenierStoreSetReal(store, "/", "threshold", threshold));
    PetscCall(BrenierStoreSetInt(store, "/", "modes", n_modes));
    PetscCall(BrenierStoreWriteRows(store, "/mode", BRENIER_I8, t->n_local, 0, mode, "mode, counted from 0"));
  }
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cuts the singular facets, tells of the modes, writes. */
static PetscErrorCode CutFacets(const FacetsRequest *r, BrenierTargets t, const BrenierFacets *f)
{
  const PetscBool cuts      = (PetscBool)(r->threshold.by_angle || r->threshold.by_quantile);
  PetscReal       threshold = r->threshold.by_angle ? r->threshold.threshold : 180.0, share = 0.0;
  PetscInt64      count[2], n_modes, *mode;

  PetscFunctionBegin;
  if (r->threshold.by_quantile) PetscCall(BrenierFacetsQuantile(f, r->threshold.quantile, &threshold));
  PetscCall(CountSingular(f, threshold, count, &share));
  PetscCall(PetscMalloc1(t->n_local, &mode));
  PetscCall(BrenierFacetsModes(t, f, threshold, mode, &n_modes));
  PetscCall(BrenierPrintWorld("%" PetscInt64_FMT " facet%s between the cells of %" PetscInt_FMT " target%s", count[0],
                              BrenierPlural(count[0]), t->n, BrenierPlural(t->n)));
  PetscCall(PrintAngles(f, r->threshold.convention));
  if (cuts)
    PetscCall(BrenierPrintWorld("  singular: %" PetscInt64_FMT
                                " facets above %.4g degrees, %.3g of the facet mass; they separate "
                                "%" PetscInt64_FMT " mode%s",
                                count[1], (double)threshold, (double)share, n_modes, BrenierPlural(n_modes)));
  PetscCall(WriteFacets(r, t, f, count[0], threshold, mode, n_modes));
  PetscCall(BrenierPrintWorld("output in %s", r->output));
  PetscCall(BrenierLogEvent("facets", "i facets", count[0], "i singular", cuts ? count[1] : 0, "r threshold",
                            cuts ? threshold : NAN, "r singular_share", cuts ? share : 0.0, "i modes",
                            cuts ? n_modes : 1, "s output", r->output, NULL));
  PetscCall(PetscFree(mode));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunFacets(const char *const argument[], BrenierExit *outcome)
{
  FacetsRequest  r;
  BrenierTargets targets;
  BrenierResult  result;
  BrenierFacets  facets;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(ReadFacetsRequest(&r));
  PetscCall(BrenierClassChoiceRead(&r.class, argument[0], &result, &targets, &h));
  PetscCall(BrenierTargetsWiden(targets));
  if (r.seed < 0) r.seed = result.seed;
  PetscCall(
      BrenierFacetsMeasure(targets, result.source, h, (BrenierAngle)r.threshold.convention, r.seed, r.curves, &facets));
  PetscCall(CutFacets(&r, targets, &facets));
  PetscCall(BrenierFacetsDestroy(&facets));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const facets_example[] = {"List the facets, and cut those above 30 degrees:",
                                             "mpiexec -n 2 brenier facets result.h5 -o facets.h5 -threshold 30", NULL};

const BrenierCommand brenier_command_facets = {
    .name        = "facets",
    .arguments   = "RESULT.h5",
    .n_arguments = 1,
    .summary     = "lists the facets between cells with angle and mass, and finds modes",
    .description =
        "A facet is the common boundary of two Laguerre cells. Its angle is that between their targets. With "
        "a threshold the facets above it are singular; modes are the sets of cells that the other facets "
        "connect.",
    .files    = "RESULT.h5 is written by solve. The output holds /pair, /angle, /mass and, with a threshold, /mode.",
    .example  = facets_example,
    .see_also = "solve sample",
    .option   = facets_options,
    .run      = RunFacets};
