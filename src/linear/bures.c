/*
  bures.c - The Wasserstein distance of two normal laws by factors of their covariances, singular or not.

  With S = P'P and S' = Q'Q, rows of P and Q being eigenvectors times the roots of their eigenvalues, zeros left out,

      tr (S^(1/2) S' S^(1/2))^(1/2) = tr (P S' P')^(1/2) = sum of the singular values of G = P Q'.

  These come from the eigenvectors U of G G', the rows of H = U G having the singular values s for lengths. G G' knows
  s^2 to rounding of the largest, so s only down to 1e-8 of the largest, and the many zeros of a singular covariance
  would add up to more than the 1e-8 that is wanted. So the rows of H that are short, which span the space of the small
  singular values, are taken for a G of their own: their eigenproblem knows them 1e4 times better.

  The map from N(m, S) to N(m', S') is x -> m' + A (x - m). With E = W^(-1) P, W the eigenvalues of S, E P' = I and

      A = E' (G G')^(1/2) E = (U E)' diag(s) (U E),

  since A S A = E' G G' E = S' on the range of S. The map back has the same form with H, whose rows over s are the right
  singular vectors of G, in place of U, and 1/s in place of s.
*/
#include <brenier/base.h>
#include <brenier/frechet.h>
#include <brenier/linear.h>

#include <math.h>
#include <petscblaslapack.h>

/* Rows of H shorter than this part of the longest are made again: between rounding, 1e-8, and 1. */
static const PetscReal brenier_short_row = 1e-4;

/* Singular values below this part of the largest are rounding noise. */
static const PetscReal brenier_no_row = 1e-12;

/* ---- products whose rows the ranks share out ---- */

static PetscMPIInt FirstRow(PetscInt n, PetscMPIInt rank, PetscMPIInt size)
{
  return (PetscMPIInt)((PetscInt64)n * rank / size);
}

/* c[m, n] = a[m, k] b for b[k, n], or a b' for b[n, k]; a rank makes its rows and has all at the end. */
static PetscErrorCode Product(MPI_Comm comm, PetscBool transposed, PetscInt m, PetscInt n, PetscInt k,
                              const PetscReal a[], const PetscReal b[], PetscReal c[])
{
  const PetscReal one = 1.0, zero = 0.0;
  PetscMPIInt     rank, size, *count, *begin;
  PetscBLASInt    columns, rows, inner, stride;

  PetscFunctionBegin;
  if (!m || !n || !k) {
    PetscCall(PetscArrayzero(c, (size_t)m * (size_t)n));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc2(size, &count, size, &begin));
  for (PetscMPIInt r = 0; r < size; ++r) {
    PetscCall(PetscMPIIntCast(FirstRow(m, r, size) * n, &begin[r]));
    PetscCall(PetscMPIIntCast(FirstRow(m, r + 1, size) * n - begin[r], &count[r]));
  }
  PetscCall(PetscBLASIntCast(n, &columns));
  PetscCall(PetscBLASIntCast(count[rank] / n, &rows));
  PetscCall(PetscBLASIntCast(k, &inner));
  stride = transposed ? inner : columns;
  if (rows)
    PetscCallBLAS("BLASgemm",
                  BLASgemm_(transposed ? "T" : "N", "N", &columns, &rows, &inner, &one, b, &stride,
                            a + (size_t)(begin[rank] / n) * (size_t)k, &inner, &zero, c + begin[rank], &columns));
  PetscCallMPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, c, count, begin, MPIU_REAL, comm));
  PetscCall(PetscFree2(count, begin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- factors of the covariances ---- */

/* S = unit^2 P'P, the largest eigenvalue of P'P being near 1. */
typedef struct {
  PetscInt   rank, dim;
  PetscReal  unit;
  PetscReal *p;      /* owned, [rank, dim] */
  PetscReal *square; /* owned, [rank]: eigenvalues, squared lengths of the rows of p */
} Factor;

static PetscErrorCode FactorCreate(MPI_Comm comm, const BrenierGaussian *g, Factor *f)
{
  const PetscReal floor = (PetscReal)g->dim * PETSC_MACHINE_EPSILON;
  int             power;

  PetscFunctionBegin;
  f->dim  = g->dim;
  f->rank = 0;
  PetscCall(PetscMalloc2((size_t)f->dim * (size_t)f->dim, &f->p, f->dim, &f->square));
  PetscCall(BrenierEigenSymmetric(comm, f->dim, g->covariance, f->square, f->p));
  frexp(PetscSqrtReal(PetscMax(0.0, f->square[0])), &power);
  f->unit = ldexp(1.0, power);
  while (f->rank < f->dim && f->square[f->rank] > floor * f->square[0]) ++f->rank;
  for (PetscInt k = 0; k < f->rank; ++k) {
    PetscReal *row = f->p + (size_t)k * (size_t)f->dim;

    f->square[k] /= PetscSqr(f->unit);
    for (PetscInt j = 0; j < f->dim; ++j) row[j] *= PetscSqrtReal(f->square[k]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FactorDestroy(Factor *f)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(f->p, f->square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- singular values of G ---- */

/* The rows of u are the left singular vectors of G, those of h = u G the right ones times the singular values. */
typedef struct {
  PetscInt   rows, columns; /* of G; rows <= columns */
  PetscReal *u, *h, *s;     /* owned, [rows, rows], [rows, columns], [rows] */
} Singular;

static void RowLengths(PetscInt first, Singular *o)
{
  for (PetscInt k = first; k < o->rows; ++k) {
    PetscReal square = 0.0;

    for (PetscInt j = 0; j < o->columns; ++j) square += PetscSqr(o->h[(size_t)k * (size_t)o->columns + (size_t)j]);
    o->s[k] = PetscSqrtReal(square);
  }
}

/* Turns the rows of u and h from `first` on so that those of h are orthogonal, longest first. */
static PetscErrorCode Orthogonalise(MPI_Comm comm, PetscInt first, Singular *o)
{
  const PetscInt m   = o->rows - first;
  const size_t   n_u = (size_t)m * (size_t)o->rows, n_h = (size_t)m * (size_t)o->columns;
  PetscReal     *u = o->u + (size_t)first * (size_t)o->rows, *h = o->h + (size_t)first * (size_t)o->columns;
  PetscReal     *gram, *w, *v, *turned;

  PetscFunctionBegin;
  PetscCall(PetscMalloc4((size_t)m * (size_t)m, &gram, m, &w, (size_t)m * (size_t)m, &v, PetscMax(n_u, n_h), &turned));
  PetscCall(Product(comm, PETSC_TRUE, m, m, o->columns, h, h, gram));
  PetscCall(BrenierEigenSymmetric(comm, m, gram, w, v));
  PetscCall(Product(comm, PETSC_FALSE, m, o->rows, m, v, u, turned));
  PetscCall(PetscArraycpy(u, turned, n_u));
  PetscCall(Product(comm, PETSC_FALSE, m, o->columns, m, v, h, turned));
  PetscCall(PetscArraycpy(h, turned, n_h));
  PetscCall(PetscFree4(gram, w, v, turned));
  RowLengths(first, o);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of G = p q'; p has no more rows than q. */
static PetscErrorCode SingularCreate(MPI_Comm comm, const Factor *p, const Factor *q, Singular *o)
{
  PetscInt first = 0;

  PetscFunctionBegin;
  o->rows    = p->rank;
  o->columns = q->rank;
  PetscCall(PetscMalloc3((size_t)o->rows * (size_t)o->rows, &o->u, (size_t)o->rows * (size_t)o->columns, &o->h, o->rows,
                         &o->s));
  if (!o->rows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscArrayzero(o->u, (size_t)o->rows * (size_t)o->rows));
  for (PetscInt k = 0; k < o->rows; ++k) o->u[(size_t)k * (size_t)(o->rows + 1)] = 1.0;
  PetscCall(Product(comm, PETSC_TRUE, o->rows, o->columns, p->dim, p->p, q->p, o->h));
  PetscCall(Orthogonalise(comm, 0, o));
  while (first < o->rows && o->s[first] > brenier_short_row * o->s[0]) ++first;
  if (first < o->rows) PetscCall(Orthogonalise(comm, first, o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SingularDestroy(Singular *o)
{
  PetscFunctionBegin;
  PetscCall(PetscFree3(o->u, o->h, o->s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- maps ---- */

/* Map away from the law of `from`, of which `vector` holds `columns` numbers a singular value; the first n_terms of
   `factor`, in units of to / from, go with them. */
static PetscErrorCode MapCreate(MPI_Comm comm, const Factor *from, const Factor *to, PetscInt n_terms,
                                const PetscReal vector[], const PetscReal factor[], BrenierBuresMap *map)
{
  const size_t columns = (size_t)from->rank;
  PetscReal   *scaled;

  PetscFunctionBegin;
  map->dim     = from->dim;
  map->n_terms = n_terms;
  PetscCall(PetscMalloc4((size_t)n_terms * (size_t)map->dim, &map->row, n_terms, &map->factor, map->dim, &map->mean,
                         map->dim, &map->target_mean));
  PetscCall(PetscMalloc1((size_t)n_terms * columns, &scaled));
  for (size_t k = 0; k < (size_t)n_terms; ++k) {
    map->factor[k] = factor[k] * to->unit / from->unit;
    for (size_t j = 0; j < columns; ++j) scaled[k * columns + j] = vector[k * columns + j] / from->square[j];
  }
  PetscCall(Product(comm, PETSC_FALSE, n_terms, map->dim, from->rank, scaled, from->p, map->row));
  PetscCall(PetscFree(scaled));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both maps between the laws of p, which has no more rows than q, and of q. */
static PetscErrorCode MakeMaps(MPI_Comm comm, const Factor *p, const Factor *q, const Singular *o,
                               BrenierBuresMap *forward, BrenierBuresMap *backward)
{
  PetscInt   n_terms = 0;
  PetscReal *inverse;

  PetscFunctionBegin;
  while (n_terms < o->rows && o->s[n_terms] > brenier_no_row * o->s[0]) ++n_terms;
  PetscCall(PetscMalloc1(n_terms, &inverse));
  for (PetscInt k = 0; k < n_terms; ++k) inverse[k] = 1.0 / o->s[k];
  PetscCall(MapCreate(comm, p, q, n_terms, o->u, o->s, forward));
  PetscCall(MapCreate(comm, q, p, n_terms, o->h, inverse, backward));
  PetscCall(PetscFree(inverse));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBuresMapMatrix(const BrenierBuresMap *map, PetscReal matrix[])
{
  const PetscReal one = 1.0, zero = 0.0;
  const size_t    d = (size_t)map->dim;
  PetscBLASInt    dim, terms;
  PetscReal      *scaled;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(matrix, d * d));
  if (!map->n_terms) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(map->dim, &dim));
  PetscCall(PetscBLASIntCast(map->n_terms, &terms));
  PetscCall(PetscMalloc1((size_t)terms * d, &scaled));
  for (size_t k = 0; k < (size_t)terms; ++k)
    for (size_t j = 0; j < d; ++j) scaled[k * d + j] = map->factor[k] * map->row[k * d + j];
  PetscCallBLAS("BLASgemm",
                BLASgemm_("N", "T", &dim, &dim, &terms, &one, scaled, &dim, map->row, &dim, &zero, matrix, &dim));
  PetscCall(PetscFree(scaled));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBuresMapDestroy(BrenierBuresMap *map)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(map->row, map->factor, map->mean, map->target_mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the distance ---- */

static PetscReal Trace(const BrenierGaussian *g)
{
  PetscReal sum = 0.0;

  for (size_t k = 0; k < (size_t)g->dim; ++k) sum += g->covariance[k * (size_t)(g->dim + 1)];
  return sum;
}

static void AddUp(const BrenierGaussian pair[2], const Factor f[2], const Singular *o, BrenierBures *bures)
{
  bures->mean_part = bures->root = 0.0;
  for (PetscInt k = 0; k < pair[0].dim; ++k) bures->mean_part += PetscSqr(pair[0].mean[k] - pair[1].mean[k]);
  for (PetscInt k = o->rows - 1; k >= 0; --k) bures->root += o->s[k];
  bures->root *= f[0].unit * f[1].unit;
  for (int s = 0; s < 2; ++s) {
    bures->trace[s] = Trace(&pair[s]);
    bures->rank[s]  = f[s].rank;
  }
  // Of equal covariances rounding is left, of either sign
  bures->value = bures->mean_part + PetscMax(bures->trace[0] + bures->trace[1] - 2.0 * bures->root, 0.0);
}

PetscErrorCode BrenierBuresCompute(MPI_Comm comm, const BrenierGaussian pair[2], BrenierBures *bures,
                                   BrenierBuresMap map[2])
{
  Factor   f[2];
  Singular o;
  int      small;

  PetscFunctionBegin;
  for (int s = 0; s < 2; ++s) PetscCall(FactorCreate(comm, &pair[s], &f[s]));
  small = f[0].rank <= f[1].rank ? 0 : 1;
  PetscCall(SingularCreate(comm, &f[small], &f[1 - small], &o));
  AddUp(pair, f, &o, bures);
  if (map) PetscCall(MakeMaps(comm, &f[small], &f[1 - small], &o, &map[small], &map[1 - small]));
  for (int s = 0; map && s < 2; ++s) {
    PetscCall(PetscArraycpy(map[s].mean, pair[s].mean, map[s].dim));
    PetscCall(PetscArraycpy(map[s].target_mean, pair[1 - s].mean, map[s].dim));
  }
  PetscCall(SingularDestroy(&o));
  for (int s = 0; s < 2; ++s) PetscCall(FactorDestroy(&f[s]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
