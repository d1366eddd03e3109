/*
  line.c - Envelopes along a line, and what is measured on their pieces. Nothing here may be contracted into FMA:
  results must not depend on the CPU.
*/
#include "envelope_impl.h"
#include "pi.h"

#include <math.h>
#include <stdlib.h>

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
  if (BrenierEnvelopeReserveWork(envelope, k) || SortLines(k, a, b, h, envelope->order)) return -1;
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
    if (envelope->n == envelope->capacity && BrenierEnvelopeReserve(envelope, envelope->n + 1)) return -1;
    envelope->plane[envelope->n]   = j;
    envelope->start[envelope->n++] = at;
  }
  envelope->start[envelope->n] = -low;
  return 0;
}

double BrenierLineShare(BrenierLineMeasure measure, double t)
{
  return measure == BRENIER_LINE_UNIFORM ? t + 0.5 : 0.5 * erfc(-t / sqrt(2.0));
}

static double NormalDensity(double t)
{
  return exp(-0.5 * t * t) / sqrt(2.0 * brenier_pi);
}

double BrenierLineIntegral(BrenierLineMeasure measure, double a, double b, double h, double s, double e)
{
  if (measure == BRENIER_LINE_UNIFORM) return (a + h) * (e - s) + 0.5 * b * (e - s) * (e + s);
  return (a + h) * (BrenierLineShare(measure, e) - BrenierLineShare(measure, s)) +
         b * (NormalDensity(s) - NormalDensity(e));
}

double BrenierLineCrossing(BrenierLineMeasure measure, double db, double t)
{
  return (measure == BRENIER_LINE_UNIFORM ? 1.0 : NormalDensity(t)) / fabs(db);
}

double BrenierLineLeast(double a, double b, double h, double s, double e)
{
  const double at_s = isfinite(s) ? a + b * s : HUGE_VAL, at_e = isfinite(e) ? a + b * e : HUGE_VAL;

  return h + (at_s < at_e ? at_s : at_e);
}
