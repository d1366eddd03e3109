/* planar.c - Cells in the plane: the domain's square, cut by one line after the other. */
#include "low/work.h"

#include <math.h>

/* What is smaller is cut out again about its own centre; so that what the first cut starts from does not show. */
static double SmallCell(BrenierLaw law)
{
  return law == BRENIER_LAW_CUBE ? 0.02 : 10.0;
}

static void CutOut(BrenierCellWork *work, double half)
{
  BrenierPolygonSquare(&work->polygon[0], half);
  for (int p = 0; p < work->planes && work->polygon[0].n > 0; ++p)
    BrenierPolygonCut(work->polygon, work->plane[p].n[0], work->plane[p].n[1], work->plane[p].h, p);
}

static int StoreVertices(BrenierCellWork *work)
{
  const BrenierPolygon *p = &work->polygon[0];

  if (BrenierCellReserveVertices(work, p->n)) return -1;
  work->vertices = p->n;
  for (int v = 0; v < p->n; ++v) {
    work->vertex[2 * v]     = work->centre[0] + p->x[2 * v];
    work->vertex[2 * v + 1] = work->centre[1] + p->x[2 * v + 1];
    work->active[3 * v]     = BrenierCellConstraint(work, p->edge[(v + p->n - 1) % p->n]);
    work->active[3 * v + 1] = BrenierCellConstraint(work, p->edge[v]);
    work->active[3 * v + 2] = -1;
  }
  return 0;
}

static double Length(const BrenierPolygon *p, int v)
{
  const int w = v + 1 < p->n ? v + 1 : 0;

  return hypot(p->x[2 * w] - p->x[2 * v], p->x[2 * w + 1] - p->x[2 * v + 1]);
}

int BrenierCellPolygon(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell,
                       double facet[])
{
  const double half = BrenierLawHalf(law);
  double       mean[2], radius;
  BrenierFlat  flat;

  CutOut(work, 1.125 * half);
  BrenierPolygonMean(work->polygon[0].n, work->polygon[0].x, mean);
  radius = BrenierPolygonRadius(work->polygon[0].n, work->polygon[0].x, mean);
  if (radius < SmallCell(law) && work->polygon[0].n > 0) {
    BrenierCellMoveCentre(law, a, b, mean, work);
    CutOut(work, 2.0 * radius + 1e-13 * half);
  }
  const BrenierPolygon *p = &work->polygon[0];

  if (p->n == 0) return 0;
  if (law == BRENIER_LAW_CUBE) {
    BrenierPolygonMean(p->n, p->x, mean);
    BrenierPolygonUniform(p->n, p->x, mean, &flat);
    for (int d = 0; d < 2; ++d) mean[d] += work->centre[d];
    BrenierFlatShift(mean, &flat);
  } else {
    BrenierGaussPolygon(p->n, p->x, work->centre, work->edge, &flat, 0.0, NULL);
  }
  if (!(flat.mass > 0.0)) return 0;
  for (int v = 0; v < p->n; ++v) {
    const int j = BrenierCellConstraint(work, p->edge[v]);

    if (j >= 0) facet[j] += law == BRENIER_LAW_CUBE ? Length(p, v) : work->edge[v].measure;
  }
  cell->mass = flat.mass;
  for (int d = 0; d < 2; ++d) cell->moment[d] = flat.first[d];
  for (int d = 0; d < 3; ++d) cell->second[d] = flat.second[d];
  return StoreVertices(work);
}
