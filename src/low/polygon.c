/*
  polygon.c - Convex polygons: cut by half-planes, and moments of the uniform density.

  A cut removes one run of vertices, so that rounding cannot break the polygon in two. Vertices within the tolerance of
  the line are on it: a line that only touches changes nothing, and of coinciding lines the first keeps the edge.
*/
#include "low/work.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Rounding of a distance, relative to the largest coordinate: two products, two sums and the vertex itself. */
static const double on_line = 8.0 * DBL_EPSILON;

int BrenierPolygonReserve(BrenierPolygon *polygon, int n)
{
  const size_t capacity = 2 * (size_t)n;
  double      *x, *s;
  int         *edge;

  if (n <= polygon->capacity) return 0;
  x = realloc(polygon->x, 2 * capacity * sizeof *x);
  if (x) polygon->x = x;
  s = realloc(polygon->s, capacity * sizeof *s);
  if (s) polygon->s = s;
  edge = realloc(polygon->edge, capacity * sizeof *edge);
  if (edge) polygon->edge = edge;
  if (!x || !s || !edge) return -1;
  polygon->capacity = (int)capacity;
  return 0;
}

void BrenierPolygonSquare(BrenierPolygon *polygon, double half)
{
  const double corner[] = {-half, -half, half, -half, half, half, -half, half};

  for (int v = 0; v < 4; ++v) {
    polygon->x[2 * v]     = corner[2 * v];
    polygon->x[2 * v + 1] = corner[2 * v + 1];
    polygon->edge[v]      = -1;
  }
  polygon->n    = 4;
  polygon->size = half;
}

static int Before(int n, int v)
{
  return v > 0 ? v - 1 : n - 1;
}

static int After(int n, int v)
{
  return v + 1 < n ? v + 1 : 0;
}

/* Distances from the line; the vertex farthest outside. */
static int Distances(BrenierPolygon *p, double gx, double gy, double r)
{
  int far = 0;

  for (int v = 0; v < p->n; ++v) {
    p->s[v] = gx * p->x[2 * v] + gy * p->x[2 * v + 1] - r;
    if (p->s[v] > p->s[far]) far = v;
  }
  return far;
}

static void Append(BrenierPolygon *p, double x, double y, int edge)
{
  p->x[2 * p->n]     = x;
  p->x[2 * p->n + 1] = y;
  p->edge[p->n++]    = edge;
  if (fabs(x) > p->size) p->size = fabs(x);
  if (fabs(y) > p->size) p->size = fabs(y);
}

/* The point of the edge between an inner and an outer vertex that is on the line. */
static void AppendCrossing(BrenierPolygon *to, const BrenierPolygon *p, int in, int out, int edge)
{
  const double t = p->s[in] / (p->s[in] - p->s[out]);

  Append(to, p->x[2 * in] + t * (p->x[2 * out] - p->x[2 * in]),
         p->x[2 * in + 1] + t * (p->x[2 * out + 1] - p->x[2 * in + 1]), edge);
}

/* Cuts pair[0] by gx x + gy y <= r, where (gx, gy) is a unit vector; pair[1] is overwritten. Both hold one vertex more
   than there are. */
void BrenierPolygonCut(BrenierPolygon pair[2], double gx, double gy, double r, int plane)
{
  BrenierPolygon *p = &pair[0], *to = &pair[1], swap;
  const double    tolerance = on_line * (p->size + fabs(r));
  const int       n = p->n, far = n ? Distances(p, gx, gy, r) : 0;
  int             first, last, count;

  if (n == 0 || p->s[far] <= tolerance) return;
  for (first = far, count = 1; count < n && p->s[Before(n, first)] > tolerance; ++count) first = Before(n, first);
  for (last = far; count < n && p->s[After(n, last)] > tolerance; ++count) last = After(n, last);
  to->n    = 0;
  to->size = 0.0;
  if (count < n) {
    const int before = Before(n, first), after = After(n, last);

    for (int v = after, left = n - count; left > 0; --left, v = After(n, v))
      Append(to, p->x[2 * v], p->x[2 * v + 1], p->edge[v]);
    if (p->s[before] >= -tolerance) to->edge[to->n - 1] = plane;
    else AppendCrossing(to, p, before, first, plane);
    if (p->s[after] < -tolerance) AppendCrossing(to, p, after, last, p->edge[last]);
  }
  if (to->n < 3) to->n = 0; // it touches an edge or a vertex from outside
  swap    = pair[0];
  pair[0] = pair[1];
  pair[1] = swap;
}

void BrenierPolygonMean(int n, const double x[], double mean[2])
{
  mean[0] = mean[1] = 0.0;
  for (int v = 0; v < n; ++v) {
    mean[0] += x[2 * v] / n;
    mean[1] += x[2 * v + 1] / n;
  }
}

double BrenierPolygonRadius(int n, const double x[], const double about[2])
{
  double most = 0.0;

  for (int v = 0; v < n; ++v) {
    const double dx = x[2 * v] - about[0], dy = x[2 * v + 1] - about[1];

    most = fmax(most, dx * dx + dy * dy);
  }
  return sqrt(most);
}

/* Area and moments about a point; from a point inside all triangles are positive. */
void BrenierPolygonUniform(int n, const double x[], const double about[2], BrenierFlat *flat)
{
  *flat = (BrenierFlat){0.0, {0.0}, {0.0}};
  for (int v = 0; v < n; ++v) {
    const int    w  = v + 1 < n ? v + 1 : 0;
    const double px = x[2 * v] - about[0], py = x[2 * v + 1] - about[1];
    const double qx = x[2 * w] - about[0], qy = x[2 * w + 1] - about[1];
    const double area = 0.5 * fmax(px * qy - py * qx, 0.0);

    flat->mass += area;
    flat->first[0] += area * (px + qx) / 3.0;
    flat->first[1] += area * (py + qy) / 3.0;
    flat->second[0] += area * (px * px + px * qx + qx * qx) / 6.0;
    flat->second[1] += area * (2.0 * px * py + px * qy + qx * py + 2.0 * qx * qy) / 12.0;
    flat->second[2] += area * (py * py + py * qy + qy * qy) / 6.0;
  }
}

/* Moments from about the centre to about the origin. */
void BrenierFlatShift(const double centre[2], BrenierFlat *flat)
{
  const double *c = centre, *f = flat->first;

  flat->second[0] += 2.0 * c[0] * f[0] + c[0] * c[0] * flat->mass;
  flat->second[1] += c[0] * f[1] + c[1] * f[0] + c[0] * c[1] * flat->mass;
  flat->second[2] += 2.0 * c[1] * f[1] + c[1] * c[1] * flat->mass;
  flat->first[0] += c[0] * flat->mass;
  flat->first[1] += c[1] * flat->mass;
}
