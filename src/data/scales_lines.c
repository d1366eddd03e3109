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
  PetscInt *first, *member; /* of groups, and of the whole as one more: BrenierScalesListMembers_Private() */
} Tree;

/* Targets of a node, from place[0] on: their number. */
static PetscInt ListTargets(const Tree *t, PetscInt node, BrenierScalesPlace place[])
{
  PetscInt n = 0;

  if (node < t->scales->n) {
    place[0].node = node;
    return 1;
  }
  for (PetscInt k = t->first[node - t->scales->n]; k < t->first[node - t->scales->n + 1]; ++k)
    n += ListTargets(t, t->member[k], place + n);
  return n;
}

static PetscInt Furthest(const Tree *t, PetscInt m, const BrenierScalesPlace place[], PetscInt from)
{
  PetscReal most = -1.0;
  PetscInt  best = from;

  for (PetscInt i = 0; i < m; ++i) {
    const PetscReal square =
        BrenierScalesSquareApart(t->dim, t->y + (size_t)place[i].node * t->dim, t->y + (size_t)from * t->dim);

    if (square <= most) continue;
    most = square;
    best = place[i].node;
  }
  return best;
}

/* Sorts m targets along their direction; whether they are a line. */
static PetscBool IsLine(const Tree *t, PetscInt m, BrenierScalesPlace place[])
{
  const PetscInt   dim = t->dim, begin = Furthest(t, m, place, place[0].node), end = Furthest(t, m, place, begin);
  const PetscReal *from = t->y + (size_t)begin * dim, *to = t->y + (size_t)end * dim;
  const PetscReal  length = PetscSqrtReal(BrenierScalesSquareApart(dim, from, to));

  if (!(length > 0.0)) return PETSC_FALSE;
  for (PetscInt i = 0; i < m; ++i) {
    const PetscReal *x = t->y + (size_t)place[i].node * dim;

    place[i].along = 0.0;
    for (PetscInt k = 0; k < dim; ++k) place[i].along += (x[k] - from[k]) * ((to[k] - from[k]) / length);
  }
  qsort(place, (size_t)m, sizeof *place, BrenierScalesComparePlaces_Private);
  for (PetscInt i = 1; i < m; ++i) {
    const PetscReal along = place[i].along - place[i - 1].along,
                    all   = BrenierScalesSquareApart(dim, t->y + (size_t)place[i].node * dim,
                                                     t->y + (size_t)place[i - 1].node * dim);

    if (!(along > 0.0) || all - along * along > PetscSqr(brenier_line_tilt * along)) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

static void MarkParts(const Tree *t, PetscInt node)
{
  if (node < t->scales->n) return;
  for (PetscInt k = t->first[node - t->scales->n]; k < t->first[node - t->scales->n + 1]; ++k) {
    t->scales->in_line[t->member[k]] = PETSC_TRUE;
    MarkParts(t, t->member[k]);
  }
}

/* Adds the node to the lines if it is one, else its parts that are. */
static void FindIn(const Tree *t, PetscInt node, BrenierScalesPlace place[])
{
  const BrenierScales s = t->scales;
  const PetscInt      m = ListTargets(t, node, place), used = s->line_first[s->n_lines];

  if (m < brenier_line_least) return;
  if (!IsLine(t, m, place)) {
    for (PetscInt k = t->first[node - t->scales->n]; k < t->first[node - t->scales->n + 1]; ++k)
      FindIn(t, t->member[k], place);
    return;
  }
  for (PetscInt i = 0; i < m; ++i) {
    s->line_target[used + i] = place[i].node;
    s->line_at[used + i]     = place[i].along;
  }
  s->line_first[++s->n_lines] = used + m;
  MarkParts(t, node);
}

PetscErrorCode BrenierScalesFindLines_Private(BrenierScales s, PetscInt dim, const PetscReal y[])
{
  const PetscInt      whole = s->n_nodes - s->n;
  Tree                t     = {.scales = s, .dim = dim, .y = y};
  BrenierScalesPlace *place;

  PetscFunctionBegin;
  PetscCall(PetscCalloc4(s->n / brenier_line_least + 2, &s->line_first, s->n, &s->line_target, s->n, &s->line_at,
                         s->n_nodes, &s->in_line));
  PetscCall(PetscMalloc2(whole + 3, &t.first, s->n_nodes, &t.member));
  PetscCall(BrenierScalesListMembers_Private(s, t.first, t.member));
  PetscCall(PetscMalloc1(s->n, &place));
  for (PetscInt k = t.first[whole]; k < t.first[whole + 1]; ++k) FindIn(&t, t.member[k], place);
  PetscCall(PetscFree(place));
  PetscCall(PetscFree2(t.first, t.member));
  PetscFunctionReturn(PETSC_SUCCESS);
}
