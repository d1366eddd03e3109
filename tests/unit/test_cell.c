static const char help[] =
    "Checks cells in dimension 2 and 3 against closed forms, partitions and finite differences.\n";

#include <brenier/base.h>

#include "low/cell.h"

#include <math.h>
#include <string.h>

/*
  Boxes have closed forms under both laws, in whatever frame; the frames here have rational axes and the corners few
  bits, so that the constraints say exactly what is meant and tiny cells can be held to a relative error. Partitions
  have identities: masses sum to one, first moments to zero, facets are the same from both sides. What has neither is
  held to finite differences.
*/

enum { MOST = 240 };

static const long double pi_l = 3.14159265358979323846264338327950288L;

/* Orthogonal frames of integers, and their length. */
static const double plain[3][3]   = {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
static const double turned2[3][3] = {{3.0, 4.0, 0.0}, {-4.0, 3.0, 0.0}, {0.0, 0.0, 5.0}};
static const double turned3[3][3] = {{2.0, 3.0, 6.0}, {3.0, -6.0, 2.0}, {6.0, 2.0, -3.0}};

static BrenierCellWork *work;

#define CheckNear(x, wanted, tolerance, ...)                                                                           \
  PetscCheck(fabs((double)((x) - (wanted))) <= (double)(tolerance), PETSC_COMM_SELF, PETSC_ERR_PLIB, __VA_ARGS__)

static PetscErrorCode Integrate(BrenierLaw law, int dim, int k, const double a[], const double b[], BrenierCell *cell,
                                double facet[])
{
  PetscFunctionBeginUser;
  PetscCheck(!BrenierCellIntegrate(law, dim, k, a, b, work, cell, facet), PETSC_COMM_SELF, PETSC_ERR_MEM, "memory");
  PetscCheck(isfinite(cell->mass) && cell->mass >= 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "mass %g", cell->mass);
  for (int d = 0; d < 3; ++d)
    PetscCheck(isfinite(cell->moment[d]), PETSC_COMM_SELF, PETSC_ERR_PLIB, "moment %g", cell->moment[d]);
  for (int m = 0; m < 6; ++m)
    PetscCheck(isfinite(cell->second[m]), PETSC_COMM_SELF, PETSC_ERR_PLIB, "second %g", cell->second[m]);
  for (int j = 0; j < k; ++j)
    PetscCheck(isfinite(facet[j]) && facet[j] >= 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "facet %g", facet[j]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mass, first and second moment of one coordinate over [s, e]. */
static void Interval(BrenierLaw law, double s, double e, long double moment[3])
{
  const long double m = 0.5L * ((long double)s + (long double)e), w = (long double)e - (long double)s;
  const long double root = sqrtl(2.0L), scale = sqrtl(2.0L * pi_l);

  if (law == BRENIER_LAW_CUBE) {
    moment[0] = w;
    moment[1] = w * m;
    moment[2] = w * (m * m + w * w / 12.0L);
  } else if (w < 1e-3L) { // to the order w^4 of the density about the middle
    const long double f = expl(-0.5L * m * m) / scale, w2 = w * w;

    moment[0] =
        f * w * (1.0L + (m * m - 1.0L) * w2 / 24.0L + (m * m * m * m - 6.0L * m * m + 3.0L) * w2 * w2 / 1920.0L);
    moment[1] = m * moment[0] - f * w * m * w2 / 12.0L;
    moment[2] = m * m * moment[0] + f * w * w2 / 12.0L * (1.0L - 2.0L * m * m);
  } else {
    const long double at_s = expl(-0.5L * s * s) / scale, at_e = expl(-0.5L * e * e) / scale;

    moment[0] = s > 0.0 ? 0.5L * (erfcl(s / root) - erfcl(e / root)) : 0.5L * (erfcl(-e / root) - erfcl(-s / root));
    moment[1] = at_s - at_e;
    moment[2] = moment[0] + s * at_s - e * at_e;
  }
}

static long double Density(BrenierLaw law, double t)
{
  return law == BRENIER_LAW_CUBE ? 1.0L : expl(-0.5L * (long double)t * (long double)t) / sqrtl(2.0L * pi_l);
}

/* The box with coordinates [low, low + width] along the frame's axes, every moment and facet. */
static PetscErrorCode CheckBox(BrenierLaw law, int dim, const double frame[3][3], double length, const double low[],
                               const double width[])
{
  double      a[18], b[6], facet[6];
  long double moment[3][3], mass = 1.0L, most = 0.0L;
  BrenierCell cell;

  PetscFunctionBeginUser;
  for (int i = 0; i < dim; ++i) {
    for (int d = 0; d < dim; ++d) a[(2 * i) * dim + d] = frame[i][d];
    for (int d = 0; d < dim; ++d) a[(2 * i + 1) * dim + d] = -frame[i][d];
    b[2 * i]     = length * (low[i] + width[i]);
    b[2 * i + 1] = -length * low[i];
    Interval(law, low[i], low[i] + width[i], moment[i]);
    mass *= moment[i][0];
  }
  PetscCall(Integrate(law, dim, 2 * dim, a, b, &cell, facet));
  CheckNear(cell.mass, mass, 1e-12L * mass, "box from %g %g wide in %d-D: %.17g, not %.17Lg", low[0], width[0], dim,
            cell.mass, mass);
  for (int i = 0; i < dim; ++i) most = fmaxl(most, mass / moment[i][0]);
  for (int f = 0; f < 2 * dim; ++f) {
    const int         i      = f / 2;
    const long double wanted = mass / moment[i][0] * Density(law, f % 2 ? low[i] : low[i] + width[i]);

    CheckNear(facet[f], wanted, 2e-12L * wanted + 1e-14L * most * Density(law, low[i]),
              "box from %g %g wide in %d-D: facet %.17g, not %.17Lg", low[0], width[0], dim, facet[f], wanted);
  }
  for (int d = 0, m = 0; d < dim; ++d) {
    long double first = 0.0L;

    for (int i = 0; i < dim; ++i) first += frame[i][d] / length * mass / moment[i][0] * moment[i][1];
    CheckNear(cell.moment[d], first, 1e-11L * mass, "moment %.17g, not %.17Lg", cell.moment[d], first);
    for (int e = d; e < dim; ++e, ++m) {
      long double second = 0.0L;

      for (int i = 0; i < dim; ++i)
        for (int j = 0; j < dim; ++j)
          second +=
              frame[i][d] * frame[j][e] / (length * length) * mass *
              (i == j ? moment[i][2] / moment[i][0] : moment[i][1] / moment[i][0] * (moment[j][1] / moment[j][0]));
      CheckNear(cell.second[m], second, 1e-10L * mass * (1.0L + low[0] * low[0]), "second %.17g, not %.17Lg",
                cell.second[m], second);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Large and tiny, at the centre and down to masses of 1e-30; plates and needles. */
static PetscErrorCode TestBoxes(void)
{
  const double lows[]   = {-3.0, -0.5, -0.125, 0.0, 0.375, 1.25, 3.0, 5.5};
  const double widths[] = {0x1p-20, 0x1p-13, 0x1p-7, 0.0625, 0.25, 0.5, 1.0, 3.0};

  PetscFunctionBeginUser;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) {
      const double low[]   = {lows[i], lows[(i + 1) % 8], lows[(i + 3) % 8]};
      const double alike[] = {widths[j], widths[j], widths[j]}, mixed[] = {widths[j], 1.0, 0.5};

      for (int dim = 2; dim <= 3; ++dim) {
        PetscCall(CheckBox(BRENIER_LAW_GAUSSIAN, dim, plain, 1.0, low, alike));
        PetscCall(CheckBox(BRENIER_LAW_GAUSSIAN, dim, dim == 2 ? turned2 : turned3, dim == 2 ? 5.0 : 7.0, low, alike));
        if (j >= 3)
          PetscCall(
              CheckBox(BRENIER_LAW_GAUSSIAN, dim, dim == 2 ? turned2 : turned3, dim == 2 ? 5.0 : 7.0, low, mixed));
      }
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestCube(void)
{
  const double widths[] = {0x1p-30, 0x1p-20, 0x1p-10, 0x1p-6, 0.0625, 0.125};

  PetscFunctionBeginUser;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) {
      const double low[] = {-0.25 + 0.03125 * i, 0.0625, -0.125}, width[] = {widths[j], widths[j], widths[j]};

      for (int dim = 2; dim <= 3; ++dim) {
        PetscCall(CheckBox(BRENIER_LAW_CUBE, dim, plain, 1.0, low, width));
        PetscCall(CheckBox(BRENIER_LAW_CUBE, dim, dim == 2 ? turned2 : turned3, dim == 2 ? 5.0 : 7.0, low, width));
      }
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x beyond distance q in some direction. */
static PetscErrorCode TestHalfSpaces(void)
{
  const double q[] = {-6.0, -1.0, -1e-9, 0.0, 1e-17, 0.25, 1.0, 4.0, 8.0, 11.5};

  PetscFunctionBeginUser;
  for (int dim = 2; dim <= 3; ++dim)
    for (int i = 0; i < 10; ++i)
      for (int axis = 0; axis < dim; ++axis) {
        const double(*frame)[3] = dim == 2 ? turned2 : turned3;
        const double      b = -q[i] * (dim == 2 ? 5.0 : 7.0), wide = q[i] > 0.0 ? 0.5 : 1.0;
        const long double mass =
            wide * (wide < 1.0 ? erfcl(q[i] / sqrtl(2.0L)) : 1.0L - 0.5L * erfcl(-q[i] / sqrtl(2.0L)));
        double      a[3], facet;
        BrenierCell cell;

        for (int d = 0; d < dim; ++d) a[d] = -frame[axis][d];
        PetscCall(Integrate(BRENIER_LAW_GAUSSIAN, dim, 1, a, &b, &cell, &facet));
        CheckNear(cell.mass, mass, 1e-12L * mass, "half-space at %g: %.17g, not %.17Lg", q[i], cell.mass, mass);
        CheckNear(facet, Density(BRENIER_LAW_GAUSSIAN, q[i]), 1e-12L * Density(BRENIER_LAW_GAUSSIAN, q[i]),
                  "its facet: %.17g", facet);
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Between two planes through the origin the mass is an angle. */
static PetscErrorCode TestWedges(void)
{
  PetscFunctionBeginUser;
  for (int dim = 2; dim <= 3; ++dim)
    for (int i = 1; i < 40; ++i) {
      const double angle = 0.075 * i, b[] = {0.0, 0.0};
      double       a[6] = {0.0}, facet[2];
      BrenierCell  cell;

      a[1]       = -1.0;
      a[dim]     = -sin(angle);
      a[dim + 1] = cos(angle);
      PetscCall(Integrate(BRENIER_LAW_GAUSSIAN, dim, 2, a, b, &cell, facet));
      CheckNear(cell.mass, angle / (2.0 * PETSC_PI), 1e-13, "wedge of %g: %.17g", angle, cell.mass);
      CheckNear(facet[0], 0.5 / sqrt(2.0 * PETSC_PI), 1e-13, "its side: %.17g", facet[0]);
      CheckNear(facet[1], 0.5 / sqrt(2.0 * PETSC_PI), 1e-13, "its side: %.17g", facet[1]);
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Constraints of cell i of a power diagram: <x, y_j - y_i> <= h_i - h_j; in the order of the points, without i. */
static int Constraints(int dim, int n, const double y[], const double h[], int i, double a[], double b[])
{
  int k = 0;

  for (int j = 0; j < n; ++j) {
    if (j == i) continue;
    for (int d = 0; d < dim; ++d) a[k * dim + d] = y[j * dim + d] - y[i * dim + d];
    b[k++] = h[i] - h[j];
  }
  return k;
}

/* Stein: int x dmu = - sum of normals times facets. */
static PetscErrorCode CheckStein(int dim, int k, const double a[], const double facet[], const BrenierCell *cell)
{
  PetscFunctionBeginUser;
  for (int d = 0; d < dim; ++d) {
    double sum = cell->moment[d];

    for (int j = 0; j < k; ++j) {
      double norm = 0.0;

      for (int e = 0; e < dim; ++e) norm += a[j * dim + e] * a[j * dim + e];
      sum += a[j * dim + d] / sqrt(norm) * facet[j];
    }
    CheckNear(sum, 0.0, 1e-12, "Stein: %g", sum);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static double Variance(BrenierLaw law)
{
  return law == BRENIER_LAW_GAUSSIAN ? 1.0 : law == BRENIER_LAW_CUBE ? 1.0 / 12.0 : 0.5;
}

static PetscErrorCode CheckPartition(BrenierLaw law, int dim, int n, const double y[], const double h[])
{
  static double shared[MOST][MOST], a[3 * MOST], b[MOST], facet[MOST];
  double        mass = 0.0, moment[3] = {0.0}, second[6] = {0.0};

  PetscFunctionBeginUser;
  for (int i = 0; i < n; ++i) {
    const int   k = Constraints(dim, n, y, h, i, a, b);
    BrenierCell cell;

    PetscCall(Integrate(law, dim, k, a, b, &cell, facet));
    if (law == BRENIER_LAW_GAUSSIAN) PetscCall(CheckStein(dim, k, a, facet, &cell));
    mass += cell.mass;
    for (int d = 0; d < 3; ++d) moment[d] += cell.moment[d];
    for (int m = 0; m < 6; ++m) second[m] += cell.second[m];
    for (int j = 0; j < k; ++j) shared[i][j < i ? j : j + 1] = facet[j];
  }
  CheckNear(mass, 1.0, 1e-13, "masses sum to 1 %+g", mass - 1.0);
  for (int d = 0, m = 0; d < dim; ++d) {
    CheckNear(moment[d], 0.0, 1e-12, "first moments sum to %g", moment[d]);
    for (int e = d; e < dim; ++e, ++m)
      CheckNear(second[m], d == e ? Variance(law) : 0.0, 1e-11, "second moments sum to %.17g", second[m]);
  }
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j)
      CheckNear(shared[i][j], shared[j][i], 1e-11 * (1.0 + shared[i][j]), "facet %d %d: %.17g, but %.17g", i, j,
                shared[i][j], shared[j][i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Random points, as a Voronoi diagram and with heights that empty some cells. */
static PetscErrorCode TestPartitions(BrenierLaw law, int dim)
{
  enum { POINTS = 30 };
  double y[3 * POINTS], z[POINTS], h[POINTS];

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    BrenierRandomNormal(seed, 71, 0, 3 * POINTS, y);
    BrenierRandomNormal(seed, 72, 0, POINTS, z);
    for (int i = 0; i < POINTS * dim; ++i) y[i] *= law == BRENIER_LAW_CUBE ? 0.3 : 1.0;
    for (int i = 0; i < POINTS; ++i) {
      h[i] = 0.02 * (double)(seed % 4) * z[i];
      for (int d = 0; d < dim; ++d) h[i] -= 0.5 * y[i * dim + d] * y[i * dim + d];
    }
    PetscCall(CheckPartition(law, dim, POINTS, y, h));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All cells of a lattice meet at vertices: exact ties, whose masses are products. */
static PetscErrorCode TestLattices(BrenierLaw law, int dim)
{
  double y[3 * MOST], h[MOST], a[3 * MOST], b[MOST], facet[MOST];

  PetscFunctionBeginUser;
  for (int side = 2; side <= 5; ++side)
    for (int shift = 0; shift < 2; ++shift) {
      const double pace = law == BRENIER_LAW_CUBE ? 0.125 : 0.75, from = -0.5 * pace * (side - 1) + 0.0625 * shift;
      const int    n = (int)lrint(pow(side, dim));

      for (int i = 0; i < n; ++i) {
        int code = i;

        h[i] = 0.0;
        for (int d = 0; d < dim; ++d, code /= side) {
          y[i * dim + d] = from + pace * (code % side);
          h[i] -= 0.5 * y[i * dim + d] * y[i * dim + d];
        }
      }
      PetscCall(CheckPartition(law, dim, n, y, h));
      for (int i = 0; i < n; ++i) {
        const int    k    = Constraints(dim, n, y, h, i, a, b);
        const double end  = law == BRENIER_LAW_CUBE ? 0.5 : 40.0;
        long double  mass = 1.0L, moment[3];
        int          code = i;
        BrenierCell  cell;

        for (int d = 0; d < dim; ++d, code /= side) {
          const double s = code % side == 0 ? -end : y[i * dim + d] - 0.5 * pace;

          Interval(law, s, code % side == side - 1 ? end : y[i * dim + d] + 0.5 * pace, moment);
          mass *= moment[0];
        }
        PetscCall(Integrate(law, dim, k, a, b, &cell, facet));
        CheckNear(cell.mass, mass, 1e-12L * mass, "lattice of %d: %.17g, not %.17Lg", side, cell.mass, mass);
      }
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* d mass / d b_j = facet_j / |a_j|. */
static PetscErrorCode TestDerivatives(BrenierLaw law, int dim)
{
  enum { PLANES = 8 };

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const double eps = 1e-5, scale = law == BRENIER_LAW_CUBE ? 0.3 : 1.0;
    double       a[3 * PLANES], b[PLANES], facet[PLANES], other[PLANES];
    BrenierCell  cell, more, less;

    BrenierRandomNormal(seed, 73, 0, 3 * PLANES, a);
    BrenierRandomUniform(seed, 74, 0, PLANES, b);
    for (int j = 0; j < PLANES; ++j) b[j] = scale * (b[j] - 0.05);
    PetscCall(Integrate(law, dim, PLANES, a, b, &cell, facet));
    for (int j = 0; j < PLANES; ++j) {
      const double at   = b[j];
      double       norm = 0.0;

      for (int d = 0; d < dim; ++d) norm += a[j * dim + d] * a[j * dim + d];
      b[j] = at + eps;
      PetscCall(Integrate(law, dim, PLANES, a, b, &more, other));
      b[j] = at - eps;
      PetscCall(Integrate(law, dim, PLANES, a, b, &less, other));
      b[j] = at;
      // A plane that comes in or goes out within the step moves the rate by as much as the step
      CheckNear((more.mass - less.mass) / (2.0 * eps), facet[j] / sqrt(norm), law == BRENIER_LAW_CIRCLE ? 3e-3 : 3e-5,
                "law %d, %d-D, seed %d, plane %d: %.10g, not %.10g", law, dim, (int)seed, j, facet[j] / sqrt(norm),
                (more.mass - less.mass) / (2.0 * eps));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDegenerate(BrenierLaw law, int dim)
{
  const double two[] = {1.0, 0.5, 0.0, 1.0, 0.5, 0.0, 2.0, 1.0, 0.0}, twice[] = {0.125, 0.125, 0.25};
  const double facing[] = {1.0, 0.5, 0.0, -1.0, -0.5, 0.0}, empty[] = {0.125, -0.25}, flat[] = {0.125, -0.125};
  const double nothing[] = {0.0, 0.0, 0.0, 1.0, 0.5, 0.0}, none[] = {0.0, 0.125}, all[] = {-1e-300, 0.125};
  const double infinite[] = {INFINITY, -INFINITY};
  double       a[9], facet[3], alone;
  BrenierCell  cell, single;

  PetscFunctionBeginUser;
  for (int j = 0; j < 3; ++j) memcpy(&a[j * dim], &two[3 * j], (size_t)dim * sizeof *a);
  PetscCall(Integrate(law, dim, 1, a, twice, &single, &alone));
  PetscCall(Integrate(law, dim, 3, a, twice, &cell, facet));
  PetscCheck(cell.mass == single.mass && facet[0] == alone && facet[1] == 0.0 && facet[2] == 0.0, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "the same plane three times: %g %g %g", facet[0], facet[1], facet[2]);
  for (int j = 0; j < 2; ++j) memcpy(&a[j * dim], &facing[3 * j], (size_t)dim * sizeof *a);
  for (int c = 0; c < 2; ++c) {
    PetscCall(Integrate(law, dim, 2, a, c ? flat : empty, &cell, facet));
    PetscCheck(cell.mass == 0.0 && cell.moment[0] == 0.0 && cell.second[0] == 0.0 && facet[0] == 0.0 && facet[1] == 0.0,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "nothing between two planes: %g", cell.mass);
  }
  for (int j = 0; j < 2; ++j) memcpy(&a[j * dim], &nothing[3 * j], (size_t)dim * sizeof *a);
  PetscCall(Integrate(law, dim, 2, a, none, &cell, facet));
  PetscCheck(cell.mass == single.mass && facet[0] == 0.0 && facet[1] == alone, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "a constraint that is none: %g, not %g", cell.mass, single.mass);
  PetscCall(Integrate(law, dim, 2, a, all, &cell, facet));
  PetscCheck(cell.mass == 0.0 && facet[1] == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "0 < 0: %g", cell.mass);
  PetscCall(Integrate(law, dim, 1, &a[dim], &infinite[0], &cell, facet));
  CheckNear(cell.mass, 1.0, 1e-14, "no constraint: %g", cell.mass);
  PetscCall(Integrate(law, dim, 1, &a[dim], &infinite[1], &cell, facet));
  PetscCheck(cell.mass == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "nothing is left: %g", cell.mass);
  PetscCall(Integrate(law, dim, 0, a, none, &cell, facet));
  CheckNear(cell.mass, 1.0, 1e-14, "all: %g", cell.mass);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Few integers make every kind of tie; against each other, the two halves by a plane make the whole. */
static PetscErrorCode TestTies(BrenierLaw law, int dim)
{
  enum { PLANES = 10 };

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    double      a[3 * PLANES], b[PLANES], facet[PLANES];
    BrenierCell whole, left, right;

    BrenierRandomUniform(seed, 75, 0, 3 * PLANES, a);
    BrenierRandomUniform(seed, 76, 0, PLANES, b);
    for (int i = 0; i < 3 * PLANES; ++i) a[i] = floor(5.0 * a[i]) - 2.0;
    for (int j = 0; j < PLANES; ++j) b[j] = 0.25 * floor(6.0 * b[j]);
    PetscCall(Integrate(law, dim, PLANES - 1, a, b, &whole, facet));
    a[(PLANES - 1) * dim] += a[(PLANES - 1) * dim] == 0.0; // not zero
    PetscCall(Integrate(law, dim, PLANES, a, b, &left, facet));
    for (int d = 0; d < dim; ++d) a[(PLANES - 1) * dim + d] *= -1.0;
    b[PLANES - 1] *= -1.0;
    PetscCall(Integrate(law, dim, PLANES, a, b, &right, facet));
    CheckNear(left.mass + right.mass, whole.mass, 1e-13, "%.17g + %.17g, not %.17g", left.mass, right.mass, whole.mass);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vertices satisfy what is active at them with equality and all else. */
static PetscErrorCode TestVertices(BrenierLaw law, int dim)
{
  enum { PLANES = 9 };

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    double        a[3 * PLANES], b[PLANES], facet[PLANES];
    const double *x;
    const int    *active;
    int           n, seen = 0;
    BrenierCell   cell;

    BrenierRandomNormal(seed, 77, 0, 3 * PLANES, a);
    BrenierRandomUniform(seed, 78, 0, PLANES, b);
    PetscCall(Integrate(law, dim, PLANES, a, b, &cell, facet));
    PetscCheck(!BrenierCellVertices(work, &n, &x, &active), PETSC_COMM_SELF, PETSC_ERR_MEM, "memory");
    for (int v = 0; v < n; ++v)
      for (int j = 0; j < PLANES; ++j) {
        double value = -b[j], size = 1.0;

        for (int d = 0; d < dim; ++d) value += a[j * dim + d] * x[v * dim + d];
        for (int d = 0; d < dim; ++d) size += fabs(a[j * dim + d] * x[v * dim + d]);
        PetscCheck(value <= 1e-12 * size, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a vertex %g outside", value);
        for (int i = 0; i < 3; ++i) {
          if (active[3 * v + i] != j) continue;
          CheckNear(value, 0.0, 1e-12 * size, "an active plane is off by %g", value);
          ++seen;
        }
      }
    PetscCheck(seen > 0 || cell.mass == 0.0 || cell.mass > 0.99, PETSC_COMM_SELF, PETSC_ERR_PLIB, "none active");
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Arcs against the middles of many short ones. */
static PetscErrorCode TestCircle(void)
{
  enum { PLANES = 4, STEPS = 20000 };

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    double      a[2 * PLANES], b[PLANES], facet[PLANES], sum[6] = {0.0};
    BrenierCell cell;

    BrenierRandomNormal(seed, 79, 0, 2 * PLANES, a);
    BrenierRandomUniform(seed, 80, 0, PLANES, b);
    PetscCall(Integrate(BRENIER_LAW_CIRCLE, 2, PLANES, a, b, &cell, facet));
    for (int s = 0; s < STEPS; ++s) {
      const double t = 2.0 * PETSC_PI * (s + 0.5) / STEPS, x = cos(t), y = sin(t),
                   value[] = {1.0, x, y, x * x, x * y, y * y};
      int inside           = 1;

      for (int j = 0; j < PLANES; ++j) inside = inside && a[2 * j] * x + a[2 * j + 1] * y <= b[j];
      for (int m = 0; m < 6; ++m) sum[m] += inside * value[m] / STEPS;
    }
    CheckNear(cell.mass, sum[0], 5e-4, "mass %g, not %g", cell.mass, sum[0]);
    for (int d = 0; d < 2; ++d) CheckNear(cell.moment[d], sum[1 + d], 5e-4, "moment %g", cell.moment[d]);
    for (int m = 0; m < 3; ++m) CheckNear(cell.second[m], sum[3 + m], 5e-4, "second %g", cell.second[m]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  work = BrenierCellWorkCreate();
  PetscCheck(work, PETSC_COMM_SELF, PETSC_ERR_MEM, "memory");
  PetscCall(TestHalfSpaces());
  PetscCall(TestWedges());
  PetscCall(TestBoxes());
  PetscCall(TestCube());
  for (int dim = 2; dim <= 3; ++dim)
    for (BrenierLaw law = BRENIER_LAW_GAUSSIAN; law <= (dim == 2 ? BRENIER_LAW_CIRCLE : BRENIER_LAW_CUBE); ++law) {
      PetscCall(TestPartitions(law, dim));
      PetscCall(TestDerivatives(law, dim));
      PetscCall(TestDegenerate(law, dim));
      PetscCall(TestTies(law, dim));
      PetscCall(TestVertices(law, dim));
      if (law != BRENIER_LAW_CIRCLE) PetscCall(TestLattices(law, dim));
    }
  PetscCall(TestCircle());
  BrenierCellWorkDestroy(work);
  PetscCall(PetscFinalize());
  return 0;
}
