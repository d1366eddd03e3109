/* neighbours.c - Implements neighbours.h. */
#include "neighbours.h"

#include <brenier/compat.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <libqhull_r/libqhull_r.h>

/* Number of targets up to which all pairs are neighbours, and the same when the hull fails. */
static const PetscInt brenier_few = 16, brenier_most_pairs = 4000;

/* Edges as they are found, each once for every simplex that has it, both ends in turn. */
typedef struct {
  size_t    n, capacity;
  PetscInt *end; /* shape [n, 2] */
} Edges;

static PetscErrorCode AddEdge(Edges *e, PetscInt i, PetscInt j)
{
  PetscFunctionBegin;
  if (e->n == e->capacity) {
    e->capacity = 2 * e->capacity + 4096;
    PetscCall(PetscRealloc(2 * e->capacity * sizeof *e->end, &e->end));
  }
  e->end[2 * e->n]       = i;
  e->end[2 * e->n++ + 1] = j;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of a table from edges, both ways, by counting; then each row sorted and without repeats. */
static PetscErrorCode MakeRows(PetscInt n, const Edges *e, BrenierNeighbours *t)
{
  PetscInt *fill, kept = 0;

  PetscFunctionBegin;
  PetscCheck(2 * e->n < (size_t)PETSC_MAX_INT, PETSC_COMM_SELF, PETSC_ERR_SUP, "too many facets for 32-bit indices");
  t->n = n;
  PetscCall(PetscCalloc1(n + 1, &t->start));
  PetscCall(PetscMalloc1(n, &fill));
  PetscCall(PetscMalloc1(2 * e->n, &t->other));
  for (size_t k = 0; k < 2 * e->n; ++k) ++t->start[e->end[k] + 1];
  for (PetscInt i = 0; i < n; ++i) {
    t->start[i + 1] += t->start[i];
    fill[i] = t->start[i];
  }
  for (size_t k = 0; k < e->n; ++k) {
    t->other[fill[e->end[2 * k]]++]     = e->end[2 * k + 1];
    t->other[fill[e->end[2 * k + 1]]++] = e->end[2 * k];
  }
  for (PetscInt i = 0; i < n; ++i) {
    PetscInt count = fill[i] - t->start[i];

    PetscCall(PetscSortRemoveDupsInt(&count, t->other + t->start[i]));
    PetscCall(PetscArraymove(t->other + kept, t->other + t->start[i], count));
    t->start[i] = kept;
    kept += count;
  }
  t->start[n] = kept;
  PetscCall(PetscFree(fill));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AllPairs(PetscInt n, BrenierNeighbours *t)
{
  PetscInt k = 0;

  PetscFunctionBegin;
  t->n = n;
  PetscCall(PetscMalloc1(n + 1, &t->start));
  PetscCall(PetscMalloc1((size_t)n * PetscMax(n - 1, 0), &t->other));
  for (PetscInt i = 0; i < n; ++i) {
    t->start[i] = k;
    for (PetscInt j = 0; j < n; ++j)
      if (j != i) t->other[k++] = j;
  }
  t->start[n] = k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The power of two at the largest size of a coordinate that has some offset taken off. */
static PetscReal Unit(PetscInt n, PetscInt stride, const coordT x[])
{
  PetscReal largest = 0.0;
  int       exponent;

  for (PetscInt i = 0; i < n; ++i) largest = PetscMax(largest, PetscAbsReal(x[(size_t)i * stride]));
  (void)frexp(largest, &exponent);
  return largest > 0.0 ? ldexp(1.0, exponent) : 1.0;
}

/* (y, -h), each coordinate in a unit of its own: hulls are affine, Qhull's rounding is not. */
static PetscErrorCode LiftedPoints(PetscInt dim, PetscInt n, const PetscReal y[], const PetscReal h[], coordT **points)
{
  const PetscInt stride = dim + 1;
  coordT        *p;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * stride, points));
  p = *points;
  for (PetscInt i = 0; i < n; ++i) {
    for (PetscInt k = 0; k < dim; ++k) p[i * stride + k] = y[i * dim + k] - y[k];
    p[i * stride + dim] = h[0] - h[i];
  }
  for (PetscInt k = 0; k < stride; ++k) {
    const PetscReal unit = Unit(n, stride, p + k);

    for (PetscInt i = 0; i < n; ++i) p[i * stride + k] /= unit;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

enum { BRENIER_MOST_TOGETHER = 256 };

/* Targets at the vertices of a facet, after those already in id. */
static PetscInt AddVertices(qhT *qh, const facetT *facet, PetscInt n, PetscInt id[])
{
  vertexT *vertex, **vertexp;

  FOREACHvertex_(facet->vertices)
  {
    if (n < BRENIER_MOST_TOGETHER) id[n++] = qh_pointid(qh, vertex->point);
  }
  return n;
}

/* Points that lie on a facet within Qhull's rounding, with each other and with the vertices about: which of them is
   above is for the cells to say, in exact differences of targets. */
static PetscErrorCode AddCoplanar(qhT *qh, facetT *facet, Edges *edges)
{
  facetT  *neighbor, **neighborp;
  pointT  *point, **pointp;
  PetscInt id[BRENIER_MOST_TOGETHER], n = 0, n_points;

  PetscFunctionBegin;
  FOREACHpoint_(facet->coplanarset)
  {
    if (n < BRENIER_MOST_TOGETHER / 2) id[n++] = qh_pointid(qh, point);
  }
  n_points                  = n;
  n                         = AddVertices(qh, facet, n, id);
  FOREACHneighbor_(facet) n = AddVertices(qh, neighbor, n, id);
  for (PetscInt a = 0; a < n_points; ++a)
    for (PetscInt b = a + 1; b < n; ++b)
      if (id[a] != id[b]) PetscCall(AddEdge(edges, id[a], id[b]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pairs of vertices of one simplex of the lower hull. */
static PetscErrorCode AddFacet(qhT *qh, facetT *facet, Edges *edges)
{
  PetscInt       id[BRENIER_MOST_TOGETHER];
  const PetscInt n = AddVertices(qh, facet, 0, id);

  PetscFunctionBegin;
  for (PetscInt a = 0; a < n; ++a)
    for (PetscInt b = 0; b < a; ++b) PetscCall(AddEdge(edges, id[a], id[b]));
  if (facet->coplanarset) PetscCall(AddCoplanar(qh, facet, edges));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Edges of the lower hull; *failed when Qhull gave up. */
static PetscErrorCode HullEdges(PetscInt dim, PetscInt n, coordT points[], Edges *edges, PetscBool *failed)
{
  char    options[] = "qhull Qt Qc Pp";
  FILE   *silence   = fopen("/dev/null", "w");
  qhT     hull, *qh = &hull;
  facetT *facet;
  int     long_left, blocks_left;

  PetscFunctionBegin;
  qh_zero(qh, silence);
  *failed = (PetscBool)(qh_new_qhull(qh, (int)dim + 1, (int)n, points, False, options, NULL, silence) != 0);
  if (!*failed) FORALLfacets if (facet->normal && facet->normal[dim] <= 0.0) PetscCall(AddFacet(qh, facet, edges));
  qh_freeqhull(qh, !qh_ALL);
  qh_memfreeshort(qh, &long_left, &blocks_left);
  if (silence) (void)fclose(silence);
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  PetscReal y, h;
  PetscInt  target;
} Line;

static int CompareLines(const void *left, const void *right)
{
  const Line *l = left, *r = right;

  if (l->y != r->y) return (l->y > r->y) - (l->y < r->y);
  return l->h != r->h ? (l->h < r->h) - (l->h > r->h) : (l->target > r->target) - (l->target < r->target);
}

/* Whether the middle one of three lines, by slope, is below the others everywhere, or nowhere alone above. */
static PetscBool IsHidden(const Line *a, const Line *b, const Line *c)
{
  return (PetscBool)((b->h - a->h) * (c->y - b->y) <= (c->h - b->h) * (b->y - a->y));
}

/* One dimension: the upper envelope of lines, by their slopes. */
static PetscErrorCode LineEdges(PetscInt n, const PetscReal y[], const PetscReal h[], Edges *edges)
{
  Line    *line;
  PetscInt top = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &line));
  for (PetscInt i = 0; i < n; ++i) line[i] = (Line){y[i], h[i], i};
  qsort(line, (size_t)n, sizeof *line, CompareLines);
  for (PetscInt i = 0; i < n; ++i) {
    if (top > 0 && line[top - 1].y == line[i].y) continue; // parallel, and not higher
    while (top > 1 && IsHidden(&line[top - 2], &line[top - 1], &line[i])) --top;
    line[top++] = line[i];
  }
  for (PetscInt i = 1; i < top; ++i) PetscCall(AddEdge(edges, line[i - 1].target, line[i].target));
  PetscCall(PetscFree(line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds to each row the rows of those in it. */
static PetscErrorCode AddSecondRing(BrenierNeighbours *t)
{
  Edges edges = {0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n; ++i)
    for (PetscInt k = t->start[i]; k < t->start[i + 1]; ++k) {
      const PetscInt j = t->other[k];

      if (j > i) PetscCall(AddEdge(&edges, i, j));
      for (PetscInt m = t->start[j]; m < t->start[j + 1]; ++m)
        if (t->other[m] > i) PetscCall(AddEdge(&edges, i, t->other[m]));
    }
  PetscCall(BrenierNeighboursFree(t));
  PetscCall(MakeRows(t->n, &edges, t));
  PetscCall(PetscFree(edges.end));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNeighboursFind(PetscInt dim, PetscInt n, const PetscReal y[], const PetscReal h[],
                                     PetscInt attempt, BrenierNeighbours *neighbours, BrenierNeighboursKind *kind)
{
  const PetscInt by_hull = 2; // attempts
  Edges          edges   = {0};
  PetscBool      failed  = PETSC_TRUE;
  coordT        *points;

  PetscFunctionBegin;
  *kind = BRENIER_NEIGHBOURS_HULL;
  if (dim == 1) {
    PetscCall(LineEdges(n, y, h, &edges));
    failed = (PetscBool)(attempt > 0); // there are no more
  } else if (n > brenier_few && attempt < by_hull) {
    PetscCall(LiftedPoints(dim, n, y, h, &points));
    PetscCall(HullEdges(dim, n, points, &edges, &failed));
    PetscCall(PetscFree(points));
  }
  if (!failed) {
    PetscCall(MakeRows(n, &edges, neighbours));
    if (attempt) PetscCall(AddSecondRing(neighbours));
  } else if (dim > 1 && n <= brenier_most_pairs && attempt <= by_hull) {
    *kind = BRENIER_NEIGHBOURS_ALL;
    PetscCall(AllPairs(n, neighbours));
  } else *kind = BRENIER_NEIGHBOURS_NONE;
  PetscCall(PetscFree(edges.end));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNeighboursFree(BrenierNeighbours *t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(t->start));
  PetscCall(PetscFree(t->other));
  PetscFunctionReturn(PETSC_SUCCESS);
}
