/*
  circle.c - Envelopes along a great circle, and what is measured on their pieces. Nothing here may be contracted into
  FMA: results must not depend on the CPU.
*/
#include "envelope_impl.h"
#include "pi.h"
#include "wide.h"

#include <math.h>

/* tan(s/2) of the first up-crossing of the plane on top by every plane within half a turn of t; HUGE_VAL where there is
   none. Branch-free, so that it is vectorised. */
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

/* Sectors of the circle that have lists of their own, those in a few wide ones that have, and planes from which that
   pays. */
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
BRENIER_WIDE static void Reaches(const Planes *p, size_t m, double cosine, double sine, double w, double reach[])
{
  const double *a = p->a, *b = p->b, *h = p->h;
  const double  A = a[m], B = b[m], H = h[m], size = fabs(A) + fabs(B) + fabs(H), rounding = 1e-13;
  const size_t  k = p->n;

  for (size_t j = 0; j < k; ++j) {
    const double da = a[j] - A, db = b[j] - B, dh = h[j] - H;
    const double P = da * cosine + db * sine, Q = db * cosine - da * sine;
    const double sinks = P < 0.0 ? -P : 0.0;

    reach[j] = P + dh + fabs(Q) * w + 0.5 * sinks * w * w + rounding * (size + fabs(da) + fabs(db) + fabs(dh));
  }
}

/* Of some planes those of sector g of so many: all that are not below the highest of its middle all over it, and the
   one on top. Which these are depends on nothing but u, so those that are left out are never missed, nor is a root
   changed. Where they were goes to of[], shape [n]; room for their numbers has shape [3, n], `reach` [n]. */
static void SelectSector(const Planes *from, int g, int n_sectors, double reach[], double room[], int32_t of[],
                         Planes *s)
{
  const size_t k = from->n;
  const double w = brenier_pi / n_sectors, middle = (2 * g + 1) * w, cosine = cos(middle), sine = sin(middle);
  double      *a = room, *b = room + k, *h = room + 2 * k;
  size_t       n = 0;

  Depths(k, from->a, from->b, from->h, cosine, sine, reach);
  Reaches(from, FirstLeast(k, reach), cosine, sine, w, reach);
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
  int32_t *of_wide, *of_narrow; /* see SelectSector() */
  double  *room_wide, *room_narrow, *work;
} Sectors;

/* Comes to sector g. */
static void EnterSector(int g, Sectors *s)
{
  const int in_wide = BRENIER_WALK_SECTORS / BRENIER_WIDE_SECTORS;

  if (g % in_wide == 0)
    SelectSector(&s->all, g / in_wide, BRENIER_WIDE_SECTORS, s->work, s->room_wide, s->of_wide, &s->wide);
  SelectSector(&s->wide, g, BRENIER_WALK_SECTORS, s->work, s->room_narrow, s->of_narrow, &s->narrow);
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
  if (BrenierEnvelopeReserveWork(e, 7 * k)) return -1;
  s->all         = (Planes){a, b, h, k, FirstTop(k, a, h)};
  s->work        = e->work;
  s->room_wide   = e->work + k;
  s->room_narrow = e->work + 4 * k;
  s->of_wide     = e->order;
  s->of_narrow   = e->order + k;
  EnterSector(0, s);
  return 0;
}

/* The walk of BrenierCircleEnvelope() for many planes, each sector with its own: the same roots, and so the same to the
   bit. */
static int WalkSectors(size_t k, const double a[], const double b[], const double h[], BrenierEnvelope *envelope)
{
  const double half_turn = 0.999 * brenier_pi, turn = 2.0 * brenier_pi;
  const size_t max_steps = 8 * k + 16;
  double       t         = 0.0;
  int          g         = 0;
  Sectors      s;

  envelope->n = 0;
  if (BeginSectors(k, a, b, h, envelope, &s) || EnvelopeAddPiece(envelope, (int32_t)s.all.top, 0.0)) return -1;
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
    if (EnvelopeAddPiece(envelope, (int32_t)PutOnTop(&s, j), t)) return -1;
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
  if (BrenierEnvelopeReserveWork(envelope, k) || EnvelopeAddPiece(envelope, (int32_t)c, 0.0)) return -1;
  for (size_t step = 0; step < max_steps; ++step) {
    const double top[3] = {a[c], b[c], h[c]};
    size_t       j;
    double       angle;

    CircleRoots(k, a, b, h, top, cos(t), sin(t), envelope->work);
    envelope->work[c] = HUGE_VAL;
    j                 = FirstLeast(k, envelope->work);
    angle             = 2.0 * atan(envelope->work[j]);
    if (angle > half_turn) {
      t += half_turn;
      if (t >= turn) break;
      continue;
    }
    t += angle;
    if (t >= turn) break;
    c = j;
    if (EnvelopeAddPiece(envelope, (int32_t)c, t)) return -1;
  }
  envelope->start[envelope->n] = turn;
  return 0;
}

double BrenierCircleShare(double t)
{
  return t / (2.0 * brenier_pi);
}

double BrenierCircleIntegralBetween(double a, double b, double h, double length, const double at_s[2],
                                    const double at_e[2])
{
  return (a * (at_e[1] - at_s[1]) + b * (at_s[0] - at_e[0]) + h * length) / (2.0 * brenier_pi);
}

double BrenierCircleIntegral(double a, double b, double h, double s, double e)
{
  const double at_s[2] = {cos(s), sin(s)}, at_e[2] = {cos(e), sin(e)};

  return BrenierCircleIntegralBetween(a, b, h, e - s, at_s, at_e);
}

double BrenierCircleCrossing(double da, double db, double t)
{
  return 1.0 / (2.0 * brenier_pi * fabs(db * cos(t) - da * sin(t)));
}

double BrenierCircleLeastBetween(double a, double b, double h, double length, const double at_s[2],
                                 const double at_e[2])
{
  const double value_s = a * at_s[0] + b * at_s[1], value_e = a * at_e[0] + b * at_e[1];
  const double slope_s = b * at_s[0] - a * at_s[1], slope_e = b * at_e[0] - a * at_e[1];
  // Up to half a turn the bottom lies inside when the plane falls at first and rises at last; on a longer piece, unless
  // it lies inside the rest of the circle
  const int inside = length <= brenier_pi ? slope_s < 0.0 && slope_e > 0.0 : slope_s <= 0.0 || slope_e >= 0.0;

  if (inside) return h - sqrt(a * a + b * b);
  return h + (value_s < value_e ? value_s : value_e);
}

double BrenierCircleLeast(double a, double b, double h, double s, double e)
{
  const double at_s[2] = {cos(s), sin(s)}, at_e[2] = {cos(e), sin(e)};

  return BrenierCircleLeastBetween(a, b, h, e - s, at_s, at_e);
}
