static const char help[] =
    "Checks that the radii of a circle leave out no plane that reaches the bound, and most that do not.\n";

#include <brenier/base.h>
#include <brenier/random.h>

#include "dual/bounds.h"

#include <math.h>

/*
  Planes of one circle in the plane of (a, b): a cloud, round or long, around 0 or away from it, with heights. The truth
  is the highest of them at many places of the circle; the twin of the first test reads the radii as the kernel does.
*/
enum { N_PLANES = 300, N_PROBES = 4000, N_PLACES = 2048, N_SHAPES = 24 };

typedef struct {
  PetscReal a[N_PLANES], b[N_PLANES], h[N_PLANES], u[N_PLACES], highest;
} Cloud;

static PetscReal place_cos[N_PLACES], place_sin[N_PLACES];

static void FillPlaces(void)
{
  for (int t = 0; t < N_PLACES; ++t) {
    place_cos[t] = cos(2.0 * PETSC_PI * t / N_PLACES);
    place_sin[t] = sin(2.0 * PETSC_PI * t / N_PLACES);
  }
}

static void FillCloud(int shape, PetscReal width, Cloud *cloud)
{
  PetscReal x[3 * N_PLANES];

  BrenierRandomNormal(7, 50, (uint64_t)shape, 3 * N_PLANES, x);
  cloud->highest = -PETSC_MAX_REAL;
  for (int i = 0; i < N_PLANES; ++i) {
    cloud->a[i]    = width * x[3 * i] * (1.0 + shape % 4) + 5.0 * (shape % 3) * width;
    cloud->b[i]    = width * x[3 * i + 1] - (shape % 2) * width;
    cloud->h[i]    = 0.4 * width * (shape % 5) * x[3 * i + 2];
    cloud->highest = PetscMax(cloud->highest, cloud->h[i]);
  }
  for (int t = 0; t < N_PLACES; ++t) {
    cloud->u[t] = -PETSC_MAX_REAL;
    for (int i = 0; i < N_PLANES; ++i)
      cloud->u[t] = PetscMax(cloud->u[t], cloud->a[i] * place_cos[t] + cloud->b[i] * place_sin[t] + cloud->h[i]);
  }
}

/* How far the plane (a, b, h) is above u where it is highest above it. */
static PetscReal Reach(const Cloud *cloud, PetscReal a, PetscReal b, PetscReal h)
{
  PetscReal most = -PETSC_MAX_REAL;

  for (int t = 0; t < N_PLACES; ++t) most = PetscMax(most, a * place_cos[t] + b * place_sin[t] + h - cloud->u[t]);
  return most;
}

/* Whether the first test drops a plane in any of the ranges of directions that it may be taken to lie in. */
static PetscBool Dropped(const BrenierTileCurves *tile, PetscReal a, PetscReal b, PetscReal h)
{
  const PetscReal x = a - (PetscReal)tile->centre[0], y = b - (PetscReal)tile->centre[1];
  const PetscReal below   = (PetscReal)tile->centre[2] - h;
  PetscBool       dropped = PETSC_FALSE;

  for (int q = 0; q < BRENIER_DIRECTIONS; ++q) {
    const PetscReal steep = (PetscReal)tile->radius[BRENIER_DIRECTIONS + q];
    double          begin, end;

    BrenierTileDirection(q, &begin, &end);
    if (PetscAbsReal(remainder(atan2(y, x) - 0.5 * (begin + end), 2.0 * PETSC_PI)) > 0.5 * (end - begin)) continue;
    if (hypot(x, y) < (PetscReal)tile->radius[q] + PetscMin(below, steep * below)) dropped = PETSC_TRUE;
  }
  return dropped;
}

static PetscErrorCode CheckCloud(int shape, PetscReal width, PetscBool knows_highest)
{
  static const PetscReal z[2][2] = {{1.0, 0.0}, {0.0, 1.0}};
  BrenierTileCurves      tile;
  BrenierBounds          bounds;
  BrenierHeights         heights = {0.0, HUGE_VAL, {0.0, 0.0}};
  Cloud                  cloud;
  PetscReal              probe[3 * N_PROBES];
  PetscInt               n_below = 0, n_dropped = 0;

  PetscFunctionBeginUser;
  FillCloud(shape, width, &cloud);
  for (int i = 0; i < N_PLANES; ++i) heights.middle += cloud.h[i] / N_PLANES;
  if (knows_highest) heights.highest = cloud.highest;
  PetscCheck(!BrenierTileCurvesAlloc(BRENIER_TILE_CIRCLE, 1, 2, &tile), PETSC_COMM_SELF, PETSC_ERR_MEM, "tile");
  BrenierTileSetCurve(&tile, 0, z[0], z[1], 0);
  BrenierBoundsClear(&bounds);
  BrenierBoundsRaise(BrenierCircleMiddles(), N_PLANES, cloud.a, cloud.b, cloud.h, &bounds, NULL);
  BrenierCircleBoundsEnter(&bounds, heights, &tile, 0);
  BrenierRandomNormal(7, 51, (uint64_t)shape, 3 * N_PROBES, probe);
  for (int i = 0; i < N_PROBES; ++i) {
    const PetscReal a       = (PetscReal)tile.centre[0] + 1.3 * width * probe[3 * i] * (1.0 + shape % 4);
    const PetscReal b       = (PetscReal)tile.centre[1] + 1.3 * width * probe[3 * i + 1];
    const PetscReal h       = PetscMin(cloud.h[i % N_PLANES] + 0.1 * width * probe[3 * i + 2], cloud.highest);
    const PetscReal reach   = Reach(&cloud, a, b, h);
    const PetscBool dropped = Dropped(&tile, a, b, h);

    PetscCheck(!dropped || reach < 1e-6 * width, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "shape %d: dropped the plane %g %g %g, which gets %g above u", shape, a, b, h, reach);
    n_below += reach < -0.5 * width;
    n_dropped += dropped && reach < -0.5 * width;
  }
  BrenierTileCurvesFree(&tile);
  PetscCheck(n_below > 300 && n_dropped >= (knows_highest ? 0.9 : 0.6) * (PetscReal)n_below, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "shape %d: dropped %" PetscInt_FMT " of %" PetscInt_FMT " planes far below u", shape,
             n_dropped, n_below);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  FillPlaces();
  for (int shape = 0; shape < N_SHAPES; ++shape) {
    PetscCall(CheckCloud(shape, 1.0, PETSC_TRUE));
    PetscCall(CheckCloud(shape, 1e-3, PETSC_FALSE));
  }
  PetscCall(PetscFinalize());
  return 0;
}
