/*
  envelope.h - Upper envelopes of planes along one curve, exact up to rounding. Plain C, no MPI, no PETSc.

  Along a curve x(t) the planes <x,y_i> + h_i are functions of t alone:
    great circle  x(t) = z1 cos t + z2 sin t, 0 <= t < 2 pi:  f_i(t) = a_i cos t + b_i sin t + h_i;
    line          x(t) = x(0) + t e:                          f_i(t) = a_i + b_i t + h_i.
  u = max_i f_i cuts the curve into pieces, each the part of one Laguerre cell.

  Circle: stand at t on plane c. With s = t' - t, r = tan(s/2) and P, Q the value (without h) and derivative of a plane
  at t, plane j meets c where  (dH - dP) r^2 + 2 dQ r + (dP + dH) = 0,  dP = P_j - P_c and so on, with dP + dH <= 0
  because c is on top. The next piece starts at the least positive up-crossing root over all j. The root is taken in the
  form that does not cancel: the plane just left sits at dP + dH = 0 up to rounding, and the other form would walk back
  onto it. Cost O(pieces k), k planes.

  Line: sorted by slope, the envelope is the stack of the convex hull trick. Cost O(k log k).

  Ties go to the plane listed first; the caller lists planes by ascending global index.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Measure along a line. */
typedef enum {
  BRENIER_LINE_UNIFORM, /* length on [-1/2, 1/2]: a chord of the cube */
  BRENIER_LINE_GAUSSIAN /* standard normal on the whole line: the Gaussian source in one dimension */
} BrenierLineMeasure;

/* The pieces of an envelope in order. Piece p belongs to plane[p] (position in the caller's list) and reaches from
   start[p] to start[p+1]. On a circle the last piece ends at 2 pi, where the first begins again. */
typedef struct {
  /* result */
  size_t   n;
  int32_t *plane; /* shape [n] */
  double  *start; /* shape [n+1] */
  /* work */
  size_t   capacity, work_capacity;
  double  *work;  /* roots, shape [work_capacity] */
  int32_t *order; /* planes by slope, shape [work_capacity] */
} BrenierEnvelope;

/* Frees what the envelope holds and zeroes it; a zeroed struct is an empty envelope. */
void BrenierEnvelopeFree(BrenierEnvelope *envelope);

/*
  BrenierCircleEnvelope - Upper envelope of k planes along a great circle

  Not collective. a, b, h: shape [k], finite, k >= 1, k < 2^31. Returns 0, or -1 when memory is out.
*/
int BrenierCircleEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *envelope);

/*
  BrenierLineEnvelope - Upper envelope of k lines a + h + b t over the support of the measure

  As BrenierCircleEnvelope(). For BRENIER_LINE_GAUSSIAN the first start is -INFINITY and the last end INFINITY.
*/
int BrenierLineEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierLineMeasure measure,
                        BrenierEnvelope *envelope);

/* Share of the circle from 0 to t: t / 2 pi. Share of the line's measure below t. Both in [0, 1]. */
double BrenierCircleShare(double t);
double BrenierLineShare(BrenierLineMeasure measure, double t);

/* Integral of a plane over the piece [s, e], with respect to the curve's probability measure. */
double BrenierCircleIntegral(double a, double b, double h, double s, double e);
double BrenierLineIntegral(BrenierLineMeasure measure, double a, double b, double h, double s, double e);

/* What the crossing at t of two planes, da and db apart, adds to the Hessian: density / |difference of derivatives|. */
double BrenierCircleCrossing(double da, double db, double t);
double BrenierLineCrossing(BrenierLineMeasure measure, double db, double t);

/* Least value of a plane on the piece [s, e] (0 <= e - s <= 2 pi on a circle). On a circle the least value may lie
   inside the piece, on a line it lies at an end; infinite ends do not count there. */
double BrenierCircleLeast(double a, double b, double h, double s, double e);
double BrenierLineLeast(double a, double b, double h, double s, double e);

/* BrenierCircleLeast() for many planes on one piece, whose ends come with their cosine and sine. */
double BrenierCircleLeastBetween(double a, double b, double h, double length, const double at_s[2],
                                 const double at_e[2]);
