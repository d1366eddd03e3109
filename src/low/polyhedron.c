/*
  polyhedron.c - Cells in space: each facet is the polygon that the other planes leave of its plane, in a frame whose
  origin is the foot of the perpendicular from the centre. Facets are found independently, so nothing has to agree at
  vertices where many planes meet: what they differ by there has no measure.

  Uniform: cones over the facets from a point inside, all positive. Gaussian: cones from the origin (gauss.c), or, for
  cells that are small or that those lose too many digits of, product rules on tetrahedra or sections.
*/
#include "kernel/pi.h"
#include "low/space.h"
#include "low/work.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Cells whose exponent changes by less are summed without cancellation from the start. */
static const double small = 0.5;

/* Cones whose sum is below this share of their terms have fewer than 13 digits. */
static const double least_share = 2e-2;

/* Cells over which the exponent changes by more are summed by sections instead of tetrahedra. */
static const double compact = 2.5;

/* Beyond it a density is less than 1e-20 of what it is at the nearest point: r^2 - nearest^2. */
static const double reach = 92.0;

/* Nearer to the border of the cell the step at the origin is left in the cones. */
static const double near = 0.5;

/* Sine of an angle between planes that is rounding. */
static const double parallel = 1e-12;

/* Cuts the polygon of facet j by plane p; 0 when nothing is left. */
static int CutFacet(BrenierCellWork *work, int j, int p, const BrenierFacet *facet)
{
  const BrenierPlane *own = &work->plane[j], *other = &work->plane[p];
  const double        size = work->polygon[0].size, cosine = Dot(own->n, other->n), r = other->h - own->h * cosine;
  const double        gx = Dot(facet->t1, other->n), gy = Dot(facet->t2, other->n), g2 = gx * gx + gy * gy;

  if (g2 < parallel * parallel) {
    const double tolerance = 8.0 * DBL_EPSILON * (size + fabs(own->h) + fabs(other->h));

    return r > tolerance || (r >= -tolerance && cosine > 0.0 && own->id < other->id);
  }
  if (r > 0.0 && r * r > 2.0 * g2 * size * size) return 1;
  const double scale = 1.0 / sqrt(g2);

  BrenierPolygonCut(work->polygon, gx * scale, gy * scale, r * scale, p);
  return work->polygon[0].n > 0;
}

static int ReservePool(BrenierCellWork *work, int n)
{
  void *uv = work->uv, *at = work->at, *edge = work->pool_edge;
  int   same[3] = {work->pool_capacity, work->pool_capacity, work->pool_capacity}, failed;

  failed          = BrenierCellReserve(&uv, &same[0], n, 2 * sizeof *work->uv);
  work->uv        = uv;
  failed          = BrenierCellReserve(&at, &same[1], n, 3 * sizeof *work->at) || failed;
  work->at        = at;
  failed          = BrenierCellReserve(&edge, &same[2], n, sizeof *work->pool_edge) || failed;
  work->pool_edge = edge;
  if (!failed) work->pool_capacity = same[0];
  return failed;
}

static int AppendFacet(BrenierCellWork *work, BrenierFacet *facet)
{
  const BrenierPolygon *p     = &work->polygon[0];
  const BrenierPlane   *plane = &work->plane[facet->plane];
  void                 *list  = work->facet;

  if (BrenierCellReserve(&list, &work->facet_capacity, work->facets + 1, sizeof *facet)) return -1;
  work->facet = list;
  if (ReservePool(work, work->pool + p->n)) return -1;
  facet->start = work->pool;
  facet->n     = p->n;
  memcpy(&work->uv[2 * work->pool], p->x, 2 * (size_t)p->n * sizeof *p->x);
  memcpy(&work->pool_edge[work->pool], p->edge, (size_t)p->n * sizeof *p->edge);
  for (int v = 0; v < p->n; ++v)
    for (int d = 0; d < 3; ++d)
      work->at[3 * (work->pool + v) + d] =
          plane->h * plane->n[d] + p->x[2 * v] * facet->t1[d] + p->x[2 * v + 1] * facet->t2[d];
  work->pool += p->n;
  work->facet[work->facets++] = *facet;
  return 0;
}

/* All facets within a cube about the centre, or a ball that it holds. */
static int FindFacets(BrenierCellWork *work, double half)
{
  const double reached = 1.8 * half; // sqrt 3 half is as far as the square goes in the farthest plane

  work->facets = work->pool = 0;
  for (int j = 0; j < work->planes; ++j) {
    BrenierFacet facet = {.plane = j};
    int          left  = fabs(work->plane[j].h) <= half;

    if (!left) continue;
    BrenierFrame(work->plane[j].n, facet.t1, facet.t2);
    BrenierPolygonSquare(&work->polygon[0], half);
    for (int p = 0; p < work->planes && left && work->plane[p].h <= reached; ++p)
      if (p != j) left = CutFacet(work, j, p, &facet);
    if (left && AppendFacet(work, &facet)) return -1;
  }
  return 0;
}

/* The mean of the facets' vertices and the radius about it. */
static double Ball(const BrenierCellWork *work, double mean[3])
{
  double most = 0.0;

  memset(mean, 0, 3 * sizeof *mean);
  for (int v = 0; v < work->pool; ++v)
    for (int d = 0; d < 3; ++d) mean[d] += work->at[3 * v + d] / work->pool;
  for (int v = 0; v < work->pool; ++v) {
    const double *x = &work->at[3 * v];

    most = fmax(most, pow(x[0] - mean[0], 2) + pow(x[1] - mean[1], 2) + pow(x[2] - mean[2], 2));
  }
  return sqrt(most);
}

/* Adds the cone from the point over a facet with moments flat about the point f of its plane. */
static void AddCone(const BrenierFacet *facet, double height, const BrenierFlat *flat, const double f[3],
                    BrenierCell *cell)
{
  double first[3];

  for (int d = 0; d < 3; ++d) first[d] = flat->first[0] * facet->t1[d] + flat->first[1] * facet->t2[d];
  cell->mass += height * flat->mass / 3.0;
  for (int d = 0; d < 3; ++d) cell->moment[d] += height / 4.0 * (flat->mass * f[d] + first[d]);
  AddProduct(height / 5.0 * flat->mass, f, f, cell->second);
  AddProduct(height / 5.0 * 2.0, f, first, cell->second);
  AddProduct(height / 5.0 * flat->second[0], facet->t1, facet->t1, cell->second);
  AddProduct(height / 5.0 * 2.0 * flat->second[1], facet->t1, facet->t2, cell->second);
  AddProduct(height / 5.0 * flat->second[2], facet->t2, facet->t2, cell->second);
}

static void UniformCell(BrenierCellWork *work, const double point[3], BrenierCell *cell, double measure[])
{
  double place[3];

  for (int i = 0; i < work->facets; ++i) {
    const BrenierFacet *facet = &work->facet[i];
    const BrenierPlane *plane = &work->plane[facet->plane];
    const int           j     = BrenierCellConstraint(work, facet->plane);
    double              mean[2], f[3];
    BrenierFlat         flat;

    BrenierPolygonMean(facet->n, &work->uv[2 * facet->start], mean);
    BrenierPolygonUniform(facet->n, &work->uv[2 * facet->start], mean, &flat);
    for (int d = 0; d < 3; ++d)
      f[d] = plane->h * plane->n[d] + mean[0] * facet->t1[d] + mean[1] * facet->t2[d] - point[d];
    AddCone(facet, fmax(0.0, plane->h - Dot(plane->n, point)), &flat, f, cell);
    if (j >= 0) measure[j] += flat.mass;
  }
  for (int d = 0; d < 3; ++d) place[d] = work->centre[d] + point[d];
  Shift(place, cell);
}

/* Adds a facet to the cones and to the moments, by the identities of Stein. */
static void GaussFacet(BrenierCellWork *work, const BrenierFacet *facet, int with_cones, BrenierCone *cones,
                       BrenierCell *cell, double measure[])
{
  const BrenierPlane *plane     = &work->plane[facet->plane];
  const int           j         = BrenierCellConstraint(work, facet->plane);
  const double        height    = plane->h + Dot(plane->n, work->centre);
  const double        centre[2] = {Dot(facet->t1, work->centre), Dot(facet->t2, work->centre)};
  const double        density   = BrenierNormalDensity(height);
  double              x[3];
  BrenierCone         cone;
  BrenierFlat         flat;

  BrenierGaussPolygon(facet->n, &work->uv[2 * facet->start], centre, work->edge, &flat, height,
                      with_cones ? &cone : NULL);
  if (with_cones) {
    cones->sum += cone.sum;
    cones->size += cone.size;
    cones->solid_angle += cone.solid_angle;
    cones->gap = fmin(cones->gap, cone.gap);
  }
  if (j >= 0) measure[j] += density * flat.mass;
  for (int d = 0; d < 3; ++d)
    x[d] = -density * (height * plane->n[d] * flat.mass + flat.first[0] * facet->t1[d] + flat.first[1] * facet->t2[d]);
  for (int d = 0; d < 3; ++d) cell->moment[d] -= density * flat.mass * plane->n[d];
  AddProduct(1.0, plane->n, x, cell->second);
}

static int Inside(const BrenierCellWork *work)
{
  for (int p = 0; p < work->planes; ++p)
    if (work->plane[p].h + Dot(work->plane[p].n, work->centre) < 0.0) return 0;
  return 1;
}

static int GaussCell(BrenierCellWork *work, const double point[3], double radius, BrenierCell *cell, double measure[])
{
  const double place[3]   = {work->centre[0] + point[0], work->centre[1] + point[1], work->centre[2] + point[2]};
  const double pace       = fmax(1.0, sqrt(Dot(place, place)) + radius);
  const int    with_cones = radius * pace >= small;
  BrenierCone  cones      = {.gap = HUGE_VAL};
  double       start;

  for (int i = 0; i < work->facets; ++i) GaussFacet(work, &work->facet[i], with_cones, &cones, cell, measure);
  start      = cones.gap < near ? cones.solid_angle / (4.0 * brenier_pi) : Inside(work);
  cell->mass = start - cones.sum;
  if (!with_cones || cell->mass < least_share * (cones.size + fabs(start))) {
    const double far = fmin(sqrt(Dot(place, place)) + radius, sqrt(cones.gap * cones.gap + reach));

    if (radius * pace > compact) return BrenierGaussSections(work, sqrt(Dot(point, point)) + radius, far, cell);
    BrenierGaussTetrahedra(work, point, pace, cell);
    return 0;
  }
  cell->second[0] += cell->mass;
  cell->second[3] += cell->mass;
  cell->second[5] += cell->mass;
  return 0;
}

static int StoreVertices(BrenierCellWork *work)
{
  if (BrenierCellReserveVertices(work, work->pool)) return -1;
  work->vertices = work->pool;
  for (int i = 0; i < work->facets; ++i)
    for (int v = 0, n = work->facet[i].n; v < n; ++v) {
      const int  at = work->facet[i].start + v, before = work->facet[i].start + (v + n - 1) % n;
      int *const active = &work->active[3 * at];

      for (int d = 0; d < 3; ++d) work->vertex[3 * at + d] = work->centre[d] + work->at[3 * at + d];
      active[0] = BrenierCellConstraint(work, work->facet[i].plane);
      active[1] = BrenierCellConstraint(work, work->pool_edge[before]);
      active[2] = BrenierCellConstraint(work, work->pool_edge[at]);
    }
  return 0;
}

int BrenierCellPolyhedron(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell,
                          double facet[])
{
  const double half = BrenierLawHalf(law), small_cell = law == BRENIER_LAW_CUBE ? 0.02 : 0.3;
  double       point[3], radius;

  if (FindFacets(work, 1.8 * half)) return -1;
  if (work->facets == 0) return 0;
  radius = Ball(work, point);
  if (radius < small_cell) { // again about its own centre, so that what the first cut starts from does not show
    BrenierCellMoveCentre(law, a, b, point, work);
    if (FindFacets(work, 2.0 * radius + 1e-13 * half)) return -1;
    if (work->facets == 0) return 0;
    radius = Ball(work, point);
  }
  if (law == BRENIER_LAW_CUBE) UniformCell(work, point, cell, facet);
  else if (GaussCell(work, point, radius, cell, facet)) return -1;
  if (!(cell->mass > 0.0)) {
    memset(cell, 0, sizeof *cell);
    for (int j = 0; j < work->k; ++j) facet[j] = 0.0;
    return 0;
  }
  return StoreVertices(work);
}
