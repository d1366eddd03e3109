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
} Frame;

/* The direction to the vertex farthest from the first. */
static void ChooseFrame(const BrenierCellWork *work, Frame *frame)
{
  double most = 0.0;

  *frame = (Frame){.axis = {1.0, 0.0, 0.0}};
  for (int v = 1; v < work->pool; ++v) {
    double to[3], length;

    for (int d = 0; d < 3; ++d) to[d] = work->at[3 * v + d] - work->at[d];
    length = sqrt(Dot(to, to));
    if (length <= most) continue;
    most = length;
    for (int d = 0; d < 3; ++d) frame->axis[d] = to[d] / length;
  }
  BrenierFrame(frame->axis, frame->t1, frame->t2);
  frame->height    = Dot(frame->axis, work->centre);
  frame->centre[0] = Dot(frame->t1, work->centre);
  frame->centre[1] = Dot(frame->t2, work->centre);
}

/* The section at z into the work's polygon; 0 when there is none. */
static int Section(BrenierCellWork *work, const Frame *frame, double z, double half)
{
  BrenierPolygonSquare(&work->polygon[0], half);
  for (int i = 0; i < work->facets && work->polygon[0].n > 0; ++i) {
    const int           p     = work->facet[i].plane;
    const BrenierPlane *plane = &work->plane[p];
    const double        gx = Dot(frame->t1, plane->n), gy = Dot(frame->t2, plane->n), g = sqrt(gx * gx + gy * gy);
    const double        r = plane->h - z * Dot(frame->axis, plane->n);

    if (g > 4.0 * DBL_EPSILON) BrenierPolygonCut(work->polygon, gx / g, gy / g, r / g, p);
    else if (r < 0.0) return 0;
  }
  return work->polygon[0].n > 0;
}

/* How fast the section's vertices move with z: the longest way over the interval, no longer than most. */
static double Movement(BrenierCellWork *work, const Frame *frame, double from, double to, double half, double most)
{
  const BrenierPolygon *polygon = &work->polygon[0];
  double                longest = to - from;

  if (!Section(work, frame, 0.5 * (from + to), half)) return longest;
  for (int v = 0; v < polygon->n; ++v) {
    const int     before = polygon->edge[v > 0 ? v - 1 : polygon->n - 1], after = polygon->edge[v];
    const double *p = work->plane[before < 0 ? 0 : before].n, *q = work->plane[after < 0 ? 0 : after].n;
    const double  px = Dot(frame->t1, p), py = Dot(frame->t2, p), pz = Dot(frame->axis, p);
    const double  qx = Dot(frame->t1, q), qy = Dot(frame->t2, q), qz = Dot(frame->axis, q);
    const double  way = (to - from) * hypot(py * qz - qy * pz, qx * pz - px * qz), sine = fabs(px * qy - py * qx);

    longest = fmax(longest, way < most * sine ? way / sine : most);
  }
  return longest;
}

/* Adds a section with its weight; moments about the density's centre. */
static void AddSection(BrenierCellWork *work, const Frame *frame, double z, double weight, BrenierCell *cell)
{
  const double height = frame->height + z, share = weight * BrenierNormalDensity(height);
  double       first[3];
  BrenierFlat  flat;

  BrenierGaussPolygon(work->polygon[0].n, work->polygon[0].x, frame->centre, work->edge, &flat, 0.0, NULL);
  for (int d = 0; d < 3; ++d) first[d] = share * (flat.first[0] * frame->t1[d] + flat.first[1] * frame->t2[d]);
  cell->mass += share * flat.mass;
  for (int d = 0; d < 3; ++d) cell->moment[d] += share * flat.mass * height * frame->axis[d] + first[d];
  AddProduct(share * flat.mass * height * height, frame->axis, frame->axis, cell->second);
  AddProduct(2.0 * height, frame->axis, first, cell->second);
  AddProduct(share * flat.second[0], frame->t1, frame->t1, cell->second);
  AddProduct(share * 2.0 * flat.second[1], frame->t1, frame->t2, cell->second);
  AddProduct(share * flat.second[2], frame->t2, frame->t2, cell->second);
}

static int CompareHeights(const void *left, const void *right)
{
  const double l = *(const double *)left, r = *(const double *)right;

  return (l > r) - (l < r);
}

/* Heights of the vertices, ascending. */
static double *Heights(const BrenierCellWork *work, const Frame *frame)
{
  double *z = malloc(((size_t)work->pool + 1) * sizeof *z);

  if (!z) return NULL;
  for (int v = 0; v < work->pool; ++v) z[v] = Dot(frame->axis, &work->at[3 * v]);
  qsort(z, (size_t)work->pool, sizeof *z, CompareHeights);
  return z;
}

/* The cell is within size of the local origin; what is farther than far from the density's centre does not count. */
int BrenierGaussSections(BrenierCellWork *work, double size, double far, BrenierCell *cell)
{
  enum { MOST = 256 };
  Frame   frame;
  double *z;

  memset(cell, 0, sizeof *cell);
  ChooseFrame(work, &frame);
  z = Heights(work, &frame);
  if (!z) return -1;
  for (int v = 1; v < work->pool; ++v) {
    const double       from = fmax(z[v - 1], -far - frame.height), to = fmin(z[v], far - frame.height);
    int                pieces;
    const BrenierRule *rule;
    double             step;

    if (to - from <= 1e-14 * size) continue;
    rule = BrenierLegendre(Movement(work, &frame, from, to, 2.0 * size, 2.0 * far) * fmax(1.0, far), MOST, &pieces);
    step = (to - from) / pieces;
    for (int i = 0; i < rule->n * pieces; ++i) {
      const double at = from + step * (i / rule->n + rule->x[i % rule->n]);

      if (Section(work, &frame, at, 2.0 * size)) AddSection(work, &frame, at, step * rule->w[i % rule->n], cell);
    }
  }
  free(z);
  return 0;
}
