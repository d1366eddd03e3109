/*
  source_conditions.c - The law of pairs (x, c), x of a mixture of normal laws, c one of given points, independent of x.

  Let x have components p_k N(m_k, L_k L_k^T), and let c be c_j with probability q_j. The pair has components
    p_k q_j N((m_k, c_j), F_k F_k^T),   F_k = L_k above rows of zeros.
  Equal points c_j are one, with the sum of their probabilities. The points come in the order of their coordinates, so
  that the law does not depend on the order in which they are given, but for rounding of these sums.
*/
#include "source_impl.h"

#include <brenier/base.h>

#include <string.h>

/* Numbers of all components that a rank may hold: 2 GiB. */
static const PetscReal brenier_most_component_numbers = 268435456.0;

/* Components as they are, without a mean and a factor taken out. */
typedef struct {
  PetscInt   n, factors; /* factors: 1 or n */
  PetscInt   width;
  PetscReal *weight; /* shape [n] */
  PetscReal *mean;   /* shape [n, dim] */
  PetscReal *factor; /* shape [factors, dim, width] */
} Components;

/* Different points and their probabilities. */
typedef struct {
  PetscInt   n;
  PetscReal *weight; /* shape [n] */
  PetscInt  *row;    /* where each is among those given, shape [n] */
} Points;

PetscBool BrenierSourceTakesConditions(const char name[])
{
  return (PetscBool)(!strcmp(name, BrenierSourceNames[0]) || BrenierSourceTakesMixture(name));
}

/* to = L from, for the columns of a matrix; without L the same. */
static void Multiply(const BrenierAffine *a, PetscInt dim, PetscInt width, const PetscReal from[], PetscReal to[])
{
  for (PetscInt i = 0; i < dim; ++i)
    for (PetscInt j = 0; j < width; ++j) {
      PetscReal sum = 0.0;

      if (!a) sum = from[(size_t)i * width + j];
      else if (a->width == 1) sum = a->factor[i] * from[(size_t)i * width + j];
      else
        for (PetscInt k = 0; k < dim; ++k) sum += a->factor[(size_t)i * dim + k] * from[(size_t)k * width + j];
      to[(size_t)i * width + j] = sum;
    }
}

/* s times the identity. */
static PetscErrorCode Identity(PetscInt dim, PetscReal s, PetscReal **one)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)dim * (size_t)dim, one));
  for (PetscInt i = 0; i < dim; ++i) (*one)[(size_t)i * (dim + 1)] = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The components of a source x = m + L z, z of a mixture or normal. */
static PetscErrorCode ComponentsOf(BrenierSource source, Components *c)
{
  const BrenierMixture *z   = source->mixture;
  const PetscInt        dim = source->dim;
  PetscReal            *one = NULL;
  size_t                size;

  PetscFunctionBegin;
  c->n       = z ? z->n : 1;
  c->factors = z ? PetscMax(z->factors, 1) : 1;
  c->width   = z && z->factors ? z->width : dim;
  size       = (size_t)dim * (size_t)c->width;
  PetscCall(PetscMalloc1(c->n, &c->weight));
  PetscCall(PetscCalloc1((size_t)c->n * (size_t)dim, &c->mean));
  PetscCall(PetscMalloc1((size_t)c->factors * size, &c->factor));
  for (PetscInt k = 0; k < c->n; ++k) {
    PetscReal *mean = c->mean + (size_t)k * dim;

    c->weight[k] = z ? z->weight[k] : 1.0;
    if (z) PetscCall(PetscArraycpy(mean, z->mean + (size_t)k * dim, dim));
    if (source->affine) BrenierAffineApply(source->affine, mean);
  }
  if (!z || !z->factors) PetscCall(Identity(dim, source->scale, &one));
  for (PetscInt k = 0; k < c->factors; ++k)
    Multiply(source->affine, dim, c->width, one ? one : z->factor + (size_t)k * size, c->factor + (size_t)k * size);
  PetscCall(PetscFree(one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  PetscInt         columns;
  const PetscReal *condition;
} Order;

/* By coordinates, as lists are in a dictionary; 0 where all are equal. */
static int CompareCoordinates(const Order *order, PetscInt a, PetscInt b)
{
  const PetscReal *x = order->condition + (size_t)a * order->columns,
                  *y = order->condition + (size_t)b * order->columns;

  for (PetscInt k = 0; k < order->columns; ++k)
    if (x[k] != y[k]) return x[k] < y[k] ? -1 : 1;
  return 0;
}

/* Equal points by their number, so that their probabilities are added in this order. */
static int CompareRows(const void *a, const void *b, void *order)
{
  const PetscInt i = *(const PetscInt *)a, j = *(const PetscInt *)b;
  const int      by_coordinates = CompareCoordinates(order, i, j);

  return by_coordinates ? by_coordinates : (i > j) - (i < j);
}

static PetscErrorCode FindPoints(PetscInt n, PetscInt columns, const PetscReal weight[], const PetscReal condition[],
                                 Points *points)
{
  Order order = {columns, condition};

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n, &points->weight, n, &points->row));
  for (PetscInt i = 0; i < n; ++i) points->row[i] = i;
  PetscCall(PetscTimSort(n, points->row, sizeof *points->row, CompareRows, &order));
  points->n = 0;
  for (PetscInt i = 0; i < n; ++i) {
    const PetscInt  row = points->row[i], last = points->n - 1;
    const PetscBool again = (PetscBool)(points->n && !CompareCoordinates(&order, points->row[last], row));

    if (again) points->weight[last] += weight[row];
    else {
      points->weight[points->n] = weight[row];
      points->row[points->n++]  = row; // never ahead of i
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSize(MPI_Comm comm, PetscInt dim, const Components *x, PetscInt n_points)
{
  const PetscReal n = (PetscReal)x->n * (PetscReal)n_points;
  const PetscReal numbers =
      (PetscReal)dim * (n + (PetscReal)x->width * (x->factors > 1 ? n : 1.0)); // means, and factors

  PetscFunctionBegin;
  PetscCheck(numbers <= brenier_most_component_numbers, comm, PETSC_ERR_USER_INPUT,
             "%" PetscInt_FMT " different conditions times %" PetscInt_FMT " component%s of the source in dimension "
             "%" PetscInt_FMT " take %.3g GiB on each rank, more than 2; round the conditions so that fewer differ%s",
             n_points, x->n, BrenierPlural(x->n), dim, (double)numbers * 8.0 / 1073741824.0,
             x->factors > 1 ? ", or give one /factor for all components" : "");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of a factor above rows of zeros. */
static PetscErrorCode Extend(const Components *x, PetscInt k, PetscInt dim, PetscInt columns, PetscReal factor[])
{
  const size_t rows = (size_t)dim * (size_t)x->width;

  PetscFunctionBegin;
  PetscCall(PetscArraycpy(factor, x->factor + (x->factors > 1 ? (size_t)k * rows : 0), rows));
  PetscCall(PetscArrayzero(factor + rows, (size_t)columns * (size_t)x->width));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All pairs of a component and a point; dim: of x. */
static PetscErrorCode Pair(const Components *x, const Points *c, PetscInt dim, PetscInt columns,
                           const PetscReal condition[], BrenierMixtureParameters *p)
{
  const size_t whole = (size_t)dim + (size_t)columns, size = whole * (size_t)x->width;

  PetscFunctionBegin;
  p->n       = x->n * c->n;
  p->factors = x->factors > 1 ? p->n : 1;
  p->width   = x->width;
  PetscCall(PetscMalloc1(p->n, &p->weight));
  PetscCall(PetscMalloc1((size_t)p->n * whole, &p->mean));
  PetscCall(PetscMalloc1((size_t)p->factors * size, &p->factor));
  for (PetscInt i = 0; i < p->n; ++i) {
    const PetscInt k = i / c->n, j = i % c->n;
    PetscReal     *mean = p->mean + (size_t)i * whole;

    p->weight[i] = x->weight[k] * c->weight[j];
    PetscCall(PetscArraycpy(mean, x->mean + (size_t)k * dim, dim));
    PetscCall(PetscArraycpy(mean + dim, condition + (size_t)c->row[j] * columns, columns));
    if (i < p->factors) PetscCall(Extend(x, k, dim, columns, p->factor + (size_t)i * size));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceWithConditions(MPI_Comm comm, BrenierSource noise, PetscInt n, PetscInt columns,
                                           const PetscReal weight[], const PetscReal condition[], BrenierSource *source)
{
  BrenierMixtureParameters pairs = {0};
  Components               x;
  Points                   c;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  PetscCheck(BrenierSourceTakesConditions(noise->name), comm, PETSC_ERR_USER_INPUT,
             "the law of pairs with conditions is not known for the source %s", noise->name);
  PetscCall(ComponentsOf(noise, &x));
  PetscCall(FindPoints(n, columns, weight, condition, &c));
  ierr = CheckSize(comm, noise->dim + columns, &x, c.n);
  if (!ierr) PetscCall(Pair(&x, &c, noise->dim, columns, condition, &pairs));
  if (!ierr)
    ierr = BrenierSourceCreateWith(comm, "mixture", noise->dim + columns,
                                   &(BrenierSourceParameters){.scale = 1.0, .mixture = &pairs}, source);
  PetscCall(BrenierMixtureFree(&pairs));
  PetscCall(PetscFree2(c.weight, c.row));
  PetscCall(PetscFree(x.weight));
  PetscCall(PetscFree(x.mean));
  PetscCall(PetscFree(x.factor));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
