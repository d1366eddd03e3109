/* envelope_impl.h - How the pieces of an envelope are collected, on circles and on lines. */
#pragma once

#include <brenier/envelope.h>

/* Makes room for n pieces, and for the work on k planes. 0, or -1 when memory is out. */
int BrenierEnvelopeReserve(BrenierEnvelope *e, size_t n);
int BrenierEnvelopeReserveWork(BrenierEnvelope *e, size_t k);

/* Starts a piece at t; one that would have no length gives its place to the new plane. */
static inline int EnvelopeAddPiece(BrenierEnvelope *e, int32_t plane, double t)
{
  if (e->n > 0 && e->start[e->n - 1] >= t) {
    e->plane[e->n - 1] = plane;
    return 0;
  }
  if (e->n == e->capacity && BrenierEnvelopeReserve(e, e->n + 1)) return -1;
  e->plane[e->n]   = plane;
  e->start[e->n++] = t;
  return 0;
}
