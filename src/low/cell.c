/*
  cell.c - Implements cell.h: constraints become unit planes, the border of the domain 2 dim more, nearest first.

  The source lives in the box |x|_inf <= 1/2, or 38 for the Gaussian, beyond which its density underflows. The cell is cut
  out of it twice: what the first cut finds, if it is small, is the centre of the second, in coordinates about that
  centre. There the planes' heights b_j - <centre, a_j> come from products and sums without rounding, so that a cell of
  diameter 1e-6 has as many right digits as any other.
*/
#include "low/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

BrenierCellWork *BrenierCellWorkCreate(void)
{
  return calloc(1, sizeof(BrenierCellWork));
}

void BrenierCellWorkDestroy(BrenierCellWork *work)
{
  if (!work) return;
  for (int p = 0; p < 2; ++p) {
    free(work->polygon[p].x);
    free(work->polygon[p].s);
    free(work->polygon[p].edge);
  }
  free(work->plane);
  free(work->edge);
  free(work->facet);
  free(work->uv);
  free(work->at);
  free(work->pool_edge);
  free(work->vertex);
  free(work->active);
  free(work);
}

/* Makes room for n entries; what is there stays. */
int BrenierCellReserve(void **array, int *capacity, int n, size_t size)
{
  void *more;

  if (n <= *capacity) return 0;
  more = realloc(*array, 2 * (size_t)n * size);
  if (!more) return -1;
  *array    = more;
  *capacity = 2 * n;
  return 0;
}

int BrenierCellReserveVertices(BrenierCellWork *work, int n)
{
  double *vertex;
  int    *active;

  if (n <= work->vertex_capacity) return 0;
  vertex = realloc(work->vertex, 6 * (size_t)n * sizeof *vertex);
  if (vertex) work->vertex = vertex;
  active = realloc(work->active, 6 * (size_t)n * sizeof *active);
  if (active) work->active = active;
  if (!vertex || !active) return -1;
  work->vertex_capacity = 2 * n;
  return 0;
}

/* The constraint of a plane, -1 for the border of the domain and for none. */
int BrenierCellConstraint(const BrenierCellWork *work, int plane)
{
  return plane >= 0 && work->plane[plane].id < work->k ? work->plane[plane].id : -1;
}

double BrenierLawHalf(BrenierLaw law)
{
  return law == BRENIER_LAW_CUBE ? 0.5 : 38.0;
}

static double BorderHeight(const BrenierCellWork *work, double half, int id)
{
  const int axis = (id - work->k) / 2;

  return (id - work->k) % 2 ? half + work->centre[axis] : half - work->centre[axis];
}

/* b - <c, a> as if in twice the precision. */
static double Offset(int dim, const double a[], double b, const double c[])
{
  double high = b, low = 0.0;

  for (int d = 0; d < dim; ++d) {
    const double product = -c[d] * a[d], rounding = fma(-c[d], a[d], -product);
    const double sum = high + product, part = sum - high;

    low += rounding + ((high - (sum - part)) + (product - part));
    high = sum;
  }
  return high + low;
}

/* Puts a plane after those that are nearer or as near, so that of coinciding ones the first stays first. */
static void Insert(BrenierCellWork *work, const BrenierPlane *plane)
{
  int at = work->planes++;

  for (; at > 0 && work->plane[at - 1].h > plane->h; --at) work->plane[at] = work->plane[at - 1];
  work->plane[at] = *plane;
}

/* Moves the local origin. */
void BrenierCellMoveCentre(BrenierLaw law, const double a[], const double b[], const double by[], BrenierCellWork *work)
{
  const int planes = work->planes;

  for (int d = 0; d < work->dim; ++d) work->centre[d] += by[d];
  work->planes = 0;
  for (int p = 0; p < planes; ++p) {
    BrenierPlane plane = work->plane[p];
    const int    j     = plane.id;

    plane.h = j < work->k ? Offset(work->dim, &a[j * work->dim], b[j], work->centre) / plane.norm
                          : BorderHeight(work, BrenierLawHalf(law), j);
    Insert(work, &plane);
  }
}

/* One constraint; returns whether anything can be left. */
static int AddConstraint(int id, const double a[], double b, double border, BrenierCellWork *work)
{
  BrenierPlane plane = {.id = id};
  double       scale = 0.0, norm = 0.0;

  for (int d = 0; d < work->dim; ++d) scale = fmax(scale, fabs(a[d]));
  if (scale == 0.0) return b >= 0.0;
  for (int d = 0; d < work->dim; ++d) norm += (a[d] / scale) * (a[d] / scale);
  norm = sqrt(norm);
  for (int d = 0; d < work->dim; ++d) plane.n[d] = a[d] / scale / norm;
  plane.norm = scale * norm;
  plane.h    = b / scale / norm;
  if (plane.h < -border) return 0;
  if (plane.h <= border) Insert(work, &plane);
  return 1;
}

/* Planes of the constraints and of the border; returns whether anything can be left. */
static int AddPlanes(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work)
{
  const double half = BrenierLawHalf(law), border = 1.001 * half * sqrt(work->dim);
  int          left = 1;

  work->planes = 0;
  memset(work->centre, 0, sizeof work->centre);
  for (int j = 0; j < work->k && left; ++j) left = AddConstraint(j, &a[j * work->dim], b[j], border, work);
  for (int i = 0; i < 2 * work->dim && left; ++i) {
    BrenierPlane plane = {.h = half, .norm = 1.0, .id = work->k + i};

    plane.n[i / 2] = i % 2 ? -1.0 : 1.0;
    Insert(work, &plane);
  }
  return left;
}

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
  if (!AddPlanes(law, a, b, work)) return 0;
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
