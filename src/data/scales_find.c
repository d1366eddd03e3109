/* scales_find.c - Finds scales: a minimum spanning tree (Prim, Bell Syst. Tech. J. 36 (1957)), its edges joined
   shortest first. */
#include "scales_impl.h"

#include <brenier/base.h>

#include <math.h>
#include <stdlib.h>

static const PetscInt  brenier_scales_dim  = 4;
static const PetscReal brenier_scales_work = 2e9; /* multiply-adds */

/* Targets have scales if two sets are joined at this many times the largest distance within one of them, or if the
   distance of a target to its nearest is this factor from the median. */
static const PetscReal brenier_one_kind = 30.0;

/* The same for a group, once there are scales. */
static const PetscReal brenier_group_apart = 3.0;

typedef struct {
  PetscReal apart;
  PetscInt  a, b;
} Edge;

static int CompareEdges(const void *left, const void *right)
{
  const Edge *l = left, *r = right;

  if (l->apart != r->apart) return l->apart < r->apart ? -1 : 1;
  if (l->a != r->a) return l->a < r->a ? -1 : 1;
  return (l->b > r->b) - (l->b < r->b);
}

static int CompareReals(const void *left, const void *right)
{
  const PetscReal l = *(const PetscReal *)left, r = *(const PetscReal *)right;

  return (l > r) - (l < r);
}

/* All targets as read, on every rank, and their weights. */
static PetscErrorCode GatherTargets(BrenierTargets t, PetscReal y[], PetscReal nu[])
{
  PetscInt64 *index;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n, &index));
  for (PetscInt i = 0; i < t->n; ++i) index[i] = i;
  PetscCall(BrenierTargetsFetch(t, t->n, index, y));
  PetscCall(BrenierTargetsFetchRows(t, t->n, index, 1, t->nu, nu));
  PetscCall(PetscFree(index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The n - 1 edges of the minimum spanning tree. */
static PetscErrorCode SpanningTree(PetscInt n, PetscInt dim, const PetscReal y[], Edge edge[])
{
  PetscReal *best; /* square of the distance to the tree */
  PetscInt  *near, *rest, n_rest = n - 1, newest = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n, &best, n, &near, n, &rest));
  for (PetscInt i = 0; i < n_rest; ++i) {
    rest[i] = i + 1;
    best[i] = PETSC_MAX_REAL;
  }
  for (PetscInt e = 0; e < n - 1; ++e) {
    PetscInt next = 0;

    for (PetscInt i = 0; i < n_rest; ++i) {
      const PetscReal square = BrenierScalesSquareApart(dim, y + (size_t)newest * dim, y + (size_t)rest[i] * dim);

      if (square < best[i]) {
        best[i] = square;
        near[i] = newest;
      }
      if (best[i] < best[next]) next = i;
    }
    newest  = rest[next];
    edge[e] = (Edge){PetscSqrtReal(best[next]), PetscMin(near[next], newest), PetscMax(near[next], newest)};
    --n_rest;
    rest[next] = rest[n_rest];
    best[next] = best[n_rest];
    near[next] = near[n_rest];
  }
  PetscCall(PetscFree3(best, near, rest));
  qsort(edge, (size_t)n - 1, sizeof *edge, CompareEdges);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets on their way to being joined; those of a set are linked from its first node on. */
typedef struct {
  PetscInt  *set;    /* union-find, shape [n] */
  PetscInt  *first;  /* first node of a set, shape [n] */
  PetscInt  *next;   /* the node after, -1 at the end; shape [2 n] */
  PetscReal *within; /* the largest distance joined at, shape [n] */
} Sets;

static PetscInt FindSet(const Sets *s, PetscInt i)
{
  while (s->set[i] != i) i = s->set[i] = s->set[s->set[i]];
  return i;
}

/* Joins the nodes of set r to others at a distance: they become a group if it is large. */
static void CloseSet(BrenierScales scales, Sets *s, PetscInt r, PetscReal apart, PetscReal factor)
{
  const PetscBool one = (PetscBool)(s->within[r] == 0.0);

  if (one) scales->apart[s->first[r]] = apart;
  if (one || apart < factor * s->within[r]) return;
  for (PetscInt i = s->first[r]; i >= 0; i = s->next[i]) scales->parent[i] = scales->n_nodes;
  s->first[r]                       = scales->n_nodes;
  s->next[scales->n_nodes]          = -1;
  scales->apart[scales->n_nodes]    = apart;
  scales->parent[scales->n_nodes++] = -1;
}

static void JoinSets(Sets *s, PetscInt a, PetscInt b, PetscReal apart)
{
  PetscInt last = s->first[b];

  while (s->next[last] >= 0) last = s->next[last];
  s->next[last] = s->first[a];
  s->first[a]   = s->first[b];
  s->set[b]     = a;
  s->within[a]  = apart;
}

/* Joins the closest first. The shorter chain is walked, so this takes n log n steps. */
static PetscErrorCode FindGroups(PetscInt n, const Edge edge[], PetscReal factor, BrenierScales scales)
{
  Sets      s;
  PetscInt *size;

  PetscFunctionBegin;
  scales->n_nodes = n;
  PetscCall(PetscMalloc5(n, &s.set, n, &s.first, 2 * (size_t)n, &s.next, n, &s.within, n, &size));
  for (PetscInt i = 0; i < n; ++i) {
    s.set[i] = s.first[i] = i;
    s.next[i] = scales->parent[i] = -1;
    s.within[i]                   = 0.0;
    size[i]                       = 1;
  }
  for (PetscInt e = 0; e < n - 1; ++e) {
    PetscInt a = FindSet(&s, edge[e].a), b = FindSet(&s, edge[e].b);

    CloseSet(scales, &s, a, edge[e].apart, factor);
    CloseSet(scales, &s, b, edge[e].apart, factor);
    if (size[b] > size[a]) {
      const PetscInt swap = a;

      a = b;
      b = swap;
    }
    size[a] += size[b];
    JoinSets(&s, a, b, edge[e].apart);
  }
  PetscCall(PetscFree5(s.set, s.first, s.next, s.within, size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether distances are of more than one kind. */
static PetscErrorCode HasSeveral(BrenierScales scales, PetscBool *several)
{
  PetscReal *sorted, median;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(scales->n, &sorted));
  PetscCall(PetscArraycpy(sorted, scales->apart, scales->n));
  qsort(sorted, (size_t)scales->n, sizeof *sorted, CompareReals);
  median = sorted[scales->n / 2];
  PetscCall(PetscFree(sorted));
  *several = (PetscBool)(scales->n_nodes > scales->n);
  for (PetscInt i = 0; i < scales->n; ++i)
    *several = (PetscBool)(*several || scales->apart[i] > brenier_one_kind * median ||
                           scales->apart[i] < median / brenier_one_kind);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets of more than this many nodes are cut in two. */
enum { BRENIER_UNCUT = 4, BRENIER_POWER_STEPS = 4 };

/* Nodes being numbered anew, members first: targets, halves, groups. */
typedef struct {
  /* parameters */
  PetscInt            n, dim;
  const BrenierScales before; /* targets and groups */
  const PetscInt     *first,
      *member; /* members of group g: member[first[g - n]] to member[first[g - n + 1] - 1]; all others last */
  /* data */
  BrenierScales after;
  PetscReal    *mean; /* of each node, shape [nodes, dim] */
} Cutting;

/* A new node of some members: parent, weight and mean. */
static PetscInt AddNode(Cutting *c, PetscInt m, const PetscInt member[], PetscReal apart)
{
  BrenierScales  s    = c->after;
  const PetscInt node = s->n_nodes++;
  PetscReal     *mean = c->mean + (size_t)node * c->dim;

  s->apart[node]  = apart;
  s->parent[node] = -1;
  s->nu[node]     = 0.0;
  for (PetscInt k = 0; k < c->dim; ++k) mean[k] = 0.0;
  for (PetscInt i = 0; i < m; ++i) {
    s->parent[member[i]] = node;
    s->nu[node] += s->nu[member[i]];
  }
  // The first is the origin: members of a tight group differ in their last digits
  for (PetscInt i = 0; i < m; ++i)
    for (PetscInt k = 0; k < c->dim; ++k)
      mean[k] += s->nu[member[i]] / s->nu[node] *
                 (c->mean[(size_t)member[i] * c->dim + k] - c->mean[(size_t)member[0] * c->dim + k]);
  for (PetscInt k = 0; k < c->dim; ++k) mean[k] += c->mean[(size_t)member[0] * c->dim + k];
  return node;
}

/* Places of nodes along the direction in which they vary most, by the power method from the one that is furthest from
   the first. */
static PetscErrorCode PlaceNodes(const Cutting *c, PetscInt m, const PetscInt node[], BrenierScalesPlace place[])
{
  const PetscInt   dim    = c->dim;
  const PetscReal *origin = c->mean + (size_t)node[0] * dim;
  PetscReal       *direction, *centre, *next, furthest = -1.0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc3(dim, &direction, dim, &centre, dim, &next));
  for (PetscInt i = 0; i < m; ++i) {
    const PetscReal *x = c->mean + (size_t)node[i] * dim, square = BrenierScalesSquareApart(dim, x, origin);

    for (PetscInt k = 0; k < dim; ++k) centre[k] += (x[k] - origin[k]) / (PetscReal)m;
    if (square <= furthest) continue;
    furthest = square;
    for (PetscInt k = 0; k < dim; ++k) direction[k] = (x[k] - origin[k]) / PetscSqrtReal(square > 0.0 ? square : 1.0);
  }
  for (PetscInt step = 0; step <= BRENIER_POWER_STEPS; ++step) {
    PetscReal length = 0.0;

    PetscCall(PetscArrayzero(next, dim));
    for (PetscInt i = 0; i < m; ++i) {
      const PetscReal *x     = c->mean + (size_t)node[i] * dim;
      PetscReal        along = 0.0;

      for (PetscInt k = 0; k < dim; ++k) along += direction[k] * (x[k] - origin[k] - centre[k]);
      for (PetscInt k = 0; k < dim; ++k) next[k] += along * (x[k] - origin[k] - centre[k]);
      place[i] = (BrenierScalesPlace){along, node[i]};
    }
    for (PetscInt k = 0; k < dim; ++k) length += next[k] * next[k];
    if (!(length > 0.0)) break;
    for (PetscInt k = 0; k < dim; ++k) direction[k] = next[k] / PetscSqrtReal(length);
  }
  PetscCall(PetscFree3(direction, centre, next));
  qsort(place, (size_t)m, sizeof *place, BrenierScalesComparePlaces_Private);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cuts a set in two, and each half again: in place of *m nodes there are two then. */
static PetscErrorCode Cut(Cutting *c, PetscInt *m, PetscInt node[])
{
  const PetscInt      half  = *m / 2;
  PetscInt            n_low = half, n_high = *m - half, low, high;
  PetscReal           apart = 0.0, least = PETSC_MAX_REAL;
  BrenierScalesPlace *place;

  PetscFunctionBegin;
  if (*m <= BRENIER_UNCUT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(*m, &place));
  PetscCall(PlaceNodes(c, *m, node, place));
  for (PetscInt i = 0; i < *m; ++i) {
    node[i] = place[i].node;
    least   = PetscMin(least, c->after->apart[node[i]]);
  }
  PetscCall(PetscFree(place));
  PetscCall(Cut(c, &n_low, node));
  PetscCall(Cut(c, &n_high, node + half));
  low  = AddNode(c, n_low, node, 0.0);
  high = AddNode(c, n_high, node + half, 0.0);
  apart =
      PetscSqrtReal(BrenierScalesSquareApart(c->dim, c->mean + (size_t)low * c->dim, c->mean + (size_t)high * c->dim));
  c->after->apart[low] = c->after->apart[high] = PetscMax(apart, least);
  node[0]                                      = low;
  node[1]                                      = high;
  *m                                           = 2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The new number of a node: groups get theirs after their members. */
static PetscErrorCode Renumber(Cutting *c, PetscInt old, PetscInt *node)
{
  const PetscInt *first;
  PetscInt        m, *member;

  PetscFunctionBegin;
  *node = old;
  if (old < c->n) PetscFunctionReturn(PETSC_SUCCESS);
  first = c->first + (old - c->n);
  m     = first[1] - first[0];
  PetscCall(PetscMalloc1(m, &member));
  for (PetscInt i = 0; i < m; ++i) PetscCall(Renumber(c, c->member[first[0] + i], &member[i]));
  PetscCall(Cut(c, &m, member));
  if (old < c->before->n_nodes) *node = AddNode(c, m, member, c->before->apart[old]);
  PetscCall(PetscFree(member));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Puts halves of halves between groups and their members. */
static PetscErrorCode CutGroups(PetscInt dim, const PetscReal y[], BrenierScales s)
{
  struct _p_BrenierScales before = *s;
  PetscInt               *first, *member, whole;
  Cutting                 c = {.n = s->n, .dim = dim, .before = &before, .after = s};

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(s->n_nodes - s->n + 3, &first, s->n_nodes, &member));
  PetscCall(PetscMalloc3(4 * (size_t)s->n, &s->parent, 4 * (size_t)s->n, &s->apart, 4 * (size_t)s->n, &s->nu));
  PetscCall(PetscMalloc1(4 * (size_t)s->n * dim, &c.mean));
  PetscCall(PetscArraycpy(c.mean, y, (size_t)s->n * dim));
  PetscCall(PetscArraycpy(s->apart, before.apart, s->n));
  PetscCall(PetscArraycpy(s->nu, before.nu, s->n));
  for (PetscInt i = 0; i < s->n; ++i) s->parent[i] = -1;
  PetscCall(BrenierScalesListMembers_Private(&before, first, member));
  c.first    = first;
  c.member   = member;
  s->n_nodes = s->n;
  PetscCall(Renumber(&c, before.n_nodes, &whole));
  PetscCall(PetscFree3(before.parent, before.apart, before.nu));
  PetscCall(PetscFree(c.mean));
  PetscCall(PetscFree2(first, member));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateScales(BrenierTargets t, BrenierScales *scales)
{
  BrenierScales s;
  PetscReal    *y;
  Edge         *edge;
  PetscBool     several = PETSC_FALSE;
  Vec           x;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  s->n = s->n_nodes = t->n;
  PetscCall(PetscMalloc3(2 * (size_t)t->n, &s->parent, 2 * (size_t)t->n, &s->apart, 2 * (size_t)t->n, &s->nu));
  PetscCall(PetscMalloc2((size_t)t->n * t->dim, &y, t->n, &edge));
  PetscCall(GatherTargets(t, y, s->nu));
  PetscCall(SpanningTree(t->n, t->dim, y, edge));
  PetscCall(FindGroups(t->n, edge, brenier_one_kind, s));
  PetscCall(HasSeveral(s, &several));
  if (several) {
    PetscCall(FindGroups(t->n, edge, brenier_group_apart, s));
    BrenierScalesAddUp_Private(s, s->nu);
    PetscCall(CutGroups(t->dim, y, s));
    PetscCall(BrenierScalesFindLines_Private(s, t->dim, y));
  }
  PetscCall(PetscFree2(y, edge));
  if (!several) {
    PetscCall(BrenierScalesDestroy(&s));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierTargetsCreateVec(t, &x));
  PetscCall(VecScatterCreateToAll(x, &s->to_all, &s->all));
  PetscCall(VecDestroy(&x));
  *scales = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsScales(BrenierTargets t, BrenierScales *scales)
{
  const PetscReal work = 0.5 * (PetscReal)t->n * (PetscReal)t->n * (PetscReal)t->dim;

  PetscFunctionBegin;
  if (!t->has_scales && t->n > 1 && t->dim >= brenier_scales_dim && work <= brenier_scales_work)
    PetscCall(CreateScales(t, &t->scales));
  t->has_scales = PETSC_TRUE;
  *scales       = t->scales;
  PetscFunctionReturn(PETSC_SUCCESS);
}
