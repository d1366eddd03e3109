/*
  gauss.c - Polygons under the Gaussian density of the plane, and under the solid angle of a facet weighted by it.

  With the origin at the centre of the density, p the distance of an edge's line and t along it from the foot,
  rho^2 = p^2 + t^2:

    mass = w - sum over edges of sign / 2 pi int dtheta e^{-rho^2 / 2},                w = winding about the origin

  and for a polygon in a plane at height h of space, r^2 = h^2 + rho^2:

    h int g(r) / r^3 dA = 2 pi w K(|h|) - sum sign int dtheta K(r),    K(r) = h erfc(r / sqrt 2) / (4 pi r)

  where g is the density outside a ball, over 4 pi: the divergence of -x g / r^3 is the density away from the origin, so
  that the mass of a polyhedron is [0 inside] - the sum over its facets. With t = p sinh v, dtheta = dv / cosh v, and
  the integrands are analytic to |Im v| < pi/2; pieces of length 1 over which the exponent changes by 3 at most need 10
  Gauss points. All terms decay like the density on the edges, so a cell far out keeps its digits.

  The sums lose digits as the mass is less than their terms; then BrenierGaussSlabs() sums it again.
*/
#include "kernel/pi.h"
#include "low/exponential.h"
#include "low/legendre.h"
#include "low/work.h"

#include <float.h>
#include <math.h>

/* Beyond it a density is less than 1e-20 of what it is at the nearest point: r^2 - nearest^2. */
static const double reach = 92.0;

/* Nearer to an edge the origin is neither inside nor outside. */
static const double near = 0.5;

/* Planes farther than its root have no density. */
static const double beyond = 1480.0;

/* Lines this near the origin are seen as a step at the foot. */
static const double touching = 1e-20;

/* Cells whose exponent changes by less are summed without cancellation from the start. */
static const double small = 0.5;

/* Loss of digits in an edge sum: a mass below this share of its terms has fewer than 13. */
static const double least_share = 2e-2;

double BrenierNormalDensity(double t)
{
  return exp(-0.5 * t * t) / sqrt(2.0 * brenier_pi);
}

/* int over [s, s + length] of the normal density, without cancellation. */
static double NormalMass(double s, double length)
{
  const double e   = s + length; // which rounds away digits of a short length
  const double far = fmax(fabs(s), fabs(e));

  if (length * fmax(1.0, far) < 1.0) {
    int                pieces;
    const BrenierRule *rule = BrenierLegendre(length * fmax(1.0, far), 1, &pieces);
    double             sum  = 0.0;

    for (int i = 0; i < rule->n; ++i) sum += rule->w[i] * exp(-0.5 * pow(s + length * rule->x[i], 2));
    return length * sum / sqrt(2.0 * brenier_pi);
  }
  if (s >= 0.0) return 0.5 * (erfc(s / sqrt(2.0)) - erfc(e / sqrt(2.0)));
  if (e <= 0.0) return 0.5 * (erfc(-e / sqrt(2.0)) - erfc(-s / sqrt(2.0)));
  return 0.5 * (erf(e / sqrt(2.0)) - erf(s / sqrt(2.0)));
}

/* The polygon's vertices are centre + x. Edges without length have no measure and no angle. */
static void Edges(int n, const double x[], const double centre[2], BrenierEdge edge[])
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
    edge[v].measure = BrenierNormalDensity(edge[v].p) * NormalMass(edge[v].from, length);
  }
}

/* p, but off zero, with the sign that counts everywhere for an edge through the origin. */
static double OffZero(double p)
{
  return copysign(fmax(fabs(p), touching), p);
}

/* Least distance of the origin from the edges; how often they go around it. Near an edge the angles are not rounded to
   whole turns: what they are off by, the edge's own integral is off by as well. */
static double Gap(int n, const BrenierEdge edge[], double *winding)
{
  double least = HUGE_VAL, turn = 0.0;

  for (int v = 0; v < n; ++v) {
    const BrenierEdge *e = &edge[v];
    const double       p = OffZero(e->p), t = fmin(fmax(0.0, e->from), e->to);

    if (!(e->to > e->from)) continue;
    turn += atan2(p * (e->to - e->from), p * p + e->from * e->to);
    least = fmin(least, p * p + t * t);
  }
  *winding = least < near * near ? turn / (2.0 * brenier_pi) : rint(turn / (2.0 * brenier_pi));
  return sqrt(least);
}

/* K at r, and where h and the line are within rounding of the origin the half of the step that the sign of h says. */
static double Kernel(double h, double r)
{
  return h / r * erfc(r / sqrt(2.0)) / (4.0 * brenier_pi);
}

/* Integrals over 0 <= from <= t <= to of e^{-rho^2/2} / 2 pi and, if wanted, of K. */
static void HalfEdge(double p, double from, double to, double h, double *flat, double *kernel)
{
  const double       start = asinh(from / p), length = asinh(to / p) - start, change = 0.5 * (to - from) * (to + from);
  const int          pieces = (int)fmax(1.0, ceil(fmax(length, change / 3.0)));
  const double       step   = length / pieces;
  int                one;
  const BrenierRule *rule = BrenierLegendre(1.2 * fmax(step, sqrt(change / pieces)), 1, &one);

  for (int piece = 0; piece < pieces; ++piece) {
    double weight[10], rho2[10], exponent[10], e[10];

    for (int i = 0; i < rule->n; ++i) exponent[i] = start + step * (piece + rule->x[i]);
    BrenierExponentials(rule->n, exponent, e);
    for (int i = 0; i < rule->n; ++i) {
      const double cosine = 0.5 * (e[i] + 1.0 / e[i]);

      weight[i]   = rule->w[i] * step / cosine;
      rho2[i]     = p * p * cosine * cosine;
      exponent[i] = -0.5 * rho2[i];
    }
    if (flat) BrenierExponentials(rule->n, exponent, e);
    for (int i = 0; i < rule->n && flat; ++i) *flat += weight[i] * e[i] / (2.0 * brenier_pi);
    for (int i = 0; i < rule->n && kernel; ++i) *kernel += weight[i] * Kernel(h, sqrt(h * h + rho2[i]));
  }
}

static double SolidAngle(double h, double p, double t)
{
  return atan2(h * t, p * sqrt(h * h + p * p + t * t));
}

/* What an edge adds to the solid angle under which the polygon is seen. */
static double EdgeAngle(const BrenierEdge *edge, double h)
{
  const double p = fmax(fabs(edge->p), touching);

  return copysign(1.0, edge->p) * (SolidAngle(h, p, edge->to) - SolidAngle(h, p, edge->from));
}

/* The same over an edge, with its sign; limit is the largest rho^2 that counts. */
static void WholeEdge(const BrenierEdge *edge, double limit, double h, double *flat, double *kernel)
{
  const double p = fmax(fabs(edge->p), touching), most = limit - p * p, sign = copysign(1.0, edge->p);
  double       from, to, plane = 0.0, space = 0.0;

  if (most <= 0.0) return;
  from = fmax(edge->from, -sqrt(most));
  to   = fmin(edge->to, sqrt(most));
  if (!(from < to)) return;
  if (p == touching) {
    plane = (atan(to / p) - atan(from / p)) / (2.0 * brenier_pi);
    space = (SolidAngle(h, p, to) - SolidAngle(h, p, from)) * erfc(fabs(h) / sqrt(2.0)) / (4.0 * brenier_pi);
  } else {
    double *f = flat ? &plane : NULL, *s = kernel ? &space : NULL;

    if (to > 0.0) HalfEdge(p, fmax(from, 0.0), to, h, f, s);
    if (from < 0.0) HalfEdge(p, fmax(-to, 0.0), -from, h, f, s);
  }
  if (flat) *flat = sign * plane;
  if (kernel) *kernel = sign * space;
}

/* Moments about the origin by the identities of Stein: int x = -sum n mu(edge), int x_a x_b = delta mass - sum n int
   x. */
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

/* What the sums over the edges leave out beyond it. */
static double Limit(double gap, double winding)
{
  return (winding > 0.5 ? 0.0 : gap * gap) + reach;
}

/* Edge sums; the share that the mass has of their terms. With a cone, the polygon's plane is at height h. */
static double EdgeSums(int n, const BrenierEdge edge[], BrenierFlat *flat, double h, BrenierCone *cone)
{
  double       winding, step = 0.0;
  const double gap = Gap(n, edge, &winding), limit = Limit(gap, winding);
  double       size = fabs(winding);

  *flat = (BrenierFlat){winding, {0.0}, {0.0}};
  if (cone) {
    step              = 0.5 * winding * copysign(erfc(fabs(h) / sqrt(2.0)), h);
    *cone             = (BrenierCone){.sum = step, .size = fabs(step)};
    cone->gap         = sqrt(h * h + (winding > 0.5 ? 0.0 : gap * gap));
    cone->solid_angle = 2.0 * brenier_pi * winding * copysign(1.0, h);
  }
  for (int v = 0; v < n; ++v) {
    double term = 0.0, space = 0.0;

    if (!(edge[v].to > edge[v].from)) continue;
    if (cone) cone->solid_angle -= EdgeAngle(&edge[v], h);
    if (h * h > beyond) continue;
    WholeEdge(&edge[v], limit, h, &term, cone ? &space : NULL);
    flat->mass -= term;
    size += fabs(term);
    if (cone) cone->sum -= space;
    if (cone) cone->size += fabs(space);
  }
  Stein(n, edge, flat);
  return size > 0.0 ? flat->mass / size : 1.0;
}

/* Distance beyond which nothing in the polygon counts. */
static double Horizon(int n, const BrenierEdge edge[])
{
  double       winding;
  const double gap = Gap(n, edge, &winding);

  return sqrt(Limit(gap, winding));
}

/* Moments of N(0, I_2) over the polygon with vertices centre + x, whose edges are left in edge; with a cone, also the
   cone's from the origin to it at height h. */
void BrenierGaussPolygon(int n, const double x[], const double centre[2], BrenierEdge edge[], BrenierFlat *flat,
                         double h, BrenierCone *cone)
{
  double mean[2], about[2], radius, most, share = 0.0;
  int    is_small;

  Edges(n, x, centre, edge);
  BrenierPolygonMean(n, x, mean);
  about[0] = centre[0] + mean[0];
  about[1] = centre[1] + mean[1];
  radius   = BrenierPolygonRadius(n, x, mean);
  most     = radius + sqrt(about[0] * about[0] + about[1] * about[1]);
  is_small = radius * fmax(1.0, most) < small;
  if (cone || !is_small) share = EdgeSums(n, edge, flat, h, cone);
  if (is_small) BrenierGaussSlabs(n, x, centre, most, flat);
  else if (share < least_share && h * h <= beyond) BrenierGaussSlabs(n, x, centre, fmin(most, Horizon(n, edge)), flat);
}
