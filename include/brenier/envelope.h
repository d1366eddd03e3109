/*
  envelope.h - Upper envelopes of planes along one curve, exact up to rounding. Plain C, no MPI, no PETSc.

  Along a curve x(t) the planes <x,y_i> + h_i are functions of t alone:
    great circle  x(t) = z1 cos t + z2 sin t, 0 <= t < 2 pi:  f_i(t) = a_i cos t + b_i sin t + h_i;
    line          x(t) = x(0) + t e:                          f_i(t) = a_i + b_i t + h_i.
  u = max_i f_i cuts the curve into pieces, on each of which one plane attains the maximum.

  Circle. Let plane c attain the maximum at t. With s = t' - t, r = tan(s/2) and P, Q the value (without h) and the
  derivative of a plane at t, plane j meets c where  (dH - dP) r^2 + 2 dQ r + (dP + dH) = 0,  dP = P_j - P_c and so on.
  dP + dH <= 0 because c is the maximum. The next piece starts at the least positive root over all j at which plane j
  rises above c. The root is computed in the form without cancellation: the plane of the piece before has dP + dH = 0 up
  to rounding, and the other form would return to it. Cost O(pieces k) for k planes.

  Line. Planes are sorted by slope; the envelope is the upper convex hull of lines, built on a stack. Cost O(k log k).

  Ties go to the plane that is listed first. The caller lists planes by ascending global index.
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

/*@
  BrenierEnvelopeFree - Frees the arrays of an envelope and zeroes it; a zeroed struct is an empty envelope

  Not collective

  Input/Output Parameter:
. envelope - the envelope

  Cost: O(1)
@*/
void BrenierEnvelopeFree(BrenierEnvelope *envelope);

/*@
  BrenierCircleEnvelope - Computes the upper envelope of the planes a cos t + b sin t + h along a great circle

  Not collective

  Input/Output Parameter:
. envelope - an envelope, whose arrays are used again; gets the pieces

  Input Parameters:
+ k - number of planes, at least 1, below 2^31
. a - coefficients a, shape [k], finite; unit: source target
. b - coefficients b, shape [k], finite; unit: source target
- h - heights, shape [k], finite; unit: source target

  Returns: 0; -1 when memory is out

  Cost: O(k pieces)
@*/
int BrenierCircleEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *envelope);

/*@
  BrenierLineEnvelope - Computes the upper envelope of the lines a + b t + h over the support of the measure

  Not collective

  Input/Output Parameter:
. envelope - an envelope, whose arrays are used again; gets the pieces

  Input Parameters:
+ k       - number of planes, at least 1, below 2^31
. a       - coefficients a, shape [k], finite; unit: source target
. b       - slopes b, shape [k], finite; unit: target
. h       - heights, shape [k], finite; unit: source target
- measure - measure of t

  Returns: 0; -1 when memory is out

  Cost: O(k log k)

  Notes: For BRENIER_LINE_GAUSSIAN the first start is -INFINITY and the last end INFINITY.
@*/
int BrenierLineEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierLineMeasure measure,
                        BrenierEnvelope *envelope);

/*@
  BrenierCircleShare - Gives the share of a great circle from 0 to t, t / (2 pi)

  Not collective

  Input Parameter:
. t - parameter of the circle; unit: rad

  Returns: the share, 0 to 1; unit: 1

  Cost: O(1)
@*/
double BrenierCircleShare(double t);

/*@
  BrenierLineShare - Gives the share of the measure of a line below t

  Not collective

  Input Parameters:
+ measure - measure of t
- t       - parameter of the line; unit: source

  Returns: the share, 0 to 1; unit: 1

  Cost: O(1)
@*/
double BrenierLineShare(BrenierLineMeasure measure, double t);

/*@
  BrenierCircleIntegral - Integrates a plane over the piece [s, e] of a great circle, by its probability measure

  Not collective

  Input Parameters:
+ a - coefficient a of the plane; unit: source target
. b - coefficient b of the plane; unit: source target
. h - height of the plane; unit: source target
. s - begin of the piece; unit: rad
- e - end of the piece; unit: rad

  Returns: the integral; unit: source target

  Cost: O(1)
@*/
double BrenierCircleIntegral(double a, double b, double h, double s, double e);

/*@
  BrenierCircleIntegralBetween - Gives the same as `BrenierCircleIntegral()`, for callers that have sines and cosines

  Not collective

  Input Parameters:
+ a      - coefficient a of the plane; unit: source target
. b      - coefficient b of the plane; unit: source target
. h      - height of the plane; unit: source target
. length - length of the piece; unit: rad
. at_s   - cosine and sine of its begin, shape [2]; unit: 1
- at_e   - cosine and sine of its end, shape [2]; unit: 1

  Returns: the integral; unit: source target

  Cost: O(1), without trigonometric functions
@*/
double BrenierCircleIntegralBetween(double a, double b, double h, double length, const double at_s[2],
                                    const double at_e[2]);

/*@
  BrenierLineIntegral - Integrates a plane over the piece [s, e] of a line, by its probability measure

  Not collective

  Input Parameters:
+ measure - measure of t
. a       - coefficient a of the plane; unit: source target
. b       - coefficient b of the plane; unit: target
. h       - height of the plane; unit: source target
. s       - begin of the piece; unit: source
- e       - end of the piece; unit: source

  Returns: the integral; unit: source target

  Cost: O(1)
@*/
double BrenierLineIntegral(BrenierLineMeasure measure, double a, double b, double h, double s, double e);

/*@
  BrenierCircleCrossing - Gives the contribution of a crossing of two planes to the Hessian: density / |difference of
  derivatives|

  Not collective

  Input Parameters:
+ da - difference of the coefficients a; unit: source target
. db - difference of the coefficients b; unit: source target
- t  - where they cross; unit: rad

  Returns: the contribution; unit: 1/(source target)

  Cost: O(1)
@*/
double BrenierCircleCrossing(double da, double db, double t);

/*@
  BrenierLineCrossing - Gives the contribution of a crossing of two planes along a line to the Hessian, as on a great
  circle

  Not collective

  Input Parameters:
+ measure - measure of t
. db      - difference of the slopes; unit: target
- t       - where they cross; unit: source

  Returns: the contribution; unit: 1/(source target)

  Cost: O(1)
@*/
double BrenierLineCrossing(BrenierLineMeasure measure, double db, double t);

/*@
  BrenierCircleLeast - Gives the least value of a plane on the piece [s, e] of a great circle, 0 <= e - s <= 2 pi

  Not collective

  Input Parameters:
+ a - coefficient a of the plane; unit: source target
. b - coefficient b of the plane; unit: source target
. h - height of the plane; unit: source target
. s - begin of the piece; unit: rad
- e - end of the piece; unit: rad

  Returns: the least value, which may lie inside the piece; unit: source target

  Cost: O(1)
@*/
double BrenierCircleLeast(double a, double b, double h, double s, double e);

/*@
  BrenierLineLeast - Gives the least value of a plane on the piece [s, e] of a line, which lies at an end

  Not collective

  Input Parameters:
+ a - coefficient a of the plane; unit: source target
. b - coefficient b of the plane; unit: target
. h - height of the plane; unit: source target
. s - begin of the piece; unit: source
- e - end of the piece; unit: source

  Returns: the least value; infinite ends do not count; unit: source target

  Cost: O(1)
@*/
double BrenierLineLeast(double a, double b, double h, double s, double e);

/*@
  BrenierCircleLeastBetween - Gives the same as `BrenierCircleLeast()`, faster for many planes on one piece

  Not collective

  Input Parameters:
+ a      - coefficient a of the plane; unit: source target
. b      - coefficient b of the plane; unit: source target
. h      - height of the plane; unit: source target
. length - length of the piece; unit: rad
. at_s   - cosine and sine of its begin, shape [2]; unit: 1
- at_e   - cosine and sine of its end, shape [2]; unit: 1

  Returns: the least value; unit: source target

  Cost: O(1), without trigonometric functions
@*/
double BrenierCircleLeastBetween(double a, double b, double h, double length, const double at_s[2],
                                 const double at_e[2]);
