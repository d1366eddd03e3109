static const char help[] =
    "Checks that the certified filter loses no pair that double precision keeps, on one instruction set.\n";

#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/envelope.h>
#include <brenier/tile.h>
#include "kernel/bytes.h"
#include "kernel/tile_isa.h"
#if defined(BRENIER_TEST_DEVICE)
  #include "device/device_impl.h"
#endif

#include <float.h>
#include <math.h>

/*
  The twin evaluates both tests of tile.h for every pair in double precision, against bounds that were not rounded.
  What it keeps, the kernel must keep; what it leaves out by more than the documented error, the kernel must leave out.
*/

typedef struct {
  /* parameters */
  BrenierTileKind kind;
  PetscInt        dim, n_curves, n_targets;
  /* data */
  PetscReal *z;    /* two vectors, and a centre; shape [n_curves, 3, dim] */
  int       *axis; /* shape [n_curves] */
  PetscReal *y;    /* rows of dim coordinates and the height, as the scan has them */
  /* bounds, not rounded */
  PetscBool  bounded;
  PetscReal *level, *slope; /* shape [n_curves] */
  PetscReal *centre;        /* alpha, beta, middle height; shape [n_curves, 3] */
  PetscReal *radius;        /* radii, then steepnesses; shape [n_curves, 2, BRENIER_DIRECTIONS] */
  PetscReal *
      /* half axes of the planes below u at the middle height, and how much higher there are none; [n_curves, 3] */
             ellipse;
  int       *n_sectors; /* shape [n_curves] */
  PetscReal *sector;    /* planes a, b, h; shape [n_curves, BRENIER_SECTORS, 3] */
  PetscReal *arc;       /* circle: middle and half-width of a sector; shape [n_curves, BRENIER_SECTORS, 2] */
  PetscReal *turn;      /* their cosines and sines; shape [n_curves, BRENIER_SECTORS, 4] */
  /* what the kernel found */
  BrenierTileCurves  curves;
  BrenierTileTargets targets;
  unsigned char     *visits; /* shape [n_curves, n_targets] */
  PetscInt           out_of_range, n_far;
} Problem;

/* How targets lie. */
typedef enum { SPREAD, CLUSTERED, FAR, TINY, N_CLOUDS } Cloud;

static void FillTargets(Problem *p, Cloud cloud, uint64_t seed)
{
  const PetscInt   dim = p->dim;
  static PetscReal centre[8 * 16400];

  BrenierRandomNormal(seed, 97, 0, (size_t)(8 * dim), centre);
  for (PetscInt i = 0; i < p->n_targets; ++i) {
    PetscReal *row = p->y + i * (dim + 1);

    BrenierRandomNormal(seed, 98, (uint64_t)i, (size_t)dim + 1, row);
    for (PetscInt k = 0; k < dim; ++k) {
      row[k] /= PetscSqrtReal((PetscReal)dim);
      if (cloud == CLUSTERED) row[k] = centre[i % 8 * dim + k] / PetscSqrtReal((PetscReal)dim) + 1e-5 * row[k];
      if (cloud == FAR) row[k] += k % 2 ? 300.0 : -700.0;
      if (cloud == TINY) row[k] *= 1e-6;
    }
    row[dim] *= cloud == TINY ? 1e-7 : cloud == CLUSTERED ? 1e-4 : 0.3;
  }
}

/* Circles, about 0 or about a point of their own. */
static PetscBool IsCircle(const Problem *p)
{
  return (PetscBool)(p->kind == BRENIER_TILE_CIRCLE || p->kind == BRENIER_TILE_CENTRED);
}

/* What a circle about a point adds to the height of target i. */
static PetscReal BaseOf(const Problem *p, PetscInt c, PetscInt i)
{
  if (p->kind != BRENIER_TILE_CENTRED) return 0.0;
  return BrenierDot((size_t)p->dim, p->z + (c * 3 + 2) * p->dim, p->y + i * (p->dim + 1));
}

static void FillCurves(Problem *p, uint64_t seed)
{
  for (PetscInt c = 0; c < p->n_curves; ++c) {
    PetscReal *z = p->z + c * 3 * p->dim, where;

    if (p->kind == BRENIER_TILE_CHORD) {
      BrenierRandomUniform(seed, 96, (uint64_t)c, (size_t)(2 * p->dim), z);
      BrenierRandomUniform(seed, 95, (uint64_t)c, 1, &where);
      for (PetscInt k = 0; k < p->dim; ++k) z[k] -= 0.5;
      p->axis[c] = (int)(where * (PetscReal)p->dim);
    } else BrenierRandomNormal(seed, 96, (uint64_t)c, (size_t)(3 * p->dim), z);
    if (p->kind == BRENIER_TILE_CENTRED) BrenierTileSetCentred(&p->curves, (size_t)c, z, z + p->dim, z + 2 * p->dim);
    else BrenierTileSetCurve(&p->curves, (size_t)c, z, z + p->dim, p->axis[c]);
  }
}

static PetscErrorCode CreateProblem(BrenierTileKind kind, PetscInt dim, PetscInt n_curves, PetscInt n_targets,
                                    Cloud cloud, uint64_t seed, Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof *p));
  p->kind      = kind;
  p->dim       = dim;
  p->n_curves  = n_curves;
  p->n_targets = n_targets;
  PetscCall(PetscCalloc3(n_curves * 3 * dim, &p->z, n_curves, &p->axis, n_targets * (dim + 1), &p->y));
  PetscCall(PetscCalloc4(n_curves, &p->level, n_curves, &p->slope, n_curves * 3, &p->centre,
                         n_curves * 2 * BRENIER_DIRECTIONS, &p->radius));
  PetscCall(PetscCalloc5(n_curves * BRENIER_SECTORS * 3, &p->sector, n_curves * 3, &p->ellipse, n_curves, &p->n_sectors,
                         n_curves * BRENIER_SECTORS * 2, &p->arc, n_curves * BRENIER_SECTORS * 4, &p->turn));
  PetscCall(PetscCalloc1(n_curves * n_targets, &p->visits));
  PetscCheck(!BrenierTileCurvesAlloc(kind, (size_t)n_curves, (size_t)dim, &p->curves), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "curves");
  PetscCheck(!BrenierTileTargetsAlloc(kind, (size_t)n_targets, (size_t)dim, &p->targets), PETSC_COMM_SELF,
             PETSC_ERR_MEM, "targets");
  FillTargets(p, cloud, seed);
  FillCurves(p, seed);
  BrenierTileSetTargets(&p->targets, (size_t)n_targets, (size_t)dim + 1, p->y, p->y + dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyProblem(Problem *p)
{
  PetscFunctionBeginUser;
  BrenierTileCurvesFree(&p->curves);
  BrenierTileTargetsFree(&p->targets);
  PetscCall(PetscFree3(p->z, p->axis, p->y));
  PetscCall(PetscFree4(p->level, p->slope, p->centre, p->radius));
  PetscCall(PetscFree5(p->sector, p->ellipse, p->n_sectors, p->arc, p->turn));
  PetscCall(PetscFree(p->visits));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Plane of target i along curve c: f(t) = a cos t + b sin t + h, or a + b t + h; a + h at a point. */
static void Plane(const Problem *p, PetscInt c, PetscInt i, PetscReal *a, PetscReal *b, PetscReal *h)
{
  const PetscReal *z = p->z + c * 3 * p->dim, *row = p->y + i * (p->dim + 1);

  *a = BrenierDot((size_t)p->dim, z, row);
  *b = 0.0;
  *h = row[p->dim] + BaseOf(p, c, i);
  if (IsCircle(p)) *b = BrenierDot((size_t)p->dim, z + p->dim, row);
  if (p->kind == BRENIER_TILE_CHORD) {
    *b = row[p->axis[c]];
    *a -= z[p->axis[c]] * *b;
  }
}

/* The least distance from the centre of an ellipse to its rim in a range of directions. */
static PetscReal LeastRadius(const PetscReal axis[2], double begin, double end)
{
  const int n     = 16;
  PetscReal least = PETSC_MAX_REAL;

  for (int k = 0; k <= n; ++k) {
    const PetscReal angle = begin + (end - begin) * k / n;

    least = PetscMin(least, axis[0] * axis[1] / hypot(axis[1] * cos(angle), axis[0] * sin(angle)));
  }
  return 0.99 * least; // between the angles, too
}

/*
  A cone over an ellipse away from 0: the planes of each height that are below u. On every fourth curve it is a disc
  around 0, given as a level.

  Some planes below u they must be: a test by products that are off by E asks whether a plane E higher is among them. So
  the ellipse loses at least E of its width in every direction where the height grows by E: its half axes are longer
  than the cone.
*/
static void SetRadii(Problem *p, PetscInt c, PetscReal a, PetscReal b, PetscReal h)
{
  const PetscReal scale  = hypot(a, b) + PetscAbsReal(h);
  PetscReal      *centre = p->centre + 3 * c, *radius = p->radius + c * 2 * BRENIER_DIRECTIONS;
  PetscReal      *ellipse    = p->ellipse + 3 * c;
  const float     rounded[3] = {(float)(0.3 * a), (float)(-0.2 * b), (float)(0.5 * h)};

  ellipse[0] = (c % 4 ? 0.9 : 0.7) * scale;
  ellipse[1] = (c % 4 ? 0.5 : 0.7) * scale;
  ellipse[2] = (c % 4 ? 0.4 : 0.7) * scale;
  for (int q = 0; q < BRENIER_DIRECTIONS; ++q) {
    double begin, end;

    BrenierTileDirection(q, &begin, &end);
    radius[q]                      = c % 4 ? LeastRadius(ellipse, begin, end) : ellipse[0];
    radius[BRENIER_DIRECTIONS + q] = scale > 0.0 && c % 4 ? radius[q] / ellipse[2] : 1.0;
  }
  for (int k = 0; k < 3; ++k) centre[k] = c % 4 ? (PetscReal)rounded[k] : 0.0;
  if (c % 4) BrenierTileSetRadii(&p->curves, (size_t)c, rounded, radius, radius + BRENIER_DIRECTIONS);
  else BrenierTileSetLevel(&p->curves, (size_t)c, radius[0], 0.0);
}

/* Cuts every other circle into some unequal arcs, all other curves into equal sectors. */
static void CutCurve(Problem *p, PetscInt c)
{
  const int n = IsCircle(p) && c % 2 ? 5 + (int)(c % 28) : BRENIER_SECTORS;
  PetscReal at[BRENIER_SECTORS];

  p->n_sectors[c] = n;
  BrenierRandomUniform(91, 92, (uint64_t)c, (size_t)n, at);
  for (int g = 0; g < n; ++g) {
    const PetscReal from = n < BRENIER_SECTORS ? 0.8 * at[g] : 0.0,
                    to   = n < BRENIER_SECTORS ? 0.8 * at[(g + 1) % n] : 0.0;
    PetscReal *arc = p->arc + (c * BRENIER_SECTORS + g) * 2, *turn = p->turn + (c * BRENIER_SECTORS + g) * 4;

    arc[0] = PETSC_PI / n * (2.0 * g + 1.0 + from + to);
    arc[1] = PETSC_PI / n * (1.0 + to - from);
    for (int k = 0; k < 2; ++k) {
      turn[2 * k]     = cos(arc[k]);
      turn[2 * k + 1] = sin(arc[k]);
    }
  }
}

/* Enters the planes of a curve's sectors. */
static void SetSectors(Problem *p, PetscInt c)
{
  PetscReal plane[3][BRENIER_SECTORS] = {{0.0}}, arc[4][BRENIER_SECTORS] = {{0.0}};

  for (int g = 0; g < p->n_sectors[c]; ++g) {
    for (int k = 0; k < 3; ++k) plane[k][g] = p->sector[(c * BRENIER_SECTORS + g) * 3 + k];
    for (int k = 0; k < 4; ++k) arc[k][g] = p->turn[(c * BRENIER_SECTORS + g) * 4 + k];
  }
  if (p->kind == BRENIER_TILE_CHORD) BrenierTileSetSectors(&p->curves, (size_t)c, plane[0], plane[1], plane[2]);
  else
    BrenierTileSetArcs(&p->curves, (size_t)c, p->n_sectors[c], (const PetscReal(*)[BRENIER_SECTORS])arc, plane[0],
                       plane[1], plane[2]);
}

/* Bounds from the envelope of every stride-th target, as the scan makes them from its candidate lists. */
static PetscErrorCode SetBounds(Problem *p, PetscInt stride)
{
  BrenierEnvelope e = {0};
  PetscReal      *a, *b, *h;
  PetscInt        k = 0;

  PetscFunctionBeginUser;
  p->bounded = PETSC_TRUE;
  PetscCall(PetscMalloc3(p->n_targets, &a, p->n_targets, &b, p->n_targets, &h));
  for (PetscInt c = 0; c < p->n_curves; ++c, k = 0) {
    size_t    q    = 0;
    PetscReal most = -PETSC_MAX_REAL;

    for (PetscInt i = 0; i < p->n_targets; i += stride, ++k) {
      Plane(p, c, i, &a[k], &b[k], &h[k]);
      most = PetscMax(most, a[k] + h[k]);
    }
    p->level[c] = most;
    if (p->kind != BRENIER_TILE_POINT) {
      const int failed = IsCircle(p) ? BrenierCircleEnvelope((size_t)k, a, b, h, &e)
                                     : BrenierLineEnvelope((size_t)k, a, b, h, BRENIER_LINE_UNIFORM, &e);

      PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "envelope");
      CutCurve(p, c);
      for (int g = 0; g < p->n_sectors[c]; ++g) {
        const PetscReal middle =
            IsCircle(p) ? p->arc[(c * BRENIER_SECTORS + g) * 2] : BrenierTileSectorLow(g) + 0.5 / BRENIER_SECTORS;
        PetscReal *plane = p->sector + (c * BRENIER_SECTORS + g) * 3;

        while (q + 1 < e.n && e.start[q + 1] <= middle) ++q;
        plane[0] = a[e.plane[q]];
        plane[1] = b[e.plane[q]];
        plane[2] = h[e.plane[q]];
      }
      SetSectors(p, c);
      for (q = 0; q + 1 < e.n && e.start[q + 1] <= 0.0;) ++q;
      p->level[c] = a[e.plane[q]] + h[e.plane[q]];
      p->slope[c] = b[e.plane[q]];
    }
    if (IsCircle(p)) SetRadii(p, c, a[e.plane[0]], b[e.plane[0]], h[e.plane[0]]);
    else BrenierTileSetLevel(&p->curves, (size_t)c, p->level[c], p->slope[c]);
  }
  BrenierEnvelopeFree(&e);
  PetscCall(PetscFree3(a, b, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How much a plane is above a bound in one sector, at most; design of the second test in tile.h. */
static PetscReal AboveInSector(const Problem *p, PetscInt c, int g, PetscReal da, PetscReal db, PetscReal dh)
{
  const PetscReal *turn = p->turn + (c * BRENIER_SECTORS + g) * 4;
  const PetscReal  low  = -0.5 + (PetscReal)g / BRENIER_SECTORS;
  const PetscReal  P = da * turn[0] + db * turn[1], Q = db * turn[0] - da * turn[1];

  if (IsCircle(p)) return PetscMax(P, P * turn[2]) + PetscAbsReal(Q) * turn[3] + dh;
  return da + dh + PetscMax(low * db, (low + 1.0 / BRENIER_SECTORS) * db);
}

/* How far a plane is outside of the radius in its direction; next to nothing, so that it may stay or go, where ranges
   overlap and disagree. */
static PetscReal OutsideRadius(const Problem *p, PetscInt c, PetscReal a, PetscReal b, PetscReal h)
{
  const PetscReal *centre = p->centre + 3 * c, *radius = p->radius + c * 2 * BRENIER_DIRECTIONS;
  const PetscReal  x = a - centre[0], y = b - centre[1], below = centre[2] - h, angle = atan2(y, x), shared = 1e-5;
  PetscReal        low = PETSC_MAX_REAL, high = -PETSC_MAX_REAL;

  for (int q = 0; q < BRENIER_DIRECTIONS; ++q) {
    const PetscReal out = hypot(x, y) - radius[q] - PetscMin(below, radius[BRENIER_DIRECTIONS + q] * below);
    double          begin, end;

    BrenierTileDirection(q, &begin, &end);
    if (PetscAbsReal(remainder(angle - 0.5 * (begin + end), 2.0 * PETSC_PI)) > 0.5 * (end - begin) + shared) continue;
    low  = PetscMin(low, out);
    high = PetscMax(high, out);
  }
  return low >= 0.0 ? low : PetscMin(high, -DBL_MIN);
}

enum { N_ANGLES = 90 };

static PetscReal angle_cos[N_ANGLES], angle_sin[N_ANGLES];

static void FillAngles(void)
{
  for (int k = 0; k < N_ANGLES; ++k) {
    angle_cos[k] = cos(2.0 * PETSC_PI * k / N_ANGLES);
    angle_sin[k] = sin(2.0 * PETSC_PI * k / N_ANGLES);
  }
}

/* How far a plane is outside of the cone over the ellipse, at least: in the worst of some directions. */
static PetscReal OutsideEllipse(const Problem *p, PetscInt c, PetscReal a, PetscReal b, PetscReal h)
{
  const PetscReal *centre = p->centre + 3 * c, *ellipse = p->ellipse + 3 * c, above = h - centre[2];
  PetscReal        out = -PETSC_MAX_REAL;

  for (int k = 0; k < N_ANGLES; ++k) {
    const PetscReal x = angle_cos[k], y = angle_sin[k];
    const PetscReal width = PetscSqrtReal(PetscSqr(ellipse[0] * x) + PetscSqr(ellipse[1] * y));
    const PetscReal steep = ellipse[2] > 0.0 ? width / ellipse[2] : 1.0;

    out = PetscMax(out, (a - centre[0]) * x + (b - centre[1]) * y - width + (above > 0.0 ? steep : 1.0) * above);
  }
  return out;
}

/* The smaller of what the first and the second test leave: the pair may stay if it is at least 0. It must where `lost`,
   which takes the planes below u themselves instead of the radii known of them. */
static PetscReal TwinAbove(const Problem *p, PetscInt c, PetscReal a, PetscReal b, PetscReal h, PetscBool lost)
{
  PetscReal first = PETSC_MAX_REAL, second = -PETSC_MAX_REAL;

  if (!p->bounded) return PETSC_MAX_REAL;
  switch (p->kind) {
  case BRENIER_TILE_CIRCLE:
  case BRENIER_TILE_CENTRED:
    first = lost ? OutsideEllipse(p, c, a, b, h) : OutsideRadius(p, c, a, b, h);
    break;
  case BRENIER_TILE_CHORD:
    first = a + h - p->level[c] + 0.5 * PetscAbsReal(b - p->slope[c]);
    break;
  default:
    return a + h - p->level[c];
  }
  for (int g = 0; g < p->n_sectors[c]; ++g) {
    const PetscReal *plane = p->sector + (c * BRENIER_SECTORS + g) * 3;

    second = PetscMax(second, AboveInSector(p, c, g, a - plane[0], b - plane[1], h - plane[2]));
  }
  return PetscMin(first, second);
}

/* Errors that the tests allow for, twice over: of the product, and of every number that is rounded; and the units of
   radii in bytes. */
static PetscReal Slack(const Problem *p, PetscInt c, PetscInt i, PetscReal a, PetscReal b, PetscReal h)
{
  const PetscReal *z = p->z + c * 3 * p->dim, *y = p->y + i * (p->dim + 1);
  const size_t     dim   = (size_t)p->dim;
  const PetscReal  reach = PetscSqrtReal(BrenierDot(dim, z, z)) + PetscSqrtReal(BrenierDot(dim, z + dim, z + dim)) +
                          PetscSqrtReal(BrenierDot(dim, z + 2 * dim, z + 2 * dim)) + 2.0;
  const float *unit;
  PetscReal    slack, sizes = PetscAbsReal(a) + PetscAbsReal(b) + PetscAbsReal(h) + PetscAbsReal(p->level[c]) +
                           PetscAbsReal(p->slope[c]);

  for (int k = 0; k < 3; ++k) sizes += PetscAbsReal(p->centre[3 * c + k]);
  sizes += 2.0 * p->radius[c * 2 * BRENIER_DIRECTIONS] + 2.0 * PetscAbsReal(h - p->centre[3 * c + 2]);
  for (int k = 0; k < 3 * BRENIER_SECTORS; ++k)
    sizes = PetscMax(sizes, 3.0 * PetscAbsReal(p->sector[c * BRENIER_SECTORS * 3 + k]));
  slack = 0x1p-23 * ((PetscReal)(dim + 16) * reach * PetscSqrtReal(BrenierDot(dim, y, y)) + 32.0 * sizes);
  if (!p->curves.byte_radii) return slack;
  unit = p->curves.byte_radii[c].unit;
  return slack + (PetscReal)unit[1] + (PetscReal)unit[3] * PetscMin(PetscAbsReal(h - p->centre[3 * c + 2]), 1e37);
}

/* Whether a plane found is as near to the true one as it is said to be, at the ends of the curve and between. */
static PetscBool IsNear(const Problem *p, size_t c, size_t i, PetscReal found_a, PetscReal found_b, PetscReal base)
{
  const PetscReal error = BrenierTileError(&p->curves, c, &p->targets, i);
  PetscReal       a, b, h, off;

  Plane(p, (PetscInt)c, (PetscInt)i, &a, &b, &h);
  if (IsCircle(p)) off = hypot(found_a - a, found_b - b) + PetscAbsReal(base - BaseOf(p, (PetscInt)c, (PetscInt)i));
  else if (p->kind == BRENIER_TILE_CHORD) off = PetscAbsReal(found_a - a) + 0.5 * PetscAbsReal(found_b - b);
  else off = PetscAbsReal(found_a - a);
  return (PetscBool)(off <= error);
}

static void Visit(void *context, size_t c, const BrenierTileFound *found)
{
  Problem *p = context;

  for (size_t k = 0; k < found->n; ++k)
    if (found->target[k] < 0 || found->target[k] >= p->n_targets || c >= (size_t)p->n_curves) ++p->out_of_range;
    else {
      ++p->visits[c * (size_t)p->n_targets + (size_t)found->target[k]];
      if (!IsNear(p, c, (size_t)found->target[k], found->a[k], found->b[k],
                  found->base ? (PetscReal)found->base[k] : 0.0))
        ++p->n_far;
    }
}

#if defined(BRENIER_TEST_DEVICE)
/* The same tests of what a device scans, which visits one curve after the other and begins with the first one. */
static BrenierDevice *device;

typedef struct {
  Problem **problem;  /* of each tile */
  size_t    first;    /* curves before it were not asked for */
  long      n_left;   /* visits before the device is lost; negative: never */
  long      n_beside; /* visits while a step of other curves was under way on another queue */
} OnDevice;

/* Whether a step of other curves is under way on another queue than that of curve c. */
static int IsBeside(size_t c)
{
  const BrenierDevicePart *own = device->part;

  while (c >= own->first + own->n) ++own;
  for (size_t p = 0; p < device->n_parts; ++p)
    if (device->part[p].answered && device->part[p].queue != own->queue) return 1;
  return 0;
}

static void VisitOnDevice(void *context, size_t tile, size_t c, const BrenierTileFound *found)
{
  OnDevice *on = context;

  for (size_t k = 1; k < found->n; ++k)
    if (found->target[k] <= found->target[k - 1]) ++on->problem[tile]->out_of_range;
  if (c >= on->first) Visit(on->problem[tile], c, found);
  if (!BrenierDeviceFailure(device)) on->n_beside += IsBeside(c);
  if (on->n_left == 0) (void)BrenierDeviceFail_Private(device, "the test", CL_OUT_OF_RESOURCES);
  --on->n_left;
}

/* Scans the first n curves of a problem with the targets of several; returns how many visits were beside a step. */
static long ScanTiles(const Problem *p, Problem **problem, size_t n_tiles, size_t first, size_t n, long n_left)
{
  enum { MOST = 8 };
  OnDevice                  on      = {problem, first, n_left, 0};
  void *const               context = &on;
  const BrenierTileTargets *tile[MOST];

  for (size_t k = 0; k < n_tiles; ++k) tile[k] = &problem[k]->targets;
  BrenierDeviceBegin(device, &p->curves, n);
  BrenierDeviceScan(device, &(BrenierDeviceRound){n_tiles, tile, 1, &context, VisitOnDevice});
  return on.n_beside;
}

static void Scan(Problem *p, PetscInt first, PetscInt count)
{
  (void)ScanTiles(p, &p, 1, (size_t)first, (size_t)(first + count), -1);
}
#else
static void Scan(Problem *p, PetscInt first, PetscInt count)
{
  BrenierTileScan(&p->curves, (size_t)first, (size_t)count, &p->targets, Visit, p);
}
#endif

/* Scans curves [first, first + count) and compares every pair with the twin. */
static PetscErrorCode CheckScan(Problem *p, PetscInt first, PetscInt count)
{
  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(p->visits, p->n_curves * p->n_targets));
  Scan(p, first, count);
  PetscCheck(!p->out_of_range, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " visits out of range",
             p->out_of_range);
  PetscCheck(!p->n_far, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " planes farther off than they may be",
             p->n_far);
  for (PetscInt c = 0; c < p->n_curves; ++c)
    for (PetscInt i = 0; i < p->n_targets; ++i) {
      const int visits = p->visits[c * p->n_targets + i];
      PetscReal a, b, h, above;

      PetscCheck(visits < 2, PETSC_COMM_SELF, PETSC_ERR_PLIB, "pair %" PetscInt_FMT " %" PetscInt_FMT " twice", c, i);
      if (c < first || c >= first + count) {
        PetscCheck(!visits, PETSC_COMM_SELF, PETSC_ERR_PLIB, "curve %" PetscInt_FMT " was not asked for", c);
        continue;
      }
      Plane(p, c, i, &a, &b, &h);
      above = TwinAbove(p, c, a, b, h, (PetscBool)!visits);
      PetscCheck(visits || above < 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "kind %d dim %" PetscInt_FMT ": lost pair %" PetscInt_FMT " %" PetscInt_FMT ", above by %g",
                 (int)p->kind, p->dim, c, i, (double)above);
      PetscCheck(!visits || above >= 0.0 || above >= -Slack(p, c, i, a, b, h), PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "kind %d dim %" PetscInt_FMT ": kept pair %" PetscInt_FMT " %" PetscInt_FMT ", below by %g",
                 (int)p->kind, p->dim, c, i, (double)above);
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The second test in double precision, with the rounded sectors: as the twin's up to that rounding. */
static PetscErrorCode CheckSectorTest(const Problem *p)
{
  const PetscInt n = p->n_targets;
  PetscReal     *a, *b, *h, *above;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(n, &a, n, &b, n, &h, n, &above));
  for (PetscInt c = 0; c < p->n_curves; ++c) {
    for (PetscInt i = 0; i < n; ++i) Plane(p, c, i, &a[i], &b[i], &h[i]);
    BrenierTileSectorTest(&p->curves, (size_t)c, (size_t)n, a, b, h, above);
    for (PetscInt i = 0; i < n; ++i) {
      PetscReal wanted = -PETSC_MAX_REAL;

      for (int g = 0; g < p->n_sectors[c]; ++g) {
        const PetscReal *plane = p->sector + (c * BRENIER_SECTORS + g) * 3;

        wanted = PetscMax(wanted, AboveInSector(p, c, g, a[i] - plane[0], b[i] - plane[1], h[i] - plane[2]));
      }
      PetscCheck(above[i] >= wanted && above[i] <= wanted + Slack(p, c, i, a[i], b[i], h[i]), PETSC_COMM_SELF,
                 PETSC_ERR_PLIB, "sector test: %g, not %g", (double)above[i], (double)wanted);
    }
  }
  PetscCall(PetscFree4(a, b, h, above));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestFilter(BrenierTileKind kind, PetscInt dim, PetscInt n_curves, PetscInt n_targets, Cloud cloud,
                                 PetscInt stride)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(kind, dim, n_curves, n_targets, cloud, (uint64_t)(dim + 1000 * n_targets), &p));
  PetscCall(CheckScan(&p, 0, n_curves)); // nothing known of u: every pair, once
  PetscCall(SetBounds(&p, stride));
  PetscCall(CheckScan(&p, 0, n_curves));
  if (kind != BRENIER_TILE_POINT) PetscCall(CheckSectorTest(&p));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Few of the curves that a tile holds, as in a last chunk; the others are of an earlier one and let much pass. */
static PetscErrorCode TestPartOfTile(BrenierTileKind kind)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(kind, 3, 36, 2500, SPREAD, 8, &p));
  for (PetscInt first = 0; first < p.n_curves; first += 12)
    for (PetscInt count = 1; count <= 13 && first + count <= p.n_curves; ++count)
      PetscCall(CheckScan(&p, first, count));
  PetscCall(SetBounds(&p, 1250));
  PetscCall(CheckScan(&p, 12, 7));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A tile filled again with fewer targets; a height of infinity passes, a lowered one does not. */
static PetscErrorCode TestHeights(void)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(BRENIER_TILE_CIRCLE, 5, 7, 100, SPREAD, 9, &p));
  PetscCall(SetBounds(&p, 3));
  p.n_targets = 37;
  BrenierTileSetTargets(&p.targets, 37, 6, p.y, p.y + 5);
  PetscCall(CheckScan(&p, 0, 7));
  p.y[36 * 6 + 5] = INFINITY;
  p.y[35 * 6 + 5] = -1e6;
  BrenierTileSetHeight(&p.targets, 36, INFINITY);
  BrenierTileSetHeight(&p.targets, 35, -1e6);
  PetscCall(CheckScan(&p, 0, 7));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The environment's wish is granted, or a lower set where the machine has less. */
static PetscErrorCode TestChoice(void)
{
  const char *wish = getenv("BRENIER_SIMD"), *got = BrenierTileSimd();

  PetscFunctionBeginUser;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "instruction set: %s\n", got));
  PetscCheck(!wish || strcmp(wish, "portable") || !strcmp(got, "portable"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "got %s",
             got);
  PetscCheck(!wish || strcmp(wish, "avx2") || strncmp(got, "avx512", strlen("avx512")), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "got %s", got);
  PetscCheck(!wish || strcmp(wish, "avx512") || strcmp(got, "avx512vnni"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "got %s",
             got);
#if defined(__x86_64__) && defined(__GNUC__)
  PetscCheck(!wish || strcmp(wish, "avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2") ||
                 !strcmp(got, "avx2"),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "got %s", got);
#endif
  PetscCheck(BrenierTilePeak(0.01) > 1e8, PETSC_COMM_SELF, PETSC_ERR_PLIB, "peak rate %g", BrenierTilePeak(0.01));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#if defined(BRENIER_TEST_DEVICE)
static PetscErrorCode OpenDevice(void)
{
  char why[1024];

  PetscFunctionBeginUser;
  device = BrenierDeviceOpen(0, 1, 1, sizeof why, why);
  PetscCheck(device, PETSC_COMM_SELF, PETSC_ERR_LIB, "%s", why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

enum { TILES = 3, IN_BLOCKS = 1300, MOST_IN_TILE = 700 };

/* What is found of each tile is what is found of it alone. */
static PetscErrorCode CheckBlocks(Problem p[TILES])
{
  static unsigned char wanted[IN_BLOCKS * MOST_IN_TILE];
  Problem             *all[TILES] = {&p[0], &p[1], &p[2]};

  PetscFunctionBeginUser;
  for (int k = 0; k < TILES; ++k) PetscCall(PetscArrayzero(p[k].visits, IN_BLOCKS * p[k].n_targets));
  PetscCheck(ScanTiles(&p[0], all, TILES, 0, IN_BLOCKS, -1) > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "no part is visited while the device scans another");
  PetscCheck(!p[0].targets.copy || !p[1].targets.copy || !p[2].targets.copy, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "the device keeps all tiles");
  for (int k = 0; k < TILES; ++k) {
    const PetscInt n_pairs = IN_BLOCKS * p[k].n_targets;
    PetscBool      same;

    PetscCall(PetscArraycpy(wanted, p[k].visits, n_pairs));
    PetscCall(PetscArrayzero(p[k].visits, n_pairs));
    (void)ScanTiles(&p[0], &all[k], 1, 0, IN_BLOCKS, -1);
    PetscCall(PetscArraycmp(wanted, p[k].visits, n_pairs, &same));
    PetscCheck(same && !p[k].out_of_range && !p[k].n_far, PETSC_COMM_SELF, PETSC_ERR_PLIB, "tile %d differs", k);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Several tiles, of which the device has room for one; pairs that come back in several rounds. */
static PetscErrorCode TestBlocks(void)
{
  static const PetscInt n_targets[TILES] = {MOST_IN_TILE, 1, 450};
  Problem               p[TILES];

  PetscFunctionBeginUser;
  BrenierDeviceLimit(device, 1, 1);
  for (int k = 0; k < TILES; ++k)
    PetscCall(CreateProblem(BRENIER_TILE_CIRCLE, 20, IN_BLOCKS, n_targets[k], SPREAD, 7, &p[k]));
  PetscCall(CheckBlocks(p));
  PetscCall(SetBounds(&p[0], 40));
  PetscCall(CheckBlocks(p));
  for (int k = 0; k < TILES; ++k) PetscCall(DestroyProblem(&p[k]));
  PetscCheck(device->bytes == 0 && !device->newest, PETSC_COMM_SELF, PETSC_ERR_PLIB, "targets stayed on the device");
  PetscCheck(!BrenierDeviceFailure(device), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s", BrenierDeviceFailure(device));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A device that is lost after some visits: the processor finds all other pairs, and no pair twice. */
static PetscErrorCode TestLost(long n_left)
{
  Problem p, *all = &p;

  PetscFunctionBeginUser;
  PetscCall(OpenDevice());
  PetscCall(CreateProblem(BRENIER_TILE_CIRCLE, 18, 1100, 1300, SPREAD, 3, &p));
  (void)ScanTiles(&p, &all, 1, 0, (size_t)p.n_curves, n_left);
  for (PetscInt i = 0; i < p.n_curves * p.n_targets; ++i)
    PetscCheck(p.visits[i] == 1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "pair %" PetscInt_FMT ": %d visits", i,
               (int)p.visits[i]);
  PetscCheck(!p.n_far && !p.out_of_range, PETSC_COMM_SELF, PETSC_ERR_PLIB, "wrong planes");
  PetscCheck(BrenierDeviceFailure(device) && strstr(BrenierDeviceFailure(device), "the test failed"), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "the device did not fail");
  PetscCall(CheckScan(&p, 0, p.n_curves)); // it is used no more
  BrenierDeviceClose(device);
  PetscCheck(!p.targets.copy, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a copy outlives its device");
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Circles and points, in bytes and in single precision, shorter and longer than what is in local memory at once. */
static PetscErrorCode TestDevice(void)
{
  static const BrenierTileKind kind[] = {BRENIER_TILE_CIRCLE, BRENIER_TILE_POINT};
  static const PetscInt        dim[]  = {1, 3, 15, 16, 17, 18, 19, 63, 64, 65, 67};

  PetscFunctionBeginUser;
  BrenierTileUseBytes(1);
  PetscCall(OpenDevice());
  for (int k = 0; k < 2; ++k) {
    for (size_t i = 0; i < sizeof dim / sizeof dim[0]; ++i)
      PetscCall(TestFilter(kind[k], dim[i], 14, 200, (Cloud)((size_t)dim[i] % N_CLOUDS), 1 + dim[i] % 7));
    for (Cloud cloud = SPREAD; cloud < N_CLOUDS; ++cloud) {
      PetscCall(TestFilter(kind[k], 64, 30, 1500, cloud, 10));
      PetscCall(TestFilter(kind[k], 257, 13, 300, cloud, 1));
    }
    for (PetscInt n = 1; n < 100; n += 16) PetscCall(TestFilter(kind[k], 4, n / 4 + 1, n, SPREAD, 2));
    PetscCall(TestFilter(kind[k], 20, 2100, 40, SPREAD, 2)); // more than one part
    PetscCall(TestPartOfTile(kind[k]));
  }
  PetscCall(TestFilter(BRENIER_TILE_POINT, 1025, 5, 70, SPREAD, 3)); // too long for bytes
  PetscCall(TestHeights());
  PetscCall(TestBlocks());
  BrenierDeviceClose(device);
  PetscCall(TestLost(0));
  PetscCall(TestLost(1500)); // in the second step of a part
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif

/* The transform before rounding to bytes: inner products stay, and a part of 64 coordinates shares each of them. */
static PetscErrorCode TestTransform(void)
{
  enum { MOST = 500 };
  static const size_t dims[] = {1, 7, 8, 20, 63, 64, 100, MOST};
  double              x[MOST], y[MOST], tx[MOST], ty[MOST];

  PetscFunctionBeginUser;
  for (size_t c = 0; c < sizeof dims / sizeof dims[0]; ++c) {
    double dot = 0.0, transformed = 0.0;

    for (size_t k = 0; k < dims[c]; ++k) {
      x[k] = sin((double)k + 1.0);
      y[k] = cos(3.0 * (double)k);
    }
    BrenierHadamard(dims[c], x, tx);
    BrenierHadamard(dims[c], y, ty);
    for (size_t k = 0; k < dims[c]; ++k) {
      dot += x[k] * y[k];
      transformed += tx[k] * ty[k];
    }
    PetscCheck(fabs(dot - transformed) <= 1e-13 * (double)dims[c], PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "<x, y> of dimension %d is %.17g, %.17g transformed", (int)dims[c], dot, transformed);
  }
  for (size_t at = 0; at < 64; ++at) {
    for (size_t k = 0; k < 64; ++k) x[k] = k == at;
    BrenierHadamard(64, x, tx);
    for (size_t k = 0; k < 64; ++k)
      PetscCheck(fabs(fabs(tx[k]) - 0.125) <= 1e-16, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "coordinate %d of unit vector %d becomes %g", (int)k, (int)at, tx[k]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  static const PetscInt n_targets[] = {1, 2, 31, 32, 33, 63, 64, 65, 100, 519};

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestChoice());
  PetscCall(TestTransform());
  FillAngles();
#if defined(BRENIER_TEST_DEVICE)
  PetscCall(TestDevice());
  PetscCall(PetscFinalize());
  return 0;
#endif
  for (BrenierTileKind kind = BRENIER_TILE_CIRCLE; kind <= BRENIER_TILE_CENTRED; ++kind) {
    for (PetscInt dim = 1; dim <= 70; ++dim)
      PetscCall(TestFilter(kind, dim, 14, 200, (Cloud)(dim % N_CLOUDS), 1 + dim % 7));
    for (Cloud cloud = SPREAD; cloud < N_CLOUDS; ++cloud) {
      PetscCall(TestFilter(kind, 8, 30, 1500, cloud, 1));
      PetscCall(TestFilter(kind, 64, 30, 1500, cloud, 10));
      PetscCall(TestFilter(kind, 257, 13, 300, cloud, 1));
    }
    for (PetscInt n_curves = 1; n_curves <= 26; ++n_curves)
      for (size_t n = 0; n < sizeof n_targets / sizeof n_targets[0]; ++n)
        PetscCall(TestFilter(kind, 4, n_curves, n_targets[n], SPREAD, 2));
    for (Cloud cloud = SPREAD; cloud < N_CLOUDS; ++cloud)
      PetscCall(TestFilter(kind, 1027, 7, 70, cloud, 1)); // too long for bytes
    PetscCall(TestFilter(kind, 16383, 3, 33, SPREAD, 1));
    PetscCall(TestFilter(kind, 16385, 3, 33, SPREAD, 1)); // too long for 16 bits
    PetscCall(TestFilter(kind, 2, 800, 40, SPREAD, 2));   // more than one portion of curves
    PetscCall(TestPartOfTile(kind));
  }
  PetscCall(TestHeights());
  PetscCall(PetscFinalize());
  return 0;
}
