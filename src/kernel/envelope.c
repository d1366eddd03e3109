/* envelope.c - Implements envelope.h. Nothing here may be contracted into FMA: results must not depend on the CPU. */
#include <brenier/envelope.h>

#include "wide.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double brenier_pi = 3.14159265358979323846264338327950288;

void BrenierEnvelopeFree(BrenierEnvelope *envelope)
{
  free(envelope->plane);
  free(envelope->start);
  free(envelope->work);
  free(envelope->order);
  memset(envelope, 0, sizeof *envelope);
}

/* Makes room for n pieces; start has one entry more. */
static int ReservePieces(BrenierEnvelope *e, size_t n)
{
  const size_t capacity = 2 * n + 16;
  int32_t     *plane;
  double      *start;

  if (n <= e->capacity) return 0;
  plane = realloc(e->plane, capacity * sizeof *plane);
  if (plane) e->plane = plane;
  start = realloc(e->start, (capacity + 1) * sizeof *start);
  if (start) e->start = start;
  if (!plane || !start) return -1;
  e->capacity = capacity;
  return 0;
}

static int ReserveWork(BrenierEnvelope *e, size_t k)
{
  if (k <= e->work_capacity) return 0;
  free(e->work);
  free(e->order);
  e->work_capacity = 0;
  e->work          = malloc(2 * k * sizeof *e->work);
  e->order         = malloc(2 * k * sizeof *e->order);
  if (!e->work || !e->order) return -1;
  e->work_capacity = 2 * k;
  return 0;
}

/* Starts a piece at t; one that would have no length gives its place to the new plane. */
static int AddPiece(BrenierEnvelope *e, int32_t plane, double t)
{
  if (e->n > 0 && e->start[e->n - 1] >= t) {
    e->plane[e->n - 1] = plane;
    return 0;
  }
  if (ReservePieces(e, e->n + 1)) return -1;
  e->plane[e->n]   = plane;
  e->start[e->n++] = t;
  return 0;
}

/* tan(s/2) of the first up-crossing of the plane on top by every plane within half a turn of t; HUGE_VAL where there is none.
   Branch-free, so that it is vectorised. */
BRENIER_WIDE static void CircleRoots(size_t k, const double a[], const double b[], const double h[],
                                     const double top_plane[3], double cosine, double sine, double root[])
{
  const double A = top_plane[0], B = top_plane[1], H = top_plane[2];
  const double P = A * cosine + B * sine, Q = B * cosine - A * sine;

  for (size_t j = 0; j < k; ++j) {
    const double dP = a[j] * cosine + b[j] * sine - P, dQ = b[j] * cosine - a[j] * sine - Q, dH = h[j] - H;
    const double below  = dP + dH < 0.0 ? dP + dH : 0.0; // it is on top; more than 0 is rounding
    const double across = dH - dP;
    const double disc   = dQ * dQ - across * below;
    const double width  = sqrt(disc > 0.0 ? disc : 0.0);
    // For dQ < 0 the plane comes back only if it is above the other half a turn away
    const double top    = dQ >= 0.0 ? -below : width - dQ;
    const double bottom = dQ >= 0.0 ? dQ + width : across;
    const double r      = top / (bottom > 0.0 ? bottom : 1.0);

    root[j] = disc > 0.0 && bottom > 0.0 ? r : HUGE_VAL;
  }
}

/* Position of the first of the least. The least comes first, in lanes, so that it is vectorised. */
BRENIER_WIDE static size_t FirstLeast(size_t k, const double x[])
{
  enum { LANES = 16 };
  double least[LANES], all;
  size_t j = 0, best = 0;

  for (size_t l = 0; l < LANES; ++l) least[l] = HUGE_VAL;
  for (; j + LANES <= k; j += LANES)
    for (size_t l = 0; l < LANES; ++l) least[l] = x[j + l] < least[l] ? x[j + l] : least[l];
  all = least[0];
  for (size_t l = 1; l < LANES; ++l) all = least[l] < all ? least[l] : all;
  for (; j < k; ++j) all = x[j] < all ? x[j] : all;
  while (x[best] != all) ++best;
  return best;
}

static size_t FirstTop(size_t k, const double a[], const double h[])
{
  size_t best = 0;

  for (size_t j = 1; j < k; ++j)
    if (a[j] + h[j] > a[best] + h[best]) best = j;
  return best;
}

/* Sectors of the circle that have lists of their own, those in a few wide ones that have, and planes from which that pays. */
enum { BRENIER_WALK_SECTORS = 32, BRENIER_WIDE_SECTORS = 8, BRENIER_WALK_SECTORS_FROM = 256 };

/* Planes in their order, one of them on top. */
typedef struct {
  const double *a, *b, *h;
  size_t        n, top;
} Planes;

/* Each plane's value at an angle, negative. */
BRENIER_WIDE static void Depths(size_t k, const double a[], const double b[], const double h[], double cosine,
                                double sine, double depth[])
{
  for (size_t j = 0; j < k; ++j) depth[j] = -(a[j] * cosine + b[j] * sine + h[j]);
}

/* How far each plane comes above plane m at most within a half-width w of an angle, rounding allowed for:
   P (cos s - 1) + Q sin s <= max(-P, 0) w^2/2 + |Q| w. */
BRENIER_WIDE static void Reaches(size_t k, const double a[], const double b[], const double h[], size_t m,
                                 double cosine, double sine, double w, double reach[])
{
  const double A = a[m], B = b[m], H = h[m], size = fabs(A) + fabs(B) + fabs(H), rounding = 1e-13;

  for (size_t j = 0; j < k; ++j) {
    const double da = a[j] - A, db = b[j] - B, dh = h[j] - H;
    const double P = da * cosine + db * sine, Q = db * cosine - da * sine;
    const double sinks = P < 0.0 ? -P : 0.0;

    reach[j] = P + dh + fabs(Q) * w + 0.5 * sinks * w * w + rounding * (size + fabs(da) + fabs(db) + fabs(dh));
  }
}

/* Of some planes those of sector g of so many: all that are not below the highest of its middle all over it, and the one on top.
   Which these are depends on nothing but u, so those that are left out are never missed, nor is a root changed. Where they
   were goes to of[], shape [n]; room for their numbers has shape [3, n], `reach` [n]. */
static void TakeSector(const Planes *from, int g, int n_sectors, double reach[], double room[], int32_t of[], Planes *s)
{
  const size_t k = from->n;
  const double w = brenier_pi / n_sectors, middle = (2 * g + 1) * w, cosine = cos(middle), sine = sin(middle);
  double      *a = room, *b = room + k, *h = room + 2 * k;
  size_t       n = 0;

  Depths(k, from->a, from->b, from->h, cosine, sine, reach);
  Reaches(k, from->a, from->b, from->h, FirstLeast(k, reach), cosine, sine, w, reach);
  reach[from->top] = 0.0;
  for (size_t j = 0; j < k; ++j) {
    of[n] = (int32_t)j;
    n += reach[j] >= 0.0;
  }
  *s = (Planes){a, b, h, n, 0};
  for (size_t j = 0; j < n; ++j) {
    a[j]   = from->a[of[j]];
    b[j]   = from->b[of[j]];
    h[j]   = from->h[of[j]];
    s->top = (size_t)of[j] == from->top ? j : s->top;
  }
}

/* What a walk in sectors is among: all planes, those of the wide sector, those of the sector in it. */
typedef struct {
  Planes   all, wide, narrow;
  int32_t *of_wide, *of_narrow; /* see TakeSector() */
  double  *room_wide, *room_narrow, *work;
} Sectors;

/* Comes to sector g. */
static void EnterSector(int g, Sectors *s)
{
  const int in_wide = BRENIER_WALK_SECTORS / BRENIER_WIDE_SECTORS;

  if (g % in_wide == 0)
    TakeSector(&s->all, g / in_wide, BRENIER_WIDE_SECTORS, s->work, s->room_wide, s->of_wide, &s->wide);
  TakeSector(&s->wide, g, BRENIER_WALK_SECTORS, s->work, s->room_narrow, s->of_narrow, &s->narrow);
}

/* Takes plane j of the sector to be on top. Returns its position among all. */
static size_t PutOnTop(Sectors *s, size_t j)
{
  s->narrow.top = j;
  s->wide.top   = (size_t)s->of_narrow[j];
  s->all.top    = (size_t)s->of_wide[s->wide.top];
  return s->all.top;
}

static int BeginSectors(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *e, Sectors *s)
{
  if (ReserveWork(e, 7 * k)) return -1;
  s->all         = (Planes){a, b, h, k, FirstTop(k, a, h)};
  s->work        = e->work;
  s->room_wide   = e->work + k;
  s->room_narrow = e->work + 4 * k;
  s->of_wide     = e->order;
  s->of_narrow   = e->order + k;
  EnterSector(0, s);
  return 0;
}

/* The walk of BrenierCircleEnvelope() for many planes, each sector with its own: the same roots, and so the same to the bit. */
static int WalkSectors(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *envelope)
{
  const double half_turn = 0.999 * brenier_pi, turn = 2.0 * brenier_pi;
  const size_t max_steps = 8 * k + 16;
  double       t         = 0.0;
  int          g         = 0;
  Sectors      s;

  envelope->n = 0;
  if (BeginSectors(k, a, b, h, envelope, &s) || AddPiece(envelope, (int32_t)s.all.top, 0.0)) return -1;
  for (size_t step = 0; step < max_steps;) {
    const Planes *p      = &s.narrow;
    const double  top[3] = {p->a[p->top], p->b[p->top], p->h[p->top]};
    const double  end    = g + 1 < BRENIER_WALK_SECTORS ? turn * (g + 1) / BRENIER_WALK_SECTORS : HUGE_VAL;
    size_t        j;
    double        angle;

    CircleRoots(p->n, p->a, p->b, p->h, top, cos(t), sin(t), s.work);
    s.work[p->top] = HUGE_VAL;
    j              = FirstLeast(p->n, s.work);
    angle          = 2.0 * atan(s.work[j]);
    if ((angle > half_turn || t + angle > end) && end < t + half_turn) {
      EnterSector(++g, &s);
      continue;
    }
    ++step;
    if (angle > half_turn || t + angle > end) {
      t += half_turn;
      if (t >= turn) break;
      continue;
    }
    t += angle;
    if (t >= turn) break;
    if (AddPiece(envelope, (int32_t)PutOnTop(&s, j), t)) return -1;
  }
  envelope->start[envelope->n] = turn;
  return 0;
}

int BrenierCircleEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *envelope)
{
  /* Without a crossing within half a turn, walk nearly that far and look again */
  const double half_turn = 0.999 * brenier_pi, turn = 2.0 * brenier_pi;
  /* Two functions cross at most twice, so k planes make at most 2k pieces; steps of no length are as many at most */
  const size_t max_steps = 8 * k + 16;
  size_t       c         = FirstTop(k, a, h);
  double       t         = 0.0;

  if (k >= BRENIER_WALK_SECTORS_FROM) return WalkSectors(k, a, b, h, envelope);
  envelope->n = 0;
  if (ReserveWork(envelope, k) || AddPiece(envelope, (int32_t)c, 0.0)) return -1;
  for (size_t step = 0; step < max_steps; ++step) {
    const double top[3] = {a[c], b[c], h[c]};
    size_t       j;
    double       r;

    CircleRoots(k, a, b, h, top, cos(t), sin(t), envelope->work);
    envelope->work[c] = HUGE_VAL;
    j                 = FirstLeast(k, envelope->work);
    r                 = envelope->work[j];
    if (2.0 * atan(r) > half_turn) {
      t += half_turn;
      if (t >= turn) break;
      continue;
    }
    t += 2.0 * atan(r);
    if (t >= turn) break;
    c = j;
    if (AddPiece(envelope, (int32_t)c, t)) return -1;
  }
  envelope->start[envelope->n] = turn;
  return 0;
}

/* Sorting keys of the lines, in the order of their positions; qsort has no context argument. */
typedef struct {
  double  slope, height;
  int32_t plane;
} LineKey;

/* By slope; of parallel lines the highest last, of equal ones the first listed last, so that it is the one kept. */
static int CompareLines(const void *left, const void *right)
{
  const LineKey *l = left, *r = right;

  if (l->slope != r->slope) return l->slope < r->slope ? -1 : 1;
  if (l->height != r->height) return l->height < r->height ? -1 : 1;
  return l->plane > r->plane ? -1 : 1;
}

static int SortLines(size_t k, const double a[], const double b[], const double h[], int32_t order[])
{
  LineKey  few[256];
  LineKey *key = k <= sizeof few / sizeof few[0] ? few : malloc(k * sizeof *key);

  if (!key) return -1;
  for (size_t j = 0; j < k; ++j) {
    key[j].slope  = b[j];
    key[j].height = a[j] + h[j];
    key[j].plane  = (int32_t)j;
  }
  qsort(key, k, sizeof *key, CompareLines);
  for (size_t j = 0; j < k; ++j) order[j] = key[j].plane;
  if (key != few) free(key);
  return 0;
}

int BrenierLineEnvelope(size_t k, const double a[], const double b[], const double h[], BrenierLineMeasure measure,
                        BrenierEnvelope *envelope)
{
  const double low = measure == BRENIER_LINE_UNIFORM ? -0.5 : -INFINITY;

  envelope->n = 0;
  if (ReserveWork(envelope, k) || SortLines(k, a, b, h, envelope->order)) return -1;
  for (size_t o = 0; o < k; ++o) {
    const int32_t j  = envelope->order[o];
    double        at = low;

    while (envelope->n > 0) {
      const int32_t c  = envelope->plane[envelope->n - 1];
      const double  db = b[j] - b[c];

      at = db > 0.0 ? ((a[c] + h[c]) - (a[j] + h[j])) / db : low;
      if (at > envelope->start[envelope->n - 1]) break;
      --envelope->n; // the line below starts no later than this one ends
    }
    if (envelope->n == 0) at = low;
    if (measure == BRENIER_LINE_UNIFORM && at >= 0.5) continue;
    if (ReservePieces(envelope, envelope->n + 1)) return -1;
    envelope->plane[envelope->n]   = j;
    envelope->start[envelope->n++] = at;
  }
  envelope->start[envelope->n] = -low;
  return 0;
}

double BrenierCircleShare(double t)
{
  return t / (2.0 * brenier_pi);
}

double BrenierLineShare(BrenierLineMeasure measure, double t)
{
  return measure == BRENIER_LINE_UNIFORM ? t + 0.5 : 0.5 * erfc(-t / sqrt(2.0));
}

static double NormalDensity(double t)
{
  return exp(-0.5 * t * t) / sqrt(2.0 * brenier_pi);
}

double BrenierCircleIntegral(double a, double b, double h, double s, double e)
{
  return (a * (sin(e) - sin(s)) + b * (cos(s) - cos(e)) + h * (e - s)) / (2.0 * brenier_pi);
}

double BrenierLineIntegral(BrenierLineMeasure measure, double a, double b, double h, double s, double e)
{
  if (measure == BRENIER_LINE_UNIFORM) return (a + h) * (e - s) + 0.5 * b * (e - s) * (e + s);
  return (a + h) * (BrenierLineShare(measure, e) - BrenierLineShare(measure, s)) +
         b * (NormalDensity(s) - NormalDensity(e));
}

double BrenierCircleCrossing(double da, double db, double t)
{
  return 1.0 / (2.0 * brenier_pi * fabs(db * cos(t) - da * sin(t)));
}

double BrenierLineCrossing(BrenierLineMeasure measure, double db, double t)
{
  return (measure == BRENIER_LINE_UNIFORM ? 1.0 : NormalDensity(t)) / fabs(db);
}

double BrenierCircleLeastBetween(double a, double b, double h, double length, const double at_s[2],
                                 const double at_e[2])
{
  const double value_s = a * at_s[0] + b * at_s[1], value_e = a * at_e[0] + b * at_e[1];
  const double slope_s = b * at_s[0] - a * at_s[1], slope_e = b * at_e[0] - a * at_e[1];
  // Up to half a turn the bottom lies inside when the plane falls at first and rises at last; on a longer piece, unless it
  // lies inside the rest of the circle
  const int inside = length <= brenier_pi ? slope_s < 0.0 && slope_e > 0.0 : slope_s <= 0.0 || slope_e >= 0.0;

  if (inside) return h - sqrt(a * a + b * b);
  return h + (value_s < value_e ? value_s : value_e);
}

double BrenierCircleLeast(double a, double b, double h, double s, double e)
{
  const double at_s[2] = {cos(s), sin(s)}, at_e[2] = {cos(e), sin(e)};

  return BrenierCircleLeastBetween(a, b, h, e - s, at_s, at_e);
}

double BrenierLineLeast(double a, double b, double h, double s, double e)
{
  const double at_s = isfinite(s) ? a + b * s : HUGE_VAL, at_e = isfinite(e) ? a + b * e : HUGE_VAL;

  return h + (at_s < at_e ? at_s : at_e);
}

enum { DOT_LANES = 8 };

static inline double Tree(const double part[DOT_LANES])
{
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

BRENIER_WIDE double BrenierDot(size_t dim, const double x[], const double y[])
{
  double       part[DOT_LANES] = {0.0};
  const size_t whole           = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) part[l] += x[k + l] * y[k + l];
  for (size_t k = whole; k < dim; ++k) part[k - whole] += x[k] * y[k];
  return Tree(part);
}

BRENIER_WIDE void BrenierDotPair(size_t dim, const double x1[], const double x2[], const double y[], double *dot1,
                                 double *dot2)
{
  double       part1[DOT_LANES] = {0.0}, part2[DOT_LANES] = {0.0};
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES) {
    for (size_t l = 0; l < DOT_LANES; ++l) part1[l] += x1[k + l] * y[k + l];
    for (size_t l = 0; l < DOT_LANES; ++l) part2[l] += x2[k + l] * y[k + l];
  }
  for (size_t k = whole; k < dim; ++k) {
    part1[k - whole] += x1[k] * y[k];
    part2[k - whole] += x2[k] * y[k];
  }
  *dot1 = Tree(part1);
  *dot2 = Tree(part2);
}
