/*
  slabs.c - A polygon under the Gaussian density of the plane without cancellation: trapezoids between the vertices,
  along the polygon's longest direction, by product rules whose terms are all positive. Fast for cells that are small
  against the density's length, and right for thin ones.
*/
#include "kernel/pi.h"
#include "low/exponential.h"
#include "low/legendre.h"
#include "low/work.h"

#include <math.h>

/* The direction to the vertex farthest from the first. */
static void LongAxis(int n, const double x[], double axis[2])
{
  double most = 0.0;

  axis[0] = 1.0;
  axis[1] = 0.0;
  for (int v = 1; v < n; ++v) {
    const double dx = x[2 * v] - x[0], dy = x[2 * v + 1] - x[1], length = sqrt(dx * dx + dy * dy);

    if (length <= most) continue;
    most    = length;
    axis[0] = dx / length;
    axis[1] = dy / length;
  }
}

/* A polygon turned so that its long axis is the first; p, q are the positions of the lower and the upper chain. */
typedef struct {
  const double *x;
  double        axis[2], centre[2]; // centre in the turned frame
  double        far, pace;          // distance beyond which nothing counts; largest slope of the exponent up to there
} Turned;

static double Along(const Turned *t, int v)
{
  return t->axis[0] * t->x[2 * v] + t->axis[1] * t->x[2 * v + 1];
}

static double Across(const Turned *t, int v)
{
  return t->axis[0] * t->x[2 * v + 1] - t->axis[1] * t->x[2 * v];
}

/* Ordinate of the edge p -> q at x. */
static double Chain(const Turned *t, int p, int q, double x)
{
  const double xp = Along(t, p), run = Along(t, q) - xp;

  return Across(t, p) + (run != 0.0 ? (Across(t, q) - Across(t, p)) * ((x - xp) / run) : 0.0);
}

enum { POINTS = 128 };

/* Points of a product rule in the turned frame, not yet summed. */
typedef struct {
  int    n;
  double x[POINTS], y[POINTS], weight[POINTS], exponent[POINTS], e[POINTS];
} Points;

/* Adds the points' moments about the turned frame's centre and empties the list. */
static void FlushPoints(Points *points, const double centre[2], BrenierFlat *flat)
{
  double sum[6] = {0.0};

  for (int i = 0; i < points->n; ++i) {
    const double x = centre[0] + points->x[i], y = centre[1] + points->y[i];

    points->exponent[i] = -0.5 * (x * x + y * y);
  }
  BrenierExponentials(points->n, points->exponent, points->e);
  for (int i = 0; i < points->n; ++i) {
    const double x = points->x[i], y = points->y[i], e = points->weight[i] * points->e[i];

    sum[0] += e;
    sum[1] += e * x;
    sum[2] += e * y;
    sum[3] += e * x * x;
    sum[4] += e * x * y;
    sum[5] += e * y * y;
  }
  flat->mass += sum[0] / (2.0 * brenier_pi);
  for (int d = 0; d < 2; ++d) flat->first[d] += sum[1 + d] / (2.0 * brenier_pi);
  for (int d = 0; d < 3; ++d) flat->second[d] += sum[3 + d] / (2.0 * brenier_pi);
  points->n = 0;
}

/* The points of one abscissa. */
static void Column(const Turned *t, double x, double bottom, double top, double weight, Points *points,
                   BrenierFlat *flat)
{
  enum { MOST = 64 };
  const double       cx = t->centre[0] + x, cut = sqrt(fmax(0.0, t->far * t->far - cx * cx));
  const double       low = fmax(bottom, -cut - t->centre[1]), high = fmin(top, cut - t->centre[1]);
  int                pieces;
  const BrenierRule *rule = BrenierLegendre((high - low) * t->pace, MOST, &pieces);
  const double       step = (high - low) / pieces;

  if (high <= low) return;
  for (int piece = 0; piece < pieces; ++piece)
    for (int i = 0; i < rule->n; ++i) {
      if (points->n == POINTS) FlushPoints(points, t->centre, flat);
      points->x[points->n]        = x;
      points->y[points->n]        = low + step * (piece + rule->x[i]);
      points->weight[points->n++] = weight * step * rule->w[i];
    }
}

/* The trapezoid over [from, to] between the edges p[0] -> p[1] below and q[0] -> q[1] above. */
static void Slab(const Turned *t, double start, double end, const int p[2], const int q[2], Points *points,
                 BrenierFlat *flat)
{
  enum { MOST = 256 };
  const double       from = fmax(start, -t->far - t->centre[0]), to = fmin(end, t->far - t->centre[0]);
  int                pieces;
  const double       rise = fabs(Chain(t, p[0], p[1], to) - Chain(t, p[0], p[1], from));
  const double       fall = fabs(Chain(t, q[0], q[1], to) - Chain(t, q[0], q[1], from));
  const double       way  = fmin(fmax(to - from, fmax(rise, fall)), 2.0 * t->far); // of a border point
  const BrenierRule *rule = BrenierLegendre(way * t->pace, MOST, &pieces);
  const double       step = (to - from) / pieces;

  if (to <= from) return;
  for (int piece = 0; piece < pieces; ++piece)
    for (int i = 0; i < rule->n; ++i) {
      const double x   = from + step * (piece + rule->x[i]);
      const double low = Chain(t, p[0], p[1], x), high = Chain(t, q[0], q[1], x);

      if (high > low) Column(t, x, low, high, step * rule->w[i], points, flat);
    }
}

static void TurnBack(const Turned *t, BrenierFlat *flat)
{
  const double c = t->axis[0], s = t->axis[1], x = flat->first[0], y = flat->first[1];
  const double xx = flat->second[0], xy = flat->second[1], yy = flat->second[2];

  flat->first[0]  = c * x - s * y;
  flat->first[1]  = s * x + c * y;
  flat->second[0] = c * c * xx - 2.0 * c * s * xy + s * s * yy;
  flat->second[1] = c * s * (xx - yy) + (c * c - s * s) * xy;
  flat->second[2] = s * s * xx + 2.0 * c * s * xy + c * c * yy;
}

/* All terms positive: between the abscissae of the vertices, by product rules. The polygon's vertices are centre + x;
   what is farther than far from the origin does not count, or there is no such thing. */
void BrenierGaussSlabs(int n, const double x[], const double centre[2], double far, BrenierFlat *flat)
{
  Turned t = {.x = x, .far = 1.01 * far, .pace = fmax(1.0, far)};
  Points points;
  int    least = 0, most = 0, p, q;
  double at;

  points.n = 0;
  LongAxis(n, x, t.axis);
  t.centre[0] = t.axis[0] * centre[0] + t.axis[1] * centre[1];
  t.centre[1] = t.axis[0] * centre[1] - t.axis[1] * centre[0];
  for (int v = 1; v < n; ++v) {
    if (Along(&t, v) < Along(&t, least)) least = v;
    if (Along(&t, v) > Along(&t, most)) most = v;
  }
  *flat = (BrenierFlat){0.0, {0.0}, {0.0}};
  for (p = q = least, at = Along(&t, least); p != most || q != most;) {
    const int    low[2] = {p, p == most ? p : (p + 1) % n}, high[2] = {q, q == most ? q : (q + n - 1) % n};
    const double next_low  = low[1] == p ? HUGE_VAL : Along(&t, low[1]);
    const double next_high = high[1] == q ? HUGE_VAL : Along(&t, high[1]), next = fmin(next_low, next_high);

    if (next > at && low[1] != p && high[1] != q) Slab(&t, at, next, low, high, &points, flat);
    at = fmax(at, next);
    if (next_low <= next_high) p = low[1];
    else q = high[1];
  }
  FlushPoints(&points, t.centre, flat);
  TurnBack(&t, flat);
  BrenierFlatShift(centre, flat);
}
