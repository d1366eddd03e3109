/* triangulation.c - Implements triangulation.h. */
#include "triangulation.h"

#include <brenier/compat.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libqhull_r/libqhull_r.h>

/* A weight above minus this is that of a point inside; a simplex flatter than this, in parts of a box about it, has no
   weights; and a point is outside where all simplices agree on it by this much. */
static const PetscReal brenier_outside = 1e-12, brenier_flat_simplex = 1e-14, brenier_outside_all = 1e-9;

/* ---- the hull ---- */

/* Divides a column by the power of two at its largest size: hulls are affine, Qhull's rounding is not. */
static void Normalise(PetscInt n, PetscInt stride, coordT x[])
{
  PetscReal largest = 0.0;
  int       exponent;

  for (PetscInt i = 0; i < n; ++i) largest = PetscMax(largest, PetscAbsReal(x[(size_t)i * stride]));
  (void)frexp(largest, &exponent);
  for (PetscInt i = 0; i < n; ++i) x[(size_t)i * stride] = ldexp(x[(size_t)i * stride], -exponent);
}

/* (p, -h), the first point at 0, and one more point far above the others, so that the hull has the full dimension when
   all others lie in a plane. */
static PetscErrorCode LiftPoints(const BrenierTriangulation *t, const PetscReal h[], coordT **lifted)
{
  const PetscInt n = t->n, dim = t->dim, stride = dim + 1;
  coordT        *q, most = 1.0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)(n + 1) * stride, lifted));
  q = *lifted;
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal square = 0.0;

    for (PetscInt k = 0; k < dim; ++k) q[i * stride + k] = t->point[i * dim + k] - t->point[k];
    for (PetscInt k = 0; k < dim; ++k) square += PetscSqr(q[i * stride + k]);
    q[i * stride + dim] = h ? h[0] - h[i] : 0.5 * square;
  }
  for (PetscInt k = 0; k < stride; ++k) Normalise(n, stride, q + k);
  for (PetscInt i = 0; i < n; ++i) most = PetscMax(most, q[i * stride + dim]);
  for (PetscInt i = 0; i < n; ++i)
    for (PetscInt k = 0; k < dim; ++k) q[n * stride + k] += q[i * stride + k] / (coordT)n;
  q[n * stride + dim] = most + 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vertices of a facet of the hull; whether it is a simplex of the lower hull without the point above. */
static PetscBool TakeFacet(qhT *qh, const facetT *facet, PetscInt dim, PetscInt n, PetscInt id[])
{
  vertexT *vertex, **vertexp;
  PetscInt k = 0;

  if (!facet->normal || facet->normal[dim] >= 0.0) return PETSC_FALSE;
  FOREACHvertex_(facet->vertices)
  {
    if (k > dim || qh_pointid(qh, vertex->point) >= n) return PETSC_FALSE;
    id[k++] = qh_pointid(qh, vertex->point);
  }
  return (PetscBool)(k == dim + 1);
}

static PetscErrorCode FindByHull(const PetscReal h[], BrenierTriangulation *t)
{
  char     options[] = "qhull Qt Pp";
  FILE    *silence   = fopen("/dev/null", "w");
  qhT      hull, *qh = &hull;
  coordT  *lifted;
  facetT  *facet;
  PetscInt id[BRENIER_MOST_CORNERS], k = 0;
  int      long_left, blocks_left, failed;

  PetscFunctionBegin;
  PetscCall(LiftPoints(t, h, &lifted));
  qh_zero(qh, silence);
  failed = qh_new_qhull(qh, (int)t->dim + 1, (int)t->n + 1, lifted, False, options, NULL, silence);
  if (!failed) FORALLfacets t->n_simplices += TakeFacet(qh, facet, t->dim, t->n, id);
  PetscCall(PetscMalloc1((size_t)t->n_simplices * (size_t)(t->dim + 1), &t->vertex));
  if (!failed)
    FORALLfacets if (TakeFacet(qh, facet, t->dim, t->n, id))
        memcpy(t->vertex + (size_t)k++ * (size_t)(t->dim + 1), id, sizeof *id * (size_t)(t->dim + 1));
  qh_freeqhull(qh, !qh_ALL);
  qh_memfreeshort(qh, &long_left, &blocks_left);
  if (silence) (void)fclose(silence);
  PetscCall(PetscFree(lifted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- one dimension ---- */

typedef struct {
  PetscReal p, h;
  PetscInt  id;
} Line;

/* By slope; of equal ones the highest first. */
static int CompareLines(const void *left, const void *right)
{
  const Line *l = left, *r = right;

  if (l->p != r->p) return (l->p > r->p) - (l->p < r->p);
  return l->h != r->h ? (l->h < r->h) - (l->h > r->h) : (l->id > r->id) - (l->id < r->id);
}

/* The lines of an upper envelope, in order; without heights all of them. */
static PetscErrorCode FindOnLine(const PetscReal h[], BrenierTriangulation *t)
{
  Line    *line;
  PetscInt top = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n, &line));
  for (PetscInt i = 0; i < t->n; ++i) line[i] = (Line){t->point[i], h ? h[i] : 0.0, i};
  qsort(line, (size_t)t->n, sizeof *line, CompareLines);
  for (PetscInt i = 0; i < t->n; ++i) {
    if (top > 0 && line[top - 1].p == line[i].p) continue;
    while (h && top > 1 &&
           (line[top - 1].h - line[top - 2].h) * (line[i].p - line[top - 1].p) <=
               (line[i].h - line[top - 1].h) * (line[top - 1].p - line[top - 2].p))
      --top;
    line[top++] = line[i];
  }
  t->n_simplices = PetscMax(top - 1, 0);
  PetscCall(PetscMalloc1(2 * (size_t)t->n_simplices, &t->vertex));
  for (PetscInt s = 0; s < t->n_simplices; ++s) {
    t->vertex[2 * s]     = line[s].id;
    t->vertex[2 * s + 1] = line[s + 1].id;
  }
  PetscCall(PetscFree(line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- which simplex lies beyond which facet ---- */

typedef struct {
  PetscInt key[BRENIER_MOST_CORNERS - 1]; /* vertices of the facet, ascending, -1 where there are fewer */
  PetscInt place;                         /* in `across` */
} Facet;

static int CompareFacets(const void *left, const void *right)
{
  const Facet *l = left, *r = right;

  for (int k = 0; k < BRENIER_MOST_CORNERS - 1; ++k)
    if (l->key[k] != r->key[k]) return l->key[k] < r->key[k] ? -1 : 1;
  return (l->place > r->place) - (l->place < r->place);
}

static PetscBool SameFacet(const Facet *l, const Facet *r)
{
  return (PetscBool)!memcmp(l->key, r->key, sizeof l->key);
}

/* The facets of a simplex. */
static PetscErrorCode ListFacets(const BrenierTriangulation *t, PetscInt s, Facet facet[])
{
  const PetscInt corners = t->dim + 1;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < corners; ++k) {
    PetscInt n = 0;

    facet[k] = (Facet){{-1, -1, -1}, s * corners + k};
    for (PetscInt j = 0; j < corners; ++j)
      if (j != k) facet[k].key[n++] = t->vertex[s * corners + j];
    PetscCall(PetscSortInt(n, facet[k].key));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Connect(BrenierTriangulation *t)
{
  const PetscInt corners = t->dim + 1, n = t->n_simplices * corners;
  Facet         *facet;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &t->across));
  PetscCall(PetscMalloc1(t->n, &t->of));
  PetscCall(PetscMalloc1(n, &facet));
  for (PetscInt i = 0; i < t->n; ++i) t->of[i] = -1;
  for (PetscInt s = t->n_simplices - 1; s >= 0; --s) {
    PetscCall(ListFacets(t, s, facet + (size_t)s * corners));
    for (PetscInt k = 0; k < corners; ++k) t->of[t->vertex[s * corners + k]] = s;
  }
  if (n) qsort(facet, (size_t)n, sizeof *facet, CompareFacets);
  for (PetscInt i = 0; i < n; ++i) t->across[facet[i].place] = -1;
  for (PetscInt i = 0; i + 1 < n; ++i)
    if (SameFacet(&facet[i], &facet[i + 1])) {
      t->across[facet[i].place]     = facet[i + 1].place / corners;
      t->across[facet[i + 1].place] = facet[i].place / corners;
      ++i;
    }
  PetscCall(PetscFree(facet));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTriangulationCreate(MPI_Comm comm, PetscInt dim, PetscInt n, const PetscReal p[],
                                          const PetscReal h[], BrenierTriangulation *t)
{
  PetscMPIInt rank, entries;

  PetscFunctionBegin;
  *t = (BrenierTriangulation){.dim = dim, .n = n, .point = p};
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) PetscCall(dim == 1 ? FindOnLine(h, t) : FindByHull(h, t));
  PetscCallMPI(MPI_Bcast(&t->n_simplices, 1, MPIU_INT, 0, comm));
  PetscCall(PetscMPIIntCast(t->n_simplices * (dim + 1), &entries));
  if (rank > 0) PetscCall(PetscMalloc1(entries, &t->vertex));
  PetscCallMPI(MPI_Bcast(t->vertex, entries, MPIU_INT, 0, comm));
  PetscCall(Connect(t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTriangulationFree(BrenierTriangulation *t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(t->vertex));
  PetscCall(PetscFree(t->across));
  PetscCall(PetscFree(t->of));
  t->n_simplices = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- where a point is ---- */

/* Determinant of the first dim columns of m. */
static PetscReal Determinant(PetscInt dim, const PetscReal m[3][3])
{
  if (dim == 1) return m[0][0];
  if (dim == 2) return m[0][0] * m[1][1] - m[0][1] * m[1][0];
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* Edges from the last vertex of simplex s, and the largest of their coordinates. */
static PetscReal Edges(const BrenierTriangulation *t, PetscInt s, PetscReal edge[3][3])
{
  const PetscInt  *id     = t->vertex + (size_t)s * (size_t)(t->dim + 1);
  const PetscReal *origin = t->point + (size_t)id[t->dim] * (size_t)t->dim;
  PetscReal        most   = 0.0;

  for (PetscInt k = 0; k < t->dim; ++k)
    for (PetscInt c = 0; c < t->dim; ++c) {
      edge[k][c] = t->point[(size_t)id[k] * (size_t)t->dim + (size_t)c] - origin[c];
      most       = PetscMax(most, PetscAbsReal(edge[k][c]));
    }
  return most;
}

/* Volume of simplex s, with the sign of its orientation. */
static PetscReal SignedVolume(const BrenierTriangulation *t, PetscInt s)
{
  static const PetscReal factorial[] = {1.0, 1.0, 2.0, 6.0};
  PetscReal              edge[3][3];

  (void)Edges(t, s, edge);
  return Determinant(t->dim, (const PetscReal(*)[3])edge) / factorial[t->dim];
}

PetscReal BrenierTriangulationVolume(const BrenierTriangulation *t, PetscInt s)
{
  return PetscAbsReal(SignedVolume(t, s));
}

PetscReal BrenierTriangulationSize(const BrenierTriangulation *t)
{
  PetscReal sum = 0.0;

  for (PetscInt s = 0; s < t->n_simplices; ++s) sum += BrenierTriangulationVolume(t, s);
  return sum;
}

PetscErrorCode BrenierTriangulationMove(const PetscReal q[], BrenierTriangulation *t)
{
  const size_t         corners = (size_t)t->dim + 1;
  BrenierTriangulation moved   = *t;
  PetscInt             kept    = 0;

  PetscFunctionBegin;
  moved.point = q;
  for (PetscInt s = 0; s < t->n_simplices; ++s) {
    if (!(SignedVolume(t, s) * SignedVolume(&moved, s) > 0.0)) continue;
    PetscCall(PetscArraymove(t->vertex + (size_t)kept * corners, t->vertex + (size_t)s * corners, corners));
    ++kept;
  }
  t->point       = q;
  t->n_simplices = kept;
  PetscCall(PetscFree(t->across));
  PetscCall(PetscFree(t->of));
  PetscCall(Connect(t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weights of x in simplex s, by Cramer's rule; false where it is flat. */
static PetscBool Weigh(const BrenierTriangulation *t, PetscInt s, const PetscReal x[], PetscReal weight[])
{
  const PetscReal *origin = t->point + (size_t)t->vertex[s * (t->dim + 1) + t->dim] * (size_t)t->dim;
  PetscReal        edge[3][3], changed[3][3], most = Edges(t, s, edge), whole, rest = 1.0;

  whole = Determinant(t->dim, (const PetscReal(*)[3])edge);
  if (PetscAbsReal(whole) <= brenier_flat_simplex * PetscPowRealInt(most, (int)t->dim)) return PETSC_FALSE;
  for (PetscInt k = 0; k < t->dim; ++k) {
    memcpy(changed, edge, sizeof changed);
    for (PetscInt c = 0; c < t->dim; ++c) changed[k][c] = x[c] - origin[c];
    weight[k] = Determinant(t->dim, (const PetscReal(*)[3])changed) / whole;
    rest -= weight[k];
  }
  weight[t->dim] = rest;
  return PETSC_TRUE;
}

/* The vertex of least weight. */
static PetscInt Least(PetscInt n, const PetscReal weight[])
{
  PetscInt least = 0;

  for (PetscInt k = 1; k < n; ++k)
    if (weight[k] < weight[least]) least = k;
  return least;
}

/* The simplex that x is in, or most nearly in, of all. */
static PetscInt Search(const BrenierTriangulation *t, const PetscReal x[], PetscReal weight[])
{
  PetscInt  best = -1;
  PetscReal most = -PETSC_INFINITY, trial[BRENIER_MOST_CORNERS];

  for (PetscInt s = 0; s < t->n_simplices; ++s) {
    PetscReal least;

    if (!Weigh(t, s, x, trial)) continue;
    least = trial[Least(t->dim + 1, trial)];
    if (least <= most) continue;
    most = least;
    best = s;
    memcpy(weight, trial, sizeof trial);
  }
  return best;
}

/* What a walk ends with beside a simplex: beyond a facet without a simplex across, in a flat simplex, or after too many
   steps. Such a facet is usually one of the border; where many points lie on one sphere the facets of neighbours may be
   cut differently. */
enum { WALK_LOST = -1, MOST_STEPS = 10000 };

static PetscInt Walk(const BrenierTriangulation *t, PetscInt s, const PetscReal x[], PetscReal weight[])
{
  for (PetscInt step = 0; s >= 0 && step < MOST_STEPS; ++step) {
    PetscInt k;

    if (!Weigh(t, s, x, weight)) return WALK_LOST;
    k = Least(t->dim + 1, weight);
    if (weight[k] >= -brenier_outside) return s;
    s = t->across[s * (t->dim + 1) + k];
  }
  return WALK_LOST;
}

/* ---- the border ---- */

static PetscReal Product(PetscInt dim, const PetscReal a[], const PetscReal b[], const PetscReal from[])
{
  PetscReal sum = 0.0;

  for (PetscInt c = 0; c < dim; ++c) sum += (a[c] - from[c]) * (b[c] - from[c]);
  return sum;
}

/* Point of a vertex, segment or triangle that is nearest to x; its squared distance, and weights of its n corners. */
static PetscReal Nearest(PetscInt dim, PetscInt n, const PetscReal *const corner[], const PetscReal x[],
                         PetscReal weight[])
{
  PetscReal best = PETSC_INFINITY, point[3] = {0.0, 0.0, 0.0};

  for (PetscInt k = 0; k < n; ++k) weight[k] = n == 1 ? 1.0 : 0.0;
  if (n == 2) {
    const PetscReal square = Product(dim, corner[1], corner[1], corner[0]);

    weight[1] = square > 0.0 ? Product(dim, x, corner[1], corner[0]) / square : 0.0;
    weight[1] = PetscMin(PetscMax(weight[1], 0.0), 1.0);
    weight[0] = 1.0 - weight[1];
  } else if (n == 3) {
    const PetscReal aa = Product(dim, corner[1], corner[1], corner[0]),
                    bb = Product(dim, corner[2], corner[2], corner[0]);
    const PetscReal ab = Product(dim, corner[1], corner[2], corner[0]), xa = Product(dim, x, corner[1], corner[0]);
    const PetscReal xb = Product(dim, x, corner[2], corner[0]), whole = aa * bb - ab * ab;

    weight[1] = whole > 0.0 ? (xa * bb - xb * ab) / whole : -1.0;
    weight[2] = whole > 0.0 ? (xb * aa - xa * ab) / whole : -1.0;
    weight[0] = 1.0 - weight[1] - weight[2];
    if (PetscMin(weight[0], PetscMin(weight[1], weight[2])) < 0.0) {
      for (PetscInt k = 0; k < 3; ++k) { // nearest to one of the sides
        const PetscReal *const side[] = {corner[(k + 1) % 3], corner[(k + 2) % 3]};
        PetscReal              two[2], distance = Nearest(dim, 2, side, x, two);

        if (distance >= best) continue;
        best                = distance;
        weight[k]           = 0.0;
        weight[(k + 1) % 3] = two[0];
        weight[(k + 2) % 3] = two[1];
      }
      return best;
    }
  }
  for (PetscInt k = 0; k < n; ++k)
    for (PetscInt c = 0; c < dim; ++c) point[c] += weight[k] * corner[k][c];
  return Product(dim, x, x, point);
}

/* The nearest point of the border; of facets at one distance the first. */
static void Project(const BrenierTriangulation *t, const PetscReal x[], BrenierPlaceInside *place)
{
  const PetscInt corners = t->dim + 1;
  PetscReal      best    = PETSC_INFINITY;

  for (PetscInt f = 0; f < t->n_simplices * corners; ++f) {
    const PetscReal *corner[BRENIER_MOST_CORNERS - 1];
    PetscReal        weight[BRENIER_MOST_CORNERS - 1], distance;
    PetscInt         id[BRENIER_MOST_CORNERS - 1], n = 0;

    if (t->across[f] >= 0) continue;
    for (PetscInt j = 0; j < corners; ++j)
      if (j != f % corners) id[n++] = t->vertex[f - f % corners + j];
    for (PetscInt k = 0; k < n; ++k) corner[k] = t->point + (size_t)id[k] * (size_t)t->dim;
    distance = Nearest(t->dim, n, corner, x, weight);
    if (distance >= best) continue;
    best = distance;
    for (PetscInt k = 0; k < n; ++k) {
      place->vertex[k] = id[k];
      place->weight[k] = weight[k];
    }
    place->vertex[n] = id[0];
    place->weight[n] = 0.0;
  }
  place->inside = PETSC_FALSE;
}

void BrenierTriangulationLocate(const BrenierTriangulation *t, PetscInt near, const PetscReal x[],
                                BrenierPlaceInside *place)
{
  const PetscInt corners = t->dim + 1;
  PetscInt       s       = near >= 0 && t->of[near] >= 0 ? t->of[near] : 0;
  PetscReal      sum     = 0.0;

  s = Walk(t, s, x, place->weight);
  if (s == WALK_LOST) s = Search(t, x, place->weight);
  if (s < 0 || place->weight[Least(corners, place->weight)] < -brenier_outside_all) {
    Project(t, x, place);
    return;
  }
  for (PetscInt k = 0; k < corners; ++k) {
    place->vertex[k] = t->vertex[(size_t)s * (size_t)corners + (size_t)k];
    place->weight[k] = PetscMax(place->weight[k], 0.0);
    sum += place->weight[k];
  }
  for (PetscInt k = 0; k < corners; ++k) place->weight[k] /= sum;
  place->inside = PETSC_TRUE;
}
