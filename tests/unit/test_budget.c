static const char help[] = "Tables of what a solve decides: how many curves, by which method.\n";

#include "solve/budget.h"

#include <petscmath.h>

#pragma GCC diagnostic ignored "-Woverride-init" // a row says what differs from the usual case

/* Circles in 64 dimensions, Newton to a tolerance of 0.1, unless a row says otherwise. */
#define CASE(...)                                                                                                      \
  {                                                                                                                    \
    .dim = 64, .circles = PETSC_TRUE, .newton = PETSC_TRUE, .points = PETSC_TRUE, .tol = 0.1, .warm_up = -1.0,         \
    .sgd_from = 1e6, .most_curves = INT32_MAX, __VA_ARGS__                                                             \
  }
#define CHORDS .circles = PETSC_FALSE

enum { GIGABYTE = 1000000000 };

static PetscInt n_failed;

/* Notes a row that is not as it should be. */
static void Expect(const char table[], size_t row, PetscReal got, PetscReal wanted)
{
  if (PetscAbsReal(got - wanted) <= 1e-6 * PetscAbsReal(wanted)) return;
  printf("%s, row %d: %.9g, not %.9g\n", table, (int)row, (double)got, (double)wanted);
  ++n_failed;
}

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* By the size of the problem alone: a million coordinates are large, lists want 4 dimensions and 10^4 coordinates, a
   cluster 32 targets. */
static void TestSize(void)
{
  static const struct {
    PetscInt n, dim;
    int      lists, large;
    PetscInt steps, clusters;
  } table[] = {
      {100, 2, 0, 0, 512, 0},      {100000, 3, 0, 0, 512, 0},   {1000000, 3, 0, 1, 128, 512},
      {2499, 4, 0, 0, 512, 0},     {2500, 4, 1, 0, 512, 0},     {15624, 64, 1, 0, 512, 0},
      {15625, 64, 1, 1, 128, 488}, {3200, 500, 1, 1, 128, 100}, {1000000, 64, 1, 1, 128, 512},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    Expect("uses lists", i, BrenierBudgetUsesLists_Private(table[i].n, table[i].dim), table[i].lists);
    Expect("large", i, BrenierBudgetIsLarge_Private(table[i].n, table[i].dim), table[i].large);
    Expect("steps", i, (PetscReal)BrenierBudgetDescentSteps_Private(table[i].n, table[i].dim),
           (PetscReal)table[i].steps);
    Expect("clusters", i, (PetscReal)BrenierBudgetCoarseClusters_Private(table[i].n, table[i].dim),
           (PetscReal)table[i].clusters);
  }
}

/* Before anything is measured: curves expected, of the first stage, and of the warm-up a target. */
static void TestPredictions(void)
{
  static const struct {
    BrenierBudget b;
    PetscReal     expected, first, warm_up, alone;
  } table[] = {
      {CASE(.n = 1000), 10000, 4096, 2.0, 2.0},
      {CASE(.n = 60000), 600000, 120000, 2.0, 2.0},
      {CASE(.n = 60000, .tol = 0.2), 150000, 120000, 1.25, 2.0},
      {CASE(.n = 60000, .tol = 0.5), 24000, 120000, 0.2, 0.4},
      {CASE(.n = 60000, .tol = 0.5, .warm_up = 3.0), 24000, 120000, 3.0, 3.0},
      {CASE(.n = 60000, .tol = 0.5, .warm_up = 0.0), 24000, 120000, 0.0, 0.0},
      {CASE(.n = 60000, .curves = 5000), 5000, 120000, 1.0 / 24, 1.0 / 12},
      {CASE(.n = 60000, CHORDS), 2400000, 480000, 2.0, 2.0},
      {CASE(.n = 1000, .tol = 0.05, CHORDS), 160000, 8000, 2.0, 2.0},
      {CASE(.n = 1000, .dim = 1, .most_curves = 1), 10000, 1, 2.0, 2.0},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    Expect("expected", i, BrenierBudgetPredictCurves_Private(&table[i].b), table[i].expected);
    Expect("first", i, (PetscReal)BrenierBudgetFirstStageCurves_Private(&table[i].b), table[i].first);
    Expect("warm-up", i, BrenierBudgetWarmUp_Private(&table[i].b, PETSC_FALSE), table[i].warm_up);
    Expect("warm-up alone", i, BrenierBudgetWarmUp_Private(&table[i].b, PETSC_TRUE), table[i].alone);
  }
}

/* The start: clusters of clusters, 0 for none, and curves of each; circles for a cube in five dimensions or more. */
static void TestStart(void)
{
  static const struct {
    PetscInt  n;
    PetscReal clusters, circles, chords; /* clusters, and curves for so many */
  } table[] = {
      {511, 0, 4096, 4096},
      {512, 64, 4096, 4096},
      {8000, 1000, 8000, 32000},
      {20000, 1000, 8000, 32000},
      {32000, 1000, 8000, 32000},
      {60000, 1875, 15000, 60000},
      {1000000, 31250, 250000, 1000000},
  };
  static const BrenierBudget gaussian = CASE(.n = 1000), cube = CASE(.n = 1000, CHORDS);
  static const BrenierBudget space = CASE(.n = 1000, .dim = 4, CHORDS);

  for (size_t i = 0; i < ROWS(table); ++i) {
    const PetscInt n = BrenierBudgetClusters_Private(table[i].n);

    Expect("clusters", i, (PetscReal)n, (PetscReal)table[i].clusters);
    Expect("level, circles", i, (PetscReal)BrenierBudgetLevelCurves_Private(n, PETSC_TRUE), table[i].circles);
    Expect("level, chords", i, (PetscReal)BrenierBudgetLevelCurves_Private(n, PETSC_FALSE), table[i].chords);
  }
  Expect("on circles", 0, BrenierBudgetStartsOnCircles_Private(&gaussian), 0);
  Expect("on circles", 1, BrenierBudgetStartsOnCircles_Private(&cube), 1);
  Expect("on circles", 2, BrenierBudgetStartsOnCircles_Private(&space), 0);
}

/* Curves that memory holds: 4.8 kB a curve with lists, 1.2 kB without, more in few dimensions; both to 4 bits. */
static void TestMemory(void)
{
  static const struct {
    BrenierBudget b;
    PetscReal     lists, fresh;
  } table[] = {
      {CASE(.n = 60000), INT32_MAX, INT32_MAX},
      {CASE(.n = 60000, .memory = GIGABYTE), 217089, 868353},
      {CASE(.n = 1000000, .memory = GIGABYTE), 217089, 868353},
      {CASE(.n = 1000000, .dim = 2, .memory = GIGABYTE), 8705, 8705},
      {CASE(.n = 60000, .memory = 1.0), 1, 1},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    Expect("fit with lists", i, (PetscReal)BrenierBudgetMaxUnscannedCurves_Private(&table[i].b, PETSC_TRUE),
           table[i].lists);
    Expect("fit without", i, (PetscReal)BrenierBudgetMaxFreshCurves_Private(&table[i].b), table[i].fresh);
  }
  Expect("bytes", 0, BrenierBudgetSampleBytes_Private(100.0, 20.0), 4720.0);
  Expect("fit as seen", 0, (PetscReal)BrenierBudgetMaxSampleCurves_Private(&table[1].b, 4720.0), 217089);
}

/* Whether a sample is of use: half a circle or two chords a target, or all that is wanted. */
static void TestServes(void)
{
  static const struct {
    BrenierBudget b;
    PetscInt64    fit;
    PetscReal     wanted;
    int           serves;
  } table[] = {
      {CASE(.n = 1000), 499, 10000, 0},
      {CASE(.n = 1000), 500, 10000, 1},
      {CASE(.n = 1000), 100, 100, 1},
      {CASE(.n = 1000), 99, 100, 0},
      {CASE(.n = 1000, CHORDS), 1999, 10000, 0},
      {CASE(.n = 1000, CHORDS), 2000, 10000, 1},
  };

  for (size_t i = 0; i < ROWS(table); ++i)
    Expect("serves", i, BrenierBudgetSampleIsUseful_Private(&table[i].b, table[i].fit, table[i].wanted),
           table[i].serves);
}

/* From stage to stage: six times as many at most, by equal factors, and what fits; SGD where that is not enough. */
static void TestNext(void)
{
  static const struct {
    BrenierBudget b;
    PetscInt64    now;
    PetscReal     wanted;
    PetscInt64    fit;
    PetscReal     next;
    int           sgd_follows;
  } table[] = {
      {CASE(.n = 60000), 0, 600000, INT32_MAX, 120000, 0},
      {CASE(.n = 60000), 0, 200000, INT32_MAX, 200000, 0},
      {CASE(.n = 60000), 0, 1000, INT32_MAX, 4096, 0},
      {CASE(.n = 60000, .curves = 1000), 0, 1000, INT32_MAX, 1000, 0},
      {CASE(.n = 60000), 120000, 600000, INT32_MAX, 600000, 0},
      {CASE(.n = 60000), 120000, 3600000, INT32_MAX, 657268, 0},
      {CASE(.n = 60000), 120000, 600000, 300000, 300000, 1},
      {CASE(.n = 60000), 120000, 600000, 100000, 120000, 1},
      {CASE(.n = 60000), 0, 600000, 50000, 50000, 0},
      {CASE(.n = 60000, .dim = 1, .most_curves = 1), 0, 10000, INT32_MAX, 1, 0},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    PetscBool        sgd_follows;
    const PetscInt64 next =
        BrenierBudgetNextStageCurves_Private(&table[i].b, table[i].now, table[i].wanted, table[i].fit, &sgd_follows);

    Expect("next", i, (PetscReal)next, table[i].next);
    Expect("next, passes", i, sgd_follows, table[i].sgd_follows);
  }
}

/* SGD without a stage of Newton: many targets in many dimensions, and 5 circles a target or less. */
static void TestSkipsNewton(void)
{
  static const struct {
    BrenierBudget b;
    int           skips;
  } table[] = {
      {CASE(.n = 60000, .tol = 0.2), 1},
      {CASE(.n = 60000, .tol = 0.1), 0},
      {CASE(.n = 10000, .tol = 0.2), 0},
      {CASE(.n = 60000, .tol = 0.2, .dim = 17), 1},
      {CASE(.n = 1000000, .tol = 0.2, .dim = 15), 0},
      {CASE(.n = 60000, .tol = 0.5, CHORDS), 0},
      {CASE(.n = 60000, .tol = 0.2, .newton = PETSC_FALSE), 0},
      {CASE(.n = 60000, .tol = 0.2, .verify = PETSC_TRUE), 0},
      {CASE(.n = 60000, .tol = 0.2, .warm_up = 0.0), 0},
      {CASE(.n = 60000, .tol = 0.2, .curves = 1000), 0},
  };

  for (size_t i = 0; i < ROWS(table); ++i)
    Expect("skips Newton", i, BrenierBudgetSkipsNewton_Private(&table[i].b), table[i].skips);
}

/* SGD after a stage: one of at least the size of a first stage, where 1.5 times as many curves are needed; with scales
   also in small problems, in few dimensions where Newton stalls. */
static void TestSwitchesToSgd(void)
{
  static const struct {
    BrenierBudget b;
    PetscInt64    now;
    PetscReal     wanted;
    int           stalls, switches;
  } table[] = {
      {CASE(.n = 60000), 120000, 180000, 0, 1},
      {CASE(.n = 60000), 120000, 179999, 0, 0},
      {CASE(.n = 60000), 119999, 600000, 0, 0},
      {CASE(.n = 10000), 20000, 600000, 1, 0},
      {CASE(.n = 10000, .scales = 1), 20000, 600000, 0, 1},
      {CASE(.n = 10000, .dim = 15, .scales = 1), 20000, 600000, 1, 1},
      {CASE(.n = 10000, .dim = 15, .scales = 1), 20000, 600000, 0, 0},
      {CASE(.n = 60000, .dim = 8), 120000, 600000, 0, 0},
      {CASE(.n = 60000, CHORDS), 480000, 4800000, 0, 0},
  };

  for (size_t i = 0; i < ROWS(table); ++i)
    Expect("switches to SGD", i,
           BrenierBudgetSwitchesToSgd_Private(&table[i].b, table[i].now, table[i].wanted, (PetscBool)table[i].stalls),
           table[i].switches);
}

/* Curves of the Hessian, and of a measurement of heights of so many: a tenth of them to eight times as many. */
static void TestCheck(void)
{
  static const struct {
    BrenierBudget b;
    PetscInt64    now;
    PetscReal     hessian, check;
  } table[] = {
      {CASE(.n = 60000), 600000, 240000, 113160},
      {CASE(.n = 1000), 100000, 4096, 146089},
      {CASE(.n = 1000), 100, 4096, 4096},
      {CASE(.n = 1000, .scales = 1), 100000, 4096, 58435},
      {CASE(.n = 10), 10000, 4096, 80000},
      {CASE(.n = 1000000), 2000000, 4000000, 200000},
      {CASE(.n = 1000, CHORDS), 100000, 64000, 146089},
      {CASE(.n = 1000, .curves = 1000), 1000, 4096, 1000},
      {CASE(.n = 1000, .curves = 10), 10, 4096, 64},
      {CASE(.n = 1000, .curves = 1000), 0, 4096, 4096},
      {CASE(.n = 1000, .check_curves = 777), 100000, 4096, 777},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    Expect("hessian", i, (PetscReal)BrenierBudgetHessianCurves_Private(&table[i].b), table[i].hessian);
    Expect("check", i, (PetscReal)BrenierBudgetMeasurementCurves_Private(&table[i].b, table[i].now), table[i].check);
  }
}

/* Curves for the tolerance, by the sampling error of a stage, and by a measurement above it of heights of 100,000. */
static void TestToleranceCurves(void)
{
  static const BrenierBudget plain = CASE(.n = 60000), scales = CASE(.n = 60000, .scales = PETSC_TRUE);
  static const struct {
    PetscReal rho, rho_high, curves;
  } table[] = {
      {0.11, 0.12, 148191.12}, // by 1.08 rho, which a narrow interval would have
      {0.11, 0.115, 138862.5}, // by the upper end
      {0.10, 0.101, 110000.0}, // by a tenth at least
      {0.00, 0.20, 122472.0},  // rho is taken for 0.1
  };

  Expect("asked", 0, BrenierBudgetToleranceCurves_Private(&plain, 0.1, 100000), 100000 / 0.85);
  Expect("asked", 1, BrenierBudgetToleranceCurves_Private(&plain, 0.2, 100000), 400000 / 0.85);
  Expect("asked", 2, BrenierBudgetToleranceCurves_Private(&scales, 0.1, 100000), 100000 / 0.7);
  for (size_t i = 0; i < ROWS(table); ++i) {
    const BrenierAccuracy accuracy = {
        .curves = 100000, .sampling_error = 0.1, .rho = table[i].rho, .rho_high = table[i].rho_high};

    Expect("retry", i, BrenierBudgetRetryCurves_Private(&plain, &accuracy, 100000), table[i].curves);
  }
}

/* What a measurement is expected to find: both errors in quadrature, and an interval that narrows with the number of
   targets. */
static void TestPrediction(void)
{
  static const struct {
    BrenierBudget b;
    PetscReal     l1, rho, ratio;
  } table[] = {
      {CASE(.n = 1000), 0.0, 0.1, 1.08},
      {CASE(.n = 10000), 0.0, 0.1, 1.05},
      {CASE(.n = 60000), 0.0, 0.1, 1.0341565025532},
      {CASE(.n = 60000), 0.1, 0.160337030, 1.0341565025532},
      {CASE(.n = 100000000), 0.0, 0.1, 1.03000266},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    const BrenierAccuracy w = BrenierBudgetPredictHeldOut_Private(&table[i].b, 1000, 0.1, table[i].l1);

    Expect("prediction", i, w.rho, table[i].rho);
    Expect("prediction, upper end", i, w.rho_high, table[i].rho * table[i].ratio);
  }
}

/* Epochs: at most 6 times the effective curves, in 128 steps, or 512 of a small problem, as memory allows. */
static void TestPlan(void)
{
  static const BrenierAccuracy first = {.curves = 120000, .sampling_error = 0.2, .rho = 0.25, .rho_high = 0.27};
  static const BrenierAccuracy then  = {.curves = 120000, .sampling_error = 0.2, .rho = 0.125, .rho_high = 0.130};
  const struct {
    BrenierBudget   b;
    PetscInt64      sample, used;
    BrenierSgdState before;
    BrenierAccuracy accuracy;
    PetscReal       efficiency, effective_curves, batch, n_steps, first;
  } table[] = {
      {CASE(.n = 60000), 120000, 120000, {0}, first, 0.8, 76800, 3600, 128, 0},
      {CASE(.n = 60000), 0, 0, {0}, first, 0.5, 76800, 3600, 128, 0},
      {CASE(.n = 1000), 120000, 120000, {0}, first, 0.8, 76800, 900, 512, 0},
      {CASE(.n = 60000, .memory = 1e6), 120000, 120000, {0}, first, 0.8, 76800, 869, 531, 0},
      {CASE(.n = 60000, .curves = 200000), 120000, 120000, {0}, first, 0.8, 76800, 625, 128, 0},
      {CASE(.n = 60000),
       120000,
       580800,
       {.effective_curves = 76800, .batch = 3600, .n_steps = 128, .first = 128},
       then,
       0.5,
       307200,
       3720,
       128,
       256},
  };

  for (size_t i = 0; i < ROWS(table); ++i) {
    BrenierSgdState sgd = table[i].before;

    BrenierBudgetPlanEpoch_Private(&table[i].b, &table[i].accuracy, table[i].sample, table[i].used, &sgd);
    Expect("plan, efficiency", i, sgd.efficiency, table[i].efficiency);
    Expect("plan, effective curves", i, sgd.effective_curves, table[i].effective_curves);
    Expect("plan, batch", i, (PetscReal)sgd.batch, table[i].batch);
    Expect("plan, steps", i, (PetscReal)sgd.n_steps, table[i].n_steps);
    Expect("plan, first", i, (PetscReal)sgd.first, table[i].first);
  }
}

/* Samples of a descent: ten points for a circle, twice as many from attempt to attempt. */
static void TestDescent(void)
{
  static const struct {
    BrenierBudget b;
    PetscInt      attempt;
    PetscReal     samples;
  } table[] = {
      {CASE(.n = 1000), 0, 100000},
      {CASE(.n = 1000), 2, 400000},
      {CASE(.n = 1000, .points = PETSC_FALSE), 0, 10000},
      {CASE(.n = 1000, .curves = 500), 0, 500},
      {CASE(.n = 1000000, .tol = 1e-3), 0, INT32_MAX},
  };

  for (size_t i = 0; i < ROWS(table); ++i)
    Expect("descent", i, (PetscReal)BrenierBudgetDescentSamples_Private(&table[i].b, table[i].attempt),
           table[i].samples);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  TestSize();
  TestPredictions();
  TestStart();
  TestMemory();
  TestServes();
  TestNext();
  TestSkipsNewton();
  TestSwitchesToSgd();
  TestCheck();
  TestToleranceCurves();
  TestPrediction();
  TestPlan();
  TestDescent();
  PetscCheck(n_failed == 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d decisions differ", (int)n_failed);
  PetscCall(PetscFinalize());
  return 0;
}
