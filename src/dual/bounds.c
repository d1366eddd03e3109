/*
  bounds.c - Implements bounds.h.

  Sector g of a circle has the bound m_g(t) = a_g cos t + b_g sin t + h_g <= u. A target with the plane (a, b) and
  height h can appear on the circle only if a cos t + b sin t + h > m_g(t) for some g and t in sector g. The first test
  replaces this by a test on (a, b) alone. Choose a centre (alpha, beta), the first Fourier coefficient of the values of
  m at the middles, and write (a, b) = (alpha, beta) + r (cos phi, sin phi). For each range of directions phi it stores
  a radius R, so that no plane with r < R and height at most `middle` exceeds the bound; the radius falls linearly with
  the height. SetRadii() computes R from F_k, the excess of the bound over the plane of the centre at end k of the
  sectors:
    R = min_k F_k / cos(angle between the direction and end k), over ends with a positive cosine,
  where AboveAtEnds() lowers F_k so that the inequality at the ends implies it in between.
*/
#include <brenier/compat.h>

#include "bounds.h"
#include "kernel/wide.h"

#include <math.h>
#include <string.h>

const BrenierMiddles *BrenierChordMiddles(void)
{
  static BrenierMiddles chord;
  static PetscBool      filled;

  if (filled) return &chord;
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    chord.x[g] = 1.0;
    chord.y[g] = BrenierTileSectorLow(g) + 0.5 / BRENIER_SECTORS;
  }
  filled = PETSC_TRUE;
  return &chord;
}

/* Sectors in one vector. Twice as long and a compiler for AVX2 compares one number after the other, thirty times
   slower. */
typedef PetscReal Lanes __attribute__((vector_size(32)));
typedef int64_t   Mask __attribute__((vector_size(32)));

enum { LANES = sizeof(Lanes) / sizeof(PetscReal) };

/* Radii are computed again when so many sectors have improved; until then the old ones are valid, just weaker. */
enum { BRENIER_RAISED_ENOUGH = 8 };

/* yes where the mask is set, no elsewhere. (A function would pass vectors wider than the base instruction set has.) */
#define Choose(mask, yes, no) ((Lanes)(((mask) & (Mask)(yes)) | (~(mask) & (Mask)(no))))

/* Number of the highest plane at each middle, the first of equal ones, -1 where none is above `best`; as a double, so
   that it is selected by the same masks as the values. Raises `best`. */
BRENIER_WIDE static void Highest(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal h[],
                                 const BrenierMiddles *at, PetscReal best[], PetscReal highest[])
{
  // Half of the sectors at a time, so that their values stay in registers over the loop of the planes
  enum { HALF = BRENIER_SECTORS / 2, GROUPS = HALF / LANES };

  for (int first = 0; first < BRENIER_SECTORS; first += HALF) {
    Lanes x[GROUPS], y[GROUPS], value[GROUPS], index[GROUPS];

    memcpy(x, at->x + first, sizeof x);
    memcpy(y, at->y + first, sizeof y);
    memcpy(value, best + first, sizeof value);
    for (int g = 0; g < GROUPS; ++g) index[g] = (Lanes){0} - 1.0;
    for (PetscInt i = 0; i < n; ++i)
#pragma GCC unroll 4
      for (int g = 0; g < GROUPS; ++g) { // side by side, as each waits for the plane before
        const Lanes new_value = a[i] * x[g] + b[i] * y[g] + h[i];
        const Mask  above     = new_value > value[g];

        index[g] = Choose(above, (Lanes){0} + (PetscReal)i, index[g]);
        value[g] = Choose(above, new_value, value[g]);
      }
    memcpy(best + first, value, sizeof value);
    memcpy(highest + first, index, sizeof index);
  }
}

/* For each range of directions and each end of a sector, the inverse of the largest cosine between the two; huge where
   that is negative. Shape [ends, directions]; end k is where sector k begins. */
static const PetscReal (*InverseCosines(void))[BRENIER_DIRECTIONS]
{
  static PetscReal inverse[BRENIER_SECTORS][BRENIER_DIRECTIONS];
  static PetscBool filled;
  const PetscReal  huge = 1e30;

  if (filled) return inverse;
  for (int q = 0; q < BRENIER_DIRECTIONS; ++q) {
    PetscReal begin, end;

    BrenierTileDirection(q, &begin, &end);
    for (int k = 0; k < BRENIER_SECTORS; ++k) {
      const PetscReal off =
          PetscAbsReal(remainder(2.0 * PETSC_PI * k / BRENIER_SECTORS - 0.5 * (begin + end), 2.0 * PETSC_PI));
      const PetscReal cosine = cos(PetscMin(PetscMax(off - 0.5 * (end - begin), 0.0), PETSC_PI));

      inverse[k][q] = cosine * huge > 1.0 ? 1.0 / cosine : huge;
    }
  }
  filled = PETSC_TRUE;
  return inverse;
}

/* Cosines and sines of the ends of the sectors; end k is where sector k begins. */
static const BrenierMiddles *EndsOfSectors(void)
{
  static BrenierMiddles ends;
  static PetscBool      filled;

  if (filled) return &ends;
  for (int k = 0; k < BRENIER_SECTORS; ++k) {
    ends.x[k] = cos(2.0 * PETSC_PI * k / BRENIER_SECTORS);
    ends.y[k] = sin(2.0 * PETSC_PI * k / BRENIER_SECTORS);
  }
  filled = PETSC_TRUE;
  return &ends;
}

const BrenierMiddles *BrenierCircleMiddles(void)
{
  static BrenierMiddles circle;
  static PetscBool      filled;

  if (filled) return &circle;
  (void)InverseCosines();
  (void)EndsOfSectors();
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    circle.x[g] = cos(BrenierTileSectorMiddle(g));
    circle.y[g] = sin(BrenierTileSectorMiddle(g));
  }
  filled = PETSC_TRUE;
  return &circle;
}

/*
  Excess of the bound over the plane (alpha, beta, height) at the ends of the sectors, the smaller of both sides.
  Returns the least.

  In a sector of width 2 w the excess is W(s) = P cos s + Q sin s + eta. Let k(s) be the cosine between s and the
  nearest direction of a range, and F = W - r k. Then F'' <= eta - F. So for eta > 0, F >= eta w^2 / 2 at both ends
  implies F >= 0 in between; `dip` is the 1/2 w^2, and a little for rounding.
*/
BRENIER_WIDE static PetscReal AboveAtEnds(const BrenierBounds *bounds, const float centre[], PetscReal height,
                                          const BrenierMiddles *at, PetscReal above[])
{
  const PetscReal w = PETSC_PI / BRENIER_SECTORS, dip = 0.51 * w * w;
  PetscReal       finish[BRENIER_SECTORS], least      = HUGE_VAL;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const int       next = (g + 1) % BRENIER_SECTORS;
    const PetscReal da = bounds->a[g] - (PetscReal)centre[0], db = bounds->b[g] - (PetscReal)centre[1];
    const PetscReal eta = bounds->h[g] - height, raised = eta > 0.0 ? eta - dip * eta : eta;

    above[g]     = da * at->x[g] + db * at->y[g] + raised;
    finish[next] = da * at->x[next] + db * at->y[next] + raised;
  }
  for (int g = 0; g < BRENIER_SECTORS; ++g) above[g] = finish[g] < above[g] ? finish[g] : above[g];
  for (int g = 0; g < BRENIER_SECTORS; ++g) least = above[g] < least ? above[g] : least;
  return least;
}

/* Radii R of the head, from the excess at the ends. The least so far of many directions stay in registers over the loop
   of the ends; in memory each would wait for the one before to be stored. */
BRENIER_WIDE static void Radii(const PetscReal above[], const PetscReal (*inverse)[BRENIER_DIRECTIONS],
                               PetscReal       radius[])
{
  enum { GROUPS = BRENIER_DIRECTIONS / LANES };
  Lanes least[GROUPS];

  for (int g = 0; g < GROUPS; ++g) least[g] = (Lanes){0} + HUGE_VAL;
  for (int k = 0; k < BRENIER_SECTORS; ++k)
#pragma GCC unroll 8
    for (int g = 0; g < GROUPS; ++g) {
      Lanes here;

      memcpy(&here, inverse[k] + g * LANES, sizeof here);
      here *= above[k];
      least[g] = Choose(here < least[g], here, least[g]);
    }
  for (int g = 0; g < GROUPS; ++g) memcpy(radius + g * LANES, &least[g], sizeof least[g]);
}

/*
  Sets the first test of a circle: centre, radii and their decrease with the height.

  The radius is computed at the middle height, and again at the highest one; if the plane of the centre reaches the
  bound below that height, the radius is 0 there. It is concave in the height, so the chord between the two lies below
  it. If the plane of the centre is not below the bound at the middle height, all directions get the same radius.
*/
static void SetRadii(const BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c)
{
  const BrenierMiddles *at = BrenierCircleMiddles(), *ends = EndsOfSectors();
  const PetscReal(*inverse)[BRENIER_DIRECTIONS] = InverseCosines();
  PetscReal above[BRENIER_SECTORS], radius[BRENIER_DIRECTIONS], at_top[BRENIER_DIRECTIONS];
  PetscReal steepness[BRENIER_DIRECTIONS], alpha = 0.0, beta = 0.0, least, mean = 0.0, span;
  float     centre[3];

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    alpha += bounds->value[g] * at->x[g] * 2.0 / BRENIER_SECTORS;
    beta += bounds->value[g] * at->y[g] * 2.0 / BRENIER_SECTORS;
  }
  centre[0] = (float)alpha;
  centre[1] = (float)beta;
  centre[2] = (float)heights.middle;
  least     = AboveAtEnds(bounds, centre, (PetscReal)centre[2], ends, above);
  for (int g = 0; g < BRENIER_SECTORS; ++g) mean += above[g] / BRENIER_SECTORS;
  for (int q = 0; q < BRENIER_DIRECTIONS; ++q) {
    radius[q] = least;
    at_top[q] = 0.0;
  }
  span = least;
  if (least > 1e-3 * mean) {
    const PetscReal highest = heights.highest + BrenierTileFirstError(tile, c, heights.most);
    const PetscReal to_top  = highest + 1e-3 * mean - (PetscReal)centre[2]; // not 0 where all heights are the same

    Radii(above, inverse, radius);
    if (to_top < least && AboveAtEnds(bounds, centre, (PetscReal)centre[2] + to_top, ends, above) >= 0.0) {
      Radii(above, inverse, at_top);
      span = to_top;
    }
  }
  for (int q = 0; q < BRENIER_DIRECTIONS; ++q)
    steepness[q] = span > 0.0 ? PetscMax(1.0, (radius[q] - at_top[q]) / span) : 1.0;
  BrenierTileSetRadii(tile, c, centre, radius, steepness);
}

void BrenierBoundsClear(BrenierBounds *bounds)
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) bounds->value[g] = -HUGE_VAL;
  bounds->n_raised = 0;
}

PetscBool BrenierBoundsRaise(const BrenierMiddles *at, PetscInt n, const PetscReal a[], const PetscReal b[],
                             const PetscReal h[], BrenierBounds *bounds, PetscInt chosen[])
{
  PetscReal highest[BRENIER_SECTORS];
  PetscInt  n_raised = 0;

  if (n > 0) Highest(n, a, b, h, at, bounds->value, highest);
  for (int g = 0; n > 0 && g < BRENIER_SECTORS; ++g) {
    // Which sectors improve is unpredictable, so there is no branch
    const PetscBool rises = (PetscBool)(highest[g] >= 0.0);
    const PetscInt  i     = rises ? (PetscInt)highest[g] : 0;

    bounds->a[g] = rises ? a[i] : bounds->a[g];
    bounds->b[g] = rises ? b[i] : bounds->b[g];
    bounds->h[g] = rises ? h[i] : bounds->h[g];
    n_raised += rises;
    if (chosen) chosen[g] = rises ? i : -1;
  }
  bounds->n_raised += n_raised;
  return (PetscBool)(n_raised > 0);
}

/* Where the planes of each sector and of the next one cross between their middles: directions (x, y). Each plane is the
   higher one at its own middle; where rounding denies that, the end between the two. With r = tan(s / 2), s from the
   first middle on, and P, Q value and derivative of the difference there: (H - P) r^2 + 2 Q r + (P + H) = 0. */
BRENIER_WIDE static void CrossNext(const BrenierBounds *bounds, const BrenierMiddles *at, PetscReal x[], PetscReal y[])
{
  const PetscReal most = tan(PETSC_PI / BRENIER_SECTORS), half = tan(0.5 * PETSC_PI / BRENIER_SECTORS);

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const int       next = (g + 1) % BRENIER_SECTORS;
    const PetscReal da = bounds->a[next] - bounds->a[g], db = bounds->b[next] - bounds->b[g];
    const PetscReal H = bounds->h[next] - bounds->h[g];
    const PetscReal P = da * at->x[g] + db * at->y[g], Q = db * at->x[g] - da * at->y[g];
    const PetscReal disc = Q * Q - (H - P) * (P + H), bottom = Q + sqrt(disc > 0.0 ? disc : 0.0);
    const PetscReal root  = -(P + H) / (bottom > 0.0 ? bottom : 1.0);
    const PetscReal r     = bottom > 0.0 && root >= 0.0 && root <= most ? root : half;
    const PetscReal scale = 1.0 / (1.0 + r * r), cosine = (1.0 - r * r) * scale, sine = 2.0 * r * scale;

    x[g] = at->x[g] * cosine - at->y[g] * sine;
    y[g] = at->y[g] * cosine + at->x[g] * sine;
  }
}

/* Whether the planes of two sectors are one. */
static PetscBool IsSamePlane(const BrenierBounds *bounds, int g, int k)
{
  return (PetscBool)(bounds->a[g] == bounds->a[k] && bounds->b[g] == bounds->b[k] && bounds->h[g] == bounds->h[k]);
}

/* Cuts the circle where planes of neighbouring sectors cross, and after every quarter of it: no arc is half a turn
   then. */
static void SetArcs(const BrenierBounds *bounds, BrenierTileCurves *tile, size_t c)
{
  const int last = BRENIER_SECTORS - 1;
  PetscReal x[BRENIER_SECTORS], y[BRENIER_SECTORS], arc[4][BRENIER_SECTORS] = {{0.0}};
  PetscReal a[BRENIER_SECTORS], b[BRENIER_SECTORS], h[BRENIER_SECTORS];
  PetscReal from_x, from_y;
  int       n = 0;

  CrossNext(bounds, BrenierCircleMiddles(), x, y);
  from_x = x[last];
  from_y = y[last];
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    PetscReal sum_x, sum_y, sum, apart;

    a[g] = b[g] = h[g] = 0.0;
    if ((g + 1) % (BRENIER_SECTORS / 4) && IsSamePlane(bounds, g, g + 1)) continue;
    sum_x     = from_x + x[g];
    sum_y     = from_y + y[g];
    sum       = sqrt(sum_x * sum_x + sum_y * sum_y);
    apart     = sqrt((x[g] - from_x) * (x[g] - from_x) + (y[g] - from_y) * (y[g] - from_y));
    arc[0][n] = sum_x / sum;
    arc[1][n] = sum_y / sum;
    arc[2][n] = 0.5 * sum;
    arc[3][n] = 0.5 * apart;
    a[n]      = bounds->a[g];
    b[n]      = bounds->b[g];
    h[n++]    = bounds->h[g];
    from_x    = x[g];
    from_y    = y[g];
  }
  BrenierTileSetArcs(tile, c, n, (const PetscReal(*)[BRENIER_SECTORS])arc, a, b, h);
}

void BrenierCircleBoundsEnter(BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c)
{
  SetArcs(bounds, tile, c);
  if (bounds->n_raised < BRENIER_RAISED_ENOUGH) return;
  SetRadii(bounds, heights, tile, c);
  bounds->n_raised = 0;
}

/* Planes add <m, y> to their heights, so those of the targets say little: the middle is that of the planes at hand. */
void BrenierCentredBoundsEnter(BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c)
{
  heights.highest = HUGE_VAL;
  heights.middle  = 0.0;
  for (int g = 0; g < BRENIER_SECTORS; ++g) heights.middle += bounds->h[g] / BRENIER_SECTORS;
  BrenierCircleBoundsEnter(bounds, heights, tile, c);
}

void BrenierChordBoundsEnter(BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c)
{
  const int centre = BRENIER_SECTORS / 2;

  (void)heights;
  BrenierTileSetSectors(tile, c, bounds->a, bounds->b, bounds->h);
  BrenierTileSetLevel(tile, c, bounds->a[centre] + bounds->h[centre], bounds->b[centre]);
}

/* Maximum of da cos t + db sin t on a piece. On up to half a turn the maximum is inside if the difference rises at the
   start and falls at the end; on a longer piece one of the two is enough. */
BRENIER_WIDE static void ReachOnCircle(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                                       const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[])
{
  const PetscReal A = plane->a, B = plane->b, H = plane->h, is_long = piece->e - piece->s > PETSC_PI ? 1.0 : 0.0;
  const PetscReal x_s = piece->at_s[0], y_s = piece->at_s[1], x_e = piece->at_e[0], y_e = piece->at_e[1];

  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal da = a[i] - A, db = b[i] - B;
    const PetscReal value_s = da * x_s + db * y_s, value_e = da * x_e + db * y_e;
    const PetscReal slope_s = db * x_s - da * y_s, slope_e = db * x_e - da * y_e;
    const PetscReal rises_s = slope_s > 0.0 ? 1.0 : 0.0, falls_e = slope_e < 0.0 ? 1.0 : 0.0;
    const PetscReal end   = value_s > value_e ? value_s : value_e;
    const PetscReal top   = rises_s + falls_e + is_long >= 2.0 ? sqrt(da * da + db * db) : end;
    const PetscReal reach = top + (upper[i] - H);

    above[i] = reach > above[i] ? reach : above[i];
  }
}

BRENIER_WIDE static void ReachOnLine(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                                     const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[])
{
  const PetscReal A = plane->a, B = plane->b, H = plane->h, s = piece->s, e = piece->e;

  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal da = a[i] - A + (upper[i] - H), db = b[i] - B;
    const PetscReal reach = da + (db > 0.0 ? e : s) * db;

    above[i] = reach > above[i] ? reach : above[i];
  }
}

void BrenierCircleReach(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                        const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[])
{
  ReachOnCircle(n, a, b, upper, plane, piece, above);
}

void BrenierLineReach(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                      const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[])
{
  ReachOnLine(n, a, b, upper, plane, piece, above);
}
