/*
  planes.c - The planes that bound a cell: constraints become unit planes, the border of the domain 2 dim more, nearest
  first.

  The source lives in the box |x|_inf <= 1/2, or 38 for the Gaussian, beyond which its density underflows. About a
  centre the planes' heights b_j - <centre, a_j> come from products and sums without rounding, so that a cell of
  diameter 1e-6 has as many right digits as any other.
*/
#include "low/space.h"
#include "low/work.h"

#include <math.h>
#include <string.h>

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

/* Inserts a plane behind those that are nearer or equally near, so that of coinciding planes the first stays first. */
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
int BrenierCellAddPlanes(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work)
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

/* t1, t2, n right-handed. */
void BrenierFrame(const double n[3], double t1[3], double t2[3])
{
  int    axis = 0;
  double norm;

  for (int d = 1; d < 3; ++d)
    if (fabs(n[d]) < fabs(n[axis])) axis = d;
  for (int d = 0; d < 3; ++d) t1[d] = (d == axis) - n[axis] * n[d];
  norm = sqrt(Dot(t1, t1));
  for (int d = 0; d < 3; ++d) t1[d] /= norm;
  Cross(n, t1, t2);
}
