/* components.c - Implements components.h. */
#include "components.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where cell.h cuts open cells, and how far beyond its mean a component matters, in standard deviations. */
static const double brenier_domain = 9.0, brenier_far = 9.0;

enum { MOST_DIM = 3 };

static const double brenier_root_half = 0.70710678118654752440, brenier_root_two_pi = 2.50662827463100050242;

/* Lower triangle C with C C^T = F F^T, F of `width` columns. Returns 1 unless F has rank dim. */
static int Triangle(int dim, int width, const double f[], double c[])
{
  const double least = 1e-13;

  for (int i = 0; i < dim; ++i)
    for (int j = 0; j <= i; ++j) {
      double sum = 0.0, square = 0.0;

      for (int l = 0; l < width; ++l) {
        sum += f[i * width + l] * f[j * width + l];
        square += f[i * width + l] * f[i * width + l];
      }
      for (int l = 0; l < j; ++l) sum -= c[i * dim + l] * c[j * dim + l];
      if (i == j && !(sum > least * square)) return 1;
      c[i * dim + j] = i == j ? sqrt(sum) : sum / c[j * dim + j];
    }
  return 0;
}

/* How far a component reaches from 0, in any direction. */
static double ReachOf(int dim, const double mean[], const double factor[])
{
  double square = 0.0, centre = 0.0;

  for (int i = 0; i < dim; ++i) centre += mean[i] * mean[i];
  for (int i = 0; i < dim * dim; ++i) square += factor[i] * factor[i];
  return sqrt(centre) + brenier_far * sqrt(square);
}

int BrenierComponentsSet(int n, int dim, const double weight[], const double mean[], int factors, int width,
                         const double factor[], BrenierComponents *c)
{
  const size_t square = (size_t)(dim * dim);
  double       reach  = 0.0;

  *c        = (BrenierComponents){.n = n, .dim = dim};
  c->weight = malloc((size_t)n * sizeof *c->weight);
  c->mean   = malloc((size_t)(n * dim) * sizeof *c->mean);
  c->factor = calloc((size_t)n * square, sizeof *c->factor);
  if (!c->weight || !c->mean || !c->factor) return 1;
  memcpy(c->weight, weight, (size_t)n * sizeof *weight);
  for (int k = 0; k < n; ++k) {
    double *to = c->factor + (size_t)k * square;

    for (int i = 0; factors == 0 && i < dim; ++i) to[i * dim + i] = 1.0;
    if (factors > 0 && Triangle(dim, width, factor + (factors > 1 ? (size_t)(k * dim * width) : 0), to)) return 1;
    reach = fmax(reach, ReachOf(dim, mean + (size_t)(k * dim), to));
  }
  c->scale = reach / brenier_domain;
  for (size_t i = 0; i < (size_t)(n * dim); ++i) c->mean[i] = mean[i] / c->scale;
  for (size_t i = 0; i < (size_t)n * square; ++i) c->factor[i] /= c->scale;
  return 0;
}

void BrenierComponentsFree(BrenierComponents *c)
{
  free(c->weight);
  free(c->mean);
  free(c->factor);
  *c = (BrenierComponents){0};
}

/* Mass of the standard normal law between two points, by the tail that is the smaller. */
static double Between(double low, double high)
{
  if (low > 0.0) return 0.5 * (erfc(low * brenier_root_half) - erfc(high * brenier_root_half));
  return 0.5 * (erfc(-high * brenier_root_half) - erfc(-low * brenier_root_half));
}

/* { z : z a_j <= b_j } under the standard normal law of one dimension. */
static void Interval(int k, const double a[], const double b[], BrenierCell *cell, double facet[])
{
  double end[2]    = {-HUGE_VAL, HUGE_VAL}, density[2];
  int    active[2] = {-1, -1};

  *cell = (BrenierCell){0};
  for (int j = 0; j < k; ++j) {
    facet[j] = 0.0;
    if (a[j] > 0.0 && b[j] / a[j] < end[1]) {
      end[1]    = b[j] / a[j];
      active[1] = j;
    } else if (a[j] < 0.0 && b[j] / a[j] > end[0]) {
      end[0]    = b[j] / a[j];
      active[0] = j;
    } else if (a[j] == 0.0 && b[j] < 0.0) end[1] = -HUGE_VAL;
  }
  if (!(end[0] < end[1])) return;
  for (int i = 0; i < 2; ++i) density[i] = exp(-0.5 * end[i] * end[i]) / brenier_root_two_pi;
  cell->mass      = Between(end[0], end[1]);
  cell->moment[0] = density[0] - density[1];
  cell->second[0] =
      cell->mass + (density[0] > 0.0 ? end[0] * density[0] : 0.0) - (density[1] > 0.0 ? end[1] * density[1] : 0.0);
  for (int i = 0; i < 2; ++i)
    if (active[i] >= 0) facet[active[i]] = density[i];
}

/* Place of (i, j), i <= j, among the second moments. */
static int Place(int dim, int i, int j)
{
  return i * dim - i * (i - 1) / 2 + (j - i);
}

/* Adds p times the cell of z as one of x = m + L z. */
static void AddCell(int dim, double p, const double m[], const double L[], const BrenierCell *z, BrenierCell *x)
{
  double first[MOST_DIM], second[MOST_DIM][MOST_DIM];

  for (int i = 0; i < dim; ++i) {
    first[i] = 0.0;
    for (int l = 0; l <= i; ++l) first[i] += L[i * dim + l] * z->moment[l];
    for (int j = 0; j < dim; ++j) second[i][j] = z->second[i <= j ? Place(dim, i, j) : Place(dim, j, i)];
  }
  x->mass += p * z->mass;
  for (int i = 0; i < dim; ++i) {
    x->moment[i] += p * (m[i] * z->mass + first[i]);
    for (int j = i; j < dim; ++j) {
      double sum = m[i] * m[j] * z->mass + m[i] * first[j] + m[j] * first[i];

      for (int l = 0; l <= i; ++l)
        for (int o = 0; o <= j; ++o) sum += L[i * dim + l] * L[j * dim + o] * second[l][o];
      x->second[Place(dim, i, j)] += p * sum;
    }
  }
}

/* The k constraints of component i, shapes [k, dim] and [k], and |a| over |L^T a| of each. */
typedef struct {
  double *a, *b, *ratio, *facet;
} Changed;

static void Constraints(const BrenierComponents *c, int i, int k, const double a[], const double b[],
                        const Changed *changed)
{
  const int     dim = c->dim;
  const double *m = c->mean + (size_t)(i * dim), *L = c->factor + (size_t)(i * dim * dim);

  for (int j = 0; j < k; ++j) {
    double length = 0.0, square = 0.0;

    changed->b[j] = b[j];
    for (int l = 0; l < dim; ++l) {
      double sum = 0.0;

      for (int row = l; row < dim; ++row) sum += L[row * dim + l] * a[j * dim + row];
      changed->a[j * dim + l] = sum;
      changed->b[j] -= m[l] * a[j * dim + l];
      length += a[j * dim + l] * a[j * dim + l];
      square += sum * sum;
    }
    changed->ratio[j] = square > 0.0 ? sqrt(length / square) : 0.0;
  }
}

int BrenierComponentsIntegrate(const BrenierComponents *c, int k, const double a[], const double b[],
                               BrenierCellWork *work, BrenierCell *cell, double facet[])
{
  const int     dim     = c->dim;
  const size_t  n       = (size_t)k;
  double       *room    = malloc((n + 1) * (size_t)(dim + 3) * sizeof *room);
  double       *rest    = room + n * (size_t)dim;
  const Changed changed = {room, rest, rest + n, rest + 2 * n};
  int           failed  = !room;

  *cell = (BrenierCell){0};
  for (int j = 0; j < k; ++j) facet[j] = 0.0;
  for (int i = 0; i < c->n && !failed; ++i) {
    BrenierCell z;

    if (c->weight[i] == 0.0) continue;
    Constraints(c, i, k, a, b, &changed);
    if (dim == 1) Interval(k, changed.a, changed.b, &z, changed.facet);
    else failed = BrenierCellIntegrate(BRENIER_LAW_GAUSSIAN, dim, k, changed.a, changed.b, work, &z, changed.facet);
    if (failed) break;
    AddCell(dim, c->weight[i], c->mean + (size_t)(i * dim), c->factor + (size_t)(i * dim * dim), &z, cell);
    for (int j = 0; j < k; ++j) facet[j] += c->weight[i] * changed.facet[j] * changed.ratio[j];
  }
  free(room);
  return failed;
}
