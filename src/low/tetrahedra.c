/*
  tetrahedra.c - A polyhedron under the Gaussian density of space without cancellation: tetrahedra from a point inside
  over the triangles of the facets, by product rules whose terms are all positive: along the ray from the point, and
  over the triangle from one of its corners.
*/
#include "kernel/pi.h"
#include "low/exponential.h"
#include "low/legendre.h"
#include "low/space.h"
#include "low/work.h"

#include <math.h>
#include <string.h>

/* A tetrahedron from the point over the triangle corner[0..2], all relative to it; origin is the point's place. */
typedef struct {
  double origin[3], corner[3][3], pace;
} Tetrahedron;

enum { RAYS = 128, RAY_LANES = 4, MOMENTS = 10 };

/* Rays from the point with their weights, the exponent -s (slope + s bend) along them, and their integrals. */
typedef struct {
  int    n;
  double x[3][RAYS], weight[RAYS], slope[RAYS], bend[RAYS], exponent[RAYS], e[RAYS], sum[3][RAYS];
} Rays;

/* sum[m] = int s^(2 + m) e^... ds over each ray. */
static void IntegrateRays(Rays *rays, const BrenierRule *rule, int pieces)
{
  const int n = rays->n;

  memset(rays->sum, 0, sizeof rays->sum);
  for (int node = 0; node < rule->n * pieces; ++node) {
    const double s = (node / rule->n + rule->x[node % rule->n]) / pieces, w = rule->w[node % rule->n] / pieces * s * s;

    for (int i = 0; i < n; ++i) rays->exponent[i] = -s * (rays->slope[i] + s * rays->bend[i]);
    BrenierExponentials(n, rays->exponent, rays->e);
    for (int i = 0; i < n; ++i) rays->sum[0][i] += w * rays->e[i];
    for (int i = 0; i < n; ++i) rays->sum[1][i] += w * s * rays->e[i];
    for (int i = 0; i < n; ++i) rays->sum[2][i] += w * s * s * rays->e[i];
  }
}

/* Adds the integrals of all rays, in lanes, and empties the list. */
static void FlushRays(Rays *rays, const BrenierRule *rule, int pieces, BrenierCell *cell)
{
  double part[MOMENTS][RAY_LANES] = {{0.0}}, sum[MOMENTS];

  while (rays->n % RAY_LANES) { // what fills the last lanes weighs nothing
    const int i = rays->n++;

    rays->weight[i] = rays->slope[i] = rays->bend[i] = rays->x[0][i] = rays->x[1][i] = rays->x[2][i] = 0.0;
  }
  IntegrateRays(rays, rule, pieces);
  for (int i = 0; i < rays->n; i += RAY_LANES)
    for (int l = 0; l < RAY_LANES; ++l) {
      const double x = rays->x[0][i + l], y = rays->x[1][i + l], z = rays->x[2][i + l], w = rays->weight[i + l];
      const double first = w * rays->sum[1][i + l], second = w * rays->sum[2][i + l];

      part[0][l] += w * rays->sum[0][i + l];
      part[1][l] += first * x;
      part[2][l] += first * y;
      part[3][l] += first * z;
      part[4][l] += second * x * x;
      part[5][l] += second * x * y;
      part[6][l] += second * x * z;
      part[7][l] += second * y * y;
      part[8][l] += second * y * z;
      part[9][l] += second * z * z;
    }
  for (int m = 0; m < MOMENTS; ++m) sum[m] = (part[m][0] + part[m][2]) + (part[m][1] + part[m][3]);
  cell->mass += sum[0];
  for (int d = 0; d < 3; ++d) cell->moment[d] += sum[1 + d];
  for (int m = 0; m < 6; ++m) cell->second[m] += sum[4 + m];
  rays->n = 0;
}

static void AddRay(const double origin[3], const double ray[3], double weight, Rays *rays)
{
  const int i = rays->n++;

  for (int d = 0; d < 3; ++d) rays->x[d][i] = ray[d];
  rays->weight[i] = weight;
  rays->slope[i]  = Dot(origin, ray);
  rays->bend[i]   = 0.5 * Dot(ray, ray);
}

static double Distance(const double x[3], const double y[3])
{
  const double z[3] = {x[0] - y[0], x[1] - y[1], x[2] - y[2]};

  return sqrt(Dot(z, z));
}

/* Product rule: along the ray, from corner 0 to the opposite side, along that side. */
static void AddTetrahedron(const Tetrahedron *t, Rays *rays, BrenierCell *cell)
{
  enum { MOST = 8 };
  const double(*c)[3] = t->corner;
  const double far    = sqrt(fmax(Dot(c[0], c[0]), fmax(Dot(c[1], c[1]), Dot(c[2], c[2]))));
  const double across = fmax(Distance(c[0], c[1]), Distance(c[0], c[2]));
  double       normal[3], volume;
  int          pieces[3];

  const BrenierRule *along = BrenierLegendre(far * t->pace, MOST, &pieces[0]);
  const BrenierRule *to    = BrenierLegendre(across * t->pace, MOST, &pieces[1]);
  const BrenierRule *side  = BrenierLegendre(Distance(c[1], c[2]) * t->pace, MOST, &pieces[2]);

  Cross(c[1], c[2], normal);
  volume = Dot(c[0], normal) / (pieces[1] * pieces[2]);
  if (volume <= 0.0) return;
  for (int u = 0; u < to->n * pieces[1]; ++u)
    for (int v = 0; v < side->n * pieces[2]; ++v) {
      const double p = (u / to->n + to->x[u % to->n]) / pieces[1], q = (v / side->n + side->x[v % side->n]) / pieces[2];
      double       ray[3];

      for (int d = 0; d < 3; ++d) ray[d] = (1.0 - p) * c[0][d] + p * ((1.0 - q) * c[1][d] + q * c[2][d]);
      if (rays->n == RAYS) FlushRays(rays, along, pieces[0], cell);
      AddRay(t->origin, ray, to->w[u % to->n] * side->w[v % side->n] * p * volume, rays);
    }
  FlushRays(rays, along, pieces[0], cell);
}

void BrenierGaussTetrahedra(const BrenierCellWork *work, const double point[3], double pace, BrenierCell *cell)
{
  Tetrahedron t = {.pace = pace};
  Rays        rays;
  double      density;

  rays.n = 0;

  memset(cell, 0, sizeof *cell);
  for (int d = 0; d < 3; ++d) t.origin[d] = work->centre[d] + point[d];
  for (int i = 0; i < work->facets; ++i)
    for (int v = 1; v + 1 < work->facet[i].n; ++v) {
      const int corner[3] = {work->facet[i].start, work->facet[i].start + v, work->facet[i].start + v + 1};

      for (int c = 0; c < 3; ++c)
        for (int d = 0; d < 3; ++d) t.corner[c][d] = work->at[3 * corner[c] + d] - point[d];
      AddTetrahedron(&t, &rays, cell);
    }
  density = exp(-0.5 * Dot(t.origin, t.origin)) / pow(2.0 * brenier_pi, 1.5);
  cell->mass *= density;
  for (int d = 0; d < 3; ++d) cell->moment[d] *= density;
  for (int m = 0; m < 6; ++m) cell->second[m] *= density;
  Shift(t.origin, cell);
}
