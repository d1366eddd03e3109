/*
  sections.c - A polyhedron under the Gaussian density of space without cancellation, however thin: its plane sections
  across its longest direction, each exactly (gauss.c), and Gauss's rule between the heights of the vertices.
*/
#include "low/legendre.h"
#include "low/space.h"
#include "low/work.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A direction, the frame across it, and the centre of the density seen from the local origin. */
typedef struct {
  double axis[3], t1[3], t2[3], height, centre[2];
} Sight;

/* The direction to the vertex farthest from the first. */
static void Look(const BrenierCellWork *work, Sight *sight)
{
  double most = 0.0;

  *sight = (Sight){.axis = {1.0, 0.0, 0.0}};
  for (int v = 1; v < work->pool; ++v) {
    double to[3], length;

    for (int d = 0; d < 3; ++d) to[d] = work->at[3 * v + d] - work->at[d];
    length = sqrt(Dot(to, to));
    if (length <= most) continue;
    most = length;
    for (int d = 0; d < 3; ++d) sight->axis[d] = to[d] / length;
  }
  BrenierFrame(sight->axis, sight->t1, sight->t2);
  sight->height    = Dot(sight->axis, work->centre);
  sight->centre[0] = Dot(sight->t1, work->centre);
  sight->centre[1] = Dot(sight->t2, work->centre);
}

/* The section at z into the work's polygon; 0 when there is none. */
static int Section(BrenierCellWork *work, const Sight *sight, double z, double half)
{
  BrenierPolygonSquare(&work->polygon[0], half);
  for (int i = 0; i < work->facets && work->polygon[0].n > 0; ++i) {
    const int           p     = work->facet[i].plane;
    const BrenierPlane *plane = &work->plane[p];
    const double        gx = Dot(sight->t1, plane->n), gy = Dot(sight->t2, plane->n), g = sqrt(gx * gx + gy * gy);
    const double        r = plane->h - z * Dot(sight->axis, plane->n);

    if (g > 4.0 * DBL_EPSILON) BrenierPolygonCut(work->polygon, gx / g, gy / g, r / g, p);
    else if (r < 0.0) return 0;
  }
  return work->polygon[0].n > 0;
}

/* How fast the section's vertices move with z: the longest way over the interval, no longer than most. */
static double Movement(BrenierCellWork *work, const Sight *sight, double from, double to, double half, double most)
{
  const BrenierPolygon *polygon = &work->polygon[0];
  double                longest = to - from;

  if (!Section(work, sight, 0.5 * (from + to), half)) return longest;
  for (int v = 0; v < polygon->n; ++v) {
    const int     before = polygon->edge[v > 0 ? v - 1 : polygon->n - 1], after = polygon->edge[v];
    const double *p = work->plane[before < 0 ? 0 : before].n, *q = work->plane[after < 0 ? 0 : after].n;
    const double  px = Dot(sight->t1, p), py = Dot(sight->t2, p), pz = Dot(sight->axis, p);
    const double  qx = Dot(sight->t1, q), qy = Dot(sight->t2, q), qz = Dot(sight->axis, q);
    const double  way = (to - from) * hypot(py * qz - qy * pz, qx * pz - px * qz), sine = fabs(px * qy - py * qx);

    longest = fmax(longest, way < most * sine ? way / sine : most);
  }
  return longest;
}

/* Adds a section with its weight; moments about the density's centre. */
static void AddSection(BrenierCellWork *work, const Sight *sight, double z, double weight, BrenierCell *cell)
{
  const double height = sight->height + z, share = weight * BrenierNormalDensity(height);
  double       first[3];
  BrenierFlat  flat;

  BrenierGaussPolygon(work->polygon[0].n, work->polygon[0].x, sight->centre, work->edge, &flat, 0.0, NULL);
  for (int d = 0; d < 3; ++d) first[d] = share * (flat.first[0] * sight->t1[d] + flat.first[1] * sight->t2[d]);
  cell->mass += share * flat.mass;
  for (int d = 0; d < 3; ++d) cell->moment[d] += share * flat.mass * height * sight->axis[d] + first[d];
  AddProduct(share * flat.mass * height * height, sight->axis, sight->axis, cell->second);
  AddProduct(2.0 * height, sight->axis, first, cell->second);
  AddProduct(share * flat.second[0], sight->t1, sight->t1, cell->second);
  AddProduct(share * 2.0 * flat.second[1], sight->t1, sight->t2, cell->second);
  AddProduct(share * flat.second[2], sight->t2, sight->t2, cell->second);
}

static int CompareHeights(const void *left, const void *right)
{
  const double l = *(const double *)left, r = *(const double *)right;

  return (l > r) - (l < r);
}

/* Heights of the vertices, ascending. */
static double *Heights(const BrenierCellWork *work, const Sight *sight)
{
  double *z = malloc(((size_t)work->pool + 1) * sizeof *z);

  if (!z) return NULL;
  for (int v = 0; v < work->pool; ++v) z[v] = Dot(sight->axis, &work->at[3 * v]);
  qsort(z, (size_t)work->pool, sizeof *z, CompareHeights);
  return z;
}

/* The cell is within size of the local origin; what is farther than far from the density's centre does not count. */
int BrenierGaussSections(BrenierCellWork *work, double size, double far, BrenierCell *cell)
{
  enum { MOST = 256 };
  Sight   sight;
  double *z;

  memset(cell, 0, sizeof *cell);
  Look(work, &sight);
  z = Heights(work, &sight);
  if (!z) return -1;
  for (int v = 1; v < work->pool; ++v) {
    const double       from = fmax(z[v - 1], -far - sight.height), to = fmin(z[v], far - sight.height);
    int                pieces;
    const BrenierRule *rule;
    double             step;

    if (to - from <= 1e-14 * size) continue;
    rule = BrenierLegendre(Movement(work, &sight, from, to, 2.0 * size, 2.0 * far) * fmax(1.0, far), MOST, &pieces);
    step = (to - from) / pieces;
    for (int i = 0; i < rule->n * pieces; ++i) {
      const double at = from + step * (i / rule->n + rule->x[i % rule->n]);

      if (Section(work, &sight, at, 2.0 * size)) AddSection(work, &sight, at, step * rule->w[i % rule->n], cell);
    }
  }
  free(z);
  return 0;
}
