/* envelope.c - The object of envelope.h: the memory of its pieces. */
#include "envelope_impl.h"

#include <stdlib.h>
#include <string.h>

void BrenierEnvelopeFree(BrenierEnvelope *envelope)
{
  free(envelope->plane);
  free(envelope->start);
  free(envelope->work);
  free(envelope->order);
  memset(envelope, 0, sizeof *envelope);
}

/* Makes room for n pieces; start has one entry more. */
int BrenierEnvelopeReserve(BrenierEnvelope *e, size_t n)
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

int BrenierEnvelopeReserveWork(BrenierEnvelope *e, size_t k)
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
