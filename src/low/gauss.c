/*
  gauss.c - Polygons under the Gaussian density of the plane, and under the solid angle of a facet weighted by it.

  With the origin at the centre of the density, p the distance of an edge's line and t along it from the foot,
  rho^2 = p^2 + t^2:

    mass = w - sum over edges of sign / 2 pi int dtheta e^{-rho^2 / 2},                w = winding about the origin

  and for a polygon in a plane at height h of space, r^2 = h^2 + rho^2:

    h int g(r) / r^3 dA = 2 pi w K(|h|) - sum sign int dtheta K(r),    K(r) = h erfc(r / sqrt 2) / (4 pi r)

  where g is the density outside a ball, over 4 pi: the divergence of -x g / r^3 is the density away from the origin, so
  that the mass of a polyhedron is [0 inside] - the sum over its facets. With t = p sinh v, dtheta = dv / cosh v, and the
  integrands are analytic to |Im v| < pi/2; pieces of length 5/4 over which the exponent changes by 4 at most need 10
  Gauss points. All terms decay like the density on the edges, so a cell far out keeps its digits.

  The sums lose 1 / mass, or for a cell within one length of the density all that it is smaller; then the mass is summed
  over trapezoids between the vertices, along the polygon's longest direction, by product rules with positive terms.
*/
#include "low/legendre.h"
#include "low/work.h"

#include <float.h>
#include <math.h>

static const double pi = 3.14159265358979323846264338327950288;

/* Beyond it a density is less than 1e-20 of what it is at the nearest point: r^2 - nearest^2. */
static const double reach = 92.0;

/* Planes farther than its root have no density. */
static const double beyond = 1480.0;

/* Lines this near the origin are seen as a step at the foot. */
static const double touching = 1e-20;

/* Cells whose exponent changes by less are summed without cancellation from the start. */
static const double small = 0.5;

/* Loss of digits in an edge sum: mass below this share of its terms has fewer than 13. */
static const double least_share = 2e-3;

double BrenierNormalDensity(double t)
{
  return exp(-0.5 * t * t) / sqrt(2.0 * pi);
}

/* int over [s, e] of the normal density, without cancellation. */
static double NormalMass(double s, double e)
{
  const double far = fmax(fabs(s), fabs(e));

  if ((e - s) * fmax(1.0, far) < 1.0) {
    int                pieces;
    const BrenierRule *rule = BrenierLegendre((e - s) * fmax(1.0, far), 1, &pieces);
    double             sum  = 0.0;

    for (int i = 0; i < rule->n; ++i) sum += rule->w[i] * exp(-0.5 * pow(s + (e - s) * rule->x[i], 2));
    return (e - s) * sum / sqrt(2.0 * pi);
  }
  if (s >= 0.0) return 0.5 * (erfc(s / sqrt(2.0)) - erfc(e / sqrt(2.0)));
  if (e <= 0.0) return 0.5 * (erfc(-e / sqrt(2.0)) - erfc(-s / sqrt(2.0)));
  return 0.5 * (erf(e / sqrt(2.0)) - erf(s / sqrt(2.0)));
}

/* The polygon's vertices are centre + x. Edges without length have no measure and no angle. */
void BrenierGaussEdges(int n, const double x[], const double centre[2], BrenierEdge edge[])
{
  for (int v = 0; v < n; ++v) {
    const int    w  = v + 1 < n ? v + 1 : 0;
    const double dx = x[2 * w] - x[2 * v], dy = x[2 * w + 1] - x[2 * v + 1], length = sqrt(dx * dx + dy * dy);
    const double ax = centre[0] + x[2 * v], ay = centre[1] + x[2 * v + 1];

    edge[v] = (BrenierEdge){.n = {0.0, 0.0}};
    if (!(length > 0.0)) continue;
    edge[v].n[0]    = dy / length;
    edge[v].n[1]    = -dx / length;
    edge[v].p       = ax * edge[v].n[0] + ay * edge[v].n[1];
    edge[v].from    = (ax * dx + ay * dy) / length;
    edge[v].to      = edge[v].from + length;
    edge[v].measure = BrenierNormalDensity(edge[v].p) * NormalMass(edge[v].from, edge[v].to);
  }
}

/* Least distance of the origin from the edges; the angles of the edges, and how often they go around it. */
double BrenierGaussGap(int n, BrenierEdge edge[], int *winding)
{
  double least = HUGE_VAL, turn = 0.0;

  for (int v = 0; v < n; ++v) {
    BrenierEdge *e = &edge[v];
    const double t = fmin(fmax(0.0, e->from), e->to);

    if (!(e->to > e->from)) continue;
    e->angle = atan2(e->p * (e->to - e->from), e->p * e->p + e->from * e->to);
    turn += e->angle;
    least = fmin(least, e->p * e->p + t * t);
  }
  *winding = (int)rint(turn / (2.0 * pi));
  return sqrt(least);
}

/* K at r, and where h and the line are within rounding of the origin the half of the step that the sign of h says. */
static double Kernel(double h, double r)
{
  return h / r * erfc(r / sqrt(2.0)) / (4.0 * pi);
}

/* Integrals over 0 <= from <= t <= to of e^{-rho^2/2} / 2 pi and, if wanted, of K. */
static void HalfEdge(double p, double from, double to, double h, double *flat, double *kernel)
{
  const double       start = asinh(from / p), step = asinh(to / p) - start;
  const double       change = 0.5 * (to - from) * (to + from);
  const int          pieces = (int)fmax(1.0, ceil(fmax(step / 1.25, change / 4.0)));
  int                one;
  const BrenierRule *rule = BrenierLegendre(change > 0.05 || step > 0.3 ? 2.0 : 1.0, 1, &one);

  for (int piece = 0; piece < pieces; ++piece)
    for (int i = 0; i < rule->n; ++i) {
      const double e = exp(start + step * (piece + rule->x[i]) / pieces), cosine = 0.5 * (e + 1.0 / e);
      const double weight = rule->w[i] * step / pieces / cosine, rho2 = p * p * cosine * cosine;

      if (flat) *flat += weight * exp(-0.5 * rho2) / (2.0 * pi);
      if (kernel) *kernel += weight * Kernel(h, sqrt(h * h + rho2));
    }
}

static double SolidAngle(double h, double p, double t)
{
  return atan2(h * t, p * sqrt(h * h + p * p + t * t));
}

/* The same over an edge, with its sign; limit is the largest rho^2 that counts. */
static void WholeEdge(const BrenierEdge *edge, double limit, double h, double *flat, double *kernel)
{
  const double p = fmax(fabs(edge->p), touching), most = limit - p * p, sign = edge->angle < 0.0 ? -1.0 : 1.0;
  double       from, to, plane = 0.0, space = 0.0;

  if (most <= 0.0) return;
  from = fmax(edge->from, -sqrt(most));
  to   = fmin(edge->to, sqrt(most));
  if (!(from < to)) return;
  if (p == touching) {
    plane = (atan(to / p) - atan(from / p)) / (2.0 * pi);
    space = (SolidAngle(h, p, to) - SolidAngle(h, p, from)) * erfc(fabs(h) / sqrt(2.0)) / (4.0 * pi);
  } else {
    double *f = flat ? &plane : NULL, *s = kernel ? &space : NULL;

    if (to > 0.0) HalfEdge(p, fmax(from, 0.0), to, h, f, s);
    if (from < 0.0) HalfEdge(p, fmax(-to, 0.0), -from, h, f, s);
  }
  if (flat) *flat = sign * plane;
  if (kernel) *kernel = sign * space;
}

/* h int g / r^3 over the polygon; the sum of the terms' sizes is added to size. least becomes the polygon's distance. */
double BrenierGaussCone(int n, BrenierEdge edge[], double h, double *solid_angle, double *size, double *least)
{
  int          winding;
  const double gap   = BrenierGaussGap(n, edge, &winding),
               limit = h * h < beyond ? (winding ? 0.0 : gap * gap) + reach : 0.0;
  double sum         = winding * 0.5 * copysign(erfc(fabs(h) / sqrt(2.0)), h);

  *size += fabs(sum);
  *least       = sqrt(h * h + (winding ? 0.0 : gap * gap));
  *solid_angle = 2.0 * pi * winding * copysign(1.0, h);
  for (int v = 0; v < n; ++v) {
    const double p = fmax(fabs(edge[v].p), touching), sign = edge[v].angle < 0.0 ? -1.0 : 1.0;
    double       term = 0.0;

    if (!(edge[v].to > edge[v].from)) continue;
    WholeEdge(&edge[v], limit, h, NULL, &term);
    sum -= term;
    *size += fabs(term);
    *solid_angle -= sign * (SolidAngle(h, p, edge[v].to) - SolidAngle(h, p, edge[v].from));
  }
  return sum;
}

/* Moments about the origin by the identities of Stein: int x = -sum n mu(edge), int x_a x_b = delta mass - sum n int x. */
static void Stein(int n, const BrenierEdge edge[], BrenierFlat *flat)
{
  flat->second[0] = flat->second[2] = flat->mass;
  for (int v = 0; v < n; ++v) {
    const BrenierEdge *e = &edge[v];
    const double along   = BrenierNormalDensity(e->p) * (BrenierNormalDensity(e->from) - BrenierNormalDensity(e->to));
    const double x = e->p * e->n[0] * e->measure - e->n[1] * along, y = e->p * e->n[1] * e->measure + e->n[0] * along;

    flat->first[0] -= e->n[0] * e->measure;
    flat->first[1] -= e->n[1] * e->measure;
    flat->second[0] -= e->n[0] * x;
    flat->second[1] -= 0.5 * (e->n[0] * y + e->n[1] * x);
    flat->second[2] -= e->n[1] * y;
  }
}

/* Edge sums; the share that the mass has of their terms. */
static double EdgeSums(int n, BrenierEdge edge[], BrenierFlat *flat)
{
  int          winding;
  const double gap = BrenierGaussGap(n, edge, &winding), limit = (winding ? 0.0 : gap * gap) + reach;
  double       size = fabs((double)winding);

  *flat = (BrenierFlat){winding, {0.0}, {0.0}};
  for (int v = 0; v < n; ++v) {
    double term = 0.0;

    if (edge[v].to > edge[v].from) WholeEdge(&edge[v], limit, 0.0, &term, NULL);
    flat->mass -= term;
    size += fabs(term);
  }
  Stein(n, edge, flat);
  return size > 0.0 ? flat->mass / size : 1.0;
}

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
  int           n;
  const double *x;
  double        axis[2], centre[2]; // centre in the turned frame
  double        pace;               // largest slope of the exponent
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

/* Adds one abscissa: moments in the turned frame about its centre. */
static void Column(const Turned *t, double x, double low, double high, double weight, BrenierFlat *flat)
{
  enum { MOST = 64 };
  int                pieces;
  const BrenierRule *rule = BrenierLegendre((high - low) * t->pace, MOST, &pieces);
  const double       cx = t->centre[0] + x, step = (high - low) / pieces;
  double             sum[3] = {0.0};

  for (int piece = 0; piece < pieces; ++piece)
    for (int i = 0; i < rule->n; ++i) {
      const double y = low + step * (piece + rule->x[i]), cy = t->centre[1] + y;
      const double e = rule->w[i] * exp(-0.5 * (cx * cx + cy * cy));

      sum[0] += e;
      sum[1] += e * y;
      sum[2] += e * y * y;
    }
  for (int m = 0; m < 3; ++m) sum[m] *= weight * step / (2.0 * pi);
  flat->mass += sum[0];
  flat->first[0] += x * sum[0];
  flat->first[1] += sum[1];
  flat->second[0] += x * x * sum[0];
  flat->second[1] += x * sum[1];
  flat->second[2] += sum[2];
}

/* The trapezoid over [from, to] between the edges p[0] -> p[1] below and q[0] -> q[1] above. */
static void Slab(const Turned *t, double from, double to, const int p[2], const int q[2], BrenierFlat *flat)
{
  enum { MOST = 256 };
  int                pieces;
  const BrenierRule *rule = BrenierLegendre((to - from) * t->pace, MOST, &pieces);
  const double       step = (to - from) / pieces;

  for (int piece = 0; piece < pieces; ++piece)
    for (int i = 0; i < rule->n; ++i) {
      const double x   = from + step * (piece + rule->x[i]);
      const double low = Chain(t, p[0], p[1], x), high = Chain(t, q[0], q[1], x);

      if (high > low) Column(t, x, low, high, step * rule->w[i], flat);
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

/* All terms positive: between the abscissae of the vertices, by product rules. */
static void Slabs(int n, const double x[], const double centre[2], double pace, BrenierFlat *flat)
{
  Turned t     = {.n = n, .x = x, .pace = pace};
  int    least = 0, most = 0, p, q;
  double at;

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

    if (next > at && low[1] != p && high[1] != q) Slab(&t, at, next, low, high, flat);
    at = fmax(at, next);
    if (next_low <= next_high) p = low[1];
    else q = high[1];
  }
  TurnBack(&t, flat);
  BrenierFlatShift(centre, flat);
}

void BrenierGaussPolygon(int n, const double x[], const double centre[2], BrenierEdge edge[], BrenierFlat *flat)
{
  double mean[2], about[2], radius, pace;

  BrenierGaussEdges(n, x, centre, edge);
  BrenierPolygonMean(n, x, mean);
  radius   = BrenierPolygonRadius(n, x, mean);
  about[0] = centre[0] + mean[0];
  about[1] = centre[1] + mean[1];
  pace     = fmax(1.0, sqrt(about[0] * about[0] + about[1] * about[1]) + radius);
  if (radius * pace < small || EdgeSums(n, edge, flat) < least_share) Slabs(n, x, centre, pace, flat);
}
