/*
  sample.c - brenier sample: noise and the codes it is carried to, in a stream of bounded memory.

  Draw k depends on (seed, k) alone. Draws are made and appended in groups of a size that does not depend on the ranks,
  each split over them, so the file is the same to the bit for any number of ranks. With -singular reject the draws that
  cross the singular set are passed over, and drawing goes on until there are as many samples as asked for.
*/
#include "class_maps.h"
#include "class_option.h"
#include "conditions.h"
#include "extend.h"

#include <brenier/array.h>
#include <brenier/store.h>

#include <float.h>
#include <petscsf.h>

static const char *const brenier_yes_no[] = {"yes", "no", NULL};

/* Draws of a group, and the numbers of noise it holds at most. */
enum { BRENIER_DRAWS_AT_ONCE = 65536, BRENIER_FEWEST_DRAWS = 1024, BRENIER_NUMBERS_AT_ONCE = 1 << 23 };

/* Drawing ends when after so many draws fewer than one in so many was kept. */
static const PetscInt64 brenier_patience = 100000, brenier_least_kept = 1000;

#define SAMPLE_OPTIONS(OWN)                                                                                            \
  OWN(INT, n, "-n", "N", .low = 1, .high = (PetscReal)((PetscInt64)1 << 40), .needed = PETSC_TRUE, .group = "samples", \
      .text = "number of samples")                                                                                     \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-samples", .needed = PETSC_TRUE,                                 \
      .text = "file to write: /noise [N, d], /index [N], /code [N, d], /draw [N]")                                     \
  OWN(INT, seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1", .text = "seed of the noise")      \
  OWN(INT, first, "-first", "K", .low = 0, .high = BRENIER_MOST_SEED, .standard = "0",                                 \
      .text = "number of the first draw, from 0: seed and number determine the noise")                                 \
  OWN(CHOICE, noise, "-noise", .choice = brenier_yes_no, .standard = "yes", .text = "whether to write /noise")         \
  OWN(INPUT, labels, "-labels", "FILE",                                                                                \
      .text = "labels of the rows that solve read, whole numbers: also write /label [N]")                              \
  BRENIER_CODE_CONDITIONS_OPTION(OWN)                                                                                  \
  BRENIER_DEVICE_OPTION(OWN)

typedef struct {
  /* parameters */
  SAMPLE_OPTIONS(BRENIER_OPTION_MEMBER)
  PetscBool         stores_noise, has_labels;
  PetscInt          dim; /* of noise and codes, that of conditions included */
  BrenierConditions conditions;
  BrenierTargets    targets; /* of one map */
  BrenierSource     source;  /* owned */
  Vec               h;
  ClassChoice class;
  ClassMaps               maps; /* of all classes, where there are several maps and no class is given */
  BrenierExtensionOptions extend;
  BrenierStore            store;
  PetscInt64             *label_of_target; /* shape [targets here], or NULL */
  BrenierType             label_type;      /* i8, or u8 where i8 does not reach */
  /* a group on this rank */
  PetscInt    at_once;
  PetscReal  *x, *code, *condition;
  float      *single;
  PetscInt64 *index, *draw, *label;
  PetscInt   *class_of;
  PetscBool  *crosses;
  /* status */
  PetscInt64     drawn, kept, crossed;
  PetscLogDouble begun, said;
} Sampler;

#define ROW(...)                     BRENIER_OPTION_ROW(Sampler, __VA_ARGS__)
#define CLASS(kind, member, ...)     BRENIER_OPTION_ROW(Sampler, kind, class.member, __VA_ARGS__)
#define EXTENSION(kind, member, ...) BRENIER_OPTION_ROW(Sampler, kind, extend.member, __VA_ARGS__)
#define ANGLE(kind, member, ...)     BRENIER_OPTION_ROW(Sampler, kind, extend.threshold.member, __VA_ARGS__)
static const BrenierOption sample_options[] = {
    SAMPLE_OPTIONS(ROW) BRENIER_CLASS_OPTION(CLASS) BRENIER_ARRAY_OPTIONS BRENIER_EXTENSION_OPTIONS(EXTENSION)
        BRENIER_ANGLE_OPTIONS(ANGLE) BRENIER_SINGULAR_OPTION(EXTENSION) BRENIER_OPTION_END};

static PetscErrorCode WriteSingle(Sampler *s, const char name[], PetscInt n, PetscInt dim, const PetscReal x[],
                                  const char unit[])
{
  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)n * (size_t)dim; ++i) s->single[i] = (float)x[i];
  PetscCall(BrenierStoreAppendRows(s->store, name, BRENIER_F4, n, dim, s->single, unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Moves the draws that are kept to the front, no more than are wanted over all ranks; returns their number here. */
static PetscErrorCode SelectDraws(Sampler *s, PetscInt n, PetscInt *n_kept)
{
  const size_t    dim     = (size_t)s->dim;
  const PetscBool rejects = (PetscBool)(s->extend.singular == BRENIER_SINGULAR_REJECT);
  PetscInt64      before, here = 0, count[2] = {0, 0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    count[0] += s->crosses[i];
    here += !(rejects && s->crosses[i]);
  }
  PetscCallMPI(MPI_Scan(&here, &before, 1, MPIU_INT64, MPI_SUM, PETSC_COMM_WORLD));
  before -= here;
  *n_kept = (PetscInt)PetscMin(here, PetscMax(s->n - s->kept - before, 0));
  for (PetscInt i = 0, to = 0; to < *n_kept; ++i) {
    if (rejects && s->crosses[i]) continue;
    PetscCall(PetscArraymove(s->x + (size_t)to * dim, s->x + (size_t)i * dim, dim));
    PetscCall(PetscArraymove(s->code + (size_t)to * dim, s->code + (size_t)i * dim, dim));
    s->index[to]  = s->index[i];
    s->draw[to++] = s->draw[i];
  }
  count[1] = *n_kept;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 2, MPIU_INT64, MPI_SUM, PETSC_COMM_WORLD));
  s->crossed += count[0];
  s->kept += count[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Noise and its conditions; they are taken apart in place. */
static PetscErrorCode AppendNoise(Sampler *s, PetscInt n)
{
  const PetscInt columns = s->conditions.columns;

  PetscFunctionBegin;
  BrenierConditionsSplit(&s->conditions, n, s->dim, s->x, s->condition);
  if (s->stores_noise) PetscCall(WriteSingle(s, "/noise", n, s->dim - columns, s->x, "source length"));
  if (columns) PetscCall(WriteSingle(s, "/condition", n, columns, s->condition, "same as the conditions"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of codes. */
static PetscErrorCode AppendCodes(Sampler *s, PetscInt n)
{
  const PetscInt columns = s->conditions.columns;

  PetscFunctionBegin;
  BrenierConditionsSplit(&s->conditions, n, s->dim, s->code, s->condition);
  PetscCall(WriteSingle(s, "/code", n, s->dim - columns, s->code, "same as the targets"));
  if (s->code_conditions)
    PetscCall(WriteSingle(s, "/code_condition", n, columns, s->condition, "same as the conditions"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AppendGroup(Sampler *s, PetscInt n)
{
  PetscFunctionBegin;
  PetscCall(AppendNoise(s, n));
  PetscCall(BrenierStoreAppendRows(s->store, "/index", BRENIER_I8, n, 0, s->index, "target, counted from 0"));
  PetscCall(AppendCodes(s, n));
  PetscCall(BrenierStoreAppendRows(s->store, "/draw", BRENIER_I8, n, 0, s->draw, "number of the draw, from 0"));
  if (!s->label_of_target && !s->maps.n) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->label_of_target) PetscCall(BrenierTargetsFetchWhole(s->targets, n, s->index, s->label_of_target, s->label));
  PetscCall(BrenierStoreAppendRows(s->store, "/label", s->label_type, n, 0, s->label, "label of the target"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Carries the noise of a group to targets: by the one map, or each draw by the map of its class. */
static PetscErrorCode MapGroup(Sampler *s, PetscInt n)
{
  PetscFunctionBegin;
  if (!s->maps.n) {
    PetscCall(BrenierExtensionApply(&s->extend.extension, s->targets, s->h, n, s->x,
                                    &(BrenierExtended){s->index, NULL, s->code, s->crosses}));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt i = 0; i < n; ++i) {
    s->class_of[i] = BrenierClassMapsDraw(&s->maps, s->seed, s->draw[i]);
    s->crosses[i]  = PETSC_FALSE;
  }
  PetscCall(BrenierClassMapsApply(&s->maps, n, s->class_of, s->x, s->index, s->label, s->code));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next `count` draws of the world: this rank makes, maps and appends its share. */
static PetscErrorCode SampleGroup(Sampler *s, PetscInt count)
{
  PetscMPIInt rank, size;
  PetscInt    from, n, kept = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  from = (PetscInt)((PetscInt64)count * rank / size);
  n    = (PetscInt)((PetscInt64)count * (rank + 1) / size) - from;
  for (PetscInt i = 0; i < n; ++i) {
    s->draw[i] = s->first + s->drawn + from + i;
    BrenierSourceDrawPoint(s->source, s->seed, BRENIER_STREAM_SAMPLE, s->draw[i], s->x + (size_t)i * (size_t)s->dim);
  }
  PetscCall(MapGroup(s, n));
  s->drawn += count;
  PetscCall(SelectDraws(s, n, &kept));
  PetscCall(AppendGroup(s, kept));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A line now and then about how far it is and how long it will take. */
static PetscErrorCode Progress(Sampler *s)
{
  const PetscLogDouble every = 10.0;
  PetscLogDouble       now;

  PetscFunctionBegin;
  PetscCheck(s->drawn < brenier_patience || s->kept >= s->drawn / brenier_least_kept, PETSC_COMM_WORLD,
             PETSC_ERR_NOT_CONVERGED,
             "of %" PetscInt64_FMT " draws only %" PetscInt64_FMT
             " do not cross the singular set; raise -threshold or -quantile, or lower -neighbours",
             s->drawn, s->kept);
  PetscCall(PetscTime(&now));
  if (s->kept > 0 && s->kept < s->n && now - s->said > every) {
    PetscCall(BrenierPrintWorld("  %" PetscInt64_FMT " of %" PetscInt64_FMT " samples, about %.0f s remain", s->kept,
                                s->n, (now - s->begun) * (double)(s->n - s->kept) / (double)s->kept));
    s->said = now;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes of the datasets of one sample. */
static PetscInt64 BytesOfSample(const Sampler *s)
{
  const PetscInt64 columns = s->conditions.columns, noise = s->stores_noise ? s->dim - columns : 0;

  return (noise + s->dim + (s->code_conditions ? columns : 0)) * 4 + 16 + (s->label_of_target || s->maps.n ? 8 : 0);
}

static PetscErrorCode AllocateGroup(Sampler *s)
{
  const PetscInt dim  = s->dim;
  const size_t   room = (size_t)(s->at_once = PetscMax(BRENIER_FEWEST_DRAWS,
                                                       PetscMin(BRENIER_DRAWS_AT_ONCE, BRENIER_NUMBERS_AT_ONCE / dim)));

  PetscFunctionBegin;
  PetscCall(PetscMalloc4(room * (size_t)dim, &s->x, room * (size_t)dim, &s->code, room * (size_t)dim, &s->single,
                         room * (size_t)s->conditions.columns, &s->condition));
  PetscCall(PetscMalloc5(room, &s->index, room, &s->draw, room, &s->label, room, &s->crosses, room, &s->class_of));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Groups of draws until there are enough samples. */
static PetscErrorCode DrawAll(Sampler *s)
{
  PetscFunctionBegin;
  while (s->kept < s->n) {
    const PetscInt64 left = PetscMax(s->n - s->kept, (PetscInt64)BRENIER_FEWEST_DRAWS);
    const PetscBool  all  = (PetscBool)(s->extend.singular != BRENIER_SINGULAR_REJECT);

    PetscCall(SampleGroup(s, (PetscInt)PetscMin((PetscInt64)s->at_once, all ? s->n - s->kept : left)));
    PetscCall(Progress(s));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SampleAll(Sampler *s)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscTime(&s->begun));
  s->said = s->begun;
  PetscCall(AllocateGroup(s));
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, s->output, s->n * BytesOfSample(s) + (1 << 20), "brenier-samples",
                               &s->store));
  PetscCall(BrenierStoreSetInt(s->store, "/", "seed", s->seed));
  PetscCall(BrenierStoreSetInt(s->store, "/", "first", s->first));
  PetscCall(BrenierStoreSetText(s->store, "/", "source", BrenierSourceName(s->source)));
  PetscCall(BrenierExtensionOptionsSetAttributes(&s->extend, s->store));
  ierr = DrawAll(s);
  if (ierr) PetscCall(BrenierStoreDestroy(&s->store)); // leaves no file behind
  PetscCall(ierr);
  PetscCall(BrenierStoreSetInt(s->store, "/", "draws", s->drawn));
  PetscCall(BrenierStoreSetInt(s->store, "/", "crossing", s->crossed));
  PetscCall(BrenierStoreCommit(&s->store, "complete"));
  PetscCall(PetscFree4(s->x, s->code, s->single, s->condition));
  PetscCall(PetscFree5(s->index, s->draw, s->label, s->crosses, s->class_of));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples are stored in single precision; codes must not become infinite in it, nor all zero. */
static PetscErrorCode CheckRange(BrenierTargets t, const BrenierConditions *c, const char path[])
{
  const BrenierCoordinates y       = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscReal          scale   = c->columns ? PetscSqrtReal(c->weight) : 1.0;
  PetscReal                largest = 0.0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k)
      largest = PetscMax(largest, PetscAbsReal(BrenierCoordinate(&y, i, k)) / (k < t->dim - c->columns ? 1.0 : scale));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCheck(
      largest == 0.0 || (largest >= (PetscReal)FLT_MIN && largest <= (PetscReal)FLT_MAX), t->comm,
      PETSC_ERR_FILE_UNEXPECTED,
      "%s: its targets reach to %.3g, samples in single precision from %.3g to %.3g; scale the targets and solve "
      "again, or draw noise yourself and use brenier map",
      path, (double)largest, (double)FLT_MIN, (double)FLT_MAX);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The label of each target here, from those of the input's rows. */
static PetscErrorCode ReadLabels(Sampler *s)
{
  const BrenierTargets t = s->targets;
  BrenierArray         labels;
  PetscLayout          rows;
  PetscSF              sf;
  PetscInt            *row;

  PetscFunctionBegin;
  if (!s->has_labels) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, s->labels, BRENIER_ARRAY_LABELS, &labels));
  PetscCheck(labels.n == t->n + t->n_merged, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: holds %" PetscInt_FMT " labels, but the input of the solve had %" PetscInt64_FMT
             " rows; give one label for each row",
             s->labels, labels.n, t->n + t->n_merged);
  s->label_type = labels.past_signed ? BRENIER_U8 : BRENIER_I8;
  PetscCall(PetscMalloc1(t->n_local, &row));
  PetscCall(PetscMalloc1(t->n_local, &s->label_of_target));
  for (PetscInt i = 0; i < t->n_local; ++i) row[i] = (PetscInt)t->row[i];
  PetscCall(PetscLayoutCreateFromSizes(PETSC_COMM_WORLD, labels.n_local, labels.n, 1, &rows));
  PetscCall(PetscSFCreate(PETSC_COMM_WORLD, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, rows, t->n_local, NULL, PETSC_OWN_POINTER, row));
  PetscCall(PetscSFBcastBegin(sf, MPIU_INT64, labels.whole, s->label_of_target, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, MPIU_INT64, labels.whole, s->label_of_target, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscLayoutDestroy(&rows));
  PetscCall(PetscFree(row));
  PetscCall(BrenierArrayDestroy(&labels));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadSampleOptions(Sampler *s)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof *s));
  PetscCall(BrenierOptionsRead(sample_options, s));
  PetscCall(BrenierDeviceSet(PETSC_COMM_WORLD, (BrenierDeviceUse)s->device));
  PetscCall(BrenierExtensionOptionsCheck(PETSC_TRUE, &s->extend));
  PetscCall(BrenierClassChoiceCheck(&s->class));
  s->stores_noise = (PetscBool)(s->noise == 0);
  s->has_labels   = (PetscBool)(s->labels[0] != '\0');
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReportSamples(const Sampler *s)
{
  const double   bytes = (double)(s->n * BytesOfSample(s));
  PetscLogDouble seconds;

  PetscFunctionBegin;
  PetscCall(PetscTime(&seconds));
  seconds -= s->begun;
  if (s->extend.linear && s->extend.extension.threshold < 180.0)
    PetscCall(BrenierPrintWorld("%" PetscInt64_FMT " of %" PetscInt64_FMT
                                " draws cross the singular set (-singular %s)",
                                s->crossed, s->drawn, BrenierSingularNames[s->extend.singular]));
  PetscCall(BrenierPrintWorld("%" PetscInt64_FMT " sample%s in %.1f s, %.3g codes/s, %.3g MB; output in %s", s->n,
                              BrenierPlural(s->n), seconds, (double)s->n / seconds, 1e-6 * bytes, s->output));
  PetscCall(BrenierLogEvent("sample", "i samples", s->n, "i draws", s->drawn, "i crossing", s->crossed,
                            "r sample_seconds", seconds, "r codes_per_second", (double)s->n / seconds, "s output",
                            s->output, NULL));
  PetscCall(BrenierDeviceReport(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Labels are those of the result where it has a map for each class. */
static PetscErrorCode CheckClassOptions(const Sampler *s, const char path[])
{
  PetscFunctionBegin;
  PetscCheck(!s->has_labels, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "%s has labels of its own, which are written beside the samples; leave out -labels", path);
  PetscCheck(s->extend.kind == BRENIER_EXTENSION_NONE || s->class.given, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -extension is of one map, and %s has one for each class; name a class by -class LABEL", path);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples of one map. */
static PetscErrorCode SampleOne(Sampler *s, const char path[])
{
  BrenierResult result;

  PetscFunctionBegin;
  PetscCall(BrenierClassChoiceRead(&s->class, path, &result, &s->targets, &s->h));
  if (s->class.given) PetscCall(CheckClassOptions(s, path));
  s->source     = result.source;
  s->dim        = s->targets->dim;
  s->conditions = result.conditions;
  PetscCall(BrenierOptionNeeds("-code_conditions", s->code_conditions, (PetscBool)(s->conditions.columns > 0),
                               "a result with conditions (solve -conditions)"));
  PetscCall(CheckRange(s->targets, &s->conditions, path));
  PetscCall(ReadLabels(s));
  if (s->class.given) PetscCall(PetscMalloc1(s->targets->n_local, &s->label_of_target));
  for (PetscInt i = 0; s->class.given && i < s->targets->n_local; ++i) s->label_of_target[i] = s->class.label;
  if (s->class.given) s->label_type = BRENIER_I8;
  PetscCall(BrenierExtensionOptionsSetUp(&s->extend, &result, s->targets, s->h));
  PetscCall(SampleAll(s));
  PetscCall(ReportSamples(s));
  PetscCall(BrenierExtensionOptionsDestroy(&s->extend));
  PetscCall(PetscFree(s->label_of_target));
  PetscCall(VecDestroy(&s->h));
  PetscCall(BrenierTargetsDestroy(&s->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Samples of all classes, in proportion to their weights. */
static PetscErrorCode SampleClasses(Sampler *s, BrenierClassFile file)
{
  PetscFunctionBegin;
  PetscCall(CheckClassOptions(s, file->path));
  PetscCall(BrenierOptionNeeds("-code_conditions", s->code_conditions, PETSC_FALSE,
                               "a result with conditions (solve -conditions)"));
  PetscCall(BrenierClassMapsRead(file, &s->maps, &s->source));
  s->dim        = file->dim;
  s->label_type = BRENIER_I8;
  for (PetscInt k = 0; k < s->maps.n; ++k) PetscCall(CheckRange(s->maps.targets[k], &s->conditions, file->path));
  PetscCall(SampleAll(s));
  PetscCall(ReportSamples(s));
  PetscCall(BrenierClassMapsDestroy(&s->maps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSample(const char *const argument[], BrenierExit *outcome)
{
  BrenierClassFile file = NULL;
  Sampler          s;

  PetscFunctionBegin;
  PetscCall(ReadSampleOptions(&s));
  if (!s.class.given) PetscCall(BrenierClassFileOpen(PETSC_COMM_WORLD, argument[0], &file));
  if (file) PetscCall(SampleClasses(&s, file));
  else PetscCall(SampleOne(&s, argument[0]));
  PetscCall(BrenierClassFileDestroy(&file));
  PetscCall(BrenierSourceDestroy(&s.source));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const sample_example[] = {
    "Draw 10,000 codes:", "mpiexec -n 2 brenier sample result.h5 -n 10000 -seed 2 -o samples.h5",
    "Draw codes between the targets, none of them across the half of the facet mass with the largest angles:",
    "mpiexec -n 2 brenier sample result.h5 -n 10000 -o between.h5 -extension linear -quantile 0.5 -singular reject",
    NULL};

const BrenierCommand brenier_command_sample = {
    .name        = "sample",
    .arguments   = "RESULT.h5",
    .n_arguments = 1,
    .summary     = "draws noise from the source and carries it to codes",
    .description =
        "Draw number k of a seed is the same on any number of ranks. Its code is the target T(x), or with "
        "-extension linear a mean of the nearest targets. A mean is singular when the angle between T(x) and "
        "another of its targets is above -threshold or -quantile.\n"
        "Of a result with one map for each class, a class is drawn for each sample, in proportion to the weights of "
        "the classes, or given by -class; its label is written to /label.\n"
        "Of a result with conditions /noise is x, and /condition [N, q] its condition, which is independent of x.",
    .files    = "RESULT.h5 is written by solve. The output holds /noise, /index, /code and /draw.",
    .example  = sample_example,
    .see_also = "solve map facets decode",
    .option   = sample_options,
    .run      = RunSample};
