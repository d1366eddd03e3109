/*
  cell.c - Implements cell.h: planes about the origin, then the cell of the dimension and the source.

  The cell is cut out of the source's box twice: what the first cut finds, if it is small, is the centre of the second,
  in coordinates about that centre (planes.c).
*/
#include "low/work.h"

#include <string.h>

static int ReserveAll(int k, int dim, BrenierCellWork *work)
{
  const int planes = k + 2 * dim, vertices = planes + 8;
  void     *plane = work->plane, *edge = work->edge;
  int       failed = BrenierCellReserve(&plane, &work->plane_capacity, planes, sizeof *work->plane);

  work->plane = plane;
  failed |= BrenierCellReserve(&edge, &work->edge_capacity, vertices, sizeof *work->edge);
  work->edge = edge;
  for (int p = 0; p < 2; ++p) failed |= BrenierPolygonReserve(&work->polygon[p], vertices);
  return failed;
}

int BrenierCellIntegrate(BrenierLaw law, int dim, int k, const double a[], const double b[], BrenierCellWork *work,
                         BrenierCell *cell, double facet[])
{
  const int circle = law == BRENIER_LAW_CIRCLE;

  memset(cell, 0, sizeof *cell);
  for (int j = 0; j < k; ++j) facet[j] = 0.0;
  work->dim      = dim;
  work->k        = k;
  work->vertices = 0;
  if (k < 0 || (dim != 2 && (dim != 3 || circle))) return -1;
  if (circle) return BrenierCellArcs(k, a, b, work, cell, facet);
  if (ReserveAll(k, dim, work)) return -1;
  if (!BrenierCellAddPlanes(law, a, b, work)) return 0;
  return dim == 2 ? BrenierCellPolygon(law, a, b, work, cell, facet)
                  : BrenierCellPolyhedron(law, a, b, work, cell, facet);
}

int BrenierCellVertices(const BrenierCellWork *work, int *n, const double **x, const int **active)
{
  *n      = work->vertices;
  *x      = work->vertex;
  *active = work->active;
  return 0;
}
