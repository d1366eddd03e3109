/*
  scales_lines.c - Finds the lines of scales: nodes whose targets lie on a line, nearly.

  The direction goes from the target that is furthest from the first one to the target that is furthest from that. In
  order along it, two consecutive targets are s apart along the direction and r across. The boundary between their cells
  is tilted by about r / s, so the node is a line if r is at most brenier_line_tilt s for all of them.
*/
#include "scales_impl.h"

#include <brenier/compat.h>

#include <stdlib.h>

static const PetscInt  brenier_line_least = 4; /* targets of a line */
static const PetscReal brenier_line_tilt  = 0.1;

/* The tree of nodes from the top, and the lines found. */
typedef struct {
  /* parameters */
  BrenierScales    scales;
  PetscInt         dim;
  const PetscReal *y;
  /* data */
  PetscInt *first,
      *child; /* children of node a: child[first[a]] to child[first[a + 1] - 1]; of the whole: a = n_nodes */
} Tree;

typedef struct {
  PetscReal at;
  PetscInt  target;
} Place;

static int ComparePlaces(const void *left, const void *right)
{
  const Place *l = left, *r = right;

  if (l->at != r->at) return l->at < r->at ? -1 : 1;
  return (l->target > r->target) - (l->target < r->target);
}

static PetscErrorCode ListChildren(Tree *t)
{
  const BrenierScales s = t->scales;
  const PetscInt      n = s->n_nodes;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(n + 3, &t->first, n, &t->child));
  for (PetscInt a = 0; a < n; ++a) ++t->first[(s->parent[a] >= 0 ? s->parent[a] : n) + 2];
  for (PetscInt a = 2; a < n + 3; ++a) t->first[a] += t->first[a - 1];
  for (PetscInt a = 0; a < n; ++a) t->child[t->first[(s->parent[a] >= 0 ? s->parent[a] : n) + 1]++] = a;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Targets of a node, from place[0] on: their number. */
static PetscInt ListTargets(const Tree *t, PetscInt node, Place place[])
{
  PetscInt n = 0;

  if (node < t->scales->n) {
    place[0].target = node;
    return 1;
  }
  for (PetscInt k = t->first[node]; k < t->first[node + 1]; ++k) n += ListTargets(t, t->child[k], place + n);
  return n;
}

static PetscReal Square(PetscInt dim, const PetscReal x[], const PetscReal y[])
{
  PetscReal sum = 0.0;

  for (PetscInt k = 0; k < dim; ++k) sum += PetscSqr(x[k] - y[k]);
  return sum;
}

static PetscInt Furthest(const Tree *t, PetscInt m, const Place place[], PetscInt from)
{
  PetscReal most = -1.0;
  PetscInt  best = from;

  for (PetscInt i = 0; i < m; ++i) {
    const PetscReal square = Square(t->dim, t->y + (size_t)place[i].target * t->dim, t->y + (size_t)from * t->dim);

    if (square <= most) continue;
    most = square;
    best = place[i].target;
  }
  return best;
}

/* Sorts m targets along their direction; whether they are a line. */
static PetscBool IsLine(const Tree *t, PetscInt m, Place place[])
{
  const PetscInt   dim = t->dim, begin = Furthest(t, m, place, place[0].target), end = Furthest(t, m, place, begin);
  const PetscReal *from = t->y + (size_t)begin * dim, *to = t->y + (size_t)end * dim;
  const PetscReal  length = PetscSqrtReal(Square(dim, from, to));

  if (!(length > 0.0)) return PETSC_FALSE;
  for (PetscInt i = 0; i < m; ++i) {
    const PetscReal *x = t->y + (size_t)place[i].target * dim;

    place[i].at = 0.0;
    for (PetscInt k = 0; k < dim; ++k) place[i].at += (x[k] - from[k]) * ((to[k] - from[k]) / length);
  }
  qsort(place, (size_t)m, sizeof *place, ComparePlaces);
  for (PetscInt i = 1; i < m; ++i) {
    const PetscReal along = place[i].at - place[i - 1].at,
                    all   = Square(dim, t->y + (size_t)place[i].target * dim, t->y + (size_t)place[i - 1].target * dim);

    if (!(along > 0.0) || all - along * along > PetscSqr(brenier_line_tilt * along)) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

static void MarkParts(const Tree *t, PetscInt node)
{
  if (node < t->scales->n) return;
  for (PetscInt k = t->first[node]; k < t->first[node + 1]; ++k) {
    t->scales->in_line[t->child[k]] = PETSC_TRUE;
    MarkParts(t, t->child[k]);
  }
}

/* Adds the node to the lines if it is one, else its parts that are. */
static void FindIn(const Tree *t, PetscInt node, Place place[])
{
  const BrenierScales s = t->scales;
  const PetscInt      m = ListTargets(t, node, place), used = s->line_first[s->n_lines];

  if (m < brenier_line_least) return;
  if (!IsLine(t, m, place)) {
    for (PetscInt k = t->first[node]; k < t->first[node + 1]; ++k) FindIn(t, t->child[k], place);
    return;
  }
  for (PetscInt i = 0; i < m; ++i) {
    s->line_target[used + i] = place[i].target;
    s->line_at[used + i]     = place[i].at;
  }
  s->line_first[++s->n_lines] = used + m;
  MarkParts(t, node);
}

PetscErrorCode BrenierScalesFindLines_Private(BrenierScales s, PetscInt dim, const PetscReal y[])
{
  Tree   t = {.scales = s, .dim = dim, .y = y};
  Place *place;

  PetscFunctionBegin;
  PetscCall(PetscCalloc4(s->n / brenier_line_least + 2, &s->line_first, s->n, &s->line_target, s->n, &s->line_at,
                         s->n_nodes, &s->in_line));
  PetscCall(ListChildren(&t));
  PetscCall(PetscMalloc1(s->n, &place));
  for (PetscInt k = t.first[s->n_nodes]; k < t.first[s->n_nodes + 1]; ++k) FindIn(&t, t.child[k], place);
  PetscCall(PetscFree(place));
  PetscCall(PetscFree2(t.first, t.child));
  PetscFunctionReturn(PETSC_SUCCESS);
}
