/*
  arcs.c - Cells on the unit circle. A constraint cos(t - phi) <= q with |q| < 1 excludes the open arc about phi of half
  width acos q; the cell is the complement of the union of these arcs.
*/
#include "kernel/pi.h"
#include "low/work.h"

#include <math.h>
#include <stdlib.h>

/* An excluded arc, from a start in [0, 2 pi). */
typedef struct {
  double start, end;
  double rate; // 1 / |d/dt <x(t), a / |a|>| at both ends
  int    id;
} ExcludedArc;

static int CompareExcluded(const void *left, const void *right)
{
  const ExcludedArc *l = left, *r = right;

  if (l->start != r->start) return l->start < r->start ? -1 : 1;
  return l->id < r->id ? -1 : 1;
}

/* The arc of one constraint: 1 if there is one, 0 if nothing is excluded, -1 if everything is. */
static int Exclude(int id, const double a[2], double b, ExcludedArc *excluded)
{
  const double norm = hypot(a[0], a[1]), q = norm > 0.0 ? b / norm : b >= 0.0 ? 1.0 : -1.0;
  double       half;

  if (!(q < 1.0)) return 0;
  if (!(q > -1.0)) return -1;
  half            = acos(q);
  excluded->start = atan2(a[1], a[0]) - half;
  excluded->start += excluded->start < 0.0 ? 2.0 * brenier_pi : 0.0;
  excluded->start += excluded->start < 0.0 ? 2.0 * brenier_pi : 0.0;
  excluded->end  = excluded->start + 2.0 * half;
  excluded->rate = 1.0 / sqrt((1.0 - q) * (1.0 + q));
  excluded->id   = id;
  return 1;
}

/* Adds the arc [s, e] to the cell; products instead of differences keep the digits of short ones. */
static void AddArc(double s, double e, BrenierCell *cell)
{
  const double length = e - s, middle = s + 0.5 * length;

  cell->mass += length / (2.0 * brenier_pi);
  cell->moment[0] += cos(middle) * sin(0.5 * length) / brenier_pi;
  cell->moment[1] += sin(middle) * sin(0.5 * length) / brenier_pi;
  cell->second[0] += (length + cos(2.0 * middle) * sin(length)) / (4.0 * brenier_pi);
  cell->second[1] += sin(2.0 * middle) * sin(length) / (4.0 * brenier_pi);
  cell->second[2] += (length - cos(2.0 * middle) * sin(length)) / (4.0 * brenier_pi);
}

static void AddEnd(double t, const ExcludedArc *excluded, BrenierCellWork *work, double facet[])
{
  const int v = work->vertices++;

  facet[excluded->id] += excluded->rate / (2.0 * brenier_pi);
  work->vertex[2 * v]     = cos(t);
  work->vertex[2 * v + 1] = sin(t);
  work->active[3 * v]     = excluded->id;
  work->active[3 * v + 1] = work->active[3 * v + 2] = -1;
}

/* The complement of the arcs, in the order of their starts; the largest end so far is where the next gap begins. */
static void Sweep(int n, const ExcludedArc excluded[], BrenierCellWork *work, BrenierCell *cell, double facet[])
{
  const ExcludedArc *last = &excluded[0];
  double             end  = 0.0; // the farthest end, that of arcs over 2 pi taken back by one turn

  for (int i = 0; i < n; ++i)
    if (excluded[i].end - 2.0 * brenier_pi > end) {
      end  = excluded[i].end - 2.0 * brenier_pi;
      last = &excluded[i];
    }
  if (end == 0.0) { // none comes round: the last arc left goes on over 0
    for (int i = 1; i < n; ++i)
      if (excluded[i].end > last->end) last = &excluded[i];
    end = last->end - 2.0 * brenier_pi;
  }
  for (int i = 0; i < n; ++i) {
    if (excluded[i].start > end) {
      AddArc(end, excluded[i].start, cell);
      AddEnd(end, last, work, facet);
      AddEnd(excluded[i].start, &excluded[i], work, facet);
    }
    if (excluded[i].end > end) {
      end  = excluded[i].end;
      last = &excluded[i];
    }
  }
}

int BrenierCellArcs(int k, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell, double facet[])
{
  int n = 0, kind = 1;

  if (BrenierCellReserveVertices(work, 2 * k + 2)) return -1;
  ExcludedArc *excluded = malloc(((size_t)k + 1) * sizeof *excluded);

  if (!excluded) return -1;
  for (int j = 0; j < k && kind >= 0; ++j) {
    kind = Exclude(j, &a[2 * j], b[j], &excluded[n]);
    if (kind == 1) ++n;
  }
  qsort(excluded, (size_t)n, sizeof *excluded, CompareExcluded);
  if (kind >= 0 && n == 0) AddArc(0.0, 2.0 * brenier_pi, cell);
  if (kind >= 0 && n > 0) Sweep(n, excluded, work, cell, facet);
  free(excluded);
  return 0;
}
