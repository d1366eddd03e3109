/* bounds.c - Implements bounds.h. */
#include <brenier/compat.h>

#include "bounds.h"
#include "kernel/wide.h"

#include <math.h>
#include <string.h>

/* Middles of the sectors: cosine and sine on a circle, 1 and position on a chord. */
typedef struct {
  PetscReal x[BRENIER_SECTORS], y[BRENIER_SECTORS];
} Middles;

static const Middles *MiddlesOf(BrenierCurveType type)
{
  static Middles   circle, chord;
  static PetscBool filled;

  if (!filled) {
    for (int g = 0; g < BRENIER_SECTORS; ++g) {
      circle.x[g] = cos(BrenierTileSectorMiddle(g));
      circle.y[g] = sin(BrenierTileSectorMiddle(g));
      chord.x[g]  = 1.0;
      chord.y[g]  = BrenierTileSectorLow(g) + 0.5 / BRENIER_SECTORS;
    }
    filled = PETSC_TRUE;
  }
  return type == BRENIER_CURVE_CIRCLE ? &circle : &chord;
}

/* Sectors done at once, so that what is known of them stays in a register while all planes pass. */
typedef PetscReal Lanes __attribute__((vector_size(64)));
typedef int64_t   Mask __attribute__((vector_size(64)));

enum { LANES = sizeof(Lanes) / sizeof(PetscReal) };

/* Discs are made anew when so many sectors have risen: those there are below u all the same. */
enum { BRENIER_RAISED_ENOUGH = 8 };

/* yes where the mask is set, no elsewhere. (A function would pass vectors wider than the base instruction set has.) */
#define Choose(mask, yes, no) ((Lanes)(((mask) & (Mask)(yes)) | (~(mask) & (Mask)(no))))

/* The first of the highest planes at each middle that is above `best` there, -1 if there is none; a number in double, so
   that it is chosen as the values are. Raises `best`. */
BRENIER_WIDE static void Highest(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal h[],
                                 const Middles *at, PetscReal best[], PetscReal highest[])
{
  enum { GROUPS = BRENIER_SECTORS / LANES };
  Lanes x[GROUPS], y[GROUPS], value[GROUPS], index[GROUPS];

  memcpy(x, at->x, sizeof x);
  memcpy(y, at->y, sizeof y);
  memcpy(value, best, sizeof value);
  for (int g = 0; g < GROUPS; ++g) index[g] = (Lanes){0} - 1.0;
  for (PetscInt i = 0; i < n; ++i)
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; ++g) { // side by side, as each waits for the plane before
      const Lanes new_value = a[i] * x[g] + b[i] * y[g] + h[i];
      const Mask  above     = new_value > value[g];

      index[g] = Choose(above, (Lanes){0} + (PetscReal)i, index[g]);
      value[g] = Choose(above, new_value, value[g]);
    }
  memcpy(best, value, sizeof value);
  memcpy(highest, index, sizeof index);
}

/* The greatest gamma that leaves the sinusoid (alpha, beta) + gamma below the planes, each in its sector: at s from the middle
   their difference is P cos s + Q sin s. */
BRENIER_WIDE static PetscReal Gamma(const BrenierBounds *plane, const Middles *at, PetscReal alpha, PetscReal beta,
                                    PetscReal cos_w, PetscReal sin_w)
{
  PetscReal gamma[BRENIER_SECTORS], least = HUGE_VAL;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const PetscReal da = plane->a[g] - alpha, db = plane->b[g] - beta;
    const PetscReal P = da * at->x[g] + db * at->y[g], Q = fabs(db * at->x[g] - da * at->y[g]);

    gamma[g] = plane->h[g] + (P < P * cos_w ? P : P * cos_w) - Q * sin_w;
  }
  for (int g = 0; g < BRENIER_SECTORS; ++g) least = gamma[g] < least ? gamma[g] : least;
  return least;
}

/* Discs side by side along the longer axis of u, which its second Fourier coefficient tells; the first coefficient is
   their middle. Both come from the values at the middles. */
static void SetDiscs(const BrenierBounds *plane, BrenierTileCurves *tile, size_t c)
{
  const Middles  *at         = MiddlesOf(BRENIER_CURVE_CIRCLE);
  const PetscReal half_width = PETSC_PI / BRENIER_SECTORS;
  PetscReal       alpha = 0.0, beta = 0.0, long_cos = 0.0, long_sin = 0.0, spread, length, axis_cos, axis_sin;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const PetscReal x = at->x[g], y = at->y[g];
    const PetscReal u = (plane->a[g] * x + plane->b[g] * y + plane->h[g]) * 2.0 / BRENIER_SECTORS;

    alpha += u * x;
    beta += u * y;
    long_cos += u * (x * x - y * y);
    long_sin += u * 2.0 * x * y;
  }
  // The second coefficient of spread * |cos t| is 4 / (3 pi) of spread; of the factors tried, 1.4 to 2.2, those a little
  // below its inverse left the fewest pairs
  length   = sqrt(long_cos * long_cos + long_sin * long_sin);
  spread   = 1.9 * length;
  axis_cos = length > 0.0 ? sqrt(0.5 + 0.5 * long_cos / length) : 1.0; // of half the angle of (long_cos, long_sin)
  axis_sin = length > 0.0 ? copysign(sqrt(PetscMax(0.0, 0.5 - 0.5 * long_cos / length)), long_sin) : 0.0;
  for (int k = 0; k < BRENIER_DISCS; ++k) {
    const PetscReal along = spread * (2.0 * k / (BRENIER_DISCS - 1) - 1.0);
    const float     x = (float)(alpha + along * axis_cos), y = (float)(beta + along * axis_sin);

    BrenierTileSetDisc(tile, c, k, x, y, Gamma(plane, at, x, y, cos(half_width), sin(half_width)));
  }
}

void BrenierBoundsClear_Private(BrenierBounds *bounds)
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) bounds->value[g] = -HUGE_VAL;
  bounds->n_raised = 0;
}

PetscBool BrenierBoundsRaise_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                                     const PetscReal h[], BrenierBounds *bounds, PetscInt chosen[])
{
  PetscReal highest[BRENIER_SECTORS];
  PetscInt  n_raised = 0;

  if (n > 0) Highest(n, a, b, h, MiddlesOf(type), bounds->value, highest);
  for (int g = 0; n > 0 && g < BRENIER_SECTORS; ++g) {
    // Which sectors rise is hard to foresee, so there is no branch
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

void BrenierBoundsEnter_Private(BrenierCurveType type, BrenierBounds *bounds, BrenierTileCurves *tile, size_t c)
{
  const int centre = BRENIER_SECTORS / 2;

  BrenierTileSetSectors(tile, c, bounds->a, bounds->b, bounds->h);
  if (type == BRENIER_CURVE_CIRCLE) {
    if (bounds->n_raised < BRENIER_RAISED_ENOUGH) return;
    SetDiscs(bounds, tile, c);
    bounds->n_raised = 0;
  } else BrenierTileSetLevel(tile, c, bounds->a[centre] + bounds->h[centre], bounds->b[centre]);
}

/* The two ends of a piece: what multiplies a and b there. Up to half a turn the top lies inside when the difference
   rises at first and falls at last; on a longer piece one of the two is enough. */
typedef struct {
  PetscReal x_s, y_s, x_e, y_e;
} Ends;

BRENIER_WIDE static void ReachOnCircle(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal cap[],
                                       PetscReal A, PetscReal B, PetscReal H, const Ends *at, PetscReal is_long,
                                       PetscReal above[])
{
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal da = a[i] - A, db = b[i] - B;
    const PetscReal value_s = da * at->x_s + db * at->y_s, value_e = da * at->x_e + db * at->y_e;
    const PetscReal slope_s = db * at->x_s - da * at->y_s, slope_e = db * at->x_e - da * at->y_e;
    const PetscReal rises_s = slope_s > 0.0 ? 1.0 : 0.0, falls_e = slope_e < 0.0 ? 1.0 : 0.0;
    const PetscReal end   = value_s > value_e ? value_s : value_e;
    const PetscReal top   = rises_s + falls_e + is_long >= 2.0 ? sqrt(da * da + db * db) : end;
    const PetscReal reach = top + (cap[i] - H);

    above[i] = reach > above[i] ? reach : above[i];
  }
}

BRENIER_WIDE static void ReachOnLine(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal cap[],
                                     PetscReal A, PetscReal B, PetscReal H, PetscReal s, PetscReal e, PetscReal above[])
{
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal da = a[i] - A + (cap[i] - H), db = b[i] - B;
    const PetscReal reach = da + (db > 0.0 ? e : s) * db;

    above[i] = reach > above[i] ? reach : above[i];
  }
}

void BrenierBoundsReach_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                                const PetscReal cap[], PetscReal A, PetscReal B, PetscReal H, PetscReal s, PetscReal e,
                                const PetscReal at_s[2], const PetscReal at_e[2], PetscReal above[])
{
  const Ends at = {at_s[0], at_s[1], at_e[0], at_e[1]};

  if (type == BRENIER_CURVE_CIRCLE) ReachOnCircle(n, a, b, cap, A, B, H, &at, e - s > PETSC_PI ? 1.0 : 0.0, above);
  else ReachOnLine(n, a, b, cap, A, B, H, s, e, above);
}
