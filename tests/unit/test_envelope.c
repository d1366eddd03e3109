static const char help[] = "Checks envelopes along circles and lines against all pairwise crossings in long double.\n";

#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/envelope.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

/*
  The oracle cuts the curve at every crossing of two planes, in long double, and takes the best plane at the middle
  of each interval: k^2 intervals, k planes each. The walk must be within rounding of it in value everywhere, and, where
  crossings are well conditioned, in place.
*/

static const long double pi_l = 3.14159265358979323846264338327950288L;

enum { MAX_PLANES = 300 };

typedef enum { CIRCLE, UNIFORM, GAUSSIAN } Curve;

typedef struct {
  Curve     curve;
  PetscInt  k;
  PetscReal a[MAX_PLANES], b[MAX_PLANES], h[MAX_PLANES];
} Planes;

/* Half the range that stands for the whole line; beyond it nothing has mass in long double. */
static const long double line_end = 150.0L;

static long double Low(Curve curve)
{
  return curve == CIRCLE ? 0.0L : curve == UNIFORM ? -0.5L : -line_end;
}

static long double High(Curve curve)
{
  return curve == CIRCLE ? 2.0L * pi_l : curve == UNIFORM ? 0.5L : line_end;
}

static long double Value(const Planes *p, PetscInt i, long double x, long double y)
{
  return (long double)p->h[i] + x * (long double)p->a[i] + y * (long double)p->b[i];
}

/* Coefficients of a and b at t. */
static void Direction(Curve curve, long double t, long double *x, long double *y)
{
  *x = curve == CIRCLE ? cosl(t) : 1.0L;
  *y = curve == CIRCLE ? sinl(t) : t;
}

static PetscInt Winner(const Planes *p, long double t)
{
  PetscInt    best = 0;
  long double x, y, most = -LDBL_MAX;

  Direction(p->curve, t, &x, &y);
  for (PetscInt i = 0; i < p->k; ++i) {
    const long double value = Value(p, i, x, y);

    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}

static int CompareCuts(const void *left, const void *right)
{
  const long double l = *(const long double *)left, r = *(const long double *)right;

  return (l > r) - (l < r);
}

/* All crossings inside the curve and its two ends, ascending. */
static PetscErrorCode AllCuts(const Planes *p, PetscInt *n, long double **cut)
{
  const long double low = Low(p->curve), high = High(p->curve);
  PetscInt          m = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(p->k * p->k + 2, cut));
  (*cut)[m++] = low;
  for (PetscInt i = 0; i < p->k; ++i)
    for (PetscInt j = 0; j < i; ++j) {
      const long double da = (long double)p->a[i] - (long double)p->a[j];
      const long double db = (long double)p->b[i] - (long double)p->b[j];
      const long double dh = (long double)p->h[i] - (long double)p->h[j];
      const long double R  = hypotl(da, db);
      long double       t[2];
      int               roots = 0;

      if (p->curve == CIRCLE && R > fabsl(dh)) {
        t[0]  = atan2l(db, da) + acosl(-dh / R);
        t[1]  = atan2l(db, da) - acosl(-dh / R);
        roots = 2;
      }
      if (p->curve != CIRCLE && db != 0.0L) {
        t[0]  = -(da + dh) / db;
        roots = 1;
      }
      for (int r = 0; r < roots; ++r) {
        while (p->curve == CIRCLE && t[r] < 0.0L) t[r] += 2.0L * pi_l;
        while (p->curve == CIRCLE && t[r] >= 2.0L * pi_l) t[r] -= 2.0L * pi_l;
        if (t[r] > low && t[r] < high) (*cut)[m++] = t[r];
      }
    }
  (*cut)[m++] = high;
  qsort(*cut, (size_t)m, sizeof **cut, CompareCuts);
  *n = m;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Share of the curve and integral of a plane over [s, e]. */
static long double OracleShare(Curve curve, long double s, long double e)
{
  if (curve == CIRCLE) return (e - s) / (2.0L * pi_l);
  if (curve == UNIFORM) return e - s;
  return s > 0.0L ? 0.5L * (erfcl(s / sqrtl(2.0L)) - erfcl(e / sqrtl(2.0L)))
                  : 0.5L * (erfcl(-e / sqrtl(2.0L)) - erfcl(-s / sqrtl(2.0L)));
}

static long double OracleIntegral(const Planes *p, PetscInt i, long double s, long double e)
{
  const long double a = (long double)p->a[i], b = (long double)p->b[i], h = (long double)p->h[i];

  if (p->curve == CIRCLE) return (a * (sinl(e) - sinl(s)) + b * (cosl(s) - cosl(e)) + h * (e - s)) / (2.0L * pi_l);
  if (p->curve == UNIFORM) return (a + h) * (e - s) + 0.5L * b * (e - s) * (e + s);
  return (a + h) * OracleShare(p->curve, s, e) + b * (expl(-0.5L * s * s) - expl(-0.5L * e * e)) / sqrtl(2.0L * pi_l);
}

static PetscErrorCode Walk(const Planes *p, BrenierEnvelope *e)
{
  const size_t k = (size_t)p->k;

  PetscFunctionBeginUser;
  PetscCheck(!(p->curve == CIRCLE
                   ? BrenierCircleEnvelope(k, p->a, p->b, p->h, e)
                   : BrenierLineEnvelope(k, p->a, p->b, p->h,
                                         p->curve == UNIFORM ? BRENIER_LINE_UNIFORM : BRENIER_LINE_GAUSSIAN, e)),
             PETSC_COMM_SELF, PETSC_ERR_MEM, "envelope");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal ShareBelow(Curve curve, PetscReal t)
{
  return curve == CIRCLE ? BrenierCircleShare(t)
                         : BrenierLineShare(curve == UNIFORM ? BRENIER_LINE_UNIFORM : BRENIER_LINE_GAUSSIAN, t);
}

/* Pieces in order, of positive length, from end to end; neighbours of different planes. */
static PetscErrorCode CheckOrder(const Planes *p, const BrenierEnvelope *e)
{
  const PetscReal low  = p->curve == CIRCLE ? 0.0 : p->curve == UNIFORM ? -0.5 : -INFINITY;
  const PetscReal high = p->curve == CIRCLE ? 2.0 * PETSC_PI : -low;

  PetscFunctionBeginUser;
  PetscCheck(e->n >= 1 && e->n <= 2 * (size_t)p->k + 1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%zu pieces", e->n);
  PetscCheck(e->start[0] == low && e->start[e->n] == high, PETSC_COMM_SELF, PETSC_ERR_PLIB, "ends: %.17g %.17g",
             e->start[0], e->start[e->n]);
  for (size_t q = 0; q < e->n; ++q) {
    PetscCheck(e->plane[q] >= 0 && e->plane[q] < p->k, PETSC_COMM_SELF, PETSC_ERR_PLIB, "plane %d", e->plane[q]);
    PetscCheck(e->start[q] < e->start[q + 1], PETSC_COMM_SELF, PETSC_ERR_PLIB, "piece %zu has no length", q);
    PetscCheck(!q || e->plane[q] != e->plane[q - 1], PETSC_COMM_SELF, PETSC_ERR_PLIB, "piece %zu goes on", q);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Largest |a| + |b| + |h|: values err by a few units of rounding of it. */
static PetscReal Size(const Planes *p)
{
  PetscReal size = 0.0;

  for (PetscInt i = 0; i < p->k; ++i)
    size = PetscMax(size, PetscAbsReal(p->a[i]) + PetscAbsReal(p->b[i]) + PetscAbsReal(p->h[i]));
  return size;
}

/* The plane is on top at t, up to rounding. */
static PetscErrorCode CheckTop(const Planes *p, PetscInt plane, long double t, PetscReal bound)
{
  long double x, y, below;

  PetscFunctionBeginUser;
  Direction(p->curve, t, &x, &y);
  below = Value(p, Winner(p, t), x, y) - Value(p, plane, x, y);
  PetscCheck(below <= bound * (1.0L + fabsl(y)), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "curve %d, k = %" PetscInt_FMT ": plane %" PetscInt_FMT " lies %Lg below u at %.17Lg, where %" PetscInt_FMT
             " is on top",
             (int)p->curve, p->k, plane, below, t, Winner(p, t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each piece's plane is on top at both ends and in the middle. */
static PetscErrorCode CheckPieces(const Planes *p, const BrenierEnvelope *e, PetscReal bound)
{
  const long double low = Low(p->curve), high = High(p->curve);

  PetscFunctionBeginUser;
  for (size_t q = 0; q < e->n; ++q) {
    const long double s = PetscMax((long double)e->start[q], low), t = PetscMin((long double)e->start[q + 1], high);

    if (s >= t) continue; // beyond the range of the oracle
    PetscCall(CheckTop(p, e->plane[q], s, bound));
    PetscCall(CheckTop(p, e->plane[q], 0.5L * (s + t), bound));
    PetscCall(CheckTop(p, e->plane[q], t, bound));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Integral of u and the planes' shares by the oracle; at each interval's middle the walk's plane must be on top. */
static PetscErrorCode MeetOracle(const Planes *p, const BrenierEnvelope *e, PetscReal bound, long double share[],
                                 long double *integral)
{
  PetscInt     n = 0;
  size_t       q = 0;
  long double *cut;

  PetscFunctionBeginUser;
  PetscCall(AllCuts(p, &n, &cut));
  *integral = 0.0L;
  for (PetscInt i = 0; i < p->k; ++i) share[i] = 0.0L;
  for (PetscInt c = 0; c + 1 < n; ++c) {
    const long double middle = 0.5L * (cut[c] + cut[c + 1]);
    const PetscInt    best   = Winner(p, middle);

    if (cut[c + 1] == cut[c]) continue;
    share[best] += OracleShare(p->curve, cut[c], cut[c + 1]);
    *integral += OracleIntegral(p, best, cut[c], cut[c + 1]);
    while (q + 1 < e->n && (long double)e->start[q + 1] <= middle) ++q;
    PetscCall(CheckTop(p, e->plane[q], middle, bound));
  }
  PetscCall(PetscFree(cut));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* share_bound < 0: crossings are ill conditioned, only values and integrals are compared. */
static PetscErrorCode CheckEnvelope(const Planes *p, PetscReal share_bound)
{
  const PetscReal    bound = 64.0 * DBL_EPSILON * Size(p);
  static long double share[MAX_PLANES];
  PetscReal          found[MAX_PLANES] = {0.0}, total = 0.0, sum = 0.0;
  long double        integral;
  BrenierEnvelope    e = {0};

  PetscFunctionBeginUser;
  PetscCall(Walk(p, &e));
  PetscCall(CheckOrder(p, &e));
  PetscCall(CheckPieces(p, &e, bound));
  PetscCall(MeetOracle(p, &e, bound, share, &integral));
  for (size_t q = 0; q < e.n; ++q) {
    const PetscInt  i = e.plane[q];
    const PetscReal s = e.start[q], t = e.start[q + 1];

    found[i] += ShareBelow(p->curve, t) - ShareBelow(p->curve, s);
    sum += p->curve == CIRCLE ? BrenierCircleIntegral(p->a[i], p->b[i], p->h[i], s, t)
                              : BrenierLineIntegral(p->curve == UNIFORM ? BRENIER_LINE_UNIFORM : BRENIER_LINE_GAUSSIAN,
                                                    p->a[i], p->b[i], p->h[i], s, t);
  }
  PetscCheck(fabsl((long double)sum - integral) <= bound * (1.0 + 0.1 * (PetscReal)e.n), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "curve %d: integral %.17g, not %.17Lg", (int)p->curve, sum, integral);
  for (PetscInt i = 0; i < p->k; ++i) {
    total += found[i];
    PetscCheck(share_bound < 0.0 || fabsl((long double)found[i] - share[i]) <= share_bound, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "curve %d: share of plane %" PetscInt_FMT ": %.17g, not %.17Lg", (int)p->curve, i,
               found[i], share[i]);
  }
  PetscCheck(PetscAbsReal(total - 1.0) <= 1e-14, PETSC_COMM_SELF, PETSC_ERR_PLIB, "shares sum to %.17g", total);
  BrenierEnvelopeFree(&e);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void RandomPlanes(Planes *p, Curve curve, PetscInt k, PetscReal spread, PetscReal height, uint64_t seed)
{
  p->curve = curve;
  p->k     = k;
  for (PetscInt i = 0; i < k; ++i) {
    PetscReal z[3];

    BrenierRandomNormal(seed, 97, (uint64_t)i, 3, z);
    p->a[i] = spread * z[0];
    p->b[i] = spread * z[1];
    p->h[i] = height * z[2];
  }
}

static PetscErrorCode TestRandom(Curve curve)
{
  static Planes p;

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    RandomPlanes(&p, curve, 1 + (PetscInt)(seed % 24), 1.0, 0.1 * (PetscReal)(seed % 7), seed);
    PetscCall(CheckEnvelope(&p, 1e-9));
  }
  for (uint64_t seed = 0; seed < 2; ++seed) {
    RandomPlanes(&p, curve, MAX_PLANES, 1.0, 0.2, 1000 + seed);
    // Heights that keep nearly every plane on top somewhere
    for (PetscInt i = 0; seed == 1 && i < p.k; ++i)
      p.h[i] = curve == CIRCLE ? 1.0 - hypot(p.a[i], p.b[i]) + 1e-3 * p.h[i] : -p.a[i] - 0.5 * p.b[i] * p.b[i];
    PetscCall(CheckEnvelope(&p, 1e-9));
  }
  RandomPlanes(&p, curve, 20, 1e-150, 1e-151, 5);
  if (curve != CIRCLE) PetscCall(CheckEnvelope(&p, 1e-9));
  RandomPlanes(&p, curve, 20, 1e100, 1e99, 6);
  PetscCall(CheckEnvelope(&p, 1e-9));
  RandomPlanes(&p, curve, 20, 1.0, 1e-12, 7);
  PetscCall(CheckEnvelope(&p, 1e-9));
  RandomPlanes(&p, curve, 20, 1e-9, 1.0, 8);
  PetscCall(CheckEnvelope(&p, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Copies of planes, far apart and side by side: the first listed wins, the others have no piece. */
static PetscErrorCode TestDuplicates(Curve curve)
{
  static Planes   p;
  BrenierEnvelope e = {0};

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const PetscInt distinct = 1 + (PetscInt)(seed % 15), copies = 3;

    RandomPlanes(&p, curve, distinct * copies, 1.0, 0.3, 2000 + seed);
    for (PetscInt i = 0; i < p.k; ++i) {
      const PetscInt from = seed % 2 ? i % distinct : i / copies * copies;

      p.a[i] = p.a[from];
      p.b[i] = p.b[from];
      p.h[i] = p.h[from];
    }
    PetscCall(CheckEnvelope(&p, 1e-9));
    PetscCall(Walk(&p, &e));
    for (size_t q = 0; q < e.n; ++q)
      for (PetscInt i = 0; i < e.plane[q]; ++i)
        PetscCheck(p.a[i] != p.a[e.plane[q]] || p.b[i] != p.b[e.plane[q]] || p.h[i] != p.h[e.plane[q]], PETSC_COMM_SELF,
                   PETSC_ERR_PLIB, "a copy wins over the plane listed first");
  }
  RandomPlanes(&p, curve, 50, 0.0, 0.0, 1);
  PetscCall(Walk(&p, &e));
  PetscCheck(e.n == 1 && e.plane[0] == 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "equal planes: %zu pieces", e.n);
  BrenierEnvelopeFree(&e);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* m equal shares, whatever the angle of the first plane and the order of the list. */
static PetscErrorCode TestPolygons(void)
{
  static Planes p;

  PetscFunctionBeginUser;
  p.curve = CIRCLE;
  for (PetscInt m = 2; m <= 40; ++m)
    for (int turn = 0; turn < 4; ++turn) {
      p.k = m;
      for (PetscInt i = 0; i < m; ++i) {
        const PetscReal angle = 2.0 * PETSC_PI * (PetscReal)(i * (m % 7 ? 7 : 1) % m) / (PetscReal)m + 0.25 * turn;

        p.a[i] = cos(angle);
        p.b[i] = sin(angle);
        p.h[i] = turn == 3 ? 1e3 : 0.0;
      }
      PetscCall(CheckEnvelope(&p, turn == 3 ? 1e-9 : 1e-14));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Many planes through one point of u: all cross at once, exactly or but for rounding. */
static PetscErrorCode TestPencils(Curve curve)
{
  static Planes p;

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    PetscReal z;

    BrenierRandomUniform(seed, 94, 0, 1, &z);
    p.curve = curve;
    p.k     = 60;
    for (PetscInt i = 0; i < p.k; ++i) {
      const PetscReal slope = (PetscReal)((i * 37) % 60 - 30) / 8.0, t = curve == CIRCLE ? 6.0 * z : z - 0.5;

      p.a[i] = curve == CIRCLE ? -slope * sin(t) : -slope * t;
      p.b[i] = curve == CIRCLE ? slope * cos(t) : slope;
      p.h[i] = 0.7;
    }
    PetscCall(CheckEnvelope(&p, -1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A plane that only just touches another one, or only just does not, anywhere on the circle. */
static PetscErrorCode TestTangential(void)
{
  static Planes          p;
  static const PetscReal off[] = {1e-3, 1e-6, 1e-9, 1e-12, 1e-14, 1e-15, 1e-16, 0.0};

  PetscFunctionBeginUser;
  p.curve = CIRCLE;
  for (size_t o = 0; o < sizeof off / sizeof off[0]; ++o)
    for (int sign = -1; sign <= 1; sign += 2)
      for (int angle = 0; angle < 24; ++angle) {
        const PetscReal t = 2.0 * PETSC_PI * angle / 24.0;

        p.k    = 4;
        p.a[0] = 0.3;
        p.b[0] = -0.1;
        p.h[0] = 0.5;
        for (PetscInt i = 1; i < 4; ++i) { // each reaches plane 0 near angle t
          const PetscReal R = 0.5 + 0.4 * (PetscReal)i;

          p.a[i] = p.a[0] + R * cos(t);
          p.b[i] = p.b[0] + R * sin(t);
          p.h[i] = p.h[0] - R + sign * off[o] * (PetscReal)i;
        }
        PetscCall(CheckEnvelope(&p, -1.0));
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lines whose crossings are given quantiles of the normal law, out to where it underflows. */
static PetscErrorCode TestGaussianTails(void)
{
  static const PetscReal at[] = {-40.0, -37.0, -30.0, -20.0, -8.0, -5.0, -1.0, 0.0, 1.0, 5.0, 8.0, 20.0, 30.0, 40.0};
  const PetscInt         k    = (PetscInt)(sizeof at / sizeof at[0]) + 1;
  static Planes          p;
  BrenierEnvelope        e = {0};

  PetscFunctionBeginUser;
  p.curve = GAUSSIAN;
  p.k     = k;
  for (PetscInt i = 0; i < k; ++i) {
    p.a[i] = 0.0;
    p.b[i] = (PetscReal)i;
    p.h[i] = i ? p.h[i - 1] - at[i - 1] : 0.0; // integers: no rounding
  }
  PetscCall(Walk(&p, &e));
  PetscCheck(e.n == (size_t)k, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%zu pieces", e.n);
  for (PetscInt i = 0; i < k; ++i) {
    const PetscReal   below  = BrenierLineShare(BRENIER_LINE_GAUSSIAN, e.start[i]);
    const long double wanted = i ? 0.5L * erfcl(-(long double)at[i - 1] / sqrtl(2.0L)) : 0.0L;

    PetscCheck(e.plane[i] == i, PETSC_COMM_SELF, PETSC_ERR_PLIB, "piece %" PetscInt_FMT " is plane %d", i, e.plane[i]);
    PetscCheck(!i || e.start[i] == at[i - 1], PETSC_COMM_SELF, PETSC_ERR_PLIB, "start %.17g", e.start[i]);
    // Relative to the tail itself: at t the argument's own rounding counts t^2 times
    PetscCheck(fabsl((long double)below - wanted) <=
                   (i ? 1e-15L * (4.0L + (long double)(at[i - 1] * at[i - 1])) : 0.0L) * wanted + 1e-323L,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "share below %g: %.17g, not %.17Lg", e.start[i], below, wanted);
  }
  PetscCheck(BrenierLineShare(BRENIER_LINE_GAUSSIAN, INFINITY) == 1.0 &&
                 BrenierLineShare(BRENIER_LINE_UNIFORM, 0.5) == 1.0 &&
                 BrenierLineShare(BRENIER_LINE_UNIFORM, -0.5) == 0.0 && BrenierCircleShare(2.0 * PETSC_PI) == 1.0,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "a whole curve is not 1");
  PetscCall(CheckEnvelope(&p, 1e-15));
  BrenierEnvelopeFree(&e);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The least value on a piece against dense sampling: never above a sample, above the least by half a step squared. */
static PetscErrorCode TestLeast(void)
{
  enum { SAMPLES = 2000 };

  PetscFunctionBeginUser;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    PetscReal z[3], where[2], circle = PETSC_MAX_REAL, line = PETSC_MAX_REAL, s, e, step, R;

    BrenierRandomNormal(seed, 93, 0, 3, z);
    BrenierRandomUniform(seed, 93, 1, 2, where);
    if (seed % 10 == 0) z[1] = 0.0; // the lowest point at 0 or pi
    if (seed % 30 == 0) z[0] = -PetscAbsReal(z[0]);
    s    = seed % 3 == 0 ? 0.0 : 2.0 * PETSC_PI * PetscMin(where[0], where[1]);
    e    = seed % 5 == 0 ? 2.0 * PETSC_PI : PetscMax(s, 2.0 * PETSC_PI * PetscMax(where[0], where[1]));
    step = (e - s) / SAMPLES;
    R    = hypot(z[0], z[1]);
    for (int i = 0; i <= SAMPLES; ++i) {
      const PetscReal t = i == SAMPLES ? e : s + step * i;

      circle = PetscMin(circle, z[0] * cos(t) + z[1] * sin(t) + z[2]);
      line   = PetscMin(line, z[0] + z[1] * (t - 3.0) + z[2]);
    }
    const PetscReal on_circle = BrenierCircleLeast(z[0], z[1], z[2], s, e);
    const PetscReal on_line   = BrenierLineLeast(z[0], z[1], z[2], s - 3.0, e - 3.0);

    PetscCheck(on_circle <= circle + 1e-14 && on_circle >= circle - 0.5 * R * step * step - 1e-14, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "least on [%g, %g]: %.17g, not %.17g", s, e, on_circle, circle);
    PetscCheck(PetscAbsReal(on_line - line) <= 1e-13, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "least of a line: %.17g, not %.17g", on_line, line);
  }
  PetscCheck(BrenierLineLeast(1.0, 2.0, 3.0, -INFINITY, 5.0) == 14.0 &&
                 BrenierLineLeast(1.0, -2.0, 3.0, 5.0, INFINITY) == -6.0,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "infinite ends");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A crossing's Hessian value is the rate at which its place moves mass when one plane rises. */
static PetscErrorCode TestCrossings(void)
{
  PetscFunctionBeginUser;
  for (int i = 0; i < 200; ++i) {
    const PetscReal t = -3.0 + 0.03 * i, db = 0.3 + 0.01 * i, da = 0.7, eps = 1e-6;
    const PetscReal dh    = -(da * cos(t) + db * sin(t)); // the circle's planes meet at t
    const PetscReal angle = atan2(db, da), R = hypot(da, db), side = sin(t - angle) > 0.0 ? 1.0 : -1.0;
    const PetscReal move    = (acos(-(dh + eps) / R) - acos(-(dh - eps) / R)) / (2.0 * eps);
    const PetscReal density = exp(-0.5 * t * t) / sqrt(2.0 * PETSC_PI);

    if (PetscAbsReal(sin(t - angle)) < 0.05) continue;
    PetscCheck(PetscAbsReal(BrenierCircleCrossing(da, db, t) * 2.0 * PETSC_PI - move) < 1e-6 * move, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "circle, side %g: %g, not %g", side, BrenierCircleCrossing(da, db, t), move);
    PetscCheck(PetscAbsReal(BrenierLineCrossing(BRENIER_LINE_GAUSSIAN, -db, t) - density / db) < 1e-14, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "Gaussian line");
    PetscCheck(PetscAbsReal(BrenierLineCrossing(BRENIER_LINE_UNIFORM, db, t) - 1.0 / db) < 1e-14, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "uniform line");
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The fixed order of summation against long double, every length, unaligned. */
static PetscErrorCode TestDot(void)
{
  enum { LONGEST = 300 };
  PetscReal x[LONGEST + 1], y[LONGEST + 1], copy[LONGEST];

  PetscFunctionBeginUser;
  BrenierRandomNormal(1, 92, 0, LONGEST + 1, x);
  BrenierRandomNormal(1, 92, 1, LONGEST + 1, y);
  for (size_t dim = 0; dim <= LONGEST; ++dim) {
    long double sum = 0.0L, size = 0.0L;

    for (size_t k = 0; k < dim; ++k) {
      sum += (long double)x[k + 1] * (long double)y[k];
      size += fabsl((long double)x[k + 1] * (long double)y[k]);
      copy[k] = x[k + 1];
    }
    PetscCheck(fabsl((long double)BrenierDot(dim, x + 1, y) - sum) <= size * (PetscReal)(dim / 8 + 4) * DBL_EPSILON,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "dim %zu", dim);
    PetscCheck(BrenierDot(dim, x + 1, y) == BrenierDot(dim, copy, y), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "dim %zu depends on the alignment", dim);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  for (Curve curve = CIRCLE; curve <= GAUSSIAN; ++curve) {
    PetscCall(TestRandom(curve));
    PetscCall(TestDuplicates(curve));
    PetscCall(TestPencils(curve));
  }
  PetscCall(TestPolygons());
  PetscCall(TestTangential());
  PetscCall(TestGaussianTails());
  PetscCall(TestLeast());
  PetscCall(TestCrossings());
  PetscCall(TestDot());
  PetscCall(PetscFinalize());
  return 0;
}
