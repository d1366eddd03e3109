static const char help[] =
    "The law of pairs of a normal law and given conditions: marginals, independence, moments, refusals.\n";

#include "expect.h"

#include <brenier/random.h>
#include <brenier/source.h>

#include <math.h>

/*
  x = m + L z in the plane, and c one of four points, of which two are equal. N pairs are drawn. A mean may be off by
  `limit` of its standard errors, which a right one is with probability 6e-9; some 30 are compared, with fixed seeds.
*/
enum { N = 40000, DIM = 2, COLUMNS = 3, ROWS = 4, WHOLE = DIM + COLUMNS, EQUAL_A = 0, EQUAL_B = 2 };
static const PetscReal limit = 5.8;

static const PetscReal mean[DIM]                = {1.0, -2.0};
static const PetscReal factor[DIM][DIM]         = {{2.0, 0.5}, {0.0, 1.0}};
static const PetscReal weight[ROWS]             = {0.1, 0.2, 0.3, 0.4};
static const PetscReal condition[ROWS][COLUMNS] = {
    {5.0, 0.0, -1.0},
    {-3.0, 2.0, 0.5},
    {5.0, 0.0, -1.0},
    {0.25, 0.0, 7.0},
};

static PetscErrorCode CreateNoise(BrenierSource *noise)
{
  const BrenierSourceParameters p = {.scale = 1.0, .mean = mean, .factor = factor[0], .factor_width = DIM};

  PetscFunctionBeginUser;
  PetscCall(BrenierSourceCreateWith(PETSC_COMM_WORLD, "gaussian", DIM, &p, noise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreatePairs(const PetscReal w[], const PetscReal c[][COLUMNS], BrenierSource *pairs)
{
  BrenierSource noise;

  PetscFunctionBeginUser;
  PetscCall(CreateNoise(&noise));
  PetscCall(BrenierSourceWithConditions(PETSC_COMM_WORLD, noise, ROWS, COLUMNS, w, c[0], pairs));
  PetscCall(BrenierSourceDestroy(&noise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Which of the points c is, up to rounding; the first of equal ones. */
static PetscErrorCode Find(const PetscReal c[], PetscInt *row)
{
  const PetscReal rounding = 1e-13;

  PetscFunctionBeginUser;
  for (*row = 0; *row < ROWS; ++*row) {
    PetscInt k = 0;

    while (k < COLUMNS && PetscAbsReal(c[k] - condition[*row][k]) <= rounding) ++k;
    if (k == COLUMNS) PetscFunctionReturn(PETSC_SUCCESS);
  }
  SETERRQ(PETSC_COMM_SELF, PETSC_ERR_PLIB, "(%g, %g, %g) is none of the conditions", (double)c[0], (double)c[1],
          (double)c[2]);
}

/* Checks the mean of numbers with this sum and sum of squares. */
static PetscErrorCode CheckMean(const char what[], PetscReal sum, PetscReal squares, PetscReal wanted)
{
  const PetscReal found = sum / N, error = PetscSqrtReal((squares / N - found * found) / N);

  PetscFunctionBeginUser;
  PetscCheck(PetscAbsReal(found - wanted) <= limit * error, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %g +- %g, not %g",
             what, (double)found, (double)error, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is summed over the pairs with one condition: 1, x_k, x_k x_l, and their squares. */
enum { ONE = 1, PRODUCTS = DIM * DIM, TERMS = ONE + DIM + PRODUCTS };

static void AddTerms(const PetscReal x[], PetscReal sum[2][TERMS])
{
  PetscReal term[TERMS] = {1.0};

  for (PetscInt k = 0; k < DIM; ++k) {
    term[ONE + k] = x[k];
    for (PetscInt l = 0; l < DIM; ++l) term[ONE + DIM + k * DIM + l] = (x[k] - mean[k]) * (x[l] - mean[l]);
  }
  for (int i = 0; i < TERMS; ++i) {
    sum[0][i] += term[i];
    sum[1][i] += term[i] * term[i];
  }
}

/* Given c, x has the mean m and the covariance L L^T, and c has its probability: both laws, and that they are
   independent. */
static PetscErrorCode TestLaw(void)
{
  const PetscReal of[ROWS]            = {weight[EQUAL_A] + weight[EQUAL_B], weight[1], 0.0, weight[3]};
  PetscReal       sum[ROWS][2][TERMS] = {{{0.0}}}, x[WHOLE];
  BrenierSource   pairs;

  PetscFunctionBeginUser;
  PetscCall(CreatePairs(weight, condition, &pairs));
  PetscCheck(BrenierSourceDim(pairs) == WHOLE, PETSC_COMM_SELF, PETSC_ERR_PLIB, "dimension");
  for (PetscInt64 i = 0; i < N; ++i) {
    PetscInt row;

    BrenierSourceDrawPoint(pairs, 1, 1, i, x);
    PetscCall(Find(x + DIM, &row));
    AddTerms(x, sum[row]);
  }
  for (PetscInt j = 0; j < ROWS; ++j) {
    PetscCall(CheckMean("probability", sum[j][0][0], sum[j][1][0], of[j]));
    for (PetscInt k = 0; k < DIM; ++k) {
      PetscCall(CheckMean("mean", sum[j][0][ONE + k], sum[j][1][ONE + k], of[j] * mean[k]));
      for (PetscInt l = 0; l < DIM; ++l) {
        const PetscInt  at         = ONE + DIM + k * DIM + l;
        const PetscReal covariance = factor[k][0] * factor[l][0] + factor[k][1] * factor[l][1];

        PetscCall(CheckMean("covariance", sum[j][0][at], sum[j][1][at], of[j] * covariance));
      }
    }
  }
  PetscCall(BrenierSourceDestroy(&pairs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* E |x|^2 + E |c|^2. */
static PetscErrorCode TestSecondMoment(void)
{
  PetscReal     wanted = 0.0, found;
  BrenierSource pairs;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < DIM; ++k) wanted += mean[k] * mean[k];
  for (PetscInt k = 0; k < PRODUCTS; ++k) wanted += PetscSqr(factor[k / DIM][k % DIM]);
  for (PetscInt j = 0; j < ROWS; ++j)
    for (PetscInt k = 0; k < COLUMNS; ++k) wanted += weight[j] * condition[j][k] * condition[j][k];
  PetscCall(CreatePairs(weight, condition, &pairs));
  found = BrenierSourceSecondMoment(pairs);
  PetscCheck(PetscAbsReal(found - wanted) <= 1e-13 * wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "second moment %.17g, not %.17g", (double)found, (double)wanted);
  PetscCall(BrenierSourceDestroy(&pairs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The order in which conditions are given changes no bit. */
static PetscErrorCode TestOrder(void)
{
  PetscReal     w[ROWS], c[ROWS][COLUMNS], x[WHOLE], y[WHOLE];
  BrenierSource pairs, reversed;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < ROWS; ++j) {
    w[j] = weight[ROWS - 1 - j];
    PetscCall(PetscArraycpy(c[j], condition[ROWS - 1 - j], COLUMNS));
  }
  PetscCall(CreatePairs(weight, condition, &pairs));
  PetscCall(CreatePairs(w, (const PetscReal(*)[COLUMNS])c, &reversed));
  for (PetscInt64 i = 0; i < 100; ++i) {
    PetscBool same;

    BrenierSourceDrawPoint(pairs, 1, 1, i, x);
    BrenierSourceDrawPoint(reversed, 1, 1, i, y);
    PetscCall(PetscArraycmp(x, y, WHOLE, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "point %" PetscInt64_FMT " is another one", i);
  }
  PetscCall(BrenierSourceDestroy(&reversed));
  PetscCall(BrenierSourceDestroy(&pairs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Which sources take conditions; others are refused, and so are too many components. */
static PetscErrorCode TestOthers(void)
{
  enum { MANY = 9000 };
  BrenierSource mixture, ball, pairs;
  PetscReal    *w, *c;

  PetscFunctionBeginUser;
  PetscCheck(BrenierSourceTakesConditions("gaussian") && BrenierSourceTakesConditions("mixture") &&
                 !BrenierSourceTakesConditions("ball"),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "which sources take conditions");
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "mixture", MANY / 3, 1.0, &mixture)); // 2 MANY / 3 components
  PetscCall(PetscMalloc2(MANY, &w, MANY, &c));
  for (PetscInt j = 0; j < MANY; ++j) {
    w[j] = 1.0 / MANY;
    c[j] = (PetscReal)j;
  }
  ExpectError(BrenierSourceWithConditions(PETSC_COMM_WORLD, mixture, MANY, 1, w, c, &pairs), PETSC_ERR_USER_INPUT,
              "round the conditions");
  PetscCall(PetscFree2(w, c));
  PetscCall(BrenierSourceDestroy(&mixture));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "ball", DIM, 1.0, &ball));
  ExpectError(BrenierSourceWithConditions(PETSC_COMM_WORLD, ball, ROWS, COLUMNS, weight, condition[0], &pairs),
              PETSC_ERR_USER_INPUT, "not known for the source ball");
  PetscCall(BrenierSourceDestroy(&ball));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestLaw());
  PetscCall(TestSecondMoment());
  PetscCall(TestOrder());
  PetscCall(TestOthers());
  PetscCall(PetscFinalize());
  return 0;
}
