/*
  laguerre_lift.c - Implements BrenierLaguerreLift() of laguerre.h.

  The gap of an empty target e is the least over x of u(x) - <x, y_e> - h_e, a convex function that is linear on each
  cell, so it is attained at a vertex of one: a point where y_e lies in the convex hull of the targets whose cells meet
  there, unless the vertex is on the border of the domain. So a cell inside the domain asks only the empty targets in
  the bounding box of its own target and its neighbours. These are found in strips: about sqrt(n) of the n empty targets
  that follow each other by the first coordinate, sorted by the second.

  Raised by its gap and delta more, e has a cell about that vertex, whose mass grows with delta. That of the plane alone
  against the cell's target and its neighbours, w ~ delta^d, is brought near a part of nu_e.
*/
#include <brenier/base.h>

#include "laguerre_impl.h"

#include <math.h>
#include <stdlib.h>

/* Trials of delta, and the factor of the mass wanted that will do: lifts are starts for what follows. */
static const PetscInt  brenier_trials = 40;
static const PetscReal brenier_near   = 2.0;

/* The first delta, in gaps; its growth while no mass is seen; and the most that it changes at once. */
static const PetscReal brenier_first_part = 0.05, brenier_blind = 8.0, brenier_most_factor = 1e4;

/* Planes that a raised cell is measured against. */
enum { BRENIER_NEAREST = 32 };

/* Empty targets of all ranks, in strips. */
typedef struct {
  PetscInt   n, in_strip, n_strips;
  PetscReal *strip;  /* least and largest first coordinate, shape [n_strips, 2] */
  PetscInt  *asked;  /* those that a cell asks */
  PetscInt  *target; /* shape [n] */
  PetscReal *gap;    /* found so far on this rank */
  PetscInt  *cell;   /* at a vertex of which, of this rank */
  PetscReal *x;      /* that vertex, shape [n, dim] */
  PetscBool *mine;   /* whether that is the least of all ranks */
} Empties;

typedef struct {
  PetscReal x[2]; /* first coordinates; one in one dimension */
  PetscInt  target;
} Keyed;

static int CompareKeyed(int k, const void *left, const void *right)
{
  const Keyed *l = left, *r = right;

  return l->x[k] != r->x[k] ? (l->x[k] > r->x[k]) - (l->x[k] < r->x[k])
                            : (l->target > r->target) - (l->target < r->target);
}

static int CompareFirst(const void *left, const void *right)
{
  return CompareKeyed(0, left, right);
}

static int CompareSecond(const void *left, const void *right)
{
  return CompareKeyed(1, left, right);
}

/* Sorts into strips. */
static PetscErrorCode CutStrips(Keyed key[], Empties *e)
{
  PetscFunctionBegin;
  e->in_strip = (PetscInt)PetscCeilReal(PetscSqrtReal((PetscReal)PetscMax(e->n, 1)));
  e->n_strips = (e->n + e->in_strip - 1) / e->in_strip;
  PetscCall(PetscMalloc2(2 * e->n_strips, &e->strip, e->n, &e->asked));
  qsort(key, (size_t)e->n, sizeof *key, CompareFirst);
  for (PetscInt s = 0; s < e->n_strips; ++s) {
    Keyed *const   first = key + s * e->in_strip;
    const PetscInt n     = PetscMin(e->in_strip, e->n - s * e->in_strip);

    e->strip[2 * s]     = first[0].x[0];
    e->strip[2 * s + 1] = first[n - 1].x[0];
    qsort(first, (size_t)n, sizeof *key, CompareSecond);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Empty targets of all ranks; the same on each. */
static PetscErrorCode FindEmpties(BrenierLaguerre l, Vec mass, const PetscReal nu[], Empties *e)
{
  const BrenierTargets t = l->targets;
  const PetscScalar   *m;
  PetscReal           *mine, *all;
  Keyed               *key;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(t->n_local, &mine, t->n, &all, t->n, &key));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < t->n_local; ++i) mine[i] = m[i];
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCallMPI(MPI_Allgatherv(mine, (PetscMPIInt)t->n_local, MPIU_REAL, all, l->count, l->offset, MPIU_REAL, l->comm));
  e->n = 0;
  for (PetscInt i = 0; i < t->n; ++i)
    if (!(all[i] > BRENIER_VANISHING * nu[i])) {
      const PetscReal *y = l->y + (size_t)i * l->dim;

      key[e->n++] = (Keyed){{y[0], l->dim > 1 ? y[1] : 0.0}, i};
    }
  PetscCall(CutStrips(key, e));
  PetscCall(PetscMalloc5(e->n, &e->target, e->n, &e->gap, e->n, &e->cell, e->n * l->dim, &e->x, e->n, &e->mine));
  for (PetscInt k = 0; k < e->n; ++k) {
    e->target[k] = key[k].target;
    e->gap[k]    = PETSC_MAX_REAL;
    e->cell[k]   = -1;
  }
  PetscCall(PetscFree3(mine, all, key));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First empty target from low on, but before high, whose second coordinate is at least x. */
static PetscInt FirstFrom(BrenierLaguerre l, const Empties *e, PetscInt low, PetscInt high, PetscReal x)
{
  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (l->y[(size_t)e->target[middle] * l->dim + 1] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* First strip that ends at x or beyond. */
static PetscInt FirstStrip(const Empties *e, PetscReal x)
{
  PetscInt low = 0, high = e->n_strips;

  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (e->strip[2 * middle + 1] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

static PetscBool IsInside(PetscInt dim, const PetscReal z[], const PetscReal box[])
{
  for (PetscInt c = 0; c < dim; ++c)
    if (z[c] < box[c] || z[c] > box[dim + c]) return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Empty targets that a cell has to ask, to e->asked; returns their number. */
static PetscInt FindAsked(BrenierLaguerre l, const Empties *e, PetscBool border, const PetscReal box[])
{
  PetscInt n = 0;

  for (PetscInt k = 0; border && k < e->n; ++k) e->asked[n++] = k;
  if (border) return n;
  for (PetscInt s = FirstStrip(e, box[0]); s < e->n_strips && e->strip[2 * s] <= box[l->dim]; ++s) {
    const PetscInt end = PetscMin((s + 1) * e->in_strip, e->n);

    for (PetscInt k = FirstFrom(l, e, s * e->in_strip, end, box[1]); k < end; ++k) {
      const PetscReal *z = l->y + (size_t)e->target[k] * l->dim;

      if (z[1] > box[l->dim + 1]) break;
      if (IsInside(l->dim, z, box)) e->asked[n++] = k;
    }
  }
  return n;
}

/* Bounding box of a target and its neighbours: low, then high, shape [2 dim]. */
static void Box(BrenierLaguerre l, PetscInt i, PetscReal box[])
{
  const PetscReal *y = l->y + (size_t)(l->targets->first + i) * l->dim;

  for (PetscInt c = 0; c < l->dim; ++c) box[c] = box[l->dim + c] = y[c];
  for (PetscInt k = l->neighbours.start[i]; k < l->neighbours.start[i + 1]; ++k)
    for (PetscInt c = 0; c < l->dim; ++c) {
      const PetscReal z = l->y[(size_t)l->neighbours.other[k] * l->dim + c];

      box[c]          = PetscMin(box[c], z);
      box[l->dim + c] = PetscMax(box[l->dim + c], z);
    }
}

/* Vertices of a cell, and a ball that holds them: most cells on the border are too far from an empty target to be asked
   vertex by vertex. */
typedef struct {
  int           n;
  const double *x; /* shape [n, dim] */
  double        centre[3], radius;
} Vertices;

static void SetBall(PetscInt dim, Vertices *v)
{
  double most = 0.0;

  for (PetscInt c = 0; c < dim; ++c) {
    v->centre[c] = 0.0;
    for (int k = 0; k < v->n; ++k) v->centre[c] += v->x[k * dim + c] / v->n;
  }
  for (int k = 0; k < v->n; ++k) {
    double square = 0.0;

    for (PetscInt c = 0; c < dim; ++c) square += PetscSqr(v->x[k * dim + c] - v->centre[c]);
    most = PetscMax(most, square);
  }
  v->radius = sqrt(most);
}

/* Lowers the gap of one empty target by the vertices of one cell. */
static void AskVertices(BrenierLaguerre l, PetscInt i, const Vertices *vertices, Empties *e, PetscInt k)
{
  const PetscInt   cell = l->targets->first + i, target = e->target[k];
  const PetscReal *y = l->y + (size_t)cell * l->dim, *z = l->y + (size_t)target * l->dim;
  const PetscReal  difference = BrenierLaguerreDifference_Private(l, cell, target);
  const double    *x          = vertices->x;
  PetscReal        middle = difference, square = 0.0;

  for (PetscInt c = 0; c < l->dim; ++c) {
    middle += l->scale * vertices->centre[c] * (y[c] - z[c]);
    square += PetscSqr(y[c] - z[c]);
  }
  if (middle - l->scale * vertices->radius * PetscSqrtReal(square) >= e->gap[k]) return;
  for (int v = 0; v < vertices->n; ++v) {
    PetscReal gap = difference;

    for (PetscInt c = 0; c < l->dim; ++c) gap += l->scale * x[v * l->dim + c] * (y[c] - z[c]);
    if (gap >= e->gap[k]) continue;
    e->gap[k]  = gap;
    e->cell[k] = i;
    for (PetscInt c = 0; c < l->dim; ++c) e->x[k * l->dim + c] = x[v * l->dim + c];
  }
}

/* On the circle u - f_e is no longer linear on a cell, and may be least within an arc: at x opposite to y_i - y_e. */
static void AskArc(BrenierLaguerre l, PetscInt i, PetscInt k, const PetscReal a[], const PetscReal b[], Empties *e,
                   PetscInt j)
{
  const PetscInt   cell = l->targets->first + i, target = e->target[j];
  const PetscReal *y = l->y + 2 * (size_t)cell, *z = l->y + 2 * (size_t)target;
  const PetscReal  apart = hypot(y[0] - z[0], y[1] - z[1]);
  const PetscReal  gap   = BrenierLaguerreDifference_Private(l, cell, target) - apart;

  if (!(apart > 0.0) || gap >= e->gap[j]) return;
  for (PetscInt m = 0; m < k; ++m)
    if (a[2 * m] * (z[0] - y[0]) + a[2 * m + 1] * (z[1] - y[1]) > b[m] * apart) return;
  e->gap[j]  = gap;
  e->cell[j] = i;
  for (PetscInt c = 0; c < 2; ++c) e->x[2 * j + c] = (z[c] - y[c]) / apart;
}

/* For one cell of this rank: the empty targets to test, and their gaps. */
static PetscErrorCode AskCell(BrenierLaguerre l, PetscInt i, BrenierCellWork *work, PetscReal a[], PetscReal b[],
                              Empties *e)
{
  const PetscInt  first = l->neighbours.start[i], k = l->neighbours.start[i + 1] - first;
  BrenierCell     cell;
  Vertices        vertices;
  const int      *active;
  PetscReal       box[6] = {0.0};
  const PetscBool circle = (PetscBool)(l->law == BRENIER_LAW_CIRCLE && l->dim == 2);
  PetscInt        n_asked;
  double          end[2];

  PetscFunctionBegin;
  Box(l, i, box);
  n_asked = FindAsked(l, e, (PetscBool)l->border[i], box);
  if (n_asked == 0) PetscFunctionReturn(PETSC_SUCCESS);
  BrenierLaguerreConstraints_Private(l, l->targets->first + i, k, l->neighbours.other + first, a, b);
  // The facets are written again, as they were but for the scale
  if (l->dim == 1) {
    BrenierIntervalIntegrate(l->coordinate, (int)k, a, b, &cell, b + k, end);
    vertices.n = 2;
    vertices.x = end;
  } else
    PetscCheck(!BrenierCellIntegrate(l->law, (int)l->dim, (int)k, a, b, work, &cell, b + k) &&
                   !BrenierCellVertices(work, &vertices.n, &vertices.x, &active),
               PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the cell of a target");
  SetBall(l->dim, &vertices);
  for (PetscInt j = 0; j < n_asked; ++j) {
    AskVertices(l, i, &vertices, e, e->asked[j]);
    if (circle) AskArc(l, i, k, a, b, e, e->asked[j]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mass of an empty target's cell at height l->h + rise, against a cell of this rank and its neighbours. */
static PetscReal RaisedMass(BrenierLaguerre l, PetscReal rise, PetscInt k, const PetscReal a[], const PetscReal b[],
                            PetscReal raised[], BrenierCellWork *work)
{
  BrenierCell cell;

  for (PetscInt j = 0; j < k; ++j) raised[j] = b[j] + rise / l->scale;
  if (BrenierLaguerreCell_Private(l, k, a, raised, work, &cell, raised + k)) return 0.0;
  return cell.mass;
}

/* Of k constraints that many of those nearest to x come first. Returns how many those are. */
static PetscInt InsertNearest(BrenierLaguerre l, const PetscReal x[], PetscInt k, PetscReal a[], PetscReal b[])
{
  const PetscInt most = BRENIER_NEAREST;
  PetscReal      distance[BRENIER_NEAREST];
  PetscInt       n = 0;

  for (PetscInt j = 0; j < k; ++j) {
    PetscReal size = 0.0, along = 0.0, c[3], d;
    PetscInt  at;

    for (PetscInt m = 0; m < l->dim; ++m) {
      c[m] = a[j * l->dim + m];
      size += c[m] * c[m];
      along += c[m] * x[m];
    }
    d = size > 0.0 ? (b[j] - along) / PetscSqrtReal(size) : -PETSC_MAX_REAL;
    if (n == most && d >= distance[n - 1]) continue;
    // Insertion: entries that move up were read before
    const PetscReal bj = b[j];

    at = n < most ? n++ : n - 1;
    for (; at > 0 && distance[at - 1] > d; --at) {
      distance[at] = distance[at - 1];
      b[at]        = b[at - 1];
      for (PetscInt m = 0; m < l->dim; ++m) a[at * l->dim + m] = a[(at - 1) * l->dim + m];
    }
    distance[at] = d;
    b[at]        = bj;
    for (PetscInt m = 0; m < l->dim; ++m) a[at * l->dim + m] = c[m];
  }
  return n;
}

/* Room for the constraints of a cell. */
typedef struct {
  BrenierCellWork *work;
  PetscInt        *other;
  PetscReal       *a, *b;
} CellRoom;

/* The gap of empty target j of the list at a cell of this rank, and the height beyond it that gives the wanted mass,
   against the planes nearest to where it touches. */
static PetscErrorCode FindRise(BrenierLaguerre l, const Empties *e, PetscInt j, PetscReal wanted, const CellRoom *room,
                               PetscReal rise[])
{
  BrenierCellWork *work  = room->work;
  PetscInt        *other = room->other;
  PetscReal       *a = room->a, *b = room->b;
  const PetscInt   i = e->cell[j], first = l->neighbours.start[i];
  const PetscReal  gap = PetscMax(e->gap[j], 0.0), least = 1e-15 * PetscMax(PetscAbsReal(l->h[e->target[j]]), gap);
  PetscReal        delta = PetscMax(brenier_first_part * gap, least), low = 0.0, high = PETSC_MAX_REAL;
  PetscInt         k = l->neighbours.start[i + 1] - first + 1;

  PetscFunctionBegin;
  rise[0] = gap;
  PetscCall(PetscArraycpy(other, l->neighbours.other + first, k - 1));
  other[k - 1] = l->targets->first + i;
  BrenierLaguerreConstraints_Private(l, e->target[j], k, other, a, b);
  k = InsertNearest(l, e->x + (size_t)j * l->dim, k, a, b);
  for (PetscInt n = 0; n < brenier_trials; ++n) {
    const PetscReal found  = RaisedMass(l, gap + delta, k, a, b, b + k, work);
    PetscReal       factor = brenier_blind;

    if (found > wanted / brenier_near && found < wanted * brenier_near) break;
    if (found < wanted) low = delta;
    else high = delta;
    if (found > 0.0) factor = PetscPowReal(wanted / found, 1.0 / BrenierLaguerrePower(l));
    delta *= PetscMin(PetscMax(factor, 1.0 / brenier_most_factor), brenier_blind);
    if (!(delta > low && delta < high)) delta = PetscSqrtReal(PetscMax(low, least)) * PetscSqrtReal(high);
  }
  rise[1] = delta;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Which rank has the least gap of each empty target: rises of the others become 0. */
static PetscErrorCode ChooseRanks(BrenierLaguerre l, Empties *e)
{
  struct {
    double gap;
    int    rank;
  } * best;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(l->comm, &rank));
  PetscCall(PetscMalloc1(e->n, &best));
  for (PetscInt j = 0; j < e->n; ++j) {
    best[j].gap  = e->gap[j];
    best[j].rank = rank;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, best, (PetscMPIInt)e->n, MPI_DOUBLE_INT, MPI_MINLOC, l->comm));
  for (PetscInt j = 0; j < e->n; ++j) e->mine[j] = (PetscBool)(best[j].rank == rank && e->cell[j] >= 0);
  PetscCall(PetscFree(best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gaps of all empty targets and the heights beyond them, shape [n, 2], each from the rank that has its vertex. */
static PetscErrorCode FindRises(BrenierLaguerre l, Empties *e, PetscReal part, const PetscReal nu[], PetscReal rise[])
{
  BrenierCellWork *work    = BrenierCellWorkCreate();
  PetscInt         longest = 1, *other;
  PetscReal       *a, *b;

  PetscFunctionBegin;
  PetscCheck(work, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the cell of a target");
  for (PetscInt i = 0; i < l->neighbours.n; ++i)
    longest = PetscMax(longest, l->neighbours.start[i + 1] - l->neighbours.start[i] + 1);
  PetscCall(PetscMalloc3(longest, &other, longest * l->dim, &a, 3 * longest, &b));
  for (PetscInt i = 0; i < l->targets->n_local; ++i)
    if (l->mass[i] > 0.0) PetscCall(AskCell(l, i, work, a, b, e));
  PetscCall(ChooseRanks(l, e));
  for (PetscInt j = 0; j < e->n; ++j) {
    rise[2 * j] = rise[2 * j + 1] = 0.0;
    if (e->mine[j]) PetscCall(FindRise(l, e, j, part * nu[e->target[j]], &(CellRoom){work, other, a, b}, &rise[2 * j]));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, rise, (PetscMPIInt)(2 * e->n), MPIU_REAL, MPI_SUM, l->comm));
  PetscCall(PetscFree3(other, a, b));
  BrenierCellWorkDestroy(work);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a cell of this rank and those it meets, the target nearest to another one: what that one moves with, however far
   apart are others that meet there. */
static PetscInt NearestAbout(BrenierLaguerre l, PetscInt i, PetscInt target)
{
  const PetscReal *z     = l->y + (size_t)target * l->dim;
  PetscInt         best  = l->targets->first + i, other;
  PetscReal        least = PETSC_MAX_REAL;

  for (PetscInt k = l->neighbours.start[i] - 1; k < l->neighbours.start[i + 1]; ++k) {
    PetscReal square = 0.0;

    other = k < l->neighbours.start[i] ? l->targets->first + i : l->neighbours.other[k];
    if (k >= l->neighbours.start[i] && !(l->facet[k] > 0.0)) continue;
    for (PetscInt c = 0; c < l->dim; ++c) square += PetscSqr(l->y[(size_t)other * l->dim + c] - z[c]);
    if (square >= least) continue;
    least = square;
    best  = other;
  }
  return best;
}

/* What each empty target moves with, as global numbers on every rank. */
static PetscErrorCode FindHosts(BrenierLaguerre l, const Empties *e, PetscInt host[])
{
  const BrenierTargets t = l->targets;
  PetscInt            *all;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(e->n, &all));
  for (PetscInt j = 0; j < e->n; ++j) all[j] = e->mine[j] ? NearestAbout(l, e->cell[j], e->target[j]) : -1;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, (PetscMPIInt)e->n, MPIU_INT, MPI_MAX, l->comm));
  for (PetscInt i = 0; i < t->n_local; ++i) host[i] = -1;
  for (PetscInt j = 0; j < e->n; ++j)
    if (e->target[j] >= t->first && e->target[j] < t->first + t->n_local) host[e->target[j] - t->first] = all[j];
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreLift(BrenierLaguerre l, Vec mass, PetscReal part, Vec gap, Vec beyond, PetscInt host[],
                                   PetscInt64 *n_empty)
{
  const BrenierTargets t = l->targets;
  PetscScalar         *g, *b;
  PetscReal           *nu, *rise;
  Empties              e;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n, &nu));
  PetscCallMPI(MPI_Allgatherv(t->nu, (PetscMPIInt)t->n_local, MPIU_REAL, nu, l->count, l->offset, MPIU_REAL, l->comm));
  PetscCall(FindEmpties(l, mass, nu, &e));
  PetscCall(PetscMalloc1(2 * (size_t)e.n, &rise));
  PetscCall(FindRises(l, &e, part, nu, rise));
  PetscCall(FindHosts(l, &e, host));
  PetscCall(VecZeroEntries(gap));
  PetscCall(VecZeroEntries(beyond));
  PetscCall(VecGetArray(gap, &g));
  PetscCall(VecGetArray(beyond, &b));
  for (PetscInt j = 0; j < e.n; ++j) {
    const PetscInt i = e.target[j] - t->first;

    if (i < 0 || i >= t->n_local) continue;
    g[i] = rise[2 * j];
    b[i] = rise[2 * j + 1];
  }
  PetscCall(VecRestoreArray(beyond, &b));
  PetscCall(VecRestoreArray(gap, &g));
  *n_empty = e.n;
  PetscCall(PetscFree(nu));
  PetscCall(PetscFree(rise));
  PetscCall(PetscFree2(e.strip, e.asked));
  PetscCall(PetscFree5(e.target, e.gap, e.cell, e.x, e.mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}
